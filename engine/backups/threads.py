"""Long work on a thread: told of its progress on the loop, and stopped when nobody waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeAlias, TypeVar

from engine.backends.sqlite.connection import PROGRESS_STEPS

P = ParamSpec("P")
R = TypeVar("R")

Progress: TypeAlias = Callable[[str, int, int], None]
"""Told the stage of a work, how much of it is done, and how much there is (0: not known)."""


def silent(_stage: str, _done: int, _total: int) -> None:
    """Tell nobody."""


class _StoppedError(Exception):
    """The work was called off."""


class Teller:
    """What a work on a thread tells its progress; it raises once the work is called off."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._loop = asyncio.get_running_loop()
        self.stopped = False

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Tell the progress."""
        if self.stopped:
            raise _StoppedError
        self._loop.call_soon_threadsafe(self._progress, stage, done, total)

    def watch(self, connection: Any) -> None:
        """Have SQLite stop a long statement of this connection, too."""
        connection.set_progress_handler(lambda: self.stopped, PROGRESS_STEPS)


async def in_thread(
    progress: Progress,
    function: Callable[Concatenate[Teller, P], R],
    *args: P.args,
    **kwargs: P.kwargs,
) -> R:
    """Run `function(teller, ...)` on a thread; when cancelled, wait until it has cleared up."""
    teller = Teller(progress)
    task = asyncio.ensure_future(asyncio.to_thread(function, teller, *args, **kwargs))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        teller.stopped = True
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()
        raise
