"""Which index drives a query: a small cost model over exact counts.

SQLite's own planner goes wrong by 10-1000x where it has no statistics, or those of a smaller
store; the store keeps exact counts by agent, kind, tier and tag, so the choice is made here and
told to SQLite with INDEXED BY and CROSS JOIN. Everything else is left to SQLite.
"""

from __future__ import annotations

from itertools import chain
from typing import Final

from engine.query.conditions import NameKeys, compile_filter
from engine.query.filter import And, Compare, Field, Filter, Text
from engine.query.indexed import NO_INDEXES, Indexes
from engine.query.paths import MATCHES_MAX, STRAYS, Branch, Path, all_paths, index_paths
from engine.query.plan import ORDERS, Order, Plan, Source
from engine.query.shape import Shape, answered_by_tags, conjuncts, is_equal, shape_of
from engine.query.sql import FALSE, Condition
from engine.query.statistics import Statistics

COVERED_COST: Final = 0.15
ROW_COST: Final = 1.0
PROBE_COST: Final = 20.0
WORST_CASE_WEIGHT: Final = 0.05
"""How much a path's full length counts beside the expected part of it: estimates may be off."""


def plan(
    node: Filter,
    keys: NameKeys,
    now: int,
    *,
    order: Order,
    limit: int | None,
    statistics: Statistics,
    wide: bool = False,
    indexes: Indexes = NO_INDEXES,
) -> Plan:
    """Return the cheapest plan; `limit` is how many rows are wanted, None for all.

    A plan that is `wide` can give any column of an item, not only its key.
    """
    shape = shape_of(node, keys, now, indexes)
    if shape.impossible:
        value = ORDERS[order.name]
        nothing = Source("items i", FALSE, value, "i.item_key", f"{value}; i.item_key")
        return Plan("nothing", (nothing,), order)
    expected = _expected(shape, statistics)
    paths = chain(
        all_paths(shape, order, statistics, narrow=not wide and answered_by_tags(node)),
        index_paths(node, shape, order, statistics, narrow=not wide),
    )
    single = limit is None or wide
    possible = (path for path in paths if not single or len(path.branches) == 1)
    best = min(possible, key=lambda path: _cost(path, shape, expected, limit, statistics))
    sources = tuple(_source(b, node, keys, now, order, shape, statistics) for b in best.branches)
    return Plan(best.name, sources, order, best.meet, best.index)


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
    for use in shape.uses:
        expected *= min(1.0, statistics.entries.get(use.probe, 0) / total)
    if shape.session is not None:
        expected = min(expected, 100.0)
    return max(expected, 0.5)


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
        many = statistics.text_matches > MATCHES_MAX or branch is STRAYS
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
    if part is branch.given:
        return True
    return (
        isinstance(part, Compare)
        and is_equal(part, Field.TAG)
        and keys.get((Field.TAG, part.value)) in branch.tags
    )
