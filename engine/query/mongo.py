"""The Mongo-like form of a query: a mapping becomes the same tree as the text.

    {"metadata.source": "chat", "importance": {"$gte": 0.5}, "tags": {"$in": ["a", "b"]}}

The keys are the words of the language or the names of an item's fields, all of which must hold.
A condition is a value, or a mapping of `$eq $ne $gt $gte $lt $lte $in $nin $exists $prefix $not`
and, for tags and lists in metadata, `$contains`. `$and`, `$or` and `$nor` take lists of mappings,
`$not` a mapping or a condition, `$text` words to search for, `has` a part or a list of them.

Strings are taken as they are: a `*` is a `*`. Where a number or a time is due they are read as in
the text: `{"created": {"$lt": "30d"}}`, `{"size": {"$gt": "10kb"}}`. Times may be aware datetimes,
ages timedeltas. A metadata path has dots, `metadata."odd.key"` quotes; a mapping under `metadata`
leads into it with keys taken as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Any, TypeAlias

from engine.clock import MICROSECOND, to_microseconds
from engine.errors import InvalidFilterError, InvalidItemError
from engine.limits import Limits
from engine.models import Tier
from engine.query.comparisons import (
    compare_indexed,
    compare_metadata,
    compare_time,
    compare_written,
    has_part,
    require_index_name,
    require_path,
    unknown_field_hint,
)
from engine.query.fields import (
    FIELDS,
    HAS,
    INDEX,
    METADATA,
    SORTS,
    Sort,
    closest,
    require_text,
    shown,
)
from engine.query.filter import (
    EVERYTHING,
    Age,
    Compare,
    Field,
    Filter,
    Has,
    HasMetadata,
    Indexed,
    Metadata,
    Operator,
    Part,
    Text,
)
from engine.query.lexer import PATH, split_path
from engine.query.normal import normalise
from engine.query.parser import DEFAULT_LIMITS, DEPTH_MAX
from engine.query.tree import NOTHING, all_of, any_of, negate
from engine.query.values import Span, read_time

COMPARISONS = {
    "$eq": Operator.EQ,
    "$ne": Operator.NE,
    "$gt": Operator.GT,
    "$gte": Operator.GE,
    "$lt": Operator.LT,
    "$lte": Operator.LE,
    "$prefix": Operator.PREFIX,
}
CONDITIONS = (*COMPARISONS, "$in", "$nin", "$exists", "$not", "$contains")
JOINS = ("$and", "$or", "$nor", "$not", "$text")

PARTS_OF_FIELDS = {
    Field.TAG: Part.TAGS,
    Field.SESSION: Part.SESSION,
    Field.ACCESSED: Part.ACCESSES,
}
"""The fields that an item can be without, and what says that it has them."""

WRITTEN_PATH = re.compile(rf"{PATH}*", re.DOTALL)


def parse_mongo(mapping: Mapping[str, Any], *, limits: Limits = DEFAULT_LIMITS) -> Filter:
    """Return the tree for a Mongo-like mapping; an empty one is `EVERYTHING`.

    Raises:
        InvalidFilterError: the mapping is no query; the message names the key or value.
    """
    return _Reader(limits).clauses(mapping, 0)


class _Reader:
    """Reads one mapping, and counts what is in it."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._terms = 0

    def clauses(self, mapping: object, depth: int) -> Filter:
        """Return the filter for a mapping of fields and `$` joins."""
        if not isinstance(mapping, Mapping):
            raise InvalidFilterError(
                f"{shown(mapping)} is not a mapping", hint='write {"field": value}'
            )
        self._enter(depth)
        if not mapping:
            self._count()
        return all_of([self._clause(key, value, depth) for key, value in mapping.items()])

    def _enter(self, depth: int) -> None:
        if depth > DEPTH_MAX:
            raise InvalidFilterError(
                f"the query is nested more than {DEPTH_MAX} deep", hint="use a flatter query"
            )

    def _count(self) -> None:
        self._terms += 1
        if self._terms > self._limits.query_terms_max:
            raise InvalidFilterError(
                f"the query has more than {self._limits.query_terms_max} terms",
                hint="use a shorter query",
            )

    def _clause(self, key: object, value: Any, depth: int) -> Filter:
        key = self._key(key)
        if key.startswith("$"):
            return self._join(key, value, depth)
        lowered = key.lower()
        if lowered in FIELDS:
            return self._condition(_Known(FIELDS[lowered]), key, value, depth)
        if lowered == HAS:
            return all_of([self._has(part) for part in _listed(value)])
        if lowered == METADATA or lowered.startswith(f"{METADATA}."):
            return self._metadata(_path(key), value, depth)
        if lowered.startswith(f"{INDEX}."):
            name = require_index_name((key[len(INDEX) + 1 :],))
            return self._condition(_KnownIndex(name), key, value, depth)
        raise InvalidFilterError(f"there is no field {shown(key)}", hint=_key_hint(key))

    def _join(self, key: str, value: Any, depth: int) -> Filter:
        if key == "$text":
            return self._words(value)
        if key == "$not":
            return negate(self.clauses(value, depth + 1))
        if key not in JOINS:
            raise _unknown_operator(key, JOINS)
        if not isinstance(value, list | tuple):
            raise InvalidFilterError(f"{key} takes a list", hint=f'write {{"{key}": [{{...}}]}}')
        children = [self.clauses(child, depth + 1) for child in value]
        if key == "$and":
            return all_of(children)
        return any_of(children) if key == "$or" else negate(any_of(children))

    def _words(self, value: Any) -> Filter:
        if not isinstance(value, str):
            raise InvalidFilterError("$text takes a string", hint='write {"$text": "words"}')
        words = []
        for word in self._checked(value).split():
            self._count()
            words.append(normalise(Text(word)))
        return all_of(words)

    def _has(self, word: Any) -> Filter:
        self._count()
        if not isinstance(word, str):
            raise InvalidFilterError(f"has takes a word, not {shown(word)}", hint="write has: tags")
        self._checked(word)
        if word.lower().startswith(f"{METADATA}."):
            return HasMetadata(_KnownMetadata(_path(word)).path)
        return has_part(word)

    def _metadata(self, path: tuple[str, ...], value: Any, depth: int) -> Filter:
        self._enter(depth)
        if isinstance(value, Mapping) and not _is_condition(value):
            if not value:
                raise InvalidFilterError("an empty mapping asks for nothing", hint="use $exists")
            return all_of(
                [
                    self._metadata((*path, self._key(key)), part, depth + 1)
                    for key, part in value.items()
                ]
            )
        known = _KnownMetadata(path)
        if not path and not (isinstance(value, Mapping) and set(value) == {"$exists"}):
            require_path(path)
        return self._condition(known, ".".join((METADATA, *path)), value, depth)

    def _condition(self, known: _Place, key: str, value: Any, depth: int) -> Filter:
        self._enter(depth)
        if not isinstance(value, Mapping):
            return self._compared(known, Operator.EQ, value)
        if not value:
            raise InvalidFilterError(f"{key} has an empty condition", hint='write {"$eq": value}')
        return all_of(
            [self._operation(known, key, name, operand, depth) for name, operand in value.items()]
        )

    def _operation(self, known: _Place, key: str, name: object, operand: Any, depth: int) -> Filter:
        if name in COMPARISONS:
            return self._compared(known, COMPARISONS[str(name)], operand)
        if name == "$in":
            return any_of([self._compared(known, Operator.EQ, one) for one in _listed(operand)])
        if name == "$nin":
            return all_of([self._compared(known, Operator.NE, one) for one in _listed(operand)])
        if name == "$not":
            return negate(self._condition(known, key, operand, depth + 1))
        if name == "$exists":
            self._count()
            return _exists(known, operand)
        if name == "$contains":
            if not known.has_many:
                raise InvalidFilterError(
                    f"{key} is not a list", hint="$contains is for tags, metadata and indexes"
                )
            return self._compared(known, Operator.EQ, operand)
        raise _unknown_operator(name, CONDITIONS)

    def _compared(self, known: _Place, operator: Operator, value: Any) -> Filter:
        self._count()
        if isinstance(value, str) and not isinstance(value, Enum):
            self._checked(value)
        if isinstance(value, list | tuple | set | frozenset):
            raise InvalidFilterError(
                f"{shown(value)} is a list", hint='write {"$in": [...]} for any of them'
            )
        return known.compare(operator, value)

    def _key(self, key: object) -> str:
        if not isinstance(key, str):
            raise InvalidFilterError(f"the key {shown(key)} is not a string", hint="use a field")
        return self._checked(key)

    def _checked(self, text: str) -> str:
        if len(text) > self._limits.query_chars_max:
            raise InvalidFilterError(
                f"a text of the query is {len(text):,} characters; "
                f"the limit is {self._limits.query_chars_max:,}",
                hint="use a shorter text",
            )
        require_text("the query", text)
        return text


