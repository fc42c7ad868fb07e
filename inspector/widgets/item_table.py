"""The big table: a million items, of which only the lines on the screen are ever formatted.

`ItemTable(fetch, columns, *, page_rows=128, rows_cached=8192, empty="nothing here")`: the rows
are item keys, given in chunks (`begin`, `extend`, `finish`) or at once (`set_keys`); what they
show comes from `fetch(keys)`, page by page, when they come into view.

Reactive: `order` (shown in the header), `cursor_row`, `ranging`. Methods: `insert`, `prepend`,
`invalidate`, `redraw`, `move_to`, `row`, `visible_keys`, `marked_keys`, `mark_all`, `clear_marks`.
Messages: `Highlighted`, `Selected`, `SortRequested`, `MarksChanged`, `NeedsRows`, `FetchFailed`.

Keys: those of `CursorView`; space marks, shift+up/down mark on the way, v marks a range.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.cache import LRUCache
from textual.reactive import reactive
from textual.strip import Strip

from inspector import formatting
from inspector.widgets.columns import Column, Placed, place
from inspector.widgets.item_rows import Fetch, ItemRows, TableMessage
from inspector.widgets.marks import Marks
from inspector.widgets.roles import Role
from inspector.widgets.row_pages import Entry

__all__ = ["Column", "Fetch", "ItemTable"]

_GUTTER_CELLS = 2
_CURSOR_GLYPH = "▸"
_MARK_GLYPH = "●"
_DELETED = "✗ deleted"
_STRIPS_CACHED = 1024


class ItemTable(ItemRows):
    """A virtual table of items."""

    HEADER_LINES = 1
    HELP = """\
The list of items. Move with the arrows or `j` `k`, `g` `G`, `ctrl+d` `ctrl+u`; open with Enter.

