"""Small charts made of characters: bars of eighths, shades of a fill, braille lines. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_SHADES = "░▒▓█"
_BRAILLE = 0x2800
# Dots of a braille cell from the bottom up, left and right column.
_LEFT_DOTS = (0, 0x40, 0x44, 0x46, 0x47)
_RIGHT_DOTS = (0, 0x80, 0xA0, 0xB0, 0xB8)


def bar(fraction: float, cells: int) -> str:
    """Return a bar of exactly `cells` cells filled to `fraction`; anything above zero shows."""
    eighths = round(min(max(fraction, 0.0), 1.0) * cells * 8)
    if fraction > 0 and eighths == 0:
        eighths = 1
    full, rest = divmod(eighths, 8)
    drawn = "█" * full + (_EIGHTHS[rest] if rest else "")
    return drawn.ljust(cells)[:cells]


def track(fraction: float, cells: int) -> tuple[str, str]:
    """Return the filled and the empty part of a thin bar, together `cells` wide."""
    full = round(min(max(fraction, 0.0), 1.0) * cells)
    if fraction > 0 and full == 0:
        full = 1
    return "━" * full, "─" * (cells - full)


def shade(fraction: float) -> str:
    """Return one glyph for how full something is: `░` below a half, `▒`, `▓`, `█` when full."""
    if fraction >= 1:
        return _SHADES[3]
    if fraction >= 0.9:
        return _SHADES[2]
    return _SHADES[1] if fraction >= 0.5 else _SHADES[0]


_LEVELS = " ▁▂▃▄▅▆▇█"


def level(fraction: float) -> str:
    """Return one glyph for how large a part something is: nothing, then eighths of the height."""
    return _LEVELS[min(8, math.ceil(max(0.0, fraction) * 8))]


def braille_line(values: Sequence[float], cells: int, maximum: float | None = None) -> str:
    """Return the newest `2 * cells` values as a filled braille line of exactly `cells` cells."""
    shown = list(values)[-2 * cells :]
    top = maximum if maximum is not None else max(shown, default=0.0)
    heights = [_height(value, top) for value in shown]
    heights = [0] * (2 * cells - len(heights)) + heights
    return "".join(
        chr(_BRAILLE + _LEFT_DOTS[heights[index]] + _RIGHT_DOTS[heights[index + 1]])
        for index in range(0, 2 * cells, 2)
    )


def _height(value: float, top: float) -> int:
    """Return 0 to 4 dots; any value above zero shows at least one."""
    if value <= 0 or top <= 0:
        return 0
    return min(4, max(1, round(4 * value / top)))
