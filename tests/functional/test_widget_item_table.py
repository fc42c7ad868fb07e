"""The table: a cursor on an item, pages on demand, marks, and a million rows."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from widget_app import WidgetApp, assert_harmless, hostile_row, screen_text, settle

from inspector.widgets.item_table import Column, ItemTable
from inspector.widgets.roles import Role

pytest_plugins = ("browse_fixtures",)
pytestmark = pytest.mark.usefixtures("no_waiting")


def make_row(key: int) -> SimpleNamespace:
    return SimpleNamespace(id=f"item/{key}", kind="semantic", text=f"text {key}")


class Source:
    """Rows by key, some deleted, and a memory of what was asked."""

    def __init__(self) -> None:
        self.deleted: set[int] = set()
        self.asked: list[list[int]] = []
        self.make: Any = make_row
        self.gate: asyncio.Event | None = None
        self.error: Exception | None = None

    async def fetch(self, keys: Sequence[int]) -> Mapping[int, Any]:
        self.asked.append(list(keys))
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        return {key: self.make(key) for key in keys if key not in self.deleted}


COLUMNS = (
    Column(
        name="id",
        title="id",
        width=12,
        elide="middle",
        sort="id",
        render=lambda row: (row.id, Role.STRONG),
    ),
    Column(
        name="kind",
        title="kind",
        width=10,
        shows_from=60,
        render=lambda row: (row.kind, Role.PLAIN),
    ),
    Column(
        name="text",
        title="preview",
        width=10,
        flex=1,
        sort="created_at",
        descending_first=True,
        render=lambda row: (row.text, Role.PLAIN),
    ),
)


def make(source: Source, rows: int) -> tuple[WidgetApp, ItemTable]:
    table = ItemTable(source.fetch, COLUMNS, page_rows=16)
    app = WidgetApp(table)
    table.set_keys(array("q", range(1, rows + 1)))
    return app, table


async def test_only_what_is_near_is_fetched() -> None:
    """A million rows cost the pages in view and their neighbours, each once."""
    source = Source()
    app, table = make(source, 1_000_000)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "item/1 " in screen_text(app)
        asked = [key for keys in source.asked for key in keys]
        assert len(asked) == len(set(asked)) <= 64
        table.focus()
        await pilot.press("G")
        await settle(pilot)
        assert "item/1000000" in screen_text(app)
        assert sum(map(len, source.asked)) <= 160
        assert not table.pending


async def test_vim_keys_move_and_keep_the_screen_line() -> None:
    """Every key of the lists moves the cursor; a page scrolls, the cursor's line stays."""
    app, table = make(Source(), 500)
    async with app.run_test(size=(80, 24)) as pilot:
        table.focus()
        await pilot.press("j", "j", "down", "k")
        assert table.cursor_key == 3
        await pilot.press("ctrl+d")
        assert table.cursor_key == 3 + 11
        assert table.cursor_row - table.first_row_in_view == 2
        await pilot.press("ctrl+u", "pagedown")
        assert table.cursor_key == 3 + 23
        await pilot.press("G")
        assert table.cursor_key == 500
        await pilot.press("pageup", "g")
        assert (table.cursor_key, table.first_row_in_view) == (1, 0)
        await settle(pilot)
        assert [message.key for message in app.posted(ItemTable.Highlighted)][-1] == 1


async def test_the_cursor_is_an_item() -> None:
    """After sorting it is on the same item, on the same line of the screen."""
    app, table = make(Source(), 1000)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        table.move_to(500)
        line = table.cursor_row - table.first_row_in_view
        table.set_keys(array("q", range(1000, 0, -1)))
        assert table.cursor_key == 500
        assert table.cursor_row == 500
        assert table.cursor_row - table.first_row_in_view == line
        table.set_keys(array("q", [7, 8, 9]))
        assert table.cursor_key == 7
        await settle(pilot)
        assert [message.key for message in app.posted(ItemTable.Highlighted)] == [1, 500, 7]


async def test_streamed_rows_find_the_cursor_when_they_come() -> None:
    """The item may be in a later chunk; meanwhile no other one is announced."""
    app, table = make(Source(), 1000)
    async with app.run_test(size=(80, 24)) as pilot:
        table.move_to(900)
        await settle(pilot)
        old = table.begin()
        generation = table.begin()
        assert table.row_count == 1000
        assert not table.extend(old, array("q", [1]))
        assert table.extend(generation, array("q", range(1, 257)))
        assert table.row_count == 256
        assert table.cursor_key == 900
        assert table.extend(generation, array("q", range(257, 2001)))
        assert table.cursor_row == 899
        table.finish(old)
        known = [table.complete]
        table.finish(generation)
        assert [*known, table.complete] == [False, True]
        await settle(pilot)
        assert [message.key for message in app.posted(ItemTable.Highlighted)] == [1, 900]


async def test_an_empty_answer_clears_the_table() -> None:
    """Old rows do not outlive a query that matches nothing."""
    app, table = make(Source(), 10)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        table.finish(table.begin())
        await settle(pilot)
        assert table.row_count == 0
        assert table.cursor_key is None
        assert "nothing here" in screen_text(app)
        assert app.posted(ItemTable.Highlighted)[-1].key is None
        table.focus()
        await pilot.press("j", "G", "space", "enter", "v", "shift+down", "ctrl+d")


async def test_new_rows_do_not_move_what_is_looked_at() -> None:
    """At the top they come in above the cursor; elsewhere the view stays where it is."""
    app, table = make(Source(), 500)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        table.prepend(array("q", [1001]))
        await settle(pilot)
        assert table.cursor_key == 1
        assert "item/1001" in screen_text(app)
        table.move_to(300)
        await settle(pilot)
        before = screen_text(app)
        table.prepend(array("q", [1003, 1002]))
        table.insert(5, array("q", [1004]))
        await settle(pilot)
        assert screen_text(app) == before


