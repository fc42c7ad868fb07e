"""Durations, sizes, times and numbers of the query language, read and written.

A duration is `30d` or `1d12h`: the units are y (365 days), mo (30 days), w, d, h, m, s, ms and
us. A size is `10kb`: b, kb, mb, gb and tb, of 1024. A time is `2026`, `2026-01`, `2026-01-31`,
`2026-01-31T10:00`, with or without seconds, fraction and zone; without a zone it is UTC.

A time stands for all of the span it names, as far as it is written: `created:2026-01-31` is that
whole day, and `created>2026-01-31` begins on the day after. Six digits of fraction name an instant.
"""

from __future__ import annotations

import calendar
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from engine.clock import EPOCH, MICROSECOND
from engine.errors import InvalidFilterError
from engine.query.fields import shown

SECOND = 1_000_000
DAY = 86_400 * SECOND
DURATION_UNITS = {
    "y": 365 * DAY,
    "mo": 30 * DAY,
    "w": 7 * DAY,
    "d": DAY,
    "h": 3_600 * SECOND,
    "m": 60 * SECOND,
    "s": SECOND,
    "ms": 1_000,
    "us": 1,
}
WRITTEN_UNITS = ("d", "h", "m", "s", "ms", "us")
"""What a duration is written in; weeks, months and years are left as days, as people type them."""

