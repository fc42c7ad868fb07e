"""Custom indexes in a query: their entries as SQL, and which parts of a filter they answer.

An entry holds a JSON scalar. SQLite orders numbers before texts and texts before blobs, so a range
of one type ends where the next begins; null, true and false are blobs, apart from 0 and 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from engine.query.filter import Filter, Indexed, Metadata, Operator, Or
from engine.query.metadata import path_sources
from engine.query.sql import SQL_OPERATOR, Condition, json_number, prefix_end

FAILED: Final = b"\xff"
"""How the entry of an item begins for which an index has no values, only the reason why."""

# null, true and false become the blobs of these words.
_VALUE: Final = (
    "CASE WHEN {e}.type IN ('null', 'true', 'false') THEN CAST({e}.type AS BLOB) ELSE {e}.value END"
)
_KEYS: Final = "json_each(?) k CROSS JOIN items i ON i.item_key = k.value"


def entries_of_path(path: tuple[str, ...], items: str = _KEYS) -> Condition:
    """Return SQL for the (value, created_at, item_key) of every value that items have at a path.

    By default those of a list of keys, the first value to be bound; the values here follow it.
    """
    sources, where = path_sources(path)
    last = f"m{len(path)}"
    own = _VALUE.format(e=last)
    element = _VALUE.format(e="e")
    elements = f"json_each(CASE WHEN {last}.type = 'array' THEN {last}.value ELSE '[]' END) e"
    # A list has its values, as the query language sees it.
    sql = (
        f"SELECT CASE WHEN e.type IS NULL THEN {own} ELSE {element} END AS value, "
        "i.created_at, i.item_key "
        f"FROM {items}, {sources} LEFT JOIN {elements} "
        f"WHERE {where} AND coalesce(e.type, {last}.type) NOT IN ('object', 'array')"
    )
    return Condition(sql, path)


def as_entry(value: Any) -> Any:
    """Return a JSON scalar as entries hold it."""
    if value is None or isinstance(value, bool):
        return {None: b"null", True: b"true", False: b"false"}[value]
    return json_number(value)


def entry_test(operator: Operator, value: Any) -> Condition:
    """Return the test of an entry against a scalar of the same JSON type; not for NE."""
    if operator is Operator.PREFIX:
        if value == "":
            return Condition("value < ?", (FAILED,))
        return Condition("value >= ? AND value < ?", (value, prefix_end(value)))
    bound = as_entry(value)
    test = f"value {SQL_OPERATOR[operator]} ?"
    text = isinstance(value, str)
    if operator in (Operator.GT, Operator.GE):
        return Condition(f"{test} AND value < ?", (bound, b"" if text else ""))
    if text and operator in (Operator.LT, Operator.LE):
        return Condition(f"{test} AND value >= ?", (bound, ""))
    return Condition(test, (bound,))


def has_entry(node: Indexed) -> Condition:
    """Return the condition that a custom index has such a value of `items i`."""
    if node.operator is Operator.NE:
        inner = has_entry(Indexed(node.name, Operator.EQ, node.value))
        return Condition(f"NOT ({inner.sql})", inner.values)
    test = entry_test(node.operator, node.value)
    equal = node.operator is Operator.EQ
    hint = "" if equal else "INDEXED BY index_entries_item "
    whole = " AND x.created_at = i.created_at" if equal else ""
    return Condition(
        f"EXISTS (SELECT 1 FROM index_entries x {hint}WHERE x.index_key = "
        "(SELECT index_key FROM custom_indexes WHERE name = ?) "
        f"AND {test.sql}{whole} AND x.item_key = i.item_key)",
        (node.name, *test.values),
    )


@dataclass(frozen=True, slots=True)
class Indexes:
    """The custom indexes that a query may be driven by."""

    by_name: Mapping[str, int] = field(default_factory=dict)
    by_path: Mapping[tuple[str, ...], int] = field(default_factory=dict)


def join_tests(first: str, value: Any, tests: tuple[Condition, ...]) -> Condition:
    """Return the condition that `first` holds, with its value, and any of the tests."""
    joined = " OR ".join(test.sql for test in tests)
    return Condition(
        f"{first} AND ({joined})", (value, *(value for test in tests for value in test.values))
    )


NO_INDEXES: Final = Indexes()


@dataclass(frozen=True, slots=True)
class Probe:
    """Entries of one index that pass any of some tests."""

    index_key: int
    tests: tuple[Condition, ...]
    equal: bool
    """Whether each test is for one value, whose entries come in order of creation."""


@dataclass(frozen=True, slots=True)
class Use:
    """A part of a filter that an index can answer; `exact` if its entries leave nothing to test."""

    probe: Probe
    part: Filter
    exact: bool


def use_of(part: Filter, indexes: Indexes) -> Use | None:
    """Return how an index answers a part of a filter; None if none does."""
    leaves = part.children if isinstance(part, Or) else (part,)
    found = [_index_of(leaf, indexes) for leaf in leaves]
    if not found or found[0] is None or any(key != found[0] for key in found):
        return None
    operators = [leaf.operator for leaf in leaves if isinstance(leaf, Metadata | Indexed)]
    equal = all(operator is Operator.EQ for operator in operators)
    if Operator.NE in operators or (len(leaves) > 1 and not equal):
        return None
    tests = tuple(
        entry_test(leaf.operator, leaf.value)
        for leaf in leaves
        if isinstance(leaf, Metadata | Indexed)
    )
    # Only equality looks into lists in metadata; entries cannot tell whether they are of one.
    exact = equal or isinstance(part, Indexed)
    return Use(Probe(found[0], tests, equal), part, exact)


def _index_of(leaf: Filter, indexes: Indexes) -> int | None:
    if isinstance(leaf, Metadata):
        return indexes.by_path.get(leaf.path)
    return indexes.by_name.get(leaf.name) if isinstance(leaf, Indexed) else None
