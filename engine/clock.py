"""Time, injected: aware `datetime` in the API, UTC microseconds in the database."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from engine.errors import InvalidItemError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FLOAT_EXACT = 2**32 * 1_000_000
"""Up to the year 2106 a float of seconds is exact to the microsecond, and twice as fast."""
MICROSECOND = timedelta(microseconds=1)

_from_timestamp = datetime.fromtimestamp

Clock = Callable[[], int]
"""Returns the present moment in UTC microseconds since 1970."""


def system_clock() -> int:
    """Return the present moment in UTC microseconds."""
    return time.time_ns() // 1_000


def to_microseconds(moment: datetime) -> int:
    """Return an aware `moment` in UTC microseconds.

    Raises:
        InvalidItemError: `moment` has no time zone, so it names no instant.
    """
    if moment.tzinfo is None:
        raise InvalidItemError(
            f"{moment.isoformat()} has no time zone",
            hint="use an aware datetime, for example datetime.now(UTC)",
        )
    return (moment - EPOCH) // MICROSECOND


def to_datetime(microseconds: int) -> datetime:
    """Return UTC `microseconds` as an aware `datetime`."""
    if 0 <= microseconds < FLOAT_EXACT:
        return _from_timestamp(microseconds / 1e6, UTC)
    return EPOCH + timedelta(microseconds=microseconds)
