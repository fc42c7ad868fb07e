"""How dense changes are over time: spans of equal length, and joined to as many as fit. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate, pairwise


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The changes made from `start` on and before `end`; `last` is the newest of them, if any."""

    start: datetime
    end: datetime
    changes: int = 0
    last: int | None = None
    by_operation: Mapping[str, int] = field(default_factory=dict)
    by_actor: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A restore point: the store after the change with this sequence, and when that was."""

    sequence: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Density:
    """All changes that the store's own log still has, oldest first."""

    oldest: Moment
    newest: Moment
    spans: tuple[Span, ...]


def joined(spans: Sequence[Span]) -> Span:
    """Return neighbouring spans as one; there is at least one of them."""
    if len(spans) == 1:
        return spans[0]
    by_operation: Counter[str] = Counter()
    by_actor: Counter[str] = Counter()
    for span in spans:
        if span.changes:
            by_operation.update(span.by_operation)
            by_actor.update(span.by_actor)
    lasts = [span.last for span in spans if span.last is not None]
    return Span(
        start=spans[0].start,
        end=spans[-1].end,
        changes=by_operation.total(),
        last=max(lasts, default=None),
        by_operation=by_operation,
        by_actor=by_actor,
    )


def columns(spans: Sequence[Span], count: int) -> list[Span]:
    """Return the spans joined to `count` columns; to fewer where there are fewer."""
    count = min(count, len(spans))
    edges = [len(spans) * number // count for number in range(count + 1)] if count else []
    return [joined(spans[first:last]) for first, last in pairwise(edges)]


def reached(spans: Iterable[Span], before: int) -> list[int]:
    """Return the newest change at the end of each span; `before` is the one before the first.

    Where the clock was set back, a later change lies in an earlier span: what was reached stays.
    """
    return list(accumulate((span.last or 0 for span in spans), max, initial=before))[1:]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """The part of all spans that is in sight, joined to columns."""

    columns: Sequence[Span] = ()
    reached: Sequence[int] = ()
    """The newest change at the end of each column."""
    before: int = 0
    """The newest change before the first column."""
    first: int = 0
    """The first span in sight."""

    def column_of(self, sequence: int) -> int:
        """Return the column that reaches a change."""
        return max(0, min(bisect_left(self.reached, sequence), len(self.columns) - 1))

    def nearest(self, column: int) -> tuple[Span | None, Span | None]:
        """Return the nearest columns before and after one that have changes."""
        before = (span for span in reversed(self.columns[:column]) if span.changes)
        after = (span for span in self.columns[column + 1 :] if span.changes)
        return next(before, None), next(after, None)


def look(
    density: Density, *, position: int, width: int, scale: float, first: int | None = None
) -> Sight:
    """Return a `scale`-th part of all time in at most `width` columns, with `position` in it.

    It begins at the span `first`, if `position` is in sight from there; else that is its middle.
    """
    total = len(density.spans)
    if not total or width <= 0:
        return Sight()
    shown = max(min(width, total), round(total / scale))
    newest = reached(density.spans, density.oldest.sequence)
    here = min(bisect_left(newest, position), total - 1)
    if first is None or not first <= here < first + shown:
        first = here - shown // 2
    first = max(0, min(first, total - shown))
    before = newest[first - 1] if first else density.oldest.sequence
    joined_spans = columns(density.spans[first : first + shown], width)
    return Sight(
        columns=joined_spans, reached=reached(joined_spans, before), before=before, first=first
    )
