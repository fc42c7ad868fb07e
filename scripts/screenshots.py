"""Draw the pictures of the README from the sample memory: `make screenshots`."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from engine import open_store
from inspector.app import InspectorApp
from inspector.settings import Settings, State

DOCS = Path(__file__).parents[1] / "docs"
NOW = datetime(2026, 11, 1, 18, 0, tzinfo=UTC)
SIZE = (132, 38)
SECONDS = 20.0
DAY = 86_400_000_000


def now_microseconds() -> int:
    """The evening of the last day in the sample memory."""
    return int(NOW.timestamp()) * 1_000_000


async def draw_browse(store: Path, state: Path) -> str:
    """Return the Browse screen with a query, an item and its content, as SVG."""
    app = InspectorApp(
        store, settings=Settings(actor="you"), state=State(state), clock=now_microseconds
    )
    async with app.run_test(size=SIZE) as pilot:
        await _until_still(app, pilot)
        await pilot.press("slash", *"agent:atlas importance>=0.6 ")
        await _until_still(app, pilot)
        await pilot.press("enter")
        await _until_still(app, pilot)
        await pilot.press("j", "space", "k")
        await _until_still(app, pilot)
        return app.export_screenshot(title="memory-inspector open sample.db")


async def draw_lifecycle(store: Path, state: Path) -> str:
    """Return the Lifecycle screen with a plan from which an item is left out, as SVG."""
    app = InspectorApp(
        store, settings=Settings(actor="you"), state=State(state), clock=now_microseconds
    )
    async with app.run_test(size=SIZE) as pilot:
        await _until_still(app, pilot)
        for key in ("2", "p", "enter", "j", "x", "escape"):
            await pilot.press(key)
            await _until_still(app, pilot)
        return app.export_screenshot(title="memory-inspector open sample.db")


async def live_three_weeks(path: Path) -> None:
    """Make a store of three weeks with two backups, and a bad hour near their end."""
    rng = random.Random(1)
    moment = now_microseconds() - 21 * DAY
    async with open_store(path, clock=lambda: moment) as store:
        for day in range(21):
            moment += DAY
            count = rng.randrange(4, 40) if day % 7 < 5 else rng.randrange(3)
            for number in range(count):
                await store.put(
                    f"atlas/{day:02}/{number:02}",
                    "what was learned that day",
                    agent="atlas",
                    actor=rng.choice(("atlas", "harbor")),
                )
            if day in (9, 17):
                await store.backups.create(kind="full" if day == 9 else "incremental")
        moment -= DAY // 6
        await store.bulk_delete(query="created>6d", actor="nightly-cleanup")
        moment += DAY // 12
        await store.put("atlas/21/00", "where did everything go?", agent="atlas", actor="atlas")


async def draw_backups(folder: Path, state: Path) -> str:
    """Return the Backups screen on the moment before most items were deleted, as SVG."""
    store = folder / "agent.db"
    await live_three_weeks(store)
    app = InspectorApp(
        store, settings=Settings(actor="you"), state=State(state), clock=now_microseconds
    )
    async with app.run_test(size=SIZE) as pilot:
        await _until_still(app, pilot)
        for key in ("3", "end", "left"):
            await pilot.press(key)
            await _until_still(app, pilot)
        return app.export_screenshot(title="memory-inspector open agent.db")


async def _until_still(app: InspectorApp, pilot: object) -> None:
    """Wait until the screen stops changing."""
    end = asyncio.get_running_loop().time() + SECONDS
    before, still = "", 0
    while still < 10 and asyncio.get_running_loop().time() < end:
        await asyncio.sleep(0.05)
        lines = [strip.text for strip in app.screen._compositor.render_strips()]
        now = "\n".join(lines)
        before, still = now, still + 1 if now == before else 0


def main() -> None:
    """Write `docs/browse.svg`, `docs/lifecycle.svg` and `docs/backups.svg`."""
    os.environ["TEXTUAL_ANIMATIONS"] = "none"
    DOCS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "sample.db"
        subprocess.run([sys.executable, "-m", "inspector", "sample", str(store)], check=True)
        for name, draw in (("browse", draw_browse), ("lifecycle", draw_lifecycle)):
            picture = asyncio.run(draw(store, Path(folder) / "state"))
            (DOCS / f"{name}.svg").write_text(picture, "utf-8")
        picture = asyncio.run(draw_backups(Path(folder), Path(folder) / "state"))
        (DOCS / "backups.svg").write_text(picture, "utf-8")


if __name__ == "__main__":
    main()
