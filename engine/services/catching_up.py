"""Bringing a custom index up to date, step by step, beside everybody else who writes."""

from __future__ import annotations

import asyncio
import time

from engine.backends.base import Backend
from engine.procedures import indexes
from engine.procedures.names import Names

ATTEMPTS_MAX = 20
"""Others may write between an index's last step and the snapshot of the query that needs it."""


async def bring_up_to_date(backend: Backend, names: Names, name: str) -> None:
    """Build an index to the end, and let it have the newest changes.

    Cancelled or cut short, it goes on from there the next time.

    Raises:
        IndexNotFoundError: there is none.
        StaleIndexError: its function would have to do it, and is not known here.
    """
    done = False
    while not done:
        begun = time.monotonic()
        done = await backend.write(indexes.work_step, names, name)
        # As long a pause: other processes get the lock only while nobody has it.
        await asyncio.sleep(0 if done else time.monotonic() - begun)


async def clear_dropped(backend: Backend) -> None:
    """Delete what is left of dropped indexes."""
    done = False
    while not done:
        begun = time.monotonic()
        done = await backend.write(indexes.drop_step)
        await asyncio.sleep(0 if done else time.monotonic() - begun)