async def test_deleted_rows_say_so() -> None:
    """An item deleted by others keeps its name and says what became of it, in words."""
    source = Source()
    app, table = make(source, 5)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        source.deleted = {2}
        table.invalidate([2])
        await settle(pilot)
        line = next(line for line in screen_text(app).split("\n") if "item/2" in line)
        assert "✗ deleted" in line
        assert table.is_deleted(2)
        source.deleted = {1, 2, 3, 4, 5, 6}
        table.set_keys(array("q", [6]))
        await settle(pilot)
        assert "✗ deleted" in screen_text(app)


async def test_a_change_during_a_fetch_is_fetched_again() -> None:
    """An answer that was on its way when the item changed does not pass for new."""
    source = Source()
    source.gate = asyncio.Event()
    app, table = make(source, 3)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert table.pending
        assert "…" in screen_text(app)
        table.invalidate([2])
        source.gate.set()
        await settle(pilot)
        assert sum(keys.count(2) for keys in source.asked) == 2
        assert not table.pending


async def test_the_keys_follow_when_the_row_under_the_cursor_arrives_late() -> None:
    """What can be done with an item is offered once there is one, not at the next key press."""
    source = Source()
    source.gate = asyncio.Event()
    app, table = make(source, 3)
    offered: list[Any] = []
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert table.row(1) is None
        app.screen.bindings_updated_signal.subscribe(table, lambda _: offered.append(table.row(1)))
        table.focus()
        await pilot.pause()
        offered.clear()
        source.gate.set()
        await settle(pilot)
        assert offered == [make_row(1)]


async def test_a_failed_fetch_is_announced_once() -> None:
    """The table does not hammer a store that fails; `invalidate` tries again."""
    source = Source()
    source.error = OSError("gone")
    app, table = make(source, 100)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause(0.2)
        assert [type(m.error) for m in app.posted(ItemTable.FetchFailed)] == [OSError]
        assert len(source.asked) == 1
        source.error = None
        table.invalidate()
        await settle(pilot)
        assert "item/1 " in screen_text(app)


async def test_marks() -> None:
    """Space marks, shift marks on the way, a range grows and shrinks, everything is a flag."""
    app, table = make(Source(), 1000)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        table.focus()
        await pilot.press("space", "j", "space")
        assert list(table.marked_keys()) == [1, 3]
        assert screen_text(app).count("●") == 2
        await pilot.press("v", "j", "j", "k")
        assert list(table.marked_keys()) == [1, 3, 4, 5]
        await pilot.press("escape", "j", "j", "shift+down")
        assert list(table.marked_keys()) == [1, 3, 4, 5, 7, 8]
        table.mark_all()
        await pilot.press("space")
        assert table.marked_count == 999
        assert table.marks.all_matching
        table.clear_marks()
        await settle(pilot)
        assert app.posted(ItemTable.MarksChanged)[-1].count == 0


async def test_everything_marked_does_not_carry_over() -> None:
    """What was "everything" of one query is not everything of the next."""
    app, table = make(Source(), 10)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        table.mark_all()
        table.set_keys(array("q", range(5, 50)))
        assert table.marked_count == 0


async def test_mouse() -> None:
    """Click moves, a double click opens, the gutter marks, a title sorts."""
    app, table = make(Source(), 100)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.click(table, offset=(20, 5))
        assert table.cursor_key == 5
        await pilot.click(table, offset=(20, 7), times=2)
        await pilot.click(table, offset=(1, 3))
        await pilot.click(table, offset=(3, 0))
        table.order = "-created_at"
        await pilot.click(table, offset=(40, 0))
        await settle(pilot)
        selected = app.posted(ItemTable.Selected)
        assert [(message.key, message.row.id) for message in selected] == [(7, "item/7")]
        assert list(table.marked_keys()) == [3]
        assert [m.order for m in app.posted(ItemTable.SortRequested)] == ["id", "created_at"]
        assert "preview▼" in screen_text(app)


async def test_the_end_of_an_unfinished_list_asks_for_more() -> None:
    """Whoever stands at the end of what is known so far wants the rest."""
    app, table = make(Source(), 10)
    async with app.run_test(size=(80, 24)) as pilot:
        table.focus()
        generation = table.begin()
        table.extend(generation, array("q", range(1, 11)))
        await pilot.press("G")
        await settle(pilot)
        assert [message.row_count for message in app.posted(ItemTable.NeedsRows)] == [10]


async def test_narrow_screens_drop_columns() -> None:
    """What does not fit is left out whole; wide characters keep the columns straight."""
    source = Source()
    source.make = lambda key: SimpleNamespace(id="日本語の長い識別子" * 2, kind="k", text="t" * key)
    app, _ = make(source, 30)
    async with app.run_test(size=(50, 24)) as pilot:
        await settle(pilot)
        assert "kind" not in screen_text(app)
        await pilot.resize_terminal(100, 24)
        await settle(pilot)
        assert "kind" in screen_text(app)


async def test_nothing_hostile_is_drawn() -> None:
    """No field of a row reaches the terminal as anything but text, in any theme."""
    source = Source()
    source.make = hostile_row
    app, table = make(source, 40)
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        assert_harmless(app)
        table.mark_all()
        source.deleted = {3, 4}
        table.invalidate()
        app.theme = "ansi-dark"
        await settle(pilot)
        assert_harmless(app)
