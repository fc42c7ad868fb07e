"""Backups: while an agent writes, the steps after one, proving them, and going back in time."""

from __future__ import annotations

import asyncio
import random
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from tempfile import mkdtemp
from time import perf_counter
from typing import Any, Final

from engine.backends.sqlite.copying import copy_out
from engine.bench.material import Material, new_record
from engine.bench.results import Bar, Measurement, Timings
from engine.bench.timing import Effort
from engine.store import MemoryStore

WRITES_A_SECOND: Final = 1_000
COPY_TO_IDLE_MAX: Final = 2.0
WRITER_TO_IDLE_MAX: Final = 2.0
STALL_MS_MAX: Final = 250.0
MEMORY_MB_MAX: Final = 64.0
STEP_CHANGES: Final = 10_000
STEP_S_MAX: Final = 1.0
VERIFIED_ITEMS: Final = 100_000
VERIFY_S_MAX: Final = 5.0
REWIND_CHANGES: Final = 100_000
REWIND_S_MAX: Final = 15.0
SMALL_STORE_ITEMS: Final = 200_000
"""Bars for 100,000 items say nothing of a larger store."""
BATCH: Final = 1_000
LOOK_SECONDS: Final = 0.005


async def measure_backups(
    store: MemoryStore, path: Path, material: Material, rng: random.Random, effort: Effort
) -> list[Measurement]:
    """Return the rows about backups; the store grows by what is written meanwhile."""
    quick = effort.rounds <= 2
    small = material.facets.total <= SMALL_STORE_ITEMS
    scratch = Path(mkdtemp(prefix="backups-", dir=path.parent))
    store.backups.use_directory(scratch / "made")
    before = await store.sequence()
    rows = [
        await _copies(store, path, scratch, material, rng, effort),
        await _full(store, material, rng),
        await _step(store, material, rng, STEP_CHANGES if not quick else 500),
    ]
    if not quick:
        await _write(store, material, rng, REWIND_CHANGES - STEP_CHANGES)
    rows.append(await _rewind(store, scratch, before, small=small))
    return rows


