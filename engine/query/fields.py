"""The fields of the query language: their names, their sorts, and guesses at misspelt names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from enum import Enum
from functools import lru_cache

from engine.errors import InvalidFilterError
from engine.query.filter import Field, Operator

METADATA = "metadata"
HAS = "has"
INDEX = "index"
INDEX_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
"""What a custom index may be called."""


class Sort(Enum):
    """What the values of a field are."""

    TEXT = "text"
    TIER = "tier"
    FRACTION = "fraction"
    COUNT = "count"
    SIZE = "size"
    TIME = "time"
    DURATION = "duration"


SORTS = {
    Field.ID: Sort.TEXT,
    Field.AGENT: Sort.TEXT,
    Field.KIND: Sort.TEXT,
    Field.TIER: Sort.TIER,
    Field.TAG: Sort.TEXT,
    Field.SESSION: Sort.TEXT,
    Field.IMPORTANCE: Sort.FRACTION,
    Field.CREATED: Sort.TIME,
    Field.UPDATED: Sort.TIME,
    Field.ACCESSED: Sort.TIME,
    Field.IDLE: Sort.DURATION,
    Field.ACCESSES: Sort.COUNT,
    Field.SIZE: Sort.SIZE,
    Field.VERSION: Sort.COUNT,
}

ALIASES = {
    "tags": Field.TAG,
    "session_id": Field.SESSION,
    "created_at": Field.CREATED,
    "updated_at": Field.UPDATED,
    "last_accessed_at": Field.ACCESSED,
    "access_count": Field.ACCESSES,
    "size_bytes": Field.SIZE,
}
"""The names of an `Item`'s fields where they differ from the words of the language."""

FIELDS = {field.value: field for field in Field} | ALIASES
NAMES = frozenset(FIELDS) | {METADATA, HAS}
"""Every name that may stand before an operator, in lower case."""

OFFERED_NAMES = (*(field.value for field in Field), HAS, METADATA)
"""The names to show and suggest: one for each field."""

OPERATORS = {
    ":": Operator.EQ,
    "=": Operator.EQ,
    "==": Operator.EQ,
    "!=": Operator.NE,
    ">": Operator.GT,
    ">=": Operator.GE,
    "<": Operator.LT,
    "<=": Operator.LE,
}

ORDERING = frozenset({Operator.GT, Operator.GE, Operator.LT, Operator.LE})

SHOWN_CHARS = 60


@lru_cache(maxsize=512)
def closest_name(name: str, cutoff: float = 0.6) -> str | None:
    """Return the field name that `name` is most likely a misspelling of, if any."""
    return closest(name.lower(), (*OFFERED_NAMES, *ALIASES), cutoff)


def closest(word: str, options: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return which of `options` looks most like `word`, or None when none does."""
    found = get_close_matches(word[:SHOWN_CHARS], list(options), n=1, cutoff=cutoff)
    return found[0] if found else None


def shown(value: object) -> str:
    """Return `value` for a message: quoted, controls escaped, not longer than a line."""
    text = repr(value)
    return text if len(text) <= SHOWN_CHARS else f"{text[: SHOWN_CHARS - 1]}…"


def require_no_order(name: str, operator: Operator, hint: str) -> None:
    """Raise `InvalidFilterError` when `operator` asks for an order that `name` does not have."""
    if operator in ORDERING:
        raise InvalidFilterError(f"{name} cannot be compared with {operator.value}", hint=hint)


def require_text(what: str, text: str) -> None:
    """Raise `InvalidFilterError` for a lone surrogate, which no stored text can have."""
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidFilterError(
            f"{what} has half of a surrogate pair, which is not a character",
            hint="remove that character; it usually comes from a broken copy",
            text=text,
            position=error.start,
            length=error.end - error.start,
        ) from None
