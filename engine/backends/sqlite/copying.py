"""Whole databases copied by SQLite's backup interface out of a live store.

Files are never copied as files: a main file without its WAL is malformed. A snapshot is held
meanwhile: without it the copy begins anew whenever somebody writes, and under steady writers never
ends.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from engine.backends.sqlite.connection import connect, connect_reader
from engine.backends.sqlite.driver import translated
from engine.errors import EngineError, StorageError, StoreBusyError

COPY_SECONDS: Final = 600.0
_sync_data: Final = getattr(os, "fdatasync", os.fsync)
STEP_PAGES: Final = 2_048
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
    deadline = time.monotonic() + seconds
    # Kept open until nobody has the database open any more: closing it would drop SQLite's locks.
    handle = os.open(target, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))

    def go_on(_status: int, remaining: int, _total: int) -> None:
        # Little by little: a gigabyte that waits to be written keeps commits of others waiting.
        _sync_data(handle)
        # Told after every attempt: without a refusal one that is locked out tries for ever.
        if remaining != 0 and time.monotonic() > deadline:
            raise StoreBusyError(
                f"the store could not be copied within {seconds:g} s",
                hint="somebody holds it; try again when they are done",
            )

    try:
        writer = connect(target, read_only=False, busy_timeout_seconds=BUSY_SECONDS)
        try:
            with translated():
                # Nobody knows the copy yet, and it is made durable here.
                writer.execute("PRAGMA synchronous=OFF")
                writer.execute("PRAGMA journal_mode=OFF")
                reader.execute("BEGIN")
                reader.execute("SELECT count(*) FROM sqlite_schema").fetchone()
                reader.backup(writer, pages=STEP_PAGES, progress=go_on, sleep=0.001)
                reader.execute("ROLLBACK")
        finally:
            writer.close()
        os.fsync(handle)
    except EngineError:
        # Some are an `OSError` as well, and say already what is the matter.
        raise
    except OSError as error:
        raise StorageError(
            f"{target.name} cannot be written: {error.strerror}",
            hint="check the disk and its free space",
        ) from error
    finally:
        os.close(handle)


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
