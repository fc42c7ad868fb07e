"""Base of the lists: a cursor over any number of rows, of which only the visible are drawn.

Reactive: `cursor_row`. Derived classes say `row_count` and draw `render_row(row, width)`; they
hear `cursor_moved(old, new)`, `row_chosen(row)` (Enter, double click) and
`row_clicked(row, x, event)`. The first `HEADER_LINES` lines stay on top.

Keys: j k up down g G home end ctrl+d ctrl+u pageup pagedown enter.
"""

from __future__ import annotations

from typing import Any, ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.reactive import reactive
from textual.strip import Strip

from inspector.widgets.role_view import RoleView


class CursorView(RoleView):
    """A virtual list with a cursor."""

    HEADER_LINES: ClassVar[int] = 0

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Down", show=False, id="list.down"),
        Binding("up,k", "move(-1)", "Up", show=False, id="list.up"),
        Binding("home,g", "first", "First", show=False, id="list.first"),
        Binding("end,G", "last", "Last", show=False, id="list.last"),
        Binding("ctrl+d", "move_page(0.5)", "Half a page down", show=False, id="list.half-down"),
        Binding("ctrl+u", "move_page(-0.5)", "Half a page up", show=False, id="list.half-up"),
        Binding("pagedown,ctrl+f", "move_page(1)", "Page down", show=False, id="list.page-down"),
        Binding("pageup,ctrl+b", "move_page(-1)", "Page up", show=False, id="list.page-up"),
        Binding("enter", "choose", "Open", show=False, id="list.open"),
    ]

    cursor_row: reactive[int] = reactive(0, repaint=False)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._quiet = False

    # What derived classes say --------------------------------------------------------------

    @property
    def row_count(self) -> int:
        """How many rows there are."""
        raise NotImplementedError

    def render_row(self, row: int, width: int) -> Strip:
        """Draw one row, exactly `width` cells wide."""
        raise NotImplementedError

    def render_header(self, y: int, width: int) -> Strip:
        """Draw one of the `HEADER_LINES` lines."""
        raise NotImplementedError

    def render_empty(self, y: int, width: int) -> Strip:
        """Draw line `y` below the last row."""
        return Strip.blank(width, self.rich_style)

    def cursor_moved(self, old: int, new: int) -> None:
        """Hear that the cursor went to another row."""

    def row_chosen(self, row: int) -> None:
        """Hear that a row was opened."""

    def row_clicked(self, row: int, x: int, event: events.Click) -> None:
        """Hear a click on a row; by default it moves the cursor, and opens on a double click."""
        self.cursor_row = row
        if event.chain == 2:
            self.row_chosen(row)

    def header_clicked(self, x: int) -> None:
        """Hear a click on the header."""

    # Rows and where they are ---------------------------------------------------------------

    @property
    def rows_in_view(self) -> int:
        """How many rows fit on the screen."""
        return max(1, self.scrollable_content_region.height - self.HEADER_LINES)

    @property
    def first_row_in_view(self) -> int:
        """The row under the header."""
        return self.scroll_offset.y

    def rows_changed(self) -> None:
        """Fit the scroll bar to the number of rows and draw everything again."""
        size = Size(0, self.row_count + self.HEADER_LINES)
        if size != self.virtual_size:
            self.virtual_size = size
        self.refresh()

    def refresh_row(self, row: int) -> None:
        """Draw one row again, if it is in view."""
        y = row - self.scroll_offset.y
        if 0 <= y < self.size.height:
            self.refresh(Region(0, y + self.HEADER_LINES, self.size.width, 1))

    def put_cursor(self, row: int, screen_line: int | None = None) -> None:
        """Set the cursor without a word, on the given line of the screen where possible."""
        self._quiet = True
        self.cursor_row = row
        self._quiet = False
        if screen_line is not None and self.size.height:
            self.scroll_to(y=row - screen_line, animate=False, immediate=True, force=True)
        self.show_cursor()

    def show_cursor(self) -> None:
        """Scroll as little as possible so that the cursor is in view."""
        if not self.size.height:
            # Not laid out yet: `on_resize` comes back to it.
            return
        top = self.scroll_offset.y
        bottom = top + self.rows_in_view - 1
        if self.cursor_row < top:
            target = self.cursor_row
        elif self.cursor_row > bottom:
            target = self.cursor_row - self.rows_in_view + 1
        else:
            return
        self.scroll_to(y=target, animate=False, immediate=True, force=True)

    def validate_cursor_row(self, row: int) -> int:
        """Keep the cursor on a row that exists."""
        return max(0, min(row, self.row_count - 1))

    def watch_cursor_row(self, old: int, new: int) -> None:
        """Draw the two rows again and bring the cursor into view."""
        self.refresh_row(old)
        self.refresh_row(new)
        if self._quiet:
            return
        self.show_cursor()
        self.cursor_moved(old, new)

    # Drawing -------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """Draw one line of the screen."""
        width = self.scrollable_content_region.width
        if y < self.HEADER_LINES:
            return self.render_header(y, width)
        row = y - self.HEADER_LINES + self.scroll_offset.y
        if row < self.row_count:
            return self.render_row(row, width)
        return self.render_empty(row - self.row_count, width)

    def on_resize(self, event: events.Resize) -> None:
        """Keep the cursor in view."""
        self.show_cursor()

    # Keys and mouse ------------------------------------------------------------------------

    def action_move(self, by: int) -> None:
        """Move the cursor by some rows."""
        self.cursor_row += by

    def action_move_page(self, pages: float) -> None:
        """Move the cursor, and what is in view, by pages."""
        by = int(pages * self.rows_in_view) or (1 if pages > 0 else -1)
        screen_line = self.cursor_row - self.scroll_offset.y
        target = self.validate_cursor_row(self.cursor_row + by)
        if 0 <= screen_line < self.rows_in_view:
            self.scroll_to(y=target - screen_line, animate=False, immediate=True, force=True)
        self.cursor_row = target

    def action_first(self) -> None:
        """Move the cursor to the first row."""
        self.cursor_row = 0

    def action_last(self) -> None:
        """Move the cursor to the last row."""
        self.cursor_row = self.row_count - 1

    def action_choose(self) -> None:
        """Open the row under the cursor."""
        if self.row_count:
            self.row_chosen(self.cursor_row)

    def on_click(self, event: events.Click) -> None:
        """Tell apart clicks on the header and on rows."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        if offset.y < self.HEADER_LINES:
            self.header_clicked(offset.x)
            return
        row = offset.y - self.HEADER_LINES + self.scroll_offset.y
        if row < self.row_count:
            self.row_clicked(row, offset.x, event)
