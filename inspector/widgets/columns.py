"""Columns of a table: what they show, and how they share the width of the screen. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from inspector import formatting
from inspector.display import visible_line
from inspector.widgets.roles import Role

GAP_CELLS = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: `render` gives the raw text of a row and its role; the table makes it safe."""

    name: str
    title: str
    width: int
    """Cells it has at least."""
    render: Callable[[Any], tuple[str, Role]]
    align: Literal["left", "right"] = "left"
    flex: float = 0
    """Its share of the width that is left."""
    shows_from: int = 0
    """Hidden while the table is narrower than this."""
    elide: Literal["end", "middle"] = "end"
    sort: str = ""
    """The field that a click on its title sorts by; empty if it cannot be sorted by."""
    descending_first: bool = False

    def cell(self, row: Any, cells: int) -> tuple[str, Role]:
        """Return the text of a row, exactly `cells` wide and safe to draw, and its role."""
        raw, role = self.render(row)
        if self.elide == "middle":
            text = formatting.middle_elide(visible_line(raw), cells)
        else:
            text = visible_line(raw, cells)
        return formatting.align(text, cells, self.align), role

    def heading(self, cells: int, order: str) -> str:
        """Return the title with the direction of sorting, if this is the column sorted by."""
        title = self.title
        if self.sort and order.removeprefix("-") == self.sort:
            arrow = "▼" if order.startswith("-") else "▲"
            title = formatting.align(title, min(cells - 1, len(title))).rstrip() + arrow
        return formatting.align(title, cells, self.align)

    def next_order(self, order: str) -> str:
        """Return the order that a click asks for: this column, or its other direction."""
        if order == self.sort:
            return f"-{self.sort}"
        if order == f"-{self.sort}" or not self.descending_first:
            return self.sort
        return f"-{self.sort}"


@dataclass(frozen=True, slots=True)
class Placed:
    """A column with its place on the screen."""

    column: Column
    x: int
    cells: int


def place(columns: Sequence[Column], width: int, gutter: int) -> tuple[Placed, ...]:
    """Return the columns that fit into `width`, flexible ones widened to fill it."""
    shown = [column for column in columns if column.shows_from <= width]
    left = width - gutter - sum(column.width + GAP_CELLS for column in shown) + GAP_CELLS
    flex_total = sum(column.flex for column in shown)
    placed = []
    x = gutter
    for column in shown:
        extra = 0
        if column.flex and left > 0:
            # What is left is divided step by step, so that rounding leaves no gap at the edge.
            extra = round(left * column.flex / flex_total)
            left -= extra
            flex_total -= column.flex
        cells = column.width + extra
        if x >= width:
            break
        cells = min(cells, width - x)
        placed.append(Placed(column, x, cells))
        x += cells + GAP_CELLS
    return tuple(placed)
