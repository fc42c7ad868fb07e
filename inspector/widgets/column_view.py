"""Base of the lists in columns that have a title: rows of any number, only those in view drawn.

Derived classes set `title` and `columns`, and draw their rows with `cells(width)`: the columns
with their places. The title and the headings of the columns stay on top.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.strip import Strip

from inspector.widgets.columns import GAP_CELLS, Column, Placed, place
from inspector.widgets.cursor_view import CursorView
from inspector.widgets.roles import Line, Piece, Role


class ColumnView(CursorView):
    """A list with a title and columns."""

    HEADER_LINES = 2
    GUTTER_CELLS: ClassVar[int] = 2
    ALLOW_SELECT = False

    def __init__(self, columns: Sequence[Column], **options: Any) -> None:
        super().__init__(**options)
        self._title: Line = ()
        self._columns = columns
        self._placed: tuple[int, tuple[Placed, ...]] = (-1, ())

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Have these columns from now on."""
        self._columns = columns
        self._placed = (-1, ())

    def set_title(self, title: Line) -> None:
        """Have this line on top."""
        self._title = title
        self.refresh()

    def cells(self, width: int) -> tuple[Placed, ...]:
        """Return the columns that fit into a width, and where."""
        if self._placed[0] != width:
            self._placed = (width, place(self._columns, width, self.GUTTER_CELLS))
        return self._placed[1]

    def render_header(self, y: int, width: int) -> Strip:
        """Draw the title, and the headings of the columns."""
        if y == 0:
            return self.strip(self._title, width, self.rich_style)
        pieces: list[Piece] = [(" " * self.GUTTER_CELLS, Role.PLAIN)]
        for placed in self.cells(width):
            pieces.append((placed.column.heading(placed.cells, ""), Role.PLAIN))
            pieces.append((" " * GAP_CELLS, Role.PLAIN))
        return self.strip(pieces, width, self.component_style("view--header"))
