"""Which index drives a query: a small cost model over exact counts.

SQLite's own planner goes wrong by 10-1000x where it has no statistics, or those of a smaller
store; the store keeps exact counts by agent, kind, tier and tag, so the choice is made here and
told to SQLite with INDEXED BY and CROSS JOIN. Everything else is left to SQLite.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from engine.errors import InvalidFilterError
from engine.query.conditions import FALSE, Condition, NameKeys, compile_filter
from engine.query.filter import And, Compare, Field, Filter, Text
from engine.query.shape import Shape, conjuncts, is_equal, shape_of

ORDERS: Final = {
    "created_at": "i.created_at",
    "updated_at": "i.updated_at",
    "importance": "i.importance",
    "size_bytes": "i.size_bytes",
    "id": "i.id",
    "tier": "i.tier",
    "agent": "(SELECT name FROM agents n WHERE n.agent_key = i.agent_key)",
    "kind": "(SELECT name FROM kinds n WHERE n.kind_key = i.kind_key)",
    "last_accessed_at": "coalesce((SELECT a.last_accessed_at FROM access a "
    "WHERE a.item_key = i.item_key), 0)",
    "access_count": "coalesce((SELECT a.access_count FROM access a "
    "WHERE a.item_key = i.item_key), 0)",
}

MATCHES_MAX: Final = 20_000
"""Text matches are counted up to here; beyond, a word is tested row by row instead of listed."""


@dataclass(frozen=True, slots=True)
class Order:
    """By what a query is sorted; ties go by row key in the same direction."""

    name: str
    descending: bool

    @property
    def direction(self) -> str:
        """SQL's word for it."""
        return "DESC" if self.descending else "ASC"


def parse_order(text: str) -> Order:
    """Return the order named by `created_at`, or `-created_at` for newest first.

    Raises:
        InvalidFilterError: there is no such order.
    """
    name = text.removeprefix("-")
    if name not in ORDERS:
        raise InvalidFilterError(
            f"cannot order by {name!r}", hint=f"use one of {', '.join(ORDERS)}, '-' for descending"
        )
    return Order(name, text.startswith("-"))


@dataclass(frozen=True, slots=True)
class Statistics:
    """Numbers of items: by (agent, kind, tier), by tag for the tags of a query, by its words."""

    counts: Counter[tuple[int, int, int]]
    created_min: int = 0
    created_max: int = 0
    tags: dict[int, int] = field(default_factory=dict)
    text_matches: int = 0

    @property
    def items(self) -> int:
        """How many items the store holds."""
        return self.counts.total()

    def of(self, agent: int | None, kind: int | None, tier: int | None) -> int:
        """Return how many items have these, None being any."""
        return sum(
            n
            for (a, k, t), n in self.counts.items()
            if agent in (None, a) and kind in (None, k) and tier in (None, t)
        )


@dataclass(frozen=True, slots=True)
class Path:
    """One way to come by candidates: where from, how many, and whether already in order."""

    name: str
    entries: float
    source: str
    ordered: bool = False
    covered: bool = False
    extra: Condition | None = None
    drop_text: bool = False
    """The source itself makes the words true."""


COVERED_COST: Final = 0.15
ROW_COST: Final = 1.0
PROBE_COST: Final = 20.0
WORST_CASE_WEIGHT: Final = 0.05
"""How much a path's full length counts beside the expected part of it: estimates may be off."""


@dataclass(frozen=True, slots=True)
class Plan:
    """SQL without its SELECT list and LIMIT: what to read from, and in which order."""

    path: str
    source: str
    where: Condition
    value: str
    key: str
    order: Order

    def select(
        self, columns: str, *, limit: int | None, after: tuple[Any, int] | None = None
    ) -> tuple[str, tuple[Any, ...]]:
        """Return SQL and values for `columns` of the matching rows in order."""
        where, values = self.where.sql, self.where.values
        if after is not None:
            comparison = "<" if self.order.descending else ">"
            where = f"({where}) AND ({self.value}, {self.key}) {comparison} (?, ?)"
            values = (*values, *after)
        direction = self.order.direction
        sql = (
            f"SELECT {columns} FROM {self.source} WHERE {where} "
            f"ORDER BY {self.value} {direction}, {self.key} {direction}"
        )
        if limit is None:
            return sql, values
        return f"{sql} LIMIT ?", (*values, limit)


