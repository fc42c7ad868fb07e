"""What all services of one store share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ParamSpec, TypeAlias, TypeVar

from engine.accesses import AccessLog, Pending
from engine.backends.base import Backend
from engine.clock import Clock
from engine.drafts import Drafting
from engine.errors import StaleIndexError
from engine.limits import Limits
from engine.procedures import reading
from engine.procedures.base import Procedure
from engine.procedures.names import Names
from engine.procedures.revisions import Author
from engine.procedures.selection import Reading, StatisticsCache
from engine.query import EVERYTHING, normalise, parse, parse_mongo
from engine.query.filter import Filter
from engine.services.catching_up import ATTEMPTS_MAX, bring_up_to_date
from engine.validation import check_name

P = ParamSpec("P")
R = TypeVar("R")

Query: TypeAlias = str | Mapping[str, Any] | Filter
"""A filter in the query language, as a Mongo-like dictionary, or as a tree."""


class Core:
    """The backend, the clock, the limits and the names that every service works with."""

    def __init__(
        self, backend: Backend, names: Names, *, actor: str, clock: Clock, drafting: Drafting
    ) -> None:
        self._backend = backend
        self._names = names
        self._actor = actor
        self._clock = clock
        self._drafting = drafting
        self._accesses = AccessLog(self._write_accesses, clock)
        self._reading = Reading(names, StatisticsCache(), self._accesses)

    @property
    def limits(self) -> Limits:
        """What this store accepts."""
        return self._drafting.limits

    @property
    def read_only(self) -> bool:
        """Whether writing is refused."""
        return self._backend.read_only

    def _filter(self, query: Query | None) -> Filter:
        if isinstance(query, str):
            return parse(query, limits=self.limits)
        if isinstance(query, Mapping):
            return parse_mongo(query, limits=self.limits)
        return EVERYTHING if query is None else normalise(query)

    def _author(self, actor: str | None, *, batch: int | None = None) -> Author:
        name = self._actor if actor is None else actor
        return Author(check_name("actor", name, self.limits), self._clock(), batch)

    async def _read(
        self, procedure: Callable[P, Procedure[R]], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Read; what a custom index named in the query lacks is made up for first.

        Raises:
            StaleIndexError: that cannot be done from here.
        """
        return await self._caught_up(lambda: self._backend.read(procedure, *args, **kwargs))

    async def _caught_up(self, read: Callable[[], Awaitable[R]]) -> R:
        """Read; when that needs a custom index that is behind, bring it up to date and try again.

        Raises:
            StaleIndexError: that cannot be done from here.
        """
        for _ in range(ATTEMPTS_MAX):
            try:
                return await read()
            except StaleIndexError as error:
                await self._catch_up(error)
        return await read()

    async def _catch_up(self, error: StaleIndexError) -> None:
        if self.read_only:
            raise error
        await bring_up_to_date(self._backend, self._names, error.name)

    async def _write_accesses(self, accesses: Mapping[int, Pending]) -> None:
        author = Author(self._actor, self._clock())
        await self._backend.write(reading.record_accesses, self._names, accesses, author)
