"""How dense changes are: joined to columns, looked at in part, with a moment in sight."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from inspector.density import Density, Moment, Span, columns, joined, look, reached

START = datetime(2026, 3, 1, tzinfo=UTC)


def density_of(counts: list[int], oldest: int = 0) -> Density:
    """Spans of a minute with so many changes each."""
    spans = []
    newest = oldest
    for number, count in enumerate(counts):
        newest += count
        spans.append(
            Span(
                start=START + timedelta(minutes=number),
                end=START + timedelta(minutes=number + 1),
                changes=count,
                last=newest if count else None,
                by_operation={"update": count} if count else {},
                by_actor={f"a{number % 2}": count} if count else {},
            )
        )
    return Density(
        oldest=Moment(sequence=oldest, at=START),
        newest=Moment(sequence=newest, at=START + timedelta(minutes=len(counts))),
        spans=tuple(spans),
    )


COUNTS = st.lists(st.integers(0, 3), min_size=1, max_size=60)


@given(counts=COUNTS, width=st.integers(1, 80))
def test_columns_lose_no_change_and_no_time(counts: list[int], width: int) -> None:
    """However many there are, they are all changes and all time, in order."""
    spans = density_of(counts).spans
    found = columns(spans, width)
    assert len(found) == min(width, len(spans))
    assert sum(column.changes for column in found) == sum(counts)
    assert found[0].start == spans[0].start
    assert found[-1].end == spans[-1].end
    assert all(a.end == b.start for a, b in pairwise(found))
    assert sum(column.by_actor.get("a0", 0) for column in found) == sum(counts[::2])


@given(
    counts=COUNTS,
    width=st.integers(1, 80),
    scale=st.floats(1, 50),
    where=st.floats(0, 1),
    first=st.none() | st.integers(0, 60),
)
def test_the_moment_is_always_in_sight(
    counts: list[int], width: int, scale: float, where: float, first: int | None
) -> None:
    """Its column is the first that reaches it, at any scale and from anywhere."""
    density = density_of(counts, oldest=7)
    position = 7 + round(where * sum(counts))
    sight = look(density, position=position, width=width, scale=scale, first=first)
    column = sight.column_of(position)
    assert sight.reached[column] >= position or position > sight.reached[-1] == sum(counts) + 7
    assert column == 0 or sight.reached[column - 1] < position
    assert sight.before <= sight.reached[0]


def test_a_clock_that_was_set_back_takes_nothing_back() -> None:
    """What was reached stays reached: sequences do not go down from column to column."""
    spans = density_of([1, 1, 1]).spans
    turned = (spans[0], spans[2], spans[1])
    assert reached(turned, 0) == [1, 3, 3]
    assert joined(turned).last == 3


def test_the_nearest_columns_with_changes_are_found_over_gaps() -> None:
    """Before and after, however long nothing happened; none beyond the ends."""
    sight = look(density_of([2, 0, 0, 1, 0, 3]), position=3, width=6, scale=1.0)
    before, after = sight.nearest(sight.column_of(3))
    assert before is not None
    assert after is not None
    assert (before.changes, after.changes) == (2, 3)
    assert sight.nearest(5)[1] is None
    assert look(density_of([0]), position=0, width=0, scale=1.0).columns == ()
