"""What a caller gave, checked at the door: each function returns the clean value or refuses it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from engine.errors import InvalidItemError, LimitExceededError
from engine.limits import Limits
from engine.models import TIERS, Tier


def check_text(what: str, value: Any, limits: Limits) -> str:
    """Return any Unicode text up to the size of content.

    Raises:
        InvalidItemError: it is not text, or too long.
    """
    if not isinstance(value, str):
        raise InvalidItemError(f"{what} is {type(value).__name__}, not text", hint="use a string")
    size = _utf8_bytes(what, value)
    limits.check_bytes(what, size, limits.content_bytes_max, hint=f"use a shorter {what}")
    return value


def check_id(value: Any, limits: Limits) -> str:
    """Return an item's id: any Unicode text but empty, over-long or with NUL.

    Raises:
        InvalidItemError: it is not.
    """
    return _check_text("id", value, limits.id_bytes_max)


def check_name(what: str, value: Any, limits: Limits) -> str:
    """Return the name of an agent, a kind, a tag, ...

    Raises:
        InvalidItemError: it is empty, over-long, or not text.
    """
    if type(value) is str:
        return _check_known_name(what, value, limits.name_bytes_max)
    return _check_text(what, value, limits.name_bytes_max)


# Names repeat from item to item: five of them were a third of checking one.
@lru_cache(maxsize=16_384)
def _check_known_name(what: str, value: str, maximum: int) -> str:
    return _check_text(what, value, maximum)


def _check_text(what: str, value: Any, maximum: int) -> str:
    if not isinstance(value, str):
        raise InvalidItemError(f"{what} is {type(value).__name__}, not text", hint="use a string")
    if not value or value.isspace():
        raise InvalidItemError(f"{what} is empty", hint=f"give a {what} at least one character")
    if "\0" in value:
        raise InvalidItemError(f"{what} contains NUL", hint="remove the character U+0000")
    size = _utf8_bytes(what, value)
    if size > maximum:
        raise LimitExceededError(
            f"{what} is {size:,} bytes; the limit is {maximum:,}", hint=f"use a shorter {what}"
        )
    return str(value)


def _utf8_bytes(what: str, value: str) -> int:
    try:
        return len(value.encode())
    except UnicodeEncodeError as error:
        raise InvalidItemError(
            f"{what} has a lone surrogate at character {error.start}", hint="use valid Unicode"
        ) from error


def check_tags(values: Iterable[Any], limits: Limits) -> frozenset[str]:
    """Return tags as a set.

    Raises:
        InvalidItemError: one is no text, or they are one string instead of several.
        LimitExceededError: there are too many, or one is too long.
    """
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise InvalidItemError(
            f"tags is one {type(values).__name__}, not several", hint='use a set: {"tag"}'
        )
    tags = frozenset(check_name("tag", value, limits) for value in values)
    if len(tags) > limits.tags_max:
        raise LimitExceededError(
            f"there are {len(tags)} tags; the limit is {limits.tags_max}",
            hint="put what is not a label into the metadata",
        )
    return tags


def check_unit(what: str, value: Any) -> float:
    """Return a number from 0 to 1.

    Raises:
        InvalidItemError: it is outside, or no number.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 <= value <= 1.0:
        raise InvalidItemError(f"{what} is {value!r}", hint="use a number from 0 to 1")
    return float(value)


def check_tier(value: Any) -> Tier:
    """Return a tier given as one, or by its label.

    Raises:
        InvalidItemError: there is no such tier.
    """
    if isinstance(value, Tier):
        return value
    if isinstance(value, str) and value in TIERS:
        return Tier[value.upper()]
    raise InvalidItemError(f"{value!r} is no tier", hint=f"use one of {', '.join(TIERS)}")


INTEGER_MAX = 2**63 - 1


def bounded(value: int, *, least: int = 0, most: int = INTEGER_MAX) -> int:
    """Return the number nearest to `value` that is in a range; SQLite's integers have 64 bits."""
    return max(least, min(int(value), most))


def check_count(what: str, value: Any) -> int:
    """Return a whole number from 0 up to one that can still be counted on from.

    Raises:
        InvalidItemError: it is something else.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise InvalidItemError(f"{what} is {value!r}", hint="use a whole number from 0 to 2^53")
    return value
