"""Memories come from anywhere: none may act on the terminal, whatever is done with them."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from browse_kit import OpenApp, browse, fill, screen_text, settle, type_text
from rich.console import Console
from textual.pilot import Pilot
from textual.strip import Strip
from textual.widgets import Input, TextArea

from inspector.app import InspectorApp

pytest_plugins = ("browse_fixtures",)

HOSTILE = (
    "\x1b]0;owned\x07\x1b]52;c;aGFja2Vk\x07\x1b[31mred\x1b[0m \x9b31m \x9d0;t\x9c \x07\x08\r"
    "[/nope] [@click=app.quit]x[/] [bold]b \\[ {curly} \u202eevil\u202c \u2066i\u2069 \u200bzw "
    "\U000e0041tag \x7f\x00 <b>&amp; 日本語 👩‍👩‍👧 ́"
)
NAME = HOSTILE.replace("\x00", "")
"""Ids and names may hold anything but NUL."""
FORBIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\U000e0000-\U000e0fff]"
)


def hostile_records() -> list[dict[str, Any]]:
    fields: dict[str, Any] = {
        "agent": NAME,
        "kind": NAME,
        "tags": [NAME, "[/]", "\x1b[2J"],
        "metadata": {HOSTILE: HOSTILE, "list": [HOSTILE], "inner": {HOSTILE: {"x": HOSTILE}}},
        "session_id": NAME,
    }
    return [
        {"id": f"a{NAME}", "content": {HOSTILE: [HOSTILE, 1]}, **fields},
        {
            "id": f"b{NAME}",
            "content": f"# {HOSTILE}\n\n- {HOSTILE}\n```\n{HOSTILE}\n```",
            **fields,
        },
        {"id": f"c{NAME}", "content": HOSTILE.encode(), **fields},
    ]


async def drawn(pilot: Pilot[Any]) -> str:
    """Everything that the screen would send as text, and no more than that."""
    await settle(pilot)
    strips: list[Strip] = pilot.app.screen._compositor.render_strips()
    text = "\n".join(segment.text for strip in strips for segment in strip)
    found = FORBIDDEN.search(text)
    assert found is None, ascii(text[max(0, found.start() - 40) : found.end() + 40])
    return text


async def look(pilot: Pilot[Any], *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        await drawn(pilot)


@pytest.fixture
async def hostile(store_path: Path) -> Path:
    await fill(store_path, hostile_records())
    from engine import open_store

    async with open_store(store_path, actor=NAME[:80]) as store:
        ids = [str(record["id"]) for record in hostile_records()]
        await store.associate(ids[0], ids[1], relation=NAME)
        await store.associate(ids[2], ids[0], relation=NAME)
        await store.update(ids[0], importance=0.9, tags={NAME})
    return store_path


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_no_stored_character_acts_on_any_screen(
    hostile: Path, open_app: OpenApp, size: tuple[int, int]
) -> None:
    """Lists, tabs, dialogs, the editor, completion, toasts, titles: all of it is visible text."""
    async with open_app(hostile, size=size) as (app, pilot):
        await drawn(pilot)
        for _ in range(3):
            await look(pilot, "enter", *["greater_than_sign"] * 4, "escape", "j")
        await look(pilot, "f", "j", "j", "escape", "f")
        browse(app).table.focus()
        await look(pilot, "g", "y", "Y")
        await look(pilot, "e", "tab", "tab", "escape")
        await look(pilot, "t", "escape", "d", "escape", "n", "escape")
        await look(pilot, "asterisk", "b", "escape", "escape", "s", "escape")
        await look(pilot, "question_mark", "escape", "ctrl+p", "escape")
        await look(pilot, "enter", "greater_than_sign", "greater_than_sign", "greater_than_sign")
        await look(pilot, "enter", "escape", "escape")
        assert app.is_running


async def test_hostile_names_are_completed_and_filtered_by(
    hostile: Path, open_app: OpenApp
) -> None:
    """Suggestions show them harmlessly, and a facet of such a name finds its items."""
    async with open_app(hostile) as (app, pilot):
        await pilot.press("slash")
        await type_text(pilot, "tag:")
        await drawn(pilot)
        await pilot.press("escape", "escape")
        await settle(pilot)
        screen = browse(app)
        screen.bar.set_value("")
        await settle(pilot)
        screen.facets.focus()
        await look(pilot, "G", "enter")
        assert screen.table.row_count >= 1


async def test_toasts_and_bulk_questions_are_harmless(hostile: Path, open_app: OpenApp) -> None:
    """What names items in passing goes through the same gate."""
    async with open_app(hostile) as (_, pilot):
        await look(pilot, "space", "space", "b", "enter")
        await type_text(pilot, "x")
        await look(pilot, "enter", "y")
        await look(pilot, "u", "ctrl+r")
        await look(pilot, "d", "y", "u")


async def test_the_editor_gives_hostile_text_back_unchanged(
    hostile: Path, open_app: OpenApp
) -> None:
    """Saving with one tag more changes nothing else."""
    async with open_app(hostile) as (app, pilot):
        await pilot.press("j")
        await settle(pilot)
        item_id = browse(app).shown_id
        before = await app.gateway.item(item_id or "")
        assert before is not None
        await pilot.press("e")
        await settle(pilot)
        tags = app.screen.query_one("#tags", Input)
        tags.value += " more"
        await pilot.press("ctrl+s")
        await settle(pilot)
        after = await app.gateway.item(item_id or "")
        assert after is not None
        assert after.tags == before.tags | {"more"}
        assert (after.content, after.metadata) == (before.content, before.metadata)
        assert (after.agent, after.kind) == (before.agent, before.kind)


async def test_what_is_pasted_into_the_editor_is_shown_escaped(
    hostile: Path, open_app: OpenApp
) -> None:
    """A pasted escape sequence does not act either."""
    from textual.events import Paste

    async with open_app(hostile) as (app, pilot):
        await pilot.press("n")
        await settle(pilot)
        area = app.screen.query_one("#content", TextArea)
        app.post_message(Paste("a\x1b]0;t\x07b\u202e"))
        await drawn(pilot)
        assert area.text == "a\\u{1b}]0;t\\u{7}b\\u{202e}"


async def test_a_hostile_file_name_is_shown_harmlessly(tmp_path: Path, make_app: Any) -> None:
    """The store's own name is stored text too."""
    path = tmp_path / "a\x1b]0;t\x07[bold]\u202e.db"
    await fill(path)
    app: InspectorApp = make_app(path)
    async with app.run_test(size=(120, 40)) as pilot:
        await drawn(pilot)
        assert "␛]0;t␇[bold]" in screen_text(app)


async def test_the_bytes_sent_to_a_terminal_hold_no_stored_sequence(
    hostile: Path, open_app: OpenApp
) -> None:
    """Down to what is written: only the app's own colours and moves."""
    async with open_app(hostile) as (app, pilot):
        await settle(pilot)
        console = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor")
        strips = app.screen._compositor.render_strips()
        sent = "".join(strip.render(console) for strip in strips)
        assert re.fullmatch(
            r"(?:[^\x00-\x1f\x7f-\x9f]|\x1b\[[0-9;]*m|\x1b\]8;[^\x07\x1b]*\x1b\\)*", sent
        )
