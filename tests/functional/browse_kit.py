"""A seeded store and the app on it, with nothing left to chance: clock, ids, time zone, cursor."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import CoroutineType
from typing import Any

from textual.app import App
from textual.pilot import Pilot
from textual.screen import ModalScreen
from textual.worker import Worker

from engine import Tier, open_store
from inspector.app import InspectorApp
from inspector.screens.backups import BackupsScreen
from inspector.screens.browse import BrowseScreen
from inspector.screens.lifecycle import LifecycleScreen
from inspector.widgets.item_table import ItemTable

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ENDLESS = {"follow"}
"""Workers that only end with the app."""
SETTLED_SECONDS_MAX = 30

Opened = AbstractAsyncContextManager[tuple[InspectorApp, Pilot[None]]]
OpenApp = Callable[..., Opened]


def now_microseconds() -> int:
    return int(NOW.timestamp()) * 1_000_000


def seed_records() -> list[dict[str, Any]]:
    """Forty items of three agents, told apart at a glance."""
    words = ["async", "sqlite", "preference", "deadline", "invoice", "kanji", "refund", "pytest"]
    records: list[dict[str, Any]] = [
        {
            "id": "user/preferences",
            "content": {"language": "Python", "theme": "dark", "tabs": False, "width": 100},
            "agent": "atlas",
            "kind": "semantic",
            "tier": Tier.WORKING,
            "importance": 0.8,
            "tags": ["user", "profile"],
            "metadata": {"source": "chat", "confidence": 0.9},
            "created_at": NOW - timedelta(minutes=2),
        }
    ]
    for number in range(1, 40):
        records.append(
            {
                "id": f"episode/{number:02d}",
                "content": f"{words[number % 8]}: the user asked about {words[number * 3 % 8]} "
                f"for the {number}. time",
                "agent": ("atlas", "harbor", "sage")[number % 3],
                "kind": ("episodic", "semantic", "procedural")[number % 3],
                "tier": list(Tier)[number % 4],
                "importance": number % 10 / 10,
                "tags": [words[number % 8], *(["pinned"] if number % 5 == 0 else [])],
                "metadata": {"turn": number},
                "created_at": NOW - timedelta(hours=number),
            }
        )
    return records


async def fill(path: Path, records: list[dict[str, Any]] | None = None) -> None:
    async with open_store(path, actor="seed", clock=now_microseconds) as store:
        await store.put_many(seed_records() if records is None else records)
        if records is None:
            await store.associate("user/preferences", "episode/01", relation="learned_from")
            await store.associate("episode/02", "user/preferences", relation="about", strength=0.5)


async def settle(pilot: Pilot[Any]) -> None:
    """Wait until nothing is on its way any more, except an answer to a question."""
    app = pilot.app
    before: object = None
    busy: list[Any] = []
    end = time.monotonic() + SETTLED_SECONDS_MAX
    while time.monotonic() < end:
        await pilot.pause()
        running = [w for w in app.workers if not w.is_finished and w.group not in ENDLESS]
        asking = isinstance(app.screen, ModalScreen)
        busy = [w for w in running if not (asking and _asks(w))]
        pages = any(table.pending for table in app.screen.query(ItemTable))
        still = _connected(app) and not pages and not busy
        now = (app.screen, tuple(running))
        # One worker's end may be the next one's beginning: nothing is on its way at two looks.
        if still and now == before:
            await pilot.pause()
            return
        before = now if still else None
        await asyncio.sleep(0.005)
    raise AssertionError(f"still busy: {busy}")


def _asks(worker: Worker[Any]) -> bool:
    """Whether what a worker waits for is the answer to a question on the screen."""
    step = None if worker._task is None else worker._task.get_coro()
    asking = None
    while isinstance(step, CoroutineType):
        asking, step = step.cr_code, step.cr_await
    return asking is App.push_screen_wait.__code__


def _connected(app: Any) -> bool:
    base = app.screen_stack[0]
    screens = (BrowseScreen, LifecycleScreen, BackupsScreen)
    return not isinstance(base, screens) or base.is_connected or len(app.screen_stack) > 1


async def eventually(pilot: Pilot[Any], holds: Callable[[], object], seconds: float = 5) -> None:
    """Wait until `holds()` is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        await pilot.pause()
        if holds():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it never came to hold")


Settle = Callable[[Pilot[Any]], Awaitable[None]]


def browse(app: InspectorApp) -> BrowseScreen:
    screen = app.screen_stack[0]
    assert isinstance(screen, BrowseScreen)
    return screen


def on_browse(app: InspectorApp) -> bool:
    """Whether the Browse screen is on top: no dialog, no editor."""
    return app.screen is browse(app)


def zoomed(app: InspectorApp) -> bool:
    return browse(app).maximized is not None


def screen_text(app: InspectorApp) -> str:
    """What is on the screen, as lines of characters."""
    lines = app.screen._compositor.render_strips()
    return "\n".join(strip.text.rstrip() for strip in lines)


def listed_ids(app: InspectorApp) -> list[str]:
    table = browse(app).table
    rows = [table.row(key) for key in table.keys]
    return [row.id for row in rows if row is not None]


def current_id(app: InspectorApp) -> str | None:
    table = browse(app).table
    row = None if table.cursor_key is None else table.row(table.cursor_key)
    return None if row is None else row.id


async def type_text(pilot: Pilot[Any], text: str) -> None:
    names = {" ": "space", ":": "colon", ">": "greater_than_sign", "=": "equals_sign"}
    names |= {".": "full_stop", '"': "quotation_mark", "-": "minus", "(": "left_parenthesis"}
    names |= {"/": "slash", "{": "left_curly_bracket", "}": "right_curly_bracket"}
    await pilot.press(*(names.get(character, character) for character in text))
