"""A store that cannot be used leads to words and ways out of it, never to a traceback."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from backups_kit import texts_of
from browse_kit import OpenApp, browse, eventually, screen_text, settle, type_text
from kit import check_sound
from lifecycle_kit import press
from test_hostile import drawn
from textual.pilot import Pilot
from textual.widgets import Input

from engine import CorruptStoreError, open_store
from inspector.app import InspectorApp
from inspector.screens.ask import Ask
from inspector.screens.dialogs import Choose, Confirm, FailurePanel
from inspector.screens.differing import TypeName
from inspector.screens.problem import ProblemScreen
from inspector.screens.recovery import DetailsScreen, RecoveryScreen

pytest_plugins = ("browse_fixtures",)


@pytest.fixture
def open_app(open_app: OpenApp) -> OpenApp:
    """The app on a small screen, where everything must work and drawing takes a third."""
    return partial(open_app, size=(80, 24))


def cut(path: Path) -> None:
    """Cut a store short in its middle."""
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def spoil_header(path: Path) -> None:
    """Destroy the first page."""
    data = path.read_bytes()
    path.write_bytes(b"\x1b]0;" * 1024 + data[4096:])


async def until(pilot: Pilot[Any], kind: type) -> None:
    """Wait for a screen of this kind."""
    await eventually(pilot, lambda: isinstance(pilot.app.screen, kind), seconds=20)
    await settle(pilot)


async def browsing(app: InspectorApp, pilot: Pilot[Any]) -> None:
    """Wait until the app shows a store."""
    await eventually(pilot, lambda: app.is_open and app.screen is browse(app), seconds=20)
    await settle(pilot)


async def texts_at(path: Path) -> dict[str, Any]:
    async with open_store(path, read_only=True) as store:
        return await texts_of(store)


# A store that is missing -------------------------------------------------------------------


async def test_a_missing_store_with_backups_is_restored_in_its_place(
    past: Path, open_app: OpenApp
) -> None:
    """It says what is safe, restores what is chosen under the store's own name, and opens it."""
    past.unlink()
    async with open_app(past) as (app, pilot):
        await until(pilot, RecoveryScreen)
        text = screen_text(app)
        assert "There is no file agent.db" in text
        assert "2 backups; the newest from" in text
        assert "40 items, up to change 60, verified" in text
        assert "what was written after that backup" in text
        assert "Save what is readable" not in text
        await press(pilot, "r")
        await until(pilot, Choose)
        await press(pilot, "enter")
        await until(pilot, Ask)
        assert app.screen.query_one(Input).value == str(past)
        await press(pilot, "enter")
        await browsing(app, pilot)
        assert "40 items" in screen_text(app)
    assert len(await texts_at(past)) == 40


async def test_a_missing_store_without_backups_is_a_plain_problem(
    tmp_path: Path, open_app: OpenApp
) -> None:
    """There is nothing to recover: what, and what to do."""
    async with open_app(tmp_path / "none.db") as (_, pilot):
        await until(pilot, ProblemScreen)


# A store that is damaged -------------------------------------------------------------------


@pytest.mark.parametrize("damage", [cut, spoil_header])
async def test_damage_is_explained_and_details_are_a_key_away(
    past: Path, open_app: OpenApp, damage: Any
) -> None:
    """What happened, what is safe and what would be lost, while the file is left as it is."""
    damage(past)
    before = past.read_bytes()
    async with open_app(past) as (app, pilot):
        await until(pilot, RecoveryScreen)
        text = await drawn(pilot)
        for words in ("What happened", "What is safe", "2 backups", "What would be lost"):
            assert words in text
        await press(pilot, "d")
        await until(pilot, DetailsScreen)
        assert "✗ damaged" in await drawn(pilot)
        await press(pilot, "escape", "q")
    assert app.return_code == 1
    assert past.read_bytes() == before


async def test_a_backup_is_restored_beside_and_opened(past: Path, open_app: OpenApp) -> None:
    """Esc goes back a step each time; then the new file is shown, and the damaged one stays."""
    cut(past)
    before = past.read_bytes()
    async with open_app(past) as (app, pilot):
        await until(pilot, RecoveryScreen)
        await press(pilot, "r", "j", "enter")
        await until(pilot, Ask)
        await press(pilot, "escape")
        await until(pilot, Choose)
        await press(pilot, "escape")
        assert isinstance(app.screen, RecoveryScreen)
        await press(pilot, "r", "enter")
        await until(pilot, Ask)
        assert app.screen.query_one(Input).value.endswith("agent-restored.db")
        await press(pilot, "enter")
        await until(pilot, Choose)
        assert "40 items are restored" in screen_text(app)
        await press(pilot, "enter")
        await browsing(app, pilot)
        assert "agent-restored.db" in screen_text(app)
    assert past.read_bytes() == before
    check_sound(past.with_name("agent-restored.db"))


