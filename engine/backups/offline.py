"""What can be done with backups when there is no store: it may be what was lost."""

from __future__ import annotations

from engine.backups.catalogue import Catalogue
from engine.backups.elsewhere import copy_elsewhere
from engine.backups.manifest import Backup
from engine.backups.retention import PrunePlan, carry_out
from engine.backups.threads import Progress, in_thread, silent
from engine.backups.verifying import VerifyReport, verify_links
from engine.clock import Clock, system_clock


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
