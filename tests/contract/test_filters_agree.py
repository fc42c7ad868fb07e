"""Every query, however it is planned, answers what the filter says, item by item.

Random filter trees are asked of a small store and, beside it, evaluated in plain Python over the
items themselves. The plan that the cost model would never choose at this size is forced too.
"""

from __future__ import annotations

import asyncio
import operator
import random
from collections.abc import Callable, Coroutine, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kit import START, ManualClock

from engine import InvalidFilterError, Item, MemoryStore, Tier, open_store
from engine.clock import to_microseconds
from engine.query import normalise, paths, planner, to_text
from engine.query.filter import (
    Age,
    And,
    Compare,
    Field,
    Filter,
    Has,
    HasMetadata,
    Indexed,
    Metadata,
    Not,
    Operator,
    Or,
    Part,
    Text,
)
from engine.query.values import DURATION_MAX, TIME_MAX, TIME_MIN

T = TypeVar("T")

ITEMS = 150
HOUR = 3_600_000_000

# A word as typed, and the words that full text makes of it. Humps come again, whole, at the end.
WORDS: dict[str, tuple[str, ...]] = {
    "alpha": ("alpha",),
    "ALPHA": ("alpha",),
    "beta": ("beta",),
    "gamma": ("gamma",),
    "running": ("run",),
    "runs": ("run",),
    "café": ("cafe",),
    "cafe": ("cafe",),
    "getUserName": ("get", "user", "name"),
    "name": ("name",),
    "deep": ("deep",),
    "東京": ("東", "京"),
    "京都": ("京", "都"),
}
WHOLE = {"getUserName": "getusernam"}
# The id is part of the text.
ID_TOKENS = {"user": ["user"], "used": ["us"], "日記": ["日", "記"], "%_": []}
PLAIN = [word for word in WORDS if word not in WHOLE]

AGENTS = ["atlas", "atlantis", "b'; DROP TABLE items --", "\U0010ffffagent"]
KINDS = ["episodic", "semantic", "epic"]
TAGS = ["user", "used", "rare", 'odd "tag\\', "日本", "us%_"]
SESSIONS = ["s1", "s2", "s10"]
KEYS = ["source", "depth", 'k"e\\y', "ключ", "list", "new\nline", "a.b", "$", "0"]
SCALARS: list[Any] = [
    None,
    True,
    False,
    0,
    1,
    1.0,
    2.5,
    -3,
    "chat",
    "chatty",
    "",
    "1",
    "zoë",
    2**53,
]


# The first is asked for by name and by path; the others lead through lists, and by odd keys.
INDEXED = {
    "source": ("source",),
    "list": ("list",),
    "in_list": ("list", "1"),
    "odd": ('k"e\\y',),
    "dotted": ("a.b",),
    "deep": ("depth", "source"),
}


def own_values(item: Item) -> Any:
    """Return what the index `own` has of an item: values of several types, one or none."""
    if item.kind == "epic":
        return None
    if item.kind == "semantic":
        return item.importance
    return [item.agent, len(item.tags), len(item.tags) > 1, *item.tags]


@dataclass(frozen=True, repr=False)
class World:
    """A store, its items by row key, and which of them are linked."""

    store: MemoryStore
    items: dict[int, Item]
    linked: frozenset[str]
    now: int
    path: Path
    run: Callable[[Coroutine[Any, Any, Any]], Any]


