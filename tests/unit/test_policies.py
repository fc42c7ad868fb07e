"""A policy says what it means, or says at which character it is wrong; files of them round-trip."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.errors import InvalidFilterError, InvalidPolicyError
from engine.lifecycle.policies import (
    DEFAULT_POLICIES,
    MERGE_THRESHOLD_DEFAULT,
    POLICIES_MAX,
    TOML_CHARS_MAX,
    Action,
    Policy,
    Verb,
    action_text,
    check_policy,
    conflicts,
    dump_policies,
    load_policies,
    matches_everything,
    parse_action,
    require_distinct,
)
from engine.limits import Limits
from engine.query import EVERYTHING, And, Compare, Field, Not, Operator, Or, parse
from engine.query.lexer import quote

LIMITS = Limits()
EXAMPLES = Path(__file__).parents[2] / "docs" / "policies.toml"

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
ODD_TEXT = TEXT | st.sampled_from(
    [
        '"',
        "'",
        "'\"'",
        "\\",
        '\\"',
        "\r\n",
        "a\rb",
        "\t",
        "\x00",
        "\x7f",
        "\u202e",
        "\ufeff",
        "用户",
        "🙂",
    ]
)
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=60).filter(
    lambda name: bool(name.strip())
)
TAGS = ODD_TEXT.filter(lambda tag: bool(tag.strip()) and "\0" not in tag)
PYTHON_NAMES = st.from_regex(r"[a-z][a-z0-9_.-]{0,20}", fullmatch=True)
NO_ARGUMENT = [
    Verb.ARCHIVE,
    Verb.RESTORE,
    Verb.DELETE,
    Verb.REFRESH,
    Verb.PROMOTE,
    Verb.DEMOTE,
    Verb.COMPRESS,
    Verb.DEDUPLICATE,
    Verb.CONSOLIDATE,
]
ACTIONS = st.one_of(
    st.builds(Action, st.sampled_from(NO_ARGUMENT)),
    st.builds(Action, st.sampled_from([Verb.TAG, Verb.UNTAG]), TAGS),
    st.builds(Action, st.just(Verb.IMPORTANCE), st.floats(0, 1)),
    st.builds(Action, st.just(Verb.MERGE), st.floats(0.5, 1)),
    st.builds(Action, st.just(Verb.PYTHON), PYTHON_NAMES),
)
CONDITIONS = st.one_of(
    st.sampled_from(["", " ", "\n", "tier:archive\nor\ttag:a", "importance<0.3 -tier:archive"]),
    PYTHON_NAMES.map("python:{}".format),
    ODD_TEXT.filter(bool).map(quote),
    ODD_TEXT.map(lambda text: f"tag:{quote(text)} or kind:{quote(text)}*"),
)
POLICIES = st.builds(
    Policy, name=NAMES, when=CONDITIONS, do=ACTIONS.map(action_text), enabled=st.booleans()
)


def policy(do: Any = "archive", when: Any = "tier:working", **more: Any) -> Policy:
    """Return a policy of which the test says only what matters to it."""
    return Policy(**{"name": "p", "when": when, "do": do, **more})


def fault_of(text: str) -> InvalidPolicyError:
    """Return the error of an action that must not parse."""
    with pytest.raises(InvalidPolicyError) as caught:
        parse_action(text)
    assert caught.value.text == text
    assert caught.value.hint
    return caught.value


def refusal_of(toml_text: str) -> InvalidPolicyError:
    """Return the error of a file that must not load."""
    with pytest.raises(InvalidPolicyError) as caught:
        load_policies(toml_text)
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    ("text", "action"),
    [
        *((verb.value, Action(verb)) for verb in NO_ARGUMENT),
        ("  Archive\n", Action(Verb.ARCHIVE)),
        ("tag stale", Action(Verb.TAG, "stale")),
        ("tag  needs  review ", Action(Verb.TAG, "needs  review")),
        ('tag "needs review"', Action(Verb.TAG, "needs review")),
        ('untag " \\"x\\" "', Action(Verb.UNTAG, ' "x" ')),
        ("tag don't", Action(Verb.TAG, "don't")),
        ("tag 用户", Action(Verb.TAG, "用户")),
        ("tag archive", Action(Verb.TAG, "archive")),
        ("importance 0.5", Action(Verb.IMPORTANCE, 0.5)),
        ("importance 0", Action(Verb.IMPORTANCE, 0.0)),
        ("importance 1", Action(Verb.IMPORTANCE, 1.0)),
        ("merge", Action(Verb.MERGE, MERGE_THRESHOLD_DEFAULT)),
        ("merge 0.85", Action(Verb.MERGE, 0.85)),
        ("merge 0.5", Action(Verb.MERGE, 0.5)),
        ("merge 1", Action(Verb.MERGE, 1.0)),
        ("python:my.own-rule_2", Action(Verb.PYTHON, "my.own-rule_2")),
        (" Python:x ", Action(Verb.PYTHON, "x")),
    ],
)
def test_an_action_is_a_verb_and_its_argument(text: str, action: Action) -> None:
    """Each verb of the grammar is read, in any case and with any spaces around it."""
    assert parse_action(text) == action


@pytest.mark.parametrize(
    ("text", "wrong", "message", "hint"),
    [
        ("", "", "empty", "archive"),
        ("  ", "  ", "empty", "archive"),
        (" archve", "archve", "no action 'archve'", "did you mean archive?"),
        ("Delte", "Delte", "no action 'Delte'", "did you mean delete?"),
        ("xyzzy", "xyzzy", "no action 'xyzzy'", "the actions are archive"),
        ("importance=0.5", "importance=0.5", "no action", "did you mean importance?"),
        ("python x", "x", "followed by a colon", "python:NAME"),
        ("delete importance<0.3", "importance<0.3", "takes nothing after it", "condition"),
        ("archive  now ", "now", "takes nothing after it", "alone"),
        ("tag ", "tag", "needs more", "tag NAME"),
        ("untag", "untag", "needs more", "untag NAME"),
        ("importance", "importance", "needs more", "importance 0.5"),
        ("python", "python", "needs more", "python:NAME"),
        ("importance  high", "high", "not a number", "importance 0.7"),
        ("importance 50%", "50%", "not a number", "importance 0.7"),
        ("importance 1.5", "1.5", "not from 0 to 1", "importance 0.7"),
        ("importance nan", "nan", "not a number", "importance 0.7"),
        ("importance -1", "-1", "not from 0 to 1", "importance 0.7"),
        ("merge 0.4", "0.4", "not from 0.5 to 1", "0.8 is usual"),
        ("merge 2", "2", "not from 0 to 1", "merge 0.7"),
        ('tag "a b', '"a b', "never closed", '"'),
        ('tag "a"b', "b", "stuck to the tag", "closing quote"),
        ("tag 'a b'", "'a b'", "not with '", '"'),
        ('tag ""', '""', "tag is empty", "character"),
        ("tag a\0b", "a\0b", "NUL", "remove"),
        ("tag \ud800", "\ud800", "surrogate", "Unicode"),
        (f"tag {'x' * 300}", "x" * 300, "300 bytes; the limit is 256", "shorter"),
        ("python:", "", "has no name", "python:NAME"),
        (" python: x", " x", "not a registered name", "python:NAME"),
        ("python:a b", "a b", "not a registered name", "nothing else"),
        (f"python:{'x' * 300}", "x" * 300, "the limit is 256", "shorter"),
    ],
)
def test_a_wrong_action_is_pointed_at(text: str, wrong: str, message: str, hint: str) -> None:
    """The error names the characters that are wrong, and what would be right."""
    error = fault_of(text)
    assert error.position is not None
    assert text[error.position : error.position + error.length] == wrong
    assert message in error.message
    assert hint in error.hint
    assert error.key == "do"


def test_an_endless_action_is_refused() -> None:
    """Text is bounded as it is for a query, also when all of it is spaces."""
    with pytest.raises(InvalidPolicyError, match="the limit is 10,000"):
        parse_action("archive" + " " * 10_000)


@given(ACTIONS)
@example(Action(Verb.TAG, "'tis"))
@example(Action(Verb.TAG, '"'))
@example(Action(Verb.TAG, "\u3000x"))
@example(Action(Verb.TAG, "\\"))
@example(Action(Verb.IMPORTANCE, 5e-324))
def test_any_action_can_be_written_and_read_again(action: Action) -> None:
    """The text of an action is that action, whatever is in the tag."""
    assert parse_action(action_text(action)) == action


@given(
    st.text(max_size=40)
    | st.builds("{} {}".format, st.sampled_from([verb.value for verb in Verb]), st.text())
)
def test_any_text_is_an_action_or_an_error_with_its_place(text: str) -> None:
    """Nothing else is raised, and the place is inside the text."""
    try:
        action = parse_action(text)
    except InvalidPolicyError as error:
        place = error.position
    else:
        assert parse_action(action_text(action)) == action
        return
    assert place is not None
    assert 0 <= place <= len(text)


def test_the_default_policies_can_be_kept_and_agree() -> None:
    """A new store begins with the three of the specification, in their order."""
    checked = [check_policy(each, LIMITS) for each in DEFAULT_POLICIES]
    assert [(each.policy.name, each.action.verb) for each in checked] == [
        ("archive_old_low_importance", Verb.ARCHIVE),
        ("delete_ancient_archives", Verb.DELETE),
        ("refresh_important", Verb.REFRESH),
    ]
    assert conflicts(DEFAULT_POLICIES) == []


def test_a_checked_policy_has_its_texts_understood() -> None:
    """A query becomes a filter; a registered condition stays a name and has no filter."""
    written = policy(when="tier:archive", do="tag old")
    checked = check_policy(written, LIMITS)
    assert checked.policy is written
    assert checked.filter == parse("tier:archive")
    assert checked.condition is None
    assert checked.action == Action(Verb.TAG, "old")

    registered = check_policy(
        policy(when=" python:stale ", do="python:sweep"), LIMITS, ["stale"], ["sweep"]
    )
    assert (registered.filter, registered.condition) == (None, "stale")
    assert registered.action == Action(Verb.PYTHON, "sweep")


@pytest.mark.parametrize(
    ("written", "key", "message", "wrong"),
    [
        (policy(name=""), "name", "name of a policy is empty", None),
        (policy(name=" "), "name", "name of a policy is empty", None),
        (policy(name=7), "name", "int, not text", None),
        (policy(name="x" * 257), "name", "257 bytes; the limit is 256", None),
        (policy(name="a\nb"), "name", "U+000A", "\n"),
        (policy(name="a\x9b"), "name", "U+009B", "\x9b"),
        (policy(name="a\u2028b"), "name", "U+2028", "\u2028"),
        (policy(name="\ud800"), "name", "surrogate", None),
        (policy(enabled="yes"), "enabled", "'yes' is not true or false", None),
        (policy(when=None), "when", "NoneType, not text", None),
        (policy(do=1), "do", "int, not text", None),
        (policy(when="a tier:wrking"), "when", "policy 'p', when: there is no tier", "wrking"),
        (policy(when="python:"), "when", "policy 'p', when: python: has no name", ""),
        (policy(when="python:a tier:working"), "when", "not a registered name", "a tier:working"),
        (policy(do="archve"), "do", "policy 'p', do: there is no action 'archve'", "archve"),
        (policy(when="python:a"), "when", "no condition is registered as 'a'", "a"),
        (policy(do="python:python"), "do", "no action is registered as 'python'", "python"),
    ],
)
def test_a_policy_that_cannot_be_kept_says_which_part_is_wrong(
    written: Policy, key: str, message: str, wrong: str | None
) -> None:
    """The error names the policy and the key, and points into the text that is wrong."""
    with pytest.raises(InvalidPolicyError) as caught:
        check_policy(written, LIMITS)
    error = caught.value
    assert message in error.message
    assert error.hint
    assert error.key == key
    assert error.policy == (written.name if isinstance(written.name, str) else "")
    if wrong is not None:
        assert error.position is not None
        assert error.text[error.position : error.position + len(wrong)] == wrong


def test_a_fault_in_a_condition_keeps_the_words_of_the_query_language() -> None:
    """Hint and cause are those that the search box would show."""
    with pytest.raises(InvalidPolicyError) as caught:
        check_policy(policy(when="teir:working"), LIMITS)
    assert "did you mean tier?" in caught.value.hint
    assert isinstance(caught.value.__cause__, InvalidFilterError)


def test_a_misspelt_registered_name_is_guessed() -> None:
    """The nearest registered name is suggested; None accepts any name."""
    written = policy(do="python:sweap")
    with pytest.raises(InvalidPolicyError) as caught:
        check_policy(written, LIMITS, known_actions={"sweep", "other"})
    assert "did you mean sweep?" in caught.value.hint
    assert check_policy(written, LIMITS, known_actions=None).action.argument == "sweap"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "id:*",
        "importance>=0",
        "importance<=1",
        "size>=0 accesses>=0",
        "idle>=0s",
        "-(-*)",
        "-(importance<0)",
        "tag:a or *",
        "tag:a or -tag:a",
        "tier:working,short_term,long_term,archive",
        "tier:archive or tier!=archive",
        "-(tier:archive tier:working)",
        "-(tag:a -tag:a)",
    ],
)
def test_a_condition_for_everything_is_seen(text: str) -> None:
    """Not only the empty one: what always holds is as dangerous when it is longer."""
    assert matches_everything(parse(text))


@pytest.mark.parametrize(
    "text",
    [
        "-*",
        "importance>0",
        "importance<=0",
        "importance>=1",
        "idle>0s",
        "tier:working,short_term,long_term",
        "tier:archive",
        "tier:archive tier!=archive",
        "tag:a or -tag:b",
        "tag:a -tag:a",
        "metadata.a:1 or -metadata.a:true",
        "* tag:a",
        "has:tags",
    ],
)
def test_a_condition_that_leaves_something_out_is_not_called_everything(text: str) -> None:
    """The warning would be worth nothing if it came for ordinary conditions."""
    assert not matches_everything(parse(text))


def test_a_tree_made_by_hand_is_normalised_first() -> None:
    """Double negations and lists in lists hide nothing."""
    leaf = Compare(Field.TAG, Operator.EQ, "a")
    assert matches_everything(Not(Not(EVERYTHING)))
    assert matches_everything(Or((Or((leaf,)), And((Not(leaf),)))))


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        (policy("archive"), policy("restore"), "opposite actions: archive, restore"),
        (policy("promote"), policy("demote"), "opposite actions: promote, demote"),
        (policy("promote"), policy("archive"), "opposite actions: promote, archive"),
        (policy("tag a b"), policy('untag "a b"'), "opposite actions: tag a b, untag a b"),
        (policy("importance 0.2"), policy("importance 0.9"), "importance 0.2, importance 0.9"),
        (policy("delete"), policy("archive"), "'second' never acts: 'first' comes before it"),
        (policy("delete", ""), policy("archive", "tag:a"), "'second' never acts"),
        (policy("archive", ""), policy("restore", "tag:a or *"), "opposite actions"),
        (policy("archive", "idle>30d tag:a"), policy("restore", "tag:a idle>1mo"), "opposite"),
        (policy("archive", "tag:a or b"), policy("restore", "b or tag:a"), "opposite"),
        (policy("archive", "-(a b)"), policy("restore", "-(b a)"), "opposite"),
        (policy("archive", "python:x"), policy("restore", " python:x"), "opposite"),
    ],
)
def test_a_contradiction_is_said_in_words(first: Policy, second: Policy, words: str) -> None:
    """Two policies that undo each other are named, however their conditions are written."""
    found = conflicts([_named(first, "first"), _named(second, "second")])
    assert len(found) == 1
    assert words in found[0]
    assert "'first'" in found[0]
    assert "'second'" in found[0]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (policy("archive"), policy("restore", "tier:archive")),
        (policy("archive"), policy("restore", enabled=False)),
        (policy("archive"), policy("archive")),
        (policy("archive"), policy("delete")),
        (policy("tag a"), policy("untag b")),
        (policy("importance 0.2"), policy("importance 0.2")),
        (policy("archive", "metadata.a:1"), policy("restore", "metadata.a:true")),
        (policy("archive", 'metadata.a:"1"'), policy("restore", "metadata.a:1")),
        (policy("archive", "python:x"), policy("restore", "x")),
        (policy("archive", "a b"), policy("restore", "a or b")),
        (policy("archive", "teir:x"), policy("restore", "teir:x")),
        (policy("nonsense"), policy("restore")),
        (policy("delete", "tag:a"), policy("archive", "")),
    ],
)
def test_what_only_looks_like_a_contradiction_is_not_one(first: Policy, second: Policy) -> None:
    """Other conditions, other tags, disabled and broken policies contradict nothing."""
    assert conflicts([_named(first, "first"), _named(second, "second")]) == []


def test_a_repeated_name_is_a_conflict() -> None:
    """Also when one of the two is disabled: both cannot be kept under it."""
    found = conflicts([policy("archive"), policy("refresh", enabled=False), policy("compress")])
    assert found == ["3 policies have the same name, 'p'"]


def _named(written: Policy, name: str) -> Policy:
    return Policy(name=name, when=written.when, do=written.do, enabled=written.enabled)


def test_policies_load_from_toml_in_their_order() -> None:
    """A file says names, conditions, actions, and which are switched off."""
    loaded = load_policies(
        """\ufeff
        [[policy]]
        name = "second comes first"
        when = 'tag:"needs review"'
        do = "untag needs review"
        enabled = false

        [[policy]]
        name = "own"
        do = "python:sweep"
        when = "python:stale"
        """
    )
    assert loaded == [
        Policy(
            name="second comes first",
            when='tag:"needs review"',
            do="untag needs review",
            enabled=False,
        ),
        Policy(name="own", when="python:stale", do="python:sweep"),
    ]


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "policy = []"])
def test_a_file_may_have_no_policies(text: str) -> None:
    """An empty file is a store without policies, not a fault."""
    assert load_policies(text) == []


TABLE = '[[policy]]\nname = "p"\nwhen = "tag:a"\ndo = "archive"\n'


@pytest.mark.parametrize(
    ("text", "policy_name", "key", "message", "hint"),
    [
        (TABLE + 'whne = "x"', "p", "whne", "policy 'p' has an unknown key, 'whne'", "when?"),
        ("[[policy]]\nx = 1", "", "x", "policy 1 has an unknown key, 'x'", "name, when, do"),
        (TABLE + "enabled = 1", "p", "enabled", "it is a number, not true or false", "use true"),
        (TABLE + 'enabled = "no"', "p", "enabled", "it is text, not true or false", "use true"),
        ("[[policy]]\nname = 5", "", "name", "policy 1, name: it is a number, not text", "text"),
        ("[[policy]]\nname = 2026-01-01", "", "name", "it is a time, not text", "text"),
        ('[[policy]]\nname = "p"\nwhen = ["a"]', "p", "when", "it is a list, not text", "text"),
        ("[[policy]]\nname" + ".a" * 3000 + " = 1", "", "name", "it is a table", "text"),
        ('[[policy]]\nname = "p"\ndo = "archive"', "p", "when", "'p' has no when", 'when = ""'),
        (TABLE + '[[policy]]\nwhen = ""', "", "name", "policy 2 has no name", "add it"),
        (TABLE + TABLE, "p", "name", "policies 1 and 2 have the same name, 'p'", "its own"),
        (TABLE.replace("tag:a", "teir:a"), "p", "when", "policy 'p', when: there is no", "tier?"),
        (TABLE.replace("archive", "archve"), "p", "do", "policy 'p', do: there is no", "archive?"),
        (TABLE.replace('"p"', '"\\n"'), "\n", "name", "empty", "character"),
        (TABLE.replace("[[policy]]", "[policy]"), "", "", "not a list", "two brackets"),
        ("policy = [1]", "", "", "not a list of tables", "two brackets"),
        ("policy = 3", "", "", "not a list of tables", "two brackets"),
        (TABLE.replace("policy", "polcy"), "", "polcy", "no table 'polcy'", "mean policy?"),
        ("version = 1", "", "version", "no table 'version'", "[[policy]]"),
        ("a = " + "1" * 5000, "", "", "too long or too deep", "keys"),
        ("a = " + "[" * 100_000, "", "", "too long or too deep", "keys"),
    ],
)
def test_a_wrong_file_names_the_policy_and_the_key(
    text: str, policy_name: str, key: str, message: str, hint: str
) -> None:
    """A policy is called by its name, or by its number where it has none."""
    error = refusal_of(text)
    assert message in error.message
    assert hint in error.hint
    assert (error.policy, error.key) == (policy_name, key)


@pytest.mark.parametrize(
    ("text", "line", "where"),
    [
        (TABLE + "when = 3\n", 5, ""),
        ('[[policy]]\nname = "a\n', 2, "at line 2, column 10"),
        ('[[policy]]\n\nwhen = "tag:"a b""\n', 3, "at line 3, column"),
        ('[[policy]]\nname = """a\n', 3, "at line 3"),
        ("[[policy]]\nname = ", 2, "at line 2"),
        ("[[policy]]\nname = '\ud800", 2, "at line 2"),
    ],
)
def test_a_file_that_is_not_toml_names_the_line(text: str, line: int, where: str) -> None:
    """The line is in the message and on the error, also at the end of the file."""
    error = refusal_of(text)
    assert error.line == line
    assert "not TOML" in error.message
    assert where in error.message


