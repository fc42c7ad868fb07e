"""Which index drives a query: a small cost model over exact counts.

SQLite's own planner goes wrong by 10-1000x where it has no statistics, or those of a smaller
store; the store keeps exact counts by agent, kind, tier and tag, so the choice is made here and
told to SQLite with INDEXED BY and CROSS JOIN. Everything else is left to SQLite.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from engine.errors import InvalidFilterError
from engine.query.conditions import FALSE, Condition, NameKeys, compile_filter
from engine.query.filter import And, Compare, Field, Filter, Text
from engine.query.shape import Shape, answered_by_tags, conjuncts, is_equal, shape_of
from engine.query.statistics import Statistics

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
class Branch:
    """A source of candidates, what it is told to give, and by what its rows come sorted."""

    source: str
    extra: Condition | None = None
    value: str | None = None
    key: str = "i.item_key"
    sort: str | None = None
    tags: frozenset[int] = frozenset()
    """The source itself makes these tags true, ..."""
    text: bool = False
    """... or the words."""


@dataclass(frozen=True, slots=True)
class Path:
    """One way to come by candidates: how many there are, and whether they come in order.

    With several branches, each gives its first rows and the first of all are taken; or, if they
    are to `meet`, those that all of them give.
    """

    name: str
    entries: float
    branches: tuple[Branch, ...]
    ordered: bool = False
    covered: bool = False
    meet: bool = False


COVERED_COST: Final = 0.15
ROW_COST: Final = 1.0
PROBE_COST: Final = 20.0
WORST_CASE_WEIGHT: Final = 0.05
"""How much a path's full length counts beside the expected part of it: estimates may be off."""
STRAYS_MAX: Final = 500
"""Items out of order that are looked at one by one; with more, the text index has no order."""


Values: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """A branch with everything it has to be tested for."""

    source: str
    where: Condition
    value: str
    key: str
    sort: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Where a query's rows come from; makes the SQL for pages, listings and counts."""

    path: str
    sources: tuple[Source, ...]
    order: Order
    meet: bool = False

    def page(self, limit: int, after: tuple[Any, int] | None = None) -> tuple[str, Values]:
        """Return SQL for the first `limit` rows after a row, as (value it is sorted by, key)."""
        texts: list[str] = []
        values: list[Any] = []
        for source in self.sources:
            columns = f"{source.value} AS v, {source.key} AS k"
            if self.meet:
                text, bound = self._matching(source, columns, after)
            else:
                text, bound = self._select(source, columns, after)
                text, bound = f"{text} LIMIT ?", (*bound, limit)
            texts.append(text)
            values += bound
        if len(texts) == 1:
            return texts[0], tuple(values)
        sorting = f"ORDER BY v {self.order.direction}, k {self.order.direction} LIMIT ?"
        if self.meet:
            # Sorted lists that meet: SQLite walks them side by side and stops when it has enough.
            return f"{' INTERSECT '.join(texts)} {sorting}", (*values, limit)
        union = " UNION ".join(f"SELECT v, k FROM ({text})" for text in texts)
        return f"SELECT v, k FROM ({union}) {sorting}", (*values, limit)

    def listing(self, after: tuple[Any, int] | None = None) -> tuple[str, Values]:
        """Return SQL for the keys of all rows after a row."""
        return self._select(self.sources[0], self.sources[0].key, after)

    def select(self, columns: str, limit: int) -> tuple[str, Values]:
        """Return SQL for some columns of `items i` of the first `limit` rows."""
        sql, values = self._select(self.sources[0], columns, None)
        return f"{sql} LIMIT ?", (*values, limit)

    def count(self) -> tuple[str, Values]:
        """Return SQL for the number of rows."""
        (source,) = self.sources
        return f"SELECT count(*) FROM {source.source} WHERE {source.where.sql}", source.where.values

    def _select(
        self, source: Source, columns: str, after: tuple[Any, int] | None
    ) -> tuple[str, Values]:
        sql, values = self._matching(source, columns, after)
        direction = self.order.direction
        sorting = ", ".join(f"{part} {direction}" for part in source.sort.split("; "))
        return f"{sql} ORDER BY {sorting}", values

    def _matching(
        self, source: Source, columns: str, after: tuple[Any, int] | None
    ) -> tuple[str, Values]:
        where, values = source.where.sql, source.where.values
        if after is not None:
            comparison = "<" if self.order.descending else ">"
            where = f"({where}) AND ({source.value}, {source.key}) {comparison} (?, ?)"
            values = (*values, *after)
        return f"SELECT {columns} FROM {source.source} WHERE {where}", values


