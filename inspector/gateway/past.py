"""What a store was, and bringing it back, as the screens see it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inspector.gateway.values import Sequences

if TYPE_CHECKING:
    from engine import (
        Holder,
        Item,
        ItemDifference,
        MemoryStore,
        RestoreReport,
        StoreDifference,
    )

Progress = Callable[[str, int, int], None]
"""Told the stage of a work, how much of it is done, and how much there is (0: not known)."""

ITEMS_MAX = 2_000
"""Items that differ which are listed; of more, their counts are enough to decide by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be restored: the state after a change, or that of a backup; all, or a query."""

    sequence: int | None = None
    backup: str | None = None
    scope: str = ""

    def within(self, scope: str) -> Wish:
        """Return the same point with another scope."""
        return replace(self, scope=scope)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestorePreview:
    """What a restore in place would make different, and the first items of it one by one."""

    wish: Wish
    difference: StoreDifference
    items: tuple[ItemDifference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """The fields of an item now and as they would be; None where it is not there."""

    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


class PastGateway:
    """The past of an open store. Nothing is restored that was not shown before."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def preview(self, wish: Wish, progress: Progress) -> RestorePreview:
        """Return what a restore would make of the store as it is now; it changes nothing.

        Raises:
            RestorePointError: neither the change log nor a backup reaches the point.
            InvalidFilterError: the scope does not parse.
        """
        difference = await self._store.backups.preview_restore(
            sequence=wish.sequence, backup=wish.backup, scope=wish.scope, progress=progress
        )
        items = difference.samples
        in_log = wish.backup is None and difference.after.backup is None
        if not wish.scope and in_log and len(items) < difference.items.total:
            items = tuple(await self._items(difference))
        return RestorePreview(wish=wish, difference=difference, items=items)

    async def _items(self, difference: StoreDifference) -> list[ItemDifference]:
        found: list[ItemDifference] = []
        async with aclosing(self._store.diff_items(difference)) as items:
            async for item in items:
                found.append(item)
                if len(found) >= ITEMS_MAX:
                    break
        return found

    async def sides(self, preview: RestorePreview, item_id: str) -> Sides:
        """Return one item as it is now and as it was.

        Raises:
            RestorePointError: nothing reaches the point any more.
            CorruptItemError: its content at that point is damaged.
        """
        point = preview.difference.after
        if point.backup is None:
            found = await self._store.diff_item(preview.difference, item_id)
            return Sides(before=_fields(found.before), after=_fields(found.after))
        now = await self._store.peek(item_id)
        async with self._store.at(sequence=point.sequence) as then:
            return Sides(before=_fields(now), after=_fields(await then.peek(item_id)))

    async def holders(self) -> list[Holder]:
        """Return who else has the store open for writing."""
        return await self._store.holders()

    async def restore_to(self, wish: Wish, target: Path, progress: Progress) -> RestoreReport:
        """Make a new file of what was; the store stays as it is.

        Raises:
            StorageError: the file exists, or there is no room.
        """
        return await self._store.backups.restore(
            sequence=wish.sequence,
            backup=wish.backup,
            scope=wish.scope,
            target=target,
            progress=progress,
        )

    async def restore_in_place(
        self, preview: RestorePreview, progress: Progress, *, force: bool
    ) -> RestoreReport:
        """Make the store what it was; with `force` also while others write to it.

        Cancelled when it is that already, it says so all the same: it can be undone.

        Raises:
            StoreInUseError: others have it open, and all of it was to be restored.
            StalePlanError: it has changed since the preview; nothing was restored.
        """
        wish = preview.wish
        try:
            return await self._store.backups.restore(
                sequence=wish.sequence,
                backup=wish.backup,
                scope=wish.scope,
                in_place=True,
                force=force,
                # Whoever goes on writing makes every preview stale: theirs is before, or on top.
                preview=None if force else preview.difference,
                progress=progress,
            )
        except asyncio.CancelledError:
            done = await self._restored_since(preview)
            if done is None:
                raise
            return done

    async def _restored_since(self, preview: RestorePreview) -> RestoreReport | None:
        """Return the restore that was written before it could be cancelled, if one was."""
        from engine import RestoreReport

        shown = preview.difference
        for past in reversed(await self._store.backups.restores()):
            same = past.point == shown.after and past.scope == preview.wish.scope
            if same and past.first_sequence > shown.before.sequence:
                return RestoreReport(
                    point=past.point,
                    scope=past.scope,
                    items=shown.items.total,
                    first_sequence=past.first_sequence,
                    last_sequence=past.last_sequence,
                    safety_backup=past.safety_backup,
                )
        return None


def changes_of(report: RestoreReport) -> Sequences | None:
    """Return the changes that a restore in place was; None if nothing differed."""
    if report.first_sequence is None or report.last_sequence is None:
        return None
    return Sequences(first=report.first_sequence, last=report.last_sequence)


def _fields(item: Item | None) -> dict[str, Any] | None:
    """Return the fields of an item that are compared, as JSON values."""
    if item is None:
        return None
    content = item.content
    return {
        "content": content
        if _is_json(content)
        else f"{item.size_bytes:,} bytes, {item.codec.label}",
        "agent": item.agent,
        "kind": item.kind,
        "tier": item.tier.label,
        "importance": item.importance,
        "tags": sorted(item.tags),
        "metadata": dict(item.metadata),
        "session": item.session_id,
        "version": item.version,
        "updated": item.updated_at.isoformat(timespec="seconds"),
    }


def _is_json(content: Any) -> bool:
    return content is None or isinstance(content, str | int | float | bool | list | dict)
