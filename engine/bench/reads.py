"""Reading single items: against the driver used by hand, with many callers, with statistics."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import fmean, median
from time import perf_counter
from typing import Any, Final

import orjson

from engine.backends.sqlite.connection import Connection, connect_reader
from engine.bench.material import Material
from engine.bench.results import Bar, Measurement, Timings
from engine.bench.timing import Effort, Lag, loop_lag, time_side_by_side
from engine.compression import decompress_bounded
from engine.models import Codec
from engine.store import MemoryStore

CALLERS: Final = 64
BLOCK: Final = 20
"""Calls of one kind before it is the other's turn: both find the same caches and noise."""
RATIO_MAX: Final = 1.5
P99_MS_MAX: Final = 1.0
RATIO_MANY_MAX: Final = 4.0
LAG_MS_MAX: Final = 20.0
STATISTICS_MIN: Final = 0.9
STATISTICS_SECONDS: Final = 0.7
"""Longer than statistics wait in memory, so that writing them is part of it."""

# What somebody would write by hand over the same tables to have the same item.
RAW_GET: Final = (
    "SELECT i.id, g.name, k.name, i.tier, i.importance, i.created_at, i.updated_at, i.version, "
    "s.name, i.size_bytes, c.codec, i.hash, i.metadata, "
    "(SELECT group_concat(n.name, char(31)) FROM item_tags t JOIN tags n USING (tag_key) "
    "WHERE t.item_key = i.item_key), a.last_accessed_at, a.access_count, c.data "
    "FROM items i JOIN contents c USING (content_key) "
    "JOIN agents g USING (agent_key) JOIN kinds k USING (kind_key) "
    "LEFT JOIN sessions s USING (session_key) LEFT JOIN access a ON a.item_key = i.item_key "
    "WHERE i.id = ?"
)
_SIZE, _CODEC, _METADATA, _TAGS, _CONTENT = 9, 10, 12, 13, 16


