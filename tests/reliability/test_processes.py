"""Several processes, killed processes, forks and exits: nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from kit import AssertSound

from engine import MemoryStore, StoreClosedError, open_store

PATIENCE_SECONDS = 60
EXIT_SECONDS = 5


def python(script: str, *args: str, **options: object) -> subprocess.Popen[str]:
    """Start a Python that runs `script`; its output is read as text."""
    return subprocess.Popen(  # type: ignore[call-overload, no-any-return]
        [sys.executable, "-u", "-c", textwrap.dedent(script), *args],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )


WRITER = """
    import asyncio, sys
    from engine import open_store
    async def main(path, name):
        async with open_store(path, actor=name, busy_timeout_seconds=60) as store:
            for n in range(25):
                await asyncio.gather(*(
                    store.put(f"{name}/{n}/{m}", {"text": f"{n}"}, agent=name, tags={"t", name})
                    for m in range(10)
                ))
                await store.get(f"{name}/{n}/0")
                await store.put("shared", {name: n})
        print("done")
    asyncio.run(main(*sys.argv[1:]))
"""


async def test_four_processes_write_at_once(path: Path, assert_sound: AssertSound) -> None:
    """4 processes with 250 puts each: no error, no lost update, and every name has one key."""
    async with open_store(path):
        pass
    processes = [python(WRITER, str(path), f"p{n}") for n in range(4)]
    async with open_store(path) as store:
        seen = 0
        while any(process.poll() is None for process in processes):
            # A reader beside them never sees less than before.
            count = await store.count()
            assert count >= seen
            seen = count
            await asyncio.sleep(0.01)
        outputs = [process.communicate(timeout=PATIENCE_SECONDS) for process in processes]
        assert [out.strip() for out, _ in outputs] == ["done"] * 4, outputs
        assert await store.count() == 1_001
        assert (await store.facets()).tags == {"t": 1_000} | {f"p{n}": 250 for n in range(4)}
        shared = await store.peek("shared")
        assert shared is not None
        assert shared.version == 100
        accesses = [item.access_count async for item in store.iterate("id:p*")]
        assert sum(accesses) == 100
    assert_sound(path)


async def test_creating_from_several_processes_makes_one_store(
    path: Path, assert_sound: AssertSound
) -> None:
    """Processes that start together on no file share one store."""
    script = """
        import asyncio, sys
        from engine import open_store
        async def main():
            async with open_store(sys.argv[1]) as store:
                await store.put(None, "x")
                print((await store.info()).store_id)
        asyncio.run(main())
    """
    processes = [python(script, str(path)) for _ in range(4)]
    outputs = [process.communicate(timeout=PATIENCE_SECONDS) for process in processes]

    assert len({out for out, _ in outputs}) == 1, outputs
    async with open_store(path) as store:
        assert await store.count() == 4
    assert_sound(path)


VICTIM = """
    import asyncio, sys
    from engine import open_store
    async def one(store, n):
        tags = {"t", f"t{n % 7}"}
        await store.put(f"i{n}", f"text {n} " * (n % 50), tags=tags, agent=f"a{n % 3}")
        print(f"put i{n}")
        if n % 4 == 0:
            await store.update(f"i{n}", metadata={"n": n}, tags={"u"})
            print(f"updated i{n}")
        if n % 9 == 0:
            await store.delete(f"i{n}")
            print(f"deleted i{n}")
        if n % 5 == 0:
            await store.put_many([{"id": f"i{n}/{m}", "content": m} for m in range(20)])
            print(f"batch i{n}")
        await store.get(f"i{n}")
    async def main(path, start):
        async with open_store(path) as store:
            for n in range(int(start), int(start) + 100_000, 8):
                await asyncio.gather(*(one(store, m) for m in range(n, n + 8)))
    asyncio.run(main(*sys.argv[1:]))
