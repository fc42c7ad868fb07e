"""What is edited as text comes back as it was, and what means nothing is pointed at."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector import display, editing
from inspector.editing import Draft, EditError, Form

texts = st.text(st.characters(exclude_categories=["Cs"]))
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
).filter(lambda value: not isinstance(value, float) or abs(value) != float("inf"))


@given(texts)
def test_text_survives_an_edit_that_changes_nothing(text: str) -> None:
    """Every character comes back, and what is edited can be drawn."""
    draft = editing.draft_of(text)
    assert editing.content_of(draft) == text
    shown = draft.text.replace("\n", "").replace("\t", "")
    assert display.visible_same_length(shown) == shown


@given(json_values.filter(lambda value: "Infinity" not in json.dumps(value)))
def test_json_survives_an_edit_that_changes_nothing(value: Any) -> None:
    """Every JSON value comes back."""
    assert editing.content_of(editing.draft_of(value)) == value


@given(st.frozensets(texts.filter(bool), max_size=8))
def test_tags_survive_an_edit_that_changes_nothing(tags: frozenset[str]) -> None:
    """Tags with spaces, commas, quotes and odd characters come back."""
    assert editing.tags_of(editing.tags_text(tags)) == tags


def test_tags_may_be_separated_by_spaces_or_commas() -> None:
    """People do either."""
    assert editing.tags_of(' user, profile  "two words",x ') == {
        "user",
        "profile",
        "two words",
        "x",
    }


def test_an_open_quote_in_tags_is_an_error() -> None:
    """It is not taken for a part of the tag."""
    with pytest.raises(EditError, match="not closed"):
        editing.tags_of('user "two words')


def test_a_fault_in_json_is_found_by_line_and_column() -> None:
    """The place is that of the text as it is edited, escapes included."""
    text = '{\n  "title": "\\u{1b}]0;x",\n  "n": oops\n}'
    with pytest.raises(EditError) as caught:
        editing.content_of(Draft(form=Form.JSON, text=text))
    assert (caught.value.line, caught.value.column) == (3, 8)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("NaN", "not a JSON value"),
        ("[1, -Infinity]", "not a JSON value"),
        ('{"a": 1, "a": 2}', "twice"),
        ("[" * 100_000, "too deep"),
        ("", "Expecting value"),
        ("1" * 5000, "digits"),
    ],
)
def test_what_json_lacks_is_refused(text: str, says: str) -> None:
    """Python's reader takes more than JSON has; the store would refuse or change it."""
    with pytest.raises(EditError, match=says):
        editing.content_of(Draft(form=Form.JSON, text=text))


@pytest.mark.parametrize("text", ["", "  ", "{}"])
def test_no_metadata_may_be_left_empty(text: str) -> None:
    """Nobody should have to type two braces."""
    assert editing.metadata_of(text) == {}


def test_metadata_must_be_an_object() -> None:
    """A list is refused with an example."""
    with pytest.raises(EditError, match="JSON object"):
        editing.metadata_of("[1]")


@pytest.mark.parametrize("text", ["", "x", "1.1", "-0.1", "nan", "inf"])
def test_importance_is_from_0_to_1(text: str) -> None:
    """Everything else is refused before it is sent to the store."""
    with pytest.raises(EditError):
        editing.importance_of(text)


def test_a_merge_marks_where_the_texts_differ() -> None:
    """Lines that are the same are there once, and the marks are found until they are gone."""
    merged = editing.merge_text("a\nmine\nz", "a\ntheirs\nz")
    assert merged.splitlines() == [
        "a",
        editing.MINE,
        "mine",
        editing.MIDDLE,
        "theirs",
        editing.THEIRS,
        "z",
    ]
    assert editing.unresolved_line(merged) == 2
    assert editing.unresolved_line("a\nmine\ntheirs\nz") is None
