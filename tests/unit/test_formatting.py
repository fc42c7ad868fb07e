"""Numbers, times and names as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from inspector import formatting

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ago", "shown"),
    [
        (timedelta(seconds=1), "now"),
        (timedelta(seconds=59), "59s ago"),
        (timedelta(minutes=2), "2m ago"),
        (timedelta(hours=23), "23h ago"),
        (timedelta(days=59), "59d ago"),
        (timedelta(days=90), "3mo ago"),
        (timedelta(days=800), "2y ago"),
        (timedelta(hours=-3), "in 3h"),
    ],
)
def test_relative_time(ago: timedelta, shown: str) -> None:
    """A time is told by its distance, in its largest unit."""
    assert formatting.relative_time(NOW - ago, NOW) == shown


def test_no_time_is_never() -> None:
    """What did not happen has no time."""
    assert formatting.relative_time(None, NOW) == "never"
    assert formatting.exact_time(None) == "never"


def test_exact_time_says_its_zone() -> None:
    """An exact time is in one zone, and says which."""
    at = datetime(2026, 1, 31, 14, 22, 3, tzinfo=timezone(timedelta(hours=2)))
    assert formatting.exact_time(at) == "2026-01-31 12:22:03 UTC"


@pytest.mark.parametrize(
    ("size", "shown"),
    [(0, "0 B"), (999, "999 B"), (1200, "1.2 kB"), (9_960, "10 kB"), (34_000_000, "34 MB"),
     (999_600, "1.0 MB"), (5 * 10**15, "5000 TB")],
)  # fmt: skip
def test_byte_size(size: int, shown: str) -> None:
    """A size has two or three digits and a unit."""
    assert formatting.byte_size(size) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, "0"), (999, "999"), (9_140, "9.1k"), (912_004, "912k"), (10**6, "1.0M")],
)
def test_short_count(number: int, shown: str) -> None:
    """A count fits into a narrow column."""
    assert formatting.short_count(number) == shown


def test_counts_numbers_and_shares() -> None:
    """Numbers are separated, aligned, and never rounded to nothing."""
    assert formatting.count(912004) == "912,004"
    assert formatting.number(0.8) == "0.80"
    assert formatting.share(1, 8) == "12 %"
    assert formatting.share(1, 1000) == "<1 %"
    assert formatting.share(0, 0) == "-"


@pytest.mark.parametrize(
    ("milliseconds", "shown"),
    [(0.42, "0.4 ms"), (12.3, "12 ms"), (1300, "1.3 s"), (125_000, "2 min 5 s")],
)
def test_duration(milliseconds: float, shown: str) -> None:
    """A length of time has the unit one would say."""
    assert formatting.duration_ms(milliseconds) == shown


@pytest.mark.parametrize(
    ("done", "total", "seconds", "shown"),
    [
        (0, None, 2.2, "2 s so far"),
        (5_000, None, 2, "5,000 items · 2,500/s"),
        (30_000, 90_000, 3, "30,000 of 90,000 items · 10,000/s · 6.0 s left"),
        (90_001, 90_000, 3, "90,001 of 90,000 items · 30,000/s · 0.0 ms left"),
    ],
)
def test_progress(done: int, total: int | None, seconds: float, shown: str) -> None:
    """How far, how fast and how long still, as far as that is known."""
    assert formatting.progress(done, total, seconds) == shown


def test_middle_elide_keeps_both_ends() -> None:
    """The beginning and the end of an id tell it from the others."""
    assert formatting.middle_elide("user/preferences/theme", 15) == "user/pr…s/theme"
    assert formatting.middle_elide("short", 15) == "short"


@given(st.text(alphabet="ab中文👍é", max_size=40), st.integers(0, 20))
def test_middle_elide_fits(text: str, cells_max: int) -> None:
    """Wide characters count as two."""
    assert cell_len(formatting.middle_elide(text, cells_max)) <= cells_max


@given(
    st.text(alphabet="ab中文👍", max_size=40),
    st.integers(1, 20),
    st.sampled_from(["left", "right"]),
)
def test_align_is_exact(text: str, cells: int, side: str) -> None:
    """A cell of a table is as wide as its column, whatever stands in it."""
    assert cell_len(formatting.align(text, cells, side)) == cells
