"""A store that cannot be opened, or is not there: what can be known of it, and saving it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine import Backup, RestoreReport
    from engine.backups import Finding
    from engine.doctor import Check, FillReport, SalvageReport

Progress = Callable[[str, int, int], None]
"""Told the stage of a work, how much of it is done, and how much there is (0: not known)."""

SAVED_BYTES_MIN = 8_192
"""In less than two pages there is no item."""


class Trouble(Enum):
    """What is the matter with a store that needs recovery."""

    MISSING = "missing"
    DAMAGED = "damaged"
    NOT_A_STORE = "not a store"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plight:
    """How a store stands that cannot be used as it is."""

    trouble: Trouble
    message: str
    """What opening it said."""
    backups: tuple[Backup, ...]
    """Those that can be restored, as far as their manifests tell; newest first."""
    findings: tuple[Finding, ...]
    readable: bool
    """Whether it can be opened read-only all the same."""


def may_be_rescued(error: BaseException, path: Path) -> bool:
    """Return whether there may be something to save: damage, or backups of what is missing."""
    from engine import CorruptStoreError, NotAStoreError, StoreNotFoundError
    from engine.backups import default_directory

    if not isinstance(error, StoreNotFoundError | CorruptStoreError | NotAStoreError):
        return False
    if default_directory(path).is_dir():
        return True
    return path.is_file() and path.stat().st_size >= SAVED_BYTES_MIN


class RescueGateway:
    """Works on the file, never through an open store. The damaged file is never written to."""

    def __init__(self, path: Path, clock: Callable[[], int] | None) -> None:
        from engine import system_clock

        self._path = path
        self._clock = clock or system_clock

    @property
    def path(self) -> Path:
        """The store."""
        return self._path

    async def assess(self, error: BaseException) -> Plight:
        """Return how the store stands, quickly: its damage is looked for by `examine`."""
        from engine import NotAStoreError, StoreNotFoundError
        from engine.backups import default_directory, read_catalogue

        trouble = Trouble.DAMAGED
        if isinstance(error, StoreNotFoundError):
            trouble = Trouble.MISSING
        elif isinstance(error, NotAStoreError):
            trouble = Trouble.NOT_A_STORE
        catalogue = await asyncio.to_thread(read_catalogue, default_directory(self._path))
        return Plight(
            trouble=trouble,
            message=str(error),
            backups=catalogue.restorable,
            findings=catalogue.findings,
            readable=trouble is Trouble.DAMAGED and await self._is_readable(),
        )

    async def _is_readable(self) -> bool:
        from engine import EngineError, open_store

        try:
            async with open_store(self._path, read_only=True, create=False) as store:
                await store.info()
        except EngineError:
            return False
        return True

    async def examine(self, progress: Progress) -> tuple[Check, ...]:
        """Return what a doctor says of every part of the file; it changes nothing."""
        from engine.doctor import examine

        return (await examine(self._path, quick=True, progress=progress)).checks

    async def restore(self, backup: Backup, target: Path, progress: Progress) -> RestoreReport:
        """Make the new file `target` what a backup holds.

        Raises:
            CorruptBackupError: it is damaged.
            StorageError: the file exists, or there is no room.
        """
        from engine.backups import restore_file

        return await restore_file(
            self._path, target, backup=backup.name, clock=self._clock, progress=progress
        )

    async def salvage(self, out: Path, progress: Progress) -> SalvageReport:
        """Make the new file `out` of everything that can still be read.

        Raises:
            CorruptStoreError: there is nothing of a store in the file.
            StorageError: `out` exists, or there is no room.
        """
        from engine.doctor import salvage

        return await salvage(self._path, out, progress=progress)

    async def fill(self, out: Path, progress: Progress) -> FillReport:
        """Give a salvaged store those items that it lost and a backup of it has.

        Raises:
            EngineError: no backup can be restored; what was salvaged stays as it is.
        """
        from engine.backups import default_directory
        from engine.doctor import fill_from_backups

        return await fill_from_backups(out, default_directory(self._path), progress=progress)

    async def replace(self, rescued: Path) -> Path | None:
        """Give the store's name to a rescued file; return where the damaged one is kept.

        Raises:
            StoreInUseError: somebody has one of them open; nothing was moved.
            StorageError: the folder cannot be written.
        """
        from engine.backups import replace_damaged

        return await replace_damaged(self._path, rescued, clock=self._clock)
