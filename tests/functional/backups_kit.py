"""A store with a past: a morning of two agents, then one goes mad. And the Backups screen on it."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from browse_kit import NOW, eventually, settle
from textual.pilot import Pilot

from engine import MemoryStore, open_store
from inspector.app import InspectorApp
from inspector.screens.backups import BackupsScreen

BEGAN = NOW - timedelta(hours=4)
GOOD = 60
"""The newest change before the agent went mad."""
MAD = 30
"""Changes that it then made."""


def microseconds(at: Any) -> int:
    return int(at.timestamp() * 1_000_000)


async def fill_with_past(path: Path) -> None:
    """Forty items, changes all morning with two backups, and a burst of deletions at its end."""
    at = [microseconds(BEGAN)]

    def clock() -> int:
        return at[0]

    async with open_store(path, actor="atlas", clock=clock) as store:
        for number in range(GOOD):
            if number == 30:
                await store.backups.create(kind="full")
            item_id = f"note/{number % 40:02d}"
            agent = ("atlas", "bella")[number % 2]
            await store.put(item_id, f"text {number} of {item_id}", agent=agent)
            at[0] += (3 + number % 5) * 30_000_000
        await store.backups.create(kind="incremental")
    at[0] = microseconds(NOW - timedelta(minutes=10))
    async with open_store(path, actor="mad", clock=clock) as store:
        for number in range(MAD):
            await store.delete(f"note/{number:02d}")
            at[0] += 200_000


def fix_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names and sizes of backups are the same in every run."""
    numbers = count(1)

    def token_hex(size: int) -> str:
        return f"{next(numbers):0{2 * size}x}"

    monkeypatch.setattr("secrets.token_hex", token_hex)


def backups(app: InspectorApp) -> BackupsScreen:
    screen = app.screen_stack[0]
    assert isinstance(screen, BackupsScreen)
    return screen


async def go_to_backups(app: InspectorApp, pilot: Pilot[Any]) -> BackupsScreen:
    await pilot.press("3")
    await eventually(pilot, lambda: backups(app).density is not None)
    await settle(pilot)
    return backups(app)


async def texts_of(store: MemoryStore) -> dict[str, Any]:
    """The contents by id."""
    return {item.id: item.content async for item in store.iterate()}
