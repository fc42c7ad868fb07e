"""Counts by value, completions, and facts about the store."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from kit import START, OpenMemory

from engine import InvalidFilterError, MemoryStore, Tier
from engine.backends.sqlite.schema import SCHEMA_VERSION
from engine.query.filter import And, Compare, Field, Has, Operator, Or, Part

ATLAS = Compare(Field.AGENT, Operator.EQ, "atlas")


@pytest.fixture
async def counted(store: MemoryStore) -> MemoryStore:
    """A store with known numbers of everything."""
    await store.put_many(
        {
            "id": f"i{n}",
            "content": "x",
            "agent": "atlas" if n < 8 else "bella",
            "kind": ["semantic", "episodic", "épique"][n % 3],
            "tier": list(Tier)[n % 4],
            "tags": {"all", f"t{n % 2}"} | ({"rare"} if n == 5 else set()),
            "session_id": f"s{n // 6}",
            "metadata": {"source": n, f"only{n}": 1},
        }
        for n in range(12)
    )
    return store


async def test_facets_count_everything(counted: MemoryStore) -> None:
    """Without a filter the counts are of the whole store, most first, tiers in order."""
    facets = await counted.facets()

    assert facets.total == 12
    assert list(facets.tiers.items()) == [(tier, 3) for tier in Tier]
    assert facets.kinds == {"semantic": 4, "episodic": 4, "épique": 4}
    assert list(facets.agents.items()) == [("atlas", 8), ("bella", 4)]
    assert list(facets.tags.items()) == [("all", 12), ("t0", 6), ("t1", 6), ("rare", 1)]
    assert facets.exact


@pytest.mark.parametrize(
    "where",
    [ATLAS, Compare(Field.TAG, Operator.EQ, "t1"), Has(Part.TAGS), Or(()), "tier:archive"],
    ids=str,
)
async def test_facets_count_what_matches(counted: MemoryStore, where: Any) -> None:
    """With a filter the counts are those of its items."""
    facets = await counted.facets(where)
    items = (await counted.query(where, limit=100)).items

    assert facets.total == len(items) == await counted.count(where)
    assert facets.tiers == Counter(item.tier for item in items)
    assert facets.kinds == Counter(item.kind for item in items)
    assert facets.agents == Counter(item.agent for item in items)
    assert facets.tags == Counter(tag for item in items for tag in item.tags)


async def test_facets_list_so_many_tags(counted: MemoryStore) -> None:
    """The most frequent tags are listed, up to the number asked for."""
    assert (await counted.facets(tags_max=1)).tags == {"all": 12}
    assert (await counted.facets(ATLAS, tags_max=1)).tags == {"all": 8}


async def test_counts_follow_every_change(counted: MemoryStore) -> None:
    """Updates, bulk actions, deletes and undo keep the counts exact."""
    await counted.update("i0", tier=Tier.ARCHIVE, kind="new", agent="carol")
    await counted.untag("i5", "rare")
    result = await counted.bulk_delete(query=Compare(Field.AGENT, Operator.EQ, "bella"))
    facets = await counted.facets()

    assert facets.total == await counted.count() == 8
    assert facets.agents == {"atlas": 7, "carol": 1}
    assert "rare" not in facets.tags
    assert facets.kinds["new"] == 1
    assert result.first_sequence is not None
    await counted.undo(result.first_sequence, result.last_sequence)
    assert (await counted.facets()).agents == {"atlas": 7, "bella": 4, "carol": 1}


async def test_an_empty_store_counts_nothing(store: MemoryStore) -> None:
    """No items, no counts, no error."""
    facets = await store.facets()

    assert (facets.total, facets.tiers, facets.tags) == (0, {}, {})
    assert await store.count() == await store.count(ATLAS) == 0
    assert (await store.query()).items == ()
    assert len(await store.search("x")) == 0
    assert [chunk async for chunk in store.scan()] == []


@pytest.mark.parametrize(
    ("field", "prefix", "expected"),
    [
        ("tag", "", [("all", 12), ("t0", 6), ("t1", 6), ("rare", 1)]),
        ("tag", "t", [("t0", 6), ("t1", 6)]),
        ("agent", "", [("atlas", 8), ("bella", 4)]),
        ("agent", "bel", [("bella", 4)]),
        ("kind", "é", [("épique", 4)]),
        ("session", "s", [("s1", 6), ("s0", 6)]),
        ("metadata", "so", [("source", 12)]),
        ("tag", "z", []),
        ("tag", "%", []),
        ("agent", "_", []),
    ],
)
async def test_values_are_completed(
    counted: MemoryStore, field: str, prefix: str, expected: list[tuple[str, int]]
) -> None:
    """What begins with the prefix is listed, most frequent first, with its count."""
    assert await counted.complete(field, prefix) == expected


async def test_completions_are_limited_and_live(counted: MemoryStore) -> None:
    """So many are listed; a value that no item has any more is not."""
    assert await counted.complete("tag", "", limit=2) == [("all", 12), ("t0", 6)]
    await counted.delete("i5")
    assert ("rare", 1) not in await counted.complete("tag", "")
    with pytest.raises(InvalidFilterError):
        await counted.complete("content", "")


async def test_info_states_facts(counted: MemoryStore, path: Path, open_memory: OpenMemory) -> None:
    """The facts are those of this store, and its identity stays."""
    info = await counted.info()
    other = await (await open_memory(read_only=True, durability="relaxed")).info()

    assert info.path == str(path)
    assert (info.items, info.sequence, info.schema_version) == (12, 12, SCHEMA_VERSION)
    assert info.created_at > START
    assert info.file_bytes > 0
    assert (info.read_only, info.durability) == (False, "full")
    assert info.sqlite_version.count(".") == 2
    assert other.store_id == info.store_id
    assert len(info.store_id) == 32
    assert (other.read_only, other.durability) == (True, "relaxed")


async def test_an_empty_conjunction_is_everything(counted: MemoryStore) -> None:
    """`And(())` is everything and `Or(())` is nothing, to counts too."""
    assert await counted.count(And(())) == 12
    assert await counted.count(Or(())) == 0
