"""A seeded store and the app on it, with nothing left to chance: clock, ids, time zone, cursor."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from textual.pilot import Pilot
from textual.screen import ModalScreen

from engine import Tier, open_store
from inspector.app import InspectorApp
from inspector.screens.browse import BrowseScreen
from inspector.screens.lifecycle import LifecycleScreen
from inspector.widgets.item_table import ItemTable

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ENDLESS = {"follow"}
"""Workers that only end with the app."""
ASKING = {"dialog", "save", "leave", "report"}
"""Workers that may wait for an answer."""
STILL_ROUNDS = 6

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
    still = 0
    before: object = None
    busy: list[Any] = []
    for _ in range(600):
        await pilot.pause()
        busy = [w for w in app.workers if not w.is_finished and w.group not in ENDLESS]
        asked = isinstance(app.screen, ModalScreen) and all(w.group in ASKING for w in busy)
        pages = any(table.pending for table in app.screen.query(ItemTable))
        now = (app.screen, tuple(busy))
        still = still + 1 if now == before else 0
        before = now
        if _connected(app) and not pages and (not busy or (asked and still >= STILL_ROUNDS)):
            await pilot.pause()
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"still busy: {busy}")


def _connected(app: Any) -> bool:
    base = app.screen_stack[0]
    screens = (BrowseScreen, LifecycleScreen)
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
