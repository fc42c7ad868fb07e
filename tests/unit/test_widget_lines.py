"""The pure parts of the widgets: lines, columns, marks, bars."""

from __future__ import annotations

import json
from array import array
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from inspector.widgets import bars
from inspector.widgets.columns import Column, place
from inspector.widgets.diff_lines import mapping_rows, side_by_side, text_rows, unified
from inspector.widgets.hex_lines import HexLines, bytes_per_row, row_cells
from inspector.widgets.json_lines import json_lines, json_source
from inspector.widgets.markdown_lines import looks_like_markdown, markdown_lines
from inspector.widgets.marks import Marks
from inspector.widgets.roles import Line, Role
from inspector.widgets.row_pages import RowCache
from inspector.widgets.wrapping import line_cells, safe_line, wrap_line

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=20,
)


def text_of(lines: list[Line]) -> str:
    return "\n".join("".join(text for text, _ in line) for line in lines)


@given(JSON)
def test_json_lines_are_the_same_json(value: object) -> None:
    """Indented JSON says what it said before, as far as it can be seen."""
    safe = json.loads(json.dumps(value))
    shown = text_of(json_lines(json.dumps(safe)))
    assert json.loads(shown) == safe


@given(st.text(max_size=60))
def test_json_lines_take_anything(text: str) -> None:
    """Faulty JSON is shown, not refused."""
    json_lines(text)


def test_json_cut_anywhere_is_shown_as_far_as_it_goes() -> None:
    """The beginning of a document is laid out like the document."""
    source = json_source({"a": {"b": [1, 2], "c": "text"}, "d": None})
    whole = text_of(json_lines(source))
    for end in range(len(source)):
        assert whole.startswith(text_of(json_lines(source[:end])).rstrip(" }]\n")[:20].rstrip())


def test_json_keeps_what_python_would_change() -> None:
    """Large numbers and duplicate keys are shown as stored."""
    shown = text_of(json_lines('{"n":1e400,"n":12345678901234567890123,"n":1.10}'))
    assert shown.count('"n": ') == 3
    assert "12345678901234567890123" in shown
    assert "1.10" in shown


def test_deep_json_stays_in_view() -> None:
    """Two hundred levels do not indent the text out of the screen."""
    lines = json_lines("[" * 200 + "1" + "]" * 200)
    assert max(line_cells(line) for line in lines) < 60


def test_markdown_is_recognised_by_its_signs() -> None:
    """Headings, lists, code, links make text Markdown; plain prose is not."""
    assert looks_like_markdown("# Title\n\ntext")
    assert looks_like_markdown("- one\n- two")
    assert looks_like_markdown("see [docs](https://example.test)")
    assert not looks_like_markdown("The user asked about 2 * 3 * 4 and #tags.")


def test_markdown_lines_are_readable() -> None:
    """Signs become looks, code stays as it is, link targets stay in sight."""
    lines = markdown_lines(
        "# Title\n- **bold** [a](https://x.test)\n```py\n# **code**\n```\n> said"
    )
    assert text_of(lines) == ("▌ Title\n  • bold a (https://x.test)\n│ py\n│ # **code**\n▎ said")


def test_markdown_decodes_no_entities() -> None:
    """An entity cannot bring in what `visible` would have stopped."""
    assert "&#27;" in text_of(markdown_lines("# a\n&#27;[31m &#x202e;"))


@given(st.text(max_size=200))
def test_markdown_takes_anything(text: str) -> None:
    """No text is a fault."""
    markdown_lines(text)


@given(st.text(alphabet="ab 中👍\u0301", max_size=60), st.integers(4, 30))
def test_wrapped_lines_fit_and_lose_nothing(text: str, width: int) -> None:
    """Every part fits, and the parts are the text but for the spaces at the breaks."""
    line = safe_line(((text, Role.PLAIN),))
    parts = wrap_line(line, width)
    assert all(line_cells(part) <= width for part in parts)
    joined = "".join("".join(piece for piece, _ in part) for part in parts)
    assert joined.replace(" ", "") == line[0][0].replace(" ", "")


def test_hex_lines_are_a_dump() -> None:
    """Offset, bytes, characters; the last line may be something else."""
    lines = HexLines(b"memory\x00\x1bstore", 8, ((("more", Role.DIM)),))
    assert len(lines) == 3
    assert text_of([lines[0]]).startswith("00000000  6d 65 6d 6f 72 79 00 1b")
    assert text_of([lines[0]]).endswith("memory··")
    assert text_of([lines[-1]]) == "more"
    assert row_cells(bytes_per_row(50)) <= 50


