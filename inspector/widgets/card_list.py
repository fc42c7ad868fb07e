"""A list of cards: a line that can be chosen, and below it lines that belong to it.

`CardList(*, empty="none")`; `show(entries)` as for `LineList`: an entry that cannot be selected
belongs to the one above it. Lines below are broken to the width, others are cut with an ellipsis.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textual import events

from inspector.display import elide
from inspector.widgets.line_list import LineList, ListEntry
from inspector.widgets.roles import Line, Piece, Role
from inspector.widgets.wrapping import cells_of, line_cells, safe_line, wrap_line

GUTTER_CELLS = 2
"""Of a line that can be chosen, for the cursor's glyph."""


class CardList(LineList):
    """Cards, one below the other."""

    HELP = """\
A list in which each line has its details beneath it. Move with the arrows or `j` `k`; Enter opens
what is under the cursor.
"""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._cards: Sequence[ListEntry] = ()
        self._width = 0

    def show(self, entries: Sequence[ListEntry], *, keep_cursor: bool = True) -> None:
        """Show these cards, the cursor where it was if its card is still there."""
        self._cards = tuple(entries)
        self._fit(keep_cursor=keep_cursor)

    def _fit(self, *, keep_cursor: bool) -> None:
        """Make lines of the cards for the width there is."""
        self._width = self.scrollable_content_region.width
        shown: list[ListEntry] = []
        for entry in self._cards:
            shown += _fitted(entry, self._width)
        super().show(shown, keep_cursor=keep_cursor)

    def on_resize(self, event: events.Resize) -> None:
        """Break the lines again if the width is another."""
        if self.scrollable_content_region.width != self._width:
            self._fit(keep_cursor=True)
        super().on_resize(event)

    def show_cursor(self) -> None:
        """Scroll so that the card of the cursor is in view, as much of it as fits."""
        super().show_cursor()
        if not self.size.height or not self._entries:
            return
        following = self._next_selectable(self.cursor_row + 1, 1)
        end = self.row_count if following is None else following
        first = min(end - self.rows_in_view, self.cursor_row)
        if first > self.scroll_offset.y:
            self.scroll_to(y=first, animate=False, immediate=True, force=True)

    def put_on(self, key: object) -> bool:
        """Put the cursor on the card with this key; False if there is none."""
        row = self._row_of(key)
        if row is None:
            return False
        self.cursor_row = row
        return True

    def row_clicked(self, row: int, x: int, event: events.Click) -> None:
        """Choose the card of which a line was clicked."""
        while row > 0 and not self._entries[row].selectable:
            row -= 1
        if self._entries[row].selectable:
            super().row_clicked(row, x, event)


def _fitted(entry: ListEntry, width: int) -> list[ListEntry]:
    """Return an entry as entries that fit into the width."""
    if width <= 0:
        return [entry]
    line = safe_line(entry.line)
    if entry.selectable:
        return [ListEntry(entry.key, _cut(line, width - GUTTER_CELLS))]
    if line_cells(line) <= width:
        return [ListEntry(entry.key, line, selectable=False)]
    return [ListEntry(entry.key, part, selectable=False) for part in _hanging(line, width)]


def _cut(line: Line, cells: int) -> Line:
    """Return a visible line in at most `cells` cells; a cut is marked."""
    kept: list[Piece] = []
    left = max(1, cells)
    for text, role in line:
        width = cells_of(text)
        kept.append((text if width <= left else elide(text, left), role))
        left -= width
        if left < 0:
            break
    return tuple(kept)


def _hanging(line: Line, width: int) -> list[Line]:
    """Return a line broken at words; what is continued stands below the text after its label."""
    label, *rest = line
    indent = line_cells((label,))
    if not rest or indent * 2 > width:
        return wrap_line(line, width)
    broken = wrap_line(tuple(rest), width - indent)
    margin = (" " * indent, Role.PLAIN)
    return [(label, *broken[0]), *((margin, *part) for part in broken[1:])]
