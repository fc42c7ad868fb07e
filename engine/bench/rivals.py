"""Ways to write the same items without the engine's writer, to compare with."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from engine.backends.sqlite.connection import Connection, connect_writer
from engine.backends.sqlite.driver import run_procedure
from engine.bench.material import Material, new_record
from engine.clock import system_clock
from engine.drafts import Drafting
from engine.limits import Limits
from engine.procedures import mutations
from engine.procedures.base import Deferred, Many, Procedure, Statement, TextChange
from engine.procedures.fulltext import write_text
from engine.procedures.mutations import Draft
from engine.procedures.names import Names
from engine.procedures.revisions import Author


class Supply:
    """New items without end, as the arguments of `put` or packed."""

    def __init__(self, material: Material, rng: random.Random) -> None:
        self._material = material
        self._rng = rng
        self._numbers: Iterator[int] = count(1)
        self._drafting = Drafting(Limits(), system_clock, allow_pickle=False)
        # Nobody else's: a second run on the same store must not replace the items of the first.
        self._prefix = f"bench/{rng.getrandbits(32):08x}"

    def records(self, number: int) -> list[dict[str, Any]]:
        """Return items that are not in the store."""
        return [
            new_record(next(self._numbers), self._material, self._rng, self._prefix)
            for _ in range(number)
        ]

    def drafts(self, number: int) -> list[Draft]:
        """Return items that are not in the store, checked and packed."""
        return [self._drafting.draft(record) for record in self.records(number)]


@dataclass(slots=True)
class ByHand:
    """The engine's own statements on the driver's connection, one commit each, on this thread."""

    connection: Any
    names: Names = field(default_factory=Names)

    def put(self, draft: Draft) -> None:
        """Put one item and commit it."""
        author = Author("bench", system_clock())
        text: list[TextChange] = []
        self.connection.execute("BEGIN IMMEDIATE")
        run_procedure(self.connection, mutations.put_items(self.names, [draft], author), text)
        run_procedure(self.connection, write_text(text))
        self.connection.execute("COMMIT")
        self.names.settle(committed=True)

    def checkpoint(self) -> None:
        """Empty the WAL, so that nobody pays for what another wrote."""
        self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


@dataclass(slots=True)
class Usual:
    """The same statements as most asynchronous programs run them: each awaited, one commit each."""

    connection: Connection
    names: Names = field(default_factory=Names)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def put(self, draft: Draft) -> None:
        """Put one item and commit it; one transaction at a time, as a connection allows."""
        author = Author("bench", system_clock())
        async with self.lock:
            text: list[TextChange] = []
            await self._execute(Statement("BEGIN IMMEDIATE"))
            await self._run(mutations.put_items(self.names, [draft], author), text)
            await self._run(write_text(text), [])
            await self._execute(Statement("COMMIT"))
            self.names.settle(committed=True)

    async def _run(self, procedure: Procedure[Any], text: list[TextChange]) -> None:
        try:
            step = next(procedure)
            while True:
                rows: list[Any] = []
                if isinstance(step, Statement):
                    rows = await self._execute(step)
                elif isinstance(step, Many):
                    await self.connection.executemany(step.sql, step.values)
                elif isinstance(step, Deferred):
                    text.extend(step.changes)
                step = procedure.send(rows)
        except StopIteration:
            return

    async def _execute(self, statement: Statement) -> list[Any]:
        async with self.connection.execute(statement.sql, statement.values) as cursor:
            return list(await cursor.fetchall())


@asynccontextmanager
async def rivals(path: Path) -> AsyncIterator[tuple[ByHand, Usual]]:
    """Connect both ways to the store at `path`."""
    connect = partial(connect_writer, path, durability="full", busy_timeout_seconds=5.0)
    connection = Connection(connect)
    await connection
    try:
        with closing(connect()) as raw:
            yield ByHand(raw), Usual(connection)
    finally:
        await connection.close()
