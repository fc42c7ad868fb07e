"""`store.backups`: making backups of an open store, verifying, thinning out, copying elsewhere."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from engine.backups.catalogue import Catalogue, read_catalogue
from engine.backups.creating import Order, create_backup
from engine.backups.manifest import Backup, Kind
from engine.backups.threads import Progress, in_thread, silent
from engine.backups.verifying import VerifyReport, verify_backup
from engine.errors import InvalidBackupError
from engine.procedures import lookup
from engine.services.aspect import Aspect
from engine.services.core import Core


def default_directory(store: Path) -> Path:
    """Return where the backups of a store are unless it is told otherwise."""
    return store.with_name(f"{store.name}.backups")


class Backups(Aspect):
    """The backups of a store, by default in the directory `<store>.backups` beside it."""

    def __init__(self, core: Core, path: Path) -> None:
        super().__init__(core)
        self._path = path
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
        return await in_thread(progress, verify_backup, catalogue, found, self._clock())
