"""Putting a rescued store in the place of one that cannot be read, which is kept.

Only for a file that no program can work with any more: one that can be opened is restored by
writing to it, since whoever has it open would go on writing to a file without a name.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path

from engine.backends.sqlite.holding import holders_of
from engine.backups.publishing import (
    COMPANIONS,
    copy_file,
    storage_errors,
    sync_directory,
    working_directory,
)
from engine.clock import Clock, system_clock, to_datetime
from engine.errors import StorageError, StoreInUseError, StoreNotFoundError


async def replace_damaged(
    store: str | os.PathLike[str],
    rescued: str | os.PathLike[str],
    *,
    clock: Clock = system_clock,
) -> Path | None:
    """Give `store` the file `rescued`; return the directory that keeps what was there, if any.

    The damaged file and its journal are in `<store>.damaged-<time>`, whole, before anything has
    their place. A crash leaves the damaged store there, or the rescued one; never a mixture.

    Raises:
        StoreNotFoundError: there is nothing at `rescued`.
        StoreInUseError: somebody has one of the two open for writing; nothing was moved.
        StorageError: the folder cannot be written, or does not hold both.
    """
    return await asyncio.to_thread(_replace, Path(store), Path(rescued), clock())


def _replace(store: Path, rescued: Path, now: int) -> Path | None:
    if not rescued.is_file() or rescued.is_symlink():
        raise StoreNotFoundError(f"there is no store at {rescued}", hint="check the path")
    for path in (store, rescued):
        holders = holders_of(path)
        if holders:
            raise StoreInUseError(
                f"{holders[0].program} (process {holders[0].process_id}) has {path.name} open",
                holders=holders,
                hint="end it first: what it writes would be lost",
            )
    if any(rescued.with_name(f"{rescued.name}{suffix}").exists() for suffix in COMPANIONS):
        raise StorageError(
            f"{rescued.name} was not closed: its journal is beside it", hint="open and close it"
        )
    with storage_errors(f"{store.name} cannot be replaced"):
        kept = _keep(store, now)
        for suffix in COMPANIONS:
            with suppress(FileNotFoundError):
                store.with_name(f"{store.name}{suffix}").unlink()
        # Before the name is given: the new file must never be seen beside the old journal.
        sync_directory(store.parent)
        rescued.replace(store)
        sync_directory(store.parent)
    return kept


def _keep(store: Path, now: int) -> Path | None:
    """Copy the damaged file and its journal into a directory of their own; return it.

    Not linked: a crash would leave a store with two names, which is not opened.
    """
    names = [store.with_name(f"{store.name}{suffix}") for suffix in ("", *COMPANIONS)]
    there = [path for path in names if os.path.lexists(path)]
    if not there:
        return None
    kept = store.with_name(f"{store.name}.damaged-{to_datetime(now):%Y%m%dt%H%M%S}z")
    if os.path.lexists(kept):
        raise StorageError(f"{kept.name} exists already", hint="try again in a second")
    with working_directory(store.parent) as work:
        copies = work / "kept"
        copies.mkdir(mode=0o700)
        for path in there:
            copy_file(path, copies / path.name)
        sync_directory(copies)
        copies.rename(kept)
    sync_directory(store.parent)
    return kept