def plan(
    node: Filter,
    keys: NameKeys,
    now: int,
    *,
    order: Order,
    limit: int | None,
    statistics: Statistics,
) -> Plan:
    """Return the cheapest plan; `limit` is how many rows are wanted, None for all."""
    shape = shape_of(node, keys, now)
    if shape.impossible:
        return Plan("nothing", "items i", FALSE, ORDERS[order.name], "i.item_key", order)
    expected = _expected(shape, statistics)
    paths = list(_paths(shape, order, statistics))
    best = min(paths, key=lambda path: _cost(path, shape, expected, limit, statistics))
    residual = _residual(best, node, keys, shape, statistics)
    return _build(best, residual, keys, now, order)


def _expected(shape: Shape, statistics: Statistics) -> float:
    """Return how many items should match, the parts taken as independent."""
    total = max(statistics.items, 1)
    expected = float(statistics.of(shape.agent, shape.kind, shape.tier))
    for tag in shape.tags:
        expected *= statistics.tags.get(tag, 0) / total
    if shape.any_tags:
        expected *= min(1.0, sum(statistics.tags.get(t, 0) for t in shape.any_tags) / total)
    if shape.match is not None:
        scope = statistics.of(shape.agent, None, None) or 1
        expected *= min(1.0, statistics.text_matches / scope)
    if shape.importance_from is not None:
        expected *= max(0.001, 1.0 - shape.importance_from)
    expected *= _created_share(shape, statistics) * 0.3**shape.other
    if shape.session is not None:
        expected = min(expected, 100.0)
    return max(expected, 0.5)


def _created_share(shape: Shape, statistics: Statistics) -> float:
    span = max(statistics.created_max - statistics.created_min, 1)
    begin = statistics.created_min if shape.created_from is None else shape.created_from
    end = statistics.created_max if shape.created_to is None else shape.created_to
    share = (min(end, statistics.created_max) - max(begin, statistics.created_min)) / span
    return min(1.0, max(share, 0.001))


def _paths(shape: Shape, order: Order, stats: Statistics) -> Iterator[Path]:
    by_created = order.name == "created_at"
    share = _created_share(shape, stats)
    covered = shape.match is None and not (
        shape.tags or shape.any_tags or shape.other or shape.session or shape.ids
    )

    def walk(index: str, entries: float, *, ordered: bool, covers: bool = True) -> Path:
        source = f"items i INDEXED BY {index}"
        return Path(index, entries, source, ordered=ordered, covered=covered and covers)

    yield walk("items_created", stats.items * share, ordered=by_created)
    if shape.agent is not None:
        entries = stats.of(shape.agent, None, None) * share
        yield walk("items_agent", entries, ordered=by_created)
    if shape.tier is not None:
        entries = stats.of(None, None, shape.tier) * share
        yield walk("items_tier", entries, ordered=by_created)
    if shape.kind is not None:
        entries = stats.of(None, shape.kind, None) * share
        yield walk("items_kind", entries, ordered=by_created)
    if shape.importance_from is not None or order.name == "importance":
        entries = stats.items * (1.0 - (shape.importance_from or 0.0))
        yield walk("items_importance", entries, ordered=order.name == "importance")
    if order.name == "updated_at":
        yield walk("items_updated", stats.items, ordered=True, covers=False)
    if order.name == "id" or shape.ids:
        entries = 1 if shape.ids else stats.items
        yield walk("sqlite_autoindex_items_1", entries, ordered=order.name == "id", covers=False)
    if shape.session is not None:
        extra = Condition("i.session_key = ?", (shape.session,))
        yield replace(walk("items_session", 100, ordered=by_created), extra=extra)
    yield from _tag_paths(shape, stats, by_created=by_created, share=share)
    if shape.match is not None and stats.text_matches <= MATCHES_MAX:
        yield Path(
            "items_text",
            stats.text_matches,
            "items_text f CROSS JOIN items i ON i.item_key = f.rowid",
            extra=Condition("f.items_text MATCH ?", (shape.match,)),
            drop_text=True,
        )


