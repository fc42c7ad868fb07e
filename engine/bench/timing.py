"""Timing calls: drawn outside the time that is taken, warmed up, and bounded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import perf_counter, process_time
from typing import Any, TypeAlias

Call: TypeAlias = Callable[[], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How long to look at each thing."""

    warm_up: int
    calls: int
    seconds_max: float
    rounds: int
    """Of blocks that alternate between the things compared."""

    @classmethod
    def of(cls, *, quick: bool) -> Effort:
        """Return the usual effort, or one that shows little more than that everything works."""
        if quick:
            return cls(warm_up=3, calls=30, seconds_max=1.0, rounds=2)
        return cls(warm_up=10, calls=300, seconds_max=8.0, rounds=8)


async def time_calls(draw: Callable[[], Call], effort: Effort) -> list[float]:
    """Return the seconds that each call took; `draw` prepares one, and is not timed."""
    for _ in range(effort.warm_up):
        await draw()()
    taken: list[float] = []
    until = perf_counter() + effort.seconds_max
    for _ in range(effort.calls):
        call = draw()
        # The loop gets its turn, as it would between the calls of an agent.
        await asyncio.sleep(0)
        began = perf_counter()
        await call()
        ended = perf_counter()
        taken.append(ended - began)
        if ended > until:
            break
    return taken


async def time_side_by_side(calls: list[Call], callers: int) -> tuple[list[float], float]:
    """Have `callers` tasks work off the calls; return the seconds of each, and of all together."""
    taken: list[float] = []
    work = iter(calls)

    async def caller() -> None:
        for call in work:
            began = perf_counter()
            await call()
            taken.append(perf_counter() - began)

    began = perf_counter()
    await asyncio.gather(*[caller() for _ in range(callers)])
    return taken, perf_counter() - began


@dataclass(slots=True)
class Lag:
    """How much too late the event loop woke a task that slept for a millisecond, in seconds."""

    longest: float = 0.0
    busy: float = 0.0
    """What the process computed during the longest; far less says that the machine was busy with
    something else."""


TICK_SECONDS = 0.001


@asynccontextmanager
async def loop_lag() -> AsyncIterator[Lag]:
    """Watch how late the event loop is while the block runs."""
    lag = Lag()

    async def tick() -> None:
        while True:
            due, computed = perf_counter() + TICK_SECONDS, process_time()
            await asyncio.sleep(TICK_SECONDS)
            late = perf_counter() - due
            if late > lag.longest:
                lag.longest, lag.busy = late, process_time() - computed

    task = asyncio.create_task(tick(), name="bench-lag")
    try:
        yield lag
    finally:
        task.cancel()
        await asyncio.wait([task])
