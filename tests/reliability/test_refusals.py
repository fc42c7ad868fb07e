"""What a refused or stopped write leaves behind: nothing, in memory as on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest
from kit import AssertSound, ManualClock, OpenMemory

from engine import (
    EngineError,
    InvalidItemError,
    ItemNotFoundError,
    MemoryStore,
    StoreBusyError,
    StoreClosedError,
)
from engine.accesses import AccessLog, Pending


async def test_others_in_a_group_do_not_suffer_from_a_refusal(store: MemoryStore) -> None:
    """Names that a rolled back transaction added, and read again, are added once more."""
    await store.put("old", 1)
    made, changed, refused = await asyncio.gather(
        store.put("new", 1, agent="newcomer", tags={"fresh"}),
        store.update("new", content=2),
        store.update("old", content=2, version=99),
        return_exceptions=True,
    )

    assert isinstance(refused, EngineError)
    assert not isinstance(made, BaseException)
    assert not isinstance(changed, BaseException)
    assert (changed.agent, changed.tags, changed.content) == ("newcomer", frozenset({"fresh"}), 2)


async def test_a_name_that_was_rolled_back_is_not_taken_for_another(
    store: MemoryStore, path: Path, assert_sound: AssertSound
) -> None:
    """The integer of a name that never was goes to the next new name, and to no other."""
    with pytest.raises(InvalidItemError):
        await store.put_many([{"id": "a", "content": 1, "agent": "ghost"}, {"id": ""}])
    failing = asyncio.gather(
        store.put("a", 1, agent="ghost"),
        store.tag("a", "t"),
        store.tag("no such item", "t"),
        return_exceptions=True,
    )
    await asyncio.wait([failing], timeout=0)
    failing.cancel()
    await asyncio.wait([failing])
    await store.put("b", 1, agent="other")
    await store.put("c", 1, agent="ghost")

    found = {item.id: item.agent for item in (await store.query("")).items}
    assert found["b"] == "other"
    assert found["c"] == "ghost"
    await store.close()
    assert_sound(path)


async def test_a_text_with_nul_names_no_item(store: MemoryStore) -> None:
    """Some SQLites end a text at its NUL: what is called like its beginning is left alone."""
    await store.put("a", 1)

    with pytest.raises(ItemNotFoundError):
        await store.update("a\0b", content=2)
    with pytest.raises(ItemNotFoundError):
        await store.associate("a\0b", "a")
    assert await store.delete("a\0b") is False
    assert await store.find_keys(["a\0b"]) == {}
    assert (await store.bulk_delete(ids=["a\0b"])).count == 0
    item = await store.peek("a")
    assert item is not None
    assert item.version == 1


async def test_a_failed_flush_keeps_what_was_read_meanwhile() -> None:
    """Accesses of items read while the store was busy are written the next time, with the rest."""
    written: list[dict[int, int]] = []
    busy = True

    async def write(accesses: Mapping[int, Pending]) -> None:
        if busy:
            log.record(2)
            raise StoreBusyError("busy")
        written.append({key: count for key, (count, _, _) in accesses.items()})

    log = AccessLog(write, ManualClock())
    log.record(1)
    await log.flush()
    busy = False
    await log.close()
    assert written == [{1: 1, 2: 1}]


async def test_when_every_task_is_cancelled_nobody_waits_for_ever(
    open_memory: OpenMemory, path: Path, assert_sound: AssertSound
) -> None:
    """Those whose write was under way are told that it was done, the others that it was not."""
    store = await open_memory()
    writes = [asyncio.create_task(store.put(f"i{number}", number)) for number in range(300)]
    await asyncio.sleep(0.005)
    for task in asyncio.all_tasks():
        if task.get_name() == "engine-writer":
            task.cancel()
    outcomes = await asyncio.wait_for(asyncio.gather(*writes, return_exceptions=True), 10)
    done = [outcome.id for outcome in outcomes if not isinstance(outcome, BaseException)]
    assert all(
        isinstance(outcome, StoreClosedError)
        for outcome in outcomes
        if isinstance(outcome, BaseException)
    )
    with pytest.raises(StoreClosedError):
        await asyncio.wait_for(store.put("later", 1), 10)
    await asyncio.wait_for(store.close(), 10)

    again = await open_memory()
    assert {item.id for item in await again.get_many(done)} == set(done)
    await again.close()
    assert_sound(path)
