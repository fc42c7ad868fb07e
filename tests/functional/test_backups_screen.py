"""The Backups screen: a timeline of changes, the backups, and what can be done with them."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from backups_kit import GOOD, MAD, backups, go_to_backups
from browse_kit import NOW, OpenApp, eventually, screen_text, settle, type_text
from lifecycle_kit import press
from test_hostile import NAME, drawn
from textual.widgets import Input

from engine import MemoryStore, open_store
from inspector.screens import backups_board, working
from inspector.screens.dialogs import Busy, Choose, FailurePanel
from inspector.screens.pruning import PruneScreen
from inspector.widgets.footer import ActionFooter

pytest_plugins = ("browse_fixtures",)

SIZES = pytest.mark.parametrize("size", [(120, 40), (80, 24)])


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """No waiting for a slider to stop."""
    monkeypatch.setattr(backups_board, "AROUND_PAUSE_SECONDS", 0.0)


def artefacts(path: Path) -> list[Path]:
    return sorted(Path(f"{path}.backups").glob("*.zst"))


# The timeline ------------------------------------------------------------------------------


@SIZES
async def test_one_step_left_is_just_before_the_agent_went_mad(
    past: Path, open_app: OpenApp, size: tuple[int, int]
) -> None:
    """The slider begins now; a step leads over the burst, and says who did what there."""
    async with open_app(past, size=size) as (app, pilot):
        screen = await go_to_backups(app, pilot)
        assert f"change {GOOD + MAD} of {GOOD + MAD}" in screen_text(app)
        assert "by mad" in screen_text(app)
        await press(pilot, "left")
        assert screen.timeline.position == GOOD
        text = screen_text(app)
        assert f"{MAD} changes since" in text
        after = text[text.index("restores to here") :]
        assert "61  delete    note/00  by mad" in after


async def test_the_slider_goes_by_columns_changes_backups_and_to_the_ends(
    past: Path, open_app: OpenApp
) -> None:
    """Every key of it, and none leads beyond the ends."""
    async with open_app(past) as (app, pilot):
        view = (await go_to_backups(app, pilot)).timeline
        await press(pilot, "right")
        assert view.position == GOOD + MAD
        await press(pilot, "comma", "comma")
        assert view.position == GOOD + MAD - 2
        await press(pilot, "full_stop")
        assert view.position == GOOD + MAD - 1
        await press(pilot, "left_square_bracket")
        assert view.position == 60
        await press(pilot, "left_square_bracket")
        assert view.position == 30
        await press(pilot, "right_square_bracket")
        assert view.position == 60
        await press(pilot, "home", "left", "comma", "left_square_bracket")
        assert view.position == 0
        await press(pilot, "right")
        first = view.position
        assert 0 < first < GOOD
        await press(pilot, "shift+right")
        assert view.position > first + 1
        await press(pilot, "shift+left", "shift+left", "shift+left")
        assert view.position == 0
        await press(pilot, "end")
        assert view.position == GOOD + MAD


async def test_less_time_shows_more_of_it_and_the_moment_stays_in_sight(
    past: Path, open_app: OpenApp
) -> None:
    """Single changes of a burst come apart; steps lead on beyond what is in sight."""
    async with open_app(past) as (app, pilot):
        view = (await go_to_backups(app, pilot)).timeline
        assert view.here is not None
        assert view.here.changes == MAD
        await pilot.press(*["plus"] * 8)
        await settle(pilot)
        assert view.here.changes < MAD
        assert view.position == GOOD + MAD
        await pilot.press(*["left"] * 40)
        await settle(pilot)
        assert view.position < GOOD
        await pilot.press(*["minus"] * 8)
        await settle(pilot)
        assert view.here is not None


async def test_the_slider_is_dragged_and_a_number_or_a_time_is_gone_to(
    past: Path, open_app: OpenApp
) -> None:
    """By mouse, by number, by time; what is neither is refused where it is typed."""
    async with open_app(past) as (app, pilot):
        view = (await go_to_backups(app, pilot)).timeline
        await pilot.mouse_down("#timeline", offset=(0, 2))
        await pilot.hover("#timeline", offset=(60, 2))
        await pilot.mouse_up("#timeline", offset=(60, 2))
        await settle(pilot)
        dragged = view.position
        assert 10 < dragged < GOOD
        await pilot.click("#timeline", offset=(90, 2))
        await settle(pilot)
        assert dragged < view.position <= GOOD
        await press(pilot, "t")
        await type_text(pilot, "17")
        await press(pilot, "enter")
        assert view.position == 17
        await press(pilot, "t")
        await type_text(pilot, "11:45")
        await press(pilot, "enter")
        assert view.position == GOOD
        await press(pilot, "t")
        await type_text(pilot, "yesterday")
        await press(pilot, "enter")
        assert "neither a number nor a time" in screen_text(app)
        await press(pilot, "escape")
        assert view.has_focus


async def test_what_others_write_appears_and_the_moment_stays(
    past: Path, open_app: OpenApp
) -> None:
    """At the newest moment the slider goes along; elsewhere it stays where it is."""
    async with open_app(past) as (app, pilot), open_store(past, actor="bella") as other:
        screen = await go_to_backups(app, pilot)
        await other.put("new", "text")
        screen._loaded_in_seconds = 0.0
        screen._look_if_shown()
        await eventually(pilot, lambda: screen.timeline.position == GOOD + MAD + 1)
        await press(pilot, "left_square_bracket")
        await other.put("new", "more text")
        screen._loaded_in_seconds = 9.0
        screen._look_if_shown()
        await eventually(pilot, lambda: "1 new - r to refresh" in screen_text(app))
        await press(pilot, "r")
        assert screen.timeline.position == GOOD
        assert f"of {GOOD + MAD + 2}" in screen_text(app)


# Backups -----------------------------------------------------------------------------------


async def test_backups_are_listed_with_state_chain_and_changes(
    past: Path, open_app: OpenApp
) -> None:
    """Newest first, in a glyph and a word."""
    async with open_app(past, size=(80, 24)) as (app, pilot):
        screen = await go_to_backups(app, pilot)
        await press(pilot, "tab")
        text = screen_text(app)
        assert text.index("◇ incremental") < text.index("◆ full")
        assert "✓ verified" in text
        assert "30 to 60" in text
        assert "◆ 30 → ◇ 60" in text
        assert screen.backup_list.has_focus
        await press(pilot, "escape")
        assert screen.timeline.has_focus


async def test_a_backup_that_is_out_of_sight_is_not_worked_on(
    past: Path, open_app: OpenApp
) -> None:
    """On a small screen the keys of a backup come with the list."""
    async with open_app(past, size=(80, 24)) as (app, pilot):
        screen = await go_to_backups(app, pilot)
        await press(pilot, "v")
        assert app.screen is screen
        assert "Verify" not in screen_text(app)
        await press(pilot, "tab")
        assert "Verify" in screen_text(app)


async def test_a_backup_is_made_and_shown(past: Path, open_app: OpenApp) -> None:
    """Of the kind that is chosen; Esc makes none."""
    async with open_app(past) as (app, pilot):
        screen = await go_to_backups(app, pilot)
        await press(pilot, "n")
        assert isinstance(app.screen, Choose)
        await press(pilot, "escape")
        assert len(artefacts(past)) == 2
        await press(pilot, "n", "enter")
        await eventually(pilot, lambda: app.screen is screen and len(artefacts(past)) == 3)
        await settle(pilot)
        assert "60 to 90" in screen_text(app)
        await press(pilot, "n", "j", "enter")
        await eventually(pilot, lambda: app.screen is screen and len(artefacts(past)) == 4)
        await settle(pilot)
        assert screen.kept_under_cursor() is not None
        assert "up to 90" in screen_text(app)


async def test_a_cancelled_backup_leaves_nothing(
    past: Path, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Esc stops it: no name, no leftovers; what had its name already is shown as made."""
    monkeypatch.setattr(working, "BUSY_AFTER_SECONDS", 0.0)
    monkeypatch.setattr(working, "LOOK_SECONDS", 0.001)
    before = sorted(Path(f"{past}.backups").iterdir())
    async with open_app(past) as (app, pilot):
        screen = await go_to_backups(app, pilot)
        await press(pilot, "n", "j")
        app.simulate_key("enter")
        while not isinstance(app.screen, Busy):
            await asyncio.sleep(0.001)
        app.screen.action_stop()
        await eventually(pilot, lambda: app.screen is screen)
        await settle(pilot)
        made = "Made a backup" in screen_text(app)
        assert made is not ("no backup was made" in screen_text(app))
    assert (sorted(Path(f"{past}.backups").iterdir()) != before) is made


