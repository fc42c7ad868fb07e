"""One change to many items."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

from engine.drafts import UNCHANGED, UnchangedType
from engine.errors import InvalidItemError
from engine.models import BulkResult, Tier
from engine.procedures import mutations, selection
from engine.procedures.base import Procedure
from engine.procedures.revisions import Author
from engine.services.core import Query
from engine.services.history import HistoryService
from engine.services.queries import QueryService

WRITE_MAX: Final = 10_000
"""Items that one transaction of a bulk action revises; others may write in between."""

Progress: TypeAlias = Callable[[int, int], None]
"""Told how many items are done, and how many there are."""


class BulkService(QueryService, HistoryService):
    """The part of a store that changes many items at once."""

    async def bulk_update(
        self,
        *,
        ids: Iterable[str] | None = None,
        query: Query | None = None,
        agent: str | UnchangedType = UNCHANGED,
        kind: str | UnchangedType = UNCHANGED,
        tier: Tier | str | UnchangedType = UNCHANGED,
        importance: float | UnchangedType = UNCHANGED,
        add_tags: Iterable[str] = (),
        remove_tags: Iterable[str] = (),
        actor: str | None = None,
        progress: Progress | None = None,
    ) -> BulkResult:
        """Make one change to many items, given by id or by a query.

        Up to 10,000 items are one transaction; of more, each 10,000, and a failure or a
        cancellation takes back what was done. `progress` is told after each of them how many
        items are behind it, and of how many.
        """
        edit = self._drafting.edit(
            agent=agent,
            kind=kind,
            tier=tier,
            importance=importance,
            add_tags=add_tags,
            remove_tags=remove_tags,
        )
        keys = await self._bulk_keys(ids, query)
        return await self._in_chunks(
            keys,
            lambda part, author: mutations.edit_many(self._names, part, edit, author),
            actor,
            progress,
        )

    async def bulk_delete(
        self,
        *,
        ids: Iterable[str] | None = None,
        query: Query | None = None,
        actor: str | None = None,
        progress: Progress | None = None,
    ) -> BulkResult:
        """Delete many items, given by id or by a query; transactions as in `bulk_update`."""
        keys = await self._bulk_keys(ids, query)
        return await self._in_chunks(
            keys,
            lambda part, author: mutations.delete_many(self._names, part, author),
            actor,
            progress,
        )

    async def _bulk_keys(self, ids: Iterable[str] | None, query: Query | None) -> list[int]:
        if (ids is None) == (query is None):
            raise InvalidItemError(
                "a bulk action needs either ids or a query", hint='query="" is everything'
            )
        if ids is not None:
            return list((await self.find_keys(ids)).values())
        return await self._read(
            selection.all_keys, self._reading, self._filter(query), self._clock()
        )

    async def _in_chunks(
        self,
        keys: list[int],
        revise: Callable[[list[int], Author], Procedure[BulkResult]],
        actor: str | None,
        progress: Progress | None,
    ) -> BulkResult:
        count, first, last = 0, None, None
        writing: asyncio.Future[BulkResult] | None = None
        try:
            for start in range(0, len(keys), WRITE_MAX):
                author = self._author(actor, batch=first)
                part = keys[start : start + WRITE_MAX]
                writing = asyncio.ensure_future(self._backend.write(revise, part, author))
                done = await asyncio.shield(writing)
                count += done.count
                first, last = first or done.first_sequence, done.last_sequence or last
                if progress is not None:
                    progress(start + len(part), len(keys))
        except BaseException:
            # What is being written when the caller goes away is part of what is taken back.
            if writing is not None:
                await asyncio.wait([writing])
                if writing.exception() is None:
                    done = writing.result()
                    first, last = first or done.first_sequence, done.last_sequence or last
            if first is not None and last is not None:
                await asyncio.shield(self.undo(first, last, force=True, actor=actor))
            raise
        return BulkResult(count=count, first_sequence=first, last_sequence=last)
