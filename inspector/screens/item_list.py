"""The list of the Browse screen: runs queries, follows changes, and says how it stands."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

from inspector import formatting
from inspector.gateway import LIVE_IDS_MAX

if TYPE_CHECKING:
    from inspector.gateway import ChangeNotice, Filter, Gateway, Preview
    from inspector.widgets.item_table import ItemTable

MEMBERSHIP_ROWS_MAX = 20_000
"""Up to here it is cheap to look whether a changed item is listed already."""


@dataclass(slots=True)
class Standing:
    """What is known about the answer to the current query."""

    rows: int = 0
    complete: bool = False
    total: int | None = None
    elapsed_ms: float | None = None
    changed: int = 0
    """Items that others changed so that the list is no longer what the query gives."""

    def text(self) -> str:
        """Return it in a few words: `3,412 items · 12 ms`."""
        if self.elapsed_ms is None:
            return "…"
        if self.total is not None:
            amount = f"{formatting.count(self.total)} item{'' if self.total == 1 else 's'}"
        elif self.complete:
            amount = f"{formatting.count(self.rows)} items"
        else:
            amount = f"1-{formatting.count(self.rows)} of > {formatting.count(self.rows)}"
        words = [amount, formatting.duration_ms(self.elapsed_ms)]
        if self.changed:
            words.insert(0, f"{formatting.count(self.changed)} changed, r")
        return " · ".join(words)


class ItemList:
    """Keeps the table at the answer to a query; owns no widget and starts no worker."""

    def __init__(
        self, gateway: Gateway, table: ItemTable, *, changed: Callable[[Standing], None]
    ) -> None:
        self._gateway = gateway
        self._table = table
        self._changed = changed
        self.query: Filter | None = None
        self.order = ""
        self.standing = Standing()

    async def run(self, query: Filter, order: str, *, keep_cursor: bool) -> None:
        """Fill the table with what matches; the first rows are there long before the last."""
        started = perf_counter()
        self.query, self.order = query, order
        standing = self.standing = Standing()
        generation = self._table.begin(keep_cursor=keep_cursor)
        async with aclosing(self._gateway.scan(query, order)) as chunks:
            async for keys in chunks:
                if not self._table.extend(generation, keys):
                    return
                standing.rows += len(keys)
                if standing.elapsed_ms is None:
                    standing.elapsed_ms = (perf_counter() - started) * 1000
                self._changed(standing)
        if standing.elapsed_ms is None:
            standing.elapsed_ms = (perf_counter() - started) * 1000
        self._table.finish(generation)
        standing.complete = True
        standing.total = standing.rows
        self._changed(standing)

    async def recount(self) -> None:
        """Find out how many items match, which may be known before all are listed."""
        standing, query = self.standing, self.query
        if query is None:
            return
        total = await self._gateway.count(query)
        if standing is self.standing:
            standing.total = total
            self._changed(standing)

    # Following changes ---------------------------------------------------------------------

    async def follow(self, notices: Sequence[ChangeNotice]) -> bool:
        """Bring the list up to date with changes; False if the query must be run again for it."""
        from inspector.gateway import Operation

        if self.query is None:
            return True
        created = {n.item_id for n in notices if n.operation is Operation.CREATE}
        changed = {n.item_id for n in notices} - created
        if len(created) + len(changed) > LIVE_IDS_MAX or not self._table.complete:
            return False
        await self._refresh(changed)
        listed = await self._gateway.matching_keys(self.query, sorted(created), self.order)
        await self._insert(listed)
        if changed and not await self._is_everything():
            await self._insert_newly_matching(changed)
        return True

    async def _refresh(self, item_ids: set[str]) -> None:
        """Fetch changed rows again; those of deleted items turn out to be gone."""
        if not item_ids:
            return
        found = await self._gateway.keys_of(item_ids)
        gone = len(found) < len(item_ids)
        self._table.invalidate(None if gone else array("q", found.values()))

    async def _insert_newly_matching(self, changed: set[str]) -> None:
        matching = await self._gateway.matching_keys(
            self.query_or_everything, sorted(changed), self.order
        )
        if self._table.row_count > MEMBERSHIP_ROWS_MAX:
            self.standing.changed += len(changed)
            self._changed(self.standing)
            return
        await self._insert(matching)

    @property
    def query_or_everything(self) -> Filter:
        """The current query; everything before there is one."""
        from inspector.gateway import EVERYTHING

        return EVERYTHING if self.query is None else self.query

    async def _is_everything(self) -> bool:
        from inspector.gateway import EVERYTHING

        return self.query == EVERYTHING

    async def _insert(self, keys: array[int]) -> None:
        """Put new items where the order has them; what is looked at does not move."""
        if self._table.row_count <= MEMBERSHIP_ROWS_MAX:
            listed = set(self._table.keys)
            keys = array("q", (key for key in keys if key not in listed))
        if not keys:
            return
        rows = await self._gateway.previews(keys)
        for key in keys:
            if key in rows:
                self._table.insert(await self._position(rows[key]), array("q", [key]))
        self.standing.rows = self._table.row_count
        if self.standing.total is not None:
            self.standing.total += len(keys)
        self._changed(self.standing)

    async def _position(self, row: Preview) -> int:
        """Return where the order puts a row: a binary search, with few rows fetched."""
        keys = self._table.keys
        low, high = 0, len(keys)
        while low < high:
            # New items mostly come first: look there before the middle.
            middle = 0 if low == 0 and high == len(keys) else (low + high) // 2
            other = await self._row_near(keys, middle, high)
            if other is None or comes_before(row, other, self.order):
                high = middle
            else:
                low = middle + 1
        return low

    async def _row_near(self, keys: array[int], start: int, end: int) -> Preview | None:
        """Return the first row from `start` on that has not been deleted."""
        for index in range(start, min(end, start + LIVE_IDS_MAX)):
            known: Preview | None = self._table.row(keys[index])
            if known is not None:
                return known
            found = await self._gateway.previews(keys[index : index + 1])
            if found:
                return found[keys[index]]
            await asyncio.sleep(0)
        return None


def comes_before(row: Preview, other: Preview, order: str) -> bool:
    """Return whether `order` lists `row` before `other`."""
    field = order.removeprefix("-")
    mine, theirs = _sort_value(row, field), _sort_value(other, field)
    if order.startswith("-"):
        return bool(mine > theirs)
    return bool(mine < theirs)


def _sort_value(row: Preview, field: str) -> tuple[Any, ...]:
    value = getattr(row, field)
    # What was never accessed sorts as the smallest, as in the store.
    return (value is not None, value, row.key) if value is not None else (False, row.key)
