"""A random history of a store, and what the store was after each step of it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any, Final

from kit import START, ManualClock

from engine import (
    Item,
    MemoryStore,
    Policy,
    Tier,
    UndoConflictError,
)

FIELDS: Final = (
    "content", "agent", "kind", "tier", "importance", "tags", "metadata", "session_id",
    "created_at", "updated_at", "version", "content_hash", "size_bytes",
)  # fmt: skip
"""All that the change log tells: not how often an item was read, nor how it is packed."""

IDS: Final = [f"i{n:02}" for n in range(24)]
WORDS: Final = ["tea", "coffee", "Oslo", "Paris", "weather", "東京", "likes", "forgot"]
ACTIONS: Final = [
    "archive", "compress", "deduplicate", "merge", "refresh", "demote", "delete", "restore",
    "tag old", "importance 0.3", "consolidate",
]  # fmt: skip


@dataclass
class Snapshot:
    """Items by id (their fields), and links with their strength and time."""

    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    links: dict[tuple[str, str, str], tuple[float, Any]] = field(default_factory=dict)


def fields_of(item: Item) -> dict[str, Any]:
    """Return what of an item the change log tells."""
    return {name: getattr(item, name) for name in FIELDS}


async def look(store: MemoryStore) -> Snapshot:
    """Return what a store holds."""
    return Snapshot(
        {item.id: fields_of(item) async for item in store.iterate()},
        {
            (link.source_id, link.relation, link.target_id): (link.strength, link.created_at)
            async for link in store.iterate_associations()
        },
    )


def assert_same(found: Snapshot, expected: Snapshot, *ignored: str) -> None:
    """Compare item by item and field by field, so that a failure says which."""
    assert found.items.keys() == expected.items.keys()
    for item_id, fields in expected.items.items():
        for name, value in fields.items():
            assert name in ignored or found.items[item_id][name] == value, (item_id, name)
    assert found.links == expected.links


class History:
    """Does things to a store at random; `moments` is what it was, by sequence."""

    def __init__(self, store: MemoryStore, clock: ManualClock, seed: int) -> None:
        self.store = store
        self.clock = clock
        self.random = Random(seed)
        self.moments: dict[int, Snapshot] = {0: Snapshot()}

    async def go(self, steps: int) -> None:
        """Do so many things, and remember what came of each."""
        for _ in range(steps):
            step = self.random.choice(STEPS)
            self.clock.advance(minutes=self.random.choice([1, 1, 30, 60 * 24]))
            # What is refused changes nothing, and belongs to a history.
            with suppress(UndoConflictError, LookupError):
                await step(self)
            self.moments[await self.store.sequence()] = await look(self.store)

    def text(self) -> Any:
        """Return a content: mostly text, long enough to be packed now and then."""
        if self.random.random() < 0.1:
            return self.random.choice([b"\x00\xff" * 9, {"n": 1}, None, [1, "tea"]])
        words = self.random.choices(WORDS, k=self.random.choice([2, 5, 80]))
        return " ".join(words)

    def some(self, most: int = 5) -> list[str]:
        """Return some ids."""
        return self.random.sample(IDS, self.random.randint(1, most))

    def record(self, item_id: str) -> dict[str, Any]:
        """Return an item to put."""
        return {
            "id": item_id,
            "content": self.text(),
            "agent": self.random.choice(["atlas", "bella", "carl"]),
            "kind": self.random.choice(["semantic", "episodic"]),
            "tier": self.random.choice(list(Tier)),
            "importance": self.random.choice([0.1, 0.5, 0.9]),
            "tags": set(self.random.sample("xyz", self.random.randint(0, 2))),
            "metadata": self.random.choice([{}, {"n": 1}, {"city": "Oslo", "n": [2]}]),
            "session_id": self.random.choice([None, "s1", "s2"]),
        }


async def put_many(history: History) -> None:
    """Put some items, new or not, in one batch."""
    await history.store.put_many([history.record(item_id) for item_id in history.some(8)])


async def bring(history: History) -> None:
    """Import items that lived elsewhere, with their times and version."""
    await history.store.import_items(
        [
            {
                **history.record(item_id),
                "created_at": START - timedelta(days=history.random.randint(1, 9)),
                "updated_at": START - timedelta(hours=history.random.randint(1, 9)),
                "version": history.random.randint(1, 5),
            }
            for item_id in history.some(3)
        ]
    )


async def update(history: History) -> None:
    """Change some fields of an item."""
    record = history.record(history.random.choice(IDS))
    names = history.random.sample([n for n in record if n != "id"], 2)
    await history.store.update(record["id"], **{name: record[name] for name in names})


async def tag(history: History) -> None:
    """Add or take off a tag."""
    method = history.random.choice([history.store.tag, history.store.untag])
    await method(history.random.choice(IDS), history.random.choice("xyz"))


async def link(history: History) -> None:
    """Link two items, or take a link away."""
    source, target = history.random.choice(IDS), history.random.choice(IDS)
    if history.random.random() < 0.3:
        await history.store.dissociate(source, target)
    else:
        strength = history.random.choice([0.2, 1.0])
        await history.store.associate(
            source, target, relation=history.random.choice("rs"), strength=strength
        )


async def delete(history: History) -> None:
    """Delete an item, or all of a tag."""
    if history.random.random() < 0.2:
        await history.store.bulk_delete(query=f"tag:{history.random.choice('xyz')}")
    else:
        await history.store.delete(history.random.choice(IDS))


async def change_many(history: History) -> None:
    """Make one change to many."""
    await history.store.bulk_update(
        ids=history.some(9), agent=history.random.choice(["atlas", "bella"]), add_tags=["many"]
    )


async def move(history: History) -> None:
    """Move an item to a tier; what is there may have to make room."""
    await history.store.tiers.move(history.random.choice(IDS), history.random.choice(list(Tier)))


async def read(history: History) -> None:
    """Read an item so often that it moves up."""
    for _ in range(4):
        await history.store.get(history.random.choice(IDS[:3]))
    await history.store.flush()


async def undo(history: History) -> None:
    """Take back one of the last changes."""
    newest = await history.store.sequence()
    if newest:
        first = max(1, newest - history.random.randint(0, 12))
        through = history.random.choice([None, newest])
        await history.store.undo(first, through, force=history.random.random() < 0.5)


async def apply_policies(history: History) -> None:
    """Carry out a policy: archive, compress, share, merge, refresh, delete."""
    policy = Policy(
        name="p",
        when=f"tag:{history.random.choice('xyz')}",
        do=history.random.choice(ACTIONS),
    )
    plan = await history.store.lifecycle.plan([policy])
    run = await history.store.lifecycle.apply(plan)
    if history.random.random() < 0.3 and run.first_sequence is not None:
        await history.store.lifecycle.undo(run)


STEPS: Final = (
    put_many, put_many, bring, update, update, update, tag, tag, link, link, link, delete,
    change_many, move, move, read, undo, undo, apply_policies,
)  # fmt: skip
