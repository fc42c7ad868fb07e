"""The change log, and taking changes back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from kit import START, AssertSound, ManualClock

from engine import (
    ChangeNotFoundError,
    EngineError,
    Item,
    MemoryStore,
    Operation,
    Tier,
    UndoConflictError,
)


def facts(item: Item | None) -> dict[str, Any] | None:
    """Return what an undo has to restore."""
    if item is None:
        return None
    names = "id content agent kind tier importance tags metadata session_id created_at access_count"
    return {name: getattr(item, name) for name in names.split()}


async def test_history_tells_who_what_when(store: MemoryStore, clock: ManualClock) -> None:
    """Every change is there, oldest first, with only what it touched, before and after."""
    await store.put("a", "one", agent="atlas", tags={"y", "x"}, metadata={"m": 1})
    await store.update("a", content={"two": 2}, tier="archive", actor="ada")
    await store.tag("a", "z")
    await store.put("a", "three", importance=0.9)
    await store.delete("a", actor="eve")
    changes = await store.history("a")

    assert [change.sequence for change in changes] == [1, 2, 3, 4, 5]
    assert [change.version for change in changes] == [1, 2, 3, 4, 5]
    assert [change.actor for change in changes] == ["tester", "ada", "tester", "tester", "eve"]
    assert all(START < change.at <= clock.now for change in changes)
    created, updated, tagged, replaced, deleted = changes
    assert created.operation is Operation.CREATE
    assert created.before == {}
    assert created.after["content"] == "one"
    assert created.after["tags"] == ["x", "y"]
    assert updated.before == {"content": "one", "tier": "long_term"}
    assert updated.after == {"content": {"two": 2}, "tier": "archive"}
    assert tagged.operation is Operation.TAG
    assert (tagged.before, tagged.after) == ({"tags": ["x", "y"]}, {"tags": ["x", "y", "z"]})
    assert replaced.before["agent"] == "atlas"
    assert replaced.after["content"] == "three"
    assert replaced.before.keys() == replaced.after.keys()
    assert deleted.operation is Operation.DELETE
    assert deleted.after == {}
    assert deleted.before["content"] == "three"


async def test_history_does_not_change_with_what_follows(store: MemoryStore) -> None:
    """What a change was is told alike before and after later changes and a delete."""
    await store.put("a", "one", tags={"x"})
    await store.put("b", "x")
    await store.associate("a", "b")
    told = await store.history("a")
    await store.update("a", content="two", metadata={"m": 1})
    await store.get("a")
    await store.flush()
    later = await store.history("a")
    await store.delete("a")

    assert later[:2] == told
    assert (await store.history("a"))[:3] == later


async def test_history_of_an_id_spans_its_lives(store: MemoryStore) -> None:
    """An id that was deleted and made again has one history."""
    await store.put("a", "one")
    await store.delete("a")
    again = await store.put("a", "two")
    changes = await store.history("a")

    assert [change.operation for change in changes] == [
        Operation.CREATE,
        Operation.DELETE,
        Operation.CREATE,
    ]
    assert [change.after.get("content") for change in changes] == ["one", None, "two"]
    assert again.content == "two"


async def test_history_comes_in_pages(store: MemoryStore) -> None:
    """`limit` and `before` page backwards through a long history."""
    await store.put("a", 0)
    for number in range(1, 10):
        await store.update("a", content=number)
    newest = await store.history("a", limit=4)
    older = await store.history("a", limit=4, before=newest[0].sequence)

    assert [change.after["content"] for change in newest] == [6, 7, 8, 9]
    assert [change.after["content"] for change in older] == [2, 3, 4, 5]
    assert older[0].before == {"content": 1}
    assert await store.history("a", limit=0) == []
    assert await store.history("no") == []


async def test_history_keeps_every_kind_of_content(store: MemoryStore) -> None:
    """Old content comes back decoded, compressed or not, also bytes and null."""
    contents = ["x" * 5_000, b"\0\xff", None, {"a": [1]}, "", ["deep"] * 900, b"z" * 3_000]
    for content in contents:
        await store.put("a", content)
    changes = await store.history("a")

    assert [change.after["content"] for change in changes] == contents
    assert [change.before["content"] for change in changes[1:]] == contents[:-1]


async def test_changes_follow_a_sequence(store: MemoryStore) -> None:
    """The log reads on from any sequence, oldest first, so many at a time."""
    assert await store.sequence() == 0
    await store.put_many([{"id": name, "content": 1} for name in "abc"])
    await store.delete("b")

    assert await store.sequence() == 4
    assert [n.item_id for n in await store.changes()] == ["a", "b", "c", "b"]
    assert [n.sequence for n in await store.changes(2)] == [3, 4]
    assert [n.sequence for n in await store.changes(1, limit=2)] == [2, 3]
    assert await store.changes(4) == []
    last = (await store.changes(3))[0]
    assert (last.operation, last.version, last.actor) == (Operation.DELETE, 2, "tester")


Step = Callable[[MemoryStore], Awaitable[Any]]
STEPS: dict[str, Step] = {
    "content": lambda store: store.update("a", content={"new": 1}),
    "large content": lambda store: store.update("a", content="z" * 9_000),
    "bytes": lambda store: store.update("a", content=b"\0"),
    "agent": lambda store: store.update("a", agent="other"),
    "kind": lambda store: store.update("a", kind="other"),
    "tier": lambda store: store.update("a", tier=Tier.WORKING),
    "importance": lambda store: store.update("a", importance=0.1),
    "tags": lambda store: store.update("a", tags={"q"}),
    "metadata": lambda store: store.update("a", metadata={"other": None}),
    "no metadata": lambda store: store.update("a", metadata=None),
    "session": lambda store: store.update("a", session_id=None),
    "tag": lambda store: store.tag("a", "new"),
    "untag": lambda store: store.untag("a", "t"),
    "put over": lambda store: store.put("a", "replaced", created_at=START - timedelta(days=1)),
    "delete": lambda store: store.delete("a"),
    "bulk": lambda store: store.bulk_update(query="", tier="archive", add_tags=["b"]),
    "bulk delete": lambda store: store.bulk_delete(query=""),
}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
async def test_undo_restores_and_undoing_that_is_redo(
    store: MemoryStore, path: Path, assert_sound: AssertSound, step: Step
) -> None:
    """Whatever a change did is put back exactly, and can be done again by undoing the undo."""
    await store.put(
        "a", "text", agent="atlas", tags={"t"}, metadata={"m": [1]}, session_id="s", importance=0.7
    )
    await store.get("a")
    await store.flush()
    before = facts(await store.peek("a"))
    await step(store)
    after = facts(await store.peek("a"))
    assert after != before

    (undone,) = await store.undo(2)
    assert facts(await store.peek("a")) == before
    change = (await store.history("a"))[-1]
    assert (change.sequence, change.undoes) == (undone, 2)
    (redone,) = await store.undo(undone)
    assert facts(await store.peek("a")) == after
    await store.undo(redone)
    assert facts(await store.peek("a")) == before
    await store.close()
    assert_sound(path)


async def test_undo_of_a_creation_deletes(
    store: MemoryStore, path: Path, assert_sound: AssertSound
) -> None:
    """Taking back a creation removes the item; undoing that brings it back with its links."""
    await store.put("a", "x", tags={"t"})
    await store.put("b", "y")
    await store.associate("a", "b", strength=0.3)
    (undone,) = await store.undo(2)
    assert await store.peek("b") is None
    assert await store.associations("a") == []

    await store.undo(undone)
    assert [link.strength for link in await store.associations("a")] == [0.3]
    await store.close()
    assert_sound(path)


async def test_a_deleted_item_comes_back_with_its_words_tags_and_links(
    store: MemoryStore, path: Path, assert_sound: AssertSound
) -> None:
    """Undoing a delete restores all that the item was, also to queries and search."""
    await store.put("a", "unmistakable words", tags={"t"}, agent="atlas")
    await store.put("b", "x")
    await store.associate("a", "b", relation="r")
    await store.associate("b", "a", relation="back", strength=0.2)
    await store.delete("a")
    await store.undo((await store.history("a"))[-1].sequence)

    assert await store.count("tag:t") == 1
    assert [hit.item.id for hit in await store.search("unmistakable")] == ["a"]
    relations = [link.relation for link in await store.associations("a")]
    assert sorted(relations) == ["back", "r"]
    await store.close()
    assert_sound(path)


async def test_undo_refuses_to_overwrite_later_work(store: MemoryStore) -> None:
    """A later change of the same field stands in the way; one of another field does not."""
    await store.put("a", "one")
    await store.update("a", content="two")
    await store.update("a", importance=0.9)
    await store.update("a", content="three")

    with pytest.raises(UndoConflictError) as caught:
        await store.undo(2)
    assert caught.value.sequence == 4
    assert caught.value.hint
    await store.undo(3)
    item = await store.peek("a")
    assert item is not None
    assert (item.content, item.importance) == ("three", 0.5)
    await store.undo(2, force=True)
    item = await store.peek("a")
    assert item is not None
    assert item.content == "one"


async def test_undo_of_what_was_undone_in_between_is_no_conflict(store: MemoryStore) -> None:
    """Later changes that were themselves taken back are not in the way."""
    await store.put("a", "one")
    await store.update("a", content="two")
    await store.update("a", content="three")
    await store.undo(3)
    await store.undo(2)
    item = await store.peek("a")

    assert item is not None
    assert item.content == "one"


async def test_undo_of_a_range_is_one_step_back(
    store: MemoryStore, path: Path, assert_sound: AssertSound
) -> None:
    """All changes from one to another are taken back, newest first, whatever they were."""
    await store.put("a", "a")
    await store.put("b", "b")
    before = [facts(await store.peek(name)) for name in "ab"]
    first = await store.sequence() + 1
    await store.update("a", content="a2")
    await store.associate("a", "b")
    await store.delete("b")
    await store.put("c", "c")
    await store.tag("a", "t")
    await store.put("b", "b again")
    await store.dissociate("a", "b")
    last = await store.sequence()
    undone = await store.undo(first, last)

    assert [facts(await store.peek(name)) for name in "ab"] == before
    assert await store.peek("c") is None
    assert await store.associations("a") == []
    assert undone == sorted(undone)
    await store.close()
    assert_sound(path)


async def test_undo_of_a_bulk_action_leaves_others_alone(store: MemoryStore) -> None:
    """Given a range that starts in a bulk action, only that action's changes are taken back."""
    await store.put_many([{"id": name, "content": name} for name in "abc"])
    result = await store.bulk_update(query="", tier="archive")
    await store.put("d", "later")
    assert result.first_sequence is not None
    await store.undo(result.first_sequence, await store.sequence())

    assert await store.count("tier:archive") == 0
    assert await store.peek("d") is not None