class _Known:
    """A field of the language, compared with Python values."""

    def __init__(self, field: Field) -> None:
        self.field = field
        self.has_many = field is Field.TAG

    def compare(self, operator: Operator, value: Any) -> Filter:
        """Return the filter; strings are read as in the text where the field is not text."""
        field, sort = self.field, SORTS[self.field]
        if sort is Sort.TEXT or (sort is Sort.TIER and isinstance(value, Tier)):
            return normalise(Compare(field, operator, value))
        if operator is Operator.PREFIX:
            raise InvalidFilterError(f"{field.value} takes no $prefix", hint="it is not a text")
        if isinstance(value, str):
            return compare_written(field, operator, value)
        if sort is Sort.TIME or sort is Sort.DURATION:
            return normalise(compare_time(field, operator, _moment(field, value)))
        if field is Field.TIER:
            raise InvalidFilterError(f"{shown(value)} is not a tier", hint="use its name, or Tier")
        return normalise(Compare(field, operator, value))


class _KnownMetadata:
    """A place in the metadata, compared with JSON values."""

    has_many = True

    def __init__(self, path: tuple[str, ...]) -> None:
        self.path = path
        if path:
            require_path(path)

    def compare(self, operator: Operator, value: Any) -> Filter:
        """Return the filter; a string is a string, even if it looks like a number."""
        if isinstance(value, str) and operator is not Operator.PREFIX:
            return compare_metadata(self.path, operator, value, quoted=True)
        return normalise(Metadata(self.path, operator, value))


