"""A list of one-line entries with a cursor: links, history, sessions.

`LineList(*, empty="none")`; `show(entries, *, keep_cursor=True)` with `ListEntry(key, line,
selectable=True)`; entries that cannot be selected are headings, the cursor steps over them.
Reactive: `cursor_row`. Property: `cursor_key`. Messages: `Highlighted(key)`, `Selected(key)`.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from textual.message import Message
from textual.strip import Strip

from inspector.widgets.cursor_view import CursorView
from inspector.widgets.roles import Line, Role


@dataclass(frozen=True, slots=True)
class ListEntry:
    """One line of a list; `key` tells it from the others."""

    key: Hashable
    line: Line
    selectable: bool = True


class LineList(CursorView):
    """A list of lines."""

    ALLOW_SELECT = False

    class Highlighted(Message):
        """Another entry is under the cursor, or none."""

        def __init__(self, line_list: LineList, key: Hashable | None) -> None:
            super().__init__()
            self.line_list = line_list
            self.key = key

        @property
        def control(self) -> LineList:
            """The list."""
            return self.line_list

    class Selected(Highlighted):
        """An entry was opened with Enter or a double click."""

    def __init__(self, *, empty: str = "none", **options: Any) -> None:
        super().__init__(**options)
        self._empty = empty
        self._entries: Sequence[ListEntry] = ()
        self._announced: Hashable | None = None

    @property
    def row_count(self) -> int:
        """How many entries there are."""
        return len(self._entries)

    @property
    def cursor_key(self) -> Hashable | None:
        """The key of the entry under the cursor."""
        if not self._entries:
            return None
        entry = self._entries[self.cursor_row]
        return entry.key if entry.selectable else None

    def show(self, entries: Sequence[ListEntry], *, keep_cursor: bool = True) -> None:
        """Show these entries, the cursor where it was if its entry is still there."""
        key = self.cursor_key
        screen_line = self.cursor_row - self.first_row_in_view
        self._entries = tuple(entries)
        self.rows_changed()
        row = self._row_of(key) if keep_cursor and key is not None else None
        if row is None:
            first = self._next_selectable(0, 1) or 0
            self.put_cursor(first, first)
        else:
            self.put_cursor(row, screen_line)
        self._announce()

    def _row_of(self, key: Hashable) -> int | None:
        for row, entry in enumerate(self._entries):
            if entry.selectable and entry.key == key:
                return row
        return None

    def _next_selectable(self, row: int, step: int) -> int | None:
        """Return the first selectable row from `row` on, in either direction."""
        while 0 <= row < len(self._entries):
            if self._entries[row].selectable:
                return row
            row += step
        return None

    def validate_cursor_row(self, row: int) -> int:
        """Keep the cursor on a row that exists and can be selected."""
        wanted = super().validate_cursor_row(row)
        step = 1 if wanted >= self.cursor_row else -1
        found = self._next_selectable(wanted, step)
        if found is None:
            found = self._next_selectable(wanted, -step)
        return wanted if found is None else found

    def cursor_moved(self, old: int, new: int) -> None:
        """Announce the entry; a heading above the first entry is shown with it."""
        if self._next_selectable(0, 1) == new:
            self.scroll_to(y=0, animate=False, immediate=True, force=True)
            self.show_cursor()
        self._announce()

    def row_chosen(self, row: int) -> None:
        """Announce that an entry was opened."""
        entry = self._entries[row]
        if entry.selectable:
            self.post_message(self.Selected(self, entry.key))

    def _announce(self) -> None:
        key = self.cursor_key
        if key != self._announced:
            self._announced = key
            self.post_message(self.Highlighted(self, key))

    def render_row(self, row: int, width: int) -> Strip:
        """Draw one entry."""
        entry = self._entries[row]
        if not entry.selectable:
            return self.strip(entry.line, width, self.rich_style)
        at_cursor = row == self.cursor_row
        base = self.component_style("view--cursor") if at_cursor else self.rich_style
        glyph = ("▸ " if at_cursor else "  ", Role.PLAIN)
        return self.strip((glyph, *entry.line), width, base)

    def render_empty(self, y: int, width: int) -> Strip:
        """Say that there is nothing."""
        if self._entries or y != 0:
            return super().render_empty(y, width)
        return self.strip((("  ", Role.PLAIN), (self._empty, Role.DIM)), width, self.rich_style)
