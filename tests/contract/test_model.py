"""Whatever is done in whatever order, the store holds what a dictionary would hold."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from kit import ManualClock, check_sound

from engine import (
    Association,
    Item,
    ItemNotFoundError,
    MemoryStore,
    Tier,
    UndoConflictError,
    VersionConflictError,
    open_store,
)
from engine.query.filter import Compare, Field, Operator

T = TypeVar("T")

IDS = ["a", "b", "c", "id with 'quotes\"", "日本"]
TAGS = ["x", "y", "z"]
ids = st.sampled_from(IDS)
contents = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.text(max_size=20),
    st.sampled_from(["long " * 500, "word", "getUserName", "東京"]),
    st.binary(max_size=20),
    st.dictionaries(st.text(max_size=5), st.integers(0, 5), max_size=3),
)
tag_sets = st.sets(st.sampled_from(TAGS))
fields = st.fixed_dictionaries(
    {},
    optional={
        "content": contents,
        "agent": st.sampled_from(["atlas", "bella"]),
        "kind": st.sampled_from(["semantic", "other"]),
        "tier": st.sampled_from(list(Tier)),
        "importance": st.sampled_from([0.0, 0.5, 1.0]),
        "tags": tag_sets,
        "metadata": st.dictionaries(st.sampled_from("mn"), st.integers(0, 3), max_size=2),
        "session_id": st.none() | st.sampled_from(["s1", "s2"]),
    },
)
DEFAULTS: dict[str, Any] = {
    "agent": "default",
    "kind": "semantic",
    "tier": Tier.LONG_TERM,
    "importance": 0.5,
    "tags": frozenset(),
    "metadata": {},
    "session_id": None,
}


@dataclass
class World:
    """Items by id (their fields), and links by (source, relation, target) (their strength)."""

    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    links: dict[tuple[str, str, str], float] = field(default_factory=dict)

    def delete(self, item_id: str) -> None:
        del self.items[item_id]
        self.links = {
            link: s for link, s in self.links.items() if item_id not in (link[0], link[2])
        }


def same(left: Any, right: Any) -> bool:
    return type(left) is type(right) and left == right


def fields_of(item: Item) -> dict[str, Any]:
    return {name: getattr(item, name) for name in ("content", *DEFAULTS)}


class Memory(RuleBasedStateMachine):
    """Does the same to a store and to dictionaries; `past` is the world after each change."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp(prefix="model-"))
        self.path = self.folder / "memory.db"
        self.clock = ManualClock()
        self.world = World()
        self.past: list[World] = [World()]
        self.batched: set[int] = set()
        self.store: MemoryStore

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(coroutine)

    @initialize()
    def open(self) -> None:
        async def start() -> MemoryStore:
            return await open_store(self.path, clock=self.clock)

        self.store = self.run(start())
        # Reading moves items when its statistics are written, which is at no certain moment.
        self.run(self.store.tiers.configure(promote=False))

    def teardown(self) -> None:
        self.run(self.store.close())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()
        check_sound(self.path)
        shutil.rmtree(self.folder)

    def changed(self, *, batch: bool = False) -> None:
        """Remember the world as it is after the changes that were just made."""
        newest = self.run(self.store.sequence())
        first = len(self.past)
        # Worlds in the middle of one transaction were never seen; undo does not begin there.
        self.past += [deepcopy(self.world) for _ in range(first, newest + 1)]
        if newest + 1 - first > 1 or batch:
            self.batched |= set(range(first, newest + 1))

    @rule(item_id=ids, content=contents, given=fields)
    def put(self, item_id: str, content: Any, given: dict[str, Any]) -> None:
        given = {**DEFAULTS, **given, "content": content}
        item = self.run(self.store.put(item_id, **given))
        self.world.items[item_id] = {**given, "tags": frozenset(given["tags"])}
        assert same(item.content, content)
        self.changed()

    @rule(names=st.lists(ids, max_size=6), content=contents)
    def put_many(self, names: list[str], content: Any) -> None:
        records = [
            {"id": name, "content": content, "importance": n / 10} for n, name in enumerate(names)
        ]
        self.run(self.store.put_many(records))
        for record in records:
            fresh = {**DEFAULTS, "content": content, "importance": record["importance"]}
            self.world.items[str(record["id"])] = fresh
        self.changed()

    @rule(item_id=ids, change=fields, stale=st.booleans())
    def update(self, item_id: str, change: dict[str, Any], *, stale: bool) -> None:
        item = self.run(self.store.peek(item_id))
        try:
            version = None if item is None else item.version + stale
            self.run(self.store.update(item_id, version=version, **change))
        except ItemNotFoundError:
            assert item_id not in self.world.items
        except VersionConflictError:
            assert stale
        else:
            assert item is not None
            assert not stale
            if "tags" in change:
                change = {**change, "tags": frozenset(change["tags"])}
            self.world.items[item_id].update(change)
            self.changed()

    @rule(item_id=ids)
    def delete(self, item_id: str) -> None:
        assert self.run(self.store.delete(item_id)) is (item_id in self.world.items)
        if item_id in self.world.items:
            self.world.delete(item_id)
            self.changed()

    @rule(item_id=ids, tags=tag_sets, add=st.booleans())
    def tag(self, item_id: str, tags: set[str], *, add: bool) -> None:
        method = self.store.tag if add else self.store.untag
        try:
            self.run(method(item_id, *tags))
        except ItemNotFoundError:
            assert item_id not in self.world.items
        else:
            item = self.world.items[item_id]
            item["tags"] = item["tags"] | tags if add else item["tags"] - tags
            self.changed()

    @rule(source=ids, end=ids, relation=st.sampled_from("rs"), strength=st.sampled_from([0.2, 1.0]))
    def associate(self, source: str, end: str, relation: str, strength: float) -> None:
        try:
            self.run(self.store.associate(source, end, relation=relation, strength=strength))
        except ItemNotFoundError:
            assert not {source, end} <= self.world.items.keys()
        else:
            self.world.links[source, relation, end] = strength
            self.changed()

    @rule(source=ids, end=ids, relation=st.none() | st.sampled_from("rs"))
    def dissociate(self, source: str, end: str, relation: str | None) -> None:
        gone = [
            link
            for link in self.world.links
            if (link[0], link[2]) == (source, end) and relation in (None, link[1])
        ]
        assert self.run(self.store.dissociate(source, end, relation=relation)) == len(gone)
        for link in gone:
            del self.world.links[link]
        self.changed(batch=True)

    @rule(tag=st.sampled_from(TAGS), tier=st.sampled_from(list(Tier)))
    def bulk_update(self, tag: str, tier: Tier) -> None:
        query = Compare(Field.TAG, Operator.EQ, tag)
        self.run(self.store.bulk_update(query=query, tier=tier, remove_tags=[tag]))
        for item in self.world.items.values():
            if tag in item["tags"]:
                item.update(tier=tier, tags=item["tags"] - {tag})
        self.changed(batch=True)

    @rule(tag=st.sampled_from(TAGS))
    def bulk_delete(self, tag: str) -> None:
        self.run(self.store.bulk_delete(query=Compare(Field.TAG, Operator.EQ, tag)))
        for item_id in [i for i, item in self.world.items.items() if tag in item["tags"]]:
            self.world.delete(item_id)
        self.changed(batch=True)

    @precondition(lambda self: len(self.past) > 1)
    @rule(back=st.integers(1, 6))
    def undo_to(self, back: int) -> None:
        """Take back everything since a moment: the world is the one of that moment."""
        first = max(1, len(self.past) - back)
        if first in self.batched:
            return
        self.run(self.store.undo(first, len(self.past) - 1))
        self.world = deepcopy(self.past[first - 1])
        self.changed(batch=True)

    @precondition(lambda self: len(self.past) > 1)
    @rule(data=st.data())
    def undo_one(self, data: st.DataObject) -> None:
        """Take back any one change: it works, or a later one is in the way and nothing happens."""
        sequence = data.draw(st.integers(1, len(self.past) - 1))
        try:
            done = self.run(self.store.undo(sequence))
        except (UndoConflictError, ItemNotFoundError):
            return
        if sequence == len(self.past) - 1 and sequence not in self.batched:
            self.world = deepcopy(self.past[sequence - 1])
        else:
            # Which fields it touched is the undo tests' business; the redo has to be exact.
            before = deepcopy(self.world)
            for again in reversed(done):
                self.run(self.store.undo(again))
            self.world = before
        self.changed(batch=True)

    @precondition(lambda self: len(self.past) > 1)
    @rule(data=st.data())
    def look_back(self, data: st.DataObject) -> None:
        """The store as it was after any change is the world of that moment."""
        sequence = data.draw(st.integers(0, len(self.past) - 1))
        if sequence + 1 in self.batched:
            return

        async def look() -> tuple[list[Item], list[Association]]:
            async with self.store.at(sequence=sequence) as then:
                links = [link async for link in then.iterate_associations()]
                return [item async for item in then.iterate()], links

        items, links = self.run(look())
        then = self.past[sequence]
        assert {item.id: fields_of(item) for item in items} == then.items
        strengths = {(k.source_id, k.relation, k.target_id): k.strength for k in links}
        assert strengths == then.links

    @rule()
    def reopen(self) -> None:
        async def again() -> MemoryStore:
            await self.store.close()
            return await open_store(self.path, clock=self.clock)

        self.store = self.run(again())

    @rule(item_id=ids)
    def get(self, item_id: str) -> None:
        item = self.run(self.store.get(item_id))
        assert (item is not None) is (item_id in self.world.items)

    @invariant()
    def agrees(self) -> None:
        if not hasattr(self, "store"):
            return

        async def look() -> tuple[list[Item], list[Any], int]:
            items = [item async for item in self.store.iterate()]
            links = [link async for link in self.store.iterate_associations()]
            return items, links, await self.store.count()

        items, links, count = self.run(look())
        found = {item.id: fields_of(item) for item in items}
        assert found == self.world.items
        assert all(same(found[i]["content"], self.world.items[i]["content"]) for i in found)
        assert count == len(found)
        strengths = {(k.source_id, k.relation, k.target_id): k.strength for k in links}
        assert strengths == self.world.links


TestMemory = Memory.TestCase
TestMemory.settings = settings(
    max_examples=40,
    stateful_step_count=25,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