def plan(
    node: Filter,
    keys: NameKeys,
    now: int,
    *,
    order: Order,
    limit: int | None,
    statistics: Statistics,
    wide: bool = False,
) -> Plan:
    """Return the cheapest plan; `limit` is how many rows are wanted, None for all.

    A plan that is `wide` can give any column of an item, not only its key.
    """
    shape = shape_of(node, keys, now)
    if shape.impossible:
        value = ORDERS[order.name]
        nothing = Source("items i", FALSE, value, "i.item_key", f"{value}; i.item_key")
        return Plan("nothing", (nothing,), order)
    expected = _expected(shape, statistics)
    paths = _paths(shape, order, statistics, narrow=not wide and answered_by_tags(node))
    if limit is None or wide:
        paths = (path for path in paths if len(path.branches) == 1)
    best = min(paths, key=lambda path: _cost(path, shape, expected, limit, statistics))
    sources = tuple(_source(b, node, keys, now, order, shape, statistics) for b in best.branches)
    return Plan(best.name, sources, order, best.meet)


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
    expected *= statistics.created_share(shape.created_from, shape.created_to) * 0.3**shape.other
    if shape.session is not None:
        expected = min(expected, 100.0)
    return max(expected, 0.5)


def _paths(shape: Shape, order: Order, stats: Statistics, *, narrow: bool) -> Iterator[Path]:
    by_created = order.name == "created_at"
    share = stats.created_share(shape.created_from, shape.created_to)
    covered = shape.match is None and not (
        shape.tags or shape.any_tags or shape.other or shape.session or shape.ids
    )

    def walk(index: str, entries: float, *, ordered: bool, covers: bool = True) -> Path:
        branch = Branch(f"items i INDEXED BY {index}")
        return Path(index, entries, (branch,), ordered=ordered, covered=covered and covers)

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
        # Not INDEXED BY: SQLite refuses to be told a partial index where the rest is never true.
        branch = Branch("items i", Condition("i.session_key = ?", (shape.session,)))
        yield Path("items_session", 100, (branch,), ordered=by_created)
    yield from _tag_paths(shape, stats, by_created=by_created, narrow=narrow)
    yield from _text_paths(shape, stats, by_created=by_created)


def _tag_paths(
    shape: Shape, stats: Statistics, *, by_created: bool, narrow: bool
) -> Iterator[Path]:
    share = stats.created_share(shape.created_from, shape.created_to)
    if shape.agent is not None:
        share *= stats.of(shape.agent, None, None) / max(stats.items, 1)
    narrow = narrow and by_created
    branches = {
        tag: _tag_branch(tag, shape, by_created=by_created, narrow=narrow)
        for tag in (*shape.tags, *shape.any_tags)
    }
    for tag in shape.tags:
        entries = stats.tags.get(tag, 0) * share
        name = "item_tags_narrow" if narrow else "item_tags"
        alone = narrow and len(shape.tags) == 1
        yield Path(name, entries, (branches[tag],), ordered=by_created, covered=alone)
    if narrow and len(shape.tags) > 1:
        given = frozenset(shape.tags)
        meeting = tuple(replace(branches[tag], tags=given) for tag in shape.tags)
        entries = sum(stats.tags.get(tag, 0) for tag in shape.tags) * share
        yield Path("tags_met", entries, meeting, ordered=True, covered=True, meet=True)
    if shape.any_tags:
        entries = sum(stats.tags.get(tag, 0) for tag in shape.any_tags) * share
        if by_created:
            merged = tuple(branches[tag] for tag in shape.any_tags)
            yield Path("any_tags_merged", entries, merged, ordered=True, covered=narrow)
        keys = "[" + ",".join(map(str, shape.any_tags)) + "]"
        listed = Branch("items i NOT INDEXED", Condition(_ANY_TAG, (keys,)))
        yield Path("any_tags", entries, (listed,))


_ANY_TAG: Final = (
    "i.item_key IN (SELECT g.item_key FROM item_tags g "
    "WHERE g.tag_key IN (SELECT value FROM json_each(?)))"
)


