"""What a transfer says while it runs and when it is done, and how its slow parts leave the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec, TypeAlias, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferProgress:
    """How far a transfer is: `done` of `total` `unit`s; `stage` is `check` or `write`."""

    stage: str
    done: int
    total: int | None
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferReport:
    """What a transfer moved; `skipped` items were there already and stayed as they were."""

    items: int = 0
    associations: int = 0
    sessions: int = 0
    messages: int = 0
    skipped: int = 0
    bytes: int = 0
    """Of the file, as it is on disk."""


OnProgress: TypeAlias = Callable[[TransferProgress], None]


async def in_thread(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a blocking function beside the loop; when cancelled, let it end before going on.

    The function holds a file that the caller is about to close: it must not still be running then.
    """
    running = asyncio.ensure_future(asyncio.to_thread(function, *args, **kwargs))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise
