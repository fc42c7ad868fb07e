"""One change to many items."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from kit import AssertSound

from engine import InvalidItemError, MemoryStore, Tier
from engine.query.filter import And, Compare, Field, Operator

USER = Compare(Field.TAG, Operator.EQ, "user")


async def fill(store: MemoryStore) -> None:
    await store.put_many(
        {
            "id": f"i{n}",
            "content": f"text {n}",
            "agent": f"agent{n % 2}",
            "tags": {"user"} if n % 3 else {"user", "old"},
        }
        for n in range(30)
    )


@pytest.mark.parametrize(
    ("change", "field", "value"),
    [
        ({"tier": Tier.ARCHIVE}, "tier", Tier.ARCHIVE),
        ({"tier": "archive"}, "tier", Tier.ARCHIVE),
        ({"kind": "episodic"}, "kind", "episodic"),
        ({"importance": 0.9}, "importance", 0.9),
        ({"agent": "heir"}, "agent", "heir"),
        ({"add_tags": ["n", "user"]}, "tags", None),
        ({"remove_tags": ["old", "never"]}, "tags", None),
        ({"add_tags": ["n"], "remove_tags": ["user"], "tier": "working"}, "tier", Tier.WORKING),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)
async def test_a_bulk_update_changes_all_that_match(
    store: MemoryStore,
    path: Path,
    assert_sound: AssertSound,
    change: dict[str, Any],
    field: str,
    value: Any,
) -> None:
    """Every item gets the change, its version goes up once, and one undo takes all of it back."""
    await fill(store)
    before = [item async for item in store.iterate()]
    result = await store.bulk_update(query=And(()), **change)
    after = [item async for item in store.iterate()]

    for old, new in zip(before, after, strict=True):
        tags = (old.tags | set(change.get("add_tags", ()))) - set(change.get("remove_tags", ()))
        assert new.tags == tags
        assert value is None or getattr(new, field) == value
        assert new.content == old.content
    changed = [new for old, new in zip(before, after, strict=True) if new.version == 2]
    assert result.count == len(changed) > 0
    assert result.first_sequence is not None
    assert result.last_sequence is not None
    assert result.last_sequence - result.first_sequence + 1 == result.count

    await store.undo(result.first_sequence, result.last_sequence)
    restored = [item async for item in store.iterate()]
    for old, new in zip(before, restored, strict=True):
        assert (new.tags, new.tier, new.kind) == (old.tags, old.tier, old.kind)
        assert (new.importance, new.agent, new.content) == (old.importance, old.agent, old.content)
    await store.close()
    assert_sound(path)


async def test_a_bulk_action_on_ids_ignores_absent_ones(store: MemoryStore) -> None:
    """Only those that exist are changed and counted."""
    await fill(store)
    result = await store.bulk_update(ids=["i1", "no", "i2", "i1"], add_tags=["new"])

    assert result.count == 2
    assert await store.count(Compare(Field.TAG, Operator.EQ, "new")) == 2


async def test_a_bulk_delete_and_its_undo(
    store: MemoryStore, path: Path, assert_sound: AssertSound
) -> None:
    """What matches is deleted with its links; undo brings back items and the links among them."""
    await fill(store)
    await store.associate("i0", "i1", relation="r", strength=0.5)
    await store.associate("i1", "i29")
    result = await store.bulk_delete(query=Compare(Field.ID, Operator.PREFIX, "i1"), actor="ada")

    assert result.count == 11
    assert await store.count() == 19
    assert await store.associations("i0") == []
    assert result.first_sequence is not None
    await store.undo(result.first_sequence, result.last_sequence)
    assert await store.count() == 30
    (link,) = await store.associations("i0")
    assert (link.target_id, link.relation, link.strength) == ("i1", "r", 0.5)
    assert [link.source_id for link in await store.associations("i29")] == ["i1"]
    await store.close()
    assert_sound(path)


async def test_a_bulk_action_on_nothing_does_nothing(store: MemoryStore) -> None:
    """No match, and no difference, is a result of 0 without sequences."""
    await fill(store)
    none = await store.bulk_delete(query=Compare(Field.TAG, Operator.EQ, "unknown"))
    same = await store.bulk_update(query=USER, add_tags=["user"])
    empty = await store.bulk_update(ids=[], tier="archive")

    for result in (none, same, empty):
        assert (result.count, result.first_sequence, result.last_sequence) == (0, None, None)
    assert await store.sequence() == 30


async def test_a_bulk_action_says_what_it_is_about(store: MemoryStore) -> None:
    """Neither or both of ids and query is refused: nothing is deleted by a slip."""
    await fill(store)

    with pytest.raises(InvalidItemError):
        await store.bulk_delete()
    with pytest.raises(InvalidItemError):
        await store.bulk_update(ids=["i1"], query="", tier="archive")
    with pytest.raises(InvalidItemError):
        await store.bulk_update(query="", importance=7)
    assert await store.count() == 30
    assert await store.sequence() == 30


async def test_bulk_actions_cross_the_size_of_one_round(
    store: MemoryStore, path: Path, assert_sound: AssertSound
) -> None:
    """More items than one transaction takes are all changed, deleted and brought back."""
    await store.put_many({"id": f"i{n}", "content": n} for n in range(10_500))
    told: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        told.append((done, total))

    result = await store.bulk_update(query="", add_tags=["t"], progress=progress)
    deleted = await store.bulk_delete(query="", progress=progress)

    assert told == [(10_000, 10_500), (10_500, 10_500)] * 2
    assert result.count == deleted.count == 10_500
    assert await store.count() == 0
    assert deleted.first_sequence is not None
    await store.undo(deleted.first_sequence, deleted.last_sequence)
    assert await store.count(Compare(Field.TAG, Operator.EQ, "t")) == 10_500
    await store.close()
    assert_sound(path)
