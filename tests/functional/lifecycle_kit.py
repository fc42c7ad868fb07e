"""Policies on the seeded store, and the Lifecycle screen on it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from browse_kit import now_microseconds, settle
from textual.pilot import Pilot

from engine import MemoryStore, Policy, open_store
from inspector.app import InspectorApp
from inspector.screens.lifecycle import LifecycleScreen

POLICIES = (
    Policy(name="sleep", when="importance<0.4 -tier:archive", do="archive"),
    Policy(name="forget", when="tier:archive kind:episodic", do="delete", enabled=False),
    Policy(name="learned", when="kind:semantic", do="tag learned"),
)


async def write_policies(path: Path, policies: Iterable[Policy] = POLICIES) -> None:
    async with open_store(path, actor="seed", clock=now_microseconds) as store:
        await store.lifecycle.replace(policies)


def lifecycle(app: InspectorApp) -> LifecycleScreen:
    screen = app.screen_stack[0]
    assert isinstance(screen, LifecycleScreen)
    return screen


async def go_to_lifecycle(app: InspectorApp, pilot: Pilot[Any]) -> LifecycleScreen:
    await pilot.press("2")
    await settle(pilot)
    return lifecycle(app)


async def press(pilot: Pilot[Any], *keys: str) -> None:
    """Press keys, each when the one before has done all it does."""
    for key in keys:
        await pilot.press(key)
        await settle(pilot)


async def state_of(store: MemoryStore) -> dict[str, tuple[Any, ...]]:
    """What a person can tell of every item: all but its version and when it was updated."""
    state: dict[str, tuple[Any, ...]] = {}
    async for item in store.iterate():
        state[item.id] = (
            item.content,
            item.tier,
            item.importance,
            item.tags,
            item.kind,
            item.agent,
            item.last_accessed_at,
        )
    return state
