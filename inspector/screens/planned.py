"""One planned change: why, and the item before and after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from inspector import display
from inspector.lifecycle_lines import freed_text
from inspector.screens.dialogs import Dialog
from inspector.widgets.diff_view import DiffView
from inspector.widgets.footer import ActionFooter

if TYPE_CHECKING:
    from inspector.gateway import PlannedChange
    from inspector.gateway.lifecycle import Comparison


class PlannedScreen(Dialog[None]):
    """Shows what a plan would make of one item; changes nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,v", "cancel", "Close", id="planned.close"),
    ]

    def __init__(self, change: PlannedChange, found: Comparison) -> None:
        super().__init__(f"Planned for {change.item_id}")
        self._change = change
        self._found = found

    def compose(self) -> ComposeResult:
        """Lay out the facts and the difference."""
        with self.frame(classes="-large"):
            yield Static(self._facts(), classes="facts")
            yield DiffView(id="difference")
            yield ActionFooter()

    def _facts(self) -> Content:
        change = self._change
        parts: list[Content | str | tuple[str, str]] = [
            (display.visible_line(change.action), "bold $accent"),
            f"  {freed_text(change.bytes_freed)}\n",
            ("policy   ", "$foreground-muted"),
            display.content_line(change.policy, 300),
            ("\nbecause  ", "$foreground-muted"),
            display.content_line(change.reason, 300),
        ]
        if change.related:
            parts += [
                ("\nwith     ", "$foreground-muted"),
                display.content_line(", ".join(change.related), 300),
            ]
        if change.similarity is not None:
            parts.append(f"  {change.similarity:.0%} alike")
        if self._found.after is None:
            parts.append("\nThe history keeps what it was: undo brings it back.")
        return Content.assemble(*parts)

    def on_mount(self) -> None:
        """Fill the difference."""
        view = self.query_one(DiffView)
        view.show(
            self._found.before, self._found.after, before_title="now", after_title="as planned"
        )
        view.focus()
