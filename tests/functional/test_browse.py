"""Finding and looking: the list, the query bar, the facets, the item."""

from __future__ import annotations

import asyncio
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
    zoomed,
)
from textual.events import Key
from textual.widgets import Static

from engine import MemoryStore, Tier
from inspector.app import InspectorApp

pytest_plugins = ("browse_fixtures",)

SIZES = [(120, 40), (80, 24)]


@pytest.mark.parametrize("size", SIZES)
async def test_opening_shows_the_newest_items(
    seeded: Path, open_app: OpenApp, size: tuple[int, int]
) -> None:
    """A newcomer sees memories at once, and how many there are."""
    async with open_app(seeded, size=size) as (app, _):
        text = screen_text(app)
        assert "40 items" in text
        assert "● live" in text
        assert "episode/01" in text
        assert current_id(app) == "user/preferences"


async def test_the_item_under_the_cursor_is_shown(seeded: Path, open_app: OpenApp) -> None:
    """The pane follows the cursor."""
    async with open_app(seeded) as (app, pilot):
        assert '"language": "Python"' in screen_text(app)
        await pilot.press("j")
        await settle(pilot)
        assert "the user asked about" in screen_text(app)
        assert browse(app).shown_id == "episode/01"


async def test_results_follow_while_typing(seeded: Path, open_app: OpenApp) -> None:
    """Enter is not needed, and the status says how many match."""
    async with open_app(seeded) as (app, pilot):
        await pilot.press("slash")
        await type_text(pilot, "tier:working")
        await settle(pilot)
        assert browse(app).table.row_count == 10
        assert "10 items" in browse(app).bar.status
        assert browse(app).bar.has_focus_within


async def test_half_a_word_finds_what_begins_with_it(seeded: Path, open_app: OpenApp) -> None:
    """Typing `prefer` shows what `preference` will, before the word is complete."""
    async with open_app(seeded) as (app, pilot):
        await pilot.press("slash")
        await type_text(pilot, "prefer")
        await settle(pilot)
        assert browse(app).table.row_count > 0
        await pilot.press("ctrl+u")
        await type_text(pilot, "kind:epi")
        await settle(pilot)
        assert browse(app).table.row_count == 13


async def test_a_faulty_query_is_explained_in_place(seeded: Path, open_app: OpenApp) -> None:
    """The list stays, the bar says what is wrong, and the query is not remembered."""
    async with open_app(seeded) as (app, pilot):
        await pilot.press("slash")
        await type_text(pilot, "tier:nowhere")
        await pilot.press("enter")
        await settle(pilot)
        assert "✗" in screen_text(app)
        assert browse(app).bar.has_focus_within
        assert browse(app).bar.history == []
        for _ in range(7):
            await pilot.press("backspace")
        await type_text(pilot, "working")
        await pilot.press("enter")
        await settle(pilot)
        assert "✗" not in screen_text(app)
        assert browse(app).table.row_count == 10


async def test_back_and_forward_return_to_query_and_item(seeded: Path, open_app: OpenApp) -> None:
    """`[` and `]` work as in a web browser."""
    async with open_app(seeded) as (app, pilot):
        await pilot.press("j", "j", "j")
        where = current_id(app)
        await pilot.press("slash")
        await type_text(pilot, "agent:sage")
        await pilot.press("enter")
        await settle(pilot)
        assert browse(app).table.row_count == 13
        await pilot.press("left_square_bracket")
        await settle(pilot)
        assert browse(app).table.row_count == 40
        assert current_id(app) == where
        await pilot.press("right_square_bracket")
        await settle(pilot)
        assert browse(app).bar.value == "agent:sage"
        assert browse(app).table.row_count == 13


async def test_queries_are_remembered_for_the_next_run(seeded: Path, open_app: OpenApp) -> None:
    """Up in the query bar gives the query of yesterday."""
    async with open_app(seeded) as (app, pilot):
        await pilot.press("slash")
        await type_text(pilot, "tag:pinned")
        await pilot.press("enter")
        await settle(pilot)
    async with open_app(seeded) as (app, pilot):
        await pilot.press("slash", "up")
        await settle(pilot)
        assert browse(app).bar.value == "tag:pinned"


