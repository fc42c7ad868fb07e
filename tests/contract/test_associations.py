"""Links between items."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from kit import START, AssertSound

from engine import (
    Association,
    InvalidItemError,
    ItemNotFoundError,
    MemoryStore,
    Operation,
)


@pytest.fixture
async def linked(store: MemoryStore) -> MemoryStore:
    """A store with four items and no links yet."""
    await store.put_many([{"id": name, "content": name} for name in "abcd"])
    return store


def pairs(links: list[Association]) -> list[tuple[str, str, str]]:
    """Return what links what, how."""
    return [(link.source_id, link.relation, link.target_id) for link in links]


async def test_a_link_has_a_direction_a_relation_and_a_strength(linked: MemoryStore) -> None:
    """A link is found from both ends, in its direction."""
    link = await linked.associate("a", "b", relation="learned_from", strength=0.9)

    assert (link.source_id, link.target_id) == ("a", "b")
    assert (link.relation, link.strength) == ("learned_from", 0.9)
    assert await linked.associations("a") == await linked.associations("b") == [link]
    assert await linked.associations("a", direction="out") == [link]
    assert await linked.associations("a", direction="in") == []
    assert await linked.associations("b", direction="in") == [link]
    assert await linked.associations("b", direction="out") == []
    assert await linked.associations("no") == []


async def test_links_come_outgoing_first_strongest_first(linked: MemoryStore) -> None:
    """The order is by direction, then strength, then relation."""
    await linked.associate("b", "a", strength=1.0)
    await linked.associate("a", "b", strength=0.1)
    await linked.associate("a", "c", relation="z", strength=0.8)
    await linked.associate("a", "d", relation="y", strength=0.8)

    assert pairs(await linked.associations("a")) == [
        ("a", "y", "d"),
        ("a", "z", "c"),
        ("a", "related", "b"),
        ("b", "related", "a"),
    ]


async def test_linking_again_sets_the_strength(linked: MemoryStore) -> None:
    """There is one link of a relation between two items; another relation is another link."""
    first = await linked.associate("a", "b", strength=0.2)
    again = await linked.associate("a", "b", strength=0.7)
    await linked.associate("a", "b", strength=0.7)
    await linked.associate("a", "b", relation="other")
    await linked.associate("a", "a", relation="self")

    assert again.strength == 0.7
    assert again.created_at == first.created_at
    assert len(await linked.associations("a", direction="out")) == 3
    assert await linked.sequence() == 4 + 4


async def test_dissociating_takes_one_relation_or_all(
    linked: MemoryStore, path: Path, assert_sound: AssertSound
) -> None:
    """Only links from the first to the second item go, and the number of them is returned."""
    for relation in ("r", "s", "t"):
        await linked.associate("a", "b", relation=relation)
    await linked.associate("b", "a")

    assert await linked.dissociate("a", "b", relation="r") == 1
    assert await linked.dissociate("a", "b", relation="r") == 0
    assert await linked.dissociate("a", "b") == 2
    assert await linked.dissociate("a", "no") == 0
    assert pairs(await linked.associations("a")) == [("b", "related", "a")]
    await linked.close()
    assert_sound(path)


@pytest.mark.parametrize("ends", [("a", "no"), ("no", "a"), ("no", "no")])
async def test_only_what_exists_can_be_linked(linked: MemoryStore, ends: tuple[str, str]) -> None:
    """A link to nothing is an error and leaves no trace."""
    with pytest.raises(ItemNotFoundError):
        await linked.associate(*ends)
    assert await linked.sequence() == 4


@pytest.mark.parametrize(
    "fields",
    [{"strength": 1.1}, {"strength": -1}, {"strength": float("nan")}, {"relation": ""}],
    ids=repr,
)
async def test_a_bad_link_is_refused(linked: MemoryStore, fields: dict[str, Any]) -> None:
    """Strength is 0..1 and the relation is a name."""
    with pytest.raises(InvalidItemError):
        await linked.associate("a", "b", **fields)
    assert await linked.associations("a") == []


async def test_links_leave_the_version_alone_and_the_history_not(linked: MemoryStore) -> None:
    """A link is a change in the source's history, not a new version of either item."""
    await linked.associate("a", "b", relation="r", strength=0.5)
    await linked.associate("a", "b", relation="r", strength=0.6)
    await linked.dissociate("a", "b")
    changes = await linked.history("a")

    assert [change.operation for change in changes[1:]] == [Operation.ASSOCIATE] * 3
    strengths = [
        [[link["strength"] for link in side["associations"]] for side in (c.before, c.after)]
        for c in changes[1:]
    ]
    assert strengths == [[[], [0.5]], [[0.5], [0.6]], [[0.6], []]]
    items = await linked.get_many(["a", "b"])
    assert [item.version for item in items] == [1, 1]


async def test_undo_of_links_is_exact(
    linked: MemoryStore, path: Path, assert_sound: AssertSound
) -> None:
    """Each change of a link can be taken back, and taken back again."""
    first = await linked.associate("a", "b", strength=0.5)
    await linked.associate("a", "b", strength=0.6)
    await linked.dissociate("a", "b")
    top = await linked.sequence()

    await linked.undo(top)
    assert [link.strength for link in await linked.associations("a")] == [0.6]
    (redo,) = await linked.undo(top + 1)
    assert await linked.associations("a") == []
    await linked.undo(redo)
    await linked.undo(top - 1)
    assert await linked.associations("a") == [first]
    await linked.undo(top - 2)
    assert await linked.associations("a") == []
    await linked.close()
    assert_sound(path)


async def test_many_links_are_imported_at_once_or_not_at_all(linked: MemoryStore) -> None:
    """Imported links keep their time; an unknown end refuses the lot."""
    links = [
        Association(
            source_id=source,
            target_id=target,
            relation="r",
            strength=0.5,
            created_at=START - timedelta(days=9),
        )
        for source, target in [("a", "b"), ("b", "c"), ("c", "c")]
    ]
    assert await linked.import_associations(links) == 3
    assert sorted(pairs([link async for link in linked.iterate_associations()])) == pairs(links)
    assert (await linked.associations("a"))[0].created_at == START - timedelta(days=9)
    bad = Association(source_id="d", target_id="no", relation="r", strength=0.5, created_at=START)
    good = Association(source_id="d", target_id="a", relation="r", strength=0.5, created_at=START)
    with pytest.raises(ItemNotFoundError):
        await linked.import_associations([good, bad])
    assert await linked.associations("d") == []


async def test_all_links_are_iterated_across_pages(store: MemoryStore) -> None:
    """More links than one page come once each."""
    await store.put_many({"id": f"i{n}", "content": n} for n in range(70))
    links = [
        Association(
            source_id=f"i{n}", target_id=f"i{m}", relation="r", strength=0.5, created_at=START
        )
        for n in range(70)
        for m in range(30)
    ]
    await store.import_associations(links)
    found = [link async for link in store.iterate_associations()]

    assert len(found) == 2_100
    assert set(pairs(found)) == set(pairs(links))