def decode_row(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a row of `RAW_GET` with its tags, metadata and content as values."""
    codec, data = row[_CODEC], row[_CONTENT]
    raw = decompress_bounded(data, row[_SIZE]) if codec >= Codec.JSON_COMPRESSED else data
    base = codec & 15
    content: Any = raw
    if base == Codec.TEXT:
        content = raw.decode()
    elif base == Codec.JSON:
        content = orjson.loads(raw)
    tags = frozenset(row[_TAGS].split("\x1f")) if row[_TAGS] else frozenset()
    metadata = orjson.loads(row[_METADATA]) if row[_METADATA] else {}
    return (*row[:_METADATA], metadata, tags, *row[_TAGS + 1 : _CONTENT], content)


def raw_get(connection: Any, item_id: str) -> Any:
    """Read an item with the driver alone."""
    row = connection.execute(RAW_GET, (item_id,)).fetchone()
    return None if row is None else decode_row(row)


async def awaited_get(connection: Connection, item_id: str) -> Any:
    """Read an item in the usual asynchronous way: every step is awaited."""
    async with connection.execute(RAW_GET, (item_id,)) as cursor:
        row = await cursor.fetchone()
    return None if row is None else decode_row(tuple(row))


Reader = Callable[[str], Awaitable[Any]]


@dataclass(slots=True)
class _Lane:
    """One way to read, and how long its calls took."""

    read: Reader
    taken: list[float] = field(default_factory=list)

    async def run(self, ids: list[str]) -> None:
        for item_id in ids:
            await asyncio.sleep(0)
            began = perf_counter()
            await self.read(item_id)
            self.taken.append(perf_counter() - began)


async def measure_reads(
    store: MemoryStore, path: Path, material: Material, rng: random.Random, effort: Effort
) -> list[Measurement]:
    """Return the rows about `get` and `peek`."""
    async with AsyncExitStack() as stack:
        raw = connect_reader(path, immutable=False, busy_timeout_seconds=5.0)
        stack.enter_context(closing(raw))
        usual = await stack.enter_async_context(_usual(path))
        rows = await _one_caller(store, raw, usual, material, rng, effort)
        rows.append(await _many_callers(store, raw, material, rng, effort))
    rows.append(await _statistics(store, material, rng, effort))
    return rows


@asynccontextmanager
async def _usual(path: Path) -> Any:
    connection = Connection(partial(connect_reader, path, immutable=False, busy_timeout_seconds=5))
    await connection
    try:
        yield connection
    finally:
        await connection.close()


async def _one_caller(
    store: MemoryStore,
    raw: Any,
    usual: Connection,
    material: Material,
    rng: random.Random,
    effort: Effort,
) -> list[Measurement]:
    async def by_hand(item_id: str) -> Any:
        return raw_get(raw, item_id)

    lanes = {
        "raw": _Lane(by_hand),
        "peek": _Lane(store.peek),
        "get": _Lane(store.get),
        "usual": _Lane(partial(awaited_get, usual)),
    }
    for lane in lanes.values():
        await lane.run(list(material.hot_ids))
        lane.taken.clear()
    names = list(lanes)
    until = perf_counter() + effort.seconds_max
    for _ in range(effort.calls * effort.rounds // BLOCK + 1):
        # Another order each time, so that nobody always comes after the same one.
        for name in rng.sample(names, len(names)):
            await lanes[name].run(rng.choices(material.hot_ids, k=BLOCK))
        if perf_counter() > until:
            break
    floor = median(lanes["raw"].taken)
    what = {
        "raw": "the same row by the driver alone, on the same thread",
        "peek": "peek, one caller",
        "get": "get, one caller, access recorded",
        "usual": "the same row with `async with execute` and `fetchone`",
    }
    rows = []
    for name, lane in lanes.items():
        timings = Timings.of(lane.taken)
        ratio = round(median(lane.taken) / floor, 2)
        bars: tuple[Bar, ...] = ()
        if name in ("peek", "get"):
            bars = (
                Bar(what="p50 to raw", value=ratio, limit=RATIO_MAX, unit="x"),
                Bar(what="p99", value=timings.p99 / 1e3, limit=P99_MS_MAX, unit="ms"),
            )
        rows.append(
            Measurement(
                name=f"get.{name}",
                group="get",
                what=what[name],
                timings=timings,
                bars=bars,
                facts={"p50_to_raw": ratio},
            )
        )
    return rows


async def _many_callers(
    store: MemoryStore, raw: Any, material: Material, rng: random.Random, effort: Effort
) -> Measurement:
    """64 callers read side by side; between their blocks the driver reads as many by hand."""
    block = max(CALLERS, effort.calls * 4)
    taken: list[float] = []
    engine_seconds: list[float] = []
    raw_seconds: list[float] = []
    worst = Lag()
    for round_ in range(effort.rounds + 1):
        ids = rng.choices(material.hot_ids, k=block)
        async with loop_lag() as lag:
            each, wall = await time_side_by_side([partial(store.get, i) for i in ids], CALLERS)
        began = perf_counter()
        for item_id in ids:
            raw_get(raw, item_id)
        by_hand = perf_counter() - began
        if round_ == 0:
            continue
        taken += each
        engine_seconds.append(wall / block)
        raw_seconds.append(by_hand / block)
        worst = max(worst, lag, key=lambda lag: lag.longest)
    async with loop_lag() as idle:
        await asyncio.sleep(min(0.5, effort.seconds_max / 2))
    ratio = round(median(engine_seconds) / median(raw_seconds), 2)
    return Measurement(
        name="get.64_callers",
        group="get",
        what="get, 64 callers: time per read, and how late the event loop was",
        timings=Timings.of(taken, wall_seconds=sum(engine_seconds) * block),
        bars=(
            Bar(what="per read to raw", value=ratio, limit=RATIO_MANY_MAX, unit="x"),
            Bar(
                what="longest loop lag",
                value=round(worst.longest * 1e3, 2),
                limit=LAG_MS_MAX,
                unit="ms",
            ),
        ),
        facts={
            "raw_per_second": round(1 / median(raw_seconds)),
            "busy_during_lag_ms": round(worst.busy * 1e3, 2),
            "idle_loop_lag_ms": round(idle.longest * 1e3, 2),
        },
    )


async def _statistics(
    store: MemoryStore, material: Material, rng: random.Random, effort: Effort
) -> Measurement:
    """Reads a second with accesses recorded and without, in turns, writing them included."""
    seconds = min(STATISTICS_SECONDS, effort.seconds_max)
    rates: dict[str, list[float]] = {"get": [], "peek": []}
    readers: dict[str, Reader] = {"get": store.get, "peek": store.peek}
    for _ in range(max(2, effort.rounds // 2)):
        for name in rng.sample(list(readers), 2):
            rates[name].append(await _rate(readers[name], material, rng, seconds))
            # What is left over is not the next one's to pay.
            await store.flush()
    ratio = round(fmean(rates["get"]) / fmean(rates["peek"]), 3)
    return Measurement(
        name="get.statistics",
        group="get",
        what="reads a second with access statistics, to those without",
        bars=(Bar(what="to without", value=ratio, limit=STATISTICS_MIN, unit="x", at_least=True),),
        facts={
            "with_per_second": round(fmean(rates["get"])),
            "without_per_second": round(fmean(rates["peek"])),
        },
    )


async def _rate(read: Reader, material: Material, rng: random.Random, seconds: float) -> float:
    count = 0
    began = perf_counter()
    while (passed := perf_counter() - began) < seconds:
        for item_id in rng.choices(material.hot_ids, k=BLOCK):
            await read(item_id)
        count += BLOCK
        await asyncio.sleep(0)
    return count / passed
