"""Before and after: of the fields of an item, or of two texts.

`DiffView(*, layout="auto")`; `show(before, after, *, before_title, after_title)` with mappings of
JSON values (None: there was, or is, nothing), `show_texts(before, after, ...)`.
Reactive: `diff_layout` ("auto", "side", "unified"); auto is side by side from 100 cells on.

Keys: those of `LineView`; `s` switches the layout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, TypeAlias

from textual.binding import Binding, BindingType
from textual.reactive import reactive

from inspector import formatting
from inspector.display import visible_line
from inspector.widgets.diff_lines import DiffRow, mapping_rows, side_by_side, text_rows, unified
from inspector.widgets.line_view import LineView
from inspector.widgets.roles import Line, Role

SIDE_FROM_CELLS = 100

Layout: TypeAlias = Literal["auto", "side", "unified"]


class DiffView(LineView):
    """What changed."""

    HELP = """\
What changed: `+` is new, `-` was there before, `~` is another value. `s` puts before and after
side by side, or one below the other.
"""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "switch_layout", "Side by side", show=False, id="diff.layout"),
    ]

    diff_layout: reactive[Layout] = reactive("auto", init=False)

    def __init__(self, *, layout: Layout = "auto", **options: Any) -> None:
        super().__init__(wrap=False, **options)
        self.set_reactive(DiffView.diff_layout, layout)
        self._rows: Sequence[DiffRow] = ()
        self._titles = ("before", "after")

    def show(
        self,
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any] | None,
        *,
        before_title: str = "before",
        after_title: str = "after",
    ) -> None:
        """Show which fields differ, and how."""
        self._show(mapping_rows(before, after), before_title, after_title)

    def show_texts(
        self, before: str, after: str, *, before_title: str = "before", after_title: str = "after"
    ) -> None:
        """Show which lines differ."""
        self._show(text_rows(before, after), before_title, after_title)

    def _show(self, rows: Sequence[DiffRow], before_title: str, after_title: str) -> None:
        self._rows = rows
        self._titles = (visible_line(before_title), visible_line(after_title))
        self.set_lines(())

    @property
    def is_side_by_side(self) -> bool:
        """Whether before and after stand next to each other."""
        if self.diff_layout == "auto":
            return self.scrollable_content_region.width >= SIDE_FROM_CELLS
        return self.diff_layout == "side"

    def _lay_out(self) -> None:
        """Make the lines for the current width and layout."""
        width = max(12, self.scrollable_content_region.width)
        side = self.is_side_by_side
        body = side_by_side(self._rows, width) if side else unified(self._rows, width)
        self._lines = [self._title_line(width, side=side), *body] if self._rows else []
        super()._lay_out()

    def _title_line(self, width: int, *, side: bool) -> Line:
        before, after = self._titles
        if not side:
            return (
                (f"- {before}", Role.REMOVED),
                ("   ", Role.PLAIN),
                (f"+ {after}", Role.ADDED),
            )
        half = (width - 3) // 2
        return (
            (formatting.align(f"- {before}", half), Role.REMOVED),
            (" │ ", Role.DIM),
            (formatting.align(f"+ {after}", half), Role.ADDED),
        )

    def _width_unwrapped(self) -> int:
        # The lines are made to the width: there is nothing to scroll to.
        return 0

    def watch_diff_layout(self) -> None:
        """Lay out again."""
        self._lay_out()

    def action_switch_layout(self) -> None:
        """Put before and after side by side, or one below the other."""
        self.diff_layout = "unified" if self.is_side_by_side else "side"
