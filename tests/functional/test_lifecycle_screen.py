"""The Lifecycle screen: policies, plans, runs; nothing is done that was not shown before."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from browse_kit import OpenApp, eventually, fill, now_microseconds, screen_text, settle, type_text
from lifecycle_kit import (
    POLICIES,
    go_to_lifecycle,
    lifecycle,
    press,
    state_of,
    write_policies,
)
from test_hostile import NAME, drawn
from textual.widgets import Button

from engine import MemoryStore, Policy, Tier, open_store
from engine.procedures import applying
from inspector.lifecycle_lines import HISTORY
from inspector.screens import working
from inspector.screens.dialogs import Busy, Confirm, FailurePanel
from inspector.screens.planned import PlannedScreen
from inspector.screens.policy_form import PolicyForm
from inspector.widgets.field_bar import FieldBar
from inspector.widgets.footer import ActionFooter
from inspector.widgets.query_input import QueryInput

pytest_plugins = ("browse_fixtures",)

MANY = 20_000
"""Changes that take long enough to be interrupted."""

DAY = 86_400_000_000
SIZES = pytest.mark.parametrize("size", [(120, 40), (80, 24)])


@pytest.fixture
async def ruled(seeded: Path) -> Path:
    """The seeded store with policies of its own."""
    await write_policies(seeded)
    return seeded


async def names(store: MemoryStore) -> list[str]:
    return [policy.name for policy in await store.lifecycle.policies()]


# Policies ----------------------------------------------------------------------------------


@SIZES
async def test_the_policies_are_shown_in_order(
    ruled: Path, open_app: OpenApp, size: tuple[int, int]
) -> None:
    """Each with its condition and action, and whether it is on, in a glyph and a word."""
    async with open_app(ruled, size=size) as (app, pilot):
        await go_to_lifecycle(app, pilot)
        text = screen_text(app)
        assert text.index("sleep") < text.index("forget") < text.index("learned")
        assert "✓ on   sleep" in text
        assert "○ off  forget" in text
        assert "importance<0.4 -tier:archive" in text
        assert "tag learned" in text


async def test_space_switches_a_policy_on_and_off(
    ruled: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """However fast it is pressed."""
    async with open_app(ruled) as (app, pilot):
        await go_to_lifecycle(app, pilot)
        await press(pilot, "space")
        assert [policy.enabled for policy in await other.lifecycle.policies()] == [
            False,
            False,
            True,
        ]
        await pilot.press("space", "space", "space")
        await settle(pilot)
        assert (await other.lifecycle.policies())[0].enabled
        assert "✓ on   sleep" in screen_text(app)


async def test_policies_are_moved_and_the_cursor_goes_with_them(
    ruled: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """J and K change the order, in which the policies claim items."""
    async with open_app(ruled) as (app, pilot):
        screen = await go_to_lifecycle(app, pilot)
        await pilot.press("J", "J", "J")
        await settle(pilot)
        assert await names(other) == ["forget", "learned", "sleep"]
        assert screen.policy_list.cursor_key == "sleep"
        await press(pilot, "K")
        assert await names(other) == ["forget", "sleep", "learned"]


async def test_the_form_counts_what_a_condition_matches_and_says_what_is_wrong(
    ruled: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """While it is typed, by the engine; what is wrong is not saved."""
    async with open_app(ruled) as (app, pilot):
        await go_to_lifecycle(app, pilot)
        await press(pilot, "e")
        assert isinstance(app.screen, PolicyForm)
        await eventually(pilot, lambda: "of 40 items" in screen_text(app))
        when = app.screen.query_one("#policy-when", FieldBar)
        when.value = "kind:semantic"
        await settle(pilot)
        await eventually(pilot, lambda: "✓ now 14 of 40 items" in screen_text(app))
        when.value = "tier:nowhere"
        await eventually(pilot, lambda: "there is no tier" in screen_text(app))
        await press(pilot, "ctrl+s")
        assert isinstance(app.screen, PolicyForm)
        when.value = "kind:semantic"
        app.screen.query_one("#policy-do", FieldBar).value = "vanish"
        await settle(pilot)
        assert "vanish" in screen_text(app)
        assert "✗" in screen_text(app)
        await press(pilot, "ctrl+s")
        assert isinstance(app.screen, PolicyForm)
        app.screen.query_one("#policy-do", FieldBar).value = "demote"
        await settle(pilot)
        assert "✓ move one tier down" in screen_text(app)
        await press(pilot, "ctrl+s")
        policy = (await other.lifecycle.policies())[0]
        assert (policy.name, policy.when, policy.do) == ("sleep", "kind:semantic", "demote")


async def test_a_policy_is_renamed_in_place_and_a_name_is_not_taken_twice(
    ruled: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """Another's name is refused, in the form; nothing is overwritten."""
    async with open_app(ruled) as (app, pilot):
        await go_to_lifecycle(app, pilot)
        await press(pilot, "e")
        name = app.screen.query_one("#policy-name", QueryInput)
        name.value = "learned"
        await press(pilot, "ctrl+s")
        assert "have the same name" in screen_text(app)
        name.value = "rest"
        await press(pilot, "ctrl+s")
        assert await names(other) == ["rest", "forget", "learned"]


