"""The shell: opening, failing, read-only, help, palette, keys, themes, leaving."""

from __future__ import annotations

import asyncio
import re
import stat
from pathlib import Path
from typing import Any

import pytest
from browse_kit import (
    OpenApp,
    browse,
    eventually,
    on_browse,
    screen_text,
    settle,
    type_text,
)
from textual.pilot import Pilot
from textual.widgets import TextArea

from engine import MemoryStore
from inspector.action import Scope
from inspector.actions import ACTIONS, binding_id, bindings_of
from inspector.app import InspectorApp
from inspector.modes import MODES
from inspector.screens import working
from inspector.screens.dialogs import Busy, Confirm, FailurePanel
from inspector.screens.edit import EditScreen
from inspector.screens.help import HelpScreen
from inspector.screens.lifecycle import LifecycleScreen
from inspector.screens.problem import ProblemScreen
from inspector.settings import Settings
from inspector.telling import EXIT_UNEXPECTED
from inspector.widgets.footer import ActionFooter

pytest_plugins = ("browse_fixtures",)


def footer_text(app: InspectorApp) -> str:
    return str(app.screen.query_one(ActionFooter).render())


# Opening -----------------------------------------------------------------------------------


def damaged(path: Path, kind: str) -> Path:
    if kind == "text":
        path.write_text("this is not a store, but a shopping list\n" * 50)
    elif kind == "cut":
        path.write_bytes(path.read_bytes()[:512])
    elif kind == "directory":
        path = path.parent / "folder"
        path.mkdir()
    elif kind == "absent":
        path = path.parent / "absent.db"
    elif kind == "empty":
        path = path.parent / "empty.db"
        path.touch()
    return path


@pytest.mark.parametrize("kind", ["text", "cut", "directory", "absent", "empty"])
async def test_what_cannot_be_opened_is_explained(seeded: Path, make_app: Any, kind: str) -> None:
    """What, and what to do; a non-zero exit, and the file untouched."""
    path = damaged(seeded, kind)
    before = path.read_bytes() if path.is_file() else None
    app: InspectorApp = make_app(path)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert isinstance(app.screen, ProblemScreen)
        text = screen_text(app)
        assert "cannot be opened" in text
        assert "→" in text
        assert "Traceback" not in text
        await pilot.press("q")
    assert app.return_code == 1
    assert before == (path.read_bytes() if path.is_file() else None)
    assert path.exists() == (kind != "absent")


async def test_a_first_frame_comes_before_the_store(seeded: Path, make_app: Any) -> None:
    """The screen is there while the store is still being opened."""
    app: InspectorApp = make_app(seeded)
    async with app.run_test(size=(80, 24)) as pilot:
        assert "opening" in screen_text(app) or app.is_open
        await settle(pilot)
        assert "live" in screen_text(app)


