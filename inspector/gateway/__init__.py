"""The only module of the app that talks to the engine; screens ask it and get plain values.

The engine is imported when a store is opened, not when the app is: the first frame is drawn
before that. Names of the engine that screens and widgets need are found here, on first use.
"""

from __future__ import annotations

import base64
import getpass
import json
from array import array
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine import (
        Association,
        BulkResult,
        Change,
        ChangeNotice,
        EngineError,
        Facets,
        Forgetting,
        InvalidFilterError,
        InvalidPolicyError,
        Item,
        ItemNotFoundError,
        MemoryStore,
        Operation,
        Plan,
        PlannedChange,
        Policy,
        Preview,
        ReadOnlyStoreError,
        RetentionScore,
        Run,
        StalePlanError,
        StoreInfo,
        Tier,
        Transition,
        UndoConflictError,
        VersionConflictError,
    )
    from engine.lifecycle.policies import Action, Verb, parse_action
    from engine.query import (
        EVERYTHING,
        And,
        Compare,
        Field,
        Filter,
        Not,
        Operator,
        Or,
        Text,
        quote_value,
    )
    from engine.query import complete as complete_query
    from engine.query import highlight as highlight_query
    from engine.query import to_text as query_to_text
    from engine.transfer import TransferProgress, TransferReport
    from inspector.gateway.lifecycle import LifecycleGateway
    from inspector.gateway.tiers import TiersGateway
else:

    def __getattr__(name: str) -> Any:
        """Return a public name of the engine, importing it on first use."""
        import importlib

        for module_name in _ENGINE_MODULES:
            module = importlib.import_module(module_name)
            public = _RENAMED.get(name, name)
            if public in module.__all__:
                return getattr(module, public)
        raise AttributeError(name)


_ENGINE_MODULES = ("engine", "engine.query", "engine.lifecycle.policies", "engine.transfer")
_RENAMED = {
    "complete_query": "complete",
    "highlight_query": "highlight",
    "query_to_text": "to_text",
}
"""Names that would say too little here."""

__all__ = [
    "EVERYTHING",
    "Action",
    "And",
    "Association",
    "BulkResult",
    "Change",
    "ChangeNotice",
    "Compare",
    "Detail",
    "EngineError",
    "Facets",
    "Field",
    "Filter",
    "Forgetting",
    "Gateway",
    "InvalidFilterError",
    "InvalidPolicyError",
    "Item",
    "ItemNotFoundError",
    "Not",
    "Operation",
    "Operator",
    "Or",
    "Part",
    "Plan",
    "PlannedChange",
    "Policy",
    "Preview",
    "ReadOnlyStoreError",
    "RetentionScore",
    "Run",
    "Sequences",
    "StalePlanError",
    "StoreInfo",
    "Text",
    "Tier",
    "TransferProgress",
    "TransferReport",
    "Transition",
    "UndoConflictError",
    "Verb",
    "VersionConflictError",
    "complete_query",
    "highlight_query",
    "parse_action",
    "query_to_text",
    "quote_value",
]

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequences:
    """The changes, first to last, that one action of the person made."""

    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The beginning of an item's content, or all of it, in the form in which it is shown."""

    form: str
    """`json` (a value, or the beginning of its source), `text`, `bytes` or `opcodes`."""
    value: Any = None
    text: str | None = None
    data: bytes = b""
    opcodes: tuple[str, ...] = ()
    remaining_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """All that the item pane shows, except the history."""

    item: Item
    part: Part
    outgoing: tuple[Association, ...]
    incoming: tuple[Association, ...]
    neighbours: Mapping[str, Preview] = field(default_factory=dict)
    score: RetentionScore | None = None
    """Why the item is where it is; None if it went away meanwhile."""
    transitions: tuple[Transition, ...] = ()
    """Its last moves between tiers, newest first."""


