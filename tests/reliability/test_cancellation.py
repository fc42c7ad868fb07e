"""Tasks that are cancelled at any moment: what they wrote is whole or not there."""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any

import pytest
from kit import AssertSound, OpenMemory

from engine import EngineError, MemoryStore, UndoConflictError
from engine.backends.sqlite import readers
from engine.backends.sqlite.driver import driver
from engine.procedures.base import Procedure, Statement
from engine.procedures.selection import Listing

TASKS = 400
PATIENCE_SECONDS = 60


async def use(store: MemoryStore, number: int, acknowledged: dict[str, int]) -> None:
    """Write, read and search; note what was acknowledged, in the order that it was."""
    name = f"i{number}"
    await store.put(name, number, tags={"t", f"t{number % 5}"}, metadata={"n": number})
    acknowledged[name] = 1
    await store.get(name)
    await store.update(name, content=f"text {number}", version=1)
    acknowledged[name] = 2
    await store.put_many([{"id": f"{name}/{n}", "content": n} for n in range(3)])
    acknowledged[f"{name}/"] = 3
    await store.search(f"text {number}")
    await store.query("", order_by="size_bytes", limit=5)
    async with aclosing(store.iterate()) as items:
        async for _item in items:
            break
    await store.associate(name, f"{name}/1")
    await store.tag(name, "late")
    acknowledged[name] = 3


async def hurt(task: asyncio.Task[None], pick: random.Random) -> None:
    """Cancel a task after some turns of the loop, once or twice."""
    for _ in range(pick.randint(0, 60)):
        await asyncio.sleep(0)
    task.cancel()
    if pick.random() < 0.5:
        await asyncio.sleep(0)
        task.cancel()


async def storm(store: MemoryStore, pick: random.Random, acknowledged: dict[str, int]) -> None:
    """Run many tasks of which most are cancelled in some way."""

    async def alone(number: int) -> None:
        task = asyncio.create_task(use(store, number, acknowledged))
        hurting = asyncio.create_task(hurt(task, pick))
        with suppress(asyncio.CancelledError):
            await task
        await hurting

    async def with_timeout(number: int) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(pick.random() * 0.2):
                await use(store, number, acknowledged)

    async def in_failing_group(number: int) -> None:
        async def fail() -> None:
            for _ in range(pick.randint(0, 60)):
                await asyncio.sleep(0)
            raise ZeroDivisionError

        with suppress(BaseExceptionGroup):
            async with asyncio.TaskGroup() as group:
                group.create_task(use(store, number, acknowledged))
                group.create_task(fail())

    ways = (alone, with_timeout, in_failing_group, lambda n: use(store, n, acknowledged))
    await asyncio.gather(*(ways[number % 4](number) for number in range(TASKS)))


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_storm_of_cancellations_loses_nothing(
    open_memory: OpenMemory, path: Path, assert_sound: AssertSound, seed: int
) -> None:
    """400 tasks cancelled at random, doubly, by time-outs and by failing groups: 0 lost, 0 half."""
    store = await open_memory()
    acknowledged: dict[str, int] = {}
    async with asyncio.timeout(PATIENCE_SECONDS):
        await storm(store, random.Random(seed), acknowledged)
        assert len(acknowledged) >= TASKS // 4
        # Nobody holds a lock or a connection: everything still works, at once.
        await store.put("after", "x")
        assert await store.count("tag:t") == sum("/" not in n for n in await names(store)) - 1
        await store.close()
    assert_sound(path)
    async with asyncio.timeout(PATIENCE_SECONDS):
        found = await names(await open_memory())
    for name, version in acknowledged.items():
        if name.endswith("/"):
            assert {f"{name}{n}" for n in range(3)} <= found.keys()
        else:
            assert found[name] >= version
    # A batch is there as a whole or not at all.
    for number in range(TASKS):
        assert sum(f"i{number}/{n}" in found for n in range(3)) in (0, 3)


async def names(store: MemoryStore) -> dict[str, int]:
    return {item.id: item.version async for item in store.iterate()}


async def test_cancelled_writes_are_done_or_prevented(
    store: MemoryStore, path: Path, assert_sound: AssertSound
) -> None:
    """Whatever the moment, a cancelled put is either in the log and the store, or in neither."""
    for turns in range(40):
        task = asyncio.create_task(store.put(f"i{turns}", turns, tags={"t"}))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    await store.put("last", "x")
    assert await store.count() == await store.sequence()
    await store.close()
    assert_sound(path)


