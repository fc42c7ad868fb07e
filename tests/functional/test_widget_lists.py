"""Facets, lists of lines, views of lines."""

from __future__ import annotations

import pytest
from textual.widgets import Static
from widget_app import HOSTILE, WidgetApp, assert_harmless, screen_text, settle

from inspector.widgets.facet_panel import FacetGroup, FacetPanel, FacetValue
from inspector.widgets.line_list import LineList, ListEntry
from inspector.widgets.line_view import LineView
from inspector.widgets.roles import Role

pytest_plugins = ("browse_fixtures",)
pytestmark = pytest.mark.usefixtures("no_waiting")


@pytest.mark.parametrize(
    "careless",
    [Static("\x1b[31m", markup=False), Static("[@click=app.bell]x[/]")],
    ids=["raw", "live"],
)
async def test_the_look_can_see(careless: Static) -> None:
    """A widget that is handed stored text as it is does not pass for harmless."""
    app = WidgetApp(careless)
    async with app.run_test(size=(40, 5)) as pilot:
        await settle(pilot)
        with pytest.raises(AssertionError):
            assert_harmless(app)


TIERS = FacetGroup(
    field="tier",
    title="Tiers",
    values=(
        FacetValue(value="working", count=96, capacity=100),
        FacetValue(value="long_term", count=912_004),
    ),
)
TAGS = FacetGroup(
    field="tag",
    title="Tags",
    values=tuple(FacetValue(value=f"tag{n}", count=100 - n) for n in range(60)),
    total=400,
)


async def test_facets_show_counts_and_choices() -> None:
    """Counts are right, fills have a glyph, chosen ones a sign; the rest is summed up."""
    panel = FacetPanel()
    app = WidgetApp(panel)
    async with app.run_test(size=(28, 64)) as pilot:
        panel.show(
            [TIERS, TAGS], included={("tier", "working")}, excluded={("tag", "tag1"), ("tag", "x")}
        )
        await settle(pilot)
        lines = screen_text(app).split("\n")
        assert lines[1].startswith(" ✓working")
        assert lines[1].endswith("96/100 ▓")
        assert "912,004" in lines[2]
        assert any(line.startswith(" ✗tag1 ") for line in lines)
        # A value that nothing has any more can still be let go.
        assert any(line.startswith(" ✗x ") for line in lines)
        assert any("+350 more" in line for line in lines)


async def test_facets_are_chosen_by_key_and_mouse() -> None:
    """Enter chooses, minus and shift exclude, a title folds, the cursor stays on its value."""
    panel = FacetPanel()
    app = WidgetApp(panel)
    async with app.run_test(size=(30, 20)) as pilot:
        panel.show([TIERS, TAGS])
        panel.focus()
        await pilot.press("j", "enter", "j", "minus")
        await pilot.click(panel, offset=(5, 4))
        await pilot.click(panel, offset=(5, 5), shift=True)
        panel.show([TIERS, TAGS], included={("tag", "gone")})
        assert panel._rows[panel.cursor_row].identity == ("tag", "tag1", False)
        await pilot.press("h")
        await settle(pilot)
        assert "▸Tags" in screen_text(app)
        await pilot.press("enter", "G", "enter")
        await settle(pilot)
        toggled = [(m.field, m.value, m.negate) for m in app.posted(FacetPanel.FacetToggled)]
        assert toggled == [
            ("tier", "working", False),
            ("tier", "long_term", True),
            ("tag", "tag0", False),
            ("tag", "tag1", True),
        ]
        assert [m.field for m in app.posted(FacetPanel.MoreRequested)] == ["tag"]


async def test_facets_draw_nothing_hostile() -> None:
    """Tags and kinds are words of the store like any other."""
    panel = FacetPanel()
    app = WidgetApp(panel)
    async with app.run_test(size=(30, 40)) as pilot:
        panel.show(
            [
                FacetGroup(
                    field="tag",
                    title=HOSTILE[0],
                    values=tuple(FacetValue(value=text, count=3) for text in HOSTILE),
                )
            ],
            included={("tag", HOSTILE[1])},
            excluded={("tag", HOSTILE[5]), ("tag", "\x1b[31m")},
        )
        await settle(pilot)
        assert_harmless(app)