class _KnownIndex:
    """A custom index, compared with JSON values."""

    has_many = True

    def __init__(self, name: str) -> None:
        self.name = name

    def compare(self, operator: Operator, value: Any) -> Filter:
        """Return the filter; a string is a string, even if it looks like a number."""
        if isinstance(value, str) and operator is not Operator.PREFIX:
            return compare_indexed(self.name, operator, value, quoted=True)
        return normalise(Indexed(self.name, operator, value))


_Place: TypeAlias = _Known | _KnownMetadata | _KnownIndex
"""What a condition is about."""


def _exists(known: _Place, wanted: object) -> Filter:
    if not isinstance(wanted, bool):
        raise InvalidFilterError("$exists takes True or False", hint='write {"$exists": True}')
    if isinstance(known, _KnownMetadata):
        found: Filter = HasMetadata(known.path) if known.path else Has(Part.METADATA)
    elif isinstance(known, _KnownIndex):
        found = Indexed(known.name, Operator.PREFIX, "")
    elif known.field in PARTS_OF_FIELDS:
        found = Has(PARTS_OF_FIELDS[known.field])
    else:
        return EVERYTHING if wanted else NOTHING
    return found if wanted else negate(found)


def _is_condition(value: Mapping[Any, Any]) -> bool:
    return any(isinstance(key, str) and key.startswith("$") for key in value)


def _listed(value: Any) -> Sequence[Any]:
    """Return a list as it is, a set in order, and anything else as a list of one."""
    if isinstance(value, set | frozenset):
        # The same set must always give the same tree.
        return sorted(value, key=repr)
    return value if isinstance(value, list | tuple) else [value]


def _path(key: str) -> tuple[str, ...]:
    written = key[len(METADATA) :]
    if '"' in written:
        path = split_path(written) if WRITTEN_PATH.fullmatch(written) else None
    else:
        path = tuple(written.split(".")[1:])
    if path is None or "" in path:
        raise InvalidFilterError(
            f"a key is missing in {shown(key)}", hint="write metadata.key, or a nested mapping"
        )
    return path


def _moment(field: Field, value: Any) -> Age | Span:
    if isinstance(value, timedelta):
        return Age(value // MICROSECOND)
    if isinstance(value, datetime):
        try:
            return Span(to_microseconds(value))
        except InvalidItemError as error:
            raise InvalidFilterError(error.message, hint=error.hint) from None
    if isinstance(value, date):
        return read_time(value.isoformat())
    raise InvalidFilterError(
        f"{field.value} cannot be compared with {shown(value)}",
        hint='use an aware datetime, a date, a text such as "2026-01-31", or an age: "30d"',
    )


def _key_hint(key: str) -> str:
    if key.isidentifier():
        return unknown_field_hint(key).partition("; ")[0].partition(" To ")[0]
    return "use a field of the language, or metadata.key"


def _unknown_operator(name: object, known: Sequence[str]) -> InvalidFilterError:
    guess = closest(str(name), known)
    choice = f"known are {' '.join(known)}"
    return InvalidFilterError(
        f"there is no operator {shown(name)} here",
        hint=f"did you mean {guess}? {choice}" if guess else choice,
    )
