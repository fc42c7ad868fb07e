"""Contents: what items hold, packed, each stored once for all who refer to it.

A row of `contents` is never changed while somebody refers to it: an item (`items.content_key`), a
change that ended it (`changes.content_key`), or a delta whose base it is. `uses` counts them, so
that an update or a deletion hands its content to the change log without copying it, and equal
items can share one row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from engine.compression import decompress_bounded
from engine.models import Codec
from engine.packing import unpack_delta
from engine.procedures.base import Procedure, Row, Rows, Statement
from engine.procedures.names import json_values
from engine.procedures.trained import TrainedDictionaries

COLUMNS: Final = "c.codec, c.size_bytes, c.dictionary_key, c.base_key, c.data"
"""What `unpacked` needs of a row of `contents c`, in this order."""
_CODEC, _SIZE, _DICTIONARY, _BASE, _DATA = range(5)


class Packed(NamedTuple):
    """One row of `contents`."""

    codec: int
    size_bytes: int
    dictionary_key: int | None
    base_key: int | None
    data: bytes


def unpacked(trained: TrainedDictionaries, rows: Rows, at: int) -> Procedure[Rows]:
    """Return rows in which contents packed against others are unpacked; the others as they are.

    `COLUMNS` begin at column `at` and end the row. Bytes that cannot be unpacked become none, and
    fail the test against their hash.
    """
    packed = [
        Packed(*row[at:])
        for row in rows
        if (row[at] or 0) >= Codec.JSON_DICTIONARY and row[at + _DATA] is not None
    ]
    if not packed:
        return rows
    bases = yield from _load_bases(trained, packed)
    yield from trained.load(p.dictionary_key for p in packed if p.dictionary_key is not None)
    return list(_with_raw(trained, rows, at, bases))


def _load_bases(
    trained: TrainedDictionaries, packed: Iterable[Packed]
) -> Procedure[dict[int, bytes]]:
    keys = {p.base_key for p in packed if p.base_key is not None}
    if not keys:
        return {}
    rows = yield Statement(
        f"SELECT c.content_key, {COLUMNS} FROM contents c "
        "WHERE c.content_key IN (SELECT value FROM json_each(?))",
        (json_values(sorted(keys)),),
    )
    found = {key: Packed(*columns) for key, *columns in rows}
    yield from trained.load(b.dictionary_key for b in found.values() if b.dictionary_key)
    return {key: unpack(base, trained, {}) for key, base in found.items()}


def _with_raw(
    trained: TrainedDictionaries, rows: Rows, at: int, bases: dict[int, bytes]
) -> Iterator[Row]:
    for row in rows:
        if (row[at] or 0) >= Codec.JSON_DICTIONARY and row[at + _DATA] is not None:
            yield (*row[: at + _DATA], unpack(Packed(*row[at:]), trained, bases))
        else:
            yield row


def unpack(packed: Packed, trained: TrainedDictionaries, bases: dict[int, bytes]) -> bytes:
    """Return the bytes of a content whose dictionary and base are at hand; none if damaged."""
    codec, size, dictionary_key, base_key, data = packed
    try:
        if codec >= Codec.JSON_DELTA:
            return unpack_delta(data, bases[base_key or 0], size)
        if codec >= Codec.JSON_DICTIONARY:
            return trained.known[dictionary_key or 0].unpack(data, size)
        return decompress_bounded(data, size) if codec >= Codec.JSON_COMPRESSED else data
    except (KeyError, ValueError):
        return b""
