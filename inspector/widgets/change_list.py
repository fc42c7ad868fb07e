"""The planned changes of one policy: any number of them, only those in view are drawn.

`ChangeList()`; `show(title, changes, left_out=...)`; `left_out` says of a change whether it is
left out of the plan. Property: `change`, the one under the cursor. Messages: `Highlighted(change)`,
`Opened(change)`.

Keys: those of `CursorView`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from textual.message import Message
from textual.strip import Strip

from inspector import formatting
from inspector.widgets.column_view import ColumnView
from inspector.widgets.columns import GAP_CELLS, Column
from inspector.widgets.roles import Line, Piece, Role

if TYPE_CHECKING:
    from inspector.gateway import PlannedChange


def _freed(change: PlannedChange) -> tuple[str, Role]:
    if not change.bytes_freed:
        return "-", Role.DIM
    return formatting.byte_size(change.bytes_freed), Role.NUMBER


def _related(change: PlannedChange) -> tuple[str, Role]:
    alike = "" if change.similarity is None else f" {change.similarity:.0%}"
    return ", ".join(change.related) + alike, Role.LINK


COLUMNS = (
    Column(
        name="id",
        title="item",
        width=18,
        flex=0.5,
        elide="middle",
        render=lambda change: (change.item_id, Role.STRONG),
    ),
    Column(
        name="action",
        title="action",
        width=11,
        flex=0.1,
        render=lambda change: (change.action, Role.ACCENT),
    ),
    Column(name="frees", title="frees", width=7, align="right", render=_freed),
    Column(
        name="related",
        title="with",
        width=10,
        flex=0.3,
        shows_from=60,
        elide="middle",
        render=_related,
    ),
    Column(
        name="reason",
        title="because",
        width=16,
        flex=0.5,
        shows_from=52,
        render=lambda change: (change.reason, Role.DIM),
    ),
)


class ChangeList(ColumnView):
    """What would be done to which item, and why."""

    GUTTER_CELLS = 4
    HELP = """\
The items that a policy would change. Enter or `v` shows an item before and after; `x` leaves it
out of the plan, or takes it in again.
"""

    class Highlighted(Message):
        """Another change is under the cursor, or none."""

    class Opened(Message):
        """A change was opened with Enter or a double click."""

        def __init__(self, change: PlannedChange) -> None:
            super().__init__()
            self.change = change

    def __init__(self, **options: Any) -> None:
        super().__init__(COLUMNS, **options)
        self._changes: Sequence[PlannedChange] = ()
        self._left_out: Callable[[PlannedChange], bool] = lambda _: False

    @property
    def row_count(self) -> int:
        """How many changes there are."""
        return len(self._changes)

    @property
    def change(self) -> PlannedChange | None:
        """The change under the cursor."""
        return self._changes[self.cursor_row] if self._changes else None

    def show(
        self,
        title: Line,
        changes: Sequence[PlannedChange],
        *,
        left_out: Callable[[PlannedChange], bool],
    ) -> None:
        """Show these changes; of the same ones, the cursor stays where it is."""
        same = changes is self._changes
        self._changes, self._left_out = changes, left_out
        self.set_title(title)
        related = any(change.related for change in changes[:1])
        self.set_columns([column for column in COLUMNS if related or column.name != "related"])
        self.rows_changed()
        if not same:
            self.put_cursor(0, 0)
        self.post_message(self.Highlighted())

    def cursor_moved(self, old: int, new: int) -> None:
        """Announce that another change is under the cursor."""
        self.post_message(self.Highlighted())

    def row_chosen(self, row: int) -> None:
        """Announce that a change was opened."""
        self.post_message(self.Opened(self._changes[row]))

    # Drawing -------------------------------------------------------------------------------

    def render_row(self, row: int, width: int) -> Strip:
        """Draw one change."""
        change = self._changes[row]
        at_cursor = row == self.cursor_row
        base = self.component_style("view--cursor") if at_cursor else self.rich_style
        out = self._left_out(change)
        pieces: list[Piece] = [
            ("▸ " if at_cursor else "  ", Role.PLAIN),
            ("✗ " if out else "  ", Role.WARNING),
        ]
        for placed in self.cells(width):
            text, role = placed.column.cell(change, placed.cells)
            if out and placed.column.name == "action":
                text = formatting.align("left out", placed.cells)
            pieces.append((text, Role.DIM if out else role))
            pieces.append((" " * GAP_CELLS, Role.PLAIN))
        return self.strip(pieces, width, base)

    def render_empty(self, y: int, width: int) -> Strip:
        """Say that there is nothing."""
        if self._changes or y != 0:
            return super().render_empty(y, width)
        return self.strip((("    nothing to do", Role.DIM),), width, self.rich_style)