def _tag_branch(tag: int, shape: Shape, *, by_created: bool, narrow: bool) -> Branch:
    """Return the source that is a tag's own list, or its list in an agent, in order of creation."""
    alias = "i" if narrow else "d"
    table = f"item_tags {alias}"
    tests = [(f"{alias}.tag_key = ?", tag)]
    if shape.agent is not None:
        table += " INDEXED BY item_tags_agent"
        tests.append((f"{alias}.agent_key = ?", shape.agent))
    if shape.created_from is not None:
        tests.append((f"{alias}.created_at >= ?", shape.created_from))
    if shape.created_to is not None:
        tests.append((f"{alias}.created_at <= ?", shape.created_to))
    extra = Condition(" AND ".join(sql for sql, _ in tests), tuple(value for _, value in tests))
    if narrow:
        return Branch(table, extra, tags=frozenset({tag}))
    source = f"{table} CROSS JOIN items i ON i.item_key = d.item_key"
    if not by_created:
        return Branch(source, extra, tags=frozenset({tag}))
    return Branch(source, extra, value="d.created_at", key="d.item_key", tags=frozenset({tag}))


_STRAYS: Final = Branch("strays s CROSS JOIN items i ON i.item_key = s.item_key")


def _text_paths(shape: Shape, stats: Statistics, *, by_created: bool) -> Iterator[Path]:
    if shape.match is None:
        return
    matches = Condition("f.items_text MATCH ?", (shape.match,))
    source = "items_text f CROSS JOIN items i ON i.item_key = f.rowid"
    # Beyond the limit the number was not counted; a tenth of everything is a word's usual most.
    many = stats.text_matches > MATCHES_MAX
    entries = max(stats.text_matches, stats.items / 10) if many else stats.text_matches
    yield Path("items_text", entries, (Branch(source, matches, text=True),))
    if by_created and stats.strays <= STRAYS_MAX:
        in_order = Condition(
            "f.items_text MATCH ? AND f.rowid NOT IN (SELECT item_key FROM strays)",
            (shape.match,),
        )
        newest = Branch(source, in_order if stats.strays else matches, sort="f.rowid", text=True)
        branches = (newest, _STRAYS) if stats.strays else (newest,)
        yield Path("items_text_in_order", entries, branches, ordered=True)


def _cost(
    path: Path, shape: Shape, expected: float, limit: int | None, statistics: Statistics
) -> float:
    unit = COVERED_COST if path.covered else ROW_COST
    if shape.match is not None and not path.branches[0].text:
        unit = PROBE_COST if statistics.text_matches > MATCHES_MAX else ROW_COST
    entries = path.entries
    if path.ordered and limit is not None:
        entries *= min(1.0, limit / min(expected, max(path.entries, 0.5)))
    sorting = 0.0 if path.ordered else min(expected, path.entries) * 0.3
    return entries * unit + sorting + path.entries * unit * WORST_CASE_WEIGHT


_PROBE: Final = (
    "EXISTS (SELECT 1 FROM items_text f WHERE f.items_text MATCH ? AND f.rowid = i.item_key)"
)
_LIST: Final = "i.item_key IN (SELECT f.rowid FROM items_text f WHERE f.items_text MATCH ?)"


def _source(
    branch: Branch,
    node: Filter,
    keys: NameKeys,
    now: int,
    order: Order,
    shape: Shape,
    statistics: Statistics,
) -> Source:
    """Return a branch with what is left to test on each candidate."""
    parts = [part for part in conjuncts(node) if not _is_given(part, branch, shape, keys)]
    where = compile_filter(And(tuple(parts)), keys, now)
    if shape.match is not None and not branch.text:
        many = statistics.text_matches > MATCHES_MAX or branch is _STRAYS
        text = Condition(_PROBE if many else _LIST, (shape.match,))
        where = Condition(f"{text.sql} AND ({where.sql})", (*text.values, *where.values))
    if branch.extra is not None:
        where = Condition(
            f"{branch.extra.sql} AND ({where.sql})", (*branch.extra.values, *where.values)
        )
    value = branch.value or ORDERS[order.name]
    return Source(branch.source, where, value, branch.key, branch.sort or f"{value}; {branch.key}")


def _is_given(part: Filter, branch: Branch, shape: Shape, keys: NameKeys) -> bool:
    """Return whether a conjunct needs no test of its own on this branch's candidates."""
    if isinstance(part, Text):
        return shape.match is not None
    return (
        isinstance(part, Compare)
        and is_equal(part, Field.TAG)
        and keys.get((Field.TAG, part.value)) in branch.tags
    )