def make_record(pick: random.Random, number: int) -> dict[str, Any]:
    words = " ".join(pick.choices(list(WORDS), k=pick.randint(0, 6)))
    content: Any = words
    if number % 7 == 0:
        content = {"beta": words, "deep": [pick.choice(PLAIN)]}
    if number % 11 == 0:
        content = b"alpha beta"
    metadata: dict[str, Any] = {}
    for key in pick.sample(KEYS, k=pick.choice([0, 0, 1, 2, 4])):
        metadata[key] = pick.choice(
            [
                pick.choice(SCALARS),
                pick.choices(SCALARS, k=3),
                {pick.choice(KEYS): pick.choice(SCALARS)},
                [{"source": pick.choice(SCALARS)}, [pick.choice(SCALARS)]],
            ]
        )
    return {
        "id": pick.choice(["user/{}", "used/{}", "日記/{}", "%_/{}"]).format(number),
        "content": content,
        "agent": pick.choices(AGENTS, weights=[6, 3, 2, 1])[0],
        "kind": pick.choice(KINDS),
        "tier": pick.choice(list(Tier)),
        "importance": pick.choice([0, 0.25, 0.5, 0.5, 0.75, 0.9, 1]),
        "tags": pick.sample(TAGS, k=pick.choice([0, 0, 1, 1, 2, 3])),
        "metadata": metadata,
        "session_id": pick.choice([None, None, *SESSIONS]),
        # Few distinct moments, so that ties are the rule.
        "created_at": START - timedelta(hours=pick.randint(0, 30)),
    }


