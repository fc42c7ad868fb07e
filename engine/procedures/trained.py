"""Dictionaries trained on a store's own contents, by which small texts pack well."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from engine.packing import Trained
from engine.procedures.base import Procedure, Statement


class TrainedDictionaries:
    """The trained dictionaries of a store that were needed so far. They never change."""

    def __init__(self) -> None:
        self.known: dict[int, Trained] = {}

    def load(self, wanted: Iterable[int]) -> Procedure[None]:
        """Make sure that these are known, as far as they exist."""
        for key in sorted(set(wanted) - self.known.keys()):
            rows = yield Statement("SELECT data FROM dictionaries WHERE dictionary_key = ?", (key,))
            # Without a damaged one, what was packed with it fails the test against its hash.
            with suppress(ValueError):
                if rows:
                    self.known[key] = Trained(rows[0][0])
