"""Access statistics, written behind: a read never waits for a write."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Final, TypeAlias

from engine.clock import Clock
from engine.errors import EngineError

FLUSH_SECONDS: Final = 0.5
EARLIER_MAX: Final = 9
"""Accesses before the last whose times are kept: what a promotion may ask for, and no more."""

Pending: TypeAlias = tuple[int, int, tuple[int, ...]]
"""How often a row was read, when last, and when before that (newest first), in microseconds."""


class AccessLog:
    """Counts reads per row key in memory, and has them written within a second.

    What a crash loses is at most the last moment's counts, never an item.
    """

    def __init__(
        self, write: Callable[[Mapping[int, Pending]], Awaitable[None]], clock: Clock
    ) -> None:
        self._write = write
        self._clock = clock
        self._pending: dict[int, Pending] = {}
        self._writing: dict[int, Pending] = {}
        self._task: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    def get(self, key: int, /) -> Pending | None:
        """Return the accesses of a row that are not yet in the database."""
        pending, writing = self._pending.get(key), self._writing.get(key)
        if pending is None or writing is None:
            return pending or writing
        earlier = sorted((*pending[2], *writing[1:2], *writing[2]), reverse=True)
        return pending[0] + writing[0], pending[1], tuple(earlier[:EARLIER_MAX])

    def record(self, key: int) -> None:
        """Count one access, now."""
        before = self._pending.get(key)
        if before is None:
            self._pending[key] = (1, self._clock(), ())
        else:
            count, last, earlier = before
            self._pending[key] = (count + 1, self._clock(), (last, *earlier[: EARLIER_MAX - 1]))
        if self._task is None:
            self._task = asyncio.create_task(self._flush_soon(), name="engine-accesses")

    async def _flush_soon(self) -> None:
        try:
            while self._pending and not self._closing.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), FLUSH_SECONDS)
                await self.flush()
        finally:
            self._task = None

    async def flush(self) -> None:
        """Write what is pending; when the store is busy, keep it for the next time."""
        if not self._pending:
            return
        self._writing, self._pending = self._pending, {}
        try:
            await self._write(self._writing)
        except EngineError as error:
            if error.retryable:
                keys = self._writing.keys() | self._pending.keys()
                self._pending = {key: entry for key in keys if (entry := self.get(key))}
        finally:
            self._writing = {}

    async def close(self) -> None:
        """Write what is pending and stop."""
        self._closing.set()
        if self._task is not None:
            await self._task
        await self.flush()
