"""The query bar: typing, suggestions, history, faults."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from textual.widgets import Button
from widget_app import HOSTILE, WidgetApp, assert_harmless, screen_text, settle

from inspector.widgets.query_bar import QueryBar, Suggestion
from inspector.widgets.roles import Role

pytest_plugins = ("browse_fixtures",)
pytestmark = pytest.mark.usefixtures("no_waiting")

WORDS = ("tier:", "tag:", "tag:user", "kind:")


async def complete(text: str, cursor: int) -> Sequence[Suggestion]:
    word = text[:cursor].split(" ")[-1]
    start = cursor - len(word)
    return [
        Suggestion(start=start, end=cursor, insert_text=found, label=found, count=3412)
        for found in WORDS
        if word and found.startswith(word)
    ]


def highlight(text: str) -> Iterator[tuple[int, int, Role]]:
    if ":" in text:
        yield 0, text.index(":"), Role.KEY


def make(**options: object) -> tuple[WidgetApp, QueryBar]:
    bar = QueryBar(highlight=highlight, complete=complete, **options)  # type: ignore[arg-type]
    app = WidgetApp(bar, Button("elsewhere"))
    return app, bar


def changes(app: WidgetApp) -> list[tuple[str, bool]]:
    return [(message.text, message.submitted) for message in app.posted(QueryBar.QueryChanged)]


async def test_every_edit_is_announced() -> None:
    """Each key says what the text is now; Enter says that it is meant."""
    app, bar = make()
    async with app.run_test(size=(80, 24)) as pilot:
        bar.focus()
        await pilot.press("x", "y", "enter")
        await settle(pilot)
        assert changes(app) == [("x", False), ("xy", False), ("xy", True)]
        bar.set_value("quiet", notify=False)
        await settle(pilot)
        assert len(changes(app)) == 3
        bar.value = "loud"
        await settle(pilot)
        assert changes(app)[-1] == ("loud", False)


async def test_suggestions_open_below_and_are_taken() -> None:
    """Tab takes the first, the arrows another; Enter submits unless one was gone into."""
    app, bar = make()
    async with app.run_test(size=(80, 24)) as pilot:
        bar.focus()
        await pilot.press("x", "space", "t", "a")
        await settle(pilot)
        lines = screen_text(app).split("\n")
        assert lines[0].startswith("/ x ta")
        assert "tag:" in lines[1]
        assert "3,412" in lines[2]
        await pilot.press("tab")
        await settle(pilot)
        assert bar.value == "x tag:"
        await pilot.press("down", "enter")
        await settle(pilot)
        assert bar.value == "x tag:user"
        await pilot.press("enter")
        await settle(pilot)
        assert changes(app)[-1] == ("x tag:user", True)
        assert not bar.suggestions.display


async def test_escape_closes_then_leaves() -> None:
    """Esc goes one step back each time; down leaves when there is nothing to go down in."""
    app, bar = make()
    async with app.run_test(size=(80, 24)) as pilot:
        bar.focus()
        await pilot.press("t")
        await settle(pilot)
        shown = [bar.suggestions.display]
        await pilot.press("escape")
        assert [*shown, bar.suggestions.display] == [True, False]
        assert not app.posted(QueryBar.Left)
        await pilot.press("escape", "down")
        await settle(pilot)
        assert len(app.posted(QueryBar.Left)) == 2


async def test_tab_goes_on_when_there_is_nothing_to_take() -> None:
    """The bar is no trap for the focus."""
    app, bar = make()
    async with app.run_test(size=(80, 24)) as pilot:
        bar.focus()
        await pilot.press("tab")
        assert isinstance(app.focused, Button)


async def test_suggestions_close_when_the_focus_goes() -> None:
    """An open list does not stay over another widget."""
    app, bar = make()
    async with app.run_test(size=(80, 24)) as pilot:
        bar.focus()
        await pilot.press("t")
        await settle(pilot)
        app.query_one(Button).focus()
        await settle(pilot)
        assert not bar.suggestions.display


async def test_suggestions_can_be_clicked() -> None:
    """The mouse takes a suggestion, and the focus stays in the bar."""
    app, bar = make()
    async with app.run_test(size=(80, 24)) as pilot:
        bar.focus()
        await pilot.press("t")
        await settle(pilot)
        await pilot.click(bar.suggestions, offset=(4, 1))
        await settle(pilot)
        assert bar.value == "tag:"
        assert bar.input.has_focus


async def test_history_goes_back_and_returns_to_the_draft() -> None:
    """Up and down go through what was asked; what was being typed is not lost."""
    app, bar = make(history=["oldest", "newest"])
    async with app.run_test(size=(80, 24)) as pilot:
        bar.focus()
        await pilot.press("x", "up")
        assert bar.value == "newest"
        await pilot.press("up", "up")
        assert bar.value == "oldest"
        await pilot.press("down", "down")
        assert bar.value == "x"
        await settle(pilot)
        assert ("oldest", False) in changes(app)
        assert not app.posted(QueryBar.Left)


async def test_faults_are_shown_in_place() -> None:
    """The fault is underlined where it is, explained beneath, and gone with the next key."""
    app, bar = make()
    async with app.run_test(size=(80, 24)) as pilot:
        bar.focus()
        bar.set_value("teir:working", notify=False)
        bar.show_error("no field is called teir", "did you mean tier?", 0, 4)
        await settle(pilot)
        assert "✗ no field is called teir  did you mean tier?" in screen_text(app)
        segments = list(bar.input.render_line(0))
        assert segments[0].text == "teir"
        assert segments[0].style is not None
        assert segments[0].style.underline
        assert bar.size.height == 2
        await pilot.press("x")
        await settle(pilot)
        assert bar.size.height == 1


async def test_status_and_note() -> None:
    """The status stands at the right and leaves room to type; the note beneath."""
    app, bar = make()
    async with app.run_test(size=(80, 24)) as pilot:
        bar.status = "1-256 of 3,412 · 12 ms"
        bar.note = "searching"
        await settle(pilot)
        lines = screen_text(app).split("\n")
        assert lines[0].endswith("12 ms")
        assert "searching" in lines[1]
        bar.status = "x" * 200
        await settle(pilot)
        assert bar.input.size.width >= 30


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_hostile_text_is_harmless_and_kept(text: str) -> None:
    """What is pasted, suggested, remembered or reported is shown, and the text stays as it was."""

    async def suggest(value: str, cursor: int) -> Sequence[Suggestion]:
        return [Suggestion(start=0, end=cursor, insert_text=text, label=text, kind=text)]

    bar = QueryBar(text, complete=suggest, placeholder="x", history=[text])
    app = WidgetApp(bar)
    async with app.run_test(size=(80, 12)) as pilot:
        await settle(pilot)
        assert bar.value == text
        assert_harmless(app)
        bar.focus()
        bar.status = text
        bar.note = text
        await pilot.press("home", "x")
        await settle(pilot)
        assert_harmless(app)
        bar.show_error(text, text, 0, 3)
        await pilot.press("end")
        await settle(pilot)
        assert_harmless(app)
        assert bar.value == "x" + text
