"""Looking back: how a store differs between two points, and when it changed how much."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Final

from engine.clock import to_datetime, to_microseconds
from engine.differences import (
    ItemDifference,
    ItemSides,
    LinkDifference,
    Point,
    RestorePoint,
    StoreDifference,
    Timeline,
)
from engine.errors import InvalidSettingError, RestorePointError
from engine.procedures import comparing, points
from engine.procedures.base import Procedure
from engine.procedures.names import Names
from engine.procedures.pasts import Wanted, everything
from engine.procedures.points import Reach, as_point
from engine.services.core import Core
from engine.validation import check_id

SAMPLES: Final = 20
"""Items that differ which a difference names at once."""


class PastService(Core):
    """The part of a store that compares what it was at different points."""

    async def diff(self, before: Point, after: Point | None = None) -> StoreDifference:
        """Return how the store differs between two points, sequences or times; by default to now.

        It is told from the change log, whatever the size of the store. What differs one by one is
        read with `diff_items` and `diff_links`.

        Raises:
            RestorePointError: the change log does not reach one of the points.
            CorruptStoreError: the log contradicts the items.
        """
        return await self._backend.examine(_diff, self._names, _moment(before), _moment(after))

    async def diff_items(self, difference: StoreDifference) -> AsyncGenerator[ItemDifference, None]:
        """Yield the items that differ, in order of id."""
        beyond = ""
        while page := await self._backend.read(
            comparing.compare_page,
            self._names,
            difference.before.sequence,
            difference.after.sequence,
            beyond,
        ):
            found, beyond = page
            for item in found:
                yield item

    async def diff_links(self, difference: StoreDifference) -> list[LinkDifference]:
        """Return the associations that differ, by source, relation and target."""
        return await self._backend.examine(
            comparing.compare_links, difference.before.sequence, difference.after.sequence
        )

    async def diff_item(self, difference: StoreDifference, item_id: str) -> ItemSides:
        """Return one item before and after, with its contents; None where it was not there.

        Raises:
            CorruptItemError: its content at one of the points is damaged.
        """
        return await self._backend.read(
            comparing.compare_item,
            self._names,
            check_id(item_id, self.limits),
            difference.before.sequence,
            difference.after.sequence,
        )

    async def timeline(self, buckets: int = 60) -> Timeline:
        """Return how many changes were made when, by operation and actor, in equal spans of time.

        Raises:
            InvalidSettingError: `buckets` is not from 1 to 10,000.
        """
        if not 1 <= buckets <= points.BUCKETS_MAX:
            raise InvalidSettingError(
                f"buckets is {buckets}; it is from 1 to {points.BUCKETS_MAX:,}", hint="use 60"
            )
        return await self._backend.examine(_timeline, self._names, buckets)


def _moment(point: Point | None) -> int | tuple[int] | None:
    """Return a sequence, or a time in microseconds as a tuple of one."""
    return (to_microseconds(point),) if isinstance(point, datetime) else point


def _resolve(moment: int | tuple[int] | None, reach: Reach) -> Procedure[RestorePoint]:
    if moment is None:
        return as_point(reach.last, reach.last_at)
    if isinstance(moment, tuple):
        sequence = yield from points.sequence_at(moment[0])
        if sequence is None and reach.first == 0 and moment[0] >= reach.created_at:
            sequence = 0
    else:
        sequence = moment
    if sequence is None:
        raise RestorePointError(
            "the change log does not reach so far back",
            oldest=reach.first,
            newest=reach.last,
            hint=f"it begins at {to_datetime(reach.first_at):%Y-%m-%d %H:%M:%S} UTC; an older "
            "point may be in a backup",
        )
    yield from points.require_reached(sequence)
    return as_point(sequence, (yield from points.time_of(sequence)))


def _diff(
    names: Names,
    before: int | tuple[int] | None,
    after: int | tuple[int] | None,
) -> Procedure[StoreDifference]:
    reach = yield from points.load_reach_of_log()
    first = yield from _resolve(before, reach)
    last = yield from _resolve(after, reach)
    return (yield from compare_stores(names, first, last))


def compare_stores(
    names: Names, first: RestorePoint, last: RestorePoint, wanted: Wanted = everything
) -> Procedure[StoreDifference]:
    """Return how a store differs between two points, of the items that are wanted.

    Raises:
        CorruptStoreError: the log contradicts the items.
    """
    tally = comparing.Tally()
    samples: list[ItemDifference] = []
    beyond = ""
    while page := (
        yield from comparing.compare_page(names, first.sequence, last.sequence, beyond, wanted)
    ):
        found, beyond = page
        tally.add(found)
        samples += found[: SAMPLES - len(samples)]
    links = yield from comparing.compare_links(first.sequence, last.sequence, wanted)
    return StoreDifference(
        before=first,
        after=last,
        items=comparing.counts_of(tally.items),
        by_agent=comparing.counts_by(tally.by_agent),
        by_kind=comparing.counts_by(tally.by_kind),
        links_added=sum(1 for link in links if link.before is None),
        links_changed=sum(1 for link in links if None not in (link.before, link.after)),
        links_removed=sum(1 for link in links if link.after is None),
        changes=tally.changes,
        samples=tuple(samples),
    )


def _timeline(names: Names, buckets: int) -> Procedure[Timeline]:
    reach = yield from points.load_reach_of_log()
    return Timeline(
        oldest=as_point(reach.first, reach.first_at),
        newest=as_point(reach.last, reach.last_at),
        buckets=(yield from points.count_changes(names, buckets)),
    )