async def test_what_is_readable_is_saved_filled_from_a_backup_and_put_in_place(
    past: Path, open_app: OpenApp
) -> None:
    """Salvage, then the newest backup, then the store's own name; the damaged file is kept."""
    whole = await texts_at(past)
    await spoil_items(past)
    before = past.read_bytes()
    async with open_app(past) as (app, pilot):
        await until(pilot, RecoveryScreen)
        await press(pilot, "s")
        await until(pilot, Ask)
        await press(pilot, "enter")
        await eventually(pilot, lambda: isinstance(app.screen, Confirm | Choose), seconds=20)
        await settle(pilot)
        if isinstance(app.screen, Confirm):
            assert " lost: " in screen_text(app)
            await press(pilot, "y")
            await until(pilot, Choose)
        await press(pilot, "j", "enter")
        await until(pilot, TypeName)
        await type_text(pilot, "agent.db")
        await press(pilot, "enter")
        await browsing(app, pilot)
    found = await texts_at(past)
    assert {key: found[key] for key in whole} == whole
    (kept,) = past.parent.glob("agent.db.damaged-*")
    assert (kept / "agent.db").read_bytes() == before


async def spoil_items(path: Path) -> None:
    """Destroy a few pages in the middle, so that the store cannot be opened any more."""
    data = bytearray(path.read_bytes())
    pages = len(data) // 4096
    for page in range(pages * 2 // 3, pages * 2 // 3 + 4):
        data[page * 4096 : (page + 1) * 4096] = b"\xa5" * 4096
    data[4096 * 1 : 4096 * 2] = b"\xa5" * 4096
    path.write_bytes(data)


async def test_a_file_that_is_no_store_is_left_alone_and_salvage_says_so(
    tmp_path: Path, open_app: OpenApp
) -> None:
    """A panel with what and why; then the same choices again."""
    path = tmp_path / "notes.txt"
    path.write_text("[/nope] \x1b]0;owned\x07 notes\n" * 500)
    before = path.read_bytes()
    async with open_app(path) as (app, pilot):
        await until(pilot, RecoveryScreen)
        assert "or it is something else" in await drawn(pilot)
        await press(pilot, "s")
        await until(pilot, Ask)
        await press(pilot, "enter")
        await until(pilot, FailurePanel)
        assert "→" in await drawn(pilot)
        await press(pilot, "escape")
        assert isinstance(app.screen, RecoveryScreen)
    assert path.read_bytes() == before
    assert sorted(tmp_path.glob("notes*")) == [path]


async def test_damage_that_is_met_while_working_leads_there_once(
    past: Path, open_app: OpenApp, tmp_path: Path
) -> None:
    """One can go on, or save into a new file; the file under an open store is not replaced."""
    async with open_app(past) as (app, pilot):
        app.report(CorruptStoreError("the database is damaged: a page", hint="restore it"))
        await until(pilot, RecoveryScreen)
        text = screen_text(app)
        assert "Continue" in text
        assert "a page" in text
        await press(pilot, "r", "enter")
        await until(pilot, Ask)
        await press(pilot, "enter")
        await until(pilot, Confirm)
        assert "memory-inspector FILE" in screen_text(app)
        await press(pilot, "enter", "o")
        assert app.screen is browse(app)
        app.report(CorruptStoreError("again", hint="restore it"))
        await until(pilot, FailurePanel)
        await press(pilot, "escape")
    assert past.with_name("agent-restored.db").exists()


async def test_a_damaged_backup_does_not_end_the_rescue(past: Path, open_app: OpenApp) -> None:
    """It is said, nothing is published, and an older one can be chosen."""
    for artefact in Path(f"{past}.backups").glob("*incremental*.zst"):
        data = bytearray(artefact.read_bytes())
        data[len(data) // 2] ^= 1
        artefact.write_bytes(data)
    past.unlink()
    async with open_app(past) as (app, pilot):
        await until(pilot, RecoveryScreen)
        await press(pilot, "r", "enter", "enter")
        await until(pilot, FailurePanel)
        assert not past.exists()
        await press(pilot, "escape", "r", "j", "enter")
        await until(pilot, Ask)
        await press(pilot, "enter")
        await browsing(app, pilot)
    assert len(await texts_at(past)) == 30


async def test_a_hostile_name_of_the_store_is_harmless(past: Path, open_app: OpenApp) -> None:
    """In titles, words and the line where the new file's name is edited; and it is kept exactly."""
    evil = past.with_name("x\x1b]0;owned\x07[nope]\u202e.db")
    Path(f"{past}.backups").rename(f"{evil}.backups")
    async with open_app(evil) as (app, pilot):
        await until(pilot, RecoveryScreen)
        await drawn(pilot)
        for key in ("r", "enter"):
            await press(pilot, key)
            await drawn(pilot)
        await press(pilot, "enter")
        await browsing(app, pilot)
        await drawn(pilot)
    assert len(await texts_at(evil)) == 40
