"""The SQLite backend: procedures run on whichever connection suits them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from engine.backends.sqlite.connection import Connection, connect_reader
from engine.backends.sqlite.holding import Hold, hold, holders_of
from engine.backends.sqlite.opening import Target, check_schema, prepare
from engine.backends.sqlite.readers import PointReader, Pool
from engine.backends.sqlite.writer import Writer
from engine.errors import ReadOnlyStoreError, StoreClosedError
from engine.models import Holder
from engine.procedures.base import Procedure
from engine.procedures.names import Names
from engine.procedures.selection import Listing

P = ParamSpec("P")
R = TypeVar("R")

QUERY_CONNECTIONS = 2
STREAM_CONNECTIONS = 64
"""Loops inside loops each hold one: with few, the innermost would wait for ever."""
STREAM_CONNECTIONS_KEPT = 4
EXAMINE_SECONDS_MAX = 24 * 3_600.0
REWRITE_BYTES_MAX = 24 * 1024 * 1024
"""Written anew in an eighth of a second."""


class SqliteBackend:
    """One open database: a writer with group commit, and readers that never wait for it."""

    def __init__(
        self,
        target: Target,
        held: Hold | None,
        names: Names,
        *,
        durability: str,
        busy_seconds: float,
        query_seconds: float,
    ) -> None:
        self.path = target.path
        self.read_only = target.read_only
        self._target = target
        self._held = held
        self._query_seconds = query_seconds
        self._process = os.getpid()
        self._closed = False
        self._reader = partial(
            connect_reader,
            target.path,
            immutable=target.immutable,
            busy_timeout_seconds=busy_seconds,
        )
        self._queries = Pool(self._reader, QUERY_CONNECTIONS, kept=QUERY_CONNECTIONS)
        self._streams = Pool(self._reader, STREAM_CONNECTIONS, kept=STREAM_CONNECTIONS_KEPT)
        self._points: PointReader | None = None
        self.writer: Writer | None = None
        if not target.read_only:
            self.writer = Writer(
                target.path, names, durability=durability, busy_seconds=busy_seconds
            )

    @classmethod
    async def open(
        cls,
        path: Path,
        names: Names,
        *,
        read_only: bool,
        create: bool,
        now: int,
        durability: str,
        busy_seconds: float,
        query_seconds: float,
    ) -> SqliteBackend:
        """Recognise, connect and check a store.

        Raises:
            StoreError: it cannot be opened as asked; see `opening.prepare`.
        """
        target, held = await asyncio.to_thread(
            _prepare, path, read_only=read_only, create=create, now=now
        )
        backend = cls(
            target,
            held,
            names,
            durability=durability,
            busy_seconds=busy_seconds,
            query_seconds=query_seconds,
        )
        try:
            await backend._connect()
        except BaseException:
            await backend.close()
            raise
        return backend

    async def _connect(self) -> None:
        if self.writer is not None:
            await self.writer.open(check_schema)
        lane = Connection(self._reader)
        await lane
        try:
            if self.writer is None:
                await lane.run(check_schema, self.path)
            inline = connect_reader(
                self.path, immutable=self._target.immutable, busy_timeout_seconds=0.0
            )
        except BaseException:
            await lane.close()
            raise
        self._points = PointReader(inline, lane)

    def _check(self) -> None:
        if self._closed:
            raise StoreClosedError("the store is closed", hint="open it again")
        if os.getpid() != self._process:
            raise StoreClosedError(
                "the store was opened by the process that forked this one",
                hint="open it again in this process",
            )

    def point_read(
        self, procedure: Callable[P, Procedure[R]], *args: P.args, **kwargs: P.kwargs
    ) -> Awaitable[R]:
        """Run a procedure that reads a few rows by key, on this thread if there is time."""
        self._check()
        if self._points is None:
            raise StoreClosedError("the store is closed", hint="open it again")
        return self._points.read(procedure, *args, **kwargs)

    async def read(
        self, procedure: Callable[P, Procedure[R]], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Run a reading procedure in one snapshot; cancelling the caller stops SQLite."""
        self._check()
        result: R = await self._queries.read(
            partial(procedure, *args, **kwargs), self._query_seconds
        )
        return result

    async def examine(
        self, procedure: Callable[P, Procedure[R]], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Like `read`, for what takes long: it has no time limit, and a connection of its own."""
        self._check()
        result: R = await self._streams.read(
            partial(procedure, *args, **kwargs), EXAMINE_SECONDS_MAX
        )
        return result

    async def write(
        self, procedure: Callable[P, Procedure[R]], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Run a writing procedure; when this returns, what it wrote is durable.

        Raises:
            ReadOnlyStoreError: the store is open for reading.
        """
        result: R = await self._require_writer().write(partial(procedure, *args, **kwargs))
        return result

    def stream(
        self,
        procedure: Callable[[], Procedure[Listing]],
        convert: Callable[[list[Any]], Procedure[R]],
        *,
        chunk: int,
    ) -> AsyncGenerator[R, None]:
        """Yield converted rows of a listing in chunks, all from one snapshot."""
        self._check()
        return self._streams.stream(procedure, convert, chunk=chunk)

    def data_version(self) -> int:
        """Return a number that differs after somebody has committed."""
        self._check()
        if self._points is None:
            raise StoreClosedError("the store is closed", hint="open it again")
        return self._points.data_version()

    async def holders(self) -> list[Holder]:
        """Return who else has the store open for writing.

        Raises:
            StorageError: nobody can tell.
        """
        self._check()
        if self._held is not None:
            return await asyncio.to_thread(self._held.others)
        return await asyncio.to_thread(holders_of, self.path)

    def file_bytes(self) -> tuple[int, int]:
        """Return the sizes of the main file and of the WAL."""
        journal = self.path.with_name(f"{self.path.name}-wal")
        wal = 0
        with suppress(FileNotFoundError):
            wal = journal.stat().st_size
        return self.path.stat().st_size, wal

    async def merge_text(self) -> None:
        """Merge the text index as a whole, some milliseconds at a time."""
        await self._require_writer().merge_text()

    async def rewrite_if_small(self) -> bool:
        """Write the file anew, without gaps, if it is small; return whether it was done."""
        file_bytes, _ = self.file_bytes()
        return file_bytes <= REWRITE_BYTES_MAX and await self._require_writer().rewrite()

    def _require_writer(self) -> Writer:
        self._check()
        if self.writer is None:
            raise ReadOnlyStoreError("the store is open read-only", hint="open it for writing")
        return self.writer

    async def close(self) -> None:
        """Write what waits, close every connection; safe to call twice."""
        if self._closed:
            return
        self._closed = True
        # Readers first: the writer's last checkpoint then has nobody in its way.
        if self._points is not None:
            await self._points.close()
        await self._queries.close()
        await self._streams.close()
        if self.writer is not None:
            await self.writer.close()
        if self._held is not None:
            self._held.release()


def _prepare(path: Path, *, read_only: bool, create: bool, now: int) -> tuple[Target, Hold | None]:
    """Recognise a store, and say who it is that will write to it."""
    target = prepare(path, read_only=read_only, create=create, now=now)
    return target, None if target.read_only else hold(target.path, now)
