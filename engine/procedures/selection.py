"""Queries: a filter becomes a plan, a plan becomes pages, counts and facets."""

from __future__ import annotations

import base64
import time
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any, Final

import orjson

from engine.errors import InvalidCursorError
from engine.models import Facets, Page, Tier
from engine.procedures.base import Procedure, Statement
from engine.procedures.indexes import require_current, usable_indexes
from engine.procedures.items import Accesses, load_items
from engine.procedures.names import (
    Names,
    find_keys,
    json_values,
    load_names,
)
from engine.query.conditions import NameKeys, compile_filter, named_values, walk
from engine.query.filter import And, Compare, Field, Filter, Not, Operator, Or
from engine.query.indexed import Probe, join_tests
from engine.query.paths import MATCHES_MAX, STRAYS_MAX
from engine.query.plan import Order, Plan
from engine.query.planner import plan
from engine.query.shape import Shape, shape_of
from engine.query.sql import bindable
from engine.query.statistics import Statistics, sum_up

STATISTICS_SECONDS: Final = 1.0
"""Counts by agent, kind and tier are read again after this long; plans need no more."""

FACET_ITEMS_MAX: Final = 50_000
"""Facets of a filter that counters cannot answer are taken over at most this many items."""


class StatisticsCache:
    """The store's counts, as of a moment ago."""

    def __init__(self) -> None:
        self.value: Statistics | None = None
        self._until = 0.0

    def fresh(self) -> Statistics | None:
        """Return the counts if they are young enough."""
        return self.value if time.monotonic() < self._until else None

    def set(self, value: Statistics) -> None:
        """Keep counts that were just read."""
        self.value = value
        self._until = time.monotonic() + STATISTICS_SECONDS


@dataclass(frozen=True, slots=True)
class Reading:
    """What every reading procedure of one store shares."""

    names: Names
    statistics: StatisticsCache
    accesses: Accesses
    index_uses: deque[int] = field(default_factory=deque)
    """The custom indexes that drove a query, one entry each time, until they are counted."""


def resolve_names(names: Names, node: Filter) -> Procedure[NameKeys]:
    """Return the keys of all names that a filter mentions and the store knows.

    Raises:
        IndexNotFoundError: it names a custom index that does not exist.
        StaleIndexError: one that does not have all items as they are in this snapshot.
    """
    yield from require_current(node)
    wanted = named_values(node)
    keys: dict[tuple[Field, str], int] = {}
    for named, dictionary in (
        (Field.AGENT, names.agents),
        (Field.KIND, names.kinds),
        (Field.TAG, names.tags),
        (Field.SESSION, names.sessions),
    ):
        texts = {text for wanted_field, text in wanted if wanted_field is named}
        if texts:
            found = yield from find_keys(dictionary, texts)
            keys.update({(named, text): key for text, key in found.items()})
    return keys


def load_statistics(cache: StatisticsCache) -> Procedure[Statistics]:
    """Return the counts by agent, kind and tier, and what is known of creation times."""
    fresh = cache.fresh()
    if fresh is not None:
        return fresh
    rows = yield Statement("SELECT agent_key, kind_key, tier, items FROM counts WHERE items > 0")
    ((first,),) = yield Statement("SELECT coalesce(min(created_at), 0) FROM items")
    ((last,),) = yield Statement("SELECT coalesce(max(created_at), 0) FROM items")
    statistics = Statistics(sum_up(rows), first, last)
    cache.set(statistics)
    return statistics


def make_plan(
    reading: Reading,
    node: Filter,
    now: int,
    *,
    order: Order,
    limit: int | None,
    wide: bool = False,
) -> Procedure[Plan]:
    """Return the plan for a filter, with as many looks at the store as it takes to choose."""
    keys = yield from resolve_names(reading.names, node)
    base = yield from load_statistics(reading.statistics)
    indexes = yield from usable_indexes(node)
    shape = shape_of(node, keys, now, indexes)
    # Of this very snapshot: the answer depends on it, where all else is only a guess at the cost.
    strays = (yield from _stray_items()) if shape.match is not None else 0
    statistics = replace(
        base,
        strays=strays,
        tags=(yield from _tag_counts((*shape.tags, *shape.any_tags))),
        text_matches=(yield from _text_matches(shape)),
        entries=(yield from _entry_counts(shape)),
    )
    chosen = plan(
        node,
        keys,
        now,
        order=order,
        limit=limit,
        statistics=statistics,
        wide=wide,
        indexes=indexes,
    )
    if chosen.index is not None:
        reading.index_uses.append(chosen.index)
    return chosen