def test_diff_says_what_changed_how() -> None:
    """Added, removed and changed fields have their signs; the same ones are counted."""
    before = {"content": {"a": 1, "b": 2}, "tier": "working", "gone": "x"}
    after = {"content": {"a": 1, "b": 3}, "tier": "working", "new": "y"}
    shown = text_of(unified(mapping_rows(before, after), 60))
    assert "~ content" in shown
    assert '  -   "b": 2' in shown
    assert '  +   "b": 3' in shown
    assert "- gone" in shown
    assert "+ new" in shown
    assert "1 field unchanged" in shown


def test_diff_tells_true_from_one() -> None:
    """Values that Python calls equal but JSON does not are a change."""
    assert "~ a" in text_of(unified(mapping_rows({"a": 1}, {"a": True}), 60))


def test_side_by_side_lines_up() -> None:
    """The line between before and after is straight, with wide characters too."""
    rows = mapping_rows({"t": "日本語のメモ" * 6}, {"t": "plain " * 20})
    lines = side_by_side(rows, 61)[1:]
    columns = {line_cells(line[: line.index((" │ ", Role.DIM))]) for line in lines}
    assert columns == {29}


def test_text_diff_leaves_out_what_is_the_same() -> None:
    """A small change in a long text is found without scrolling."""
    before = [f"line {number}" for number in range(500)]
    after = [*before[:250], "new", *before[250:]]
    shown = text_of(unified(text_rows("\n".join(before), "\n".join(after)), 60))
    assert "  + new" in shown
    assert "⋮ 247 lines the same" in shown
    assert shown.count("\n") < 12


def column(name: str, width: int, **options: Any) -> Column:
    return Column(
        name=name, title=name, width=width, render=lambda row: (row, Role.PLAIN), **options
    )


def test_columns_share_the_width() -> None:
    """Narrow screens drop columns, flexible columns take what is left, exactly."""
    columns = [
        column("a", 10),
        column("b", 8, shows_from=60),
        column("c", 5, flex=1),
        column("d", 5, flex=2),
    ]
    assert [placed.column.name for placed in place(columns, 40, 2)] == ["a", "c", "d"]
    for width in (40, 59, 60, 79, 80, 120, 200):
        last = place(columns, width, 2)[-1]
        assert last.x + last.cells == width


def test_a_header_click_turns_the_order_round() -> None:
    """The first click sorts the way one would expect, the next the other way."""
    importance = column("imp", 4, sort="importance", descending_first=True)
    assert importance.next_order("id") == "-importance"
    assert importance.next_order("-importance") == "importance"
    assert importance.next_order("importance") == "-importance"
    assert importance.heading(4, "-importance") == "imp▼"


def test_marks_of_everything_cost_nothing() -> None:
    """All but some are marked without a list of all."""
    marks = Marks()
    marks.mark_all()
    marks.toggle(3)
    assert marks.count(1_000_000) == 999_999
    assert not marks.contains(3)
    assert marks.among(array("q", [1, 2, 3, 4])) == array("q", [1, 2, 4])
    marks.toggle(3)
    assert marks.count(10) == 10


def test_an_answer_from_before_a_change_is_not_fresh() -> None:
    """What is changed while it is being fetched is fetched again."""
    rows = RowCache(10)
    rows.expect([1, 2])
    rows.outdate([1])
    rows.store([1, 2], {1: "old"})
    assert not rows.is_fresh(1)
    assert rows.is_fresh(2)
    assert rows.get(2).deleted  # type: ignore[union-attr]
    rows.outdate(None)
    assert not rows.is_fresh(2)


def test_the_row_cache_forgets_the_oldest() -> None:
    """Memory stays bounded."""
    rows = RowCache(3)
    for key in range(10):
        rows.expect([key])
        rows.store([key], {key: "row"})
    assert len(rows) == 3


@given(st.floats(-1, 2), st.integers(0, 20))
def test_bars_have_their_width(fraction: float, cells: int) -> None:
    """A bar never moves what stands beside it, and shows anything above zero."""
    drawn = bars.bar(fraction, cells)
    assert len(drawn) == cells
    assert (drawn.strip() != "") == (fraction > 0 and cells > 0)
    assert len("".join(bars.track(fraction, cells))) == cells or cells == 0


def test_shades_and_braille() -> None:
    """Full looks full; the newest values are at the right."""
    assert [bars.shade(fraction) for fraction in (0, 0.5, 0.95, 1.2)] == ["░", "▒", "▓", "█"]
    assert bars.braille_line([1, 2, 3, 4], 2) == "⣠⣾"
    assert bars.braille_line([], 3) == "⠀⠀⠀"