async def test_a_facet_goes_into_the_query_and_out_again(seeded: Path, open_app: OpenApp) -> None:
    """Choosing in the facets is writing the query; two tiers are alternatives."""
    async with open_app(seeded) as (app, pilot):
        screen = browse(app)
        screen.facets.focus()
        await pilot.press("j", "enter")
        await settle(pilot)
        assert screen.bar.value == "tier:working"
        assert screen.table.row_count == 10
        await pilot.press("j", "enter")
        await settle(pilot)
        assert screen.table.row_count == 20
        await pilot.press("enter")
        await settle(pilot)
        assert screen.table.row_count == 10
        await pilot.press("k", "enter")
        await settle(pilot)
        assert screen.bar.value == ""
        assert screen.table.row_count == 40


async def test_a_facet_can_be_excluded(seeded: Path, open_app: OpenApp) -> None:
    """`-` on a facet is a minus in the query."""
    async with open_app(seeded) as (app, pilot):
        browse(app).facets.focus()
        await pilot.press("j", "minus")
        await settle(pilot)
        assert browse(app).table.row_count == 30
        assert "tier" in browse(app).bar.value


async def test_sorting_keeps_the_cursor_on_its_item(seeded: Path, open_app: OpenApp) -> None:
    """The list turns round, the item stays chosen, and the order is remembered."""
    async with open_app(seeded) as (app, pilot):
        await pilot.press("j", "j")
        where = current_id(app)
        await pilot.press("s", "j", "enter")
        await settle(pilot)
        assert browse(app).table.order == "created_at"
        assert current_id(app) == where
        assert listed_ids(app)[0] == "episode/39"
    async with open_app(seeded) as (app, pilot):
        assert browse(app).table.order == "created_at"


async def test_a_click_on_a_title_sorts(seeded: Path, open_app: OpenApp) -> None:
    """Every title that can be sorted by is a button."""
    async with open_app(seeded, size=(80, 24)) as (app, pilot):
        await pilot.click("#items", offset=(5, 0))
        await settle(pilot)
        assert browse(app).table.order == "id"
        assert listed_ids(app)[0] == "episode/01"


@pytest.mark.parametrize("size", SIZES)
async def test_every_tab_of_the_item_can_be_reached(
    seeded: Path, open_app: OpenApp, size: tuple[int, int]
) -> None:
    """Content, fields, links and history, by keys alone, on small screens too."""
    async with open_app(seeded, size=size) as (app, pilot):
        await pilot.press("enter")
        await settle(pilot)
        assert browse(app).pane.has_focus_within
        await pilot.press("greater_than_sign")
        await settle(pilot)
        assert "importance" in screen_text(app)
        assert "2026-03-01 11:58:00 UTC" in screen_text(app)
        await pilot.press("greater_than_sign")
        await settle(pilot)
        assert "learned_from" in screen_text(app)
        await pilot.press("greater_than_sign")
        await settle(pilot)
        assert "create" in screen_text(app)


async def test_a_link_leads_to_its_item_and_back(seeded: Path, open_app: OpenApp) -> None:
    """Enter on a link goes there, whether it is in the list or not."""
    async with open_app(seeded) as (app, pilot):
        await pilot.press("slash")
        await type_text(pilot, "id:user/preferences")
        await pilot.press("enter")
        await settle(pilot)
        await pilot.press("greater_than_sign", "greater_than_sign")
        await pilot.press("enter")
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        await eventually(pilot, lambda: current_id(app) == "episode/01")
        await pilot.press("left_square_bracket")
        await settle(pilot)
        assert current_id(app) == "user/preferences"