async def test_a_damaged_backup_is_found_shown_and_explained(past: Path, open_app: OpenApp) -> None:
    """Verifying says what is wrong and what to do; the list remembers it."""
    async with open_app(past) as (app, pilot):
        screen = await go_to_backups(app, pilot)
        await press(pilot, "v")
        await eventually(pilot, lambda: "is whole" in screen_text(app))
        newest = artefacts(past)[-1]
        newest.write_bytes(newest.read_bytes()[:-5])
        await press(pilot, "V")
        await eventually(pilot, lambda: isinstance(app.screen, FailurePanel))
        assert isinstance(app.screen, FailurePanel)
        assert "1 of 2 backups are damaged" in app.screen._failure.what
        assert "→" in screen_text(app)
        await press(pilot, "escape", "tab")
        assert screen.backup_list.has_focus
        assert "✗ damaged" in screen_text(app)


async def test_what_is_wrong_in_the_directory_is_a_row_with_what_to_do(
    past: Path, open_app: OpenApp, tmp_path: Path
) -> None:
    """A damaged manifest, a broken chain, another store's backup: none hides the others."""
    directory = Path(f"{past}.backups")
    (full,) = directory.glob("*full*.json")
    full.write_bytes(b'{"name": "[/nope] \x1b]0;evil\x07"}')
    other = tmp_path / "other.db"
    async with open_store(other) as store:
        await store.put("a", "b")
        store.backups.use_directory(directory)
        await store.backups.create()
    async with open_app(past, size=(80, 24)) as (app, pilot):
        await go_to_backups(app, pilot)
        await press(pilot, "tab")
        shown = await drawn(pilot)
        assert "✗ incomplete" in shown
        await press(pilot, "G")
        shown += await drawn(pilot)
        assert "✗ damaged" in shown
        assert "• foreign" in shown
        assert "it is of another store" in shown
        assert "→" in shown


