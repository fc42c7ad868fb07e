"""Measures the app from inside, in a process of its own: `python -m inspector.bench STORE`.

The app runs as in a terminal, frames drawn and turned into escape sequences, only that these go
nowhere. Prints one line of JSON: numbers, that the command line's `bench` holds against its bars.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from textual import events
from textual.drivers.headless_driver import HeadlessDriver

from inspector.app import InspectorApp
from inspector.screens.browse import BrowseScreen
from inspector.settings import Settings, State
from inspector.widgets.item_table import ItemTable

SIZE = (120, 40)
POLL_SECONDS = 0.001
TICK_SECONDS = 0.001
START_SECONDS_MAX = 60.0
KEY_SECONDS_MAX = 10.0
REPEAT_SECONDS = 1 / 30
"""How fast a key repeats that is held down."""
PAUSE_SECONDS = 0.15
"""Between keys that are pressed one by one; the item's pane follows in between."""
SETTLE_SECONDS = 1.0

PATTERNS: dict[str, tuple[tuple[str, ...], float]] = {
    "scroll": (("down",), REPEAT_SECONDS),
    "page": (("pagedown", "pagedown", "pagedown", "pageup"), PAUSE_SECONDS),
    "jump": (("end", "pageup", "home", "pagedown"), PAUSE_SECONDS),
}
"""Which keys are pressed in turn, and how long after one another."""


class FrameDriver(HeadlessDriver):
    """Draws like a terminal's driver, and notes when a frame was written, and on which row."""

    frames = 0
    written_at = 0.0
    row = -1

    @property
    def is_headless(self) -> bool:
        """False, since an app without a head draws nothing."""
        return False

    def write(self, data: str) -> None:
        """Take note of what would be sent to the terminal."""
        type(self).frames += 1
        type(self).written_at = time.monotonic()
        type(self).row = _cursor_row(self._app)


def _table(app: Any) -> ItemTable | None:
    screen = app.screen if app.screen_stack else None
    if not isinstance(screen, BrowseScreen) or not screen.is_mounted:
        return None
    return next(iter(screen.query("#items").results(ItemTable)), None)


def _cursor_row(app: Any) -> int:
    table = _table(app)
    return -1 if table is None else table.cursor_row


class NotShownError(Exception):
    """The app did not show what was waited for."""


async def _until(condition: Any, what: str, seconds: float) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            raise NotShownError(f"{what} took more than {seconds:g} s")
        await asyncio.sleep(POLL_SECONDS)


def _is_filled(table: ItemTable | None) -> bool:
    """Return whether every line in view shows an item."""
    if table is None or table.row_count == 0:
        return False
    return all(table.row(key) is not None for key in table.visible_keys())


async def _filled(app: InspectorApp) -> float:
    """Wait until rows of the store are on the screen; return the moment of that frame."""
    await _until(lambda: _is_filled(_table(app)), "filling the table", START_SECONDS_MAX)
    frames = FrameDriver.frames
    # The rows are here; the frame that shows them is the next one.
    await _until(lambda: FrameDriver.frames > frames, "the first rows", START_SECONDS_MAX)
    return FrameDriver.written_at


@asynccontextmanager
async def _lag() -> AsyncIterator[dict[str, float]]:
    """Note how late the loop woke a task that slept for a millisecond, at most, in seconds.

    `busy` is what the process computed meanwhile: far less says that the machine was busy with
    something else.
    """
    worst = {"late": 0.0, "busy": 0.0}

    async def tick() -> None:
        while True:
            due, computed = time.monotonic() + TICK_SECONDS, time.process_time()
            await asyncio.sleep(TICK_SECONDS)
            late = time.monotonic() - due
            if late > worst["late"]:
                worst.update(late=late, busy=time.process_time() - computed)

    task = asyncio.create_task(tick())
    try:
        yield worst
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _press(app: InspectorApp, table: ItemTable, key: str) -> tuple[float, float]:
    """Press a key; return the seconds to the frame that shows it, and to all rows filled."""
    before = table.cursor_row
    frames = FrameDriver.frames
    began = time.monotonic()
    app.post_message(events.Key(key, None))

    def shown() -> bool:
        return FrameDriver.frames > frames and FrameDriver.row != before

    await _until(shown, f"the frame after {key}", KEY_SECONDS_MAX)
    first = FrameDriver.written_at
    if not _is_filled(table):
        await _until(lambda: _is_filled(table), f"the rows after {key}", KEY_SECONDS_MAX)
        frames = FrameDriver.frames
        await _until(lambda: FrameDriver.frames > frames, "their frame", KEY_SECONDS_MAX)
    return first - began, FrameDriver.written_at - began


def _possible(table: ItemTable, key: str) -> str:
    """Return the key, or another where it would not move the cursor any further."""
    if table.cursor_row >= table.row_count - 1 and key in ("down", "pagedown", "end"):
        return "home"
    if table.cursor_row <= 0 and key in ("up", "pageup", "home"):
        return "end"
    return key


async def _press_all(app: InspectorApp, name: str, presses: int) -> dict[str, Any]:
    """Press the keys of a pattern; return what each took, and how late the loop was."""
    table = _table(app)
    if table is None or table.row_count <= 1:
        raise NotShownError("there is no list to move in")
    keys, pause = PATTERNS[name]
    shown: list[float] = []
    filled: list[float] = []
    async with _lag() as lag:
        for number in range(presses):
            began = time.monotonic()
            first, whole = await _press(app, table, _possible(table, keys[number % len(keys)]))
            shown.append(first)
            filled.append(whole)
            await asyncio.sleep(max(0.0, pause - (time.monotonic() - began)))
    return {"shown": shown, "filled": filled, "lag": lag}


def _memory_bytes() -> int:
    """Return the most memory that this process has held."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


async def _measure(store: Path, began: float, presses: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as state:
        made = time.monotonic()
        app = InspectorApp(store, settings=Settings(), state=State(Path(state)))
        app.driver_class = FrameDriver
        running = asyncio.create_task(app.run_async(size=SIZE, mouse=False))
        found: dict[str, Any] = {}
        try:
            filled = await _filled(app)
            found = {"process_seconds": filled - began, "app_seconds": filled - made}
            if presses:
                await _until_complete(app)
                async with _lag() as idle:
                    await asyncio.sleep(SETTLE_SECONDS)
                found["idle_lag"] = idle
                for name in PATTERNS:
                    found[name] = await _press_all(app, name, presses)
            found["memory_bytes"] = _memory_bytes()
        finally:
            app.exit()
            await asyncio.wait([running], timeout=KEY_SECONDS_MAX)
    return found


async def _until_complete(app: InspectorApp) -> None:
    """Wait until the list has stopped growing: the end is then the store's end."""
    count = -1
    table = _table(app)
    while table is not None and table.row_count != count:
        count = table.row_count
        await asyncio.sleep(SETTLE_SECONDS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the app on a store, press keys, and print what it took."""
    parser = argparse.ArgumentParser(prog="python -m inspector.bench", description=main.__doc__)
    parser.add_argument("store", type=Path)
    parser.add_argument("--began", type=float, help="time.monotonic() when the process was made")
    parser.add_argument("--presses", type=int, default=60, help="of each pattern; 0: only start")
    options = parser.parse_args(arguments)
    began = time.monotonic() if options.began is None else options.began
    try:
        found = asyncio.run(_measure(options.store, began, options.presses))
    except NotShownError as error:
        print(f"inspector.bench: {error}", file=sys.stderr)
        return 1
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
