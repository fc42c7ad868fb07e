"""Full text as people use it: words rare and common, questions, one agent and everything."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final, TypeAlias

from engine.bench.material import Material
from engine.bench.results import Bar, Measurement, Timings
from engine.bench.timing import Call, Effort, time_calls
from engine.query.filter import And, Compare, Field, Filter, Operator
from engine.store import MemoryStore

LIMIT: Final = 20
AGENT_P50_MS_MAX: Final = 10.0
AGENT_P99_MS_MAX: Final = 60.0
QUESTION_P50_MS_MAX: Final = 50.0
EVERYTHING_MS_MAX: Final = 200.0
SMALL_ITEMS: Final = 100_000
SMALL_P99_MS_MAX: Final = 100.0
"""Any search in a store of up to 100,000 items."""

Draw: TypeAlias = Callable[[], str]


def asked(material: Material, rng: random.Random) -> dict[str, tuple[str, Draw]]:
    """Return what is searched for: a description, and how to draw the words."""
    words = material.words

    def some(number: int) -> str:
        # Each as likely rare, middling or common: a vocabulary as such is nearly all rare words.
        pools = (words.rare, words.middling, words.common)
        return " ".join(rng.choice(rng.choice(pools)) for _ in range(number))

    def very_common() -> str:
        number = rng.randint(1, 3)
        return " ".join(rng.sample(list(words.very_common), min(number, len(words.very_common))))

    return {
        "1_word": ("one word", lambda: some(1)),
        "2_words": ("two words", lambda: some(2)),
        "3_words": ("three words", lambda: some(3)),
        "question": ("an eight-word question", lambda: rng.choice(words.questions)),
        "8_words": ("eight words from anywhere", lambda: some(8)),
        "very_common": ("one to three very common words", very_common),
    }


async def measure_searches(
    store: MemoryStore, material: Material, rng: random.Random, effort: Effort
) -> list[Measurement]:
    """Return the rows about search."""
    agent = material.searched_agent
    scope: Filter = Compare(Field.AGENT, Operator.EQ, agent)
    size = material.facets.agents[agent]
    rows = []
    for where, node, place in (
        ("agent", scope, f"in an agent of {size:,} items"),
        ("all", And(()), "over everything"),
    ):
        for name, (what, draw) in asked(material, rng).items():
            rows.append(
                await _measure(
                    store,
                    name=f"search.{where}.{name}",
                    what=f"top {LIMIT}, {place}: {what}",
                    draw=draw,
                    where=node,
                    items=material.facets.total,
                    effort=effort,
                )
            )
    return rows


async def _measure(
    store: MemoryStore,
    *,
    name: str,
    what: str,
    draw: Draw,
    where: Filter,
    items: int,
    effort: Effort,
) -> Measurement:
    hits: list[int] = []
    limited = 0

    def call() -> Call:
        words = draw()

        async def ask() -> None:
            nonlocal limited
            result = await store.search(words, where=where, limit=LIMIT)
            hits.append(len(result.hits))
            limited += bool(result.capped or result.dropped_words)

        return ask

    timings = Timings.of(await time_calls(call, effort))
    return Measurement(
        name=name,
        group="search",
        what=what,
        timings=timings,
        bars=_bars(name, timings, items),
        facts={
            "mean_hits": round(sum(hits) / max(len(hits), 1), 1),
            # Said in the result: words were left out, or only the newest matches were ranked.
            "limited_share": round(limited / max(len(hits), 1), 2),
        },
    )


def _bars(name: str, timings: Timings, items: int) -> tuple[Bar, ...]:
    p50, p99 = timings.p50 / 1e3, timings.p99 / 1e3
    bars: list[Bar] = []
    _, place, words = name.split(".")
    if place == "all":
        bars.append(Bar(what="p99", value=p99, limit=EVERYTHING_MS_MAX, unit="ms"))
    elif words in ("1_word", "2_words", "3_words"):
        bars.append(Bar(what="p50", value=p50, limit=AGENT_P50_MS_MAX, unit="ms"))
        bars.append(Bar(what="p99", value=p99, limit=AGENT_P99_MS_MAX, unit="ms"))
    elif words in ("question", "8_words"):
        bars.append(Bar(what="p50", value=p50, limit=QUESTION_P50_MS_MAX, unit="ms"))
    if items <= SMALL_ITEMS:
        bars.append(Bar(what="p99 at 100k", value=p99, limit=SMALL_P99_MS_MAX, unit="ms"))
    return tuple(bars)
