"""Changing memories: edit, create, delete, tags, many at once, undo; and two people at one item."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from browse_kit import (
    OpenApp,
    browse,
    current_id,
    eventually,
    fill,
    listed_ids,
    on_browse,
    screen_text,
    settle,
    type_text,
)
from textual.widgets import Input, Static, TextArea

from engine import MemoryStore, Tier
from inspector.screens.ask import Ask
from inspector.screens.conflict import ConflictScreen
from inspector.screens.dialogs import Confirm, FailurePanel
from inspector.screens.edit import EditScreen
from inspector.settings import Settings

pytest_plugins = ("browse_fixtures",)


async def peek(store: MemoryStore, item_id: str) -> dict[str, object]:
    item = await store.peek(item_id)
    assert item is not None
    return {
        "content": item.content,
        "tags": set(item.tags),
        "tier": item.tier,
        "kind": item.kind,
        "importance": item.importance,
        "version": item.version,
        "metadata": dict(item.metadata),
    }


async def test_an_edit_is_saved_and_can_be_undone_and_redone(
    seeded: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """Content and fields in one step, back in one step, and again."""
    async with open_app(seeded) as (app, pilot):
        await pilot.press("e")
        await settle(pilot)
        assert isinstance(app.screen, EditScreen)
        app.screen.query_one("#content", TextArea).text = '{"language": "Rust"}'
        app.screen.query_one("#importance", Input).value = "0.25"
        await pilot.press("ctrl+s")
        await settle(pilot)
        saved = await peek(other, "user/preferences")
        assert saved["content"] == {"language": "Rust"}
        assert saved["importance"] == 0.25
        assert "Saved" in screen_text(app)
        await pilot.press("u")
        await settle(pilot)
        undone = await peek(other, "user/preferences")
        assert undone["content"] == {
            "language": "Python",
            "theme": "dark",
            "tabs": False,
            "width": 100,
        }
        assert undone["importance"] == 0.8
        await pilot.press("ctrl+r")
        await settle(pilot)
        assert (await peek(other, "user/preferences"))["content"] == {"language": "Rust"}
        history = await other.history("user/preferences")
        assert {change.actor for change in history[1:]} <= {"tester", "seed"}


async def test_what_was_not_touched_keeps_its_bytes(store_path: Path, open_app: OpenApp) -> None:
    """Changing a field of an item with odd text leaves the text alone."""
    odd = "esc \x1b[31m \u202e bidi \r\n tab\t nul \x00 \\u{41}"
    await fill(store_path, [{"id": "odd", "content": odd}])
    async with open_app(store_path) as (app, pilot):
        await pilot.press("e")
        await settle(pilot)
        assert "\x1b" not in app.screen.query_one("#content", TextArea).text
        app.screen.query_one("#kind", Input).value = "procedural"
        await pilot.press("ctrl+s")
        await settle(pilot)
        item = await app.gateway.item("odd")
        assert item is not None
        assert (item.content, item.kind) == (odd, "procedural")


async def test_an_edit_of_escaped_text_keeps_the_rest(store_path: Path, open_app: OpenApp) -> None:
    """A line added to odd text adds a line and nothing else."""
    odd = "esc \x1b[31m \u202e\r\nend"
    await fill(store_path, [{"id": "odd", "content": odd}])
    async with open_app(store_path) as (app, pilot):
        await pilot.press("e")
        await settle(pilot)
        area = app.screen.query_one("#content", TextArea)
        area.text = area.text + "\nmore"
        await pilot.press("ctrl+s")
        await settle(pilot)
        item = await app.gateway.item("odd")
        assert item is not None
        assert item.content == odd + "\nmore"


@pytest.mark.parametrize(
    ("field", "text", "says"),
    [
        ("content", '{"a": }', "line 1, column 7"),
        ("content", '{"a": NaN}', "NaN"),
        ("metadata", "[1]", "JSON object"),
        ("importance", "2", "from 0 to 1"),
        ("tags", '"open', "not closed"),
        ("kind", " ", "must not be empty"),
    ],
)
async def test_a_fault_is_pointed_at_and_nothing_is_written(
    seeded: Path, open_app: OpenApp, other: MemoryStore, field: str, text: str, says: str
) -> None:
    """The editor stays open with what was typed, the cursor where the fault is."""
    async with open_app(seeded) as (app, pilot):
        await pilot.press("e")
        await settle(pilot)
        widget = app.screen.query_one(f"#{field}")
        if isinstance(widget, TextArea):
            widget.text = text
        else:
            assert isinstance(widget, Input)
            widget.value = text
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert isinstance(app.screen, EditScreen)
        assert says in screen_text(app)
        assert app.focused is widget
        assert (await peek(other, "user/preferences"))["version"] == 1


async def test_a_refusal_of_the_store_is_shown_in_the_editor(
    seeded: Path, open_app: OpenApp
) -> None:
    """What the store cannot hold is said with a hint, and nothing typed is lost."""
    async with open_app(seeded) as (app, pilot):
        await pilot.press("e")
        await settle(pilot)
        half = '"half of a pair: \\ud800"'
        app.screen.query_one("#content", TextArea).text = half
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert isinstance(app.screen, EditScreen)
        assert "✗" in screen_text(app)
        assert app.screen.query_one("#content", TextArea).text == half


async def test_leaving_with_something_unsaved_asks(
    seeded: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """Esc loses nothing unless one says so; without changes it does not ask."""
    async with open_app(seeded) as (app, pilot):
        await pilot.press("e")
        await settle(pilot)
        await pilot.press("escape")
        await settle(pilot)
        assert on_browse(app)
        await pilot.press("e")
        await settle(pilot)
        app.screen.query_one("#content", TextArea).text = "[1]"
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(app.screen, Confirm)
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, EditScreen)
        assert app.screen.query_one("#content", TextArea).text == "[1]"
        await pilot.press("escape", "y")
        await settle(pilot)
        assert on_browse(app)
        assert (await peek(other, "user/preferences"))["version"] == 1


async def test_a_new_item_is_written_and_shown(
    seeded: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """It appears in the list, under the cursor, and undo removes it."""
    async with open_app(seeded) as (app, pilot):
        await pilot.press("n")
        await settle(pilot)
        app.screen.query_one("#id", Input).value = "note/one"
        app.screen.query_one("#content", TextArea).text = "Remember the milk"
        app.screen.query_one("#tags", Input).value = 'shopping "two words"'
        await pilot.press("ctrl+s")
        await settle(pilot)
        saved = await peek(other, "note/one")
        assert saved["content"] == "Remember the milk"
        assert saved["tags"] == {"shopping", "two words"}
        await eventually(pilot, lambda: current_id(app) == "note/one")
        await pilot.press("u")
        await settle(pilot)
        assert await other.peek("note/one") is None


async def test_a_new_item_never_replaces_another(
    seeded: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """An id that exists is refused, and what was typed stays."""
    async with open_app(seeded) as (app, pilot):
        await pilot.press("n")
        await settle(pilot)
        app.screen.query_one("#id", Input).value = "episode/01"
        app.screen.query_one("#content", TextArea).text = "mine"
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert "exists" in screen_text(app)
        assert isinstance(app.screen, EditScreen)
        assert (await peek(other, "episode/01"))["content"] != "mine"


async def test_delete_asks_and_can_be_undone(
    seeded: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """Enter alone deletes nothing; undo brings back everything, links too."""
    async with open_app(seeded) as (app, pilot):
        await pilot.press("d")
        await settle(pilot)
        assert isinstance(app.screen, Confirm)
        await pilot.press("enter")
        await settle(pilot)
        assert await other.peek("user/preferences") is not None
        await pilot.press("d", "y")
        await settle(pilot)
        assert await other.peek("user/preferences") is None
        await eventually(pilot, lambda: "deleted" in screen_text(app))
        await pilot.press("u")
        await settle(pilot)
        assert (await peek(other, "user/preferences"))["tags"] == {"user", "profile"}
        assert len(await other.associations("user/preferences")) == 2


async def test_tags_are_edited_with_completion(
    seeded: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """Tab takes what the store knows."""
    async with open_app(seeded) as (app, pilot):
        await pilot.press("t")
        await settle(pilot)
        assert isinstance(app.screen, Ask)
        await type_text(pilot, "pinn")
        await settle(pilot)
        assert "pinned" in screen_text(app)
        await pilot.press("tab", "enter")
        await settle(pilot)
        assert (await peek(other, "user/preferences"))["tags"] == {"user", "profile", "pinned"}


async def test_a_bulk_action_on_marked_items(
    seeded: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """Count and sample are named, No is the default, one undo takes it back."""
    async with open_app(seeded) as (app, pilot):
        await pilot.press("space", "space", "space", "b")
        await settle(pilot)
        assert "3 items" in screen_text(app)
        await pilot.press("enter")
        await settle(pilot)
        await type_text(pilot, "reviewed")
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, Confirm)
        assert "3 items" in screen_text(app)
        assert "• episode/02" in screen_text(app)
        await pilot.press("y")
        await settle(pilot)
        assert await other.count("tag:reviewed") == 3
        assert browse(app).table.marked_count == 0
        await pilot.press("u")
        await settle(pilot)
        assert await other.count("tag:reviewed") == 0


async def test_a_bulk_action_on_the_whole_query(
    seeded: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """`*` marks what matches, less what is unmarked again."""
    async with open_app(seeded) as (app, pilot):
        await pilot.press("slash")
        await type_text(pilot, "tier:archive")
        await pilot.press("enter")
        await settle(pilot)
        await pilot.press("asterisk", "space", "b")
        await settle(pilot)
        assert "9 items" in screen_text(app)
        await pilot.press("G", "enter")
        await settle(pilot)
        assert isinstance(app.screen, Confirm)
        assert "Delete 9 items" in screen_text(app)
        await pilot.press("y")
        await settle(pilot)
        assert await other.count("") == 31
        assert await other.peek("episode/03") is not None
        await pilot.press("u")
        await settle(pilot)
        assert await other.count("") == 40


async def test_undo_does_not_overwrite_what_others_did(
    seeded: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """It says so and asks; the default leaves everything as it is."""
    async with open_app(seeded) as (app, pilot):
        await pilot.press("e")
        await settle(pilot)
        app.screen.query_one("#content", TextArea).text = '"mine"'
        await pilot.press("ctrl+s")
        await settle(pilot)
        await other.update("user/preferences", content="theirs")
        await pilot.press("u")
        await settle(pilot)
        assert isinstance(app.screen, Confirm)
        await pilot.press("enter")
        await settle(pilot)
        assert (await peek(other, "user/preferences"))["content"] == "theirs"


async def conflict(app_pilot: tuple, other: MemoryStore) -> None:  # type: ignore[type-arg]
    """Edit an item in the app while another process saves it first, and press save."""
    app, pilot = app_pilot
    await pilot.press("e")
    await settle(pilot)
    app.screen.query_one("#content", TextArea).text = '{\n  "language": "Mine"\n}'
    await other.update(
        "user/preferences", content={"language": "Theirs"}, importance=0.1, tags={"theirs"}
    )
    await pilot.press("ctrl+s")
    await settle(pilot)
    assert isinstance(app.screen, ConflictScreen)
    text = screen_text(app)
    assert "Mine" in text
    assert "Theirs" in text
    # What is shown as mine is what would be written: only what was edited here.
    facts = str(app.screen.query_one(".facts", Static).content)
    assert "Their importance and tags will stay" in facts
    assert "0.8" not in text.partition("+ mine")[2].partition("Keep mine")[0]
    assert "other" in text


async def test_a_conflict_shows_both_and_mine_can_be_kept(
    seeded: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """My content is written; the fields that only they changed stay theirs."""
    async with open_app(seeded) as (app, pilot):
        await conflict((app, pilot), other)
        await pilot.press("m")
        await settle(pilot)
        saved = await peek(other, "user/preferences")
        assert saved["content"] == {"language": "Mine"}
        assert saved["importance"] == 0.1
        assert saved["tags"] == {"theirs"}
        assert saved["version"] == 3


async def test_in_a_conflict_theirs_can_be_kept(
    seeded: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """Nothing is written."""
    async with open_app(seeded) as (app, pilot):
        await conflict((app, pilot), other)
        await pilot.press("t")
        await settle(pilot)
        saved = await peek(other, "user/preferences")
        assert saved["content"] == {"language": "Theirs"}
        assert saved["version"] == 2
        assert on_browse(app)


async def test_in_a_conflict_both_can_be_merged(
    seeded: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """Both texts are in the editor; it cannot be saved while the marks are there."""
    async with open_app(seeded) as (app, pilot):
        await conflict((app, pilot), other)
        await pilot.press("e")
        await settle(pilot)
        assert isinstance(app.screen, EditScreen)
        area = app.screen.query_one("#content", TextArea)
        assert "<<<<<<< mine" in area.text
        assert app.screen.query_one("#importance", Input).value == "0.1"
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert isinstance(app.screen, EditScreen)
        area.text = '{"language": "Both"}'
        await pilot.press("ctrl+s")
        await settle(pilot)
        saved = await peek(other, "user/preferences")
        assert saved["content"] == {"language": "Both"}
        assert saved["tags"] == {"theirs"}


async def test_escape_in_a_conflict_goes_back_to_my_text(
    seeded: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """Nothing is decided, nothing is lost."""
    async with open_app(seeded) as (app, pilot):
        await conflict((app, pilot), other)
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(app.screen, EditScreen)
        assert "Mine" in app.screen.query_one("#content", TextArea).text


async def test_saving_what_was_deleted_meanwhile_can_bring_it_back(
    seeded: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """Whoever typed decides whether the item shall be."""
    async with open_app(seeded) as (app, pilot):
        await pilot.press("e")
        await settle(pilot)
        app.screen.query_one("#content", TextArea).text = '"kept"'
        await other.delete("user/preferences")
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert isinstance(app.screen, ConflictScreen)
        assert "deleted it" in screen_text(app)
        await pilot.press("m")
        await settle(pilot)
        saved = await peek(other, "user/preferences")
        assert saved["content"] == "kept"
        assert saved["tags"] == {"user", "profile"}


async def test_the_history_shows_a_difference_and_can_revert_it(
    seeded: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """Who, when, what; and one change taken back, whoever made it."""
    await other.update("user/preferences", importance=0.3)
    async with open_app(seeded) as (app, pilot):
        await pilot.press("enter", "less_than_sign")
        await settle(pilot)
        assert "importance=0.3" in screen_text(app) or "update" in screen_text(app)
        await pilot.press("enter")
        await settle(pilot)
        assert "0.8" in screen_text(app)
        assert "0.3" in screen_text(app)
        await pilot.press("R")
        await settle(pilot)
        assert (await peek(other, "user/preferences"))["importance"] == 0.8


def an_editor(tmp_path: Path, script: str) -> str:
    path = tmp_path / "editor"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return str(path)


async def test_the_content_can_be_edited_outside(
    seeded: Path,
    open_app: OpenApp,
    other: MemoryStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The file is private, and gone afterwards; what was saved in it is saved in the store."""
    proof = tmp_path / "proof"
    editor = an_editor(
        tmp_path, f'stat -c "%a" "$1" > {proof}; echo "$1" >> {proof}; echo "[1, 2]" > "$1"'
    )
    monkeypatch.setattr("textual.drivers.headless_driver.HeadlessDriver.can_suspend", True)
    async with open_app(seeded, settings=Settings(editor=editor)) as (_, pilot):
        await pilot.press("E")
        await settle(pilot)
        assert (await peek(other, "user/preferences"))["content"] == [1, 2]
    mode, path = proof.read_text().split("\n")[:2]
    assert mode == "600"
    assert not Path(path).exists()


