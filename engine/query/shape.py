"""What of a filter an index can answer: the parts of its top-level conjunction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from engine.query.conditions import NameKeys, match_text, sayable, walk
from engine.query.filter import Age, And, Compare, Field, Filter, Not, Operator, Or, Text
from engine.query.indexed import NO_INDEXES, Indexes, Use, use_of
from engine.query.sql import bindable


@dataclass(frozen=True, slots=True)
class Shape:
    """The parts of a filter that an index can answer, taken from its top-level conjunction."""

    agent: int | None = None
    kind: int | None = None
    tier: int | None = None
    tags: tuple[int, ...] = ()
    any_tags: tuple[int, ...] = ()
    session: int | None = None
    ids: bool = False
    match: str | None = None
    created_from: int | None = None
    created_to: int | None = None
    importance_from: float | None = None
    uses: tuple[Use, ...] = ()
    """Which of the custom indexes can answer what."""
    other: int = 0
    impossible: bool = False


def conjuncts(node: Filter) -> tuple[Filter, ...]:
    """Return the parts that all have to hold."""
    return sayable(node.children) if isinstance(node, And) else (node,)


def shape_of(node: Filter, keys: NameKeys, now: int, indexes: Indexes = NO_INDEXES) -> Shape:
    """Return what of a filter an index can answer."""
    shape = Shape()
    for part in conjuncts(node):
        use = use_of(part, indexes)
        if use is not None:
            shape = replace(shape, uses=(*shape.uses, use))
        else:
            shape = _with(shape, part, keys, now)
    expressions = [
        expression
        for part in conjuncts(node)
        if isinstance(part, Text) and (expression := match_text(part)) is not None
    ]
    if expressions:
        shape = replace(shape, match=scoped_match(expressions, shape.agent))
    return shape


def scoped_match(expressions: Iterable[str], agent: int | None, *, word: str = "AND") -> str:
    """Return the FTS5 query for several expressions, within one agent's scope if given."""
    joined = f" {word} ".join(f"({expression})" for expression in expressions)
    scope = "" if agent is None else f' AND scope : "a{agent}"'
    return f"(text : ({joined})){scope}"


def _with(shape: Shape, part: Filter, keys: NameKeys, now: int) -> Shape:
    """Return the shape with one more conjunct taken into account."""
    match part:
        case Compare(Field.AGENT | Field.KIND | Field.TAG | Field.SESSION, Operator.EQ, name):
            return _with_name(shape, part.field, keys.get((part.field, name)))
        case Compare(Field.TIER, Operator.EQ, tier):
            same = shape.tier in (None, int(tier))
            return replace(shape, tier=int(tier), impossible=shape.impossible or not same)
        case Compare(Field.ID, Operator.EQ, _):
            return replace(shape, ids=True)
        case Compare(Field.CREATED, operator, value):
            return _with_created(shape, operator, value, now)
        case Compare(Field.IMPORTANCE, Operator.GE | Operator.GT, value):
            return replace(shape, importance_from=max(value, shape.importance_from or 0.0))
        case Or(children) if children and all(is_equal(c, Field.TAG) for c in children):
            found = [keys.get((Field.TAG, c.value)) for c in children if isinstance(c, Compare)]
            known = tuple(dict.fromkeys(key for key in found if key is not None))
            return replace(shape, any_tags=known, impossible=shape.impossible or not known)
        case Or(children) if children and all(is_equal(c, Field.ID) for c in children):
            return replace(shape, ids=True)
        case Text():
            return shape
    return replace(shape, other=shape.other + 1)


def is_equal(node: Filter, field: Field) -> bool:
    """Return whether a filter is `field = value`."""
    return isinstance(node, Compare) and node.field is field and node.operator is Operator.EQ


def _with_name(shape: Shape, field: Field, key: int | None) -> Shape:
    if key is None:
        return replace(shape, impossible=True)
    match field:
        case Field.TAG:
            return replace(shape, tags=(*shape.tags, key))
        case Field.AGENT:
            impossible = shape.impossible or shape.agent not in (None, key)
            return replace(shape, agent=key, impossible=impossible)
        case Field.KIND:
            impossible = shape.impossible or shape.kind not in (None, key)
            return replace(shape, kind=key, impossible=impossible)
    return replace(shape, session=key)


def _with_created(shape: Shape, operator: Operator, value: Any, now: int) -> Shape:
    moment = value
    if isinstance(value, Age):
        moment = now - value.microseconds
        later = operator in (Operator.LT, Operator.LE)
    else:
        later = operator in (Operator.GT, Operator.GE)
    moment = bindable(moment)
    if operator in (Operator.EQ, Operator.NE):
        return replace(shape, other=shape.other + 1)
    if later:
        later_of = moment if shape.created_from is None else max(moment, shape.created_from)
        return replace(shape, created_from=later_of)
    earlier = moment if shape.created_to is None else min(moment, shape.created_to)
    return replace(shape, created_to=earlier)


def answered_by_entries(node: Filter, use: Use) -> bool:
    """Return whether an index's entries have all that a filter asks: one value, time and words."""
    others = [part for part in conjuncts(node) if part is not use.part]
    return use.exact and all(
        isinstance(part, (And, Or, Not, Text))
        or (isinstance(part, Compare) and part.field is Field.CREATED)
        for other in others
        for part in walk(other)
    )


_TAG_FIELDS = (Field.AGENT, Field.TAG, Field.CREATED)


def answered_by_tags(node: Filter) -> bool:
    """Return whether a tag's list has all that a filter asks: agent, time, tags and words."""
    return all(
        isinstance(part, (And, Or, Not, Text))
        or (isinstance(part, Compare) and part.field in _TAG_FIELDS)
        for part in walk(node)
    )
