"""Any tree can be written and read again, and any text is a query or an error with its place."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.errors import InvalidFilterError
from engine.models import Tier
from engine.query import (
    EVERYTHING,
    Age,
    And,
    Compare,
    Field,
    Filter,
    Has,
    HasMetadata,
    Metadata,
    Not,
    Operator,
    Or,
    Part,
    Text,
    complete,
    highlight,
    normalise,
    parse,
    to_text,
)
from engine.query.values import (
    DURATION_MAX,
    INTEGER_MAX,
    INTEGER_MIN,
    TIME_MAX,
    TIME_MIN,
    read_duration,
    read_size,
    read_time,
    write_duration,
    write_instant,
    write_size,
    write_start,
)

ORDERS = (Operator.GT, Operator.GE, Operator.LT, Operator.LE)
NUMBERS = (Operator.EQ, Operator.NE, *ORDERS)

SPECIAL = st.sampled_from(
    [
        *("and", "OR", "not", "tag", "tag:", "importance", ">3", "=x", "-", "*", "a*", "'", "a,b"),
        *("1", "-1.5", "1e5", "true", "NULL", "foo:bar"),
        *("http://x", "007", "用户", "metadata.x", "<3", "has:", "foo:", '"', "\\", "(", ")"),
        *("a b", " ", "\u3000", "\x00", "x" * 50),
    ]
)
STRINGS = SPECIAL | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
WORDS = STRINGS.filter(bool)
PATHS = st.lists(STRINGS, min_size=1, max_size=3).map(tuple)
AGES = st.integers(0, DURATION_MAX).map(Age) | st.integers(0, 400).map(
    lambda days: Age(days * 86_400_000_000)
)
TIMES = st.integers(TIME_MIN, TIME_MAX) | st.integers(0, 30_000).map(
    lambda days: days * 86_400_000_000
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(INTEGER_MIN, INTEGER_MAX)
    | st.floats(allow_nan=False, allow_infinity=False)
    | STRINGS
)
ORDERED = st.integers(-5, 5) | st.floats(-5, 5) | STRINGS

LEAVES: st.SearchStrategy[Filter] = st.one_of(
    st.builds(
        Compare,
        st.sampled_from([Field.ID, Field.AGENT, Field.KIND, Field.TAG, Field.SESSION]),
        st.sampled_from([Operator.EQ, Operator.NE, Operator.PREFIX]),
        STRINGS,
    ),
    st.builds(
        Compare,
        st.just(Field.TIER),
        st.sampled_from([Operator.EQ, Operator.NE]),
        st.sampled_from(Tier),
    ),
    st.builds(Compare, st.just(Field.IMPORTANCE), st.sampled_from(NUMBERS), st.floats(0, 1)),
    st.builds(
        Compare,
        st.sampled_from([Field.ACCESSES, Field.SIZE, Field.VERSION]),
        st.sampled_from(NUMBERS),
        st.integers(0, INTEGER_MAX) | st.integers(0, 64).map(lambda n: n * 1024),
    ),
    st.builds(
        Compare,
        st.sampled_from([Field.CREATED, Field.UPDATED, Field.ACCESSED]),
        st.sampled_from(NUMBERS),
        TIMES,
    ),
    st.builds(
        Compare,
        st.sampled_from([Field.CREATED, Field.UPDATED, Field.ACCESSED, Field.IDLE]),
        st.sampled_from(ORDERS),
        AGES,
    ),
    st.builds(Metadata, PATHS, st.sampled_from([Operator.EQ, Operator.NE]), SCALARS),
    st.builds(Metadata, PATHS, st.sampled_from(ORDERS), ORDERED),
    st.builds(Metadata, PATHS, st.just(Operator.PREFIX), STRINGS),
    st.builds(HasMetadata, PATHS),
    st.builds(Has, st.sampled_from(Part)),
    st.builds(Text, WORDS, st.booleans(), st.booleans()),
)
TREES = st.recursive(
    LEAVES,
    lambda children: st.one_of(
        st.lists(children, max_size=4).map(lambda found: And(tuple(found))),
        st.lists(children, max_size=4).map(lambda found: Or(tuple(found))),
        children.map(Not),
    ),
    max_leaves=12,
)
PIECES = SPECIAL | st.sampled_from(
    [
        *(" ", "(", ")", '"', "-", ":", ">=", "<", ",", "*", " or ", " and ", "not ", "\r", "\x85"),
        *("tier:working", "created<", "30d", "2026-01-31", "metadata.", "has:", '."k"', "teir:"),
        "\ud800",
    ]
)
ANY_TEXT = st.text(max_size=40) | st.lists(PIECES, max_size=12).map("".join)


def parsed_or_fault(text: str) -> Filter | InvalidFilterError:
    """Return the tree of a text, or the error that says why there is none."""
    try:
        return parse(text)
    except InvalidFilterError as error:
        return error


@settings(max_examples=600, deadline=None)
@given(TREES)
def test_a_tree_survives_being_written(tree: Filter) -> None:
    """Reading what `to_text` wrote gives the normalised tree, to the last type."""
    normal = normalise(tree)
    assert repr(parse(to_text(tree))) == repr(normal)
    assert repr(normalise(normal)) == repr(normal)


@settings(max_examples=800, deadline=None)
@given(ANY_TEXT)
@example("importance >=foo")
@example("(importance) >=foo")
@example("\ud800")
@example("a\x00b")
@example('metadata."')
def test_any_text_is_a_query_or_a_placed_error(text: str) -> None:
    """Nothing that can be typed or pasted does anything else, and what parses can be written."""
    tree = parsed_or_fault(text)
    if isinstance(tree, InvalidFilterError):
        assert tree.position is not None
        assert 0 <= tree.position < tree.position + tree.length <= len(text)
        assert tree.message
        assert tree.hint
        return
    assert repr(normalise(tree)) == repr(tree)
    assert repr(parse(to_text(tree))) == repr(tree)


@settings(max_examples=400, deadline=None)
@given(ANY_TEXT, st.data())
def test_any_text_has_colours_and_completions(text: str, data: st.DataObject) -> None:
    """Colours are in order and in bounds; what is to be replaced surrounds the cursor."""
    end = 0
    for start, stop, _ in highlight(text):
        assert end <= start < stop <= len(text)
        end = stop
    cursor = data.draw(st.integers(-1, len(text) + 1))
    found = complete(text, cursor)
    assert 0 <= found.start <= min(max(cursor, 0), len(text)) <= found.end <= len(text)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, DURATION_MAX), st.integers(0, INTEGER_MAX), TIMES)
def test_values_survive_being_written(duration: int, size: int, moment: int) -> None:
    """Durations, sizes and times are written without loss."""
    assert read_duration(write_duration(duration)) == duration
    assert read_size(write_size(size)) == size
    assert read_time(write_start(moment)).start == moment
    written = read_time(write_instant(moment))
    assert (written.start, written.end) == (moment, None)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("tier:working and tag:a", "tier:working tag:a"),
        ("not (tier:working or tier:archive)", "-tier:working,archive"),
        ("(a or b) and c", "(a or b) c"),
        ("(a and b) or c", "a b or c"),
        ("created<52w size>10240b", "created<364d size>10kb"),
        ('metadata."plain":"x"', "metadata.plain:x"),
        ("created:2026-01-31", "created>=2026-01-31 created<2026-02-01"),
        ("tag:*", "has:tags"),
        ("a and *", "a"),
    ],
)
def test_text_is_written_as_people_would(text: str, written: str) -> None:
    """The written form is short: no needless quotes, parentheses or keywords."""
    assert to_text(parse(text)) == written


def test_very_deep_trees_are_refused() -> None:
    """A tree made by hand that is too deep is an error, not a crash."""
    tree: Filter = Text("a")
    for _ in range(60):
        tree = And((Or((tree, Text("b"))), Text("c")))
    with pytest.raises(InvalidFilterError, match="nested"):
        to_text(tree)
    for _ in range(5_000):
        tree = Not(tree)
    with pytest.raises(InvalidFilterError, match="deep"):
        normalise(tree)


def test_the_deepest_text_can_be_written() -> None:
    """Fifty levels that all matter survive."""
    text = "a"
    for level in range(50):
        text = f"({text} or b{level}) c{level}"
    assert to_text(parse(text)) == text


def test_a_word_that_cannot_stand_alone_becomes_a_phrase() -> None:
    """A word made by hand with spaces or special meaning is quoted, which matches the same."""
    assert normalise(Text("tag:x")) == Text("tag:x", phrase=True)
    assert normalise(Text("a b", prefix=True)) == Text("a b", phrase=True, prefix=True)
    assert normalise(And((And(()), Not(Not(Text("a")))))) == Text("a")
    assert normalise(Not(Or(()))) == EVERYTHING
