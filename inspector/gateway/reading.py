"""Reading an open store: lists, items, histories, and what others change meanwhile."""

from __future__ import annotations

import base64
import json
from array import array
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

from inspector.gateway.tiers import TiersGateway
from inspector.gateway.values import Detail, Part

if TYPE_CHECKING:
    from engine import (
        Change,
        ChangeNotice,
        Facets,
        Filter,
        Item,
        MemoryStore,
        Preview,
        StoreInfo,
    )

PREVIEW_BYTES_MAX = 64 * 1024
OPCODES_MAX = 2000
HISTORY_PAGE = 100
LINKS_MAX = 500
SAMPLE_MAX = 5
"""Items that a confirmation names."""
TRANSITIONS_SHOWN = 5
"""Moves between tiers that the item pane names; the history has all of them."""
LIVE_IDS_MAX = 100
"""Changed items that are looked up one by one; after more, the query is run again."""


class ReadingGateway:
    """What the screens show of one open store."""

    def __init__(self, store: MemoryStore, info: StoreInfo, clock: Callable[[], int]) -> None:
        self._store = store
        self.clock = clock
        self.info = info
        self.read_only = info.read_only
        self.store_id = info.store_id

    @property
    def tiers(self) -> TiersGateway:
        """How full the tiers are, and moves between them."""
        return TiersGateway(self._store)

    async def refresh_info(self) -> StoreInfo:
        """Return the facts about the store as they are now."""
        self.info = await self._store.info()
        return self.info

    # Finding -------------------------------------------------------------------------------

    def scan(self, query: str | Filter, order: str) -> AsyncGenerator[array[int], None]:
        """Yield the keys of all items that match, in order; closing it stops the search."""
        return self._store.scan(query, order_by=order)

    async def previews(self, keys: Sequence[int]) -> Mapping[int, Preview]:
        """Return the rows of the list by key; a key that is absent has been deleted."""
        return await self._store.previews(keys)

    async def count(self, query: str | Filter) -> int:
        """Return how many items match."""
        return await self._store.count(query)

    async def facets(self, query: str | Filter, *, tags_max: int) -> Facets:
        """Return the counts by tier, kind, tag and agent of what matches."""
        return await self._store.facets(query, tags_max=tags_max)

    async def complete(self, name: str, prefix: str, limit: int = 20) -> list[tuple[str, int]]:
        """Return values of the field called `name` that begin with `prefix`, most used first."""
        return await self._store.complete(name, prefix, limit)

    async def key_of(self, item_id: str) -> int | None:
        """Return the key of an item, or None if there is no such item."""
        return (await self._store.find_keys([item_id])).get(item_id)

    async def keys_of(self, item_ids: Iterable[str]) -> dict[str, int]:
        """Return the keys of those items that exist, by id."""
        return await self._store.find_keys(list(item_ids))

    async def matching_keys(self, query: Filter, item_ids: Sequence[str], order: str) -> array[int]:
        """Return the keys of those of the items that match the query, in order."""
        from engine.query import And, Compare, Field, Operator, Or

        among = Or(tuple(Compare(Field.ID, Operator.EQ, item_id) for item_id in item_ids))
        keys = array("q")
        async with aclosing(self._store.scan(And((query, among)), order_by=order)) as chunks:
            async for chunk in chunks:
                keys.extend(chunk)
        return keys

    async def sample(self, query: str | Filter) -> tuple[str, ...]:
        """Return the ids of a few items that match."""
        page = await self._store.query(query, limit=SAMPLE_MAX)
        return tuple(item.id for item in page.items)

    # One item ------------------------------------------------------------------------------

    async def detail(self, item_id: str) -> Detail | None:
        """Return what the item pane shows, or None if the item is gone; records no access."""
        item = await self._store.peek(item_id)
        if item is None:
            return None
        outgoing = await self._store.associations(item_id, direction="out")
        incoming = await self._store.associations(item_id, direction="in")
        ids = {link.target_id for link in outgoing[:LINKS_MAX]}
        ids |= {link.source_id for link in incoming[:LINKS_MAX]}
        return Detail(
            item=item,
            part=await self.content_part(item, PREVIEW_BYTES_MAX),
            outgoing=tuple(outgoing[:LINKS_MAX]),
            incoming=tuple(incoming[:LINKS_MAX]),
            neighbours=await self._previews_by_id(ids),
            score=await self.tiers.score(item_id),
            transitions=await self.tiers.transitions(item_id, limit=TRANSITIONS_SHOWN),
        )

    async def _previews_by_id(self, item_ids: Iterable[str]) -> dict[str, Preview]:
        keys = await self._store.find_keys(list(item_ids))
        previews = await self._store.previews(list(keys.values()))
        return {preview.id: preview for preview in previews.values()}

    async def item(self, item_id: str) -> Item | None:
        """Return an item as it is now; records no access."""
        return await self._store.peek(item_id)

    async def content_part(self, item: Item, length: int) -> Part:
        """Return the first `length` bytes of an item's content, as it is shown."""
        from engine import Codec, PickledContent

        content = item.content
        if isinstance(content, PickledContent):
            return Part(form="opcodes", opcodes=tuple(content.opcodes(OPCODES_MAX)))
        remaining = max(0, item.size_bytes - length)
        base = item.codec.base
        if not remaining and base is Codec.JSON:
            return Part(form="json", value=content)
        if isinstance(content, str):
            data = content.encode("utf-8", "surrogatepass")[:length]
            return Part(form="text", text=data.decode("utf-8", "ignore"), remaining_bytes=remaining)
        data = await self._store.content_bytes(item.id, 0, length)
        if base is Codec.JSON:
            # Cut anywhere: the source is shown, since a part of JSON is not JSON.
            return Part(form="json", text=data.decode("utf-8", "ignore"), remaining_bytes=remaining)
        return Part(form="bytes", data=data, remaining_bytes=remaining)

    async def history(self, item_id: str, *, before: int | None = None) -> list[Change]:
        """Return the changes of an item, oldest first, a page that ends before `before`."""
        return await self._store.history(item_id, limit=HISTORY_PAGE, before=before)

    # Sharing -------------------------------------------------------------------------------

    async def content_text(self, item_id: str) -> str | None:
        """Return the content as it is copied, or None if the item is gone."""
        from engine import PickledContent

        item = await self._store.peek(item_id)
        if item is None:
            return None
        content = item.content
        if isinstance(content, str):
            return content
        if isinstance(content, bytes | PickledContent):
            data = content if isinstance(content, bytes) else content.data
            return base64.b64encode(data).decode("ascii")
        return json.dumps(content, ensure_ascii=False, indent=2)

    async def record(self, item_id: str) -> str | None:
        """Return an item as the JSON that an export has for it, or None if it is gone."""
        from engine.transfer import item_record

        item = await self._store.peek(item_id)
        if item is None:
            return None
        return json.dumps(item_record(item), ensure_ascii=False, indent=2)

    # Queries as text -----------------------------------------------------------------------

    def parse(self, text: str) -> Filter:
        """Return the query that `text` stands for.

        Raises:
            InvalidFilterError: it does not parse; the error says where.
        """
        from engine import parse

        return parse(text)

    # Following -----------------------------------------------------------------------------

    async def sequence(self) -> int:
        """Return the number of the newest change."""
        return await self._store.sequence()

    def watch(self, after: int | None = None) -> AsyncGenerator[ChangeNotice, None]:
        """Yield every change of the store as it happens, whoever makes it."""
        return self._store.watch(after)
