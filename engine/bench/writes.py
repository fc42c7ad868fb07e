"""Durable writes: against the usual asynchronous pattern and the driver by hand, and in bulk."""

from __future__ import annotations

import asyncio
import random
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, Final

from engine.bench.material import Material
from engine.bench.results import Bar, Measurement, Timings
from engine.bench.rivals import ByHand, Supply, Usual, rivals
from engine.bench.timing import Effort, time_side_by_side
from engine.procedures.mutations import Draft
from engine.store import MemoryStore

CALLERS: Final = 64
BLOCK: Final = 10
TO_USUAL_MIN: Final = 3.0
TO_RAW_MIN: Final = 2.0
ONE_CALLER_MAX: Final = 2.0
PATIENCE: Final = 3
PAUSE_NANOSECONDS: Final = 50_000_000
CHECKPOINT_MAX: Final = 1.5
"""The slowest thousandth may be this much slower with checkpoints than without."""
BATCH: Final = 10_000
SMALL_BATCH: Final = 1_000
SMALL_STORE_ITEMS: Final = 200_000
MANY_PER_SECOND: Final = 10_000
MANY_PER_SECOND_LARGE: Final = 5_000


async def measure_writes(
    store: MemoryStore,
    path: Path,
    material: Material,
    rng: random.Random,
    effort: Effort,
    *,
    batch_items: int,
) -> list[Measurement]:
    """Return the rows about writing; the store grows by what they write."""
    supply = Supply(material, rng)
    async with rivals(path) as (by_hand, usual):
        rows = [
            *await _many_callers(store, by_hand, usual, supply, effort),
            *await _one_caller(store, by_hand, supply, effort),
        ]
        by_hand.checkpoint()
    rows.append(await _tail(store, path, supply, effort, callers=1))
    rows.append(await _tail(store, path, supply, effort, callers=CALLERS))
    large = material.facets.total > SMALL_STORE_ITEMS
    for size in (BATCH, SMALL_BATCH):
        rows.append(await _put_many(store, supply, size, batch_items, large=large))
    return rows


async def _many_callers(
    store: MemoryStore, by_hand: ByHand, usual: Usual, supply: Supply, effort: Effort
) -> list[Measurement]:
    """64 callers put one item each, again and again; the three ways in turns."""
    block = max(CALLERS, effort.calls * 2)
    rates: dict[str, list[float]] = {"engine": [], "usual": [], "raw": []}
    taken: dict[str, list[float]] = {"engine": [], "usual": [], "raw": []}
    for round_ in range(effort.rounds + 1):
        results = {
            "engine": await time_side_by_side(
                [partial(_put, store, record) for record in supply.records(block)], CALLERS
            )
        }
        by_hand.checkpoint()
        results["usual"] = await time_side_by_side(
            [partial(usual.put, draft) for draft in supply.drafts(block)], CALLERS
        )
        by_hand.checkpoint()
        results["raw"] = _one_by_one(by_hand, supply.drafts(block))
        by_hand.checkpoint()
        if round_ == 0:
            continue
        for name, (each, wall) in results.items():
            taken[name] += each
            rates[name].append(block / wall)
    engine, usually, raw = (median(rates[name]) for name in ("engine", "usual", "raw"))
    rows = [
        Measurement(
            name="put.64_callers",
            group="put",
            what="durable put, 64 callers (3 tags, 500 bytes, full text, history)",
            timings=_timings(taken["engine"], rates["engine"], block),
            bars=(
                Bar(
                    what="to one transaction per await",
                    value=round(engine / usually, 2),
                    limit=TO_USUAL_MIN,
                    unit="x",
                    at_least=True,
                ),
                Bar(
                    what="to raw commits",
                    value=round(engine / raw, 2),
                    limit=TO_RAW_MIN,
                    unit="x",
                    at_least=True,
                ),
            ),
        )
    ]
    for name, what in (
        ("usual", "the same, every statement awaited, a transaction each"),
        ("raw", "the same by the driver alone, a commit each, on one thread"),
    ):
        rows.append(
            Measurement(
                name=f"put.{name}",
                group="put",
                what=what,
                timings=_timings(taken[name], rates[name], block),
            )
        )
    return rows


def _timings(taken: list[float], rates: list[float], block: int) -> Timings:
    return Timings.of(taken, wall_seconds=sum(block / rate for rate in rates))


async def _put(store: MemoryStore, record: dict[str, Any]) -> None:
    fields = dict(record)
    await store.put(fields.pop("id"), fields.pop("content"), **fields)


