"""An agent of a simulated year: what it has stored, and what it reads again."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from inspector.sample.year_repeats import Said

HOT = 40
"""Items that an agent reads again and again."""

READS_PER_ITEM = 0.6


@dataclass(slots=True)
class Agent:
    """One of the agents, as far as the year has come."""

    name: str
    session_id: str = ""
    session_left: int = 0
    place: int = 0
    """Which project the session is about."""

    turns: int = 0
    recent: dict[str, list[Said]] = field(default_factory=dict)
    ids: list[str] = field(default_factory=list)
    importances: list[float] = field(default_factory=list)
    hot: list[str] = field(default_factory=list)

    def reads(self, rng: random.Random, count: float) -> Iterator[str]:
        """Yield the ids that an agent reads on a day: hot ones, new ones, seldom an old one."""
        rnd, ids = rng.random, self.ids
        if not ids:
            return
        self._warm(rng)
        size, hot = len(ids), self.hot
        for _ in range(int(count * READS_PER_ITEM + rnd())):
            draw = rnd()
            if draw < 0.5:
                yield hot[int(rnd() ** 3 * len(hot))]
            elif draw < 0.97:
                # Of two recent ones it is the more important that is asked for.
                one, two = (max(0, size - 1 - int(rng.expovariate(1 / 80))) for _ in range(2))
                yield ids[max(one, two, key=self.importances.__getitem__)]
            else:
                yield ids[int(rnd() * size)]

    def _warm(self, rng: random.Random) -> None:
        """Let a few important new items take the place of hot ones."""
        rnd, ids, size = rng.random, self.ids, len(self.ids)
        wanted = 1 if len(self.hot) == HOT else HOT - len(self.hot)
        for _ in range(wanted):
            places = [max(0, size - 1 - int(rnd() * 300)) for _ in range(5)]
            best = ids[max(places, key=self.importances.__getitem__)]
            if best in self.hot:
                continue
            if len(self.hot) < HOT:
                self.hot.append(best)
            else:
                self.hot[int(rnd() * HOT)] = best
