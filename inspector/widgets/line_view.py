"""A view of lines: any number of them, drawn only when in view, wrapped to the width.

`LineView(*, wrap=True)`; `set_lines(lines, *, keep_scroll=False)` with raw text in the pieces.
With `wrap=False` the lines may be any lazy sequence, and what is too wide is scrolled to.
Reactive: `wrap`. Text can be selected with the mouse; what is copied is what is seen.

Keys: j k up down ctrl+d ctrl+u pageup pagedown g G home end; h l left right when not wrapped.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.reactive import reactive
from textual.selection import Selection
from textual.strip import Strip

from inspector.widgets.role_view import RoleView
from inspector.widgets.roles import Line
from inspector.widgets.wrapping import line_cells, safe_line, wrap_line

UNWRAPPED_CELLS_MAX = 4096


class LineView(RoleView):
    """Lines of text with roles."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "scroll_by(1)", "Down", show=False, id="lines.down"),
        Binding("up,k", "scroll_by(-1)", "Up", show=False, id="lines.up"),
        Binding("home,g", "scroll_first", "Top", show=False, id="lines.first"),
        Binding("end,G", "scroll_last", "Bottom", show=False, id="lines.last"),
        Binding("ctrl+d", "scroll_pages(0.5)", "Half a page down", show=False),
        Binding("ctrl+u", "scroll_pages(-0.5)", "Half a page up", show=False),
        Binding("pagedown,ctrl+f", "scroll_pages(1)", "Page down", show=False),
        Binding("pageup,ctrl+b", "scroll_pages(-1)", "Page up", show=False),
        Binding("left,h", "scroll_side(-8)", "Left", show=False),
        Binding("right,l", "scroll_side(8)", "Right", show=False),
    ]

    DEFAULT_CSS = """
    LineView { overflow-x: auto; }
    """

    wrap: reactive[bool] = reactive(True, init=False)

    def __init__(self, *, wrap: bool = True, **options: Any) -> None:
        super().__init__(**options)
        self.set_reactive(LineView.wrap, wrap)
        self._lines: Sequence[Line] = ()
        self._shown: Sequence[Line] = ()
        self._line_of_row: list[int] = []
        self._wrapped_width = 0

    # Lines ---------------------------------------------------------------------------------

    @property
    def lines(self) -> Sequence[Line]:
        """The lines as they were given."""
        return self._lines

    @property
    def shown_lines(self) -> Sequence[Line]:
        """The lines as they are on the screen, wrapped."""
        return self._shown

    def set_lines(self, lines: Sequence[Line], *, keep_scroll: bool = False) -> None:
        """Show these lines, from the top unless what is scrolled to shall stay."""
        self._lines = lines
        self._lay_out()
        if not keep_scroll:
            self.scroll_to(x=0, y=0, animate=False, immediate=True, force=True)

    def line_at(self, row: int) -> int | None:
        """Return the index of the line that is drawn at a row of the wrapped lines."""
        if self.wrap and row < len(self._line_of_row):
            return self._line_of_row[row]
        return row if not self.wrap and row < len(self._lines) else None

    def watch_wrap(self) -> None:
        """Break the lines, or no longer."""
        self._lay_out()

    def _lay_out(self) -> None:
        """Break the lines to the width of the screen."""
        width = self.scrollable_content_region.width
        self._wrapped_width = width
        if self.wrap and width:
            self._wrap(width)
        else:
            self._shown = self._lines
        size = Size(0 if self.wrap else self._width_unwrapped(), len(self._shown))
        if size != self.virtual_size:
            self.virtual_size = size
        self.refresh()

    def _wrap(self, width: int) -> None:
        shown: list[Line] = []
        line_of_row: list[int] = []
        for index, line in enumerate(self._lines):
            text = "".join([part for part, _ in line])
            if len(text) <= width and text.isascii() and text.isprintable():
                # Most lines are short and plain: a preview of 4,000 must not take a frame.
                shown.append(line)
                line_of_row.append(index)
                continue
            rows = wrap_line(safe_line(line), width)
            shown.extend(rows)
            line_of_row.extend([index] * len(rows))
        self._shown = shown
        self._line_of_row = line_of_row

    def _width_unwrapped(self) -> int:
        """Return the width of the widest line, within reason."""
        widest = max((line_cells(safe_line(line)) for line in self._lines), default=0)
        return min(widest, UNWRAPPED_CELLS_MAX)

    def on_resize(self, event: events.Resize) -> None:
        """Break the lines again if the width is another."""
        if self.scrollable_content_region.width != self._wrapped_width:
            self._lay_out()

    # Drawing -------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """Draw one line of the screen."""
        scroll_x, scroll_y = self.scroll_offset
        width = self.scrollable_content_region.width
        row = scroll_y + y
        base = self.rich_style
        if row >= len(self._shown):
            return Strip.blank(width, base)
        segments = self.segments(self._shown[row], base)
        selection = self.text_selection
        if selection is not None:
            segments = self._with_selection(segments, selection, row)
        strip = Strip(segments).crop_extend(scroll_x, scroll_x + width, base)
        return strip.apply_offsets(scroll_x, row)

    def _with_selection(
        self, segments: list[Segment], selection: Selection, row: int
    ) -> list[Segment]:
        """Return the segments with the selected characters highlighted."""
        span = selection.get_span(row)
        if span is None:
            return segments
        start, end = span
        style = self.component_style("view--selection")
        marked: list[Segment] = []
        position = 0
        for text, segment_style, _ in segments:
            first = min(max(start - position, 0), len(text))
            last = len(text) if end == -1 else min(max(end - position, first), len(text))
            for part, selected in (
                (text[:first], False),
                (text[first:last], True),
                (text[last:], False),
            ):
                if part:
                    look = style if selected or segment_style is None else segment_style
                    marked.append(Segment(part, look))
            position += len(text)
        return marked

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """Return the selected text as it is seen."""
        text = "\n".join("".join(part for part, _ in safe_line(line)) for line in self._shown)
        return selection.extract(text), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        """Draw again: something else is selected."""
        self.refresh()

    # Keys ----------------------------------------------------------------------------------

    def _scroll(self, y: float) -> None:
        self.scroll_to(y=y, animate=False, immediate=True)

    def action_scroll_by(self, by: int) -> None:
        """Scroll by lines."""
        self._scroll(self.scroll_offset.y + by)

    def action_scroll_pages(self, pages: float) -> None:
        """Scroll by pages."""
        self._scroll(self.scroll_offset.y + round(pages * max(1, self.size.height - 1)))

    def action_scroll_first(self) -> None:
        """Scroll to the first line."""
        self._scroll(0)

    def action_scroll_last(self) -> None:
        """Scroll to the last line."""
        self._scroll(self.max_scroll_y)

    def action_scroll_side(self, by: int) -> None:
        """Scroll sideways."""
        self.scroll_to(x=self.scroll_offset.x + by, animate=False, immediate=True)