async def test_read_only_says_so_and_offers_no_change(
    seeded: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """Keys that would change something do nothing and are not shown; changes still appear."""
    async with open_app(seeded, read_only=True) as (app, pilot):
        assert "◌ read-only" in screen_text(app)
        for word in ("Edit", "New", "Delete", "Tags"):
            assert word not in footer_text(app)
        await pilot.press("e", "n", "d", "t", "E", "u")
        await settle(pilot)
        assert on_browse(app)
        await other.put("fresh", "seen though read-only")
        for _ in range(100):
            await pilot.pause(0.05)
            if "fresh" in screen_text(app):
                break
        assert "fresh" in screen_text(app)


# Failing -----------------------------------------------------------------------------------


async def test_an_unexpected_error_in_a_worker_is_a_panel_and_a_private_log(
    seeded: Path, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The app lives on; the log has the place but no value, and only its owner reads it."""

    async def broken(item_id: str) -> None:
        secret = "a memory that must not leak"
        raise ZeroDivisionError(secret)

    async with open_app(seeded) as (app, pilot):
        monkeypatch.setattr(app.gateway, "record", broken)
        await pilot.press("Y")
        await settle(pilot)
        assert isinstance(app.screen, FailurePanel)
        assert "unexpected" in screen_text(app)
        assert "must not leak" not in screen_text(app)
        await pilot.press("escape")
        await settle(pilot)
        assert on_browse(app)
    log = tmp_path / "state-home" / "memory-inspector" / "inspector.log"
    assert "ZeroDivisionError" in log.read_text()
    assert "must not leak" not in log.read_text().replace('secret = "a memory that must', "")
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


async def test_an_unexpected_error_in_the_app_ends_it_without_a_traceback(
    seeded: Path, make_app: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Textual would print local variables, which are memories."""

    def broken(self: Any) -> None:
        raise ZeroDivisionError("a memory that must not leak")

    app: InspectorApp = make_app(seeded)
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - the app raises it when it ends
        async with app.run_test(size=(80, 24)) as pilot:
            await settle(pilot)
            monkeypatch.setattr(type(browse(app)), "action_find", broken)
            await pilot.press("slash")
            await pilot.pause()
    assert app.return_code == EXIT_UNEXPECTED
    printed = "".join(capsys.readouterr())
    assert "Traceback" not in printed
    assert "must not leak" not in printed


# Keys --------------------------------------------------------------------------------------


def test_every_action_of_the_table_can_be_carried_out() -> None:
    """Each has a method on its screen."""
    from inspector.screens.backups import BackupsScreen
    from inspector.screens.browse import BrowseScreen
    from inspector.screens.conflict import ConflictScreen
    from inspector.screens.transitions import TransitionsScreen

    owners: dict[Scope, type] = {
        Scope.APP: InspectorApp,
        Scope.BACKUPS: BackupsScreen,
        Scope.BROWSE: BrowseScreen,
        Scope.EDIT: EditScreen,
        Scope.CONFLICT: ConflictScreen,
        Scope.LIFECYCLE: LifecycleScreen,
        Scope.TRANSITIONS: TransitionsScreen,
    }
    for action in ACTIONS:
        name = action.call.partition("(")[0] or action.id
        assert callable(getattr(owners[action.scope], f"action_{name}", None)), action.id


def test_every_screen_of_the_app_has_its_number() -> None:
    """The keys, the header and the app itself go by one table."""
    assert {mode.name for mode in MODES} == set(InspectorApp.MODES)
    keys = {binding.key: binding.action for binding in bindings_of(Scope.APP)}
    for number, mode in enumerate(MODES, start=1):
        assert keys[str(number)] == f"switch_mode({mode.name!r})"


async def test_a_number_key_leads_to_a_screen_unless_text_is_typed(
    seeded: Path, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the query bar a digit is a digit."""
    modes: list[str] = []
    async with open_app(seeded) as (app, pilot):
        monkeypatch.setattr(app, "switch_mode", modes.append)
        await pilot.press("1")
        assert modes == ["browse"]
        await pilot.press("slash", "1")
        await settle(pilot)
        assert browse(app).bar.value == "1"
        assert modes == ["browse"]


def test_no_key_means_two_things_on_one_screen() -> None:
    """Keys of the app and of a screen do not collide."""
    for scope in set(Scope) - {Scope.APP}:
        keys = [
            key
            for action in ACTIONS
            if action.scope in (scope, Scope.APP)
            for key in action.key.split(",")
        ]
        assert len(keys) == len(set(keys)), scope


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_the_footer_fits_and_offers_only_what_works(
    seeded: Path, open_app: OpenApp, size: tuple[int, int]
) -> None:
    """Help and palette are always in it; Undo only when there is something to undo."""
    async with open_app(seeded, size=size) as (app, pilot):
        text = footer_text(app)
        assert len(text) <= size[0]
        assert "Help" in text
        assert "Palette" in text
        assert "Undo" not in text
        await pilot.press("d", "y")
        await settle(pilot)
        assert "Undo" in footer_text(app)
        await pilot.press("slash")
        await settle(pilot)
        assert "Edit" not in footer_text(app)


async def test_a_click_on_the_footer_is_the_key(seeded: Path, open_app: OpenApp) -> None:
    """Everything can be reached by mouse."""
    async with open_app(seeded) as (app, pilot):
        column = footer_text(app).index("Edit")
        await pilot.click(ActionFooter, offset=(column, 0))
        await settle(pilot)
        assert isinstance(app.screen, EditScreen)


async def test_help_lists_the_keys_of_what_has_the_focus(seeded: Path, open_app: OpenApp) -> None:
    """From the same table, with the language of queries."""
    async with open_app(seeded, size=(120, 100)) as (app, pilot):
        await pilot.press("question_mark")
        await settle(pilot)
        assert isinstance(app.screen, HelpScreen)
        text = screen_text(app)
        assert "Edit the item's content and fields" in text
        assert "importance>=0.7" in text
        assert "Mark" in text
        await pilot.press("escape")
        await settle(pilot)
        assert on_browse(app)


async def test_the_palette_carries_out_an_action(seeded: Path, open_app: OpenApp) -> None:
    """By name, whoever forgot the key."""
    async with open_app(seeded) as (app, pilot):
        await pilot.press("ctrl+p")
        await settle(pilot)
        await type_text(pilot, "edit the item")
        await pilot.pause(0.3)
        await pilot.press("enter")
        await settle(pilot)
        await pilot.pause(0.2)
        await settle(pilot)
        assert isinstance(app.screen, EditScreen)


async def test_keys_can_be_given_by_the_config(seeded: Path, open_app: OpenApp) -> None:
    """Key, footer and help follow."""
    settings = Settings(keys={"browse.edit": "ctrl+e"})
    async with open_app(seeded, settings=settings) as (app, pilot):
        assert "^e Edit" in footer_text(app)
        await pilot.press("e")
        await settle(pilot)
        assert on_browse(app)
        await pilot.press("ctrl+e")
        await settle(pilot)
        assert isinstance(app.screen, EditScreen)


def test_every_action_has_an_id_for_the_config() -> None:
    """And no two have the same."""
    names = [binding_id(action) for action in ACTIONS]
    assert len(names) == len(set(names))


# Themes ------------------------------------------------------------------------------------


async def test_the_theme_is_remembered(seeded: Path, open_app: OpenApp) -> None:
    """Whoever chose a theme sees it in the next run."""
    async with open_app(seeded) as (app, _):
        app.theme = "nord"
    async with open_app(seeded) as (app, _):
        assert app.theme == "nord"


@pytest.mark.parametrize("theme", ["textual-light", "nord", "gruvbox", "ansi-dark", "ansi-light"])
async def test_every_kind_of_theme_is_usable(seeded: Path, open_app: OpenApp, theme: str) -> None:
    """The cursor can be told from the rows, by style or by glyph."""
    async with open_app(seeded, settings=Settings(theme=theme)) as (app, pilot):
        if theme not in app.available_themes:
            pytest.skip(f"no theme {theme}")
        assert app.theme == theme
        await pilot.press("j")
        await settle(pilot)
        assert "▸" in screen_text(app)
        await pilot.press("e")
        await settle(pilot)
        assert isinstance(app.screen, EditScreen)


async def test_without_colour_everything_is_still_said(
    seeded: Path, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A glyph and a word for every state."""
    monkeypatch.setenv("NO_COLOR", "1")
    async with open_app(seeded) as (app, pilot):
        await pilot.press("space")
        await settle(pilot)
        text = screen_text(app)
        for sign in ("● live", "▸", "●", "1 marked", "▎Content"):
            assert sign in text


# Leaving -----------------------------------------------------------------------------------


async def test_leaving_closes_the_store(seeded: Path, open_app: OpenApp) -> None:
    """Nothing is left open: no -wal file with content stays behind for others to recover."""
    async with open_app(seeded) as (app, pilot):
        gateway = app.gateway
        await pilot.press("ctrl+q")
        await pilot.pause()
    with pytest.raises(Exception, match="closed"):
        await gateway.count("")


async def test_quitting_asks_before_something_typed_is_lost(
    seeded: Path, open_app: OpenApp
) -> None:
    """The default keeps it; a second press does not take itself for an answer."""
    async with open_app(seeded) as (app, pilot):
        await pilot.press("e")
        await settle(pilot)
        area = app.screen.query_one("#content", TextArea)
        assert app.focused is area
        await pilot.press("x", "ctrl+q")
        await settle(pilot)
        await pilot.press("ctrl+q")
        await settle(pilot)
        assert isinstance(app.screen, Confirm)
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, EditScreen)
        assert area.text.startswith("x{")
        await pilot.press("ctrl+q", "y")
        await pilot.pause()
        assert not app.is_running


class EndlessWork:
    """A bulk action that gets stuck, and takes back what it did when it is cancelled."""

    def __init__(self) -> None:
        self.taken_back = False

    async def __call__(self, target: Any, progress: Any) -> Any:
        progress(10_000, 1_000_000)
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)
            self.taken_back = True


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> EndlessWork:
    monkeypatch.setattr(working, "BUSY_AFTER_SECONDS", 0.01)
    monkeypatch.setattr(working, "LOOK_SECONDS", 0.01)
    return EndlessWork()


async def start_deleting(app: InspectorApp, pilot: Pilot[Any]) -> None:
    await pilot.press("asterisk", "b")
    await settle(pilot)
    await pilot.press("G", "enter")
    await settle(pilot)
    await pilot.press("y")
    await eventually(pilot, lambda: isinstance(app.screen, Busy))


async def test_escape_cancels_a_long_bulk_action(
    seeded: Path, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch, endless: EndlessWork
) -> None:
    """It says how far it is; once it is cancelled and cleaned up, the marks are still there."""
    async with open_app(seeded) as (app, pilot):
        monkeypatch.setattr(app.gateway, "delete_many", endless)
        await start_deleting(app, pilot)
        await eventually(pilot, lambda: "10,000 of 1,000,000 items" in screen_text(app))
        await pilot.press("escape", "escape")
        await eventually(pilot, lambda: on_browse(app))
        assert endless.taken_back
        assert "nothing was changed" in screen_text(app)
        assert browse(app).table.marked_count == 40
        assert not app.journal.can_undo


async def test_quitting_waits_until_a_long_action_is_taken_back(
    seeded: Path, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch, endless: EndlessWork
) -> None:
    """The first ctrl+q stops it; the next one leaves, and the store is closed after it."""
    async with open_app(seeded) as (app, pilot):
        monkeypatch.setattr(app.gateway, "delete_many", endless)
        await start_deleting(app, pilot)
        await pilot.press("ctrl+q")
        assert app.is_running
        await pilot.press("ctrl+q")
    assert endless.taken_back


async def narrow(pilot: Pilot[Any], width: int, height: int) -> None:
    await pilot.resize_terminal(width, height)
    await settle(pilot)


async def test_resizing_keeps_everything_usable(seeded: Path, open_app: OpenApp) -> None:
    """From wide to narrow to tiny and back, with the cursor where it was."""
    async with open_app(seeded) as (app, pilot):
        await pilot.press("j", "j")
        for width, height in [(80, 24), (40, 10), (200, 60), (119, 30), (120, 40)]:
            await narrow(pilot, width, height)
            text = screen_text(app)
            assert re.search(r"▸\s*episode/02", text), (width, height)
