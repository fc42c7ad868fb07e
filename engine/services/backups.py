"""`store.backups`: making backups of an open store, verifying, thinning out, copying elsewhere."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Final

from engine.backups.catalogue import Catalogue, default_directory, read_catalogue
from engine.backups.creating import Order, create_backup
from engine.backups.manifest import Backup, Kind
from engine.backups.offline import copy_backup, prune_backups, verify_backup
from engine.backups.retention import PrunePlan, Retention, plan_prune
from engine.backups.schedule import Due, check_schedule, find_due
from engine.backups.threads import Progress, in_thread, silent
from engine.backups.verifying import VerifyReport
from engine.errors import EngineError, InvalidBackupError
from engine.procedures import lookup
from engine.services.core import Core
from engine.services.restoring import Restoring

LOOK_SECONDS: Final = 30.0
"""Between two looks whether a backup is due; one costs a few milliseconds."""


class Backups(Restoring):
    """The backups of a store, by default in the directory `<store>.backups` beside it."""

    def __init__(self, core: Core, path: Path) -> None:
        super().__init__(core, path)
        self._directory = default_directory(path)

    @property
    def directory(self) -> Path:
        """Where backups are made and looked for."""
        return self._directory

    def use_directory(self, directory: str | os.PathLike[str]) -> None:
        """Make and look for backups in another directory from now on."""
        self._directory = Path(directory)

    async def create(
        self, *, kind: Kind = "full", verify: bool = True, progress: Progress = silent
    ) -> Backup:
        """Make a backup while the store is in use; it is proven before it is published.

        An incremental one holds what changed since the last backup. Where there is none to build
        on a full one is made, and `manifest.reason` says why.

        Raises:
            InvalidBackupError: there is no such kind.
            CorruptBackupError: what was written does not restore; nothing was published.
            StorageError: there is no room, or the directory cannot be written.
        """
        if kind not in ("full", "incremental"):
            raise InvalidBackupError(
                f"there is no kind of backup {kind!r}", hint="use 'full' or 'incremental'"
            )
        await self._core._accesses.flush()
        order = Order(
            source=self._path,
            directory=self._directory,
            kind=kind,
            now=self._clock(),
            verify=verify,
        )
        manifest = await in_thread(progress, create_backup, order)
        return (await self.catalogue()).find(manifest.name)

    async def catalogue(self) -> Catalogue:
        """Return the backups of the directory, and what is wrong with what else is there."""
        return await asyncio.to_thread(read_catalogue, self._directory)

    async def list(self) -> tuple[Backup, ...]:
        """Return the backups of this store, oldest first."""
        facts = await self._backend.read(lookup.store_facts)
        return (await self.catalogue()).of_store(facts.store_id)

    async def verify(self, backup: Backup | str, *, progress: Progress = silent) -> VerifyReport:
        """Restore a backup to a temporary place to prove that it can be, and check what comes.

        Raises:
            BackupNotFoundError: there is none of this name.
            StorageError: there is no room for it.
        """
        catalogue = await self.catalogue()
        found = catalogue.find(backup if isinstance(backup, str) else backup.name)
        return await verify_backup(catalogue, found, clock=self._clock, progress=progress)

    async def copy(self, backup: Backup | str, url: str, *, progress: Progress = silent) -> Backup:
        """Copy a backup, and what it builds on, to any URL that fsspec knows; read it back.

        Raises:
            BackupNotFoundError: there is none of this name.
            CorruptBackupError: it is damaged, or its copy is.
            StorageError: fsspec is not installed, or cannot write there.
        """
        catalogue = await self.catalogue()
        found = catalogue.find(backup if isinstance(backup, str) else backup.name)
        await copy_backup(catalogue, found, url, progress=progress)
        return found

    # Retention -----------------------------------------------------------------------------

    async def prune(
        self,
        plan: PrunePlan | None = None,
        *,
        keep_last: int = 0,
        keep_daily: int = 0,
        keep_weekly: int = 0,
        keep_monthly: int = 0,
        progress: Progress = silent,
    ) -> PrunePlan:
        """Return what would be deleted by these rules; given such a plan, delete that.

        Raises:
            InvalidSettingError: no rule keeps anything.
            StalePlanError: something of the plan is needed by now; nothing was deleted.
            StorageError: something could not be deleted.
        """
        if plan is not None:
            return await prune_backups(plan, progress=progress)
        retention = Retention(
            last=keep_last, daily=keep_daily, weekly=keep_weekly, monthly=keep_monthly
        )
        facts = await self._backend.read(lookup.store_facts)
        return plan_prune(await self.catalogue(), retention, store_id=facts.store_id)

    # Schedule ------------------------------------------------------------------------------

    async def due(self, *, hours: float | None = None, changes: int | None = None) -> Due | None:
        """Return why a backup is due, and how many were missed; None if none is.

        Raises:
            InvalidSettingError: neither is given, or one is impossible.
        """
        check_schedule(hours, changes)
        facts = await self._backend.read(lookup.store_facts)
        return find_due(
            (await self.catalogue()).of_store(facts.store_id),
            now=self._clock(),
            sequence=facts.sequence,
            hours=hours,
            changes=changes,
        )

    async def run_due(
        self,
        *,
        hours: float | None = None,
        changes: int | None = None,
        verify: bool = True,
        progress: Progress = silent,
    ) -> Backup | None:
        """Make an incremental backup if the last is so many hours or changes ago; None if not.

        What was missed, because nothing had the store open, is made up for once.

        Raises:
            InvalidSettingError: neither is given, or one is impossible.
            EngineError: as `create`.
        """
        if await self.due(hours=hours, changes=changes) is None:
            return None
        return await self.create(kind="incremental", verify=verify, progress=progress)

    async def keep_up(
        self,
        *,
        hours: float | None = None,
        changes: int | None = None,
        verify: bool = True,
        look_seconds: float = LOOK_SECONDS,
    ) -> AsyncGenerator[Backup, None]:
        """Make a backup whenever one is due, for as long as the loop over this goes on.

        What passes by itself, a full disk or a busy store, is tried again.

        Raises:
            InvalidSettingError: neither is given, or one is impossible.
            EngineError: a backup could not be made, and there is no use in trying again.
        """
        while True:
            try:
                made = await self.run_due(hours=hours, changes=changes, verify=verify)
            except EngineError as error:
                if not error.retryable:
                    raise
                made = None
            if made is not None:
                yield made
            await asyncio.sleep(look_seconds)
