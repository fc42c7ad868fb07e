"""Opening one connection: the URI, the pragmas, and aiosqlite with whole functions per hop."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import aiosqlite

from engine.backends.sqlite.driver import driver, translated

R = TypeVar("R")

READER_CACHE_KIB = 8_192
WRITER_CACHE_KIB = 32_768
"""Larger caches were not faster: the operating system keeps the pages too."""
PROGRESS_STEPS = 20_000
"""SQLite's virtual machine runs about this many steps in a millisecond."""


class Connection(aiosqlite.Connection):
    """An aiosqlite connection that runs a whole function on its thread in one hop."""

    def __init__(self, connector: Callable[[], Any]) -> None:
        super().__init__(connector, iter_chunk_size=64)
        # An interpreter that exits without `close()` must not wait for this thread for ever;
        # what was acknowledged is on disk already.
        self._thread.daemon = True

    async def run(self, function: Callable[..., R], *args: Any) -> R:
        """Run `function(connection, *args)` on the connection's thread and return its result."""
        result: R = await self._execute(function, self._conn, *args)  # type: ignore[no-untyped-call]
        return result

    def submit(self, function: Callable[..., R], *args: Any) -> asyncio.Future[R]:
        """Have `function(connection, *args)` run; the future stays when its waiter is cancelled."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._tx.put_nowait((future, partial(function, self._conn, *args)))
        return future

    async def run_to_end(self, function: Callable[..., R], *args: Any) -> R:
        """Like `run`, but when cancelled, stop SQLite and wait until the thread is free again."""
        task = asyncio.ensure_future(self.run(function, *args))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            while not task.done():
                self._conn.interrupt()
                await asyncio.wait([task], timeout=0.005)
            if not task.cancelled():
                task.exception()
            raise


def uri(path: Path, **parameters: str) -> str:
    """Return the SQLite URI of a path, whatever characters it has."""
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    return f"file:{quote(os.fsencode(path))}?{query}"


def connect(
    path: Path,
    *,
    read_only: bool,
    immutable: bool = False,
    busy_timeout_seconds: float,
    any_thread: bool = False,
    without_journal: bool = False,
) -> Any:
    """Return a raw connection with safe settings, on the calling thread.

    One `without_journal` is only good for a look at the first page of a store that has a WAL.

    Raises:
        EngineError: the file cannot be opened.
    """
    parameters = {"mode": "ro" if read_only else "rw"}
    if immutable:
        parameters["immutable"] = "1"
    with translated():
        connection = driver.connect(
            uri(path, **parameters),
            uri=True,
            isolation_level=None,
            timeout=busy_timeout_seconds,
            check_same_thread=not any_thread,
            cached_statements=512,
        )
        try:
            if without_journal:
                # A checkpoint writes the first page first. Killed then, it leaves a header that
                # counts pages which only the WAL has, and SQLite calls that damage but for this.
                connection.execute("PRAGMA writable_schema=ON")
            # Not trusted: a hostile file may carry functions in its schema, or lie about cells.
            connection.execute("PRAGMA trusted_schema=OFF")
            connection.execute("PRAGMA cell_size_check=ON")
            connection.execute("PRAGMA mmap_size=0")
            connection.execute("PRAGMA temp_store=MEMORY")
            connection.execute(f"PRAGMA cache_size=-{READER_CACHE_KIB}")
            connection.execute("PRAGMA wal_autocheckpoint=0")
        except BaseException:
            connection.close()
            raise
    return connection


def connect_reader(
    path: Path, *, immutable: bool, busy_timeout_seconds: float, any_thread: bool = False
) -> Any:
    """Return a connection that cannot write."""
    connection = connect(
        path,
        read_only=True,
        immutable=immutable,
        busy_timeout_seconds=busy_timeout_seconds,
        any_thread=any_thread,
    )
    connection.execute("PRAGMA query_only=ON")
    return connection


def connect_writer(path: Path, *, durability: str, busy_timeout_seconds: float) -> Any:
    """Return the connection that writes; `durability` is `full` or `relaxed`."""
    connection = connect(path, read_only=False, busy_timeout_seconds=busy_timeout_seconds)
    with translated():
        connection.execute(f"PRAGMA cache_size=-{WRITER_CACHE_KIB}")
        connection.execute("PRAGMA foreign_keys=ON")
        # FULL: a commit is on disk before it is acknowledged. NORMAL may lose the newest commits
        # to a power failure, never to a crash of the program.
        connection.execute(
            "PRAGMA synchronous=FULL" if durability == "full" else "PRAGMA synchronous=NORMAL"
        )
        # Far above what checkpoints let it grow to: cutting it off is left to idle moments.
        connection.execute("PRAGMA journal_size_limit=536870912")
    return connection


def stop_at(connection: Any, deadline: float) -> None:
    """Make SQLite stop its work on this connection once `time.monotonic()` is past `deadline`."""
    connection.set_progress_handler(lambda: time.monotonic() > deadline, PROGRESS_STEPS)
