"""Restoring on the screen: shown step by step, each step can go back, done only at the end."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from backups_kit import GOOD, MAD, backups, go_to_backups, texts_of
from browse_kit import OpenApp, browse, eventually, screen_text, settle, type_text
from kit import check_sound
from lifecycle_kit import press
from test_hostile import NAME, drawn
from textual.pilot import Pilot
from textual.widgets import Input

from engine import MemoryStore, open_store
from inspector.app import InspectorApp
from inspector.display import escape_for_editing
from inspector.gateway import Gateway
from inspector.gateway.past import Wish, changes_of
from inspector.screens import backups_board, working
from inspector.screens.ask import Ask
from inspector.screens.dialogs import Busy, Choose, Confirm, FailurePanel
from inspector.screens.differing import DifferenceScreen, ResultScreen, SidesScreen, TypeName

pytest_plugins = ("browse_fixtures",)


@pytest.fixture
def open_app(open_app: OpenApp) -> OpenApp:
    """The app on a small screen, where everything must work and drawing takes a third."""
    return partial(open_app, size=(80, 24))


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """No waiting for a slider to stop."""
    monkeypatch.setattr(backups_board, "AROUND_PAUSE_SECONDS", 0.0)


async def texts_at(path: Path, sequence: int | None = None) -> dict[str, Any]:
    """What the store says now, or said after a change."""
    async with open_store(path, read_only=True) as store:
        if sequence is None:
            return await texts_of(store)
        async with store.at(sequence=sequence) as then:
            return {item.id: item.content async for item in then.iterate()}


async def go(app: InspectorApp, pilot: Pilot[None], *kinds: type | str) -> None:
    """Press keys (texts) and wait for screens (types) in turn."""
    for kind in kinds:
        if isinstance(kind, str):
            await press(pilot, kind)
        else:
            await eventually(pilot, partial(shows, app, kind), seconds=20)
            await settle(pilot)


def shows(app: InspectorApp, kind: type) -> bool:
    """Whether a screen of this kind is on top."""
    return isinstance(app.screen, kind)


async def choose_in_place(app: InspectorApp, pilot: Pilot[None]) -> None:
    """From the difference to the line to type the name in."""
    await go(app, pilot, DifferenceScreen, "c", Choose, "enter", Choose, "j", "enter", TypeName)


# Looking -----------------------------------------------------------------------------------


async def test_the_difference_is_shown_first_by_agent_kind_and_item(
    past: Path, open_app: OpenApp
) -> None:
    """Counts, then items; Enter shows one of them now and as it was."""
    async with open_app(past) as (app, pilot):
        await go_to_backups(app, pilot)
        await go(app, pilot, "left", "enter", DifferenceScreen)
        text = screen_text(app)
        assert f"{MAD} items come back" in text
        assert "atlas" in text
        assert "bella" in text
        assert "+ comes back note/00" in text
        await go(app, pilot, "enter", SidesScreen)
        assert "text 40 of note/00" in screen_text(app)
        await go(app, pilot, "escape", DifferenceScreen, "escape")
        assert app.screen is backups(app)


async def test_every_step_goes_back_and_nothing_is_touched(past: Path, open_app: OpenApp) -> None:
    """Esc at each step leads to the one before; at the first, out of it."""
    before = await texts_at(past)
    files = sorted(path.name for path in past.parent.rglob("*"))
    async with open_app(past) as (app, pilot):
        await go_to_backups(app, pilot)
        await go(app, pilot, "left", "R")
        await choose_in_place(app, pilot)
        await type_text(pilot, "agent")
        await go(app, pilot, "enter", TypeName)
        assert "this is not its name; nothing was restored" in screen_text(app)
        await go(app, pilot, "escape", Choose, "escape", Choose, "j", "enter", Ask)
        await go(app, pilot, "escape", Choose, "escape", DifferenceScreen, "escape")
        assert app.screen is backups(app)
    assert await texts_at(past) == before
    assert sorted(path.name for path in past.parent.rglob("*")) == files


# In place ----------------------------------------------------------------------------------


async def test_in_place_is_said_in_words_done_after_the_name_and_undone_by_one_key(
    past: Path, open_app: OpenApp
) -> None:
    """The store is what it was, a safety backup was made, and u takes it back."""
    before, wanted = await texts_at(past), await texts_at(past, GOOD)
    async with open_app(past) as (app, pilot):
        await go_to_backups(app, pilot)
        await go(app, pilot, "left", "R")
        await choose_in_place(app, pilot)
        text = " ".join(screen_text(app).replace("│", " ").split())
        assert f"{MAD} items come back." in text
        assert "full backup" in text
        await type_text(pilot, "agent.db")
        await go(app, pilot, "enter", ResultScreen)
        assert "safety backup" in screen_text(app)
        assert await texts_at(past) == wanted
        await go(app, pilot, "u")
        await eventually(pilot, lambda: app.screen is backups(app))
        await settle(pilot)
        assert "Undone: restore to change 60" in screen_text(app)
        assert backups(app).shelf is not None
        assert len(backups(app).shelf.kept) == 3  # type: ignore[union-attr]
    assert await texts_at(past) == before
    check_sound(past)


async def test_one_agent_is_restored_and_the_others_stay(past: Path, open_app: OpenApp) -> None:
    """The scope is a query; what it means is counted before it is confirmed."""
    before, then = await texts_at(past), await texts_at(past, GOOD)
    async with open_store(past, read_only=True) as store, store.at(sequence=GOOD) as view:
        agents = {item.id: item.agent async for item in view.iterate()}
    async with open_app(past) as (app, pilot):
        await go_to_backups(app, pilot)
        await go(app, pilot, "left", "R", DifferenceScreen, "c", Choose, "j", "enter", Ask)
        await type_text(pilot, "bell")
        await go(app, pilot, "tab", "enter", Choose, "j", "enter", TypeName)
        assert "agent:bella" in screen_text(app)
        await type_text(pilot, "agent.db")
        await go(app, pilot, "enter", ResultScreen, "enter")
    after = await texts_at(past)
    assert after == before | {i: text for i, text in then.items() if agents[i] == "bella"}
    assert len(before) < len(after) < len(then)


async def test_who_has_the_store_open_is_named_and_a_name_typed_goes_on(
    past: Path, open_app: OpenApp
) -> None:
    """Others that write are said before, with what becomes of their writes."""
    wanted = await texts_at(past, GOOD)
    async with open_store(past, actor="bella"), open_app(past) as (app, pilot):
        await go_to_backups(app, pilot)
        await go(app, pilot, "left", "R")
        await choose_in_place(app, pilot)
        text = screen_text(app)
        assert "has it open" in text
        assert "! warning" in text
        await type_text(pilot, "agent.db")
        await go(app, pilot, "enter", ResultScreen, "enter")
        assert await texts_at(past) == wanted


async def test_a_store_that_changed_meanwhile_is_not_restored_unseen(
    past: Path, open_app: OpenApp
) -> None:
    """It is said, and the steps begin where what differs can be looked at again."""
    async with open_app(past) as (app, pilot):
        await go_to_backups(app, pilot)
        await go(app, pilot, "left", "R")
        await choose_in_place(app, pilot)
        async with open_store(past, actor="bella") as other:
            await other.put("new", "text")
        await type_text(pilot, "agent.db")
        await go(app, pilot, "enter")
        await eventually(pilot, lambda: isinstance(app.screen_stack[-1], FailurePanel))
        await settle(pilot)
        assert "→" in screen_text(app)
        assert "new" in await texts_at(past)
        await go(app, pilot, "escape", DifferenceScreen)
        assert "1 goes away" in screen_text(app)
        await press(pilot, "escape")
        assert app.screen is backups(app)


async def test_a_cancelled_restore_leaves_the_store_as_it_was(
    past: Path, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Esc before it is written: nothing was changed, and it is said; or else it can be undone."""
    before = await texts_at(past)
    monkeypatch.setattr(working, "LOOK_SECONDS", 0.001)
    async with open_app(past) as (app, pilot):
        await go_to_backups(app, pilot)
        await go(app, pilot, "left", "R")
        await choose_in_place(app, pilot)
        await type_text(pilot, "agent.db")
        monkeypatch.setattr(working, "BUSY_AFTER_SECONDS", 0.0)
        app.simulate_key("enter")
        while not isinstance(app.screen, Busy):
            await asyncio.sleep(0.001)
        app.screen.action_stop()
        await eventually(pilot, lambda: isinstance(app.screen, Choose | ResultScreen))
        if isinstance(app.screen, ResultScreen):
            await press(pilot, "u")
        else:
            assert "the store is as it was" in screen_text(app)
    assert await texts_at(past) == before