async def fill(store: MemoryStore, clock: ManualClock) -> frozenset[str]:
    """Give the store items with holes between them, updates, accesses and links."""
    pick = random.Random(20260131)
    records = [make_record(pick, number) for number in range(ITEMS)]
    records.append({"id": "gone", "content": "alpha", "tags": ["gone"], "agent": "gone"})
    await store.put_many(records)
    ids = [record["id"] for record in records]
    await store.bulk_delete(ids=["gone", *ids[20:30]])
    left = [item_id for item_id in ids if item_id not in {"gone", *ids[20:30]}]
    for item_id in pick.sample(left, k=40):
        clock.advance(minutes=7)
        await store.update(item_id, importance=pick.choice([0.3, 0.6, 0.9]))
    for item_id in pick.choices(left, k=60):
        clock.advance(minutes=pick.choice([0, 30]))
        await store.get(item_id)
    await store.flush()
    linked: set[str] = set()
    for _ in range(25):
        source, target = pick.sample(left, k=2)
        await store.associate(source, target)
        linked |= {source, target}
    for name, path in INDEXED.items():
        await store.indexes.define(name, to_text(HasMetadata(path)).removeprefix("has:"))
    await store.indexes.define("own", extractor=own_values)
    for name in (*INDEXED, "own"):
        assert (await store.indexes.check(name)).ok
    return frozenset(linked)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The store of all examples, filled once; its clock stands still from then on."""
    loop = asyncio.new_event_loop()
    clock = ManualClock()
    path: Path = tmp_path_factory.mktemp("filters") / "memory.db"

    async def start() -> World:
        store = await open_store(path, clock=clock)
        linked = await fill(store, clock)
        clock.advance(hours=1)
        clock.step = timedelta(0)
        everything = [item async for item in store.iterate(And(()))]
        keys = await store.find_keys(item.id for item in everything)
        items = {keys[item.id]: item for item in everything}
        return World(store, items, linked, clock(), path, loop.run_until_complete)

    world = loop.run_until_complete(start())
    yield world
    loop.run_until_complete(world.store.close())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


# ---------------------------------------------------------------- what a filter means, in Python

OPERATORS: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQ: operator.eq,
    Operator.NE: operator.ne,
    Operator.GT: operator.gt,
    Operator.GE: operator.ge,
    Operator.LT: operator.lt,
    Operator.LE: operator.le,
    Operator.PREFIX: lambda have, want: have.startswith(want),
}


def micro(moment: datetime) -> int:
    return to_microseconds(moment)


def holds(node: Filter, item: Item, world: World) -> bool:
    """Return whether an item passes a filter, straight from the definition of the tree."""
    match node:
        case And(children):
            # Words without a letter say nothing beside others.
            kept = [c for c in children if not (isinstance(c, Text) and is_wordless(c))]
            return all(holds(child, item, world) for child in kept or children)
        case Or(children):
            return any(holds(child, item, world) for child in children)
        case Not(child):
            return not holds(child, item, world)
        case Compare(field, op, value):
            return compares(field, op, value, item, world.now)
        case Metadata(path, op, value):
            return metadata_holds(path, op, value, item.metadata)
        case Indexed(name, op, value):
            return indexed_holds(name, op, value, item)
        case HasMetadata(path):
            return find(item.metadata, path) is not MISSING
        case Has(part):
            return has(part, item, world)
        case Text():
            return matches(node, item)


def compares(field: Field, op: Operator, value: Any, item: Item, now: int) -> bool:
    test = OPERATORS[op]
    match field:
        case Field.TAG:
            if op is Operator.NE:
                return value not in item.tags
            return any(test(tag, value) for tag in item.tags)
        case Field.SESSION:
            return op is Operator.NE if item.session_id is None else test(item.session_id, value)
        case Field.ACCESSED if item.last_accessed_at is None:
            return False
        case Field.IDLE:
            return test(now - micro(item.last_accessed_at or item.created_at), value.microseconds)
    have: Any = {
        Field.ID: item.id,
        Field.AGENT: item.agent,
        Field.KIND: item.kind,
        Field.TIER: item.tier,
        Field.IMPORTANCE: item.importance,
        Field.ACCESSES: item.access_count,
        Field.SIZE: item.size_bytes,
        Field.VERSION: item.version,
        Field.CREATED: micro(item.created_at),
        Field.UPDATED: micro(item.updated_at),
        Field.ACCESSED: micro(item.last_accessed_at) if item.last_accessed_at else None,
    }[field]
    if isinstance(value, Age):
        return test(now - have, value.microseconds)
    return test(have, value)


MISSING = object()


def find(value: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key in map(str, range(len(value))):
            value = value[int(key)]
        else:
            return MISSING
    return value


def metadata_holds(path: tuple[str, ...], op: Operator, value: Any, metadata: Any) -> bool:
    if op is Operator.NE:
        return not metadata_holds(path, Operator.EQ, value, metadata)
    found = find(metadata, path)
    candidates = [found]
    if op is Operator.EQ and isinstance(found, list):
        candidates += found
    return any(sort(have) == sort(value) and OPERATORS[op](have, value) for have in candidates)


def indexed_holds(name: str, op: Operator, value: Any, item: Item) -> bool:
    if op is Operator.NE:
        return not indexed_holds(name, Operator.EQ, value, item)
    values = indexed_values(name, item)
    if op is Operator.PREFIX and value == "":
        return bool(values)
    return any(sort(have) == sort(value) and OPERATORS[op](have, value) for have in values)


def indexed_values(name: str, item: Item) -> list[Any]:
    """Return what an index should have of an item: scalars, and those in a list."""
    found = own_values(item) if name == "own" else find(item.metadata, INDEXED[name])
    if name == "own" and found is None:
        return []
    values = found if isinstance(found, list) else [found]
    return [
        value for value in values if not isinstance(value, dict | list) and value is not MISSING
    ]


def sort(value: Any) -> str:
    """Return the JSON type: true is not 1, and no number is a text."""
    if value is None or isinstance(value, bool):
        return repr(value)
    if isinstance(value, (int, float)):
        return "number"
    return type(value).__name__


def has(part: Part, item: Item, world: World) -> bool:
    return {
        Part.TAGS: bool(item.tags),
        Part.METADATA: bool(item.metadata),
        Part.SESSION: item.session_id is not None,
        Part.ASSOCIATIONS: item.id in world.linked,
        Part.ACCESSES: item.access_count > 0,
    }[part]


def is_wordless(node: Text) -> bool:
    return not any(character.isalnum() for character in node.text)


def tokens(text: str) -> list[str]:
    """Return the words that full text makes of a text of the vocabulary, wholes at the end."""
    typed = [word for word in text.split() if word in WORDS]
    parts = [token for word in typed for token in WORDS[word]]
    return parts + [WHOLE[word] for word in typed if word in WHOLE]


def item_tokens(item: Item) -> list[str]:
    match item.content:
        case dict() as content:
            texts = f"beta deep {content['beta']} {content['deep'][0]}"
        case bytes():
            texts = ""
        case _:
            texts = item.content
    beginning = item.id.partition("/")
    return [*ID_TOKENS[beginning[0]], beginning[2], *tokens(texts)]


def matches(node: Text, item: Item) -> bool:
    if node.prefix:
        begun = node.text.casefold()
        return any(token.startswith(begun) for token in item_tokens(item))
    wanted = [token for word in node.text.split() for token in WORDS.get(word, ())]
    have = item_tokens(item)
    return bool(wanted) and any(
        have[start : start + len(wanted)] == wanted for start in range(len(have))
    )


# ------------------------------------------------------------------------------- random filters

equality = st.sampled_from([Operator.EQ, Operator.EQ, Operator.NE])
order_operators = st.sampled_from([op for op in Operator if op is not Operator.PREFIX])
moments = st.integers(-2, 33).map(lambda hours: micro(START - timedelta(hours=hours)))
ages = st.integers(0, 60).map(lambda hours: Age(hours * HOUR))
far = st.sampled_from([TIME_MIN, TIME_MAX])
far_age = st.just(Age(DURATION_MAX))
large = st.just(2**63 - 1)


def named(field: Field, values: list[str], beginnings: list[str]) -> st.SearchStrategy[Filter]:
    whole = st.builds(Compare, st.just(field), equality, st.sampled_from([*values, "unknown"]))
    begun = st.sampled_from(beginnings).map(lambda text: Compare(field, Operator.PREFIX, text))
    return whole | whole | begun


def ordered(field: Field, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Filter]:
    return st.builds(Compare, st.just(field), order_operators, values)


def aged(field: Field, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Filter]:
    """Return comparisons with an age, which is never exactly a number of microseconds."""
    no_equality = [Operator.GT, Operator.GE, Operator.LT, Operator.LE]
    return st.builds(Compare, st.just(field), st.sampled_from(no_equality), values)


def metadata_nodes() -> st.SearchStrategy[Filter]:
    paths = st.lists(st.sampled_from([*KEYS, "1"]), min_size=1, max_size=3).map(tuple)
    texts = [value for value in SCALARS if isinstance(value, str)]
    numbers = [value for value in SCALARS if sort(value) == "number"]
    no_prefix = [op for op in Operator if op is not Operator.PREFIX]
    begun = st.sampled_from(["c", "chat", "zo", "1"])
    return st.one_of(
        st.builds(Metadata, paths, equality, st.sampled_from(SCALARS)),
        st.builds(Metadata, paths, st.sampled_from(no_prefix), st.sampled_from(texts)),
        st.builds(Metadata, paths, st.just(Operator.PREFIX), begun),
        st.builds(Metadata, paths, st.sampled_from(no_prefix), st.sampled_from(numbers)),
        st.builds(HasMetadata, paths),
    )


def indexed_nodes() -> st.SearchStrategy[Filter]:
    names = st.sampled_from([*INDEXED, "own"])
    texts = [*(value for value in SCALARS if isinstance(value, str)), *AGENTS, *TAGS]
    numbers = [value for value in SCALARS if sort(value) == "number"]
    no_prefix = st.sampled_from([op for op in Operator if op is not Operator.PREFIX])
    return st.one_of(
        st.builds(Indexed, names, equality, st.sampled_from([*SCALARS, *TAGS])),
        st.builds(Indexed, names, no_prefix, st.sampled_from(texts)),
        st.builds(Indexed, names, no_prefix, st.sampled_from(numbers)),
        st.builds(Indexed, names, st.just(Operator.PREFIX), st.sampled_from(["", "c", "at", "us"])),
    )


def values_at_indexed_paths() -> st.SearchStrategy[Filter]:
    """Return comparisons that an index may answer: of one value, a range, or any of several."""
    paths = st.sampled_from(list(INDEXED.values()))
    leaf = st.builds(Metadata, paths, st.just(Operator.EQ), st.sampled_from(SCALARS))
    several = paths.flatmap(
        lambda path: st.lists(st.sampled_from(SCALARS), min_size=2, max_size=3).map(
            lambda values: Or(tuple(Metadata(path, Operator.EQ, value) for value in values))
        )
    )
    named = st.lists(st.sampled_from(SCALARS), min_size=2, max_size=3).map(
        lambda values: Or(tuple(Indexed("list", Operator.EQ, value) for value in values))
    )
    ranges = st.builds(
        Metadata,
        paths,
        st.sampled_from([Operator.GT, Operator.GE, Operator.LT, Operator.LE]),
        st.sampled_from([0, 1.0, 2.5, -3, "chat", "", "zoë"]),
    )
    begun = st.builds(Metadata, paths, st.just(Operator.PREFIX), st.sampled_from(["c", "chat"]))
    return st.one_of(leaf, leaf, several, named, ranges, begun, indexed_nodes())


phrases = st.lists(st.sampled_from(PLAIN), min_size=2, max_size=3).map(
    lambda words: Text(" ".join(words), phrase=True)
)
words = st.sampled_from([*WORDS, "absent", "!?"]).map(Text)
prefixes = st.sampled_from(["al", "alp", "be", "ga", "gamma", "ca", "us", "東", "nothing"]).map(
    lambda begun: Text(begun, prefix=True)
)

leaves: st.SearchStrategy[Filter] = st.one_of(
    named(Field.AGENT, [*AGENTS, "gone"], ["at", "atlas", "", "z", "\U0010ffff"]),
    named(Field.KIND, KINDS, ["epi", "s", ""]),
    named(Field.TAG, [*TAGS, "gone"], ["us", "user", "", "日", "us%"]),
    named(Field.SESSION, SESSIONS, ["s1", "s", ""]),
    named(Field.ID, ["user/1", "used/2", "日記/3"], ["use", "user/", "日", "%", ""]),
    st.builds(Compare, st.just(Field.TIER), equality, st.sampled_from(list(Tier))),
    ordered(Field.IMPORTANCE, st.sampled_from([0.0, 0.25, 0.5, 0.9, 1.0])),
    ordered(Field.CREATED, moments),
    aged(Field.CREATED, ages),
    ordered(Field.CREATED, moments | far),
    aged(Field.CREATED, ages | far_age),
    ordered(Field.UPDATED, moments),
    aged(Field.UPDATED, ages),
    ordered(Field.ACCESSED, moments),
    aged(Field.ACCESSED, ages),
    aged(Field.IDLE, ages | far_age),
    ordered(Field.ACCESSES, st.integers(0, 3) | large),
    ordered(Field.SIZE, st.integers(0, 60) | large),
    ordered(Field.VERSION, st.integers(0, 3)),
    metadata_nodes(),
    metadata_nodes(),
    indexed_nodes(),
    st.builds(Has, st.sampled_from(list(Part))),
    words,
    phrases,
    prefixes,
)
any_tags = st.lists(st.sampled_from([*TAGS, "unknown"]), max_size=3).map(
    lambda tags: Or(tuple(Compare(Field.TAG, Operator.EQ, tag) for tag in tags))
)
any_ids = st.lists(st.sampled_from(["user/1", "used/2", "日記/3", "x"]), max_size=3).map(
    lambda ids: Or(tuple(Compare(Field.ID, Operator.EQ, item_id) for item_id in ids))
)
trees: st.SearchStrategy[Filter] = st.recursive(
    leaves,
    lambda below: st.one_of(
        st.lists(below, max_size=3).map(lambda children: And(tuple(children))),
        st.lists(below, max_size=3).map(lambda children: Or(tuple(children))),
        below.map(Not),
    ),
    max_leaves=6,
)
# Conjunctions are what the planner takes apart.
filters = trees | st.lists(leaves | any_tags | any_ids | trees, max_size=4).map(
    lambda children: And(tuple(children))
)

ORDERS: dict[str, Callable[[Item], Any]] = {
    "created_at": lambda item: item.created_at,
    "updated_at": lambda item: item.updated_at,
    "last_accessed_at": lambda item: item.last_accessed_at or START.replace(year=1970),
    "importance": lambda item: item.importance,
    "access_count": lambda item: item.access_count,
    "size_bytes": lambda item: item.size_bytes,
    "id": lambda item: item.id,
    "agent": lambda item: item.agent,
    "kind": lambda item: item.kind,
    "tier": lambda item: item.tier,
}
orders = st.sampled_from(sorted(ORDERS)).flatmap(lambda name: st.sampled_from([name, f"-{name}"]))

by_created = st.sampled_from(["created_at", "-created_at"])

quietly = settings(
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def expected_keys(node: Filter, order_by: str, world: World) -> list[int]:
    """Return what the definition says of a tree in its one form, in which "beside" is told."""
    value = ORDERS[order_by.removeprefix("-")]
    tree = normalise(node)
    found = [key for key, item in world.items.items() if holds(tree, item, world)]
    return sorted(
        found,
        key=lambda key: (value(world.items[key]), key),
        reverse=order_by.startswith("-"),
    )


async def pages(world: World, node: Filter, order_by: str, limit: int) -> list[str]:
    """Return the ids of all pages, one after the other."""
    ids: list[str] = []
    cursor = None
    while True:
        page = await world.store.query(node, order_by=order_by, limit=limit, after=cursor)
        ids += [item.id for item in page.items]
        assert len(page.items) <= limit
        cursor = page.cursor
        if cursor is None:
            return ids


async def scanned(world: World, node: Filter, order_by: str) -> list[int]:
    async with aclosing(world.store.scan(node, order_by=order_by, first=3, chunk=50)) as chunks:
        return [key async for chunk in chunks for key in chunk]


@settings(quietly, max_examples=400)
@given(node=filters, order_by=orders, limit=st.sampled_from([3, 40, 1_000]))
def test_queries_answer_what_the_filter_says(
    world: World, node: Filter, order_by: str, limit: int
) -> None:
    """Pages, scan, iteration, count and facets all are what the definition says, in order."""
    wanted = expected_keys(node, order_by, world)
    ids = [world.items[key].id for key in wanted]

    async def check() -> None:
        assert await pages(world, node, order_by, limit) == ids
        assert await scanned(world, node, order_by) == wanted
        assert [item.id async for item in world.store.iterate(node, order_by=order_by)] == ids
        assert await world.store.count(node) == len(ids)
        await check_facets(world, node, wanted)

    world.run(check())


async def check_facets(world: World, node: Filter, wanted: list[int]) -> None:
    facets = await world.store.facets(node)
    items = [world.items[key] for key in wanted]
    assert facets.total == len(items)
    assert facets.exact
    assert facets.tiers == tally(item.tier for item in items)
    assert facets.kinds == tally(item.kind for item in items)
    assert facets.agents == tally(item.agent for item in items)
    assert facets.tags == tally(tag for item in items for tag in item.tags)


def tally(values: Iterator[T]) -> dict[T, int]:
    counts: dict[T, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return counts


PATHS = [
    "items_created",
    "items_agent",
    "items_tier",
    "items_kind",
    "items_importance",
    "items_updated",
    "sqlite_autoindex_items_1",
    "items_session",
    "item_tags",
    "item_tags_narrow",
    "any_tags",
    "any_tags_merged",
    "tags_met",
    "items_text",
    "items_text_in_order",
    "index_entries",
    "index_entries_narrow",
    "any_entries",
    "any_entries_merged",
    "any_entries_merged_narrow",
]


@pytest.mark.parametrize("matches_max", [paths.MATCHES_MAX, 3], ids=["listed", "probed"])
@pytest.mark.parametrize("preferred", PATHS)
def test_every_plan_gives_the_same_answer(
    world: World, monkeypatch: pytest.MonkeyPatch, preferred: str, matches_max: int
) -> None:
    """Which index drives a query changes how long it takes, never what it finds."""
    cost = planner._cost

    def biased(path: Any, *args: Any) -> float:
        return -1.0 if path.name == preferred else cost(path, *args)

    monkeypatch.setattr(planner, "_cost", biased)
    for module in (planner, *users_of_matches_max()):
        monkeypatch.setattr(module, "MATCHES_MAX", matches_max)

    @settings(quietly, max_examples=40)
    @given(node=conjunctions, order_by=by_created | orders)
    def check(node: Filter, order_by: str) -> None:
        wanted = expected_keys(node, order_by, world)
        assert world.run(scanned(world, node, order_by)) == wanted
        ids = [world.items[key].id for key in wanted]
        assert world.run(pages(world, node, order_by, 9)) == ids
        assert world.run(world.store.count(node)) == len(wanted)

    check()


def users_of_matches_max() -> list[Any]:
    from engine.procedures import selection

    return [module for module in (selection, paths) if hasattr(module, "MATCHES_MAX")]


# Each path needs its condition at the top level, so all of them are there, each now and then.
conjunctions = st.tuples(
    st.none() | st.sampled_from(AGENTS).map(lambda a: Compare(Field.AGENT, Operator.EQ, a)),
    st.none() | st.sampled_from(KINDS).map(lambda k: Compare(Field.KIND, Operator.EQ, k)),
    st.none() | st.sampled_from(list(Tier)).map(lambda t: Compare(Field.TIER, Operator.EQ, t)),
    st.none() | st.sampled_from(TAGS).map(lambda t: Compare(Field.TAG, Operator.EQ, t)),
    st.none() | st.sampled_from(TAGS[:2]).map(lambda t: Compare(Field.TAG, Operator.EQ, t)),
    st.none() | any_tags,
    st.none() | any_tags,
    st.none() | any_ids,
    st.none() | st.sampled_from(SESSIONS).map(lambda s: Compare(Field.SESSION, Operator.EQ, s)),
    st.none() | ordered(Field.CREATED, moments | far) | aged(Field.CREATED, ages | far_age),
    st.none() | ordered(Field.IMPORTANCE, st.sampled_from([0.25, 0.5, 0.9])),
    st.none() | words | phrases | prefixes,
    st.none() | words,
    st.none() | values_at_indexed_paths(),
    st.none() | values_at_indexed_paths(),
    st.none() | trees,
).flatmap(
    lambda parts: st.permutations([part for part in parts if part is not None]).map(
        lambda kept: And(tuple(kept[:3]))
    )
)


def test_a_filter_alone_and_its_conjunction_are_the_same(world: World) -> None:
    """A leaf is answered alike whether it stands alone, in an And of one, or doubly negated."""

    @settings(quietly, max_examples=60)
    @given(node=leaves | any_tags | any_ids)
    def check(node: Filter) -> None:
        wanted = expected_keys(node, "created_at", world)
        for form in (node, And((node,)), Or((node,)), Not(Not(node)), And((node, node))):
            assert world.run(scanned(world, form, "created_at")) == wanted
            assert world.run(world.store.count(form)) == len(wanted)

    check()


def test_metadata_integers_beyond_64_bits_are_found_or_refused(world: World) -> None:
    """The largest integers that JSON keeps are found by their value, or the filter is refused."""

    async def check() -> None:
        async with open_store(world.path.with_name("big.db")) as store:
            for number in (2**63 - 1, 2**63, 2**64 - 1, -(2**63)):
                await store.put(f"n{number}", "x", metadata={"n": number})
                try:
                    found = await store.query(Metadata(("n",), Operator.EQ, number))
                except InvalidFilterError as error:
                    assert error.hint  # noqa: PT017 - either is an honest answer
                else:
                    assert f"n{number}" in [item.id for item in found.items]

    world.run(check())


def test_an_item_out_of_order_is_seen_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An item put with an older time takes its place in the very next query for its words."""
    cost = planner._cost

    def biased(path: Any, *args: Any) -> float:
        return -1.0 if path.name == "items_text_in_order" else cost(path, *args)

    monkeypatch.setattr(planner, "_cost", biased)

    async def check() -> None:
        async with open_store(world.path.with_name("order.db")) as store:
            await store.put_many({"id": f"i{n}", "content": "word"} for n in range(30))
            await store.query("word")
            await store.put("old", "word", created_at=START - timedelta(days=999))
            page = await store.query("word", limit=7)
            ids = [item.id for item in page.items]
            while page.cursor is not None:
                page = await store.query("word", limit=7, after=page.cursor)
                ids += [item.id for item in page.items]
            assert ids == [*(f"i{n}" for n in reversed(range(30))), "old"]

    world.run(check())
