"""The change feed, within a process and across."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import aclosing
from pathlib import Path

from kit import OpenMemory

from engine import ChangeNotice, MemoryStore, Operation

PATIENCE_SECONDS = 10


async def take(store: MemoryStore, count: int, after: int) -> list[ChangeNotice]:
    """Return the next `count` changes, or fail after a while."""
    found: list[ChangeNotice] = []
    async with asyncio.timeout(PATIENCE_SECONDS), aclosing(store.watch(after)) as notices:
        async for notice in notices:
            found.append(notice)
            if len(found) == count:
                return found
    raise AssertionError(found)


async def test_own_changes_are_seen_in_order(store: MemoryStore) -> None:
    """Every change comes once, in order of sequence, with what and who."""
    watching = asyncio.create_task(take(store, 4, after=0))
    await store.put("a", "x", actor="ada")
    await store.put_many([{"id": "b", "content": 1}])
    await store.tag("a", "t")
    await store.delete("b")
    notices = await watching

    assert [n.sequence for n in notices] == [1, 2, 3, 4]
    assert [n.item_id for n in notices] == ["a", "b", "a", "b"]
    assert notices[0].actor == "ada"
    assert [n.operation for n in notices] == [
        Operation.CREATE,
        Operation.CREATE,
        Operation.TAG,
        Operation.DELETE,
    ]


async def test_changes_of_another_process_are_seen(store: MemoryStore, path: Path) -> None:
    """What another process writes arrives without anybody asking."""
    watching = asyncio.create_task(take(store, 2, after=0))
    script = (
        "import asyncio, sys\n"
        "from engine import open_store\n"
        "async def main():\n"
        "    async with open_store(sys.argv[1], actor='other') as store:\n"
        "        await store.put('a', 'from elsewhere')\n"
        "        await store.put('b', 'too')\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, str(path), stdout=subprocess.DEVNULL
    )
    notices = await watching

    assert await process.wait() == 0
    assert [(n.item_id, n.actor) for n in notices] == [("a", "other"), ("b", "other")]
    item = await store.peek("a")
    assert item is not None
    assert item.content == "from elsewhere"


async def test_changes_of_another_handle_are_seen(
    store: MemoryStore, open_memory: OpenMemory
) -> None:
    """A second store object on the same file is another writer like any."""
    other = await open_memory(actor="second")
    watching = asyncio.create_task(take(store, 1, after=0))
    await other.put("a", "x")

    assert (await watching)[0].actor == "second"


async def test_a_reader_can_watch(store: MemoryStore, open_memory: OpenMemory) -> None:
    """A store that is open for reading sees what others write."""
    reader = await open_memory(read_only=True)
    watching = asyncio.create_task(take(reader, 1, after=0))
    await store.put("a", "x")

    assert (await watching)[0].item_id == "a"


async def test_watching_goes_on_after_a_sequence(store: MemoryStore) -> None:
    """Changes up to the given sequence are not told again; more than a page of them are."""
    await store.put_many({"id": f"i{n}", "content": n} for n in range(2_300))
    notices = await take(store, 2_290, after=10)

    assert [n.sequence for n in notices] == list(range(11, 2_301))


async def test_watching_starts_with_the_next_change(store: MemoryStore) -> None:
    """Without a sequence, what was before is not told."""
    await store.put("before", "x")
    async with asyncio.timeout(PATIENCE_SECONDS), aclosing(store.watch()) as notices:
        first = asyncio.ensure_future(anext(notices))
        while not first.done():
            # Started or not, some put comes after it has.
            await store.put(None, "x")
            await asyncio.sleep(0.01)
        assert (await first).item_id != "before"


async def test_a_watch_that_is_left_leaves_nothing_behind(store: MemoryStore) -> None:
    """Cancelled watchers stop, and the store closes at once."""
    tasks = [asyncio.create_task(take(store, 1, after=0)) for _ in range(5)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)

    assert all(isinstance(result, asyncio.CancelledError) for result in results)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await store.close()
