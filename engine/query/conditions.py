"""A filter as an SQL condition over `items i`, with every value bound.

The condition has two values, true and false: what is absent compares as false, so that `not`
finds it. SQL text is put together from the constants below and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

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
from engine.query.indexed import has_entry
from engine.query.metadata import compare_metadata, has_metadata
from engine.query.sql import FALSE, SQL_OPERATOR, TRUE, Condition, bindable, prefix_end
from engine.text import match_expression

__all__ = [
    "TEXT_MATCHES",
    "Condition",
    "NameKeys",
    "compile_filter",
    "match_text",
    "named_values",
    "sayable",
    "walk",
]


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
            return compare_metadata(node)
        case HasMetadata(path):
            return has_metadata(path)
        case Indexed():
            return has_entry(node)
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


def _ordered(field: Field, operator: Operator, value: Any) -> Condition:
    condition = Condition(f"{_COLUMN[field]} {SQL_OPERATOR[operator]} ?", (bindable(value),))
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
