"""Moves between tiers in the seeded store, and the Transitions screen on it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from browse_kit import NOW

from engine import Policy, Tier, open_store
from inspector.app import InspectorApp
from inspector.screens.transitions import TransitionsScreen

WAY = (Tier.SHORT_TERM, Tier.ARCHIVE, Tier.LONG_TERM, Tier.WORKING)


async def move_about(path: Path, items: int = 9) -> None:
    """Move some items about by hand, and some by a policy, an hour apart."""
    hours = items

    def clock() -> int:
        return int((NOW - timedelta(hours=hours)).timestamp()) * 1_000_000

    async with open_store(path, actor="seed", clock=clock) as store:
        for number in range(1, items + 1):
            hours = items - number + 1
            await store.tiers.move(f"episode/{number:02d}", WAY[number % 4])
        await store.lifecycle.replace(
            [Policy(name="sleep", when="importance>=0.9 -tier:archive", do="archive")]
        )
        await store.lifecycle.apply(await store.lifecycle.plan())


def transitions(app: InspectorApp) -> TransitionsScreen:
    screen = app.screen
    assert isinstance(screen, TransitionsScreen)
    return screen