Mark with space; `shift+down` marks on the way; `v` begins and ends a range. Click on a title to
sort by it, again to turn it round.
"""
    ALLOW_SELECT = False

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "toggle_mark", "Mark", show=False, id="table.mark"),
        Binding("shift+down,J", "mark_move(1)", "Mark down", show=False, id="table.mark-down"),
        Binding("shift+up,K", "mark_move(-1)", "Mark up", show=False, id="table.mark-up"),
        Binding("v", "toggle_range", "Mark a range", show=False, id="table.range"),
        Binding("escape", "end_range", "End the range", show=False, id="table.range-end"),
    ]

    order: reactive[str] = reactive("")
    ranging: reactive[bool] = reactive(False)

    class SortRequested(TableMessage):
        """A title was clicked; `order` is the field, with "-" in front for descending."""

        def __init__(self, table: ItemTable, field: str, order: str) -> None:
            super().__init__(table)
            self.field = field
            self.order = order

    class MarksChanged(TableMessage):
        """`count` items are marked now."""

        def __init__(self, table: ItemTable, count: int) -> None:
            super().__init__(table)
            self.count = count

    def __init__(
        self,
        fetch: Fetch,
        columns: Sequence[Column],
        *,
        page_rows: int = 128,
        rows_cached: int = 8192,
        empty: str = "nothing here",
        **options: Any,
    ) -> None:
        super().__init__(fetch, page_rows=page_rows, rows_cached=rows_cached, **options)
        self._columns = tuple(columns)
        self._empty = empty
        self._marks = Marks()
        self._range_start = 0
        self._range_before: frozenset[int] = frozenset()
        self._placed: tuple[Placed, ...] = ()
        self._placed_width = -1
        self._strips: LRUCache[int, Strip] = LRUCache(_STRIPS_CACHED)

    @property
    def empty(self) -> str:
        """What to say when there are no items."""
        return self._empty

    @empty.setter
    def empty(self, text: str) -> None:
        self._empty = text
        self.refresh()

    def begin(self, *, keep_cursor: bool = True) -> int:
        """Start a new list and return its number; the old rows stay until the first of the new."""
        self.ranging = False
        return super().begin(keep_cursor=keep_cursor)

    def rows_forgotten(self, keys: Iterable[int] | None) -> None:
        """Forget how these rows were drawn."""
        if keys is None:
            self._strips.clear()
        else:
            for key in keys:
                self._strips.discard(key)

    def list_replaced(self) -> None:
        """Let go of "everything" when the list becomes another one: it was not what was meant."""
        if self._marks.all_matching:
            self.clear_marks()

    def cursor_moved(self, old: int, new: int) -> None:
        """Let a range of marks follow the cursor."""
        if self.ranging:
            self._mark_range(old, new)
        super().cursor_moved(old, new)

    def redraw(self) -> None:
        """Format all visible rows again: relative times have grown older."""
        self._strips.clear()
        self.refresh()

    # Marks ---------------------------------------------------------------------------------

    @property
    def marks(self) -> Marks:
        """Which items are marked; changed through the methods of the table."""
        return self._marks

    @property
    def marked_count(self) -> int:
        """How many items are marked."""
        return self._marks.count(self.row_count)

    def marked_keys(self) -> array[int]:
        """Return the marked items in the order of the list."""
        return self._marks.among(self._keys)

    def mark_all(self) -> None:
        """Mark every item listed, and those still to come."""
        self.ranging = False
        self._marks.mark_all()
        self._marks_changed()

    def clear_marks(self) -> None:
        """Take all marks away."""
        self.ranging = False
        self._marks.clear()
        self._marks_changed()

    def action_toggle_mark(self) -> None:
        """Mark the item under the cursor, or not any more, and go on to the next."""
        if self._keys and not self.ranging:
            self._toggle(self.cursor_row)
            self.cursor_row += 1

    def action_mark_move(self, by: int) -> None:
        """Mark the item under the cursor and the next one."""
        if self._keys:
            target = self.validate_cursor_row(self.cursor_row + by)
            self._marks.put((self._keys[self.cursor_row], self._keys[target]), marked=True)
            self.cursor_row = target
            self._marks_changed()

    def action_toggle_range(self) -> None:
        """Begin marking everything the cursor passes over, or end it."""
        if self.ranging:
            self.ranging = False
        elif self._keys:
            if self._marks.all_matching:
                self._marks.clear()
            self._range_start = self.cursor_row
            self._range_before = frozenset(self._marks.included)
            self.ranging = True
            self._mark_range(self.cursor_row, self.cursor_row)

    def action_end_range(self) -> None:
        """End marking a range; what is marked stays."""
        self.ranging = False

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave Escape to others unless there is a range to end."""
        if action == "end_range":
            return self.ranging
        return super().check_action(action, parameters)

    def _mark_range(self, old: int, new: int) -> None:
        """Let the marks reach from the start of the range to `new` instead of to `old`."""
        start = self._range_start
        before = self._keys[min(start, old) : max(start, old) + 1]
        after = self._keys[min(start, new) : max(start, new) + 1]
        self._marks.put((key for key in before if key not in self._range_before), marked=False)
        self._marks.put(after, marked=True)
        self._marks_changed()

    def _toggle(self, row: int) -> None:
        key = self._keys[row]
        self._marks.toggle(key)
        self._strips.discard(key)
        self.refresh_row(row)
        self.post_message(self.MarksChanged(self, self.marked_count))

    def _marks_changed(self) -> None:
        self._strips.clear()
        self.refresh()
        self.post_message(self.MarksChanged(self, self.marked_count))

    # Mouse ---------------------------------------------------------------------------------

    def row_clicked(self, row: int, x: int, event: events.Click) -> None:
        """Mark in the gutter or with ctrl, mark up to here with shift, else move or open."""
        if event.shift:
            low, high = sorted((self.cursor_row, row))
            self._marks.put(self._keys[low : high + 1], marked=True)
            self.cursor_row = row
            self._marks_changed()
        elif x == _GUTTER_CELLS - 1 or event.ctrl:
            self._toggle(row)
        else:
            super().row_clicked(row, x, event)

    def header_clicked(self, x: int) -> None:
        """Ask for the list to be sorted by the column whose title was clicked."""
        for placed in self._placed:
            if placed.x <= x <= placed.x + placed.cells and placed.column.sort:
                column = placed.column
                order = column.next_order(self.order)
                self.post_message(self.SortRequested(self, column.sort, order))
                return

    # Drawing -------------------------------------------------------------------------------

    def notify_style_update(self) -> None:
        """Forget drawn rows: their colours may be others now."""
        super().notify_style_update()
        self._strips.clear()

    def _place(self, width: int) -> tuple[Placed, ...]:
        """Return where the columns are at this width."""
        if width != self._placed_width:
            self._placed = place(self._columns, width, _GUTTER_CELLS)
            self._placed_width = width
            self._strips.clear()
        return self._placed

    def render_header(self, y: int, width: int) -> Strip:
        """Draw the titles."""
        style = self.component_style("view--header")
        text = " " * _GUTTER_CELLS + " ".join(
            placed.column.heading(placed.cells, self.order) for placed in self._place(width)
        )
        return Strip([Segment(text, style)]).crop_extend(0, width, style)

    def render_row(self, row: int, width: int) -> Strip:
        """Draw one item; ask for it if it is not here or old."""
        self._place(width)
        key = self._keys[row]
        if not self._rows.is_fresh(key):
            self._request(row)
        if row == self.cursor_row and self._anchor is None:
            return self._draw(key, width, self.component_style("view--cursor"), _CURSOR_GLYPH)
        strip = self._strips.get(key)
        if strip is None:
            strip = self._draw(key, width, self.rich_style, " ")
            self._strips[key] = strip
        return strip

    def render_empty(self, y: int, width: int) -> Strip:
        """Say that there is nothing, once that is known."""
        if self.row_count or y != 1:
            return super().render_empty(y, width)
        text = self._empty if self._complete else "…"
        return self.strip((("  ", Role.PLAIN), (text, Role.DIM)), width, self.rich_style)

    def _draw(self, key: int, width: int, base: Style, cursor_glyph: str) -> Strip:
        marked = self._marks.contains(key)
        mark_style = base + self.role_style(Role.WARNING) if marked else base
        segments = [
            Segment(cursor_glyph, base),
            Segment(_MARK_GLYPH if marked else " ", mark_style),
        ]
        entry = self._rows.get(key)
        if entry is None or entry.row is None:
            text, role = ("…", Role.DIM) if entry is None else (_DELETED, Role.BAD)
            segments.append(Segment(text, base + self.role_style(role)))
        else:
            self._draw_cells(segments, entry, base)
        return Strip(segments).crop_extend(0, width, base)

    def _draw_cells(self, segments: list[Segment], entry: Entry, base: Style) -> None:
        last = self._placed[-1].column if self._placed else None
        for placed in self._placed:
            text, role = placed.column.cell(entry.row, placed.cells)
            if entry.deleted:
                role = Role.DIM
                if placed.column is last:
                    text, role = formatting.align(_DELETED, placed.cells), Role.BAD
            segments.append(Segment(text, base + self.role_style(role)))
            segments.append(Segment(" ", base))
