"""Readers: point reads on the loop's own thread, queries on a pool, streams on their own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from time import perf_counter
from typing import Any, Final

from engine.backends.sqlite.connection import Connection, stop_at
from engine.backends.sqlite.driver import driver, run_procedure, translate, translated
from engine.errors import QueryInterruptedError, QueryTimeoutError, StoreBusyError
from engine.procedures.base import Procedure
from engine.procedures.selection import Listing

INLINE_SECONDS: Final = 0.001
"""Time of one turn of the event loop that point reads may take on its thread."""

Start = Callable[[], Procedure[Any]]
Convert = Callable[[list[Any]], Procedure[Any]]
"""Makes of some rows what is wanted of them; it may read more from the same snapshot."""


class PointReader:
    """Reads a few rows by key with the least delay there is.

    A hop to another thread costs more than such a read, so it runs here, on the event loop's own
    thread, up to a millisecond per turn of the loop. What comes beyond that in the same turn
    rides together to a thread in one hop, so that the loop never lags because of reads.
    """

    def __init__(self, connection: Any, lane: Connection) -> None:
        self._connection = connection
        self._lane = lane
        self._spent = 0.0
        self._resetting = False
        self._waiting: list[tuple[Start, asyncio.Future[Any]]] = []
        self._riding: asyncio.Task[None] | None = None

    async def read(
        self, procedure: Callable[..., Procedure[Any]], *args: Any, **kwargs: Any
    ) -> Any:
        """Run a point read and return its result."""
        if self._spent < INLINE_SECONDS and not self._waiting:
            began = perf_counter()
            try:
                return run_procedure(self._connection, procedure(*args, **kwargs))
            except StoreBusyError:
                # Somebody recovers the WAL: wait for it elsewhere.
                pass
            finally:
                self._spent += perf_counter() - began
                if not self._resetting:
                    self._resetting = True
                    asyncio.get_running_loop().call_soon(self._reset)
        return await self._ride(partial(procedure, *args, **kwargs))

    def data_version(self) -> int:
        """Return SQLite's counter of other connections' commits, for this connection."""
        with translated():
            (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        return int(version)

    def _reset(self) -> None:
        self._spent = 0.0
        self._resetting = False

    async def _ride(self, start: Start) -> Any:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((start, future))
        if self._riding is None:
            self._riding = asyncio.create_task(self._drive(), name="engine-point-reads")
        return await future

    async def _drive(self) -> None:
        """Take everybody who waits along, until nobody does."""
        riders: list[tuple[Start, asyncio.Future[Any]]] = []
        try:
            while self._waiting:
                riders = [rider for rider in self._waiting if not rider[1].done()]
                self._waiting = []
                starts = [start for start, _ in riders]
                outcomes = await self._lane.run(_run_all, starts)
                for (_, future), (result, error) in zip(riders, outcomes, strict=True):
                    # Those who went away meanwhile have no use for what they asked.
                    if future.done():
                        continue
                    if error is not None:
                        future.set_exception(error)
                    else:
                        future.set_result(result)
        finally:
            self._riding = None
            # Only if somebody cancelled this task: they shall not wait for ever.
            for _, future in [*riders, *self._waiting]:
                future.cancel()
            self._waiting = []

    async def close(self) -> None:
        """Let those who wait arrive, then close both connections."""
        if self._riding is not None:
            await asyncio.wait([self._riding])
        self._connection.close()
        await self._lane.close()


def _run_all(connection: Any, starts: list[Start]) -> list[tuple[Any, Exception | None]]:
    return [_run_caught(connection, start) for start in starts]


def _run_caught(connection: Any, start: Start) -> tuple[Any, Exception | None]:
    try:
        return run_procedure(connection, start()), None
    except Exception as error:  # noqa: BLE001 - it belongs to the caller, who is elsewhere
        return None, error


class Pool:
    """Reading connections, each opened when first needed and lent to one user at a time.

    No more than `size` are lent at once; who comes then waits. `kept` stay open for the next.
    """

    def __init__(self, connect: Callable[[], Any], size: int, *, kept: int) -> None:
        self._connect = connect
        self._idle: list[Connection] = []
        self._slots = asyncio.Semaphore(size)
        self._kept = kept
        self._closed = False

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[Connection]:
        """Lend a connection; it must be given back with no statement running."""
        async with self._slots:
            connection = self._idle.pop() if self._idle else await self._open()
            try:
                yield connection
            finally:
                if self._closed or len(self._idle) >= self._kept:
                    await asyncio.shield(connection.close())
                else:
                    self._idle.append(connection)

    async def _open(self) -> Connection:
        connection = Connection(self._connect)
        await connection
        return connection

    async def read(self, start: Start, seconds: float) -> Any:
        """Run a procedure in one snapshot; cancelling the caller stops it in SQLite too.

        Raises:
            QueryTimeoutError: it ran for longer than `seconds`.
        """
        async with self.lend() as connection:
            return await connection.run_to_end(_read, start, seconds)

    async def stream(
        self, start: Start, convert: Convert, *, chunk: int
    ) -> AsyncGenerator[Any, None]:
        """Yield the converted rows of the listing that a procedure returns, in chunks.

        All come from one snapshot, which is let go when the iterator is closed.
        """
        async with self.lend() as connection:
            # Kept here and not returned: whoever is cancelled meanwhile has to close it too.
            opened: list[Any] = []
            try:
                begun = await connection.run_to_end(_begin_stream, start, convert, opened)
                if begun is not None:
                    yield begun
                for cursor in opened:
                    while rows := await connection.run_to_end(_fetch, cursor, chunk, convert):
                        yield rows[0]
            finally:
                await asyncio.shield(connection.run(_end_stream, opened))

    async def close(self) -> None:
        """Close the connections; one that is lent is closed when it is given back."""
        self._closed = True
        while self._idle:
            await self._idle.pop().close()


def _read(connection: Any, start: Start, seconds: float) -> Any:
    deadline = time.monotonic() + seconds
    stop_at(connection, deadline)
    try:
        with translated():
            connection.execute("BEGIN")
        try:
            return run_procedure(connection, start())
        except QueryInterruptedError as error:
            if time.monotonic() < deadline:
                raise
            raise QueryTimeoutError(
                f"the query ran for more than {seconds:g} s and was stopped",
                hint="narrow it: name an agent, a tag or a time",
            ) from error
        finally:
            _roll_back(connection)
    finally:
        connection.set_progress_handler(None, 0)


def _roll_back(connection: Any) -> None:
    """End the snapshot, even while whoever cancelled keeps interrupting this connection."""
    while connection.in_transaction:
        with suppress(driver.OperationalError):
            connection.execute("ROLLBACK")


def _begin_stream(connection: Any, start: Start, convert: Convert, opened: list[Any]) -> Any:
    """Return the first rows, converted; a cursor for the rest is added to `opened`."""
    with translated():
        connection.execute("BEGIN")
        listing: Listing = run_procedure(connection, start())
        begun = run_procedure(connection, convert(listing.first)) if listing.first else None
        if listing.rest is not None:
            opened.append(connection.execute(listing.rest.sql, listing.rest.values))
        return begun


def _fetch(connection: Any, cursor: Any, size: int, convert: Convert) -> tuple[Any] | None:
    """Return the next rows, converted; None when there are no more."""
    try:
        rows = cursor.fetchmany(size)
    except driver.Error as error:
        raise translate(error) from error
    return (run_procedure(connection, convert(rows)),) if rows else None


def _end_stream(connection: Any, opened: list[Any]) -> None:
    # An interrupt stays in force while a cursor is unread: nothing could be rolled back.
    for cursor in opened:
        cursor.close()
    _roll_back(connection)
    # Sorting a million rows takes memory that the next small query has no use for.
    with suppress(driver.OperationalError):
        connection.execute("PRAGMA shrink_memory")
