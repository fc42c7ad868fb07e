"""A copy of a store to measure on: made by SQLite, in a folder that goes away again.

The store itself is only ever read, through SQLite: copying its file would miss what is in the WAL,
and opening and closing it in Python would drop the locks that SQLite holds on it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from engine.backends.sqlite.connection import connect_reader
from engine.backends.sqlite.driver import driver, translated
from engine.backends.sqlite.opening import prepare
from engine.clock import system_clock
from engine.errors import StorageError

PAGES_PER_STEP = 4_096
ROOM = 1.5
"""How many times its size a copy may need: rows are added to it, and its WAL lies beside it."""
ROOM_BYTES = 512 * 1024 * 1024
BUSY_SECONDS = 5.0


@contextlib.contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """Make an empty folder in `parent`, mode 0700, and remove it with all it holds.

    Raises:
        StorageError: `parent` cannot be written.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix=".bench-", dir=parent))
    except OSError as error:
        raise StorageError(
            f"no scratch folder can be made in {str(parent)!r}: {error.strerror}",
            hint="name a folder on the same kind of disk with --scratch",
        ) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.asynccontextmanager
async def scratch_copy(store: Path, folder: Path) -> AsyncIterator[Path]:
    """Copy the store, as it is at this moment, into `folder`; cancelling stops the copy.

    Raises:
        StoreError: it is no store, or cannot be read.
        StorageError: there is no room for a copy.
    """
    copy = folder / "scratch.db"
    stopped = threading.Event()
    work = asyncio.ensure_future(asyncio.to_thread(_copy, store, copy, stopped))
    try:
        await asyncio.shield(work)
    except asyncio.CancelledError:
        stopped.set()
        await asyncio.wait([work])
        if not work.cancelled():
            work.exception()
        raise
    try:
        yield copy
    finally:
        for suffix in ("", "-wal", "-shm"):
            copy.with_name(copy.name + suffix).unlink(missing_ok=True)


class _StoppedError(Exception):
    """Nobody waits for the copy any more."""


def _copy(store: Path, copy: Path, stopped: threading.Event) -> None:
    target = prepare(store, read_only=True, create=False, now=system_clock())
    _check_room(target.path, copy.parent)
    # Made beforehand for its mode: SQLite would give it the one of the umask.
    os.close(os.open(copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    source = connect_reader(
        target.path, immutable=target.immutable, busy_timeout_seconds=BUSY_SECONDS
    )
    try:
        with translated():
            # One snapshot: without it, every commit of somebody else would start the copy again.
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM meta").fetchone()
            _back_up(source, copy, stopped)
    except _StoppedError:
        pass
    finally:
        source.close()


def _back_up(source: object, copy: Path, stopped: threading.Event) -> None:
    def go_on(_status: int, _remaining: int, _total: int) -> None:
        if stopped.is_set():
            raise _StoppedError

    destination = driver.connect(copy, isolation_level=None)
    try:
        source.backup(destination, pages=PAGES_PER_STEP, progress=go_on, sleep=0)  # type: ignore[attr-defined]
    finally:
        destination.close()


def _check_room(store: Path, folder: Path) -> None:
    needed = int(store.stat().st_size * ROOM) + ROOM_BYTES
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise StorageError(
            f"a scratch copy needs {needed >> 20:,} MiB and there are {free >> 20:,}",
            hint="name a folder with more room with --scratch",
        )