async def test_an_editor_that_changes_nothing_writes_nothing(
    seeded: Path,
    open_app: OpenApp,
    other: MemoryStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Looking is not editing; and an editor that fails is told about."""
    monkeypatch.setattr("textual.drivers.headless_driver.HeadlessDriver.can_suspend", True)
    async with open_app(seeded, settings=Settings(editor="true")) as (app, pilot):
        await pilot.press("E")
        await settle(pilot)
        assert (await peek(other, "user/preferences"))["version"] == 1
    async with open_app(seeded, settings=Settings(editor="false")) as (app, pilot):
        await pilot.press("E")
        await settle(pilot)
        assert isinstance(app.screen, FailurePanel)
        assert (await peek(other, "user/preferences"))["version"] == 1


async def test_what_an_editor_leaves_broken_is_not_lost(
    seeded: Path, open_app: OpenApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """JSON that does not parse opens in the app's editor, as it was typed."""
    editor = an_editor(tmp_path, 'printf "{broken" > "$1"')
    monkeypatch.setattr("textual.drivers.headless_driver.HeadlessDriver.can_suspend", True)
    async with open_app(seeded, settings=Settings(editor=editor)) as (app, pilot):
        await pilot.press("E")
        await settle(pilot)
        assert isinstance(app.screen, EditScreen)
        assert app.screen.query_one("#content", TextArea).text == "{broken"
        assert app.screen.unsaved


async def test_the_query_is_exported(seeded: Path, open_app: OpenApp, tmp_path: Path) -> None:
    """What the list shows goes to a file, for the owner only."""
    target = tmp_path / "out.jsonl"
    async with open_app(seeded) as (app, pilot):
        await pilot.press("slash")
        await type_text(pilot, "tier:working")
        await pilot.press("enter")
        await settle(pilot)
        await pilot.press("x")
        await settle(pilot)
        app.screen.query_one(Input).value = str(target)
        await pilot.press("enter")
        await eventually(pilot, target.exists)
        await eventually(pilot, lambda: "Exported 10 items" in screen_text(app))
    records = [json.loads(line) for line in target.read_text().splitlines()]
    assert sum("content" in record for record in records) == 10
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


async def test_an_export_to_nowhere_is_refused_before_it_begins(
    seeded: Path, open_app: OpenApp, tmp_path: Path
) -> None:
    """The question stays open and says why."""
    async with open_app(seeded) as (app, pilot):
        await pilot.press("x")
        await settle(pilot)
        app.screen.query_one(Input).value = str(tmp_path / "absent" / "out.jsonl")
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, Ask)
        assert "no directory" in screen_text(app)


