"""How full a tier is, and what came and went, in one short line. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from inspector import formatting
from inspector.display import visible_line
from inspector.widgets import bars
from inspector.widgets.roles import Line, Role
from inspector.widgets.wrapping import line_cells

if TYPE_CHECKING:
    from inspector.gateway.tiers import TierFill

_INDENT = "   "
_AGENT_CELLS_MAX = 12


def fill_line(fill: TierFill, width: int) -> Line:
    """Return as much as there is room for: `harbor 96/100 ▓  3 in 1 out`, or `96/100 ▓ +3 -1`."""
    for named in (True, False):
        for number in (formatting.count, formatting.short_count):
            line = _line(fill, number, named=named)
            if line_cells(line) <= width:
                return line
    return line


def _line(fill: TierFill, number: Callable[[int], str], *, named: bool) -> Line:
    line: Line = ((_INDENT, Role.PLAIN),)
    if fill.capacity is not None:
        if named and fill.agent:
            line = (*line, (f"{visible_line(fill.agent, _AGENT_CELLS_MAX)} ", Role.DIM))
        share = fill.count / max(1, fill.capacity)
        role = Role.WARNING if share >= 1 else Role.NUMBER
        line = (
            *line,
            (f"{number(fill.count)}/{number(fill.capacity)}", role),
            (f" {bars.shade(share)}", Role.KEY),
        )
    if fill.entered or fill.left:
        entered, left = formatting.short_count(fill.entered), formatting.short_count(fill.left)
        words = f" {entered} in {left} out" if named else f" +{entered} -{left}"
        line = (*line, (words, Role.DIM))
    return line
