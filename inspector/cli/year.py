"""A year in two stores that are told the same: one has lifecycle policies, the other has none.

Time is only counted: each day is played as it comes, so that a year takes a minute or two.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine import MemoryStore
    from inspector.sample.year import Day

START = datetime(2025, 1, 1, tzinfo=UTC)
DAYS = 365
EVENING = timedelta(hours=17)
"""From the morning of a day until it is stored."""
NIGHT = timedelta(hours=6)
"""In which that day's reads happen, evenly."""
WEEK_DAYS = 7
SEARCHES = 20
"""In each month, in each of the two stores."""
WORKING, SHORT_TERM = 100, 1_000
HISTORY_DAYS = 30

POLICIES = """\
# Exact duplicates share one content.
[[policy]]
name = "share_equal"
when = ""
do = "deduplicate"

# What nobody read for a quarter of a year, matters little and was hardly ever read before.
[[policy]]
name = "forget_what_nobody_reads"
when = "tier:archive idle>90d created>90d importance<0.5 accesses<2"
do = "delete"

# Near duplicates become differences from the one that is worth most.
[[policy]]
name = "merge_alike"
when = "idle>14d created>14d"
do = "merge 0.6"

[[policy]]
name = "archive_idle"
when = "idle>14d created>14d -tier:archive"
do = "archive"

[[policy]]
name = "pack_the_rest"
when = "created>7d"
do = "compress"
"""

_WORD = re.compile(r"[a-z]{5,}")


class VirtualClock:
    """Counts microseconds from one look to the next, and goes on to any moment that it is told."""

    def __init__(self, start: datetime) -> None:
        self._now = _microseconds(start)

    def __call__(self) -> int:
        """Return the moment in UTC microseconds since 1970, never the same twice."""
        self._now += 1
        return self._now

    def go_to(self, moment: datetime) -> None:
        """Let time pass until `moment`; it never goes back."""
        self._now = max(self._now, _microseconds(moment))


