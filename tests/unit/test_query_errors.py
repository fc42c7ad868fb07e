"""Where a query is wrong, it says so at the right character and helps."""

from __future__ import annotations

import pytest

from engine.errors import InvalidFilterError
from engine.limits import Limits
from engine.query import And, Text, parse


def fault_of(text: str, limits: Limits | None = None) -> InvalidFilterError:
    """Return the error of a text that must not parse."""
    with pytest.raises(InvalidFilterError) as caught:
        parse(text, limits=limits or Limits())
    error = caught.value
    assert error.text == text
    assert error.hint
    return error


@pytest.mark.parametrize(
    ("text", "wrong", "message", "hint"),
    [
        ("a foo:bar", "foo", "no field 'foo'", "metadata.foo"),
        ("foo=bar", "foo", "no field 'foo'", "quotes"),
        ("score>3", "score", "no field 'score'", "metadata.score"),
        ("teir:working", "teir", "no field 'teir'", "did you mean tier?"),
        ("Importence>0.5", "Importence", "no field", "did you mean importance?"),
        ("importanc > 0.5", "importanc", "no field", "did you mean importance?"),
        ("meta.source:chat", "meta.source", "no field 'meta.source'", "metadata"),
        ("a tier:wrking", "wrking", "no tier 'wrking'", "did you mean working?"),
        ("tier:short-term", "short-term", "no tier", "did you mean short_term?"),
        ("tier:working,arhive", "arhive", "no tier", "did you mean archive?"),
        ("tier>=working", ">=", "tier cannot be compared with >=", "tier:working,short_term"),
        ("tier:w*", "w*", "tier takes no *", "*"),
        ("tag>x", ">", "tag cannot be compared with >", "tag:value"),
        ("has:tag", "tag", "no has:tag", "did you mean tags?"),
        ("has>tags", ">", "has cannot be compared", "has:tags"),
        ("importance>=high", "high", "'high' is not a number", "0.7"),
        ("importance>=7", "7", "not from 0 to 1", "0.7"),
        ("importance:0.5*", "0.5*", "importance takes no *", "*"),
        ("importance>1,2", ",", "one value", "without commas"),
        ("accesses>2.5", "2.5", "not a whole number", "3"),
        ("accesses>9999999999999999999", "9" * 19, "too large", "9,223"),
        ("size>10zb", "10zb", "not a size", "10kb"),
        ("created<30", "30", "not a time", "30d"),
        ("created<yesterday", "yesterday", "neither a time nor a duration", "30d"),
        ("created>=2026-02-30", "2026-02-30", "day is out of range", "2026-01-31"),
        ("created>=2026-1-5", "2026-1-5", "not a time", "2026-01-31"),
        ("created:7d", "7d", "cannot be exactly a duration", "created<7d"),
        ("created<99999999y", "99999999y", "10,000 years", "shorter"),
        ("idle>2026-01-31", "2026-01-31", "not a duration", "30d"),
        ("metadata:x", "metadata", "needs a key", "metadata.key:value"),
        ("metadata..a:x", "metadata..a", "key is missing", "metadata.key"),
        ("metadata.a>true", "true", "true cannot be compared with >", "quotes"),
        ("metadata.a>x*", "x*", "cannot be compared with >", "*"),
        ("metadata.a:1e999", "1e999", "too large", "quotes"),
        ("tag:", ":", "'tag' has no value", "right after"),
        ("tag: foo", ":", "'tag' has no value", "right after"),
        ("importance >= ", ">=", "'importance' has no value", "right after"),
        ("tag:a,", ",", "nothing follows this comma", "tag:a,b"),
        ("tag:a, b", ",", "nothing follows this comma", "without spaces"),
        ("tag:f(x)", "(x", "stuck to the value", "quote"),
        ('tag:"a"b', "b", "stuck to the value", "quote"),
        ("agent:'my agent'", "'my", "not with '", '"'),
        ('a "b c', '"b c', "quote is never closed", '"'),
        ('agent:"b c', '"b c', "quote is never closed", '"'),
        ('""', '""', "nothing in these quotes", "words"),
        ("(a", "(", "never closed", ")"),
        ("a)", ")", "no open parenthesis", "quotes"),
        ("a ()", "(", "nothing in these parentheses", "quotes"),
        ("a or", "or", "nothing follows 'or'", "complete"),
        ("a and or b", "and", "nothing follows 'and'", "complete"),
        ("or a", "or", "nothing comes before 'or'", "complete"),
        ("a not", "not", "nothing follows 'not'", "complete"),
        ("a >= 3", ">=", "no field before it", "quotes"),
        ("a \ud800", "\ud800", "surrogate", "remove"),
    ],
)
def test_a_fault_is_named_at_its_place(text: str, wrong: str, message: str, hint: str) -> None:
    """The error covers exactly what is wrong, names it, and says what would be right."""
    error = fault_of(text)
    assert error.position is not None
    assert text[error.position : error.position + error.length] == wrong
    assert message in error.message
    assert hint in error.hint


def test_too_many_terms_point_at_the_first_one_over() -> None:
    """The limit of terms counts every value of a list."""
    limits = Limits(query_terms_max=3)
    parse("a tag:b,c", limits=limits)
    error = fault_of("a tag:b,c,d", limits)
    assert error.position == 10
    assert "3 terms" in error.message


def test_too_many_characters_are_refused_unread() -> None:
    """A text over the limit is refused for its length, whatever it says."""
    error = fault_of("((((((", Limits(query_chars_max=5))
    assert (error.position, error.length) == (5, 1)


def test_nesting_is_limited_not_crashing() -> None:
    """Fifty parentheses in each other parse, one more is an error at that one."""
    assert parse("(" * 50 + "a" + ")" * 50) == Text("a")
    error = fault_of("(" * 51 + "a" + ")" * 51)
    assert error.position == 50
    assert "50" in error.message
    fault_of("(" * 9_999)


def test_runs_of_negation_need_no_stack() -> None:
    """Thousands of negations are a matter of odd or even."""
    assert parse("-" * 9_998 + "a") == Text("a")
    assert parse("not " * 2_000 + "a b") == And((Text("a"), Text("b")))


def test_a_long_value_is_shortened_in_the_message() -> None:
    """The message stays a line, and shows controls escaped."""
    assert len(fault_of("tier:" + "x" * 5_000).message) < 100
    assert "\x1b" not in fault_of("tier:\x1b]0;x").message
