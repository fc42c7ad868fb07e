"""Fixtures of the tests that run the app: a seeded store, and the app on it.

A plugin, since only one conftest can have the name in one run of mypy.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from backups_kit import fill_with_past, fix_names
from browse_kit import OpenApp, fill, now_microseconds, settle
from textual import _wait
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from engine import MemoryStore, open_store
from inspector.app import InspectorApp
from inspector.screens import browse_item, browse_list, policy_form
from inspector.settings import Settings, State

PAUSES_SECONDS = {
    (browse_list, "TYPING_PAUSE_SECONDS"): 0.01,
    (browse_list, "FAULT_PAUSE_SECONDS"): 0.03,
    (browse_list, "LIVE_PAUSE_SECONDS"): 0.02,
    (browse_list, "CATCH_UP_SECONDS"): 0.1,
    (browse_list, "COUNT_PAUSE_SECONDS"): 0.01,
    (browse_list, "FACETS_PAUSE_SECONDS"): 0.01,
    (browse_item, "DETAIL_PAUSE_SECONDS"): 0.01,
    (policy_form, "COUNT_PAUSE_SECONDS"): 0.01,
}
"""Shorter than for people, since tests wait for each of them."""


@pytest.fixture(scope="session")
def parse_once() -> Callable[..., list[RuleSet]]:
    """Parse a style sheet as Textual does, but the same one only once for all apps."""
    parse = Stylesheet._parse_rules
    parsed: dict[object, list[RuleSet]] = {}

    def parse_rules(stylesheet: Stylesheet, css: str, **place: Any) -> list[RuleSet]:
        key = (css, tuple(place.items()), frozenset(stylesheet._variables.items()))
        if key not in parsed:
            parsed[key] = parse(stylesheet, css, **place)
        return parsed[key]

    return parse_rules


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch, parse_once: Callable[..., list[RuleSet]]) -> None:
    """Nothing takes longer than it has to: `settle` waits for what is on its way."""
    monkeypatch.setattr(_wait, "SLEEP_GRANULARITY", 0.004)
    monkeypatch.setattr(_wait, "SLEEP_IDLE", 0.001)
    monkeypatch.setattr(Stylesheet, "_parse_rules", parse_once)
    for (screen, name), seconds in PAUSES_SECONDS.items():
        monkeypatch.setattr(screen, name, seconds)


@pytest.fixture
def still_screen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, no_waiting: None) -> None:
    """Nothing moves by itself, and nothing of this machine shows."""
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state-home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config-home"))
    monkeypatch.delenv("NO_COLOR", raising=False)
    time.tzset()
    for widget in (Input, TextArea):
        monkeypatch.setattr(widget, "cursor_blink", False, raising=False)
        monkeypatch.setattr(widget, "_restart_blink", lambda self: None, raising=False)


@pytest.fixture
def store_path(tmp_path: Path) -> Path:
    return tmp_path / "agent.db"


@pytest.fixture(scope="session")
def made_past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of `past`, made once: it takes longer than most tests of it."""
    path = tmp_path_factory.mktemp("past") / "agent.db"
    with pytest.MonkeyPatch.context() as patch:
        fix_names(patch)
        asyncio.run(fill_with_past(path))
    return path


@pytest.fixture
def past(made_past: Path, store_path: Path) -> Path:
    """A store with a busy morning, two backups, and a burst of deletions."""
    shutil.copy(made_past, store_path)
    shutil.copytree(f"{made_past}.backups", f"{store_path}.backups")
    return store_path


@pytest.fixture
async def seeded(store_path: Path) -> Path:
    await fill(store_path)
    return store_path


@pytest.fixture
async def other(seeded: Path) -> AsyncIterator[MemoryStore]:
    """A second opening of the same store, as another process would have."""
    async with open_store(seeded, actor="other", clock=now_microseconds) as store:
        yield store


@pytest.fixture
def make_app(tmp_path: Path, still_screen: None) -> Callable[..., InspectorApp]:
    def make(path: Path, **options: Any) -> InspectorApp:
        options.setdefault("settings", Settings(actor="tester"))
        options.setdefault("state", State(tmp_path / "state"))
        options.setdefault("clock", now_microseconds)
        return InspectorApp(path, **options)

    return make


@pytest.fixture
def open_app(make_app: Callable[..., InspectorApp]) -> OpenApp:
    @asynccontextmanager
    async def opened(
        path: Path, *, size: tuple[int, int] = (120, 40), **options: Any
    ) -> AsyncIterator[tuple[InspectorApp, Pilot[None]]]:
        app = make_app(path, **options)
        async with app.run_test(size=size, notifications=True) as pilot:
            await settle(pilot)
            yield app, pilot

    return opened
