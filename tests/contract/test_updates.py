"""Changing single items: fields, tags, versions."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from kit import AssertSound, OpenMemory

from engine import (
    UNCHANGED,
    Codec,
    InvalidItemError,
    ItemNotFoundError,
    LimitExceededError,
    Limits,
    MemoryStore,
    Operation,
    Tier,
    VersionConflictError,
)

CHANGES: list[dict[str, Any]] = [
    {"content": {"new": True}},
    {"content": None},
    {"content": "z" * 5_000},
    {"agent": "other"},
    {"kind": "procedural"},
    {"tier": Tier.ARCHIVE},
    {"tier": "working"},
    {"importance": 1},
    {"tags": {"only"}},
    {"tags": ()},
    {"metadata": {"k": [1]}},
    {"metadata": None},
    {"session_id": "s2"},
    {"session_id": None},
    {"content": "all", "agent": "b", "kind": "k", "tier": "archive", "importance": 0.0},
]
FIELDS = ("content", "agent", "kind", "tier", "importance", "tags", "metadata", "session_id")


@pytest.mark.parametrize("change", CHANGES, ids=",".join)
async def test_an_update_changes_what_is_given_and_nothing_else(
    store: MemoryStore, path: Path, assert_sound: AssertSound, change: dict[str, Any]
) -> None:
    """Given fields get their value, others stay, the version goes up by one."""
    old = await store.put("a", "old text", tags={"x"}, metadata={"m": 1}, session_id="s1")
    new = await store.update("a", **change)

    for field in FIELDS:
        if field not in change:
            assert getattr(new, field) == getattr(old, field)
    for field in change.keys() & {"content", "agent", "kind", "importance", "session_id"}:
        assert getattr(new, field) == change[field]
    assert new.tags == frozenset(change.get("tags", old.tags))
    assert new.metadata == (change.get("metadata", old.metadata) or {})
    if "tier" in change:
        assert new.tier.label == getattr(change["tier"], "label", change["tier"])
    assert new.version == 2
    assert new.created_at == old.created_at < new.updated_at
    assert await store.peek("a") == new
    await store.close()
    assert_sound(path)


async def test_an_update_that_changes_nothing_is_no_change(store: MemoryStore) -> None:
    """The same values again leave version, time and history alone."""
    old = await store.put("a", {"k": 1}, tags={"x"}, metadata={"m": 1})
    same = await store.update("a", content={"k": 1}, tags=["x"], metadata={"m": 1}, agent="default")

    assert same == old
    assert await store.update("a") == old
    assert await store.update("a", content=UNCHANGED) == old
    assert await store.sequence() == 1


async def test_update_refuses_a_stale_version(store: MemoryStore) -> None:
    """The second of two editors is told, and the first editor's text survives."""
    item = await store.put("a", "draft")
    await store.update("a", content="first", version=item.version)

    with pytest.raises(VersionConflictError) as caught:
        await store.update("a", content="second", version=item.version)
    assert (caught.value.item_id, caught.value.expected, caught.value.actual) == ("a", 1, 2)
    found = await store.peek("a")
    assert found is not None
    assert found.content == "first"


async def test_of_many_who_compare_and_swap_one_wins_each_time(
    store: MemoryStore, path: Path, assert_sound: AssertSound
) -> None:
    """Counting by compare-and-swap from many tasks loses no count."""
    await store.put("n", 0)

    async def count() -> None:
        while True:
            item = await store.peek("n")
            assert item is not None
            try:
                await store.update("n", content=item.content + 1, version=item.version)
            except VersionConflictError:
                continue
            return

    await asyncio.gather(*(count() for _ in range(20)))
    found = await store.peek("n")
    assert found is not None
    assert (found.content, found.version) == (20, 21)
    await store.close()
    assert_sound(path)


@pytest.mark.parametrize("method", ["update", "tag", "untag"])
async def test_changing_what_is_absent_is_an_error(store: MemoryStore, method: str) -> None:
    """An item that does not exist cannot be changed, and is not made."""
    with pytest.raises(ItemNotFoundError):
        await getattr(store, method)("no", *(() if method == "update" else ("t",)))
    assert await store.count() == 0


