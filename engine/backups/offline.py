"""What can be done with backups when there is no store: it may be what was lost."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from engine.backups.catalogue import Catalogue, default_directory
from engine.backups.elsewhere import copy_elsewhere
from engine.backups.manifest import Backup
from engine.backups.past import Wish
from engine.backups.restoring import FileOrder, replace_unreadable, restore_to_file
from engine.backups.retention import PrunePlan, carry_out
from engine.backups.threads import Progress, in_thread, silent
from engine.backups.verifying import VerifyReport, verify_links
from engine.clock import Clock, system_clock, to_microseconds
from engine.differences import RestoreReport
from engine.errors import InvalidSettingError
from engine.query import parse


async def verify_backup(
    catalogue: Catalogue,
    backup: Backup,
    *,
    clock: Clock = system_clock,
    progress: Progress = silent,
) -> VerifyReport:
    """Restore a backup to a temporary place to prove that it can be, and check what comes of it.

    Raises:
        StorageError: there is no room, or the directory cannot be written.
    """
    return await in_thread(progress, verify_links, catalogue, backup, clock())


async def prune_backups(plan: PrunePlan, *, progress: Progress = silent) -> PrunePlan:
    """Delete the backups that a plan says; a crash leaves every other one whole.

    Raises:
        StalePlanError: something of the plan is needed by now; nothing was deleted.
        StorageError: something could not be deleted.
    """
    return await in_thread(progress, carry_out, plan)


async def copy_backup(
    catalogue: Catalogue, backup: Backup, url: str, *, progress: Progress = silent
) -> None:
    """Copy a backup, and what it builds on, to any URL that fsspec knows; read it back.

    Raises:
        CorruptBackupError: it is damaged, or its copy is.
        StorageError: fsspec is not installed, or cannot write there.
    """
    await in_thread(progress, copy_elsewhere, catalogue, backup, url)


async def restore_file(
    store: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    sequence: int | None = None,
    time: datetime | None = None,
    backup: str | None = None,
    scope: str = "",
    directory: str | os.PathLike[str] | None = None,
    clock: Clock = system_clock,
    progress: Progress = silent,
) -> RestoreReport:
    """Make the new file `target` the store as it was, or what of it matches the query `scope`.

    The store may be in use, damaged or gone: where its own change log cannot be read, or does not
    reach the point, the backups of `directory` are asked (by default `<store>.backups`).

    Raises:
        InvalidSettingError: not exactly one point is given.
        RestorePointError: neither the change log nor a backup reaches the point.
        BackupNotFoundError: there is no such backup.
        CorruptBackupError: the only backup that reaches it is damaged.
        CorruptStoreError: the store is damaged, and no backup that is whole reaches the point.
        StorageError: `target` exists, or there is no room.
    """
    wish = _wish(Path(store), directory, sequence, time, backup)
    order = FileOrder(wish=wish, target=Path(target), scope=scope, filter=parse(scope), now=clock())
    return await in_thread(progress, restore_to_file, order)


async def restore_unreadable(
    store: str | os.PathLike[str],
    *,
    sequence: int | None = None,
    time: datetime | None = None,
    backup: str | None = None,
    directory: str | os.PathLike[str] | None = None,
    clock: Clock = system_clock,
    progress: Progress = silent,
) -> RestoreReport:
    """Put a store as it was, from a backup, in place of one that is damaged; that is kept aside.

    Raises:
        InvalidSettingError: the store can be read, or not exactly one point is given.
        StoreInUseError: somebody has it open for writing.
        CorruptStoreError: no backup that is whole reaches the point.
        RestorePointError: backups of several stores are there, and none is of this one.
        StorageError: there is no room, or the folder cannot be written; nothing was moved.
    """
    path = Path(store)
    wish = _wish(path, directory, sequence, time, backup)
    order = FileOrder(wish=wish, target=path, scope="", filter=parse(""), now=clock())
    return await in_thread(progress, replace_unreadable, order)


def _wish(
    store: Path,
    directory: str | os.PathLike[str] | None,
    sequence: int | None,
    time: datetime | None,
    backup: str | None,
) -> Wish:
    if sum(point is not None for point in (sequence, time, backup)) != 1:
        raise InvalidSettingError(
            "a point is a sequence, a time or a backup: one of them", hint="sequence=1234"
        )
    return Wish(
        store=store,
        directory=default_directory(store) if directory is None else Path(directory),
        sequence=sequence,
        at=None if time is None else to_microseconds(time),
        backup=backup,
    )
