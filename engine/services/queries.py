"""Asking: pages, scans, full text, counts and facets."""

from __future__ import annotations

from array import array
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from functools import partial
from typing import Any, Final

from engine.errors import StaleIndexError
from engine.models import Facets, Item, Page, Preview, SearchResult
from engine.procedures import items, lookup, search, selection
from engine.procedures.base import Procedure
from engine.query.plan import parse_order
from engine.services.catching_up import ATTEMPTS_MAX
from engine.services.core import Core, Query
from engine.validation import bounded

PAGE_MAX: Final = 100_000
"""Items of one page; `iterate` goes through more."""
HITS_MAX: Final = 1_000


class QueryService(Core):
    """The part of a store that finds items."""

    async def query(
        self,
        query: Query = "",
        *,
        order_by: str = "-created_at",
        limit: int = 100,
        after: str | None = None,
    ) -> Page:
        """Return a page of the items that match; `after` is the `cursor` of the page before.

        Raises:
            InvalidFilterError: the query does not parse, or there is no such order.
            InvalidCursorError: the cursor belongs to another query.
            QueryTimeoutError: it ran for longer than `limits.query_seconds_max`.
        """
        return await self._read(
            selection.query_page,
            self._reading,
            self._filter(query),
            self._clock(),
            order=parse_order(order_by),
            limit=bounded(limit, least=1, most=PAGE_MAX),
            after=after,
        )

    async def iterate(
        self, query: Query = "", *, order_by: str = "created_at", skip_corrupt: bool = False
    ) -> AsyncGenerator[Item, None]:
        """Yield every item that matches, all from one snapshot, however many there are.

        Raises:
            CorruptItemError: one is damaged (unless `skip_corrupt`).
        """

        def load(rows: list[tuple[int]]) -> Any:
            keys = [key for (key,) in rows]
            return items.load_items(self._names, self._accesses, keys, skip_corrupt=skip_corrupt)

        async with aclosing(self._stream(query, order_by, load, first=256, chunk=256)) as chunks:
            async for chunk in chunks:
                for item in chunk:
                    yield item

    async def scan(
        self,
        query: Query = "",
        *,
        order_by: str = "-created_at",
        first: int = 256,
        chunk: int = 8192,
    ) -> AsyncGenerator[array[int], None]:
        """Yield the row keys of every match in order: `first` of them, then `chunk` at a time.

        For large views: eight bytes a row; `previews` makes rows of those that are on screen.
        Closing the iterator stops SQLite.
        """
        async with aclosing(
            self._stream(query, order_by, _keys, first=first, chunk=chunk)
        ) as chunks:
            async for keys in chunks:
                yield keys

    async def _stream(
        self, query: Query, order_by: str, convert: Any, *, first: int, chunk: int
    ) -> AsyncGenerator[Any, None]:
        procedure = partial(
            selection.list_keys,
            self._reading,
            self._filter(query),
            self._clock(),
            order=parse_order(order_by),
            first=first,
        )
        for attempt in range(1, ATTEMPTS_MAX + 1):
            try:
                async with aclosing(self._backend.stream(procedure, convert, chunk=chunk)) as rows:
                    async for converted in rows:
                        yield converted
                return
            except StaleIndexError as error:
                # Told before the first row: nothing is given twice.
                if attempt == ATTEMPTS_MAX:
                    raise
                await self._catch_up(error)

    async def previews(self, keys: Iterable[int]) -> dict[int, Preview]:
        """Return rows of a list by row key; a key that is missing was deleted."""
        return await self._backend.read(
            items.load_previews, self._names, self._accesses, list(keys)
        )

    async def find_keys(self, ids: Iterable[str]) -> dict[str, int]:
        """Return the row keys of those of the ids that exist."""
        return await self._backend.read(items.find_item_keys, list(ids))

    async def search(
        self, words: str, *, where: Query = "", limit: int = 20, prefix: bool = False
    ) -> SearchResult:
        """Return the items whose text answers `words` best, ranked, among those that match `where`.

        With `prefix` the last word may be unfinished. The result says which words were too
        common to use, and whether only the newest matches were ranked.
        """
        return await self._read(
            search.search_items,
            self._reading,
            words[: self.limits.query_chars_max],
            self._filter(where),
            self._clock(),
            limit=bounded(limit, least=1, most=HITS_MAX),
            prefix=prefix,
        )

    async def count(self, query: Query = "") -> int:
        """Return how many items match, exactly."""
        return await self._read(
            selection.count_items, self._reading, self._filter(query), self._clock()
        )

    async def facets(self, where: Query = "", *, tags_max: int = 50) -> Facets:
        """Return counts by tier, kind, agent and (the `tags_max` most frequent) tag."""
        return await self._read(
            selection.count_facets,
            self._reading,
            self._filter(where),
            self._clock(),
            tags_max=bounded(tags_max),
        )

    async def complete(self, field: str, prefix: str, limit: int = 20) -> list[tuple[str, int]]:
        """Return what a value may be, most frequent first, with how many items have it.

        `field` is `tag`, `agent`, `kind`, `session`, `metadata` (the keys of metadata) or
        `index` (the names of custom indexes, each with 0).
        """
        return await self._backend.read(lookup.complete, field, prefix, bounded(limit))


def _keys(rows: list[tuple[int]]) -> Procedure[array[int]]:
    """Return row keys as an array; a procedure that needs no statement."""
    yield from ()
    return array("q", [key for (key,) in rows])
