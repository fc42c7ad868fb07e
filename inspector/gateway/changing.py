"""Changing items; every change is told as the sequences by which it can be taken back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from inspector.gateway.reading import ReadingGateway
from inspector.gateway.values import Sequences

if TYPE_CHECKING:
    from engine import BulkResult, Filter, Item


class ChangingGateway(ReadingGateway):
    """What the person does to the items of one open store."""

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


def _aim(target: Sequence[str] | Filter) -> dict[str, Any]:
    return {"ids": target} if isinstance(target, Sequence) else {"query": target}


def _counted(result: BulkResult) -> tuple[int, Sequences | None]:
    if result.first_sequence is None or result.last_sequence is None:
        return result.count, None
    return result.count, Sequences(first=result.first_sequence, last=result.last_sequence)
