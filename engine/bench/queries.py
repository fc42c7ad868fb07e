"""Queries as an agent or a person asks them: the newest hundred, by every kind of filter."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, TypeAlias

from engine.bench.material import Material, weighted
from engine.bench.results import Bar, Measurement, Timings
from engine.bench.timing import Call, Effort, time_calls
from engine.query.filter import And, Compare, Field, Filter, Operator, Or
from engine.store import MemoryStore

LIMIT: Final = 100
P50_MS_MAX: Final = 5.0
P99_MS_MAX: Final = 20.0
DEPTH_MAX: Final = 20_000
EVERYTHING: Final = And(())

Draw: TypeAlias = Callable[[], list[Filter]]


class _Drawing:
    """Draws the parts of filters."""

    def __init__(self, material: Material, rng: random.Random) -> None:
        self._material = material
        self._rng = rng
        self._agents = list(material.facets.agents)
        self._kind = weighted(dict(material.facets.kinds), rng)
        self._tier = weighted(dict(material.facets.tiers), rng)

    def agent(self) -> list[Filter]:
        return [_equal(Field.AGENT, self._rng.choice(self._agents))]

    def kind(self) -> list[Filter]:
        return [_equal(Field.KIND, self._kind())]

    def important(self) -> list[Filter]:
        return [Compare(Field.IMPORTANCE, Operator.GE, round(self._rng.uniform(0.1, 0.9), 2))]

    def very_important(self) -> list[Filter]:
        return [Compare(Field.IMPORTANCE, Operator.GE, 0.99)]

    def span(self) -> list[Filter]:
        begin, end = self._material.created_from, self._material.created_to
        length = int((end - begin) * self._rng.uniform(0.05, 0.5))
        first = self._rng.randint(begin, end - length)
        return [
            Compare(Field.CREATED, Operator.GE, first),
            Compare(Field.CREATED, Operator.LT, first + length),
        ]

    def combined(self) -> list[Filter]:
        tier: list[Filter] = [_equal(Field.TIER, self._tier())]
        return [*self.agent(), *self.kind(), *tier, *self.important(), *self.span()]

    def popular(self, number: int = 1) -> list[Filter]:
        return _tags(self._rng, self._material.popular_tags, number)

    def rare(self, number: int = 1) -> list[Filter]:
        return _tags(self._rng, self._material.rare_tags, number)

    def mixed(self) -> list[Filter]:
        return self._rng.choice([self.popular, self.rare])(2)


def _equal(field: Field, value: object) -> Filter:
    return Compare(field, Operator.EQ, value)


def _tags(rng: random.Random, tags: object, number: int) -> list[Filter]:
    names = list(tags) if isinstance(tags, (list, tuple)) else []
    return [_equal(Field.TAG, tag) for tag in rng.sample(names, min(number, len(names)))]


def _any(parts: list[Filter]) -> list[Filter]:
    return [Or(tuple(parts))] if parts else []


def shapes(drawing: _Drawing) -> Mapping[str, tuple[str, Draw]]:
    """Return the queries that are measured: what each asks, and how to draw one."""
    d = drawing
    return {
        "agent": ("one agent", d.agent),
        "agent_kind": ("agent and kind", lambda: [*d.agent(), *d.kind()]),
        "combined": ("agent, kind, tier, importance and time", d.combined),
        "combined_any": (
            "agent, kind, tier, importance, time and any of two tags",
            lambda: [*d.combined(), *_any(d.mixed())],
        ),
        "any_popular": ("any of two popular tags", lambda: _any(d.popular(2))),
        "any_mixed": (
            "a popular tag or a rare one",
            lambda: _any([*d.popular(), *d.rare()]),
        ),
        "any_agent": (
            "agent and any of two popular tags",
            lambda: [*d.agent(), *_any(d.popular(2))],
        ),
        "all_popular": ("two popular tags", lambda: d.popular(2)),
        "all_mixed": ("a popular tag and a rare one", lambda: [*d.popular(), *d.rare()]),
        "all_agent": ("agent and two popular tags", lambda: [*d.agent(), *d.popular(2)]),
        "tag_agent": ("agent and a popular tag", lambda: [*d.agent(), *d.popular()]),
        "tag_kind": ("kind and a popular tag", lambda: [*d.kind(), *d.popular()]),
        "important": ("importance >= 0.99", d.very_important),
        "important_agent": (
            "agent and importance >= 0.99",
            lambda: [*d.agent(), *d.very_important()],
        ),
    }


async def measure_queries(
    store: MemoryStore, material: Material, rng: random.Random, effort: Effort
) -> list[Measurement]:
    """Return the rows about queries."""
    rows = []
    for name, (what, draw) in shapes(_Drawing(material, rng)).items():
        rows.append(await _measure(store, f"query.{name}", what, draw, effort))
    rows.append(await _deep(store, effort))
    return rows


async def _measure(
    store: MemoryStore, name: str, what: str, draw: Draw, effort: Effort
) -> Measurement:
    found: list[int] = []

    def call() -> Call:
        node = And(tuple(draw()))

        async def ask() -> None:
            page = await store.query(node, limit=LIMIT)
            found.append(len(page.items))

        return ask

    taken = await time_calls(call, effort)
    return _row(name, what, Timings.of(taken), sum(found) / max(len(found), 1))


def _row(name: str, what: str, timings: Timings, found: float) -> Measurement:
    return Measurement(
        name=name,
        group="query",
        what=f"newest {LIMIT}: {what}",
        timings=timings,
        bars=(
            Bar(what="p50", value=timings.p50 / 1e3, limit=P50_MS_MAX, unit="ms"),
            Bar(what="p99", value=timings.p99 / 1e3, limit=P99_MS_MAX, unit="ms"),
        ),
        facts={"mean_items": round(found, 1)},
    )


async def _deep(store: MemoryStore, effort: Effort) -> Measurement:
    """Page on from far down the list."""
    total = await store.count("")
    depth = max(1, min(DEPTH_MAX, total // 2))
    first = await store.query(EVERYTHING, limit=depth)
    cursor = first.cursor

    def call() -> Call:
        async def turn() -> None:
            nonlocal cursor
            page = await store.query(EVERYTHING, limit=LIMIT, after=cursor)
            cursor = page.cursor or first.cursor

        return turn

    timings = Timings.of(await time_calls(partial(call), effort))
    return _row("query.deep", f"everything, {depth:,} items down, by cursor", timings, LIMIT)
