"""Content and differences."""

from __future__ import annotations

import json
import pickle
import pickletools
from collections.abc import Callable
from typing import Literal

import pytest
from widget_app import HOSTILE, WidgetApp, assert_harmless, screen_text, settle

from inspector.widgets.content_view import PREVIEW_BYTES_MAX, ContentView
from inspector.widgets.diff_view import DiffView
from inspector.widgets.roles import Role

pytest_plugins = ("browse_fixtures",)
pytestmark = pytest.mark.usefixtures("no_waiting")


async def test_json_is_indented_and_can_be_seen_as_stored() -> None:
    """`r` goes from the laid-out form to the source and back."""
    view = ContentView()
    app = WidgetApp(view)
    async with app.run_test(size=(60, 12)) as pilot:
        view.show_json({"language": "Python", "tags": [1, 2]}, text='{"language":"Python"}')
        await settle(pilot)
        assert '  "tags": [1, 2]' in screen_text(app)
        view.focus()
        await pilot.press("r")
        assert screen_text(app).startswith('{"language":"Python"}')
        await pilot.press("r")
        assert screen_text(app).startswith("{\n")


async def test_more_is_asked_for_where_it_is_missing() -> None:
    """Long content ends in a line that loads the rest; what was scrolled to stays."""
    view = ContentView()
    app = WidgetApp(view)
    source = json.dumps(list(range(20_000)))[:PREVIEW_BYTES_MAX]
    async with app.run_test(size=(60, 12)) as pilot:
        view.show_json(None, text=source, remaining_bytes=1_200_000)
        await settle(pilot)
        view.focus()
        await pilot.press("G")
        await settle(pilot)
        assert "… 1.2 MB more" in screen_text(app)
        top = view.scroll_offset.y
        await pilot.press("enter")
        await settle(pilot)
        assert [m.shown_bytes for m in app.posted(ContentView.MoreRequested)] == [len(source)]
        view.show_json(None, text=source * 2, remaining_bytes=0)
        await settle(pilot)
        assert view.scroll_offset.y == top
        await pilot.press("enter")
        assert len(app.posted(ContentView.MoreRequested)) == 1
        view.show_text("short")
        await settle(pilot)
        assert view.scroll_offset.y == 0


async def test_the_more_line_can_be_clicked() -> None:
    """The mouse loads more too, also under a hex dump."""
    view = ContentView()
    app = WidgetApp(view)
    async with app.run_test(size=(80, 12)) as pilot:
        view.show_bytes(bytes(range(32)), remaining_bytes=5000)
        await settle(pilot)
        assert "10 11 12" in screen_text(app)
        await pilot.click(view, offset=(3, 0))
        await pilot.click(view, offset=(3, 2))
        await settle(pilot)
        assert [m.shown_bytes for m in app.posted(ContentView.MoreRequested)] == [32]


async def test_the_same_again_does_not_scroll_away() -> None:
    """A refresh by others that changed nothing here is not seen."""
    view = ContentView()
    app = WidgetApp(view)
    async with app.run_test(size=(40, 8)) as pilot:
        view.show_text("line\n" * 100)
        await settle(pilot)
        view.focus()
        await pilot.press("G")
        top = view.scroll_offset.y
        view.show_text("line\n" * 100)
        assert view.scroll_offset.y == top > 0


async def test_hostile_content_is_harmless() -> None:
    """In every form, rendered and source, at every width."""
    view = ContentView()
    app = WidgetApp(view)
    everything = "\n".join(HOSTILE)
    markdown = "# Title\n" + "\n".join(f"- **{text}** [{text}]({text})" for text in HOSTILE)
    pickled = pickle.dumps({"x": "\u202e\x1b[31m"})
    opcodes = [f"{op.name} {argument}" for op, argument, _ in pickletools.genops(pickled)]
    async with app.run_test(size=(70, 60)) as pilot:
        shows: tuple[Callable[[], None], ...] = (
            lambda: view.show_json({text: list(HOSTILE) for text in HOSTILE}),
            lambda: view.show_json(None, text=everything, remaining_bytes=1),
            lambda: view.show_text(everything, markdown=False),
            lambda: view.show_text(markdown),
            lambda: view.show_text(everything * 20, markdown=True),
            lambda: view.show_bytes(everything.encode("utf-8", "surrogatepass"), remaining_bytes=9),
            lambda: view.show_opcodes(opcodes),
            lambda: view.show_message(everything, everything, everything, Role.ERROR),
        )
        views: tuple[Literal["rendered", "source"], ...] = ("rendered", "source")
        for show in shows:
            show()
            for name in views:
                view.view = name
                await pilot.pause()
                assert_harmless(app)
                view.action_scroll_last()
                await pilot.pause()
                assert_harmless(app)
        await pilot.resize_terminal(24, 20)
        await settle(pilot)
        assert_harmless(app)
        view.clear()
        await settle(pilot)
        assert screen_text(app).strip() == ""


async def test_opcodes_say_that_nothing_was_loaded() -> None:
    """A pickle is shown as what it would do."""
    view = ContentView()
    app = WidgetApp(view)
    async with app.run_test(size=(60, 12)) as pilot:
        view.show_opcodes(["PROTO 4", "GLOBAL posix system", "STOP"])
        await settle(pilot)
        assert "not loaded" in screen_text(app)
        assert "GLOBAL posix system" in screen_text(app)


async def test_differences_by_width() -> None:
    """Side by side where there is room, one below the other where not; `s` switches."""
    view = DiffView()
    app = WidgetApp(view)
    async with app.run_test(size=(120, 12)) as pilot:
        view.show({"tier": "working"}, {"tier": "archive"}, before_title="v1", after_title="v2")
        await settle(pilot)
        assert any(
            "- working" in line and "+ archive" in line for line in screen_text(app).split("\n")
        )
        view.focus()
        await pilot.press("s")
        assert not any(
            "- working" in line and "+ archive" in line for line in screen_text(app).split("\n")
        )
        view.diff_layout = "auto"
        await pilot.resize_terminal(60, 12)
        await settle(pilot)
        assert not view.is_side_by_side
        view.show_texts("a\nb", "a\nc")
        await settle(pilot)
        assert "  + c" in screen_text(app)


async def test_hostile_differences_are_harmless() -> None:
    """Fields, values and titles, in both layouts."""
    view = DiffView()
    app = WidgetApp(view)
    async with app.run_test(size=(120, 80)) as pilot:
        before = {text: text for text in HOSTILE}
        after = {text: [text] for text in HOSTILE}
        layouts: tuple[Literal["side", "unified"], ...] = ("side", "unified")
        for layout in layouts:
            view.diff_layout = layout
            view.show(before, after, before_title=HOSTILE[0], after_title=HOSTILE[9])
            await settle(pilot)
            assert_harmless(app)
            view.show_texts("\n".join(HOSTILE), "\n".join(reversed(HOSTILE)))
            await settle(pilot)
            assert_harmless(app)
        view.show(None, {"content": b"\x00\x1b"})
        await settle(pilot)
        assert_harmless(app)