async def test_an_empty_panel_takes_every_key() -> None:
    """Keys before there is anything to choose do nothing."""
    panel = FacetPanel()
    app = WidgetApp(panel)
    async with app.run_test() as pilot:
        panel.focus()
        await pilot.press("j", "G", "enter", "minus", "h", "l", "ctrl+d")


def entries(*keys: int) -> list[ListEntry]:
    return [
        ListEntry(None, (("outgoing", Role.HEADING),), selectable=False),
        *(ListEntry(key, ((f"item {key}", Role.PLAIN),)) for key in keys),
    ]


async def test_a_list_keeps_its_cursor_and_skips_headings() -> None:
    """The cursor is on an entry, never on a heading, and stays there when others come."""
    line_list = LineList(empty="no links")
    app = WidgetApp(line_list)
    async with app.run_test(size=(40, 10)) as pilot:
        await settle(pilot)
        assert "no links" in screen_text(app)
        line_list.show(entries(1, 2, 3))
        await settle(pilot)
        assert screen_text(app).startswith("outgoing\n▸ item 1")
        line_list.focus()
        await pilot.press("j", "enter", "k", "k")
        keys = [line_list.cursor_key]
        await pilot.press("j")
        line_list.show(entries(9, 1, 2, 3))
        assert [*keys, line_list.cursor_key] == [1, 2]
        line_list.show([])
        await settle(pilot)
        assert [m.key for m in app.posted(LineList.Highlighted)] == [1, 2, 1, 2, None]
        assert [m.key for m in app.posted(LineList.Selected)] == [2]
        await pilot.press("j", "enter", "G")


async def test_lists_draw_nothing_hostile() -> None:
    """Links and history hold texts of the store."""
    line_list, view, wide = LineList(empty=HOSTILE[0]), LineView(), LineView(wrap=False)
    app = WidgetApp(line_list, view, wide)
    for widget in app.shown:
        widget.styles.height = 12
    async with app.run_test(size=(60, 40)) as pilot:
        assert_harmless(app)
        lines = [((text, Role.PLAIN), (text, Role.BAD)) for text in HOSTILE]
        line_list.show([ListEntry(n, line) for n, line in enumerate(lines)])
        view.set_lines(lines)
        wide.set_lines(lines)
        await settle(pilot)
        assert_harmless(app)
        view.action_scroll_last()
        wide.action_scroll_side(40)
        await settle(pilot)
        assert_harmless(app)


async def test_a_view_wraps_to_its_width() -> None:
    """Every line is there after a resize, broken where the new width breaks it."""
    view = LineView()
    app = WidgetApp(view)
    async with app.run_test(size=(40, 10)) as pilot:
        view.set_lines([(("word " * 20, Role.PLAIN),)])
        await settle(pilot)
        narrow = len(view.shown_lines)
        await pilot.resize_terminal(80, 10)
        await settle(pilot)
        assert len(view.shown_lines) < narrow
        assert view.line_at(len(view.shown_lines) - 1) == 0


async def test_text_can_be_selected() -> None:
    """Dragging selects what is seen, and that is what is copied."""
    view = LineView()
    app = WidgetApp(view)
    async with app.run_test(size=(40, 10)) as pilot:
        view.set_lines([(("first \x1b line", Role.PLAIN),), (("second", Role.PLAIN),)])
        await settle(pilot)
        await pilot.mouse_down(view, offset=(0, 0))
        await pilot.hover(view, offset=(3, 1))
        await pilot.mouse_up(view, offset=(3, 1))
        await settle(pilot)
        selected = app.screen.get_selected_text()
        assert selected is not None
        assert selected.startswith("first ␛ line\nsec")
        assert_harmless(app)
