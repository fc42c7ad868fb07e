"""Nothing that acts on a terminal, or hides, gets past `inspector.display`."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from inspector import display

ANY_TEXT = st.text(alphabet=st.characters(codec=None, exclude_categories=()), max_size=60)
ODD_TEXT = st.text(alphabet="\\u{}1b\x1b\x9b\u202e\n\t\r\ud800a中", max_size=24)
HOSTILE_CATEGORIES = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def hostile_characters(text: str, allowed: str = "") -> list[str]:
    return [
        character
        for character in text
        if unicodedata.category(character) in HOSTILE_CATEGORIES and character not in allowed
    ]


def test_every_control_and_format_character_is_known() -> None:
    """What Unicode calls a control, format, surrogate or separator character is replaced."""
    missed = [
        hex(code)
        for code in range(0x110000)
        if unicodedata.category(chr(code)) in HOSTILE_CATEGORIES and display.is_clean(chr(code))
    ]
    assert missed == []


@given(ANY_TEXT)
def test_visible_leaves_only_line_breaks(text: str) -> None:
    """Nothing but line breaks survives of what acts or hides."""
    assert hostile_characters(display.visible(text), "\n") == []


@given(ANY_TEXT)
def test_visible_changes_nothing_the_second_time(text: str) -> None:
    """What is visible is left alone, so that passing twice is harmless."""
    once = display.visible(text)
    assert display.visible(once) == once


@given(ANY_TEXT, st.integers(0, 40))
def test_visible_line_fits_on_one_line(text: str, cells_max: int) -> None:
    """A line is one line, and as wide as was allowed."""
    line = display.visible_line(text, cells_max)
    assert hostile_characters(line) == []
    assert cell_len(line) <= cells_max


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;title\x07", "␛]0;title␇"),
        ("\x9b31m", "⟨U+009B⟩31m"),
        ("\x7f", "␡"),
        ("user\u202etxt.exe", "user⟨U+202E⟩txt.exe"),
        ("zero\u200bwidth", "zero⟨U+200B⟩width"),
        ("\U000e0041", "⟨U+E0041⟩"),
        ("\ud800", "⟨U+D800⟩"),
        ("a\tb", "a⇥b"),
        ("a\r\nb\nc", "a⏎b⏎c"),
        ("[@click=app.bell]x[/]", "[@click=app.bell]x[/]"),
        ("日本語 – naïve – 👩‍💻 ❤️", "日本語 – naïve – 👩💻 ❤"),
    ],
)
def test_visible_line_shows(text: str, shown: str) -> None:
    """Each kind of hostile character has its shape; ordinary text of any script stays."""
    assert display.visible_line(text) == shown


def test_stacked_marks_are_cut() -> None:
    """A tower of combining marks does not climb over the lines above."""
    assert display.visible("a" + "\u0301" * 50) == "a" + "\u0301" * 4


def test_a_mark_does_not_reach_out_of_its_text() -> None:
    """A leading combining mark stands on a circle of its own, not on the neighbouring cell."""
    assert display.visible("\u0301a") == "◌\u0301a"


def test_a_long_line_is_cut_before_it_is_looked_at() -> None:
    """A row never pays for megabytes."""
    line = display.visible_line("x" * 10_000_000)
    assert len(line) == display.LINE_CHARACTERS_MAX + 1
    assert line.endswith("…")


@given(ANY_TEXT)
def test_same_length_is_one_for_one(text: str) -> None:
    """An editor's n-th character is drawn as the n-th, and is harmless."""
    shown = display.visible_same_length(text)
    assert len(shown) == len(text)
    assert hostile_characters(shown) == []


@given(st.one_of(ANY_TEXT, ODD_TEXT))
def test_editing_gives_back_the_same_text(text: str) -> None:
    """What was not edited is written back exactly."""
    shown = display.escape_for_editing(text)
    assert hostile_characters(shown, "\n\t") == []
    assert display.unescape_from_editing(shown) == text


def test_editing_leaves_ordinary_backslashes_alone() -> None:
    """A path or a regular expression looks as it is."""
    assert display.escape_for_editing(r"C:\new\user \d+ \u0041") == r"C:\new\user \d+ \u0041"
    assert display.escape_for_editing("\x1b[0m") == r"\u{1b}[0m"
    assert display.escape_for_editing(r"\u{1b}") == r"\\u{1b}"


@pytest.mark.parametrize("text", [r"ok \u{}", r"ok \u{110000}", r"ok \u{1b", r"ok \u{zz}"])
def test_a_faulty_escape_is_refused(text: str) -> None:
    """A mistyped escape is an error that says where, not silently other text."""
    with pytest.raises(display.EscapeError) as caught:
        display.unescape_from_editing(text)
    assert caught.value.position == 3


def test_content_is_never_markup() -> None:
    """Markup is text like any other."""
    assert display.content("[/nope]\x1b").plain == "[/nope]␛"
    assert display.content_line("[b]\n", style="bold").plain == "[b]⏎"
    assert display.rich_text("[b]x[/b]").plain == "[b]x[/b]"
