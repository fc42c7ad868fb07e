"""The text of the query bar as facets see it: what is chosen, and the text with one more choice.

Pure. Values of one field that an item has once (tier, kind, agent) are alternatives, so choosing
a second one widens the query; tags narrow it, since an item has many.
"""

from __future__ import annotations

from dataclasses import dataclass

from inspector.gateway import (
    And,
    Compare,
    Field,
    Filter,
    Not,
    Operator,
    Or,
    Text,
    Tier,
    query_to_text,
)

FACET_FIELDS: tuple[Field, ...] = (Field.TIER, Field.KIND, Field.TAG, Field.AGENT)

NAMES = (Field.KIND, Field.TAG, Field.AGENT, Field.SESSION, Field.ID)
"""Fields of which half a value finds those that begin with it."""

PREFIX_CHARS_MIN = 3
"""Half of a million memories have a word that begins with a given letter or two."""

Choice = tuple[str, str]
"""A facet: the field's word in the query language, and the value."""


@dataclass(frozen=True, slots=True)
class Choices:
    """The facets that a query includes and excludes."""

    included: frozenset[Choice] = frozenset()
    excluded: frozenset[Choice] = frozenset()


def choices_of(query: Filter) -> Choices:
    """Return the facets that hold for the query as a whole."""
    included: set[Choice] = set()
    excluded: set[Choice] = set()
    for part in _parts(query):
        included |= _alternatives(part)
        if isinstance(part, Not):
            excluded |= _alternatives(part.child)
        elif isinstance(part, Compare) and part.operator is Operator.NE:
            excluded |= _choice(part)
    return Choices(frozenset(included), frozenset(excluded))


def toggled(query: Filter, field: str, value: str, *, negate: bool) -> str:
    """Return the text of `query` with a facet added, or taken out if it was there."""
    choice = (field, value)
    before = choices_of(query)
    was_there = choice in (before.excluded if negate else before.included)
    kept = (_without(part, choice) for part in _parts(query))
    parts = [part for part in kept if part is not None]
    if not was_there:
        parts = _with(parts, Field(field), value, negate=negate)
    return query_to_text(And(tuple(parts))) if parts else ""


def for_id(item_id: str) -> str:
    """Return the text of the query that gives one item."""
    return query_to_text(Compare(Field.ID, Operator.EQ, item_id))


def for_value(field: str, value: str) -> str:
    """Return the text of the query for the items with one value of a field, by its word."""
    return query_to_text(Compare(Field(field), Operator.EQ, value))


def without_field(query: Filter, field: Field) -> Filter:
    """Return the query without its choices of `field`: what else could be chosen there."""
    return And(
        tuple(
            part
            for part in _parts(query)
            if not any(name == field.value for name, _ in _alternatives(part))
        )
    )


def as_typed(query: Filter, text: str) -> Filter:
    """Return the query with its last word or name as the beginning of one, while it is typed."""
    parts = _parts(query)
    if not parts or not text or not text[-1].isalnum():
        return query
    last = _begun(parts[-1], text)
    return query if last is None else And((*parts[:-1], last))


def _begun(part: Filter, text: str) -> Filter | None:
    """Return `part` with its value unfinished, if it ends the text that is being typed."""
    if isinstance(part, Text) and not part.phrase and text.endswith(part.text):
        return Text(part.text, prefix=True) if len(part.text) >= PREFIX_CHARS_MIN else None
    if isinstance(part, Compare) and part.field in NAMES and part.operator is Operator.EQ:
        unfinished = text.endswith(part.value)
        return Compare(part.field, Operator.PREFIX, part.value) if unfinished else None
    return None


def _parts(query: Filter) -> tuple[Filter, ...]:
    return query.children if isinstance(query, And) else (query,)


def _alternatives(part: Filter) -> frozenset[Choice]:
    """Return the facets of which `part` asks for one; none if it asks for anything else."""
    if isinstance(part, Or):
        choices = [_equal(child) for child in part.children]
        fields = {name for choice in choices for name, _ in choice}
        return frozenset().union(*choices) if all(choices) and len(fields) == 1 else frozenset()
    return _equal(part)


def _equal(part: Filter) -> frozenset[Choice]:
    if isinstance(part, Compare) and part.operator is Operator.EQ:
        return _choice(part)
    return frozenset()


def _choice(part: Compare) -> frozenset[Choice]:
    if part.field not in FACET_FIELDS:
        return frozenset()
    value = part.value.label if isinstance(part.value, Tier) else str(part.value)
    return frozenset({(part.field.value, value)})


def _without(part: Filter, choice: Choice) -> Filter | None:
    if isinstance(part, Not):
        inner = _without(part.child, choice)
        return part if inner is part.child else (Not(inner) if inner else None)
    if isinstance(part, Compare):
        return None if _choice(part) == {choice} else part
    if isinstance(part, Or) and choice in _alternatives(part):
        rest = tuple(child for child in part.children if _equal(child) != {choice})
        return rest[0] if len(rest) == 1 else Or(rest)
    return part


def _with(parts: list[Filter], field: Field, value: str, *, negate: bool) -> list[Filter]:
    added = Compare(field, Operator.EQ, Tier[value.upper()] if field is Field.TIER else value)
    if negate:
        return [*parts, Not(added)]
    for index, part in enumerate(parts):
        if field is not Field.TAG and any(name == field.value for name, _ in _alternatives(part)):
            others = part.children if isinstance(part, Or) else (part,)
            return [*parts[:index], Or((*others, added)), *parts[index + 1 :]]
    return [*parts, added]
