"""How full a tier is, and what came and went, in one short line. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from inspector import formatting
from inspector.display import visible_line
from inspector.widgets import bars
from inspector.widgets.roles import Line, Piece, Role
from inspector.widgets.wrapping import line_cells

if TYPE_CHECKING:
    from inspector.gateway.tiers import TierFill

_INDENT = "   "
_AGENT_CELLS_MAX = 12


def fill_line(fill: TierFill, width: int) -> Line:
    """Return as much as there is room for: `harbor 96/100 ▓ 3 in 1 out`, or `96/100 ▓ +3 -1`."""
    line: Line = ()
    for named, words in ((True, True), (True, False), (False, False)):
        for number in (formatting.count, formatting.short_count):
            parts = [*_room(fill, number, named=named), *_flow(fill, words=words)]
            line = tuple(
                (f"{' ' if at else _INDENT}{text}", role) for at, (text, role) in enumerate(parts)
            )
            if line_cells(line) <= width:
                return line
    return line


def _room(fill: TierFill, number: Callable[[int], str], *, named: bool) -> Iterator[Piece]:
    """Yield how much of the capacity is taken, and by whom."""
    if fill.capacity is None:
        return
    if named and fill.agent:
        yield visible_line(fill.agent, _AGENT_CELLS_MAX), Role.DIM
    share = fill.count / max(1, fill.capacity)
    taken = f"{number(fill.count)}/{number(fill.capacity)}"
    yield taken, Role.WARNING if share >= 1 else Role.NUMBER
    yield bars.shade(share), Role.KEY


def _flow(fill: TierFill, *, words: bool) -> Iterator[Piece]:
    """Yield what came and what went."""
    for number, word, sign in ((fill.entered, "in", "+"), (fill.left, "out", "-")):
        if number:
            short = formatting.short_count(number)
            yield f"{short} {word}" if words else f"{sign}{short}", Role.DIM
