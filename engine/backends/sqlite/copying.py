"""Whole databases copied by SQLite's backup interface out of a live store.

Files are never copied as files: a main file without its WAL is malformed. One step (`pages=-1`)
holds one snapshot; smaller steps begin anew whenever somebody writes, and under steady writers
never end.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from engine.backends.sqlite.connection import connect, connect_reader
from engine.backends.sqlite.driver import translated
from engine.errors import StorageError, StoreBusyError

COPY_SECONDS: Final = 600.0
BUSY_SECONDS: Final = 0.2
"""For one attempt; between two of them the deadline is looked at."""


def copy_out(source: Path, target: Path, *, seconds: float = COPY_SECONDS) -> None:
    """Write a consistent copy of the store at `source`, live or not, to the new file `target`.

    The copy is on disk, 0600 and nobody's: no journal is beside it. Blocks; run it on a thread.

    Raises:
        StoreBusyError: it took longer than `seconds`; there is no `target` then.
        StorageError: it could not be read or written (a full disk: `StorageFullError`); likewise.
    """
    _create(target)
    try:
        reader = connect_reader(source, immutable=False, busy_timeout_seconds=BUSY_SECONDS)
        try:
            _copy(reader, target, seconds)
        finally:
            reader.close()
        with translated():
            _detach(target)
    except BaseException:
        for suffix in ("", "-journal", "-wal", "-shm"):
            # What was refused is told, not that clearing up after it was refused too.
            with suppress(OSError):
                target.with_name(f"{target.name}{suffix}").unlink()
        raise


def _copy(reader: Any, target: Path, seconds: float) -> None:
    writer = connect(target, read_only=False, busy_timeout_seconds=BUSY_SECONDS)
    deadline = time.monotonic() + seconds

    def refuse_late(_status: int, remaining: int, _total: int) -> None:
        # Told after every attempt: without a refusal one that is locked out tries for ever.
        if remaining != 0 and time.monotonic() > deadline:
            raise StoreBusyError(
                f"the store could not be copied within {seconds:g} s",
                hint="somebody holds it; try again when they are done",
            )

    try:
        with translated():
            writer.execute("PRAGMA synchronous=FULL")
            reader.backup(writer, pages=-1, progress=refuse_late)
    finally:
        writer.close()


def _create(path: Path) -> None:
    """Make the empty file first: SQLite would let others read it."""
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0)
    try:
        os.close(os.open(path, flags, 0o600))
    except OSError as error:
        raise StorageError(
            f"{path.name} cannot be created: {error.strerror}",
            hint="check the folder's permissions and free space",
        ) from error


def _detach(path: Path) -> None:
    """Have SQLite look at the copy once, and leave nothing beside it."""
    connection = connect(path, read_only=False, busy_timeout_seconds=BUSY_SECONDS)
    try:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    finally:
        connection.close()
