"""Putting, reading, changing and deleting single items."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Final

from engine.drafts import RECORD_FIELDS, UNCHANGED, UnchangedType
from engine.errors import ItemNotFoundError
from engine.models import Item, Tier
from engine.procedures import items, mutations
from engine.procedures.mutations import Draft
from engine.serialization import unpack
from engine.services.core import Core

THREAD_BYTES: Final = 65_536
"""Content of this size is packed on a thread of its own, so that the event loop stays free."""
THREAD_RECORDS: Final = 64


class ItemService(Core):
    """The part of a store that is about single items."""

    async def put(
        self,
        id: str | None,  # noqa: A002 - the field is called so everywhere
        content: Any,
        *,
        agent: str = "default",
        kind: str = "semantic",
        tier: Tier | str = Tier.LONG_TERM,
        importance: float = 0.5,
        tags: Iterable[str] = (),
        metadata: Mapping[str, Any] | None = None,
        session_id: str | None = None,
        created_at: Any = None,
        actor: str | None = None,
    ) -> Item:
        """Store an item and return it; one with the same id is replaced and keeps its history.

        Raises:
            InvalidItemError: a field cannot be stored; nothing was written.
        """
        record = {
            "id": id,
            "content": content,
            "agent": agent,
            "kind": kind,
            "tier": tier,
            "importance": importance,
            "tags": tags,
            "metadata": metadata,
            "session_id": session_id,
            "created_at": created_at,
        }
        if _is_large(content):
            draft = await asyncio.to_thread(self._drafting.draft, record)
        else:
            draft = self._drafting.draft(record)
        written = await self._backend.write(
            mutations.put_items, self._names, [draft], self._author(actor)
        )
        return written[0]

    async def put_many(
        self, records: Iterable[Mapping[str, Any]], *, actor: str | None = None
    ) -> list[Item]:
        """Store many items in one transaction; each is a dictionary of the arguments of `put`.

        Raises:
            InvalidItemError: one of them cannot be stored; nothing was written.
        """
        drafts = await self._drafts(records)
        return await self._backend.write(
            mutations.put_items, self._names, drafts, self._author(actor)
        )

    async def import_items(
        self, records: Iterable[Mapping[str, Any]], *, actor: str | None = None
    ) -> int:
        """Like `put_many`, for items that lived elsewhere: also their times, counts and version."""
        drafts = await self._drafts(records, RECORD_FIELDS)
        return await self._backend.write(
            mutations.import_items, self._names, drafts, self._author(actor)
        )

    async def _drafts(self, records: Iterable[Mapping[str, Any]], *fields: Any) -> list[Draft]:
        records = list(records)
        if len(records) < THREAD_RECORDS:
            return self._drafting.drafts(records, *fields)
        return await asyncio.to_thread(self._drafting.drafts, records, *fields)

    async def get(self, item_id: str) -> Item | None:
        """Return an item and record that it was accessed; None if there is none.

        Raises:
            CorruptItemError: its content is damaged.
        """
        found = await self._find(item_id)
        if found is None:
            return None
        if not self._backend.read_only:
            self._accesses.record(found.key)
        return found.item

    async def peek(self, item_id: str) -> Item | None:
        """Return an item without recording an access; None if there is none.

        Raises:
            CorruptItemError: its content is damaged.
        """
        found = await self._find(item_id)
        return None if found is None else found.item

    async def _find(self, item_id: str) -> items.Found | None:
        found = await self._backend.point_read(
            items.find_item, self._names, self._accesses, item_id, small=True
        )
        if found is not None and found.item is None:
            found = await self._backend.read(
                items.find_item, self._names, self._accesses, item_id, small=False
            )
        return found

    async def get_many(self, ids: Iterable[str]) -> list[Item]:
        """Return those of the items that exist, in order, without recording an access."""
        return await self._backend.read(
            items.load_items_by_id, self._names, self._accesses, list(ids)
        )

    async def content_bytes(self, item_id: str, start: int = 0, length: int = 65_536) -> bytes:
        """Return a part of an item's content as uncompressed bytes.

        Raises:
            ItemNotFoundError: there is no such item.
            CorruptItemError: its content is damaged.
        """
        found = await self._backend.read(items.load_content, self._names, item_id)
        if found is None:
            raise _not_found(item_id)
        raw = await asyncio.to_thread(unpack, *found, item_id=item_id)
        return raw[start : start + length]

    async def update(
        self,
        item_id: str,
        *,
        content: Any = UNCHANGED,
        agent: str | UnchangedType = UNCHANGED,
        kind: str | UnchangedType = UNCHANGED,
        tier: Tier | str | UnchangedType = UNCHANGED,
        importance: float | UnchangedType = UNCHANGED,
        tags: Iterable[str] | UnchangedType = UNCHANGED,
        metadata: Mapping[str, Any] | UnchangedType | None = UNCHANGED,
        session_id: str | UnchangedType | None = UNCHANGED,
        version: int | None = None,
        actor: str | None = None,
    ) -> Item:
        """Change the given fields of an item, if it still is at `version` (None: whichever).

        Raises:
            ItemNotFoundError: there is no such item.
            VersionConflictError: it is at another version; nothing was written.
            InvalidItemError: a field cannot be stored; nothing was written.
        """
        make = partial(
            self._drafting.edit,
            content=content,
            agent=agent,
            kind=kind,
            tier=tier,
            importance=importance,
            tags=tags,
            metadata=metadata,
            session_id=session_id,
        )
        edit = await asyncio.to_thread(make) if _is_large(content) else make()
        return await self._backend.write(
            mutations.edit_item, self._names, item_id, edit, version, self._author(actor)
        )

    async def tag(self, item_id: str, *tags: str, actor: str | None = None) -> Item:
        """Add tags to an item.

        Raises:
            ItemNotFoundError: there is no such item.
        """
        edit = self._drafting.edit(add_tags=tags)
        return await self._backend.write(
            mutations.edit_item, self._names, item_id, edit, None, self._author(actor)
        )

    async def untag(self, item_id: str, *tags: str, actor: str | None = None) -> Item:
        """Take tags off an item; those it does not have are ignored.

        Raises:
            ItemNotFoundError: there is no such item.
        """
        edit = self._drafting.edit(remove_tags=tags)
        return await self._backend.write(
            mutations.edit_item, self._names, item_id, edit, None, self._author(actor)
        )

    async def delete(
        self, item_id: str, *, version: int | None = None, actor: str | None = None
    ) -> bool:
        """Delete an item and its associations; return whether it was there. `undo` brings it back.

        Raises:
            VersionConflictError: it is at another version; nothing was deleted.
        """
        return await self._backend.write(
            mutations.delete_item, self._names, item_id, version, self._author(actor)
        )


def _is_large(content: Any) -> bool:
    if isinstance(content, (str, bytes)):
        return len(content) > THREAD_BYTES
    return isinstance(content, (dict, list)) and len(content) > THREAD_RECORDS


def _not_found(item_id: str) -> ItemNotFoundError:
    return ItemNotFoundError(f"there is no item {item_id!r}", hint="it may have been deleted")
