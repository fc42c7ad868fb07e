"""The tree that every query becomes, whichever way it was written."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias


class Field(Enum):
    """What of an item a query can compare. The value is the word used in the query language."""

    ID = "id"
    AGENT = "agent"
    KIND = "kind"
    TIER = "tier"
    TAG = "tag"
    SESSION = "session"
    IMPORTANCE = "importance"
    CREATED = "created"
    UPDATED = "updated"
    ACCESSED = "accessed"
    IDLE = "idle"
    ACCESSES = "accesses"
    SIZE = "size"
    VERSION = "version"


class Operator(Enum):
    """How a field is compared with a value."""

    EQ = "="
    NE = "!="
    GT = ">"
    GE = ">="
    LT = "<"
    LE = "<="
    PREFIX = "prefix"
    """The value is how the field's text begins: `id:user/*`."""


@dataclass(frozen=True, slots=True)
class Age:
    """A time given as a distance back from now, in microseconds: `created<30d`.

    On a time field it is an age, so smaller is newer: `created<30d` is newer than 30 days ago.
    """

    microseconds: int


@dataclass(frozen=True, slots=True)
class Compare:
    """One field against one value.

    Values by field: TIER a `Tier`; IMPORTANCE a float; ACCESSES, SIZE (bytes) and VERSION an int;
    CREATED, UPDATED and ACCESSED an int of UTC microseconds or an `Age`; IDLE an `Age`;
    the rest a str. Text fields know EQ, NE and PREFIX; TIER EQ and NE.
    """

    field: Field
    operator: Operator
    value: Any


@dataclass(frozen=True, slots=True)
class Metadata:
    """A value in the item's metadata, at a path of keys.

    `value` is a JSON scalar. EQ on a list at the path means that the list has the value.
    """

    path: tuple[str, ...]
    operator: Operator
    value: Any


@dataclass(frozen=True, slots=True)
class HasMetadata:
    """The item's metadata has something at this path of keys."""

    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Indexed:
    """One of the values that a custom index has of the item: `index.project:atlas`.

    `value` is a JSON scalar; PREFIX with an empty text means that there is any value.
    """

    name: str
    operator: Operator
    value: Any


class Part(Enum):
    """What an item may or may not have: `has:tags`."""

    TAGS = "tags"
    METADATA = "metadata"
    SESSION = "session"
    ASSOCIATIONS = "associations"
    ACCESSES = "accesses"


@dataclass(frozen=True, slots=True)
class Has:
    """The item has at least one of these."""

    part: Part


@dataclass(frozen=True, slots=True)
class Text:
    """Words that the item's text has: one word, or several in a row if `phrase`.

    `prefix` says that the last word may be unfinished.
    """

    text: str
    phrase: bool = False
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class And:
    """All of these hold; `And(())` is everything."""

    children: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of these holds; `Or(())` is nothing."""

    children: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """This does not hold."""

    child: Filter


Filter: TypeAlias = And | Or | Not | Compare | Metadata | HasMetadata | Indexed | Has | Text

EVERYTHING = And(())