@pytest.mark.parametrize(
    "change",
    [
        {"content": float("nan")},
        {"importance": 2},
        {"tier": "attic"},
        {"tags": "one"},
        {"agent": ""},
        {"kind": None},
        {"metadata": 5},
        {"session_id": "\ud800"},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_a_bad_update_changes_nothing(store: MemoryStore, change: dict[str, Any]) -> None:
    """A field that cannot be stored is refused with the others of the same call."""
    old = await store.put("a", "x")

    with pytest.raises(InvalidItemError):
        await store.update("a", **{"importance": 0.9, **change})
    assert await store.peek("a") == old


async def test_tags_are_added_and_taken_off(
    store: MemoryStore, path: Path, assert_sound: AssertSound
) -> None:
    """Tagging adds to what is there; untagging ignores what is not; counts follow."""
    await store.put("a", "x", tags={"one"})
    tagged = await store.tag("a", "two", "three", "one")
    untagged = await store.untag("a", "one", "never")
    again = await store.tag("a", "two")

    assert tagged.tags == frozenset({"one", "two", "three"})
    assert untagged.tags == again.tags == frozenset({"two", "three"})
    assert (tagged.version, untagged.version, again.version) == (2, 3, 3)
    assert await store.count("tag:one") == 0
    assert await store.count("tag:two") == 1
    operations = [change.operation for change in await store.history("a")]
    assert operations == [Operation.CREATE, Operation.TAG, Operation.TAG]
    await store.close()
    assert_sound(path)


async def test_odd_tags_are_told_apart(store: MemoryStore) -> None:
    """Tags are exact: case, accents, spaces, quotes and commas all count."""
    odd = ["a", "A", "á", "a\u0301", "a b", "a,b", '"a"', "a'--", "日本", "\u202e", "a\n"]
    await store.put("x", "x", tags=odd)
    await store.untag("x", "a")
    item = await store.peek("x")

    assert item is not None
    assert item.tags == frozenset(odd[1:])


async def test_tags_have_a_limit_however_they_come(open_memory: OpenMemory) -> None:
    """No way of tagging gives an item more tags than the limit."""
    store = await open_memory(limits=Limits(tags_max=3))
    await store.put("a", "x", tags={"1", "2"})
    await store.tag("a", "3")

    with pytest.raises(LimitExceededError):
        await store.tag("a", "4")
    with pytest.raises(LimitExceededError):
        await store.bulk_update(ids=["a"], add_tags=["4"])
    item = await store.peek("a")
    assert item is not None
    assert len(item.tags) == 3


async def test_content_may_change_its_kind(
    store: MemoryStore, path: Path, assert_sound: AssertSound
) -> None:
    """Text becomes JSON becomes bytes becomes compressed, and each is found by its own words."""
    steps: list[tuple[Any, Codec]] = [
        ("alpha", Codec.TEXT),
        ({"beta": 1}, Codec.JSON),
        (b"gamma", Codec.BYTES),
        ("delta " * 1_000, Codec.TEXT_COMPRESSED),
        (["epsilon"] * 1_000, Codec.JSON_COMPRESSED),
        (b"zeta" * 1_000, Codec.BYTES_COMPRESSED),
        ("eta", Codec.TEXT),
    ]
    await store.put("a", "start")
    for content, codec in steps:
        item = await store.update("a", content=content)
        assert (item.content, item.codec) == (content, codec)
    found = [
        word
        for word in ("start", "alpha", "beta", "gamma", "delta", "epsilon", "eta")
        if len(await store.search(word))
    ]
    assert found == ["eta"]
    await store.close()
    assert_sound(path)


async def test_each_change_names_its_author(open_memory: OpenMemory) -> None:
    """The store's actor is written, or the one given with the call."""
    store = await open_memory(actor="importer")
    await store.put("a", "x")
    await store.update("a", content="y", actor="ada")
    await store.tag("a", "t", actor="bob")
    await store.delete("a", actor="eve")

    assert [change.actor for change in await store.history("a")] == [
        "importer",
        "ada",
        "bob",
        "eve",
    ]
    with pytest.raises(InvalidItemError):
        await store.put("a", "x", actor="")