async def _copies(
    store: MemoryStore,
    path: Path,
    scratch: Path,
    material: Material,
    rng: random.Random,
    effort: Effort,
) -> Measurement:
    """Copy the store in one step: at rest, and with a writer who puts steadily."""
    idle: list[float] = []
    busy: list[float] = []
    alone: list[float] = []
    beside: list[float] = []
    for _ in range(max(2, effort.rounds // 2)):
        idle.append(await _copy(path, scratch))
        async with _writer(store, material, rng, alone):
            await asyncio.sleep(max(1.0, median(idle)))
        async with _writer(store, material, rng, beside):
            busy.append(await _copy(path, scratch))
    writes = Timings.of(beside)
    return Measurement(
        name="backup.copy",
        group="backup",
        what=f"a consistent copy under a writer of up to {WRITES_A_SECOND:,} puts a second",
        timings=Timings.of(busy),
        bars=(
            Bar(
                what="to idle",
                value=round(median(busy) / median(idle), 2),
                limit=COPY_TO_IDLE_MAX,
                unit="x",
            ),
            Bar(
                what="the writer's p99 to idle",
                value=round(writes.p99 / Timings.of(alone).p99, 2),
                limit=WRITER_TO_IDLE_MAX,
                unit="x",
            ),
            Bar(
                what="the writer's longest wait",
                value=round(writes.maximum / 1e3, 1),
                limit=STALL_MS_MAX,
                unit="ms",
            ),
        ),
        facts={"idle_s": round(median(idle), 3), "puts": len(beside)},
    )


async def _copy(path: Path, scratch: Path) -> float:
    target = scratch / "copy.db"
    began = perf_counter()
    await asyncio.to_thread(copy_out, path, target)
    seconds = perf_counter() - began
    target.unlink()
    return seconds


@asynccontextmanager
async def _writer(
    store: MemoryStore, material: Material, rng: random.Random, taken: list[float]
) -> AsyncIterator[None]:
    """Put one item after another while the block runs, at a steady pace."""
    prefix = f"bench/beside/{rng.getrandbits(32):08x}"
    ended = asyncio.Event()

    async def write() -> None:
        number, began = 0, perf_counter()
        while not ended.is_set():
            record: dict[str, Any] = new_record(number, material, rng, prefix)
            number += 1
            await asyncio.sleep(max(0.0, began + number / WRITES_A_SECOND - perf_counter()))
            started = perf_counter()
            await store.put(record.pop("id"), record.pop("content"), **record)
            taken.append(perf_counter() - started)

    writing = asyncio.create_task(write(), name="bench-writer")
    try:
        yield
    finally:
        ended.set()
        await writing


async def _full(store: MemoryStore, material: Material, rng: random.Random) -> Measurement:
    """A full backup, and proving it: it is restored and compared."""
    waits: list[float] = []
    async with _writer(store, material, rng, waits), _memory_grown() as grown:
        began = perf_counter()
        made = await store.backups.create(kind="full", verify=False)
        seconds = perf_counter() - began
    began = perf_counter()
    await store.backups.verify(made)
    verified = perf_counter() - began
    each = verified / max(made.manifest.counts["items"], 1)
    bars = (
        Bar(what="memory", value=round(max(grown), 1), limit=MEMORY_MB_MAX, unit="MB"),
        Bar(
            what="verify, for 100,000 items",
            value=round(each * VERIFIED_ITEMS, 2),
            limit=VERIFY_S_MAX,
            unit="s",
        ),
    )
    return Measurement(
        name="backup.full",
        group="backup",
        what="a full backup under a writer, compressed; then restoring it to prove it",
        timings=Timings.of([seconds]),
        bars=bars,
        facts={
            "verify_s": round(verified, 2),
            "mb": round(made.manifest.bytes / 1e6, 1),
            "raw_mb": round(made.manifest.raw_bytes / 1e6, 1),
            "longest_put_ms": round(max(waits, default=0.0) * 1e3, 1),
        },
    )


@asynccontextmanager
async def _memory_grown() -> AsyncIterator[list[float]]:
    """Look every few milliseconds how many MB the process has more than in the beginning."""
    before = _memory_mb()
    grown = [0.0]

    async def look() -> None:
        while True:
            grown.append(_memory_mb() - before)
            await asyncio.sleep(LOOK_SECONDS)

    looking = asyncio.create_task(look(), name="bench-memory")
    try:
        yield grown
    finally:
        looking.cancel()
        await asyncio.wait([looking])


def _memory_mb() -> float:
    """Return what the process has in memory now; where the system does not tell, its peak."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return pages * resource.getpagesize() / 1e6


async def _step(
    store: MemoryStore, material: Material, rng: random.Random, changes: int
) -> Measurement:
    """An incremental backup of so many changes."""
    await store.backups.create(kind="incremental", verify=False)
    await _write(store, material, rng, changes)
    began = perf_counter()
    made = await store.backups.create(kind="incremental", verify=False)
    seconds = perf_counter() - began
    return Measurement(
        name="backup.incremental",
        group="backup",
        what=f"an incremental backup of {changes:,} changes",
        timings=Timings.of([seconds]),
        bars=(Bar(what="all", value=round(seconds, 2), limit=STEP_S_MAX, unit="s"),),
        facts={"mb": round(made.manifest.bytes / 1e6, 2), "kind": made.manifest.kind},
    )


async def _write(store: MemoryStore, material: Material, rng: random.Random, changes: int) -> None:
    """Make so many changes: half of them new items, half of them new texts for those."""
    prefix = f"bench/written/{rng.getrandbits(32):08x}"
    for first in range(0, changes // 2, BATCH):
        count = min(BATCH, changes // 2 - first)
        records = [new_record(first + n, material, rng, prefix) for n in range(count)]
        await store.put_many(records)
        await store.put_many([{**record, "importance": 0.5} for record in records])


async def _rewind(store: MemoryStore, scratch: Path, sequence: int, *, small: bool) -> Measurement:
    """Restore the store as it was before all that was written, into a new file."""
    changes = await store.sequence() - sequence
    target = scratch / "restored.db"
    began = perf_counter()
    await store.backups.restore(sequence=sequence, target=target)
    seconds = perf_counter() - began
    bars = (Bar(what="all", value=round(seconds, 2), limit=REWIND_S_MAX, unit="s"),)
    return Measurement(
        name="backup.restore",
        group="backup",
        what="restoring the store as it was before, into a new file",
        timings=Timings.of([seconds]),
        bars=bars if small else (),
        facts={"changes": changes},
    )
