"""The Transitions screen: every move between tiers, however many there are."""

from __future__ import annotations

from pathlib import Path

import pytest
from browse_kit import OpenApp, current_id, eventually, on_browse, screen_text, settle, type_text
from lifecycle_kit import press
from test_hostile import drawn
from transitions_kit import move_about, transitions

from engine import MemoryStore, Tier
from inspector import transition_window
from inspector.screens.transitions import LOOK_SECONDS, TransitionsScreen
from inspector.widgets import transition_list

pytest_plugins = ("browse_fixtures",)

SIZES = pytest.mark.parametrize("size", [(120, 40), (80, 24)])


@pytest.fixture
async def moved(seeded: Path) -> Path:
    """The seeded store with moves between tiers in its log."""
    await move_about(seeded)
    return seeded


@SIZES
async def test_moves_are_shown_from_both_screens_newest_first(
    moved: Path, open_app: OpenApp, size: tuple[int, int]
) -> None:
    """When, what, from where to where in glyph and words, why; Esc leads back."""
    async with open_app(moved, size=size) as (app, pilot):
        for first in ("1", "2"):
            await press(pilot, first, "T")
            assert isinstance(app.screen, TransitionsScreen)
            text = screen_text(app)
            assert "▲ archive → working" in text
            assert "▼ short_term → archive" in text
            assert text.index("sleep") < text.index("moved by hand")
            assert "1h ago" in text
            await press(pilot, "escape")
            assert not isinstance(app.screen, TransitionsScreen)


async def test_enter_goes_to_the_item_on_browse(moved: Path, open_app: OpenApp) -> None:
    """From Lifecycle as well; an item that is gone is told and leads nowhere."""
    async with open_app(moved, size=(80, 24)) as (app, pilot):
        await press(pilot, "2", "T", "j", "j")
        move = transitions(app).transition_list.move
        assert move is not None
        await press(pilot, "enter")
        assert on_browse(app)
        assert current_id(app) == move.item_id
        assert app.current_mode == "browse"

        await press(pilot, "2", "T")
        gone = transitions(app).transition_list.move
        assert gone is not None
        await app.gateway.delete(gone.item_id)
        await press(pilot, "enter")
        assert isinstance(app.screen, TransitionsScreen)
        assert "has been deleted" in screen_text(app)


async def test_moves_are_filtered_by_tier_and_agent(
    moved: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """Into, out of, and of an agent, together; Esc shows all again, and then leaves."""
    async with open_app(moved) as (app, pilot):
        await press(pilot, "T", "i", "G", "enter")
        shown = transitions(app)
        assert {move.to_tier for move in shown.window.moves} == {Tier.ARCHIVE}
        assert "into archive" in screen_text(app)
        await press(pilot, "a")
        await type_text(pilot, "sage")
        await press(pilot, "enter")
        expected = await other.tiers.transitions(agent="sage", entered=Tier.ARCHIVE)
        assert expected
        assert shown.window.moves == expected
        await press(pilot, "o", "j", "enter")
        assert "no such move; Esc shows all" in screen_text(app)
        await press(pilot, "escape")
        assert len(shown.window.moves) == len(await other.tiers.transitions())
        await press(pilot, "escape")
        assert on_browse(app)


async def test_a_tier_of_the_facets_leads_to_the_moves_into_it(
    moved: Path, open_app: OpenApp
) -> None:
    """The key means what is under the cursor."""
    async with open_app(moved, size=(160, 40)) as (app, pilot):
        await press(pilot, "f", "f", "j", "T")
        assert "into working" in screen_text(app)


async def test_of_many_moves_only_a_window_is_at_hand(
    seeded: Path, open_app: OpenApp, other: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One walks from the newest to the oldest and back, and misses none."""
    monkeypatch.setattr(transition_window, "PAGE_ROWS", 20)
    monkeypatch.setattr(transition_window, "WINDOW_ROWS_MAX", 60)
    monkeypatch.setattr(transition_list, "NEAR_ROWS", 10)
    for tier in ("archive", "working", "long_term", "short_term"):
        await other.bulk_update(query="", tier=tier)
    expected = [move.sequence for move in await other.tiers.transitions(limit=1_000)]
    assert len(expected) > 120

    async with open_app(seeded, size=(80, 24)) as (app, pilot):
        await press(pilot, "T")
        shown, at = transitions(app), transitions(app).transition_list

        async def walk(rows: int) -> list[int]:
            seen: list[int] = []
            while at.move is not None and (not seen or seen[-1] != at.move.sequence):
                seen.append(at.move.sequence)
                assert len(shown.window.moves) <= 60
                at.action_move(rows)
                await settle(pilot)
            return seen

        down = await walk(7)
        assert down[-1] == expected[-1]
        assert down[:-1] == expected[: 7 * len(down) - 7 : 7]
        up = await walk(-7)
        assert up[-1] == expected[0]
        await press(pilot, "G")
        assert at.move is not None
        assert at.move.sequence == expected[-1]
        await press(pilot, "g")
        assert at.move.sequence == expected[0]


async def test_new_moves_are_told_and_shown_when_asked_for(
    moved: Path, open_app: OpenApp, other: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing moves under the cursor by itself."""
    monkeypatch.setattr("inspector.screens.transitions.LOOK_SECONDS", LOOK_SECONDS / 40)
    async with open_app(moved) as (app, pilot):
        await press(pilot, "T", "j")
        before = transitions(app).transition_list.move
        await other.tiers.move("user/preferences", Tier.LONG_TERM)
        await eventually(pilot, lambda: "1 new, r refreshes" in screen_text(app))
        assert transitions(app).transition_list.move == before
        await press(pilot, "r")
        assert transitions(app).window.moves[0].item_id == "user/preferences"
        assert "refreshes" not in screen_text(app)


async def test_it_is_used_by_mouse_and_left_by_number(moved: Path, open_app: OpenApp) -> None:
    """A click puts the cursor, a double click goes to the item."""
    async with open_app(moved) as (app, pilot):
        await press(pilot, "T")
        wanted = transitions(app).window.moves[3].item_id
        await pilot.click("#transitions", offset=(20, 5))
        await settle(pilot)
        move = transitions(app).transition_list.move
        assert move is not None
        assert move.item_id == wanted
        await pilot.click("#transitions", offset=(20, 5), times=2)
        await settle(pilot)
        assert on_browse(app)
        assert current_id(app) == wanted
        await press(pilot, "T", "2", "1")
        assert isinstance(app.screen, TransitionsScreen)
        # Its own number leads to what it was opened over.
        await press(pilot, "1")
        assert on_browse(app)


async def test_hostile_ids_and_reasons_are_harmless(
    seeded: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """They come from the store like anything else."""
    from engine import Policy

    name = "\u202e[@click=app.quit]evil[/]"
    item_id = "\x1b]0;title\x07[/nope]\u202e"
    await other.put(item_id, "x", agent=name, tier=Tier.WORKING)
    await other.lifecycle.replace([Policy(name=name, when="accesses:0", do="archive")])
    await other.lifecycle.apply(await other.lifecycle.plan())
    async with open_app(seeded, size=(160, 40)) as (_, pilot):
        await press(pilot, "T")
        text = await drawn(pilot)
        assert "[@click=app.quit]evil[/]" in text
        assert "␛]0;title␇[/nope]" in text
