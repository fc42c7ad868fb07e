"""A filter as an SQL condition over `items i`, with every value bound.

The condition has two values, true and false: what is absent compares as false, so that `not`
finds it. SQL text is put together from the constants below and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from engine.query.filter import (
    Age,
    And,
    Compare,
    Field,
    Filter,
    Has,
    HasMetadata,
    Metadata,
    Not,
    Operator,
    Or,
    Part,
    Text,
)
from engine.text import match_expression


@dataclass(frozen=True, slots=True)
class Condition:
    """A boolean SQL expression and the values for its question marks, in order."""

    sql: str
    values: tuple[Any, ...] = ()


TRUE: Final = Condition("1")
FALSE: Final = Condition("0")

NameKeys: TypeAlias = Mapping[tuple[Field, str], int]
"""The integer of each agent, kind, tag and session that a filter names; absent if unknown."""

NAMED: Final = (Field.AGENT, Field.KIND, Field.TAG, Field.SESSION)

_COLUMN: Final = {
    Field.ID: "i.id",
    Field.AGENT: "i.agent_key",
    Field.KIND: "i.kind_key",
    Field.SESSION: "i.session_key",
    Field.TIER: "i.tier",
    Field.IMPORTANCE: "i.importance",
    Field.CREATED: "i.created_at",
    Field.UPDATED: "i.updated_at",
    Field.SIZE: "i.size_bytes",
    Field.VERSION: "i.version",
    Field.ACCESSED: "coalesce((SELECT a.last_accessed_at FROM access a "
    "WHERE a.item_key = i.item_key), 0)",
    Field.ACCESSES: "coalesce((SELECT a.access_count FROM access a "
    "WHERE a.item_key = i.item_key), 0)",
    # An item that was never read has been idle since it was made.
    Field.IDLE: "coalesce((SELECT a.last_accessed_at FROM access a "
    "WHERE a.item_key = i.item_key), i.created_at)",
}

_NAME_TABLE: Final = {
    Field.AGENT: "SELECT agent_key FROM agents WHERE name >= ? AND name < ?",
    Field.KIND: "SELECT kind_key FROM kinds WHERE name >= ? AND name < ?",
    Field.TAG: "SELECT tag_key FROM tags WHERE name >= ? AND name < ?",
    Field.SESSION: "SELECT session_key FROM sessions WHERE name >= ? AND name < ?",
}

_SQL_OPERATOR: Final = {
    Operator.EQ: "=",
    Operator.NE: "<>",
    Operator.GT: ">",
    Operator.GE: ">=",
    Operator.LT: "<",
    Operator.LE: "<=",
}

# An age counts back from now, so what is less old lies later in time.
_MIRRORED: Final = {
    Operator.EQ: Operator.EQ,
    Operator.NE: Operator.NE,
    Operator.GT: Operator.LT,
    Operator.GE: Operator.LE,
    Operator.LT: Operator.GT,
    Operator.LE: Operator.GE,
}

_HAS: Final = {
    Part.TAGS: "EXISTS (SELECT 1 FROM item_tags t WHERE t.item_key = i.item_key)",
    Part.METADATA: "i.metadata IS NOT NULL",
    Part.SESSION: "i.session_key IS NOT NULL",
    Part.ASSOCIATIONS: "(EXISTS (SELECT 1 FROM associations l WHERE l.source_key = i.item_key) "
    "OR EXISTS (SELECT 1 FROM associations l WHERE l.target_key = i.item_key))",
    Part.ACCESSES: "EXISTS (SELECT 1 FROM access a WHERE a.item_key = i.item_key)",
}


def walk(node: Filter) -> Iterator[Filter]:
    """Yield a filter and everything below it."""
    stack: list[Filter] = [node]
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, (And, Or)):
            stack.extend(node.children)
        elif isinstance(node, Not):
            stack.append(node.child)


def named_values(node: Filter) -> set[tuple[Field, str]]:
    """Return the names whose keys `compile_filter` needs."""
    return {
        (part.field, part.value)
        for part in walk(node)
        if isinstance(part, Compare)
        and part.field in NAMED
        and part.operator is not Operator.PREFIX
    }


def compile_filter(node: Filter, keys: NameKeys, now: int) -> Condition:
    """Return the condition that holds for the items a filter selects; `now` in microseconds."""
    match node:
        case And(children):
            return _join(" AND ", TRUE, [compile_filter(c, keys, now) for c in sayable(children)])
        case Or(children):
            return _join(" OR ", FALSE, [compile_filter(child, keys, now) for child in children])
        case Not(child):
            inner = compile_filter(child, keys, now)
            return Condition(f"NOT ({inner.sql})", inner.values)
        case Compare():
            return _compare(node, keys, now)
        case Metadata():
            return _metadata(node)
        case HasMetadata(path):
            return _has_metadata(path)
        case Has(part):
            return Condition(_HAS[part])
        case Text():
            return _text(node)


def sayable(children: tuple[Filter, ...]) -> tuple[Filter, ...]:
    """Leave out words of nothing but punctuation beside others: they say nothing."""
    kept = tuple(c for c in children if not isinstance(c, Text) or match_text(c) is not None)
    return kept or children


def _join(word: str, empty: Condition, parts: list[Condition]) -> Condition:
    if not parts:
        return empty
    if len(parts) == 1:
        return parts[0]
    sql = word.join(f"({part.sql})" for part in parts)
    return Condition(sql, tuple(value for part in parts for value in part.values))


def match_text(node: Text) -> str | None:
    """Return the FTS5 expression for a text node; None if it has nothing to search for."""
    return match_expression(node.text, prefix=node.prefix)


def _text(node: Text) -> Condition:
    expression = match_text(node)
    if expression is None:
        return FALSE
    return Condition(TEXT_MATCHES, (f"text : ({expression})",))


TEXT_MATCHES: Final = "i.item_key IN (SELECT f.rowid FROM items_text f WHERE items_text MATCH ?)"


def prefix_end(prefix: str) -> str | bytes:
    """Return the least value that sorts after every text that begins with `prefix`."""
    for position in range(len(prefix) - 1, -1, -1):
        code = ord(prefix[position])
        if code < 0x10FFFF:
            following = 0xE000 if code == 0xD7FF else code + 1
            return prefix[:position] + chr(following)
    # No text is greater than all of these, but every blob is.
    return b""


def _compare(node: Compare, keys: NameKeys, now: int) -> Condition:
    field, operator, value = node.field, node.operator, node.value
    if operator is Operator.PREFIX:
        return _begins(field, value)
    if field in NAMED:
        return _named(field, operator, keys.get((field, value)))
    if field is Field.IDLE:
        return _ordered(field, _MIRRORED[operator], now - value.microseconds)
    if isinstance(value, Age):
        return _ordered(field, _MIRRORED[operator], now - value.microseconds)
    return _ordered(field, operator, int(value) if field is Field.TIER else value)


INTEGER_MAX: Final = 2**63 - 1


def bindable(value: Any) -> Any:
    """Return a number that SQLite can compare with a column: whole ones have 64 bits."""
    if isinstance(value, int):
        return max(-INTEGER_MAX, min(value, INTEGER_MAX))
    return value


def _ordered(field: Field, operator: Operator, value: Any) -> Condition:
    condition = Condition(f"{_COLUMN[field]} {_SQL_OPERATOR[operator]} ?", (bindable(value),))
    if field is Field.ACCESSED:
        # Never accessed is neither before nor after any moment.
        return Condition(f"({_HAS[Part.ACCESSES]} AND {condition.sql})", condition.values)
    return condition


def _begins(field: Field, prefix: str) -> Condition:
    span = (prefix, prefix_end(prefix))
    if field is Field.ID:
        return Condition("(i.id >= ? AND i.id < ?)", span)
    if field is Field.TAG:
        return Condition(
            "EXISTS (SELECT 1 FROM item_tags t WHERE t.item_key = i.item_key "
            f"AND t.tag_key IN ({_NAME_TABLE[field]}))",
            span,
        )
    if field is Field.SESSION:
        return Condition(f"coalesce(i.session_key IN ({_NAME_TABLE[field]}), 0)", span)
    return Condition(f"{_COLUMN[field]} IN ({_NAME_TABLE[field]})", span)


def _named(field: Field, operator: Operator, key: int | None) -> Condition:
    positive = operator is Operator.EQ
    if key is None:
        return FALSE if positive else TRUE
    if field is Field.TAG:
        word = "EXISTS" if positive else "NOT EXISTS"
        # By the tag's own list, whose pages lie in the order in which items are mostly visited.
        return Condition(
            f"{word} (SELECT 1 FROM item_tags t WHERE t.tag_key = ? "
            "AND t.created_at = i.created_at AND t.item_key = i.item_key)",
            (key,),
        )
    if field is Field.SESSION:
        return Condition(f"i.session_key {'IS' if positive else 'IS NOT'} ?", (key,))
    return Condition(f"{_COLUMN[field]} {'=' if positive else '<>'} ?", (key,))


# JSON paths miss odd keys (quotes, backslashes, newlines), so each step compares the key itself.
_STEP: Final = "json_each(CASE WHEN {below} THEN {source} ELSE '{{}}' END) m{depth}"


def _path(path: tuple[str, ...]) -> tuple[str, str]:
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


def _has_metadata(path: tuple[str, ...]) -> Condition:
    sources, where = _path(path)
    return Condition(f"EXISTS (SELECT 1 FROM {sources} WHERE {where})", path)


def _metadata(node: Metadata) -> Condition:
    if node.operator is Operator.NE:
        inner = _metadata(Metadata(node.path, Operator.EQ, node.value))
        return Condition(f"NOT ({inner.sql})", inner.values)
    sources, where = _path(node.path)
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
        f"{alias}.type IN ({types}) AND {alias}.value {_SQL_OPERATOR[operator]} ?",
        (_json_number(value),),
    )


def _json_number(value: Any) -> Any:
    """Return a value as SQLite reads it from JSON: beyond 64 bits a number is a float."""
    if isinstance(value, int) and not -INTEGER_MAX <= value <= INTEGER_MAX:
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    return value
