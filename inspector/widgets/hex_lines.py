"""Bytes as the lines of a hex dump, made when they are drawn. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

from inspector.widgets.roles import Line, Role

_OFFSET_CELLS = 8
_GROUP_BYTES = 8
_DOT = "·"
_PRINTABLE = "".join(chr(code) if 0x20 <= code < 0x7F else _DOT for code in range(256))


def bytes_per_row(width: int) -> int:
    """Return how many bytes fit on a line: 16 on a wide screen, 8 or 4 on others."""
    for count in (16, 8):
        if row_cells(count) <= width:
            return count
    return 4


def row_cells(count: int) -> int:
    """Return the width of a line of so many bytes."""
    groups = (count + _GROUP_BYTES - 1) // _GROUP_BYTES
    return _OFFSET_CELLS + 2 + count * 3 + groups + count


class HexLines(Sequence[Line]):
    """The dump of `data`; `last` is a line after it."""

    def __init__(self, data: bytes, per_row: int, last: Line | None = None) -> None:
        self._data = data
        self._per_row = per_row
        self._rows = (len(data) + per_row - 1) // per_row
        self._last = last

    @property
    def cells(self) -> int:
        """The width of a line."""
        return row_cells(self._per_row)

    def __len__(self) -> int:
        return self._rows + (self._last is not None)

    @overload
    def __getitem__(self, index: int) -> Line: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Line]: ...

    def __getitem__(self, index: int | slice) -> Line | Sequence[Line]:
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(len(self)))]
        if index < 0:
            index += len(self)
        if not 0 <= index < len(self):
            raise IndexError(index)
        if index == self._rows and self._last is not None:
            return self._last
        return self._row(index)

    def _row(self, index: int) -> Line:
        start = index * self._per_row
        data = self._data[start : start + self._per_row]
        groups = [
            data[position : position + _GROUP_BYTES].hex(" ")
            for position in range(0, len(data), _GROUP_BYTES)
        ]
        cells = row_cells(self._per_row) - _OFFSET_CELLS - 2 - self._per_row
        return (
            (f"{start:0{_OFFSET_CELLS}x}  ", Role.DIM),
            ("  ".join(groups).ljust(cells), Role.NUMBER),
            ("".join(_PRINTABLE[byte] for byte in data), Role.STRING),
        )