async def test_bulk_export_writes_the_marked(
    seeded: Path, open_app: OpenApp, tmp_path: Path
) -> None:
    """Marks are a query too."""
    target = tmp_path / "marked.csv"
    async with open_app(seeded) as (app, pilot):
        await pilot.press("space", "space", "b")
        await settle(pilot)
        for _ in range(6):
            await pilot.press("j")
        await pilot.press("enter")
        await settle(pilot)
        app.screen.query_one(Input).value = str(target)
        await pilot.press("enter")
        await eventually(pilot, target.exists)
        await settle(pilot)
    assert len(target.read_text().splitlines()) == 3
    assert target.stat().st_size > 0


async def test_tier_is_set_in_bulk_by_choosing(
    seeded: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """Values that are few are chosen from a list."""
    async with open_app(seeded) as (app, pilot):
        await pilot.press("j", "space", "b")
        await settle(pilot)
        await pilot.press("j", "j", "enter")
        await settle(pilot)
        await pilot.press("j", "j", "j", "enter")
        await settle(pilot)
        await pilot.press("y")
        await settle(pilot)
        assert (await peek(other, "episode/01"))["tier"] is Tier.ARCHIVE
        assert "episode/01" in listed_ids(app)


async def test_only_a_change_that_one_sees_is_reverted(
    seeded: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """With the item hidden, the key that undoes a change of its history does nothing."""
    await other.update("user/preferences", importance=0.3)
    async with open_app(seeded) as (app, pilot):
        await pilot.press("greater_than_sign", "greater_than_sign", "greater_than_sign")
        await settle(pilot)
        assert "Revert" in screen_text(app)
        await pilot.press("p")
        await settle(pilot)
        assert "Revert" not in screen_text(app)
        await pilot.press("R")
        await settle(pilot)
        assert (await peek(other, "user/preferences"))["importance"] == 0.3
