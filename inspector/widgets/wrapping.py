"""Lines of pieces broken to a width: at words where there are any, anywhere where not. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from rich.cells import cell_len, get_character_cell_size

from inspector.display import visible_line
from inspector.widgets.roles import Line, Piece, Role

_WORDS = re.compile(r"\s*\S+|\s+")
_INDENT_MAX = 24


def cells_of(text: str) -> int:
    """Return the width of visible text."""
    return len(text) if text.isascii() else cell_len(text)


def line_cells(line: Line) -> int:
    """Return the width of a line."""
    return sum(cells_of(text) for text, _ in line)


def safe_line(line: Iterable[Piece]) -> Line:
    """Return a line with its texts made visible, however long they are."""
    return tuple((_whole_line(text), role) for text, role in line)


def _whole_line(text: str) -> str:
    """Return a text on one line without the limit that `visible_line` sets for rows."""
    step = 4096
    if len(text) <= step:
        return visible_line(text)
    return "".join(visible_line(text[start : start + step]) for start in range(0, len(text), step))


def wrap_line(line: Line, width: int) -> list[Line]:
    """Return a visible line as lines of at most `width` cells, continued below its indent."""
    if width <= 0 or line_cells(line) <= width:
        return [line]
    indent = _indent_of(line)
    indent = indent if indent <= min(_INDENT_MAX, width // 2) else 0
    margin: Line = ((" " * indent, Role.PLAIN),) if indent else ()
    lines: list[Line] = []
    current: list[Piece] = []
    used = 0
    for text, role in line:
        for part, cells in _parts(text, width - indent):
            if used + cells > width:
                lines.append(_merged(current))
                current, used = list(margin), indent
                part = part.lstrip(" ")  # noqa: PLW2901 - a line does not begin with its separator
                cells = cells_of(part)  # noqa: PLW2901
            if part:
                current.append((part, role))
                used += cells
    lines.append(_merged(current))
    return lines


def _indent_of(line: Line) -> int:
    """Return how far a line is indented."""
    text = line[0][0] if line else ""
    return len(text) - len(text.lstrip(" "))


def _parts(text: str, width: int) -> Iterator[tuple[str, int]]:
    """Yield words with the space before them, and words wider than the screen in slices."""
    for match in _WORDS.finditer(text):
        word = match[0]
        cells = cells_of(word)
        # Scripts written without spaces break between any two characters.
        if cells <= width and (cells == len(word) or len(word) == 1):
            yield word, cells
        else:
            yield from _slices(word, width)


def _slices(word: str, width: int) -> Iterator[tuple[str, int]]:
    """Yield a long or wide word in slices that fit; wide characters one by one."""
    start = 0
    used = 0
    for index, character in enumerate(word):
        cells = get_character_cell_size(character)
        if index > start and (used + cells > width or cells == 2):
            yield word[start:index], used
            start, used = index, 0
        used += cells
    yield word[start:], used


def _merged(pieces: list[Piece]) -> Line:
    """Return pieces with neighbours of one role joined."""
    merged: list[Piece] = []
    for text, role in pieces:
        if merged and merged[-1][1] is role:
            merged[-1] = (merged[-1][0] + text, role)
        else:
            merged.append((text, role))
    return tuple(merged)