class Gateway:
    """One open store, as the screens see it."""

    def __init__(self, store: MemoryStore, info: StoreInfo, clock: Callable[[], int]) -> None:
        self._store = store
        self.clock = clock
        self.info = info
        self.read_only = info.read_only
        self.store_id = info.store_id

    @property
    def lifecycle(self) -> LifecycleGateway:
        """The policies of the store, their plans and runs."""
        from inspector.gateway.lifecycle import LifecycleGateway

        return LifecycleGateway(self._store)

    @property
    def tiers(self) -> TiersGateway:
        """How full the tiers are, and moves between them."""
        from inspector.gateway.tiers import TiersGateway

        return TiersGateway(self._store)

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        read_only: bool = False,
        actor: str = "",
        clock: Callable[[], int] | None = None,
    ) -> Gateway:
        """Open the store at `path`; read-only when the file cannot be written.

        Raises:
            EngineError: the file is not a store, is damaged, or cannot be read.
        """
        from engine import ReadOnlyStoreError, open_store, system_clock

        clock = clock or system_clock
        options: dict[str, Any] = {
            "create": False,
            "actor": actor or default_actor(),
            "clock": clock,
        }
        try:
            store = await open_store(path, read_only=read_only, **options)
        except ReadOnlyStoreError:
            if read_only:
                raise
            store = await open_store(path, read_only=True, **options)
        return cls(store, await store.info(), clock)

    async def close(self) -> None:
        """Close the store; what was written is kept."""
        await self._store.close()

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

    # Changing ------------------------------------------------------------------------------

    async def put(self, item_id: str | None, content: Any, **fields: Any) -> tuple[Item, Sequences]:
        """Write a new item; return it and the changes that this was."""
        item = await self._store.put(item_id, content, **fields)
        return item, await self._own_changes(item.id, item.version)

    async def update(
        self, item_id: str, *, version: int, **fields: Any
    ) -> tuple[Item, Sequences | None]:
        """Change fields of an item that is still at `version`; return it and the changes.

        Raises:
            VersionConflictError: somebody else changed it first.
        """
        item = await self._store.update(item_id, version=version, **fields)
        if item.version == version:
            return item, None
        return item, await self._own_changes(item.id, item.version)

    async def _own_changes(self, item_id: str, version: int) -> Sequences:
        """Return the changes that brought the item to `version`."""
        changes = await self._store.history(item_id, limit=10)
        own = [change.sequence for change in changes if change.version == version]
        return Sequences(first=min(own), last=max(own))

    async def delete(self, item_id: str) -> tuple[int, Sequences | None]:
        """Delete an item; return how many there were, and the changes."""
        return _counted(await self._store.bulk_delete(ids=[item_id]))

    async def delete_many(
        self, target: Sequence[str] | Filter, progress: Callable[[int, int], None]
    ) -> tuple[int, Sequences | None]:
        """Delete items by id, or all that match; return how many there were, and the changes.

        Cancelled, it takes back what was done.
        """
        return _counted(await self._store.bulk_delete(**_aim(target), progress=progress))

    async def update_many(
        self,
        target: Sequence[str] | Filter,
        fields: Mapping[str, Any],
        progress: Callable[[int, int], None],
    ) -> tuple[int, Sequences | None]:
        """Set fields of items by id, or of all that match; return how many changed, and how.

        Cancelled, it takes back what was done.
        """
        result = await self._store.bulk_update(**_aim(target), **fields, progress=progress)
        return _counted(result)

    async def undo(self, changes: Sequences, *, force: bool = False) -> Sequences:
        """Take changes back in one step; return the changes that this was.

        Raises:
            UndoConflictError: a later change touched the same fields, and `force` is off.
        """
        sequences = await self._store.undo(changes.first, changes.last, force=force)
        return Sequences(first=min(sequences), last=max(sequences))

    # Sharing -------------------------------------------------------------------------------

    async def export(
        self, path: Path, query: str | Filter, progress: Callable[[TransferProgress], None]
    ) -> TransferReport:
        """Write what matches to a new or replaced file, whole or not at all."""
        from engine.transfer import export_store

        return await export_store(self._store, path, where=query, overwrite=True, progress=progress)

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


def _aim(target: Sequence[str] | Filter) -> dict[str, Any]:
    return {"ids": target} if isinstance(target, Sequence) else {"query": target}


def _counted(result: BulkResult) -> tuple[int, Sequences | None]:
    if result.first_sequence is None or result.last_sequence is None:
        return result.count, None
    return result.count, Sequences(first=result.first_sequence, last=result.last_sequence)


def default_actor() -> str:
    """Return the user's name, which the history shows as who made a change."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # No such user in the password file, as in some containers.
        return "inspector"
