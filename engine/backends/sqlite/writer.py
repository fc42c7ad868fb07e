"""The writer: one connection, one task, many callers in one transaction."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from engine.backends.sqlite.checkpoints import Checkpoints
from engine.backends.sqlite.connection import Connection, connect_writer
from engine.backends.sqlite.driver import (
    VERSION,
    driver,
    has_wal_reset_bug,
    run_procedure,
    translate,
    translated,
)
from engine.errors import (
    EngineError,
    ReadOnlyStoreError,
    StorageError,
    StorageFullError,
    StoreBusyError,
    StoreClosedError,
)
from engine.procedures.base import Procedure, TextChange
from engine.procedures.fulltext import IDLE_MERGE_PAGES, MERGE, write_text
from engine.procedures.names import Names

GROUP_MAX: Final = 256
"""Procedures committed together; more would make the first wait for the last."""
GROUP_SECONDS: Final = 0.02
"""A group is cut when it has run for this long: a large batch does not hold others back."""
IDLE_SECONDS: Final = 1.0
MERGE_PAUSE_SECONDS: Final = 0.1
STORE_WIDE: Final = (StoreBusyError, StorageFullError, StorageError, ReadOnlyStoreError)
"""Refusals that the next writer would meet as well."""


@dataclass(slots=True)
class _Request:
    start: Callable[[], Procedure[Any]]
    future: asyncio.Future[Any]


@dataclass(slots=True)
class _Outcome:
    request: _Request
    result: Any = None
    error: BaseException | None = None


class Writer:
    """Runs writing procedures one after another, and commits all that wait at once.

    After each of these groups it looks after the WAL (see `checkpoints`), and while nobody
    writes, after the text index.
    """

    def __init__(self, path: Path, names: Names, *, durability: str, busy_seconds: float) -> None:
        self._path = path
        self._names = names
        self._waiting: deque[_Request] = deque()
        self._wake = asyncio.Event()
        self._closing = False
        self._connection = Connection(
            lambda: connect_writer(path, durability=durability, busy_timeout_seconds=busy_seconds)
        )
        self._beside: Connection | None = None
        if not has_wal_reset_bug(VERSION):
            self._beside = Connection(
                lambda: connect_writer(path, durability=durability, busy_timeout_seconds=0.0)
            )
        self._checkpoints = Checkpoints(
            path.with_name(f"{path.name}-wal"),
            self._connection,
            self._beside,
            busy_ms=int(busy_seconds * 1000),
        )
        self._task: asyncio.Task[None] | None = None
        self._rows = 0
        self.groups = 0
        self.commits = 0

    async def open(self, check: Callable[[Any, Path], None]) -> None:
        """Connect, and let `check` look at the store before anything is written."""
        await self._connection
        try:
            await self._connection.run(check, self._path)
            if self._beside is not None:
                await self._beside
        except BaseException:
            await self._connection.close()
            raise
        self._task = asyncio.create_task(self._serve(), name="engine-writer")

    async def write(self, start: Callable[[], Procedure[Any]]) -> Any:
        """Have a procedure run and committed, and return its result."""
        if self._closing:
            raise _closed()
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Request(start, future))
        self._wake.set()
        return await future

    async def close(self) -> None:
        """Finish what waits, put the WAL into the main file, and let go of it."""
        task, self._task = self._task, None
        if task is None:
            return
        self._closing = True
        self._wake.set()
        await asyncio.wait([task])
        await self._checkpoints.wait()
        if self._beside is not None:
            await self._beside.close()
        await self._connection.close()
        if not task.cancelled():
            task.result()

    async def _serve(self) -> None:
        """Serve until closed. However it ends, nobody is left waiting."""
        try:
            await self._serve_groups()
        finally:
            # Somebody may cancel every task there is, this one included.
            self._closing = True
            for request in self._waiting:
                if not request.future.done():
                    request.future.set_exception(_closed())
            self._waiting.clear()

    async def _serve_groups(self) -> None:
        """Commit what waits, group by group, until closed; checkpoint in between."""
        while True:
            if not self._waiting:
                if self._closing:
                    break
                await self._idle()
                continue
            requests = [
                request
                for request in self._take()
                # A caller that has gone away before its turn takes its write along.
                if not request.future.cancelled()
            ]
            if requests:
                await self._commit(requests)
            await self._checkpoints.after_group(self._rows)
        await self._checkpoints.empty()

    def _take(self) -> list[_Request]:
        return [self._waiting.popleft() for _ in range(min(len(self._waiting), GROUP_MAX))]

    async def _idle(self) -> None:
        """Wait for work; after a while without any, checkpoint."""
        self._wake.clear()
        if self._checkpoints.is_empty():
            await self._wake.wait()
            return
        try:
            await asyncio.wait_for(self._wake.wait(), IDLE_SECONDS)
        except TimeoutError:
            await self._merge_text()
            await self._checkpoints.settle(self._rows, self._wake)
            if not self._waiting and await self._checkpoints.empty():
                await self._wake.wait()

    async def merge_text(self) -> None:
        """Merge the text index as a whole, beside whoever writes: what was deleted leaves it."""
        pages = -IDLE_MERGE_PAGES
        while await self._connection.run(_run_merge, pages):
            # A negative number marks all parts as to be merged, and that once.
            pages = IDLE_MERGE_PAGES
            await asyncio.sleep(0)

    async def rewrite(self) -> bool:
        """Write the file anew, without gaps, if nobody is in the way; return whether."""
        try:
            await self._connection.run(_run_vacuum)
        except StoreBusyError:
            return False
        return True

    async def _merge_text(self) -> None:
        """Merge what batches have left of the text index in parts, until somebody writes.

        Otherwise a later write has to do it, all at once.
        """
        with suppress(EngineError):
            while not self._waiting and await self._connection.run(_run_merge, IDLE_MERGE_PAGES):
                # A pause, in which other processes get their turn to write.
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), MERGE_PAUSE_SECONDS)

    async def _commit(self, requests: list[_Request]) -> None:
        pending = requests
        while pending:
            running = self._connection.submit(self._run_group, pending)
            try:
                await asyncio.wait([running])
            except asyncio.CancelledError:
                # What is being written is written all the same: those who asked for it are told.
                while not running.done():
                    with suppress(asyncio.CancelledError):
                        await asyncio.wait([running])
                outcomes, pending = _result_of(running, pending)
                _settle(outcomes + [_Outcome(request, error=_closed()) for request in pending])
                raise
            outcomes, pending = _result_of(running, pending)
            _settle(outcomes)

    def _run_group(
        self, connection: Any, requests: list[_Request]
    ) -> tuple[list[_Outcome], list[_Request]]:
        """Run procedures in one transaction; return what is settled and what is left to do.

        When one refuses, the transaction is rolled back and the others run again without it:
        cheaper, since refusals are rare, than a savepoint for every one.
        """
        outcomes: list[_Outcome] = []
        text: list[TextChange] = []
        refused: BaseException | None = None
        written = False
        deadline = time.monotonic() + GROUP_SECONDS
        try:
            connection.execute("BEGIN IMMEDIATE")
            for request in requests:
                result = run_procedure(connection, request.start(), text)
                outcomes.append(_Outcome(request, result))
                if time.monotonic() > deadline:
                    break
            written = True
            run_procedure(connection, write_text(text))
            connection.execute("COMMIT")
        except driver.Error as error:
            refused = translate(error)
        except BaseException as error:  # noqa: BLE001 - it belongs to the caller, who is elsewhere
            refused = error
        if refused is None:
            self._names.settle(committed=True)
            self.groups += 1
            self.commits += len(outcomes)
            self._rows = connection.total_changes
            return outcomes, requests[len(outcomes) :]
        self._roll_back(connection)
        if isinstance(refused, STORE_WIDE):
            # The store itself: the others would fare no better.
            return [_Outcome(request, error=refused) for request in requests], []
        # Refused while the words of all were written: nobody's in particular, so the last one's.
        at = len(outcomes) - 1 if written else len(outcomes)
        settled = [_Outcome(requests[at], error=refused)]
        if at == 0:
            return settled, requests[1:]
        earlier, again = self._run_group(connection, requests[:at])
        return earlier + settled, again + requests[at + 1 :]

    def _roll_back(self, connection: Any) -> None:
        self._names.settle(committed=False)
        # On a full disk SQLite has rolled back by itself already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _closed() -> StoreClosedError:
    return StoreClosedError("the store is closed", hint="open it again")


def _result_of(
    running: asyncio.Future[tuple[list[_Outcome], list[_Request]]], requests: list[_Request]
) -> tuple[list[_Outcome], list[_Request]]:
    """Return what a group came to; an error of the group as a whole is everybody's."""
    error = running.exception()
    if error is None:
        return running.result()
    return [_Outcome(request, error=error) for request in requests], []


def _settle(outcomes: list[_Outcome]) -> None:
    """Tell those who wait, unless they have gone away."""
    for outcome in outcomes:
        future = outcome.request.future
        if future.done():
            continue
        if outcome.error is not None:
            future.set_exception(outcome.error)
        else:
            future.set_result(outcome.result)


def _run_vacuum(connection: Any) -> None:
    with translated():
        connection.execute("VACUUM")


def _run_merge(connection: Any, pages: int) -> bool:
    """Merge some pages of the text index; return whether there was anything to merge."""
    before = connection.total_changes
    try:
        connection.execute(MERGE, (pages,))
    except driver.Error as error:
        raise translate(error) from error
    # SQLite's own measure: a step that found nothing to do changes fewer than two rows.
    return bool(connection.total_changes - before >= 2)