async def test_escape_goes_one_step_back_at_a_time(seeded: Path, open_app: OpenApp) -> None:
    """From the item to the list, then marks, then the query."""
    async with open_app(seeded) as (app, pilot):
        screen = browse(app)
        await pilot.press("slash")
        await type_text(pilot, "agent:sage")
        await pilot.press("enter")
        await settle(pilot)
        await pilot.press("space", "enter")
        await settle(pilot)
        assert screen.pane.has_focus_within
        await pilot.press("escape")
        assert screen.table.has_focus
        assert screen.table.marked_count == 1
        await pilot.press("escape")
        assert screen.table.marked_count == 0
        await pilot.press("escape")
        await settle(pilot)
        assert screen.bar.value == ""
        assert screen.table.row_count == 40


async def test_panes_are_toggled_and_remembered(seeded: Path, open_app: OpenApp) -> None:
    """A wide screen without facets stays so in the next run."""
    async with open_app(seeded) as (app, pilot):
        assert browse(app).facets.display
        await pilot.press("f", "p")
        assert not browse(app).facets.display
        assert not browse(app).pane.display
    async with open_app(seeded) as (app, pilot):
        assert not browse(app).facets.display


def shown(app: InspectorApp) -> tuple[bool, bool]:
    return browse(app).facets.display, browse(app).pane.display


async def test_a_narrow_screen_shows_one_pane_beside_the_list(
    seeded: Path, open_app: OpenApp
) -> None:
    """80 cells hold the list and one more."""
    async with open_app(seeded, size=(80, 24)) as (app, pilot):
        assert shown(app) == (False, False)
        await pilot.press("f")
        await settle(pilot)
        assert shown(app) == (True, False)
        await pilot.press("p")
        await settle(pilot)
        assert shown(app) == (False, True)
        await pilot.press("z")
        await settle(pilot)
        assert zoomed(app)
        await pilot.press("escape")
        assert not zoomed(app)


async def test_copy_says_what_was_copied_and_how(seeded: Path, open_app: OpenApp) -> None:
    """The clipboard gets the original; the toast says by which way."""
    async with open_app(seeded) as (app, pilot):
        await pilot.press("y")
        await settle(pilot)
        assert '"language": "Python"' in app.clipboard
        assert "OSC 52" in screen_text(app)
        await pilot.press("Y")
        await settle(pilot)
        assert '"id": "user/preferences"' in app.clipboard


