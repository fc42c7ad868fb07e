"""The pages of a damaged database, read as bytes: from its file, or its WAL where that is newer.

Everything is bounds-checked and nothing is trusted: what cannot be read is None, or left out.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

HEADER: Final = b"SQLite format 3\0"
PAGE_BYTES: Final = 4_096
"""Of every store; used where the header does not say."""
PENDING_BYTE: Final = 0x40000000
"""The page that holds it is never used."""

INTERIOR_INDEX, INTERIOR_TABLE, LEAF_INDEX, LEAF_TABLE = 2, 5, 10, 13
_CELLS_AT: Final = {INTERIOR_INDEX: 12, INTERIOR_TABLE: 12, LEAF_INDEX: 8, LEAF_TABLE: 8}
_ROOT, _INSIDE = 1, 5
_DEPTH_MAX: Final = 40
PAYLOAD_BYTES_MAX: Final = 1 << 30


class Cell(NamedTuple):
    """One entry of a b-tree page: its row id (None in an index) and its record."""

    rowid: int | None
    payload: bytes


@dataclass(frozen=True, slots=True)
class Journal:
    """The committed pages of a WAL: where each begins, by page number, and how many pages then."""

    frames: dict[int, int]
    pages: int
    damaged: bool


class Pages:
    """A database as its pages, numbered from 1; `data` and `log` are bytes or maps of files."""

    def __init__(self, data: Any, log: Any = b"", journal: Journal | None = None) -> None:
        self._data, self._log = data, log
        self._frames = journal.frames if journal else {}
        self.bytes = page_bytes(bytes(data[:100])) or PAGE_BYTES
        first = self.page(1) or b""
        self.header_is_whole = page_bytes(first[:100]) == self.bytes
        self.usable = self.bytes - (first[20] if self.header_is_whole else 0)
        self.version = int.from_bytes(first[60:64], "big") if self.header_is_whole else None
        self.count = max(-(-len(data) // self.bytes), max(self._frames, default=0))
        self._pending = PENDING_BYTE // self.bytes + 1

    @property
    def missing(self) -> int:
        """How many of the pages that the header speaks of the file ends before; 0 without one."""
        if not self.header_is_whole:
            return 0
        return max(0, int.from_bytes((self.page(1) or b"")[28:32], "big") - self.count)

    def page(self, number: int) -> bytes | None:
        """Return a page, None if the file ends before its end."""
        at = self._frames.get(number)
        if at is not None:
            return bytes(self._log[at : at + self.bytes])
        at = (number - 1) * self.bytes
        page = bytes(self._data[at : at + self.bytes]) if number > 0 else b""
        return page if len(page) == self.bytes else None

    def kind(self, number: int) -> int | None:
        """Return what kind of b-tree page one says it is, None if it is none."""
        page = self.page(number)
        if page is None:
            return None
        kind = page[100 if number == 1 else 0]
        return kind if kind in _CELLS_AT else None

    def parent(self, number: int) -> tuple[int, int] | None:
        """Return kind and parent of a page from the map that SQLite keeps to move pages."""
        per_map = self.usable // 5
        at = (number - 2) // (per_map + 1) * (per_map + 1) + 2
        if at == self._pending:
            at += 1
        page = self.page(at)
        place = (number - at - 1) * 5
        if page is None or number <= 2 or not 0 <= place <= self.usable - 5:
            return None
        return page[place], int.from_bytes(page[place + 1 : place + 5], "big")

    def root_of(self, number: int) -> int | None:
        """Return the root of the tree that a page belongs to, by the map; None if it is in none."""
        for _ in range(_DEPTH_MAX):
            found = self.parent(number)
            if found is None:
                return None
            kind, above = found
            if kind == _ROOT:
                return number
            if kind != _INSIDE:
                return None
            number = above
        return None

    def is_mapped(self, number: int) -> bool:
        """Return whether the map says something about a page that can be."""
        found = self.parent(number)
        return found is not None and found[0] in range(1, 6)

    def below(self, root: int) -> Iterator[int]:
        """Yield the pages of a tree from its root downwards, as far as they can be followed."""
        seen: set[int] = set()
        waiting = [root]
        while waiting:
            number = waiting.pop()
            if number in seen or not 0 < number <= self.count:
                continue
            seen.add(number)
            yield number
            kind = self.kind(number)
            if kind in (INTERIOR_INDEX, INTERIOR_TABLE):
                waiting.extend(self._children(number))

    def _children(self, number: int) -> Iterator[int]:
        page = self.page(number) or b""
        head = 100 if number == 1 else 0
        yield int.from_bytes(page[head + 8 : head + 12], "big")
        for at in self._cell_places(page, head):
            yield int.from_bytes(page[at : at + 4], "big")

    def _cell_places(self, page: bytes, head: int) -> Iterator[int]:
        first = head + _CELLS_AT[page[head]]
        count = int.from_bytes(page[head + 3 : head + 5], "big")
        for place in range(first, min(first + 2 * count, self.usable - 1), 2):
            at = int.from_bytes(page[place : place + 2], "big")
            if first <= at < self.usable:
                yield at

    def cells(self, number: int) -> Iterator[Cell | None]:
        """Yield the entries of a b-tree page; None for one that cannot be read."""
        page = self.page(number)
        kind = self.kind(number)
        if page is None or kind is None or kind == INTERIOR_TABLE:
            return
        for at in self._cell_places(page, 100 if number == 1 else 0):
            try:
                yield self._cell(page, kind, at)
            except (IndexError, ValueError):
                yield None

    def _cell(self, page: bytes, kind: int, at: int) -> Cell:
        if kind == INTERIOR_INDEX:
            at += 4
        size, at = varint(page, at)
        rowid = None
        if kind == LEAF_TABLE:
            rowid, at = varint(page, at)
        if not 0 <= size <= PAYLOAD_BYTES_MAX:
            raise ValueError("a record is larger than any can be")
        here = self._local(size, kind)
        if at + here > self.usable:
            raise ValueError("a record goes beyond its page")
        payload = page[at : at + here]
        if here < size:
            payload += self._overflow(page[at + here : at + here + 4], size - here)
        return Cell(rowid, payload)

    def _local(self, size: int, kind: int) -> int:
        """Return how many bytes of a record are on its page itself."""
        most = self.usable - 35 if kind == LEAF_TABLE else (self.usable - 12) * 64 // 255 - 23
        if size <= most:
            return size
        least = (self.usable - 12) * 32 // 255 - 23
        rest = least + (size - least) % (self.usable - 4)
        return rest if rest <= most else least

    def _overflow(self, following: bytes, wanted: int) -> bytes:
        parts: list[bytes] = []
        number = int.from_bytes(following, "big")
        while wanted > 0:
            page = self.page(number) if len(parts) <= self.count else None
            if page is None:
                raise ValueError("a record is not whole")
            part = page[4 : min(self.usable, 4 + wanted)]
            parts.append(part)
            wanted -= len(part)
            number = int.from_bytes(page[:4], "big")
        return b"".join(parts)


def page_bytes(header: bytes) -> int | None:
    """Return the size of the pages if this is a header, else None."""
    if not header.startswith(HEADER) or len(header) < 100:
        return None
    size = int.from_bytes(header[16:18], "big")
    size = 65_536 if size == 1 else size
    return size if size >= 512 and size & (size - 1) == 0 else None


def varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a number of 1 to 9 bytes, signed, and where it ends.

    Raises:
        IndexError: the data ends before it does.
    """
    value = 0
    for place in range(8):
        byte = data[at + place]
        value = value << 7 | byte & 127
        if byte < 128:
            return value, at + place + 1
    value = value << 8 | data[at + 8]
    return value - (1 << 64) if value >> 63 else value, at + 9


