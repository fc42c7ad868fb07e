"""Long work beneath a window that says how far it is; Esc cancels it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

from inspector import formatting
from inspector.screens.dialogs import Busy

if TYPE_CHECKING:
    from inspector.app import InspectorApp

BUSY_AFTER_SECONDS = 0.3
LOOK_SECONDS = 0.1

T = TypeVar("T")


class Progress:
    """How far some work is, told by whoever does it and read by whoever shows it."""

    def __init__(self, unit: str = "items") -> None:
        self._unit = unit
        self._started = perf_counter()
        self._done = 0
        self._total: int | None = None

    def __call__(self, done: int, total: int | None) -> None:
        """Note how many items are done, and of how many, if that is known."""
        self._done, self._total = done, total

    def text(self) -> str:
        """Return it in a few words."""
        seconds = perf_counter() - self._started
        return formatting.progress(self._done, self._total, seconds, unit=self._unit)


async def carry_through(
    app: InspectorApp,
    title: str,
    start: Callable[[Progress], Coroutine[Any, Any, T]],
    *,
    cancellable: bool = True,
    unit: str = "items",
) -> T | None:
    """Return what the work gives; None if the person cancelled it, once it has cleaned up."""
    progress = Progress(unit)
    task = asyncio.create_task(start(progress))
    app.long_work.add(task)
    task.add_done_callback(app.long_work.discard)
    await asyncio.wait({task}, timeout=BUSY_AFTER_SECONDS)
    if not task.done():
        screen = Busy(title, cancellable=cancellable)
        await app.push_screen(screen)
        try:
            await _accompany(task, screen, progress)
        finally:
            screen.dismiss(None)
    return None if task.cancelled() else task.result()


async def _accompany(task: asyncio.Task[T], screen: Busy, progress: Progress) -> None:
    asked = False
    while not task.done():
        if screen.stopped and not asked:
            # Once: to cancel it again would stop it from taking back what it did.
            asked = task.cancel()
        elif not asked:
            screen.show_progress(progress.text())
        await asyncio.wait({task}, timeout=LOOK_SECONDS)
