"""Long work beneath a window that says how far it is; Esc cancels it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from inspector import formatting
from inspector.screens.dialogs import Busy

if TYPE_CHECKING:
    from inspector.app import InspectorApp

BUSY_AFTER_SECONDS = 0.3
LOOK_SECONDS = 0.1

T = TypeVar("T")

Tell: TypeAlias = Callable[[str, int, int], None]
"""Told the stage of a work, how much of it is done, and how much there is (0: not known)."""


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


class Stages(Progress):
    """How far a work of several stages is; each has its name, its unit and its rate."""

    def __init__(self, names: Mapping[str, tuple[str, str]]) -> None:
        super().__init__("steps")
        self._names = names
        self._stage = ""

    def tell(self, stage: str, done: int, total: int) -> None:
        """Note how much of a stage is done, and how much there is (0: not known)."""
        if stage != self._stage:
            self._stage = stage
            self._unit = self._names.get(stage, (stage, "steps"))[1]
            self._started = perf_counter()
        self(done, total or None)

    def text(self) -> str:
        """Return the stage, and how far it is."""
        name = self._names.get(self._stage, (self._stage, ""))[0]
        return f"{name} · {super().text()}" if name else super().text()


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
    return await _carry(app, title, start(progress), progress, cancellable=cancellable)


async def carry_stages(
    app: InspectorApp,
    title: str,
    start: Callable[[Tell], Coroutine[Any, Any, T]],
    *,
    names: Mapping[str, tuple[str, str]],
) -> T | None:
    """Return what a work of several stages gives; None if the person cancelled it.

    `names` says of each stage how it is called, and in what it is counted.
    """
    progress = Stages(names)
    return await _carry(app, title, start(progress.tell), progress, cancellable=True)


async def _carry(
    app: InspectorApp,
    title: str,
    work: Coroutine[Any, Any, T],
    progress: Progress,
    *,
    cancellable: bool,
) -> T | None:
    task = asyncio.create_task(work)
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
