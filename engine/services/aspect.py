"""What the subjects of a store that have a name of their own share: `store.tiers`, and others."""

from __future__ import annotations

from engine.procedures.revisions import Author
from engine.services.core import Core


class Aspect:
    """One subject of an open store, over the same connections and clock."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._backend = core._backend
        self._names = core._names
        self._clock = core._clock

    def _author(self, actor: str | None) -> Author:
        return self._core._author(actor)
