"""What a filter asks of metadata, as SQL over its JSON: values of one type compare, no others."""

from __future__ import annotations

from typing import Any, Final

from engine.query.filter import Metadata, Operator
from engine.query.sql import SQL_OPERATOR, Condition, json_number, prefix_end

# JSON paths miss odd keys (quotes, backslashes, newlines), so each step compares the key itself.
_STEP: Final = "json_each(CASE WHEN {below} THEN {source} ELSE '{{}}' END) m{depth}"


def path_sources(path: tuple[str, ...]) -> tuple[str, str]:
    """Return the FROM and WHERE texts that lead to a metadata path as `m1`, `m2`, ..."""
    sources = ["json_each(i.metadata) m1"]
    sources.extend(
        _STEP.format(
            below=f"m{depth - 1}.type IN ('object', 'array')",
            source=f"m{depth - 1}.value",
            depth=depth,
        )
        for depth in range(2, len(path) + 1)
    )
    where = " AND ".join(f"CAST(m{depth}.key AS TEXT) = ?" for depth in range(1, len(path) + 1))
    return ", ".join(sources), where


def has_metadata(path: tuple[str, ...]) -> Condition:
    """Return the condition that there is something at a path."""
    sources, where = path_sources(path)
    return Condition(f"EXISTS (SELECT 1 FROM {sources} WHERE {where})", path)


def compare_metadata(node: Metadata) -> Condition:
    """Return the condition that the value at a path, or for EQ one in the list there, compares."""
    if node.operator is Operator.NE:
        inner = compare_metadata(Metadata(node.path, Operator.EQ, node.value))
        return Condition(f"NOT ({inner.sql})", inner.values)
    sources, where = path_sources(node.path)
    last = f"m{len(node.path)}"
    test = _scalar_test(last, node.operator, node.value)
    values = (*node.path, *test.values)
    if node.operator is Operator.EQ:
        element = _scalar_test("e", node.operator, node.value)
        test = Condition(
            f"({test.sql}) OR ({last}.type = 'array' AND EXISTS "
            f"(SELECT 1 FROM json_each({last}.value) e WHERE {element.sql}))"
        )
        values += element.values
    return Condition(f"EXISTS (SELECT 1 FROM {sources} WHERE {where} AND ({test.sql}))", values)


def _scalar_test(alias: str, operator: Operator, value: Any) -> Condition:
    """Return the test of a JSON value against a scalar of the same JSON type."""
    if value is None:
        return Condition(f"{alias}.type = 'null'")
    if isinstance(value, bool):
        return Condition(f"{alias}.type = '{'true' if value else 'false'}'")
    if isinstance(value, str) and operator is Operator.PREFIX:
        return Condition(
            f"{alias}.type = 'text' AND {alias}.value >= ? AND {alias}.value < ?",
            (value, prefix_end(value)),
        )
    types = "'text'" if isinstance(value, str) else "'integer', 'real'"
    return Condition(
        f"{alias}.type IN ({types}) AND {alias}.value {SQL_OPERATOR[operator]} ?",
        (json_number(value),),
    )