async def test_pruning_is_shown_before_it_is_done(past: Path, open_app: OpenApp) -> None:
    """Rules, then the plan with reasons; Esc goes back to the rules, D deletes."""
    async with open_store(past) as store:
        await store.backups.create(kind="full")
    async with open_app(past) as (app, pilot):
        screen = await go_to_backups(app, pilot)
        await press(pilot, "p")
        await type_text(pilot, "newest ones")
        await press(pilot, "enter")
        assert "write rules like" in screen_text(app)
        await press(pilot, "ctrl+u")
        await type_text(pilot, "last 1")
        await press(pilot, "enter")
        assert isinstance(app.screen, PruneScreen)
        text = screen_text(app)
        assert "2 of 3 backups would be deleted" in text
        assert "newest verified" in text
        await press(pilot, "escape")
        assert "Which backups to keep?" in screen_text(app)
        assert len(artefacts(past)) == 3
        await press(pilot, "enter", "D")
        await eventually(pilot, lambda: app.screen is screen and len(artefacts(past)) == 1)
        assert "Deleted 2 backups" in screen_text(app)


async def test_a_backup_is_copied_elsewhere(past: Path, open_app: OpenApp, tmp_path: Path) -> None:
    """With what it builds on; what cannot be is explained."""
    elsewhere = tmp_path / "elsewhere"
    async with open_app(past) as (app, pilot):
        screen = await go_to_backups(app, pilot)
        await press(pilot, "c")
        app.screen.query_one(Input).value = str(elsewhere)
        await press(pilot, "enter")
        await eventually(pilot, lambda: app.screen is screen)
        await eventually(pilot, lambda: "Copied" in screen_text(app))
        assert len(list(elsewhere.glob("*.zst"))) == 2
        await press(pilot, "c")
        app.screen.query_one(Input).value = str(past)
        await press(pilot, "enter")
        await eventually(pilot, lambda: isinstance(app.screen, FailurePanel))
        assert "→" in screen_text(app)


async def test_without_backups_it_is_said_how_to_make_one(
    seeded: Path, other: MemoryStore, open_app: OpenApp
) -> None:
    """And the timeline is there all the same."""
    async with open_app(seeded) as (app, pilot):
        await go_to_backups(app, pilot)
        assert "No backups yet" in screen_text(app)
        assert "n  makes one, while agents write" in screen_text(app)
        await press(pilot, "v", "V", "c", "p")
        assert app.screen is backups(app)


async def test_a_new_store_without_changes_is_shown(store_path: Path, open_app: OpenApp) -> None:
    """Nothing to slide over is no error."""
    async with open_store(store_path):
        pass
    async with open_app(store_path) as (app, pilot):
        await go_to_backups(app, pilot)
        await press(pilot, "left", "right", "home", "end", "plus", "minus", "comma", "enter", "tab")
        assert "no changes yet" in screen_text(app)


async def test_read_only_looks_and_makes_nothing(past: Path, open_app: OpenApp) -> None:
    """What would write beside the store is not offered; the slider works."""
    async with open_app(past, read_only=True) as (app, pilot):
        screen = await go_to_backups(app, pilot)
        await press(pilot, "left", "n", "p")
        assert app.screen is screen
        assert screen.timeline.position == GOOD
        footer = str(app.screen.query_one(ActionFooter).render())
        assert "New" not in footer
        assert "Prune" not in footer
        assert "Verify" in footer
    assert len(artefacts(past)) == 2


async def test_hostile_actors_and_ids_are_harmless(store_path: Path, open_app: OpenApp) -> None:
    """Who changed what is visible text wherever it is shown."""
    moment = int((NOW - timedelta(hours=1)).timestamp() * 1_000_000)
    async with open_store(store_path, actor=NAME[:80], clock=lambda: moment) as store:
        for number in range(6):
            await store.put(f"{number}{NAME}", "text", agent=NAME)
        await store.backups.create()
        await store.delete(f"1{NAME}")
    async with open_app(store_path, size=(80, 24)) as (app, pilot):
        await go_to_backups(app, pilot)
        for key in ("left", "comma", "tab", "j", "z", "escape", "question_mark", "escape", "p"):
            await pilot.press(key)
            await drawn(pilot)
        for key in ("enter", "escape", "escape", "c", "escape", "v", "colon", "escape"):
            await pilot.press(key)
            await drawn(pilot)
        assert app.is_running