async def test_a_restore_that_was_written_before_it_was_cancelled_can_be_undone(past: Path) -> None:
    """It is not said to be cancelled: the store is no longer what it was."""
    gateway = await Gateway.open(past)
    try:
        preview = await gateway.past.preview(Wish(sequence=GOOD), lambda *_: None)
        task: asyncio.Task[Any]

        def stop_at_the_write(stage: str, _done: int, _total: int) -> None:
            if stage == "write":
                task.cancel()

        task = asyncio.create_task(
            gateway.past.restore_in_place(preview, stop_at_the_write, force=False)
        )
        report = await task
        assert report.first_sequence == GOOD + MAD + 1
        assert report.items == MAD
        changes = changes_of(report)
        assert changes is not None
        await gateway.undo(changes)
    finally:
        await gateway.close()
    assert len(await texts_at(past)) == 10


# Into a new file ---------------------------------------------------------------------------


async def test_a_new_file_is_made_and_no_file_is_overwritten(
    past: Path, open_app: OpenApp, tmp_path: Path
) -> None:
    """The store itself is not touched; an existing name is refused where it is typed."""
    before, wanted = await texts_at(past), await texts_at(past, GOOD)
    target = tmp_path / "old.db"
    async with open_app(past) as (app, pilot):
        await go_to_backups(app, pilot)
        await go(app, pilot, "left", "R", DifferenceScreen, "c", Choose, "enter", Choose, "enter")
        assert app.screen.query_one(Input).value.endswith("agent-at-60.db")
        app.screen.query_one(Input).value = str(past)
        await go(app, pilot, "enter", Ask)
        assert "nothing is overwritten" in screen_text(app)
        app.screen.query_one(Input).value = str(target)
        await go(app, pilot, "enter", Confirm, "enter", Choose, "enter", Ask)
        assert not target.exists()
        app.screen.query_one(Input).value = str(target)
        await go(app, pilot, "enter", Confirm, "y", ResultScreen)
        assert "was not touched" in screen_text(app)
        await press(pilot, "u")
        assert isinstance(app.screen, ResultScreen)
        await press(pilot, "enter")
    assert await texts_at(target) == wanted
    assert await texts_at(past) == before
    check_sound(target)