def _stray_items() -> Procedure[int]:
    """Count the items that are out of order, up to `STRAYS_MAX` and one."""
    ((count,),) = yield Statement(
        "SELECT count(*) FROM (SELECT 1 FROM strays LIMIT ?)", (STRAYS_MAX + 1,)
    )
    return int(count)


def _tag_counts(tags: tuple[int, ...]) -> Procedure[dict[int, int]]:
    if not tags:
        return {}
    rows = yield Statement(
        "SELECT tag_key, items FROM tags WHERE tag_key IN (SELECT value FROM json_each(?))",
        (json_values(tags),),
    )
    return dict(rows)


def _text_matches(shape: Shape) -> Procedure[int]:
    """Count the matches of a filter's words, up to `MATCHES_MAX` and one."""
    if shape.match is None or shape.impossible:
        return 0
    ((count,),) = yield Statement(
        "SELECT count(*) FROM (SELECT 1 FROM items_text WHERE items_text MATCH ? LIMIT ?)",
        (shape.match, MATCHES_MAX + 1),
    )
    return int(count)


def _entry_counts(shape: Shape) -> Procedure[dict[Probe, int]]:
    """Count the entries of custom indexes that a filter asks for, up to `MATCHES_MAX` and one."""
    counts: dict[Probe, int] = {}
    for use in shape.uses:
        probe = use.probe
        where = join_tests("index_key = ?", probe.index_key, probe.tests)
        ((count,),) = yield Statement(
            f"SELECT count(*) FROM (SELECT 1 FROM index_entries WHERE {where.sql} LIMIT ?)",
            (*where.values, MATCHES_MAX + 1),
        )
        counts[probe] = int(count)
    return counts


def query_page(
    reading: Reading, node: Filter, now: int, *, order: Order, limit: int, after: str | None
) -> Procedure[Page]:
    """Return the items of one page; reading on after `after` skips and repeats nothing."""
    fingerprint = _fingerprint(node, order)
    start = None if after is None else _open_cursor(after, fingerprint)
    if start is not None:
        now = start[2]
    chosen = yield from make_plan(reading, node, now, order=order, limit=limit)
    rows = yield Statement(*chosen.page(limit + 1, start and start[:2]))
    items = yield from load_items(reading.names, reading.accesses, [key for _, key in rows[:limit]])
    cursor = None
    if len(rows) > limit:
        cursor = _make_cursor(rows[limit - 1], now, fingerprint)
    return Page(items=tuple(items), cursor=cursor)


def _fingerprint(node: Filter, order: Order) -> str:
    return blake2b(f"{node!r} {order!r}".encode(errors="replace"), digest_size=6).hexdigest()


def _make_cursor(row: tuple[Any, ...], now: int, fingerprint: str) -> str:
    value, key = row
    return base64.urlsafe_b64encode(orjson.dumps([value, key, now, fingerprint])).decode()


def _open_cursor(cursor: str, fingerprint: str) -> tuple[Any, int, int]:
    """Return (value, row key, now) of a page's end.

    Raises:
        InvalidCursorError: it is no cursor, or another query's.
    """
    try:
        value, key, now, expected = orjson.loads(base64.urlsafe_b64decode(cursor))
    except (ValueError, TypeError) as error:
        raise InvalidCursorError(
            "the page cursor is malformed", hint="use page.cursor as it came"
        ) from error
    valid = (
        isinstance(key, int)
        and isinstance(now, int)
        and isinstance(value, (int, float, str))
        and bindable(key) == key
        and (isinstance(value, (float, str)) or bindable(value) == value)
    )
    if expected != fingerprint or not valid:
        raise InvalidCursorError(
            "the page cursor belongs to another query",
            hint="repeat the query and order that the cursor came from",
        )
    return value, key, now


@dataclass(frozen=True, slots=True)
class Listing:
    """The keys of a query's first rows, and the statement for those of the rest, if any."""

    first: list[tuple[int]]
    rest: Statement | None


def list_keys(
    reading: Reading, node: Filter, now: int, *, order: Order, first: int
) -> Procedure[Listing]:
    """Return the row keys of the first matches, and how to get those of all others.

    The first come from a plan that stops early: the plan for all may have to sort them.
    """
    chosen = yield from make_plan(reading, node, now, order=order, limit=first)
    rows = yield Statement(*chosen.page(first))
    keys = [(key,) for _, key in rows]
    if len(rows) < first:
        return Listing(keys, None)
    chosen = yield from make_plan(reading, node, now, order=order, limit=None)
    value, key = rows[-1]
    return Listing(keys, Statement(*chosen.listing((value, key))))


def all_keys(reading: Reading, node: Filter, now: int) -> Procedure[list[int]]:
    """Return the row keys of all matches, oldest first."""
    order = Order("created_at", descending=False)
    chosen = yield from make_plan(reading, node, now, order=order, limit=None)
    rows = yield Statement(*chosen.listing())
    return [key for (key,) in rows]


