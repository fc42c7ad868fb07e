"""Numbers about a store's items that the planner goes by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import TypeAlias

from engine.query.indexed import Probe

Sums: TypeAlias = Mapping[tuple[int | None, int | None, int | None], int]


@dataclass(frozen=True, slots=True)
class Statistics:
    """Numbers of items: by agent, kind and tier, by the tags of a query, with its words."""

    sums: Sums
    """By (agent, kind, tier), None standing for any."""
    created_min: int = 0
    created_max: int = 0
    strays: int = 0
    tags: Mapping[int, int] = field(default_factory=dict)
    text_matches: int = 0
    entries: Mapping[Probe, int] = field(default_factory=dict)
    """Of custom indexes, by what is asked of them."""

    @property
    def items(self) -> int:
        """How many items the store holds."""
        return self.of(None, None, None)

    def of(self, agent: int | None, kind: int | None, tier: int | None) -> int:
        """Return how many items have these, None being any."""
        return self.sums.get((agent, kind, tier), 0)

    def created_share(self, begin: int | None, end: int | None) -> float:
        """Return which part of the items was made in a span of time, if evenly over time."""
        span = max(self.created_max - self.created_min, 1)
        begin = self.created_min if begin is None else begin
        end = self.created_max if end is None else end
        share = (min(end, self.created_max) - max(begin, self.created_min)) / span
        return min(1.0, max(share, 0.001))


def sum_up(rows: list[tuple[int, int, int, int]]) -> Sums:
    """Return the sums of (agent, kind, tier, items) rows over every choice of the first three."""
    sums: Counter[tuple[int | None, int | None, int | None]] = Counter()
    for agent, kind, tier, items in rows:
        for key in product((agent, None), (kind, None), (tier, None)):
            sums[key] += items
    return sums
