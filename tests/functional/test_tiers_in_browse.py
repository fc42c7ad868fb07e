"""Tiers on the Browse screen: how full they are, why an item is where it is, and moving it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from browse_kit import NOW, OpenApp, browse, screen_text, settle, type_text
from lifecycle_kit import press
from test_hostile import drawn

from engine import MemoryStore, Tier
from inspector.gateway.tiers import TierFill
from inspector.widgets.tier_fill import fill_line

pytest_plugins = ("browse_fixtures",)

SIZES = pytest.mark.parametrize("size", [(120, 40), (80, 24)])


async def tier_of(store: MemoryStore, item_id: str) -> Tier:
    item = await store.peek(item_id)
    assert item is not None
    return item.tier


@SIZES
async def test_an_item_is_moved_by_tiers_and_back_by_undo(
    seeded: Path, open_app: OpenApp, other: MemoryStore, size: tuple[int, int]
) -> None:
    """Down, up, undo, redo; at the end of the tiers it is told that there is no further."""
    async with open_app(seeded, size=size) as (app, pilot):
        await press(pilot, "minus")
        assert await tier_of(other, "user/preferences") is Tier.SHORT_TERM
        await press(pilot, "minus", "minus", "minus")
        assert await tier_of(other, "user/preferences") is Tier.ARCHIVE
        assert "no further down" in screen_text(app)
        await press(pilot, "plus")
        assert await tier_of(other, "user/preferences") is Tier.LONG_TERM
        await press(pilot, "u", "u")
        assert await tier_of(other, "user/preferences") is Tier.LONG_TERM
        await press(pilot, "ctrl+r")
        assert await tier_of(other, "user/preferences") is Tier.ARCHIVE


async def test_read_only_moves_nothing(seeded: Path, open_app: OpenApp, other: MemoryStore) -> None:
    """The keys do nothing."""
    async with open_app(seeded, read_only=True) as (_, pilot):
        await press(pilot, "minus", "plus")
        assert await tier_of(other, "user/preferences") is Tier.WORKING


async def test_an_item_that_does_not_stay_in_a_full_tier_is_told(
    seeded: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """The lowest makes room at once, and that may be the item itself."""
    await other.tiers.configure(working=2)
    await other.put("low", "x", agent="solo", tier=Tier.SHORT_TERM, importance=0.0)
    for number in range(2):
        await other.put(f"high/{number}", "x", agent="solo", tier=Tier.WORKING, importance=0.9)
    async with open_app(seeded) as (app, pilot):
        await press(pilot, "slash")
        await type_text(pilot, "id:low")
        await press(pilot, "enter", "plus")
        assert "full of what scores higher" in screen_text(app)
        assert await tier_of(other, "low") is Tier.SHORT_TERM


async def test_the_sidebar_shows_how_full_a_tier_is(
    seeded: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """Of the fullest agent, or of the one that is filtered by; with the moves of the last hour."""
    await other.tiers.configure(working=50)
    await other.put_many(
        {"id": f"w{number}", "content": "x", "agent": "sage", "tier": Tier.WORKING}
        for number in range(30)
    )
    async with open_app(seeded) as (app, pilot):
        assert "/50" in screen_text(app)
        full = next(line for line in screen_text(app).split("\n") if "/50" in line)
        assert "sage" in full
        screen = browse(app)
        await press(pilot, "slash")
        await type_text(pilot, "agent:harbor")
        await press(pilot, "enter", "minus")
        await settle(pilot)
        full = next(line for line in screen_text(app).split("\n") if "/50" in line)
        assert "harbor" in full
        fills = await app.gateway.tiers.fills(frozenset({"harbor"}))
        assert fills[Tier.WORKING].count < 30
        assert sum(fill.entered for fill in fills.values()) == 1
        assert sum(fill.left for fill in fills.values()) == 1
        screen.facets.focus()
        await press(pilot, "g", "j", "j")
        await press(pilot, "enter")
        assert "tier:short_term" in screen.bar.value


def test_the_fill_says_as_much_as_there_is_room_for() -> None:
    """The agent and words where there is room, figures alone where not; a name is harmless."""
    fill = TierFill(agent="atlas", count=96, capacity=100, entered=12, left=3)

    def text(width: int, fill: TierFill = fill) -> str:
        return "".join(part for part, _ in fill_line(fill, width))

    assert text(40) == "   atlas 96/100 ▓ 12 in 3 out"
    assert text(21) == "   96/100 ▓ +12 -3"
    assert text(21, TierFill(count=1000, capacity=1000)) == "   1,000/1,000 █"
    assert text(25) == "   atlas 96/100 ▓ +12 -3"
    assert text(40, TierFill(entered=1)) == "   1 in"
    assert "\x1b" not in text(40, TierFill(agent="\x1b[2J", count=1, capacity=2))


async def test_the_item_pane_explains_the_score_and_lists_the_moves(
    seeded: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """In words: the three parts and their sum; from where, to where, when and why."""
    await other.tiers.move("user/preferences", Tier.LONG_TERM)
    score = await other.tiers.score("user/preferences")
    async with open_app(seeded, size=(160, 60)) as (app, pilot):
        await press(pilot, "enter", "greater_than_sign")
        text = screen_text(app)
        assert (
            f"{score.importance:.2f} importance + {score.recency:.2f} recency + "
            f"{score.frequency:.2f} frequency = {score.total:.2f}"
        ) in " ".join(text.split())
        assert "working → long_term  now  moved by hand" in text


async def test_reasons_that_are_names_of_policies_are_harmless(
    seeded: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """They come from the store like anything else."""
    from engine import Policy

    name = "\u202e[@click=app.quit]evil[/]"
    await other.lifecycle.replace([Policy(name=name, when="id:user/preferences", do="archive")])
    await other.lifecycle.apply(await other.lifecycle.plan())
    assert (await other.tiers.transitions("user/preferences"))[0].reason == name
    async with open_app(seeded, size=(160, 60)) as (app, pilot):
        await press(pilot, "enter", "greater_than_sign")
        assert "[@click=app.quit]evil[/]" in await drawn(pilot)
        assert NOW - timedelta(hours=1) < app.now()