async def test_a_new_policy_is_the_last_and_is_typed_with_completion(
    ruled: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """By keys alone: Tab takes a suggestion, Enter saves."""
    async with open_app(ruled) as (app, pilot):
        screen = await go_to_lifecycle(app, pilot)
        await press(pilot, "n")
        await type_text(pilot, "tidy")
        await press(pilot, "tab")
        await type_text(pilot, "kind:semantic")
        await press(pilot, "tab", "ctrl+u")
        await type_text(pilot, "prom")
        await settle(pilot)
        assert "promote" in screen_text(app)
        await press(pilot, "tab", "enter")
        policy = (await other.lifecycle.policies())[-1]
        assert (policy.name, policy.when, policy.do) == ("tidy", "kind:semantic", "promote")
        assert screen.policy_list.cursor_key == "tidy"


async def test_what_was_typed_is_not_thrown_away_unasked(ruled: Path, open_app: OpenApp) -> None:
    """Esc asks, and its default keeps the form."""
    async with open_app(ruled) as (app, pilot):
        await go_to_lifecycle(app, pilot)
        await press(pilot, "n")
        await type_text(pilot, "x")
        await press(pilot, "escape")
        assert isinstance(app.screen, Confirm)
        await press(pilot, "enter")
        assert isinstance(app.screen, PolicyForm)


async def test_a_policy_is_deleted_after_a_question(
    ruled: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """Enter alone leaves it."""
    async with open_app(ruled) as (app, pilot):
        await go_to_lifecycle(app, pilot)
        await press(pilot, "d", "enter")
        assert await names(other) == ["sleep", "forget", "learned"]
        await press(pilot, "d", "y")
        assert await names(other) == ["forget", "learned"]


async def test_changes_of_policies_are_undone_newest_first(
    ruled: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """Delete, edit, toggle, move and new: each policy is as it was and where it was; and redo."""
    async with open_app(ruled) as (app, pilot):
        screen = await go_to_lifecycle(app, pilot)
        footer = app.screen.query_one(ActionFooter)
        assert "Undo" not in str(footer.render())
        await press(pilot, "j", "d", "y", "k", "space", "J", "e")
        app.screen.query_one("#policy-name", QueryInput).value = "slumber"
        await press(pilot, "ctrl+s", "n")
        app.screen.query_one("#policy-name", QueryInput).value = "extra"
        await press(pilot, "ctrl+s")
        changed = await other.lifecycle.policies()
        assert [policy.name for policy in changed] == ["learned", "slumber", "extra"]
        assert not changed[1].enabled

        assert "u Undo" in str(footer.render())
        await press(pilot, "u", "u")
        assert await names(other) == ["learned", "sleep"]
        await press(pilot, "u", "u", "u")
        assert tuple(await other.lifecycle.policies()) == POLICIES
        assert screen.policy_list.cursor_key == "forget"
        assert "Undo" not in str(footer.render())
        for _ in range(5):
            await press(pilot, "ctrl+r")
        assert await other.lifecycle.policies() == changed


async def test_undo_leaves_a_policy_that_somebody_else_changed_since(
    ruled: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """It is told, and what they wrote stays."""
    async with open_app(ruled) as (app, pilot):
        await go_to_lifecycle(app, pilot)
        await press(pilot, "space", "j", "d", "y")
        theirs = Policy(name="sleep", when="importance<0.1", do="delete")
        mine = (await other.lifecycle.policies())[1]
        await other.lifecycle.replace([theirs, mine])
        await press(pilot, "u", "u")
        assert await other.lifecycle.policies() == [theirs, POLICIES[1], mine]
        assert "Somebody else changed it since" in screen_text(app)


async def test_undo_takes_back_the_newest_of_policies_and_runs(
    ruled: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """A policy changed after a run is undone first, one changed before it after it."""
    async with open_app(ruled) as (app, pilot):
        await go_to_lifecycle(app, pilot)
        before = await state_of(other)
        await press(pilot, "j", "space", "p", "a", "y")
        await press(pilot, "tab", "space")
        assert not (await other.lifecycle.policies())[1].enabled
        await press(pilot, "u")
        assert (await other.lifecycle.policies())[1].enabled
        assert await state_of(other) != before
        await press(pilot, "u", "y")
        assert await state_of(other) == before
        await press(pilot, "u")
        assert tuple(await other.lifecycle.policies()) == POLICIES


# The plan ----------------------------------------------------------------------------------


@SIZES
async def test_a_plan_shows_what_would_be_done_and_changes_nothing(
    ruled: Path, open_app: OpenApp, other: MemoryStore, size: tuple[int, int]
) -> None:
    """Counts by policy, what is pinned, and warnings in words."""
    before = await state_of(other)
    plan = await other.lifecycle.plan()
    async with open_app(ruled, size=size) as (app, pilot):
        screen = await go_to_lifecycle(app, pilot)
        await press(pilot, "p")
        text = screen_text(app)
        assert f"{len(plan.changes)} changes" in text
        assert "! warning" in text
        assert "pinned stay" in text
        assert screen.plan_list.has_focus
        assert screen.proposal is not None
        assert screen.proposal.plan.to_json() == plan.to_json()
    assert await state_of(other) == before


@SIZES
async def test_enter_leads_to_the_items_of_a_policy_and_escape_back(
    ruled: Path, open_app: OpenApp, size: tuple[int, int]
) -> None:
    """With action and reason; by keys alone on a small screen too."""
    async with open_app(ruled, size=size) as (app, pilot):
        screen = await go_to_lifecycle(app, pilot)
        await press(pilot, "p", "j", "enter")
        assert screen.change_list.has_focus
        text = screen_text(app)
        assert "learned" in text
        assert "tag learned" in text
        assert "kind:semantic" in text
        await press(pilot, "escape")
        assert screen.plan_list.has_focus
        await press(pilot, "escape")
        assert screen.policy_list.has_focus
        await press(pilot, "tab")
        assert screen.plan_list.has_focus


async def test_an_item_is_shown_before_and_after(
    ruled: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """Its tier and tags now and as planned, and why; of one that has moved on it is told."""
    async with open_app(ruled) as (app, pilot):
        await go_to_lifecycle(app, pilot)
        await press(pilot, "p", "enter", "v")
        assert isinstance(app.screen, PlannedScreen)
        text = screen_text(app)
        assert "importance<0.4 -tier:archive" in text
        assert "+ archive" in text
        assert "~ tier" in text
        await press(pilot, "escape", "escape", "j", "enter", "enter")
        text = screen_text(app)
        assert "~ tags" in text
        assert '"learned"' in text
        await press(pilot, "escape")
        change = lifecycle(app).planned_change()
        assert change is not None
        await other.update(change.item_id, importance=0.99)
        await press(pilot, "v")
        assert "has changed since the plan was made" in screen_text(app)


async def test_what_is_left_out_is_not_done(
    ruled: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """An item and a policy; a second x takes them in again."""
    async with open_app(ruled) as (app, pilot):
        screen = await go_to_lifecycle(app, pilot)
        await press(pilot, "p", "enter")
        change = screen.change_list.change
        assert change is not None
        await press(pilot, "x")
        assert "✗" in screen_text(app)
        assert "1 left out" in screen_text(app)
        await press(pilot, "x")
        assert "left out" not in screen_text(app)
        await press(pilot, "x", "escape", "j", "x")
        assert "✗ left out  learned" in screen_text(app)
        await press(pilot, "a", "y")
        after = await state_of(other)
        assert after[change.item_id][1] is not Tier.ARCHIVE
        assert not any("learned" in tags for _, _, _, tags, *_ in after.values())
        (run,) = await other.lifecycle.runs()
        assert dict(run.by_policy) == {"sleep": run.planned, "learned": 0}


async def test_a_plan_that_is_no_longer_of_what_there_is_says_so(
    ruled: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """Changes of others and of the policies are noted where the plan is."""
    async with open_app(ruled) as (app, pilot):
        screen = await go_to_lifecycle(app, pilot)
        await press(pilot, "p")
        await other.put("new", "unrelated")
        screen._look_if_shown()
        await eventually(pilot, lambda: "the store had 1 change since" in screen_text(app))
        await press(pilot, "space")
        assert "the policies were changed since" in screen_text(app)


# Runs --------------------------------------------------------------------------------------


@SIZES
async def test_apply_asks_does_what_was_shown_and_undo_takes_it_back(
    ruled: Path, open_app: OpenApp, other: MemoryStore, size: tuple[int, int]
) -> None:
    """No is the default; afterwards the result is shown, and u takes all of it back."""
    before = await state_of(other)
    plan = await other.lifecycle.plan()
    async with open_app(ruled, size=size) as (app, pilot):
        await go_to_lifecycle(app, pilot)
        await press(pilot, "p", "a")
        assert isinstance(app.screen, Confirm)
        assert app.screen.query_one("#no", Button).has_focus
        text = screen_text(app)
        assert f"{len(plan.changes)} changes" in text
        assert f"• archive  {plan.changes[0].item_id}" in text
        assert "! warning" in text
        await press(pilot, "enter")
        assert await state_of(other) == before
        await press(pilot, "a", "y")
        assert "✓ done" in screen_text(app)
        after = await state_of(other)
        for change in plan.changes:
            _, tier, _, tags, *_ = after[change.item_id]
            assert tier is Tier.ARCHIVE if change.action == "archive" else "learned" in tags
        await press(pilot, "u", "y")
        assert "↶ undone" in screen_text(app)
    assert await state_of(other) == before


async def test_a_plan_that_went_stale_is_refused_in_words(
    ruled: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """What and what to do; nothing is changed."""
    async with open_app(ruled) as (app, pilot):
        screen = await go_to_lifecycle(app, pilot)
        await press(pilot, "p", "enter")
        change = screen.change_list.change
        assert change is not None
        await other.update(change.item_id, importance=0.95)
        before = await state_of(other)
        await press(pilot, "a", "y")
        assert isinstance(app.screen, FailurePanel)
        assert "has changed since the plan was made" in screen_text(app)
        assert "make a new plan" in screen_text(app)
        await press(pilot, "escape")
        assert screen.is_current
        assert await state_of(other) == before


async def test_a_cancelled_apply_leaves_the_store_as_it_was(
    store_path: Path, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of thousands of changes, Esc takes back what was done, and says so."""
    monkeypatch.setattr(working, "BUSY_AFTER_SECONDS", 0.01)
    monkeypatch.setattr(working, "LOOK_SECONDS", 0.01)
    records = [{"id": f"n{number}", "content": f"{number}"} for number in range(MANY)]
    await fill(store_path, records)
    await write_policies(store_path, [Policy(name="mark", when="", do="tag seen")])
    async with open_app(store_path) as (app, pilot):
        screen = await go_to_lifecycle(app, pilot)
        await pilot.press("p")
        await eventually(pilot, lambda: screen.plan_list.has_focus and app.screen is screen)
        await press(pilot, "a")
        # Not `pilot.press`: it waits until nothing happens, and then all is done.
        app.simulate_key("y")
        while not (isinstance(app.screen, Busy) and f"of {MANY:,} changes" in screen_text(app)):
            await asyncio.sleep(0.005)
        app.simulate_key("escape")
        await eventually(pilot, lambda: app.screen is lifecycle(app), seconds=30)
        await settle(pilot)
        assert "everything was taken back" in screen_text(app)
        (run,) = await app.gateway.lifecycle.runs()
        assert run.state == "undone"
        assert 0 < run.done < run.planned
        assert await app.gateway.count("tag:seen") == 0


async def test_past_runs_are_listed_and_one_of_them_is_undone(
    ruled: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """Also those of another program; with state, counts and the size of the file."""
    before = await state_of(other)
    await other.lifecycle.apply(await other.lifecycle.plan())
    async with open_app(ruled) as (app, pilot):
        await go_to_lifecycle(app, pilot)
        await press(pilot, "r")
        text = screen_text(app)
        assert "✓ done" in text
        assert "run 1" in text
        assert "file" in text
        await press(pilot, "u", "y")
        assert "↶ undone" in screen_text(app)
    assert await state_of(other) == before


async def test_undoing_a_run_under_later_changes_asks_again(
    ruled: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """Whoever changed the same fields since is not overwritten unasked."""
    run = await other.lifecycle.apply(plan := await other.lifecycle.plan())
    moved = next(change.item_id for change in plan.changes if change.action == "archive")
    await other.update(moved, tier=Tier.WORKING)
    async with open_app(ruled) as (app, pilot):
        await go_to_lifecycle(app, pilot)
        await press(pilot, "r", "u", "y")
        assert "all the same" in screen_text(app)
        await press(pilot, "enter")
        assert (await other.lifecycle.runs())[0].state == "done"
        await press(pilot, "u", "y", "y")
        assert (await other.lifecycle.runs())[0].state == "undone"
        assert run.id == 1


async def test_a_run_that_a_crash_interrupted_is_resumed(
    ruled: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """It is listed as interrupted, and c does what is left of it after a question."""
    plan = await other.lifecycle.plan()
    started = now_microseconds() - 3_600_000_000
    await other._backend.write(applying.begin_run, plan, plan.store_id, started, 1)
    async with open_app(ruled) as (app, pilot):
        await go_to_lifecycle(app, pilot)
        await press(pilot, "r")
        assert "! interrupted" in screen_text(app)
        assert f"0 of {len(plan.changes)} changes" in screen_text(app)
        await press(pilot, "c", "enter")
        assert "! interrupted" in screen_text(app)
        await press(pilot, "c", "y")
        assert "✓ done" in screen_text(app)
    after = await state_of(other)
    assert all(
        after[change.item_id][1] is Tier.ARCHIVE
        for change in plan.changes
        if change.action == "archive"
    )


# Read-only, mouse, hostile names -----------------------------------------------------------


async def test_read_only_plans_and_writes_nothing(
    ruled: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """What would write is neither offered nor done; looking at a plan is."""
    before = await state_of(other)
    async with open_app(ruled, read_only=True) as (app, pilot):
        await go_to_lifecycle(app, pilot)
        assert "◌ read-only" in screen_text(app)
        await press(pilot, "space", "e", "n", "d", "J", "K", "p")
        assert app.screen is lifecycle(app)
        assert "changes" in screen_text(app)
        await press(pilot, "a", "u", "c")
        assert app.screen is lifecycle(app)
        footer = str(app.screen.query_one(ActionFooter).render())
        for word in ("Apply", "Edit", "New", "Delete", "On/off"):
            assert word not in footer
    assert await other.lifecycle.policies() == list(POLICIES)
    assert await state_of(other) == before


async def test_everything_can_be_done_by_mouse(ruled: Path, open_app: OpenApp) -> None:
    """The header leads here; policies, tabs and the keys of the footer are clicked."""
    async with open_app(ruled) as (app, pilot):
        line = screen_text(app).split("\n")[0]
        await pilot.click("StoreHeader", offset=(line.index("2 Lifecycle") + 2, 0))
        await settle(pilot)
        screen = lifecycle(app)
        rows = screen_text(app).split("\n")
        row = next(y for y, text in enumerate(rows) if "tag learned" in text)
        await pilot.click("#policies", offset=(8, row - screen.policy_list.region.y))
        await settle(pilot)
        assert screen.policy_list.cursor_key == "learned"
        column = str(screen.query_one(ActionFooter).render()).index("Plan")
        await pilot.click(ActionFooter, offset=(column, 0))
        await settle(pilot)
        assert screen.proposal is not None
        await pilot.click("#lifecycle-tabs", offset=(8, 0))
        await settle(pilot)
        assert screen.change_list.has_focus


@SIZES
async def test_hostile_policy_names_are_harmless(
    store_path: Path, open_app: OpenApp, size: tuple[int, int]
) -> None:
    """Names, conditions, tags and ids of items are visible text wherever they are shown."""
    name = "".join(character for character in NAME if character >= " " and character != "\x7f")
    name = "".join(character for character in name if not "\x80" <= character <= "\x9f")
    await fill(store_path, [{"id": f"a{NAME}", "content": "x" * 200, "tags": [NAME]}])
    policies = [
        Policy(name=name, when="", do="archive"),
        Policy(name=f"2{name}", when='"[/nope] \u202eevil"', do="tag \u202eevil[/]"),
    ]
    await write_policies(store_path, policies)
    async with open_app(store_path, size=size) as (app, pilot):
        await go_to_lifecycle(app, pilot)
        for key in ("j", "k", "e", "tab", "tab", "escape", "d", "escape", "p", "enter", "v"):
            await pilot.press(key)
            await drawn(pilot)
        for key in ("escape", "x", "x", "a", "y", "r", "u", "y", "question_mark", "escape"):
            await pilot.press(key)
            await drawn(pilot)
        assert app.is_running
        assert [policy.name for policy in lifecycle(app).policies] == [name, f"2{name}"]


async def test_a_new_store_has_the_usual_policies(seeded: Path, open_app: OpenApp) -> None:
    """They are there to be read before anything is done."""
    async with open_app(seeded) as (app, pilot):
        await go_to_lifecycle(app, pilot)
        for name in ("archive_old_low_importance", "delete_ancient_archives", "refresh_important"):
            assert name in screen_text(app)
        await press(pilot, "p")
        assert "0 changes" in screen_text(app)
        await press(pilot, "a")
        assert app.screen is lifecycle(app)


# History -----------------------------------------------------------------------------------


@SIZES
async def test_old_history_goes_with_a_run_unless_it_is_left_out(
    tmp_path: Path, open_app: OpenApp, size: tuple[int, int]
) -> None:
    """H sets how long it is kept, the plan shows what goes, x leaves it out, a run says so."""
    store = tmp_path / "old.db"
    async with open_store(store, clock=lambda: now_microseconds() - 90 * DAY) as memories:
        await memories.put_many({"id": f"old/{n}", "content": n} for n in range(5))
        await memories.put("new", 1)
    async with open_store(store) as other, open_app(store, size=size) as (app, pilot):
        screen = await go_to_lifecycle(app, pilot)
        await press(pilot, "H")
        await type_text(pilot, "0")
        await press(pilot, "enter")
        assert "use 1 to 36,500" in screen_text(app)
        await press(pilot, "backspace")
        await type_text(pilot, "1")
        await press(pilot, "enter")
        assert await other.lifecycle.history_days() == 1

        await press(pilot, "p")
        await eventually(pilot, lambda: "forget  " in screen_text(app))
        await press(pilot, "G")
        assert screen.plan_list.cursor_key == HISTORY
        await press(pilot, "x")
        assert "✗ left out" in screen_text(app)
        assert screen.proposal is not None
        assert screen.proposal.kept().forgets is None
        await press(pilot, "x")
        assert screen.proposal.kept().forgets is not None
        await press(pilot, "a", "y")
        await eventually(pilot, lambda: "old changes forgotten" in screen_text(app))
        assert (await other.changes(limit=1))[0].sequence == 6