def _one_by_one(by_hand: ByHand, drafts: list[Draft]) -> tuple[list[float], float]:
    taken = []
    started = perf_counter()
    for draft in drafts:
        began = perf_counter()
        by_hand.put(draft)
        taken.append(perf_counter() - began)
    return taken, perf_counter() - started


async def _one_caller(
    store: MemoryStore, by_hand: ByHand, supply: Supply, effort: Effort
) -> list[Measurement]:
    engine: list[float] = []
    raw: list[float] = []
    until = perf_counter() + effort.seconds_max
    for round_ in range(effort.calls * 2 // BLOCK + 2):
        engine_block, _ = await time_side_by_side(
            [partial(_put, store, record) for record in supply.records(BLOCK)], 1
        )
        raw_block, _ = _one_by_one(by_hand, supply.drafts(BLOCK))
        if round_ > 0:
            engine += engine_block
            raw += raw_block
        if round_ > 0 and perf_counter() > until:
            break
    ratio = round(median(engine) / median(raw), 2)
    return [
        Measurement(
            name="put.one_caller",
            group="put",
            what="durable put, one caller",
            timings=Timings.of(engine),
            bars=(Bar(what="p50 to raw", value=ratio, limit=ONE_CALLER_MAX, unit="x"),),
            facts={"raw_p50_us": round(median(raw) * 1e6, 1)},
        )
    ]


class _Checkpoints:
    """Notices checkpoints: only they write to the main file of a store."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written_at = path.stat().st_mtime_ns
        self._writes = 0
        self.seen = 0

    def look(self) -> int:
        """Return a number that differs if one was at work; looks at the file only from outside."""
        written_at = self._path.stat().st_mtime_ns
        if written_at != self._written_at:
            # One checkpoint writes many pages, one soon after the other.
            self.seen += written_at - self._written_at > PAUSE_NANOSECONDS
            self._written_at = written_at
            self._writes += 1
        return self._writes


async def _tail(
    store: MemoryStore, path: Path, supply: Supply, effort: Effort, *, callers: int
) -> Measurement:
    """Put for a while, and tell the puts that a checkpoint fell into from the others."""
    checkpoints = _Checkpoints(path)
    spared: list[float] = []
    struck: list[float] = []
    started = perf_counter()

    def enough() -> bool:
        passed = perf_counter() - started
        # Without a checkpoint nothing would be shown: then a while longer.
        return passed > effort.seconds_max * (1 if checkpoints.seen else PATIENCE)

    async def caller() -> None:
        while not enough():
            (record,) = supply.records(1)
            before = checkpoints.look()
            began = perf_counter()
            await _put(store, record)
            seconds = perf_counter() - began
            (spared if checkpoints.look() == before else struck).append(seconds)

    await asyncio.gather(*[caller() for _ in range(callers)])
    every = Timings.of(spared + struck, wall_seconds=perf_counter() - started)
    without = Timings.of(spared or struck)
    ratio = round(every.p999 / max(without.p999, 1e-9), 2)
    name = "one_caller" if callers == 1 else f"{callers}_callers"
    return Measurement(
        name=f"put.tail_{name}",
        group="put",
        what=f"the slowest thousandth of puts, {name.replace('_', ' ')}: with checkpoints",
        timings=every,
        bars=(Bar(what="p99.9 to without", value=ratio, limit=CHECKPOINT_MAX, unit="x"),),
        facts={
            "checkpoints": checkpoints.seen,
            "puts_in_checkpoints": len(struck),
            "p999_without_us": without.p999,
            "max_without_us": without.maximum,
        },
    )


async def _put_many(
    store: MemoryStore, supply: Supply, size: int, items: int, *, large: bool
) -> Measurement:
    """Put batches of `size` until `items` are written; one smaller batch if they are fewer."""
    name = f"put_many.{size}"
    size = min(size, items)
    taken = []
    for _ in range(max(1, items // size)):
        records = supply.records(size)
        began = perf_counter()
        await store.put_many(records)
        taken.append(perf_counter() - began)
    rate = round(size * len(taken) / sum(taken))
    return Measurement(
        name=name,
        group="put_many",
        what=f"put_many in batches of {size:,} (full text, history)",
        timings=Timings.of(taken),
        bars=(
            Bar(
                what="items",
                value=rate,
                limit=MANY_PER_SECOND_LARGE if large else MANY_PER_SECOND,
                unit="/s",
                at_least=True,
            ),
        ),
        facts={"items": size * len(taken)},
    )
