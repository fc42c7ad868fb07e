"""Places and sets of item keys, cheap also for a million of them."""

from __future__ import annotations

from array import array
from collections.abc import Iterable


def find_key(keys: array[int], key: int, start: int = 0) -> int | None:
    """Return where a key is, from `start` on."""
    try:
        return keys.index(key, start)
    except ValueError:
        return None


class Marks:
    """A set of item keys, or everything in a list but some."""

    def __init__(self) -> None:
        self.all_matching = False
        """True: everything in the list is marked but what `excluded` holds."""
        self.included: set[int] = set()
        self.excluded: set[int] = set()

    def contains(self, key: int) -> bool:
        """Return whether an item of the list is marked."""
        return key not in self.excluded if self.all_matching else key in self.included

    def count(self, listed: int) -> int:
        """Return how many items are marked when the list holds `listed`."""
        return listed - len(self.excluded) if self.all_matching else len(self.included)

    def put(self, keys: Iterable[int], *, marked: bool) -> None:
        """Mark items, or take their marks away."""
        if marked is self.all_matching:
            (self.excluded if marked else self.included).difference_update(keys)
        else:
            (self.included if marked else self.excluded).update(keys)

    def toggle(self, key: int) -> None:
        """Mark an item that is not marked, and the other way round."""
        self.put((key,), marked=not self.contains(key))

    def mark_all(self) -> None:
        """Mark everything in the list."""
        self.clear()
        self.all_matching = True

    def clear(self) -> None:
        """Take all marks away."""
        self.all_matching = False
        self.included.clear()
        self.excluded.clear()

    def among(self, keys: array[int]) -> array[int]:
        """Return the marked ones of the list, in its order."""
        return array("q", filter(self.contains, keys))
