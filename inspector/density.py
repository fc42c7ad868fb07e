"""How dense changes are over time: spans of equal length, and joined to as many as fit. Pure."""

from __future__ import annotations

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
