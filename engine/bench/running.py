"""One run: the rows in order, on one scratch copy, in one process."""

from __future__ import annotations

import gc
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TypeAlias

from engine.bench.backups import measure_backups
from engine.bench.lifecycles import measure_lifecycle
from engine.bench.machine import examine
from engine.bench.material import gather
from engine.bench.queries import measure_queries
from engine.bench.reads import measure_reads
from engine.bench.results import Measurement, Report
from engine.bench.scratch import scratch_copy, scratch_folder
from engine.bench.searches import measure_searches
from engine.bench.timing import Effort
from engine.bench.writes import measure_writes
from engine.store import MemoryStore, open_store

BATCH_ITEMS = 40_000
BATCH_ITEMS_QUICK = 2_000

GROUPS = ("get", "query", "search", "put", "lifecycle", "backup")

Also: TypeAlias = Callable[[Path], Awaitable[list[Measurement]]]
"""Measures something else on the scratch copy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a run is made. The same seed draws the same questions from the same store."""

    quick: bool = False
    seed: int = 1
    batch_items: int | None = None
    """Items that each `put_many` row writes; None for the usual number."""
    groups: tuple[str, ...] = GROUPS
    """Which rows: some of `GROUPS`."""


def _silent(_: str) -> None:
    """Tell nobody."""


async def measure(
    path: Path,
    settings: Settings | None = None,
    *,
    scratch: Path | None = None,
    progress: Callable[[str], None] = _silent,
    also: Also | None = None,
) -> Report:
    """Measure a copy of the store at `path` and return the report; the store is only read.

    The copy lies in a folder of its own in `scratch`, by default beside the store, and is removed
    whatever happens. `also` measures something else on it, before anything is written to it.

    Raises:
        StoreError: the file is no store, or holds too little to measure.
        StorageError: there is no room for a copy, or no permission to make one.
    """
    with scratch_folder(scratch or path.parent) as folder:
        progress("copy")
        async with scratch_copy(path, folder) as copy:
            return await measure_in_place(
                copy, settings, progress=progress, also=also, source=path.name
            )


async def measure_in_place(
    path: Path,
    settings: Settings | None = None,
    *,
    progress: Callable[[str], None] = _silent,
    also: Also | None = None,
    source: str = "generated",
) -> Report:
    """Measure the store at `path` itself, which is changed by it; otherwise like `measure`."""
    settings = settings or Settings()
    began = perf_counter()
    machine = examine(path.parent)
    rows: list[Measurement] = []
    if also is not None:
        progress("app")
        rows += await also(path)
    async with open_store(path, create=False, actor="bench") as store:
        info = await store.info()
        rows = [*await _measure_all(store, path, settings, progress), *rows]
    return Report(
        source=source,
        items=info.items,
        file_bytes=info.file_bytes,
        quick=settings.quick,
        seed=settings.seed,
        seconds=round(perf_counter() - began, 1),
        machine=machine,
        measurements=tuple(rows),
    )


async def _measure_all(
    store: MemoryStore, copy: Path, settings: Settings, progress: Callable[[str], None]
) -> list[Measurement]:
    # Questions need to be varied and the same ones next time, not unguessable.
    rng = random.Random(settings.seed)  # noqa: S311
    effort = Effort.of(quick=settings.quick)
    progress("sample")
    material = await gather(store, copy, rng)
    rows: list[Measurement] = []

    def begin(group: str) -> bool:
        if group not in settings.groups:
            return False
        progress(group)
        # What the rows before left behind is not this one's to clear away.
        gc.collect()
        return True

    if begin("get"):
        rows += await measure_reads(store, copy, material, rng, effort)
    if begin("query"):
        rows += await measure_queries(store, material, rng, effort)
    if begin("search"):
        rows += await measure_searches(store, material, rng, effort)
    # Last, since it changes what the others would find.
    if begin("put"):
        usual = BATCH_ITEMS_QUICK if settings.quick else BATCH_ITEMS
        rows += await measure_writes(
            store, copy, material, rng, effort, batch_items=settings.batch_items or usual
        )
    if begin("lifecycle"):
        rows += await measure_lifecycle(store, material, rng, effort)
    if begin("backup"):
        rows += await measure_backups(store, copy, material, rng, effort)
    return rows