COUNTED: Final = frozenset({Field.AGENT, Field.KIND, Field.TIER})


def _is_counted(node: Filter) -> bool:
    """Return whether the counters alone can answer a filter."""
    return all(
        isinstance(part, (And, Or, Not)) or (isinstance(part, Compare) and part.field in COUNTED)
        for part in walk(node)
    )


def count_items(reading: Reading, node: Filter, now: int) -> Procedure[int]:
    """Return how many items match, exactly."""
    keys = yield from resolve_names(reading.names, node)
    if _is_counted(node):
        where = compile_filter(node, keys, now)
        ((count,),) = yield Statement(
            f"SELECT coalesce(sum(items), 0) FROM counts i WHERE {where.sql}",
            where.values,
        )
        return int(count)
    match node:
        case Compare(Field.TAG, Operator.EQ, name) | And((Compare(Field.TAG, Operator.EQ, name),)):
            rows = yield Statement("SELECT items FROM tags WHERE name = ?", (name,))
            return int(rows[0][0]) if rows else 0
    chosen = yield from make_plan(reading, node, now, order=Order("created_at", True), limit=None)
    ((count,),) = yield Statement(*chosen.count())
    return int(count)


def count_facets(reading: Reading, node: Filter, now: int, *, tags_max: int) -> Procedure[Facets]:
    """Return counts by tier, kind, agent and tag of the items that match."""
    keys = yield from resolve_names(reading.names, node)
    if _is_counted(node):
        where = compile_filter(node, keys, now)
        rows = yield Statement(
            "SELECT agent_key, kind_key, tier, sum(items) FROM counts i "
            f"WHERE items > 0 AND ({where.sql}) GROUP BY 1, 2, 3",
            where.values,
        )
    else:
        rows = yield from _scan_counts(reading, node, now)
    exact = sum(row[3] for row in rows) < FACET_ITEMS_MAX or _is_counted(node)
    tags = yield from _tag_facets(reading, node, now, tags_max=tags_max)
    return (yield from _facets(reading.names, rows, tags, exact=exact))


def _newest(reading: Reading, node: Filter, now: int, columns: str) -> Procedure[Statement]:
    """Return the statement for `columns` of the newest matches, as many as facets look at."""
    order = Order("created_at", descending=True)
    chosen = yield from make_plan(reading, node, now, order=order, limit=FACET_ITEMS_MAX, wide=True)
    return Statement(*chosen.select(columns, FACET_ITEMS_MAX))


def _scan_counts(reading: Reading, node: Filter, now: int) -> Procedure[list[Any]]:
    inner = yield from _newest(reading, node, now, "i.agent_key, i.kind_key, i.tier")
    return (
        yield Statement(
            f"SELECT agent_key, kind_key, tier, count(*) FROM ({inner.sql}) GROUP BY 1, 2, 3",
            inner.values,
        )
    )


def _tag_facets(
    reading: Reading, node: Filter, now: int, *, tags_max: int
) -> Procedure[dict[str, int]]:
    if node == And(()):
        rows = yield Statement(
            "SELECT name, items FROM tags WHERE items > 0 ORDER BY items DESC, name LIMIT ?",
            (tags_max,),
        )
        return dict(rows)
    inner = yield from _newest(reading, node, now, "i.item_key AS item_key")
    rows = yield Statement(
        f"SELECT t.tag_key, count(*) FROM ({inner.sql}) m "
        "CROSS JOIN item_tags t ON t.item_key = m.item_key GROUP BY 1 ORDER BY 2 DESC LIMIT ?",
        (*inner.values, tags_max),
    )
    yield from load_names(reading.names.tags, [key for key, _ in rows])
    return {reading.names.tags.names[key]: count for key, count in rows}


def _facets(
    names: Names, rows: Iterable[Any], tags: dict[str, int], *, exact: bool
) -> Procedure[Facets]:
    agents: Counter[int] = Counter()
    kinds: Counter[int] = Counter()
    tiers: Counter[int] = Counter()
    for agent, kind, tier, count in rows:
        agents[agent] += count
        kinds[kind] += count
        tiers[tier] += count
    yield from load_names(names.agents, agents)
    yield from load_names(names.kinds, kinds)
    return Facets(
        total=tiers.total(),
        tiers={tier: tiers[tier] for tier in Tier if tiers[tier]},
        kinds={names.kinds.names[key]: n for key, n in kinds.most_common()},
        tags=tags,
        agents={names.agents.names[key]: n for key, n in agents.most_common()},
        exact=exact,
    )
