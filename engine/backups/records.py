"""The inside of an incremental backup: frames of rows, written and read as a stream.

A frame is two lengths, rows as JSON, and the bytes of all blobs of these rows one after another;
in a row `[n]` stands for the next `n` of them, since no value of SQLite is a list.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Any, Final

import orjson

from engine.errors import CorruptBackupError
from engine.procedures.increments import Record

_LENGTHS: Final = struct.Struct(">II")
FRAME_BYTES_MAX: Final = 1 << 30
"""SQLite holds no larger value."""
END: Final = "end"
"""The section of the last frame: without it the stream was cut."""


def encode(record: Record) -> bytes:
    """Return a record as a frame."""
    blobs: list[bytes] = []
    rows = [[_without_blob(value, blobs) for value in row] for row in record.rows]
    text = orjson.dumps([record.section, rows])
    blob = b"".join(blobs)
    return _LENGTHS.pack(len(text), len(blob)) + text + blob


def _without_blob(value: Any, blobs: list[bytes]) -> Any:
    if not isinstance(value, bytes):
        return value
    blobs.append(value)
    return [len(value)]


def decode_all(chunks: Iterable[bytes]) -> Iterator[Record]:
    """Yield the records of a stream up to its end.

    Raises:
        CorruptBackupError: it is not what `encode` wrote, or has no end.
    """
    stream = _Stream(chunks)
    while True:
        text_bytes, blob_bytes = _LENGTHS.unpack(stream.take(_LENGTHS.size))
        if text_bytes + blob_bytes > FRAME_BYTES_MAX:
            raise _damaged("a frame is too large")
        record = _decode(stream.take(text_bytes), stream.take(blob_bytes))
        if record.section == END:
            stream.finish()
            return
        yield record


def _decode(text: bytes, blob: bytes) -> Record:
    try:
        section, rows = orjson.loads(text)
    except ValueError as error:
        raise _damaged("a frame is no JSON") from error
    if not isinstance(section, str) or not isinstance(rows, list):
        raise _damaged("a frame has no rows")
    if not blob and b"[0]" not in text:
        return Record(section, [tuple(row) for row in rows])
    at = 0
    whole = []
    for row in rows:
        if not isinstance(row, list):
            raise _damaged("a row is no list")
        values = []
        for value in row:
            if isinstance(value, list):
                size = value[0] if len(value) == 1 else None
                if type(size) is not int or not 0 <= size <= len(blob) - at:
                    raise _damaged("a blob has an impossible length")
                values.append(blob[at : at + size])
                at += size
            elif isinstance(value, dict):
                raise _damaged("a value is an object")
            else:
                values.append(value)
        whole.append(tuple(values))
    if at != len(blob):
        raise _damaged("there are more blobs than rows")
    return Record(section, whole)


class _Stream:
    """Chunks of any size, taken in pieces of the size that is wanted."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = bytearray()

    def take(self, size: int) -> bytes:
        while len(self._rest) < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                raise _damaged("it ends in the middle")
            self._rest += chunk
        taken = bytes(self._rest[:size])
        del self._rest[:size]
        return taken

    def finish(self) -> None:
        """Read what is left, of which there must be none."""
        if self._rest or any(self._chunks):
            raise _damaged("there is something after its end")


def _damaged(what: str) -> CorruptBackupError:
    return CorruptBackupError(
        f"the changes in an incremental backup are damaged: {what}", hint="use another backup"
    )
