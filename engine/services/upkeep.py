"""What a store keeps, and giving back what it no longer does: old history, free pages, words."""

from __future__ import annotations

import asyncio
from typing import Final

from engine.errors import InvalidSettingError
from engine.lifecycle.plan import Plan
from engine.packing import train
from engine.procedures import forgetting, lookup, repacking, runs
from engine.services.aspect import Aspect

HISTORY_DAYS_MIN: Final = 1
HISTORY_DAYS_MAX: Final = 36_500
TEXT_DELETED_MAX: Final = 0.05
"""The text index is merged as a whole once it has so many deletions, in parts of the items."""
VACUUM_PAGES: Final = 256
"""Pages given back at a time: a few milliseconds in which nobody else writes."""


class Upkeep(Aspect):
    """The part of a store's lifecycle that no policy decides."""

    # History -------------------------------------------------------------------------------

    async def history_days(self) -> float | None:
        """Return for how many days changes are kept, None for ever."""
        return await self._backend.read(forgetting.load_history_days)

    async def keep_history(self, days: float | None) -> None:
        """Keep changes for so many days; what is older goes with the next run, and is in its plan.

        None, as in a new store, keeps them for ever.

        Raises:
            InvalidSettingError: it is less than a day, or no number of days.
        """
        if days is not None and not (
            type(days) in (int, float) and HISTORY_DAYS_MIN <= days <= HISTORY_DAYS_MAX
        ):
            raise InvalidSettingError(
                f"history cannot be kept for {days!r} days",
                hint=f"use {HISTORY_DAYS_MIN} to {HISTORY_DAYS_MAX:,} days, or None for ever",
            )
        await self._backend.write(forgetting.save_history_days, days)

    async def _forget(self, plan: Plan) -> int:
        """Let go of what the plan says, a little at a time; return how many changes."""
        if plan.forgets is None:
            return 0
        forgotten = 0
        while count := await self._backend.write(forgetting.forget_step, plan.forgets.through):
            forgotten += count
        return forgotten

    # Space ---------------------------------------------------------------------------------

    async def _train(self) -> None:
        """Train a dictionary on the store's contents where there is none, or an outgrown one."""
        sampled = await self._backend.examine(repacking.sample_contents, self._names)
        if sampled is None:
            return
        contents, samples = sampled
        data = await asyncio.to_thread(train, samples)
        if data is not None:
            await self._backend.write(repacking.add_dictionary, data, contents, self._clock())

    async def _tidy(self, plan: Plan) -> None:
        """After a run, give back what it freed; the text index too once it pays."""
        deleted = sum(change.action == "delete" for change in plan.changes)
        if deleted:
            waiting = await self._backend.write(forgetting.note_deleted, deleted)
            facts = await self._backend.read(lookup.store_facts)
            if waiting > TEXT_DELETED_MAX * facts.items:
                await self._backend.merge_text()
                await self._backend.write(forgetting.note_merged)
        await self.vacuum()

    async def vacuum(self) -> None:
        """Give back to the file system what nothing uses, without holding writers up.

        A large store gives back its empty pages, a few at a time; a small one is written anew.
        """
        if await self._backend.rewrite_if_small():
            return
        left, before = 1, -1
        while left and left != before:
            before, left = left, await self._backend.write(runs.vacuum_step, VACUUM_PAGES)