def test_too_much_is_refused() -> None:
    """A file and a list are bounded, with the limit in the message."""
    many = [policy(name=f"p{number}") for number in range(POLICIES_MAX + 1)]
    with pytest.raises(InvalidPolicyError, match="more than 200 policies"):
        require_distinct(many)
    with pytest.raises(InvalidPolicyError, match="more than 200 policies"):
        dump_policies(many)
    assert load_policies(dump_policies(many[:-1])) == many[:-1]
    assert "16,777,216" in refusal_of(" " * (TOML_CHARS_MAX + 1)).message
    assert "the limit is 10" in _refusal_with_limits(Limits(query_chars_max=10))


def _refusal_with_limits(limits: Limits) -> str:
    with pytest.raises(InvalidPolicyError) as caught:
        load_policies(dump_policies(DEFAULT_POLICIES), limits=limits)
    return str(caught.value)


def test_two_of_a_name_are_not_written() -> None:
    """What could not be loaded again is refused before it is a file."""
    with pytest.raises(InvalidPolicyError, match="same name"):
        dump_policies([policy(), policy()])


@given(st.lists(POLICIES, max_size=6, unique_by=lambda each: each.name))
@settings(deadline=None)
def test_any_policies_can_be_written_and_read_again(policies: list[Policy]) -> None:
    """Quotes, newlines, controls and every script survive, as text and through a file's bytes."""
    written = dump_policies(policies)
    assert load_policies(written) == policies
    assert load_policies(written.encode().decode()) == policies


