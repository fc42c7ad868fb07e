"""Draw the pictures of the README from the sample memory: `make screenshots`."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from inspector.app import InspectorApp
from inspector.settings import Settings, State

DOCS = Path(__file__).parents[1] / "docs"
NOW = datetime(2026, 11, 1, 18, 0, tzinfo=UTC)
SIZE = (132, 38)
SECONDS = 20.0


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
    """Write `docs/browse.svg` and `docs/lifecycle.svg`."""
    os.environ["TEXTUAL_ANIMATIONS"] = "none"
    DOCS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "sample.db"
        subprocess.run([sys.executable, "-m", "inspector", "sample", str(store)], check=True)
        for name, draw in (("browse", draw_browse), ("lifecycle", draw_lifecycle)):
            picture = asyncio.run(draw(store, Path(folder) / "state"))
            (DOCS / f"{name}.svg").write_text(picture, "utf-8")


if __name__ == "__main__":
    main()