SIZE_UNITS = {"b": 1, "kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30, "tb": 1 << 40}
INTEGER_MAX = 2**63 - 1
INTEGER_MIN = -(2**63)
DURATION_MAX = 10_000 * DURATION_UNITS["y"]
TIME_MIN = (datetime.min.replace(tzinfo=UTC) - EPOCH) // MICROSECOND
TIME_MAX = (datetime.max.replace(tzinfo=UTC) - EPOCH) // MICROSECOND

DURATION_HINT = "a duration is a number and a unit: 30d, 12h or 1d12h (units s m h d w mo y)"
TIME_HINT = "a time is 2026-01-31 or 2026-01-31T10:00; an age is 30d or 1d12h"
SIZE_HINT = "a size is a number of bytes or 10kb, 1.5mb, 2gb"

DURATION_PART = re.compile(r"([0-9]{1,18})(?:\.([0-9]{1,18}))?(mo|ms|us|[smhdwy])", re.IGNORECASE)
DURATION = re.compile(rf"(?:{DURATION_PART.pattern})+", re.IGNORECASE)
SIZE = re.compile(r"([0-9]{1,19})(?:\.([0-9]{1,18}))?(?:([kmgt]?)(?:i?b)?)", re.IGNORECASE)
COUNT = re.compile(r"[0-9]{1,19}")
DECIMAL = re.compile(r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
JSON_NUMBER = re.compile(r"(-?(?:0|[1-9][0-9]*))((?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)")
JSON_WORDS = {"true": True, "false": False, "null": None}
TIME = re.compile(
    r"""(?P<year>[0-9]{4}) (?:-(?P<month>[0-9]{2}) (?:-(?P<day>[0-9]{2})
    (?:[Tt\ ](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})
    (?::(?P<second>[0-9]{2}) (?:[.](?P<fraction>[0-9]{1,9}))?)?)?
    (?P<zone>[Zz]|[+-][0-9]{2}:?[0-9]{2})? )?)?""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Span:
    """UTC microseconds from `start` up to before `end`; an instant if `end` is None."""

    start: int
    end: int | None = None


def read_duration(text: str) -> int:
    """Return a duration such as `1d12h` in microseconds.

    Raises:
        InvalidFilterError: it is not a duration, or longer than 10,000 years.
    """
    if not DURATION.fullmatch(text):
        raise InvalidFilterError(f"{shown(text)} is not a duration", hint=DURATION_HINT)
    total = 0
    for whole, fraction, unit in DURATION_PART.findall(text):
        total += _scaled(whole, fraction, DURATION_UNITS[unit.lower()])
    if total > DURATION_MAX:
        raise InvalidFilterError(
            f"{shown(text)} is longer than 10,000 years", hint="use a shorter duration"
        )
    return total


def write_duration(microseconds: int) -> str:
    """Return the shortest text that `read_duration` reads as `microseconds`."""
    parts = []
    for unit in WRITTEN_UNITS:
        count, microseconds = divmod(microseconds, DURATION_UNITS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def read_size(text: str) -> int:
    """Return a size such as `10kb` in bytes.

    Raises:
        InvalidFilterError: it is not a size, or larger than any file.
    """
    match = SIZE.fullmatch(text)
    if match is None:
        raise InvalidFilterError(f"{shown(text)} is not a size", hint=SIZE_HINT)
    whole, fraction, prefix = match.groups()
    return _bounded(text, _scaled(whole, fraction, SIZE_UNITS[f"{prefix.lower()}b"]))


def write_size(size: int) -> str:
    """Return the shortest exact text for `size` bytes: `10kb`, or `10241`."""
    for unit in ("tb", "gb", "mb", "kb"):
        if size and size % SIZE_UNITS[unit] == 0:
            return f"{size // SIZE_UNITS[unit]}{unit}"
    return str(size)


def read_count(text: str) -> int:
    """Return a whole number.

    Raises:
        InvalidFilterError: it is not a whole number from 0 up.
    """
    if not COUNT.fullmatch(text):
        raise InvalidFilterError(f"{shown(text)} is not a whole number", hint="write it like 3")
    return _bounded(text, int(text))


def read_fraction(text: str) -> float:
    """Return a number from 0 to 1.

    Raises:
        InvalidFilterError: it is no number, or out of that range.
    """
    if not DECIMAL.fullmatch(text):
        raise InvalidFilterError(f"{shown(text)} is not a number", hint="write it like 0.7")
    number = float(text)
    if not 0 <= number <= 1:
        raise InvalidFilterError(f"{shown(text)} is not from 0 to 1", hint="write it like 0.7")
    return number


def read_scalar(text: str) -> bool | int | float | str | None:
    """Return the JSON value that a bare word stands for: a number, true, false, null or text.

    Raises:
        InvalidFilterError: a number that no computer number can hold.
    """
    lowered = text.lower()
    if lowered in JSON_WORDS:
        return JSON_WORDS[lowered]
    match = JSON_NUMBER.fullmatch(text)
    if match is None:
        return text
    whole, rest = match.groups()
    if not rest and len(whole) <= 20 and INTEGER_MIN <= int(whole) <= INTEGER_MAX:
        return int(whole)
    number = float(text)
    if not math.isfinite(number):
        raise InvalidFilterError(
            f"{shown(text)} is too large a number", hint="put it in quotes if it is a text"
        )
    return number


def read_time(text: str) -> Span:
    """Return the span that a time such as `2026-01-31` names.

    Raises:
        InvalidFilterError: it is not a time, or there is no such day or hour.
    """
    match = TIME.fullmatch(text)
    if match is None:
        raise InvalidFilterError(f"{shown(text)} is not a time", hint=_time_hint(text))
    try:
        moment = datetime(
            int(match["year"]),
            int(match["month"] or 1),
            int(match["day"] or 1),
            int(match["hour"] or 0),
            int(match["minute"] or 0),
            int(match["second"] or 0),
            int((match["fraction"] or "")[:6].ljust(6, "0")),
            tzinfo=_zone(match["zone"]),
        )
    except ValueError as error:
        raise InvalidFilterError(f"{shown(text)} is not a time: {error}", hint=TIME_HINT) from None
    start = (moment - EPOCH) // MICROSECOND
    if not TIME_MIN <= start <= TIME_MAX:
        raise InvalidFilterError(f"{shown(text)} is outside the years 1 to 9999", hint=TIME_HINT)
    width = _span_microseconds(match, moment)
    return Span(start, start + width if width > 1 else None)


def write_instant(microseconds: int) -> str:
    """Return the text that names exactly this instant."""
    moment = EPOCH + timedelta(microseconds=microseconds)
    return f"{moment.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def write_start(microseconds: int) -> str:
    """Return the shortest time whose span starts at this instant: a day if it is midnight."""
    moment = (EPOCH + timedelta(microseconds=microseconds)).replace(tzinfo=None)
    if microseconds % DAY == 0:
        return moment.date().isoformat()
    if moment.microsecond:
        return write_instant(microseconds)
    return f"{moment.isoformat(timespec='seconds' if moment.second else 'minutes')}Z"


def _scaled(whole: str, fraction: str | None, unit: int) -> int:
    # In whole numbers, because 0.1 of a unit has no exact floating point value.
    scaled = int(whole) * unit
    return scaled + int(fraction) * unit // 10 ** len(fraction) if fraction else scaled


def _bounded(text: str, number: int) -> int:
    if number > INTEGER_MAX:
        raise InvalidFilterError(
            f"{shown(text)} is too large", hint=f"the largest number is {INTEGER_MAX:,}"
        )
    return number


def _zone(text: str | None) -> timezone:
    if text is None or text in "Zz":
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def _time_hint(text: str) -> str:
    if COUNT.fullmatch(text):
        return f"add a unit for an age, for example {text[:6]}d; {TIME_HINT}"
    return TIME_HINT


def _span_microseconds(match: re.Match[str], moment: datetime) -> int:
    if match["fraction"]:
        return int(10 ** max(6 - len(match["fraction"]), 0))
    for part, width in (("second", SECOND), ("hour", 60 * SECOND), ("day", DAY)):
        if match[part]:
            return width
    if match["month"]:
        return DAY * calendar.monthrange(moment.year, moment.month)[1]
    return DAY * (366 if calendar.isleap(moment.year) else 365)
