"""What full text sees of a text, and what a query for it becomes."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.text import (
    BEGUN_CHARS_MIN,
    COMMON_WORDS,
    INDEXED_CHARS_MAX,
    find_stems,
    is_begun,
    match_expression,
    prepare,
    query_words,
    searchable_text,
    stem,
    words_of,
)


@pytest.mark.parametrize(
    ("text", "prepared"),
    [
        ("plain words", "plain words"),
        ("東京へ", " 東  京  へ "),
        ("in東京now", "in 東  京 now"),
        ("getUserName", "get User Name\ngetUserName"),
        ("HTTPServer v2", "HTTP Server v2\nHTTPServer"),
        ("ALLCAPS snake_case", "ALLCAPS snake_case"),
        ("ｆｕｌｌ", "full"),
    ],
)
def test_text_is_prepared_for_a_tokenizer_of_spaces(text: str, prepared: str) -> None:
    """Scripts without spaces become single words; identifiers are split and kept."""
    assert prepare(text) == prepared


def test_all_texts_of_an_item_are_searched() -> None:
    """Id, keys, nested values and numbers are words; true, false and null are not."""
    text = searchable_text("the-id", {"key": ["deep", {"inner": 42}], "flag": True, "none": None})
    words = text.split()

    assert words[0] == "the-id"
    assert {"key", "deep", "inner", "42", "flag", "none"} <= set(words)
    assert "True" not in words


def test_very_long_and_very_deep_texts_are_bounded() -> None:
    """The index takes so much of an item, however deep it is."""
    assert len(searchable_text("a", "x" * 10**6)) == INDEXED_CHARS_MAX
    deep: list[object] = ["end"]
    for _ in range(100_000):
        deep = [deep]
    assert searchable_text("a", deep) == "a\nend"


@given(st.text())
def test_every_query_is_quoted(text: str) -> None:
    """Between the quotes of an expression is no quote and no control character."""
    expression = match_expression(text)
    if expression is None:
        return
    parts = expression.split('"')
    assert len(parts) % 2 == 1
    outside = "".join(parts[::2])
    assert set(outside) <= set("() OR")
    inside = "".join(parts[1::2])
    assert all(character >= " " for character in inside)


@pytest.mark.parametrize("text", ["", " ", "!?", "...", "\0", "()", '"', "_", "\u202e", "§"])
def test_a_query_without_words_is_none(text: str) -> None:
    """Punctuation alone has nothing to search for."""
    assert match_expression(text) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("two words", ["two", "words"]),
        ("twice Twice twice", ["twice", "Twice"]),
        ("日本語 and 東京", ["日本語", "and", "東京"]),
        ("日本語x", ["日本語", "x"]),
        ('"quoted" -minus', ['"quoted"', "-minus"]),
        ("- . !", []),
    ],
)
def test_what_is_typed_is_taken_as_words(text: str, words: list[str]) -> None:
    """Words come once and in order; a run without spaces stays together."""
    assert query_words(text) == words


@pytest.mark.parametrize(
    ("word", "root"),
    [("running", "run"), ("Preferences", "prefer"), ("Café", "cafe"), ("STRASSE", "strass"),
     ("naïve", "naiv"), ("日", "日"), ("", "")],
)  # fmt: skip
def test_words_are_folded_and_stemmed(word: str, root: str) -> None:
    """Case, accents and endings do not count."""
    assert stem(word) == root


@given(st.text())
def test_words_lie_where_they_are_said_to(text: str) -> None:
    """Every word's span is in the text and is what its stem was made of."""
    for root, start, end in words_of(text):
        assert 0 <= start < end <= len(text)
        assert stem(text[start:end]) == root


@given(st.text())
def test_preparing_is_total(text: str) -> None:
    """Any text can be prepared, the same way each time."""
    assert prepare(text) == prepare(text)


PLAIN_HUMPED = re.compile(r"\b[A-Za-z0-9]*(?:[a-z0-9][A-Z]|[A-Z]{2}[a-z])[A-Za-z0-9]*\b")


@given(st.text(st.sampled_from("abBCé1_ -東ªⅣ\u0300"), max_size=30))
def test_identifiers_are_found_as_their_pattern_says(text: str) -> None:
    """The quick search for identifiers finds what the plain pattern finds, in order."""
    split, _, whole = prepare(text).partition("\n")
    assert whole.split() == PLAIN_HUMPED.findall(split_free(text))
    assert split.replace(" ", "") == split_free(text).replace(" ", "")


def split_free(text: str) -> str:
    """Return a text as `prepare` sees it before it looks for identifiers."""
    return re.sub(r"(東)", r" \1 ", unicodedata.normalize("NFKC", text))


VOCABULARY = """
happy happily happiness tied ties die dying lying hoping hoped hops filing filed relational
conditional digitizer possibly valency station stations sky say said used being doing does flies
fries prayed enjoys agreed feed plastered sing sized failing controlled rolls generalizations
oscillators caresses ponies cats national organization getUserName HTTPServer snake_case v2 x86_64
""".split()  # noqa: SIM905 - a list of fifty strings is hard to read


@given(st.data())
def test_wanted_words_are_found_as_by_looking_at_every_word(data: st.DataObject) -> None:
    """The quick search for stems finds what taking every word apart finds, in order."""
    some = st.sampled_from([*VOCABULARY, *sorted(COMMON_WORDS), "Café", "東京", "_", "a1b2"])
    text = data.draw(st.lists(some).map(" ".join))
    words = data.draw(st.lists(some, max_size=4))
    wanted = {found for word in words for found, _, _ in words_of(word)}
    expected = [place for place in words_of(text) if place[0] in wanted]
    assert find_stems(text, wanted, wanted.__contains__) == expected

    typed = data.draw(st.sampled_from(VOCABULARY)).lower()[: data.draw(st.integers(2, 9))]
    begun = [place for place in words_of(text) if is_begun(place[0], typed)]
    assert find_stems(text, {typed[:BEGUN_CHARS_MIN]}, lambda stem: is_begun(stem, typed)) == begun