def test_a_written_file_is_one_to_read() -> None:
    """Quotes do not become backslashes, and what cannot be seen is spelled out."""
    written = dump_policies(
        [
            policy(name="first", when='tag:"needs review"', do="untag needs review"),
            policy(name="\u202ex", when="a\nb", enabled=False),
        ]
    )
    assert written == (
        "[[policy]]\n"
        'name = "first"\n'
        "when = 'tag:\"needs review\"'\n"
        'do = "untag needs review"\n'
        "\n"
        "[[policy]]\n"
        'name = "\\u202Ex"\n'
        'when = "a\\nb"\n'
        'do = "archive"\n'
        "enabled = false\n"
    )


def test_the_example_file_loads_and_agrees_with_itself() -> None:
    """Every policy of the documentation can be kept, and shows each verb that there is."""
    loaded = load_policies(EXAMPLES.read_text(encoding="utf-8"))
    assert len(loaded) >= 12
    assert conflicts(loaded) == []
    checked = [check_policy(each, LIMITS) for each in loaded]
    assert not any(each.filter is None or matches_everything(each.filter) for each in checked)
    assert {each.action.verb for each in checked} == set(Verb) - {Verb.PYTHON}
    assert {each.do: each.when for each in DEFAULT_POLICIES}.items() <= {
        each.do: each.when for each in loaded
    }.items()
    assert load_policies(dump_policies(loaded)) == loaded