async def test_a_cancelled_bulk_action_is_whole_or_taken_back(
    store: MemoryStore, path: Path, assert_sound: AssertSound
) -> None:
    """A bulk action over several transactions that is cancelled leaves all of it or nothing."""
    await store.put_many({"id": f"i{n}", "content": n} for n in range(10_400))
    for turns in (0, 3, 30):
        task = asyncio.create_task(store.bulk_update(query="", add_tags=[f"t{turns}"]))
        for _ in range(turns):
            await asyncio.sleep(0.01)
        task.cancel()
        with suppress(asyncio.CancelledError, UndoConflictError):
            await task
        await store.put("after", turns)
        count = await store.count(f"tag:t{turns}")
        assert count in (0, 10_400, 10_401)
    await store.close()
    assert_sound(path)


async def test_closing_may_be_cancelled_and_repeated(
    open_memory: OpenMemory, path: Path, assert_sound: AssertSound
) -> None:
    """A close that was cancelled is finished by the next one: the journal is put away."""
    for turns in range(6):
        store = await open_memory()
        writing = [asyncio.create_task(store.put(f"i{turns}/{n}", n)) for n in range(20)]
        await asyncio.sleep(0)
        closing = asyncio.create_task(store.close())
        for _ in range(turns):
            await asyncio.sleep(0)
        closing.cancel()
        with suppress(asyncio.CancelledError):
            await closing
        async with asyncio.timeout(PATIENCE_SECONDS):
            await store.close()
        await asyncio.gather(*writing, return_exceptions=True)
        assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    assert_sound(path)


async def test_one_failing_procedure_takes_nobody_down(
    store: MemoryStore, path: Path, assert_sound: AssertSound
) -> None:
    """Of many writes in one transaction, the refused ones fail and all others are kept."""
    await store.put_many([{"id": f"i{n}", "content": 0} for n in range(60)])
    calls = []
    for n in range(60):
        calls += [
            store.update(f"i{n}", content=1, version=1 if n % 3 else 9),
            store.tag("absent", "t") if n % 5 == 0 else store.put(f"new{n}", n),
            store.associate(f"i{n}", "absent" if n % 7 == 0 else "i0"),
            store.undo(10**6 + n) if n % 11 == 0 else store.delete(f"no{n}"),
        ]
    results = await asyncio.gather(*calls, return_exceptions=True)
    failed = [result for result in results if isinstance(result, BaseException)]

    assert all(isinstance(error, EngineError) for error in failed)
    assert len(failed) == 20 + 12 + 9 + 6
    assert await store.count("version:2") == 40
    assert len([item_id for item_id in await names(store) if item_id.startswith("new")]) == 48
    await store.close()
    assert_sound(path)


async def test_a_crashing_procedure_takes_nobody_down(
    store: MemoryStore, path: Path, assert_sound: AssertSound
) -> None:
    """Even a fault of the engine itself is the fault of one caller."""

    def crashes() -> Procedure[None]:
        yield Statement("INSERT INTO tags(name) VALUES ('half done')")
        raise ZeroDivisionError

    def breaks_a_constraint() -> Procedure[None]:
        yield Statement("INSERT INTO tags(name) VALUES ('half done')")
        yield Statement("INSERT INTO tags(name) VALUES (NULL)")

    def is_no_sql() -> Procedure[None]:
        yield Statement("INSERT INTO nowhere VALUES (1)")

    backend = store._backend
    results = await asyncio.gather(
        *(store.put(f"a{n}", n) for n in range(10)),
        backend.write(crashes),
        *(store.put(f"b{n}", n) for n in range(10)),
        backend.write(breaks_a_constraint),
        backend.write(is_no_sql),
        *(store.put(f"c{n}", n) for n in range(10)),
        return_exceptions=True,
    )
    failed = [result for result in results if isinstance(result, BaseException)]
    assert isinstance(failed[0], ZeroDivisionError)
    assert all(isinstance(error, EngineError) for error in failed[1:])
    assert len(failed) == 3
    assert await store.count() == 30
    assert await store.complete("tag", "half") == []
    await store.close()
    assert_sound(path)


def test_a_snapshot_ends_though_its_stream_was_interrupted_unread(tmp_path: Path) -> None:
    """Whoever is cancelled right after the first rows leaves a connection fit for others."""
    connection = driver.connect(tmp_path / "numbers.db", isolation_level=None)
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
    opened: list[Any] = []

    def start() -> Procedure[Listing]:
        yield from ()
        return Listing([], Statement(numbers))

    def convert(rows: list[Any]) -> Procedure[list[Any]]:
        yield from ()
        return rows

    readers._begin_stream(connection, start, convert, opened)
    connection.interrupt()
    readers._end_stream(connection, opened)

    assert not connection.in_transaction
    assert connection.execute("SELECT 1").fetchone() == (1,)
    connection.close()