"""


async def test_kill_at_any_time_loses_nothing_acknowledged(
    path: Path, assert_sound: AssertSound, full: bool
) -> None:
    """Rounds of SIGKILL at a random moment: what was acknowledged is there, all parts agree."""
    pick = random.Random(20260131)
    acknowledged: dict[str, str] = {}
    for number in range(20 if full else 8):
        process = python(VICTIM, str(path), str(number * 1_000_000))
        assert process.stdout is not None
        wanted = pick.randint(1, 60)
        lines = [process.stdout.readline() for _ in range(wanted)]
        time_left = pick.random() * 0.01
        await asyncio.sleep(time_left)
        process.send_signal(signal.SIGKILL)
        rest, errors = process.communicate(timeout=PATIENCE_SECONDS)
        # The last line may be cut short by the kill, and the first of the rest by the reading.
        for line in [*lines, *rest.splitlines(keepends=True)]:
            what, _, item_id = line.rstrip("\n").partition(" ")
            if line.endswith("\n") and item_id and what in STAGES:
                acknowledged[item_id] = max(what, acknowledged.get(item_id, ""), key=STAGES.index)
        assert acknowledged, errors
        async with asyncio.timeout(PATIENCE_SECONDS), open_store(path) as store:
            await check_acknowledged(store, acknowledged)
        assert_sound(path)


STAGES = ["", "put", "batch", "updated", "deleted"]


async def check_acknowledged(store: MemoryStore, acknowledged: dict[str, str]) -> None:
    """Check that everything acknowledged is there, or gone where its end was."""
    found = {item.id: item async for item in store.iterate()}
    for item_id, stage in acknowledged.items():
        number = int(item_id[1:])
        if stage != "deleted" and number % 9:
            assert item_id in found
            assert found[item_id].content == f"text {number} " * (number % 50)
        if stage == "updated" and number % 9:
            assert found[item_id].metadata == {"n": number}
        if stage == "deleted":
            assert item_id not in found
        # A batch came as a whole.
        assert sum(f"{item_id}/{m}" in found for m in range(20)) in (0, 20)


EXITS = {
    "falling off the end": "",
    "SystemExit": "raise SystemExit(0)",
    "an error": "raise ZeroDivisionError",
    "an interrupt": "os.kill(os.getpid(), signal.SIGINT); await asyncio.sleep(30)",
    "during reads": "tasks = [asyncio.create_task(store.query()) for _ in range(50)]",
    "during writes": "tasks = [asyncio.create_task(store.put(None, n)) for n in range(200)]",
    "during an iteration": "it = store.iterate(); await anext(it)",
    "while watching": "w = asyncio.create_task(anext(store.watch())); await asyncio.sleep(0)",
    "stopping the loop": "asyncio.get_running_loop().stop()",
}


@pytest.mark.parametrize("ending", EXITS.values(), ids=EXITS)
async def test_a_program_that_does_not_close_ends(
    path: Path, ending: str, assert_sound: AssertSound
) -> None:
    """Exiting with the store open ends within seconds and keeps what was acknowledged."""
    script = f"""
        import asyncio, os, signal, sys
        from engine import open_store
        async def main():
            store = await open_store(sys.argv[1])
            await store.put("a", "x")
            await store.get("a")
            await store.query()
            print("put", flush=True)
            {ending}
        asyncio.run(main())
    """
    process = python(script, str(path))
    out, errors = process.communicate(timeout=EXIT_SECONDS + 10)

    assert out.startswith("put"), errors
    async with open_store(path) as store:
        assert await store.peek("a") is not None
        await store.put("b", "y")
    assert_sound(path)


async def test_a_forked_child_is_told(store: MemoryStore, path: Path) -> None:
    """A child that inherits an open store is told so by every call; the parent goes on."""
    await store.put("a", "x")
    await store.query()
    calls: list[Callable[[], Awaitable[Any]]] = [
        lambda: store.peek("a"),
        lambda: store.get("a"),
        lambda: store.put("b", "x"),
        lambda: store.update("a", content="y"),
        lambda: store.delete("a"),
        store.query,
        lambda: store.search("x"),
        store.count,
        store.sequence,
        lambda: store.history("a"),
        lambda: store.undo(1),
        store.info,
        lambda: store.bulk_delete(query=""),
        lambda: anext(store.iterate()),
        lambda: anext(store.scan()),
    ]
    child = os.fork()
    if child == 0:
        told = 0
        with suppress(BaseException):
            for call in calls:
                try:
                    call().__await__().send(None)
                except StoreClosedError:
                    told += 1
        os._exit(told)
    deadline = time.monotonic() + PATIENCE_SECONDS
    status = (0, 0)
    while status == (0, 0) and time.monotonic() < deadline:
        status = os.waitpid(child, os.WNOHANG)
        await asyncio.sleep(0.01)

    assert os.waitstatus_to_exitcode(status[1]) == len(calls)
    await store.put("c", "parent")
    assert await store.count() == 2