async def test_undo_needs_a_change(store: MemoryStore) -> None:
    """A sequence that does not exist is a typed error."""
    await store.put("a", "x")
    for sequence in (0, -1, 2, 2**62, 2**63, -(2**70)):
        with pytest.raises(ChangeNotFoundError):
            await store.undo(sequence)
    assert await store.sequence() == 1


async def test_undo_of_a_link_to_what_is_gone_is_told(store: MemoryStore) -> None:
    """A link whose end was deleted meanwhile cannot come back: a typed error, nothing half done."""
    await store.put("a", "x")
    await store.put("b", "y")
    await store.associate("a", "b")
    await store.dissociate("a", "b")
    await store.delete("b")
    top = await store.sequence()

    with pytest.raises(EngineError):
        await store.undo(4)
    assert await store.sequence() == top


async def test_history_survives_damage(
    store: MemoryStore, path: Path, open_memory: Callable[..., Awaitable[MemoryStore]]
) -> None:
    """A before-image that is damaged is told as such; the rest of the history is there."""
    from engine.backends.sqlite.driver import driver

    await store.put("a", "one")
    await store.update("a", content="two")
    await store.close()
    connection = driver.connect(path, isolation_level=None)
    connection.execute(
        "UPDATE contents SET data = CAST('0ne' AS BLOB) "
        "WHERE content_key = (SELECT content_key FROM changes WHERE sequence = 2)"
    )
    connection.close()
    store = await open_memory()
    changes = await store.history("a")

    assert "damaged" in changes[1].before["content"]
    assert changes[1].after == {"content": "two"}
    with pytest.raises(EngineError):
        await store.undo(2)
    item = await store.peek("a")
    assert item is not None
    assert item.content == "two"
