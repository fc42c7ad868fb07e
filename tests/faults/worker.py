"""What is interrupted: workloads on a store, each in a child that the shim watches.

Run with the shim preloaded. A line of JSON on standard input asks for a run; a child is forked,
armed and let go, and a line on standard output says how it ended. What it does is in a ledger: a
line before each operation (`begin`: what it will set) and one after it (`done`, or `refused`).
"""

from __future__ import annotations

import asyncio
import ctypes
import importlib.util
import json
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from engine import EngineError, MemoryStore, Policy, open_store
from engine.backends.sqlite import connection as connections
from engine.backends.sqlite import making, opening, writer
from engine.backends.sqlite.driver import run_procedure
from engine.doctor import salvage
from engine.procedures.fulltext import write_text
from engine.services import lifecycle as lifecycle_service

STORE = "store.db"
SAVED = "saved.db"
PATIENCE_SECONDS = 30.0
RESTORED = 60
"""The change that is restored: after it everything went wrong."""
UNEXPECTED = 3
"""What a child ends with whose engine raised something that is no error of its own."""

Workload: TypeAlias = Callable[[Path, "Ledger", random.Random], Coroutine[Any, Any, None]]


class Ledger:
    """What was begun and what was acknowledged, on disk before anything follows."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._number = 0

    def _write(self, **entry: Any) -> None:
        os.write(self._handle, json.dumps(entry).encode() + b"\n")

    async def do(self, becomes: dict[str, Any], operation: Callable[[], Awaitable[Any]]) -> None:
        """Carry out an operation after which these ids have these contents (None: are gone)."""
        self._number += 1
        number = self._number
        self._write(begin=number, set=becomes)
        try:
            await operation()
        except EngineError as error:
            if not error.hint:
                raise
            self._write(refused=number)
        else:
            self._write(done=number)

    def note(self, **entry: Any) -> None:
        """Write down something else."""
        self._write(**entry)


def text(pick: random.Random) -> str:
    """Return a content of one of many sizes."""
    return " ".join(f"word{pick.randrange(99)}" for _ in range(pick.choice([1, 12, 90, 900])))


async def change(store: MemoryStore, ledger: Ledger, pick: random.Random, owner: str) -> None:
    """Make a few changes, one after another, to items that nobody else changes."""
    for n in range(3):
        name, content = f"{owner}/{n}", text(pick)
        put = partial(store.put, name, content, tags={"all", f"t{n}"}, agent=owner)
        await ledger.do({name: content}, put)
    batch = {f"{owner}/batch/{m}": text(pick) for m in range(8)}
    records = [{"id": name, "content": content, "tags": ["b"]} for name, content in batch.items()]
    await ledger.do(batch, lambda: store.put_many(records))
    content = text(pick)
    with suppress(LookupError):
        await ledger.do(
            {f"{owner}/0": content}, lambda: store.update(f"{owner}/0", content=content)
        )
        await ledger.do({f"{owner}/1": None}, lambda: store.delete(f"{owner}/1"))


async def writes(folder: Path, ledger: Ledger, pick: random.Random) -> None:
    """Create a store, and have three writers at once put, update, delete and put many."""
    async with open_store(folder / STORE) as store:
        await asyncio.gather(
            *(change(store, ledger, random.Random(pick.random()), f"w{n}") for n in range(3))
        )


async def relaxed(folder: Path, ledger: Ledger, pick: random.Random) -> None:
    """Write likewise, but with the durability that may lose the newest commits."""
    async with open_store(folder / STORE, durability="relaxed") as store:
        await change(store, ledger, pick, "r")


async def checkpoints(folder: Path, ledger: Ledger, pick: random.Random) -> None:
    """Open, write and close again and again: each closing moves the log into the main file."""
    for n in range(4):
        async with open_store(folder / STORE) as store:
            await change(store, ledger, pick, f"c{n}")


async def lifecycle(folder: Path, ledger: Ledger, _: random.Random) -> None:
    """Apply a plan that deletes and archives, in many transactions."""
    lifecycle_service.BATCH = 20  # type: ignore[misc]
    async with open_store(folder / STORE) as store:
        plan = await store.lifecycle.plan(
            [
                Policy(name="d", when="importance<0.2", do="delete"),
                Policy(name="a", when="", do="archive"),
            ]
        )
        with suppress(EngineError):
            await store.lifecycle.apply(plan)
            ledger.note(applied=len(plan.changes))


async def migration(folder: Path, ledger: Ledger, _: random.Random) -> None:
    """Open a store of the first version of the schema."""
    async with open_store(folder / STORE):
        ledger.note(migrated=True)


async def indexing(folder: Path, ledger: Ledger, pick: random.Random) -> None:
    """Define an index over items that are there, build it anew, and drop it, while writing."""
    async with open_store(folder / STORE) as store:

        async def index() -> None:
            with suppress(EngineError):
                await store.indexes.define("number", "metadata.number")
                await store.indexes.rebuild("number")
                await store.indexes.drop("number")
                await store.indexes.define("number", "metadata.number")

        await asyncio.gather(index(), change(store, ledger, pick, "x"))


async def backups(folder: Path, ledger: Ledger, pick: random.Random) -> None:
    """Make an incremental and a full backup of a store in use, and prune the older ones."""
    async with open_store(folder / STORE) as store:
        # Not in every version of the engine that this is run with.
        service: Any = getattr(store, "backups")  # noqa: B009
        for kind in ("incremental", "full"):
            with suppress(EngineError):
                await store.put("between", text(pick))
                made = await service.create(kind=kind)
                ledger.note(made=made.name)
        with suppress(EngineError):
            ledger.note(pruned=True)
            await service.prune(keep_last=1)


async def salvaging(folder: Path, ledger: Ledger, _: random.Random) -> None:
    """Save what is readable of a store into a new one."""
    report = await salvage(folder / STORE, folder / SAVED)
    ledger.note(saved=report.items)


async def restoring(folder: Path, ledger: Ledger, _: random.Random) -> None:
    """Restore what was before into a new file, and then in place."""
    async with open_store(folder / STORE) as store:
        service: Any = getattr(store, "backups")  # noqa: B009
        with suppress(EngineError):
            report = await service.restore(sequence=RESTORED, target=folder / SAVED)
            ledger.note(saved=report.items)
        with suppress(EngineError):
            report = await service.restore(sequence=RESTORED, in_place=True)
            ledger.note(restored=report.items)


async def no_transaction(folder: Path, ledger: Ledger, pick: random.Random) -> None:
    """A seeded bug: what belongs together is written statement by statement."""

    def run_group(
        self: writer.Writer, connection: Any, requests: list[Any]
    ) -> tuple[list[Any], list[Any]]:
        changes: list[Any] = []
        outcomes = [
            writer._Outcome(request, run_procedure(connection, request.start(), changes))
            for request in requests
        ]
        run_procedure(connection, write_text(changes))
        self._names.settle(committed=True)
        return outcomes, []

    writer.Writer._run_group = run_group  # type: ignore[method-assign]
    await writes(folder, ledger, pick)


async def publish_in_place(folder: Path, ledger: Ledger, pick: random.Random) -> None:
    """A seeded bug: a new store is made under its own name."""

    def create_store(path: Path, now: int) -> None:
        path.touch(mode=0o600)
        with closing(connections.connect(path, read_only=False, busy_timeout_seconds=5)) as made:
            making._initialise(made, now)

    setattr(opening, "create_store", create_store)  # noqa: B010 - not exported
    await writes(folder, ledger, pick)


async def unsynced(folder: Path, ledger: Ledger, pick: random.Random) -> None:
    """A seeded bug: commits are acknowledged before they are on disk."""
    connect = connections.connect_writer

    def without_syncing(*arguments: Any, **options: Any) -> Any:
        connection = connect(*arguments, **options)
        connection.execute("PRAGMA synchronous=OFF")
        return connection

    setattr(writer, "connect_writer", without_syncing)  # noqa: B010 - not exported
    await writes(folder, ledger, pick)


WORKLOADS: dict[str, Workload] = {
    "writes": writes,
    "relaxed": relaxed,
    "checkpoints": checkpoints,
    "lifecycle": lifecycle,
    "migration": migration,
    "indexing": indexing,
    "backups": backups,
    "salvaging": salvaging,
    "restoring": restoring,
    "no_transaction": no_transaction,
    "publish_in_place": publish_in_place,
    "unsynced": unsynced,
}
"""Add one function here, and what it needs to `harness.PREPARATIONS`."""


def has_backups() -> bool:
    """Return whether this version of the engine makes backups."""
    return importlib.util.find_spec("engine.backups") is not None


async def prepare_items(folder: Path, count: int, *, backup: bool = False) -> None:
    """Make a store of items that are old enough for every policy."""
    long_ago = datetime.now(UTC) - timedelta(days=50)
    async with open_store(folder / STORE) as store:
        await store.put_many(
            {
                "id": f"i/{n:04}",
                "content": f"The parser was checked {n} times before the queue was. " * 6,
                "importance": n % 10 / 10,
                "created_at": long_ago,
                "metadata": {"number": n},
            }
            for n in range(count)
        )
        if backup:
            service: Any = getattr(store, "backups")  # noqa: B009
            await service.create(kind="full")


async def prepare_spoiled(folder: Path) -> None:
    """Make a store of items, and then change, delete and add as one would not want it."""
    await prepare_items(folder, RESTORED)
    async with open_store(folder / STORE) as store:
        await store.put_many({"id": f"i/{n:04}", "content": "mad"} for n in range(30))
        await store.bulk_delete(ids=[f"i/{n:04}" for n in range(50, RESTORED)])
        await store.put("mad", "mad")


def run_child(shim: Any, request: dict[str, Any], report: int) -> None:
    """Carry out one workload and never return."""
    code = UNEXPECTED
    try:
        pick = random.Random(request["seed"])
        ledger = Ledger(Path(request["ledger"]))
        shim.fault_arm(
            os.fsencode(request["folder"]),
            request["mode"],
            request["at"],
            request["errno"],
            os.fsencode(request["log"]),
        )
        workload = WORKLOADS[request["workload"]]
        try:
            asyncio.run(workload(Path(request["folder"]), ledger, pick))
        except EngineError as error:
            # A fault may well end the workload, as long as it is told in the engine's own words.
            if not error.hint:
                raise
        code = 0
        os.write(report, str(shim.fault_seen()).encode())
    except BaseException:  # noqa: BLE001 - a child must not go on as its parent
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def wait_for(child: int, kill_after: float | None) -> tuple[int, bool]:
    """Return how a child ended, and whether it had to be stopped because it hung."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    kill_at = time.monotonic() + kill_after if kill_after is not None else None
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status), False
        now = time.monotonic()
        if kill_at is not None and now >= kill_at:
            os.kill(child, signal.SIGKILL)
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), False
        if now > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return 0, True
        time.sleep(0.0005)


def serve(shim: Any, requests: Iterable[str]) -> None:
    """Fork a child for each request."""
    for line in requests:
        request = json.loads(line)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            run_child(shim, request, writing)
        os.close(writing)
        code, hung = wait_for(child, request["kill_after"])
        seen = os.read(reading, 100)
        os.close(reading)
        print(json.dumps({"code": code, "hung": hung, "seen": int(seen or 0)}), flush=True)


if __name__ == "__main__":
    serve(ctypes.CDLL(os.environ["LD_PRELOAD"]), sys.stdin)