async def test_what_another_process_writes_appears(
    seeded: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """Without a key press; the cursor stays on its item and its line."""
    async with open_app(seeded) as (app, pilot):
        await pilot.press("j", "j", "j")
        await settle(pilot)
        where = current_id(app)
        line = browse(app).table.cursor_row - browse(app).table.first_row_in_view
        await other.put("fresh/one", "written by another process", agent="harbor")
        await eventually(pilot, lambda: "fresh/one" in screen_text(app))
        await eventually(pilot, lambda: "41 items" in browse(app).bar.status)
        assert browse(app).header.count == 41
        assert current_id(app) == where
        assert listed_ids(app)[0] == "fresh/one"
        del line


async def test_what_another_process_writes_is_sorted_in(
    seeded: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """In an order other than by time, it appears where it belongs."""
    async with open_app(seeded) as (app, pilot):
        await pilot.press("s")
        await settle(pilot)
        for _ in range(11):
            await pilot.press("j")
        await pilot.press("enter")
        await settle(pilot)
        assert browse(app).table.order == "id"
        await other.put("episode/105", "between ten and eleven", tier=Tier.ARCHIVE)
        await eventually(pilot, lambda: "episode/105" in listed_ids(app))
        await settle(pilot)
        ids = listed_ids(app)
        assert ids == sorted(ids)


async def test_only_what_matches_appears(
    seeded: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """A new item that the query does not match stays out, one that comes to match comes in."""
    async with open_app(seeded) as (app, pilot):
        await pilot.press("slash")
        await type_text(pilot, "tier:working")
        await pilot.press("enter")
        await settle(pilot)
        await other.put("fresh/out", "elsewhere", tier=Tier.ARCHIVE)
        await other.update("episode/01", tier=Tier.WORKING)
        await eventually(pilot, lambda: "episode/01" in listed_ids(app))
        assert "fresh/out" not in listed_ids(app)


async def test_what_another_process_deletes_is_shown_as_deleted(
    seeded: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """The row says so where it was; nothing jumps."""
    async with open_app(seeded) as (app, pilot):
        await other.delete("episode/02")
        await eventually(pilot, lambda: "deleted" in screen_text(app))
        assert current_id(app) == "user/preferences"


async def test_the_shown_item_follows_its_changes(
    seeded: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """What is read is what is there."""
    async with open_app(seeded) as (app, pilot):
        await other.update("user/preferences", content={"language": "Rust"})
        await eventually(pilot, lambda: '"language": "Rust"' in screen_text(app))
        assert "v2" in screen_text(app)


async def test_a_flood_of_changes_is_followed_by_asking_again(
    seeded: Path, open_app: OpenApp, other: MemoryStore
) -> None:
    """Hundreds of new items are listed, and the cursor stays on its item."""
    async with open_app(seeded) as (app, pilot):
        await pilot.press("j", "j")
        where = current_id(app)
        records = [{"id": f"flood/{n:03}", "content": "x"} for n in range(300)]
        await other.put_many(records)
        await eventually(pilot, lambda: browse(app).table.row_count == 340)
        await settle(pilot)
        assert current_id(app) == where


async def test_an_empty_store_says_what_to_do(store_path: Path, open_app: OpenApp) -> None:
    """No items is not an error."""
    await fill(store_path, [])
    async with open_app(store_path) as (app, pilot):
        assert "0 items" in screen_text(app)
        assert "no items" in screen_text(app)
        await pilot.press("j", "enter", "d", "e", "t", "y", "b", "asterisk", "greater_than_sign")
        await settle(pilot)
        assert app.is_running


async def test_large_content_is_shown_in_part_and_more_on_demand(
    store_path: Path, open_app: OpenApp
) -> None:
    """64 kB at first; the rest when it is asked for."""
    text = "\n".join(f"line {number} of a long text" for number in range(10_000))
    await fill(store_path, [{"id": "long", "content": text}])
    async with open_app(store_path) as (app, pilot):
        await pilot.press("enter", "G", "enter")
        await settle(pilot)
        await asyncio.sleep(0)
        await settle(pilot)
        assert browse(app)._part_bytes == 2 * 64 * 1024


async def test_what_is_typed_right_behind_the_slash_is_a_query(
    seeded: Path, open_app: OpenApp
) -> None:
    """However fast it comes: none of it is taken for a key of the list."""
    async with open_app(seeded) as (app, pilot):
        driver = app._driver
        assert driver is not None
        for character in "/xdq":
            driver.send_message(Key("slash" if character == "/" else character, character))
        await settle(pilot)
        assert on_browse(app)
        assert browse(app).bar.value == "xdq"


async def test_the_title_of_the_item_uses_the_room_there_is(
    store_path: Path, open_app: OpenApp
) -> None:
    """An id that was cut in a narrow terminal is whole in a wide one."""
    await fill(store_path, [{"id": "a/long/name/of/an/item", "content": "x"}])
    async with open_app(store_path, size=(80, 24)) as (app, pilot):
        await pilot.resize_terminal(120, 40)
        await settle(pilot)
        assert app.screen.query_one("#item-title", Static).content == "a/long/name/of/an/item"


async def test_nothing_of_the_last_item_is_left_when_nothing_matches(
    seeded: Path, open_app: OpenApp
) -> None:
    """Neither its content nor the number of its links."""
    async with open_app(seeded) as (app, pilot):
        assert "Links 2" in screen_text(app)
        await pilot.press("slash")
        await type_text(pilot, "nowhere")
        await pilot.press("enter")
        await settle(pilot)
        assert "Links 2" not in screen_text(app)
        assert "language" not in screen_text(app)
