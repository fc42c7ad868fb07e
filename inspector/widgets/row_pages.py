"""Rows of a table kept while they are near, with how old they are. Knows no widget."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

_STALE = -1


class Entry(NamedTuple):
    """What is known of one item."""

    row: Any
    deleted: bool
    fresh_as_of: int


class RowCache:
    """The most recently used rows by item key.

    `epoch` grows when everything may have changed: rows of an earlier epoch are still shown, and
    fetched again.
    """

    def __init__(self, rows_max: int) -> None:
        self._rows_max = rows_max
        self._entries: OrderedDict[int, Entry] = OrderedDict()
        self._expected: set[int] = set()
        self._expected_epoch = 0
        self.epoch = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: int) -> Entry | None:
        """Return what is known of an item, and count it as used."""
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
        return entry

    def is_fresh(self, key: int) -> bool:
        """Return whether an item need not be fetched."""
        entry = self._entries.get(key)
        return entry is not None and entry.fresh_as_of >= self.epoch

    def expect(self, keys: Iterable[int]) -> None:
        """Remember which items are being fetched: what happens to them meanwhile is not in it."""
        self._expected = set(keys)
        self._expected_epoch = self.epoch

    def store(self, wanted: Iterable[int], answer: Mapping[int, Any]) -> None:
        """Keep the answer for what was expected; what it lacks has been deleted."""
        for key in wanted:
            fresh_as_of = self._expected_epoch if key in self._expected else _STALE
            row = answer.get(key)
            if row is None:
                # The last that was seen of a deleted item still says which one it was.
                before = self._entries.get(key)
                entry = Entry(before.row if before else None, True, fresh_as_of)
            else:
                entry = Entry(row, False, fresh_as_of)
            self._entries[key] = entry
            self._entries.move_to_end(key)
        while len(self._entries) > self._rows_max:
            self._entries.popitem(last=False)

    def outdate(self, keys: Iterable[int] | None) -> None:
        """Let rows be fetched again when they are next in view; None means all."""
        if keys is None:
            self.epoch += 1
            return
        for key in keys:
            self._expected.discard(key)
            entry = self._entries.get(key)
            if entry is not None:
                self._entries[key] = entry._replace(fresh_as_of=_STALE)
