"""What happened, and taking it back."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Final

from engine.models import Change, ChangeNotice
from engine.procedures import history, undo
from engine.services.core import Core
from engine.validation import bounded
from engine.watching import watch_changes

WINDOW: Final = 10_000
"""Changes that one transaction takes back; of more, each so many."""


class HistoryService(Core):
    """The part of a store that reads the change log and undoes changes."""

    async def sequence(self) -> int:
        """Return the number of the newest change, 0 before the first."""
        return await self._backend.point_read(history.newest_sequence)

    async def history(
        self, item_id: str, *, limit: int = 100, before: int | None = None
    ) -> list[Change]:
        """Return the newest `limit` changes of an item (older than `before`), oldest first."""
        return await self._backend.read(
            history.item_history, self._names, item_id, limit=bounded(limit), before=before
        )

    async def changes(self, after: int = 0, *, limit: int = 1_000) -> list[ChangeNotice]:
        """Return the changes that follow a sequence, oldest first, without their values."""
        return await self._backend.read(
            history.list_changes, self._names, bounded(after), bounded(limit)
        )

    async def undo(
        self,
        sequence: int,
        through: int | None = None,
        *,
        force: bool = False,
        actor: str | None = None,
    ) -> list[int]:
        """Take back a change, or all from `sequence` to `through`; return the new sequences.

        Of a bulk action, only its own changes are taken back. Undoing the new ones is a redo.

        Raises:
            ChangeNotFoundError: there is no such change.
            UndoConflictError: a later change touched the same fields (unless `force`).
        """
        sequence = bounded(sequence)
        last = sequence if through is None else min(through, await self.sequence())
        if last - sequence < WINDOW:
            return await self._backend.write(
                undo.undo_at_once,
                self._names,
                sequence,
                last,
                self._author(actor),
                force=force,
            )
        undoing = await self._backend.read(undo.find_undoing, sequence, last)
        windows = [
            (max(sequence, end - WINDOW + 1), end) for end in range(last, sequence - 1, -WINDOW)
        ]
        if not force:
            for window in windows:
                await self._backend.read(undo.refuse_conflicts, self._names, undoing, *window)
        done: list[int] = []
        for window in windows:
            author = self._author(actor, batch=done[0] if done else None)
            done += await self._backend.write(
                undo.undo_window, self._names, undoing, *window, author
            )
        return done

    async def watch(self, after: int | None = None) -> AsyncGenerator[ChangeNotice, None]:
        """Yield changes as they are made, by this and other processes, within 250 ms.

        Starts after sequence `after`, by default with the next change.
        """
        async for notice in watch_changes(self, self._backend.data_version, after):
            yield notice
