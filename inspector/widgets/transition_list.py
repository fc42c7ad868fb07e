"""Moves between tiers: a window on a log of any length, which asks for more at its ends.

`TransitionList(columns)`; `show(title, moves, *, empty, keep_place=True, on_last=False)`. Property:
`move`, the one under the cursor. Messages: `Highlighted()`, `Opened(move)`, `MoreWanted(older)`
when the cursor or the view comes near an end, `EndWanted(oldest)` for the ends of the log itself.

Keys: those of `CursorView`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from textual.message import Message
from textual.strip import Strip

from inspector.widgets.column_view import ColumnView
from inspector.widgets.columns import GAP_CELLS, Column
from inspector.widgets.roles import Line, Piece, Role

if TYPE_CHECKING:
    from inspector.gateway import Transition

NEAR_ROWS = 60
"""So close to an end more is asked for: before one gets there, it has come."""


class TransitionList(ColumnView):
    """What was moved, from where to where, and why."""

    HELP = """\
Every move of an item between tiers, newest first: `▲` towards working, `▼` towards the archive,
why it was moved, and its retention score then. Enter goes to the item.
"""

    class Highlighted(Message):
        """Another move is under the cursor, or none."""

    class Opened(Message):
        """A move was opened with Enter or a double click."""

        def __init__(self, move: Transition) -> None:
            super().__init__()
            self.move = move

    class MoreWanted(Message):
        """What follows at one end of the window is about to be seen."""

        def __init__(self, *, older: bool) -> None:
            super().__init__()
            self.older = older

    class EndWanted(Message):
        """The newest or the oldest move of all is wanted."""

        def __init__(self, *, oldest: bool) -> None:
            super().__init__()
            self.oldest = oldest

    def __init__(self, columns: Sequence[Column], **options: Any) -> None:
        super().__init__(columns, **options)
        self._moves: Sequence[Transition] = ()
        self._empty = ""

    @property
    def row_count(self) -> int:
        """How many moves are at hand."""
        return len(self._moves)

    @property
    def move(self) -> Transition | None:
        """The move under the cursor."""
        return self._moves[self.cursor_row] if self._moves else None

    def show(
        self,
        title: Line,
        moves: Sequence[Transition],
        *,
        empty: str,
        keep_place: bool = True,
        on_last: bool = False,
    ) -> None:
        """Show these moves; what is looked at stays where it is if it is among them.

        Without `keep_place` the cursor is on the first of them, or `on_last`.
        """
        at_cursor = self._sequence(self.cursor_row)
        on_top = self._sequence(self.first_row_in_view)
        self._moves, self._empty = moves, empty
        self.set_title(title)
        self.rows_changed()
        rows = {move.sequence: row for row, move in enumerate(moves)} if keep_place else {}
        top = rows.get(on_top) if on_top is not None else None
        cursor = rows.get(at_cursor) if at_cursor is not None else None
        if on_last:
            self.put_cursor(len(moves) - 1)
        elif top is None:
            self.put_cursor(cursor or 0, 0)
        elif cursor is None:
            # Scrolled away from by the wheel, and let go since.
            self.put_cursor(top, 0)
        else:
            self._put(cursor, top)
        self.post_message(self.Highlighted())
        self._ask_near(self.cursor_row, self.cursor_row)

    def put_on_last(self) -> None:
        """Put the cursor on the last move at hand."""
        self.cursor_row = self.row_count - 1

    def _sequence(self, row: int) -> int | None:
        return self._moves[row].sequence if row < len(self._moves) else None

    def _put(self, cursor: int, top: int) -> None:
        """Set the cursor and what is in view, which need not be where the cursor is."""
        self._quiet = True
        self.cursor_row = cursor
        self._quiet = False
        self.scroll_to(y=top, animate=False, immediate=True, force=True)

    # Keys and wheel ------------------------------------------------------------------------

    def cursor_moved(self, old: int, new: int) -> None:
        """Announce that another move is under the cursor."""
        self.post_message(self.Highlighted())
        self._ask_near(new, new)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Ask for what is about to come into view."""
        super().watch_scroll_y(old_value, new_value)
        top = int(new_value)
        self._ask_near(top, top + self.rows_in_view)

    def _ask_near(self, first: int, last: int) -> None:
        if last >= self.row_count - NEAR_ROWS:
            self.post_message(self.MoreWanted(older=True))
        if first < NEAR_ROWS:
            self.post_message(self.MoreWanted(older=False))

    def action_first(self) -> None:
        """Go to the newest move of all."""
        self.post_message(self.EndWanted(oldest=False))

    def action_last(self) -> None:
        """Go to the oldest move of all."""
        self.post_message(self.EndWanted(oldest=True))

    def row_chosen(self, row: int) -> None:
        """Announce that a move was opened."""
        self.post_message(self.Opened(self._moves[row]))

    # Drawing -------------------------------------------------------------------------------

    def render_row(self, row: int, width: int) -> Strip:
        """Draw one move."""
        at_cursor = row == self.cursor_row
        base = self.component_style("view--cursor") if at_cursor else self.rich_style
        pieces: list[Piece] = [("▸ " if at_cursor else "  ", Role.PLAIN)]
        for placed in self.cells(width):
            pieces.append(placed.column.cell(self._moves[row], placed.cells))
            pieces.append((" " * GAP_CELLS, Role.PLAIN))
        return self.strip(pieces, width, base)

    def render_empty(self, y: int, width: int) -> Strip:
        """Say that there is nothing."""
        if self._moves or y != 0:
            return super().render_empty(y, width)
        return self.strip((("  ", Role.PLAIN), (self._empty, Role.DIM)), width, self.rich_style)
