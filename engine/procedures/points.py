"""Restore points: which there are, which sequence a time is, and how dense changes are."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final, NamedTuple

from engine.clock import to_datetime
from engine.differences import RestorePoint, TimelineBucket
from engine.errors import RestorePointError
from engine.models import Operation
from engine.procedures.base import Procedure, Statement
from engine.procedures.increments import LINEAGE
from engine.procedures.names import Names, load_names

BUCKETS_MAX: Final = 10_000


class Reach(NamedTuple):
    """From which sequence to which a store's own change log can go back, and their times.

    Times are in UTC microseconds. `first` is the earliest restore point: the oldest change that is
    kept, or 0, before the first that was ever made.
    """

    store_id: str
    lineage: str
    created_at: int
    first: int
    first_at: int
    last: int
    last_at: int


def load_reach_of_log() -> Procedure[Reach]:
    """Return how far back the change log goes."""
    rows = yield Statement("SELECT name, value FROM meta")
    meta: dict[str, Any] = dict(rows)
    created: int = meta["created_at"]
    identity = (meta["store_id"], str(meta.get(LINEAGE, "")), created)
    oldest = yield Statement("SELECT sequence, at FROM changes ORDER BY sequence LIMIT 1")
    newest = yield Statement("SELECT sequence, at FROM changes ORDER BY sequence DESC LIMIT 1")
    if not oldest:
        return Reach(*identity, 0, created, 0, created)
    sequence, at = oldest[0]
    first = (0, created) if sequence == 1 else (sequence, at)
    return Reach(*identity, *first, *newest[0])


def require_reached(sequence: int) -> Procedure[None]:
    """Refuse a point that the change log does not reach, or no longer: history is forgotten.

    Asked in the same snapshot that is read, since it may be forgotten at any time.

    Raises:
        RestorePointError: it does not.
    """
    reach = yield from load_reach_of_log()
    if not reach.first <= sequence <= reach.last:
        raise RestorePointError(
            f"the change log does not reach change {sequence}: it goes from {reach.first} "
            f"to {reach.last}",
            oldest=reach.first,
            newest=reach.last,
            hint="choose a point in between; an older one may be in a backup",
        )


def sequence_at(at: int) -> Procedure[int | None]:
    """Return the last change whose time is not later than `at`; None if there is none.

    Where the clock was set back, what was made before that and says a later time is before it too:
    the state that is returned did exist, at that change.
    """
    # From the newest back: a time is mostly asked for that is not long ago.
    rows = yield Statement(
        "SELECT sequence FROM changes WHERE at <= ? ORDER BY sequence DESC LIMIT 1", (at,)
    )
    return int(rows[0][0]) if rows else None


def time_of(sequence: int) -> Procedure[int]:
    """Return when a change was made; for none, when the log or the store began."""
    rows = yield Statement("SELECT at FROM changes WHERE sequence = ?", (sequence,))
    if not rows:
        rows = yield Statement("SELECT at FROM changes WHERE sequence = ?", (sequence + 1,))
        if not rows or sequence == 0:
            rows = yield Statement("SELECT value FROM meta WHERE name = 'created_at'")
    return int(rows[0][0])


_SPAN: Final = "SELECT min(at), max(at) FROM changes"
_DENSITY: Final = (
    "SELECT min(?3 - 1, (at - ?1) * ?3 / ?2), operation, actor_key, count(*), min(sequence), "
    "max(sequence) FROM changes GROUP BY 1, 2, 3 ORDER BY 1"
)


def count_changes(names: Names, buckets: int) -> Procedure[tuple[TimelineBucket, ...]]:
    """Return the changes of the log in so many spans of equal length, oldest first."""
    ((first, last),) = yield Statement(_SPAN)
    if first is None:
        return ()
    length = last - first + 1
    rows = yield Statement(_DENSITY, (first, length, buckets))
    yield from load_names(names.actors, {row[2] for row in rows})
    found: dict[int, list[Any]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(row[1:])
    return tuple(
        _bucket(
            names,
            first + number * length // buckets,
            first + (number + 1) * length // buckets,
            found.get(number, []),
        )
        for number in range(buckets)
    )


def _bucket(names: Names, start: int, end: int, rows: list[Any]) -> TimelineBucket:
    by_operation: Counter[Operation] = Counter()
    by_actor: Counter[str] = Counter()
    for operation, actor, count, _, _ in rows:
        by_operation[Operation(operation)] += count
        by_actor[names.actors.names[actor]] += count
    return TimelineBucket(
        start=to_datetime(start),
        end=to_datetime(end),
        changes=sum(by_operation.values()),
        first_sequence=min((row[3] for row in rows), default=None),
        last_sequence=max((row[4] for row in rows), default=None),
        by_operation=dict(by_operation),
        by_actor=dict(by_actor),
    )


def as_point(sequence: int, at: int, backup: str | None = None) -> RestorePoint:
    """Return a restore point of a time in microseconds."""
    return RestorePoint(sequence=sequence, at=to_datetime(at), backup=backup)