_SIZES: Final = {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 7: 8, 8: 0, 9: 0}


def record(payload: bytes) -> list[Any]:
    """Return the values of a record.

    Raises:
        ValueError: it is none.
    """
    try:
        head, at = varint(payload, 0)
        kinds = []
        while at < head:
            kind, at = varint(payload, at)
            kinds.append(kind)
    except IndexError as error:
        raise ValueError("the head of a record is cut short") from error
    if at != head or not kinds:
        raise ValueError("a record has no head")
    values = []
    for kind in kinds:
        size = _SIZES[kind] if kind in _SIZES else (kind - 12) // 2
        data = payload[at : at + size]
        if kind in (10, 11) or kind < 0 or len(data) != size:
            raise ValueError("a record is cut short")
        values.append(_value(kind, data))
        at += size
    return values


def _value(kind: int, data: bytes) -> Any:
    if kind == 0:
        return None
    if kind < 7:
        return int.from_bytes(data, "big", signed=True)
    if kind == 7:
        return struct.unpack(">d", data)[0]
    if kind < 10:
        return kind - 8
    return data.decode() if kind % 2 else data


def read_journal(log: Any, wanted_bytes: int) -> Journal | None:
    """Return what a WAL has committed, None if it is none for pages of this size.

    Unlike SQLite it goes on after a frame that is damaged, and leaves that out.
    """
    head = bytes(log[:32])
    if len(head) < 32:
        return None
    magic, _, size, _ = struct.unpack(">4I", head[:16])
    if magic not in (0x377F0682, 0x377F0683) or size != wanted_bytes:
        return None
    order = ">" if magic & 1 else "<"
    salts = head[16:24]
    last = struct.unpack(">2I", head[24:32])
    committed: dict[int, int] = {}
    open_frames: dict[int, int] = {}
    pages = 0
    damaged = _checksum(head[:24], (0, 0), order) != last
    for at in range(32, len(log) - 24 - size + 1, 24 + size):
        frame = bytes(log[at : at + 24])
        if frame[8:16] != salts:
            # What is left of an earlier use of the file.
            break
        (
            number,
            after,
        ) = struct.unpack(">2I", frame[:8])
        stated = struct.unpack(">2I", frame[16:24])
        summed = _checksum(frame[:8] + bytes(log[at + 24 : at + 24 + size]), last, order)
        last = stated
        if summed != stated:
            damaged = True
            continue
        open_frames[number] = at + 24
        if after:
            committed |= open_frames
            open_frames.clear()
            pages = after
    return Journal({n: at for n, at in committed.items() if n <= pages}, pages, damaged)


def _checksum(data: bytes, start: tuple[int, int], order: str) -> tuple[int, int]:
    """Return SQLite's checksum of a WAL's frames."""
    first, second = start
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for index in range(0, len(words), 2):
        first = (first + words[index] + second) & 0xFFFFFFFF
        second = (second + words[index + 1] + first) & 0xFFFFFFFF
    return first, second