def _microseconds(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the stores at the end of a month; latencies are in milliseconds."""

    bytes: int
    get_p50_ms: float
    get_p99_ms: float
    search_p50_ms: float
    search_p99_ms: float

    def as_record(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {name: round(value, 3) for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """What a month came to: how many items, in which tiers, and both stores at its end."""

    name: str
    items: int
    tiers: Mapping[str, int]
    without: Side
    with_: Side

    @property
    def saving(self) -> float:
        """Part of the size without lifecycle that lifecycle saves."""
        return 1 - self.with_.bytes / self.without.bytes


@dataclass(slots=True)
class _Player:
    """One of the stores while the year is played into it."""

    path: Path
    clock: VirtualClock
    policies: bool
    deleted: set[str] = field(default_factory=set)
    gets: list[float] = field(default_factory=list)
    searches: list[float] = field(default_factory=list)
    memories: MemoryStore | None = None

    @property
    def store(self) -> MemoryStore:
        if self.memories is None:
            raise RuntimeError("the store of a year is closed")
        return self.memories

    async def open(self, *, create: bool = False) -> None:
        from engine import open_store

        # Nobody knows the file yet: it is made durable once, at the end.
        self.memories = await open_store(
            self.path, create=create, durability="relaxed", actor="year", clock=self.clock
        )

    async def set_up(self) -> None:
        from engine import load_policies

        await self.open(create=True)
        if self.policies:
            await self.store.lifecycle.replace(load_policies(POLICIES))
            await self.store.tiers.configure(working=WORKING, short_term=SHORT_TERM)
            await self.store.lifecycle.keep_history(HISTORY_DAYS)
        else:
            await self.store.lifecycle.replace([])
            await self.store.tiers.configure(working=None, short_term=None, promote=False)

    async def close(self) -> None:
        if self.memories is not None:
            await self.memories.close()
            self.memories = None

    async def get(self, item_id: str) -> None:
        began = time.perf_counter()
        await self.store.get(item_id)
        self.gets.append(time.perf_counter() - began)

    async def search(self, words: str) -> None:
        began = time.perf_counter()
        await self.store.search(words)
        self.searches.append(time.perf_counter() - began)

    async def end_day(self, number: int) -> None:
        """Write down the reads, and look after the tiers: daily, and with policies weekly."""
        await self.store.flush()
        if self.policies:
            await self.store.tiers.optimize()
            if number % WEEK_DAYS == 0:
                plan = await self.store.lifecycle.plan()
                self.deleted.update(c.item_id for c in plan.changes if c.action == "delete")
                await self.store.lifecycle.apply(plan)

    async def end_month(self) -> Side:
        """Give back what is free, write everything into the one file, and measure."""
        # Of both stores alike: what lifecycle frees must not be compared with what nobody freed.
        await self.store.lifecycle.vacuum()
        await self.close()
        size = self.path.stat().st_size
        await self.open()
        gets, searches = _percentiles(self.gets), _percentiles(self.searches)
        self.gets, self.searches = [], []
        return Side(
            bytes=size,
            get_p50_ms=gets[0],
            get_p99_ms=gets[1],
            search_p50_ms=searches[0],
            search_p99_ms=searches[1],
        )


def _percentiles(seconds: Sequence[float]) -> tuple[float, float]:
    """Return the median and the 99th percentile in milliseconds; 0 of nothing."""
    if not seconds:
        return 0.0, 0.0
    ordered = sorted(seconds)
    last = len(ordered) - 1
    return ordered[last // 2] * 1e3, ordered[round(last * 0.99)] * 1e3


Progress = Callable[[int, int], None]
"""Told how many days have passed, and of how many."""


async def play(
    items: int,
    seed: int,
    with_: Path,
    without: Path,
    *,
    deleted: set[str],
    progress: Progress,
) -> AsyncIterator[Month]:
    """Play a year into two new stores, and yield each of its months as it ends.

    The ids of items that policies delete are added to `deleted`.
    """
    from inspector.sample.year import days

    clocks = VirtualClock(START), VirtualClock(START)
    players = [
        _Player(without, clocks[0], policies=False),
        _Player(with_, clocks[1], policies=True, deleted=deleted),
    ]
    # A sample needs repeatable numbers, not unguessable ones.
    rng = random.Random(seed)  # noqa: S311
    stored: list[str] = []
    async with AsyncExitStack() as stack:
        for player in players:
            stack.push_async_callback(player.close)
            await player.set_up()
        for number, day in enumerate(days(items, seed, start=START, days=DAYS), start=1):
            stored += [_text(record) for record in day.records]
            for player in players:
                await _begin_day(player, day)
            # In turns, so that both are as fast as the machine just then is.
            for moment, item_id in _moments(day):
                for player in players:
                    player.clock.go_to(moment)
                    await player.get(item_id)
            for player in players:
                await player.end_day(number)
            progress(number, DAYS)
            if (day.at + timedelta(days=1)).month != day.at.month:
                yield await _end_month(players, day, _queries(rng, stored))
                stored = []


async def _begin_day(player: _Player, day: Day) -> None:
    player.clock.go_to(day.at + EVENING)
    if day.records:
        await player.store.put_many(day.records)


def _moments(day: Day) -> Iterator[tuple[datetime, str]]:
    for number, item_id in enumerate(day.reads):
        yield day.at + EVENING + NIGHT * number / len(day.reads), item_id


def _text(record: Mapping[str, Any]) -> str:
    content = record["content"]
    return content if isinstance(content, str) else ""


def _queries(rng: random.Random, texts: Sequence[str]) -> list[str]:
    """Return pairs of words, each from one of the texts."""
    queries = []
    for _ in range(SEARCHES):
        words = _WORD.findall(rng.choice(texts)) if texts else []
        if words:
            queries.append(f"{rng.choice(words)} {rng.choice(words)}")
    return queries


async def _end_month(players: Sequence[_Player], day: Day, queries: Sequence[str]) -> Month:
    for words in queries:
        for player in players:
            await player.search(words)
    without, with_ = [await player.end_month() for player in players]
    tiers: dict[str, int] = {}
    for one in await players[1].store.tiers.counts():
        tiers[one.tier.label] = tiers.get(one.tier.label, 0) + one.count
    return Month(
        name=f"{day.at:%Y-%m}",
        items=sum(tiers.values()),
        tiers=tiers,
        without=without,
        with_=with_,
    )
