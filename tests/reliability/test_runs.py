"""A run of policies that is killed: the next opening ends it, either way."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kit import AssertSound

from engine import MemoryStore, Policy, Tier, open_store

ROUNDS, ROUNDS_QUICK = 6, 4
ITEMS = 2_400
PATIENCE_SECONDS = 30.0

VICTIM = """
import asyncio, sys
from engine import Policy, open_store

async def main():
    async with open_store(sys.argv[1]) as store:
        plan = await store.lifecycle.plan([
            Policy(name="d", when="importance<0.2", do="delete"),
            Policy(name="a", when="", do="archive"),
        ])
        print("planned", flush=True)
        await store.lifecycle.apply(plan, progress=lambda done, _: print(done, flush=True))

asyncio.run(main())
"""


async def contents(store: MemoryStore) -> Mapping[str, tuple[object, Tier]]:
    """Return what every item says and where it is, by id."""
    return {item.id: (item.content, item.tier) async for item in store.iterate()}


async def test_a_killed_run_can_be_resumed_or_undone(
    path: Path, assert_sound: AssertSound, full: bool
) -> None:
    """SIGKILL at a random moment of a run: nothing is half done, and both ways out lead there."""
    long_ago = datetime.now(UTC) - timedelta(days=50)
    async with open_store(path) as store:
        await store.put_many(
            {
                "id": f"i/{n:04}",
                "content": f"The parser was checked {n} times before the queue was. " * 6,
                "importance": n % 10 / 10,
                "created_at": long_ago,
            }
            for n in range(ITEMS)
        )
        before = await contents(store)
    pick = random.Random(20261125)
    for number in range(ROUNDS if full else ROUNDS_QUICK):
        await kill_a_run(path, pick)
        async with asyncio.timeout(PATIENCE_SECONDS), open_store(path) as store:
            now = await contents(store)
            assert all(now[key][0] == before[key][0] for key in now)
            (run,) = await store.lifecycle.runs(limit=1)
            if run.state == "undone":
                # Killed before it had begun.
                continue
            if number % 2 and run.state == "running":
                run = await store.lifecycle.resume(run)
                assert (run.state, run.done) == ("done", ITEMS)
                assert await store.count("-tier:archive") == 0
                assert await store.count("") == ITEMS * 8 // 10
            run = await store.lifecycle.undo(run)
            assert run.state == "undone"
            assert await contents(store) == before
        assert_sound(path)


async def kill_a_run(path: Path, pick: random.Random) -> None:
    """Have another process carry out a plan, and kill it somewhere in between."""
    process = subprocess.Popen(
        [sys.executable, "-c", VICTIM, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for _ in range(pick.randint(2, 4)):
        process.stdout.readline()
    await asyncio.sleep(pick.random() * 0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=PATIENCE_SECONDS)


async def test_policies_survive_what_they_say(path: Path, assert_sound: AssertSound) -> None:
    """A policy that deletes everything is taken back to the last item, link and tag."""
    async with open_store(path) as store:
        await store.put_many(
            {"id": f"i/{n}", "content": n, "tags": {f"t{n % 5}"}} for n in range(300)
        )
        for n in range(1, 300):
            await store.associate(f"i/{n - 1}", f"i/{n}", strength=0.5)
        before = await contents(store)
        run = await store.lifecycle.apply(
            await store.lifecycle.plan([Policy(name="all", when="", do="delete")])
        )
        assert await store.count("") == 0
        await store.lifecycle.undo(run)
        assert await contents(store) == before
        links = [link async for link in store.iterate_associations()]
        assert len(links) == 299
    assert_sound(path)