def _tag_paths(
    shape: Shape, stats: Statistics, *, by_created: bool, share: float
) -> Iterator[Path]:
    source = "item_tags d CROSS JOIN items i ON i.item_key = d.item_key"
    for tag in shape.tags:
        yield Path(
            "item_tags",
            stats.tags.get(tag, 0) * share,
            source,
            ordered=by_created,
            extra=_tag_range("d.tag_key = ?", tag, shape),
        )
    if shape.any_tags:
        keys = "[" + ",".join(map(str, shape.any_tags)) + "]"
        yield Path(
            "any_tags",
            sum(stats.tags.get(tag, 0) for tag in shape.any_tags),
            "items i NOT INDEXED",
            extra=Condition(_ANY_TAG, (keys,)),
        )


_ANY_TAG: Final = (
    "i.item_key IN (SELECT g.item_key FROM item_tags g "
    "WHERE g.tag_key IN (SELECT value FROM json_each(?)))"
)


def _tag_range(condition: str, tag: int, shape: Shape) -> Condition:
    """Return the condition on a tag's own list, which is in order of creation too."""
    sql, values = condition, [tag]
    if shape.created_from is not None:
        sql, values = f"{sql} AND d.created_at >= ?", [*values, shape.created_from]
    if shape.created_to is not None:
        sql, values = f"{sql} AND d.created_at <= ?", [*values, shape.created_to]
    return Condition(sql, tuple(values))


def _cost(
    path: Path, shape: Shape, expected: float, limit: int | None, statistics: Statistics
) -> float:
    unit = COVERED_COST if path.covered else ROW_COST
    if shape.match is not None and not path.drop_text and statistics.text_matches > MATCHES_MAX:
        unit = PROBE_COST
    entries = path.entries
    if path.ordered and limit is not None:
        entries *= min(1.0, limit / min(expected, max(path.entries, 0.5)))
    sorting = 0.0 if path.ordered else min(expected, path.entries) * 0.3
    return entries * unit + sorting + path.entries * unit * WORST_CASE_WEIGHT


def _build(path: Path, rest: _Residual, keys: NameKeys, now: int, order: Order) -> Plan:
    where = compile_filter(rest.node, keys, now)
    for extra in (rest.text, path.extra):
        if extra is not None:
            where = Condition(f"{extra.sql} AND ({where.sql})", (*extra.values, *where.values))
    tag_walk = path.name == "item_tags" and order.name == "created_at"
    value = "d.created_at" if tag_walk else ORDERS[order.name]
    key = "d.item_key" if tag_walk else "i.item_key"
    return Plan(path.name, path.source, where, value, key, order)


@dataclass(frozen=True, slots=True)
class _Residual:
    node: Filter
    text: Condition | None


_PROBE: Final = (
    "EXISTS (SELECT 1 FROM items_text f WHERE f.items_text MATCH ? AND f.rowid = i.item_key)"
)
_LIST: Final = "i.item_key IN (SELECT f.rowid FROM items_text f WHERE f.items_text MATCH ?)"


def _residual(
    path: Path, node: Filter, keys: NameKeys, shape: Shape, statistics: Statistics
) -> _Residual:
    """Return what is left to test on each candidate, words apart."""
    parts = list(conjuncts(node))
    text: Condition | None = None
    if shape.match is not None:
        parts = [part for part in parts if not isinstance(part, Text)]
        if not path.drop_text:
            many = statistics.text_matches > MATCHES_MAX
            text = Condition(_PROBE if many else _LIST, (shape.match,))
    if path.name == "item_tags" and path.extra is not None:
        tag = path.extra.values[0]
        parts = [
            part
            for part in parts
            if not (
                isinstance(part, Compare)
                and is_equal(part, Field.TAG)
                and keys.get((Field.TAG, part.value)) == tag
            )
        ]
    return _Residual(And(tuple(parts)), text)
