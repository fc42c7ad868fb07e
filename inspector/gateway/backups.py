"""Backups and the past of a store as the screens see them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from inspector.density import Density, Moment, Span

if TYPE_CHECKING:
    from engine import Backup, ChangeNotice, MemoryStore, VerifyReport
    from engine.backups import Catalogue, Finding, Kind, PrunePlan, Retention

Progress = Callable[[str, int, int], None]
"""Told the stage of a work, how much of it is done, and how much there is (0: not known)."""

SPANS = 4_800
"""Into which time is cut: so many that forty times less of it still fills the screen."""
NEAR = 4
"""Changes that are shown before and after a moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A backup, and what it is restored from, itself last; nothing if a part of that is missing."""

    backup: Backup
    chain: tuple[Backup, ...]
    broken: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """The backups of a store, newest first, and what else is wrong or foreign beside them."""

    directory: str
    kept: tuple[Kept, ...]
    foreign: tuple[Backup, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """A moment with the changes next to it, oldest first."""

    moment: Moment
    before: tuple[ChangeNotice, ...]
    after: tuple[ChangeNotice, ...]


class BackupsGateway:
    """The backups of an open store, and when it changed how much."""

    def __init__(self, store: MemoryStore, store_id: str) -> None:
        self._store = store
        self._store_id = store_id

    # Looking -------------------------------------------------------------------------------

    async def shelf(self) -> Shelf:
        """Return what is in the directory of backups."""
        catalogue = await self._store.backups.catalogue()
        return await asyncio.to_thread(_sort_out, catalogue, self._store_id)

    async def density(self) -> Density:
        """Return when the store changed how much, as far back as its own log goes."""
        timeline = await self._store.timeline(SPANS)
        return Density(
            oldest=Moment(sequence=timeline.oldest.sequence, at=timeline.oldest.at),
            newest=Moment(sequence=timeline.newest.sequence, at=timeline.newest.at),
            spans=tuple(
                Span(
                    start=bucket.start,
                    end=bucket.end,
                    changes=bucket.changes,
                    last=bucket.last_sequence,
                    by_operation={
                        operation.name.lower(): count
                        for operation, count in bucket.by_operation.items()
                    },
                    by_actor=bucket.by_actor,
                )
                for bucket in timeline.buckets
            ),
        )

    async def around(self, sequence: int, oldest: Moment) -> Around:
        """Return the changes just before and just after a moment."""
        first = max(oldest.sequence, sequence - NEAR)
        near = await self._store.changes(first, limit=2 * NEAR)
        before = tuple(notice for notice in near if notice.sequence <= sequence)
        after = tuple(notice for notice in near if notice.sequence > sequence)
        at = before[-1].at if before else oldest.at
        return Around(moment=Moment(sequence=sequence, at=at), before=before, after=after[:NEAR])

    async def sequence_at(self, at: datetime, density: Density) -> int:
        """Return the newest change that was made not later than a time."""
        first, last = density.oldest.sequence, density.newest.sequence
        # By halves: of a long time even one span has more changes than can be read at once.
        while first < last:
            middle = (first + last + 1) // 2
            found = await self._store.changes(middle - 1, limit=1)
            if found and found[0].at <= at:
                first = middle
            else:
                last = middle - 1
        return first

    # Doing ---------------------------------------------------------------------------------

    async def create(self, kind: Kind, progress: Progress) -> Backup:
        """Make a backup while the store is in use; it is proven before it has a name.

        Cancelled when it has one already, it is returned all the same.

        Raises:
            EngineError: it could not be made; nothing was published.
        """
        known = {backup.name for backup in await self._store.backups.list()}
        try:
            return await self._store.backups.create(kind=kind, progress=progress)
        except asyncio.CancelledError:
            for backup in await self._store.backups.list():
                if backup.name not in known:
                    return backup
            raise

    async def verify(self, backups: Sequence[Backup], progress: Progress) -> list[VerifyReport]:
        """Restore backups to a temporary place to prove them, one after the other.

        Raises:
            EngineError: there is no room for it.
        """
        return [await self._store.backups.verify(backup, progress=progress) for backup in backups]

    async def plan_prune(self, rules: Retention) -> PrunePlan:
        """Return which backups no rule keeps; nothing is deleted."""
        return await self._store.backups.prune(
            keep_last=rules.last,
            keep_daily=rules.daily,
            keep_weekly=rules.weekly,
            keep_monthly=rules.monthly,
        )

    async def prune(self, plan: PrunePlan, progress: Progress) -> PrunePlan:
        """Delete the backups that a plan names.

        Raises:
            StalePlanError: one of them is needed by now; nothing was deleted.
        """
        return await self._store.backups.prune(plan, progress=progress)

    async def copy(self, backup: Backup, url: str, progress: Progress) -> Backup:
        """Copy a backup, and what it builds on, to another place, and read it back.

        Raises:
            EngineError: it is damaged, or that place cannot be written.
        """
        return await self._store.backups.copy(backup, url, progress=progress)


def _sort_out(catalogue: Catalogue, store_id: str) -> Shelf:
    """Tell the backups of a store from what else there is."""
    from engine import BrokenChainError

    kept: list[Kept] = []
    for backup in reversed(catalogue.of_store(store_id)):
        try:
            kept.append(Kept(backup=backup, chain=catalogue.chain(backup)))
        except BrokenChainError as error:
            kept.append(Kept(backup=backup, chain=(), broken=error.message))
    return Shelf(
        directory=str(catalogue.directory),
        kept=tuple(kept),
        foreign=tuple(b for b in catalogue.backups if b.manifest.store_id != store_id),
        findings=catalogue.findings,
    )
