"""Ids and time: the two things that are injected."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import InvalidItemError, system_clock
from engine.clock import to_datetime, to_microseconds
from engine.ids import ALPHABET, new_id

MOMENTS = st.datetimes(
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=-11, minutes=-30))])
)


@given(MOMENTS)
def test_times_survive_the_database(moment: datetime) -> None:
    """Every aware moment is the same after microseconds and back."""
    assert to_datetime(to_microseconds(moment)) == moment


@given(st.integers(-(10**16), 10**17))
def test_microseconds_survive_the_api(microseconds: int) -> None:
    """Every number of microseconds is exact as a moment, also where floats would round."""
    assert to_microseconds(to_datetime(microseconds)) == microseconds


def test_a_time_without_zone_is_refused() -> None:
    """A naive time names no instant."""
    with pytest.raises(InvalidItemError) as caught:
        to_microseconds(datetime(2026, 1, 31))  # noqa: DTZ001 - that is the fault
    assert caught.value.hint


def test_the_system_clock_is_in_microseconds() -> None:
    """The clock's number is a moment of this century."""
    assert datetime(2024, 1, 1, tzinfo=UTC) < to_datetime(system_clock()) < datetime(
        2100, 1, 1, tzinfo=UTC
    )  # fmt: skip


@given(st.integers(0, 2**48 * 1_000 - 1), st.integers(1, 10**15))
def test_ids_sort_as_their_time(now: int, later: int) -> None:
    """An id made later sorts later, down to the microsecond."""
    assert new_id(now) < new_id(min(now + later, 2**48 * 1_000)) or now + later >= 2**48 * 1_000


def test_ids_are_short_plain_and_different() -> None:
    """26 characters without look-alikes, never the same twice."""
    made = {new_id(1_769_860_800_000_000) for _ in range(2_000)}

    assert len(made) == 2_000
    assert all(len(name) == 26 and set(name) <= set(ALPHABET) for name in made)
    assert list(ALPHABET) == sorted(ALPHABET)