async def test_read_only_restores_into_a_new_file_alone(
    past: Path, open_app: OpenApp, tmp_path: Path
) -> None:
    """A backup of the list, by its name; in place is not offered."""
    target = tmp_path / "old.db"
    async with open_app(past, read_only=True) as (app, pilot):
        await go_to_backups(app, pilot)
        await go(app, pilot, "tab", "j", "enter", DifferenceScreen, "v", SidesScreen, "escape")
        await go(app, pilot, DifferenceScreen, "c", Choose, "enter", Ask)
        app.screen.query_one(Input).value = str(target)
        await go(app, pilot, "enter", Confirm, "y", ResultScreen, "enter")
    assert len(await texts_at(target)) == 30


# From the history of an item ---------------------------------------------------------------


async def test_before_this_change_from_the_history_of_an_item(
    seeded: Path, other: MemoryStore, open_app: OpenApp
) -> None:
    """B on a change leads there, the item alone is offered first, and it comes back."""
    item = await other.update("user/preferences", content="spoilt")
    await other.update(item.id, importance=0.1)
    await other.put("unrelated", "stays")
    async with open_app(seeded) as (app, pilot):
        await press(pilot, "j", "enter", "less_than_sign")
        history = await other.history(item.id)
        spoilt = next(c for c in history if c.after.get("content") == "spoilt")
        await press(pilot, "g")
        for _ in history:
            if browse(app)._change_at != spoilt.sequence:
                await press(pilot, "j")
        assert browse(app)._change_at == spoilt.sequence
        await go(app, pilot, "B", DifferenceScreen, "c", Choose, "enter", Ask, "enter")
        await go(app, pilot, Choose, "j", "enter", TypeName)
        await type_text(pilot, "agent.db")
        await go(app, pilot, "enter", ResultScreen, "enter")
    found = await other.peek(item.id)
    assert found is not None
    assert isinstance(found.content, dict)
    assert found.importance == 0.8
    assert await other.peek("unrelated") is not None


# Hostile -----------------------------------------------------------------------------------


async def test_hostile_ids_agents_and_contents_are_harmless(
    store_path: Path, open_app: OpenApp
) -> None:
    """Wherever they are named on the way to a restore, and afterwards."""
    async with open_store(store_path, actor=NAME[:80]) as store:
        for number in range(3):
            await store.put(f"{number}{NAME}", NAME, agent=NAME, kind=NAME, tags={NAME})
        await store.delete(f"1{NAME}")
        await store.update(f"2{NAME}", content="other")
    async with open_app(store_path, size=(80, 24)) as (app, pilot):
        await go_to_backups(app, pilot)
        await press(pilot, "t")
        await type_text(pilot, "3")
        for key in ("enter", "R", "enter", "escape", "c", "G", "enter"):
            await pilot.press(key)
            await drawn(pilot)
        assert isinstance(app.screen, Ask)
        app.screen.query_one(Input).value = escape_for_editing(f"1{NAME}")
        for key in ("enter", "j", "enter"):
            await pilot.press(key)
            await drawn(pilot)
        assert isinstance(app.screen, TypeName)
        for _ in range(4):
            await pilot.press("escape")
            await drawn(pilot)
        assert app.is_running
