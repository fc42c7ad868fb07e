"""Lifecycle: plans and carrying them out, full tiers, near-duplicates, reading what is packed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace
from statistics import median
from time import perf_counter
from typing import Final

from engine.bench.material import Material, new_record
from engine.bench.results import Bar, Measurement, Timings
from engine.bench.timing import Effort
from engine.lifecycle.policies import DEFAULT_POLICIES, Policy
from engine.models import Codec
from engine.store import MemoryStore

PLAN_S_MAX: Final = 0.3
PLAN_S_MAX_LARGE: Final = 3.0
SMALL_STORE_ITEMS: Final = 200_000
ARCHIVES: Final = 10_000
APPLY_S_MAX: Final = 3.0
FILLED: Final = 10_000
FILLING_BATCH: Final = 1_000
FILL_PER_SECOND: Final = 5_000
NEAR_S_MAX: Final = 60.0
NEAR_ITEMS: Final = 100_000
PACKED_RATIO_MAX: Final = 2.5
READS: Final = 400


async def measure_lifecycle(
    store: MemoryStore, material: Material, rng: random.Random, effort: Effort
) -> list[Measurement]:
    """Return the rows about lifecycle; what they archive is put back, what they fill in stays."""
    rows = [await _plan(store, effort)]
    rows += await _apply(store, rng, effort)
    rows.append(await _fill(store, material, rng, effort))
    rows.append(await _near_duplicates(store, effort))
    return rows


async def _plan(store: MemoryStore, effort: Effort) -> Measurement:
    taken = []
    changes = 0
    for _ in range(max(2, effort.rounds // 2)):
        began = perf_counter()
        changes = len((await store.lifecycle.plan(DEFAULT_POLICIES)).changes)
        taken.append(perf_counter() - began)
    large = await store.count("") > SMALL_STORE_ITEMS
    limit = PLAN_S_MAX_LARGE if large else PLAN_S_MAX
    return Measurement(
        name="lifecycle.plan",
        group="lifecycle",
        what="a plan of the default policies",
        timings=Timings.of(taken),
        bars=(Bar(what="p50", value=round(median(taken), 3), limit=limit, unit="s"),),
        facts={"changes": changes},
    )


async def _apply(store: MemoryStore, rng: random.Random, effort: Effort) -> list[Measurement]:
    """Archive up to 10,000 items, read them packed and others plain in turns, and take it back."""
    archive = Policy(name="bench", when="-tier:archive", do="archive")
    plan = await store.lifecycle.plan([archive])
    plan = replace(plan, changes=plan.changes[: ARCHIVES if effort.rounds > 2 else 500])
    ids = [change.item_id for change in plan.changes]
    hot = rng.sample(ids, min(READS, len(ids)))
    plain = await _plain_of(store, hot)
    before = await _time_reads(store, plain)
    began = perf_counter()
    run = await store.lifecycle.apply(plan)
    applied = perf_counter() - began
    after = await _time_reads(store, plain)
    began = perf_counter()
    await store.lifecycle.undo(run)
    undone = perf_counter() - began
    return [
        Measurement(
            name="lifecycle.apply",
            group="lifecycle",
            what=f"archiving {len(ids):,} items: packed, moved, logged",
            timings=Timings.of([applied]),
            bars=(Bar(what="all", value=round(applied, 2), limit=APPLY_S_MAX, unit="s"),),
            facts={"items": len(ids), "undo_s": round(undone, 2)},
        ),
        Measurement(
            name="lifecycle.read_packed",
            group="lifecycle",
            what="peek at items before and after they were packed with a dictionary",
            timings=Timings.of(after),
            bars=(
                Bar(
                    what="p50 to plain",
                    value=round(median(after) / median(before), 2),
                    limit=PACKED_RATIO_MAX,
                    unit="x",
                ),
            ),
            facts={"plain_p50_us": round(median(before) * 1e6, 1), "items": len(plain)},
        ),
    ]


async def _plain_of(store: MemoryStore, ids: Sequence[str]) -> list[str]:
    """Return those of the items whose content is not packed; all of them if none is."""
    found = await store.get_many(ids)
    plain = [item.id for item in found if item.codec < Codec.JSON_COMPRESSED]
    return plain or list(ids)


async def _time_reads(store: MemoryStore, ids: Sequence[str]) -> list[float]:
    taken: list[float] = []
    for round_ in range(2):
        for item_id in ids:
            # The loop gets its turn, as it would between the calls of an agent.
            await asyncio.sleep(0)
            began = perf_counter()
            await store.peek(item_id)
            if round_ > 0:
                taken.append(perf_counter() - began)
    return taken


async def _fill(
    store: MemoryStore, material: Material, rng: random.Random, effort: Effort
) -> Measurement:
    """Put items into the working tier of one agent, which is full after the first hundred."""
    number = FILLED if effort.rounds > 2 else FILLING_BATCH
    prefix = f"bench/filling/{rng.getrandbits(32):08x}"
    taken = []
    for first in range(0, number, FILLING_BATCH):
        records = [
            {**new_record(first + n, material, rng, prefix), "agent": prefix, "tier": "working"}
            for n in range(FILLING_BATCH)
        ]
        began = perf_counter()
        await store.put_many(records)
        taken.append(perf_counter() - began)
    rate = round(number / sum(taken))
    return Measurement(
        name="lifecycle.fill",
        group="lifecycle",
        what=f"{number:,} items through a full working tier, in batches of {FILLING_BATCH:,}",
        timings=Timings.of(taken),
        bars=(Bar(what="items", value=rate, limit=FILL_PER_SECOND, unit="/s", at_least=True),),
        facts={"items": number},
    )


async def _near_duplicates(store: MemoryStore, effort: Effort) -> Measurement:
    """Plan a merge over up to 100,000 items: reading them, finding groups, verifying."""
    total = await store.count("")
    when = ""
    if total > NEAR_ITEMS:
        oldest = await store.query("", order_by="created_at", limit=1)
        newest = await store.query("", order_by="-created_at", limit=1)
        span = newest.items[0].created_at - oldest.items[0].created_at
        since = newest.items[0].created_at - span * (NEAR_ITEMS / total)
        when = f"created>={since.date().isoformat()}"
    items = await store.count(when)
    began = perf_counter()
    plan = await store.lifecycle.plan([Policy(name="bench", when=when, do="merge 0.8")])
    seconds = perf_counter() - began
    return Measurement(
        name="lifecycle.near_duplicates",
        group="lifecycle",
        what=f"near-duplicates among {items:,} items",
        timings=Timings.of([seconds]),
        bars=() if effort.rounds <= 2 else (_for_100_000(seconds, items),),
        facts={"found": len(plan.changes)},
    )


def _for_100_000(seconds: float, items: int) -> Bar:
    value = round(seconds * NEAR_ITEMS / max(items, 1), 1)
    return Bar(what="for 100,000", value=value, limit=NEAR_S_MAX, unit="s")
