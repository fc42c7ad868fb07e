"""What can be typed at the cursor, and the colours of what is there."""

from __future__ import annotations

import pytest

from engine.models import KINDS, TIERS
from engine.query import Completion, complete, highlight, quote_value


def at_bar(text: str) -> Completion:
    """Complete at the `|` in the text."""
    cursor = text.index("|")
    return complete(text.replace("|", "", 1), cursor)


@pytest.mark.parametrize(
    ("text", "words", "start", "end"),
    [
        ("ti|", ("tier:",), 0, 2),
        ("TA|", ("tag:",), 0, 2),
        ("-ta|", ("tag:",), 1, 3),
        ("(ta|", ("tag:",), 1, 3),
        ("a or met|", ("metadata.",), 5, 8),
        ("ti|er:working", ("tier:",), 0, 5),
        ("imp|ortance>=0.7", ("importance:",), 0, 10),
        ("foo s|", ("session:", "size:"), 4, 5),
    ],
)
def test_the_beginning_of_a_name_offers_fields(
    text: str, words: tuple[str, ...], start: int, end: int
) -> None:
    """The whole name under the cursor is replaced, with its colon."""
    found = at_bar(text)
    assert (found.kind, found.words, found.start, found.end) == ("field", words, start, end)


@pytest.mark.parametrize("text", ["|", "a |", "(|", "-|", "a or |", "tag:x |", " | b"])
def test_an_empty_place_offers_every_field(text: str) -> None:
    """Where a term can begin, all the names are offered."""
    found = at_bar(text)
    assert (found.kind, found.prefix, found.start) == ("field", "", found.end)
    assert {"tier:", "importance:", "has:", "metadata."} <= set(found.words)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tier:|", Completion("value", "", 5, 5, TIERS, "tier")),
        ("tier:wo|", Completion("value", "wo", 5, 7, ("working",), "tier")),
        ("tier:working,a|", Completion("value", "a", 13, 14, ("archive",), "tier")),
        ("tier!=w|", Completion("value", "w", 6, 7, ("working",), "tier")),
        ("tier:w|orking x", Completion("value", "w", 5, 12, ("working",), "tier")),
        ("has:me|", Completion("value", "me", 4, 6, ("metadata",), "has")),
        ("kind:|", Completion("value", "", 5, 5, KINDS, "kind")),
        ("tag:us|", Completion("value", "us", 4, 6, (), "tag")),
        ("tags:|", Completion("value", "", 5, 5, (), "tag")),
        ("tag:a,|", Completion("value", "", 6, 6, (), "tag")),
        ('a agent:"my a|', Completion("value", "my a", 8, 13, (), "agent")),
        ('agent:"my| agent" x', Completion("value", "my", 6, 16, (), "agent")),
        ("session:r|", Completion("value", "r", 8, 9, (), "session")),
        ("metadata.so|", Completion("value", "so", 9, 11, (), "metadata")),
        ("metadata.|", Completion("value", "", 9, 9, (), "metadata")),
        ("has:metadata.a.b|", Completion("value", "a.b", 13, 16, (), "metadata")),
        ("(foo:bar tier:w|", Completion("value", "w", 14, 15, ("working",), "tier")),
    ],
)
def test_values_are_offered_or_asked_of_the_store(text: str, expected: Completion) -> None:
    """Inside a value its field is named and the typed part known, though the text may not parse."""
    assert at_bar(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("importance>0|", "created<|", "id:us|", "qwx|", '"a phr|', "tag: |", "metadata.a:x|"),
        *('tag:"x"|', "foo:b|", "(a)|"),
    ],
)
def test_elsewhere_nothing_is_offered(text: str) -> None:
    """Numbers, free text and finished values are left alone."""
    found = at_bar(text)
    assert (found.kind, found.words) == ("none", ())


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("user", "user"),
        ("a b", '"a b"'),
        ('"', r'"\""'),
        ("=x", '"=x"'),
        ("a*", '"a*"'),
        ("", '""'),
    ],
)
def test_values_of_the_store_are_quoted_when_they_must_be(value: str, written: str) -> None:
    """What a store offers is inserted so that it is read as it is."""
    assert quote_value(value) == written


def test_each_part_has_its_colour() -> None:
    """Every style of a query that parses."""
    text = '-tag:a,b and (x or "y z") importance >= 0.7'
    assert [(text[start:end], style) for start, end, style in highlight(text)] == [
        ("-", "negation"),
        ("tag", "field"),
        (":", "operator"),
        ("a", "value"),
        (",", "operator"),
        ("b", "value"),
        ("and", "keyword"),
        ("(", "operator"),
        ("x", "word"),
        ("or", "keyword"),
        ('"y z"', "phrase"),
        (")", "operator"),
        ("importance", "field"),
        (">=", "operator"),
        ("0.7", "value"),
    ]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("tier:wrking x", "wrking"),
        ("foo:bar", "foo"),
        ('a "b', '"b'),
        ("a or", "or"),
        ("(a", "("),
        ("tag:x(y", "(y"),
    ],
)
def test_what_is_wrong_has_the_colour_of_an_error(text: str, wrong: str) -> None:
    """The part that the error points at is marked, the rest keeps its colours."""
    marked = [text[start:end] for start, end, style in highlight(text) if style == "error"]
    assert marked == [wrong]


def test_a_text_that_is_too_long_is_marked_from_the_limit_on() -> None:
    """However much is pasted, the colours come at once."""
    text = "a " * 100_000
    assert highlight(text)[-1] == (10_000, 200_000, "error")
    assert complete(text, 100_000).kind == "none"
