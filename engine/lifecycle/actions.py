"""What a policy does: a verb and perhaps an argument, as text and as a value.

    action := archive | restore | delete | refresh | promote | demote
            | compress | deduplicate | consolidate
            | tag NAME | untag NAME | importance NUMBER | merge NUMBER? | python:NAME

Verbs may be in any case. A tag may have spaces in it; in quotes, as in the query language, nothing
is special but `\\"` and `\\\\`, so that any tag can be written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from engine.errors import InvalidFilterError, InvalidItemError, InvalidPolicyError
from engine.limits import Limits
from engine.query.fields import closest, shown
from engine.query.lexer import QUOTED, quote, unquote
from engine.query.values import read_fraction
from engine.validation import check_name


class Verb(Enum):
    """What can be done to an item. The value is the word used in an action."""

    ARCHIVE = "archive"
    RESTORE = "restore"
    DELETE = "delete"
    REFRESH = "refresh"
    PROMOTE = "promote"
    DEMOTE = "demote"
    TAG = "tag"
    UNTAG = "untag"
    IMPORTANCE = "importance"
    COMPRESS = "compress"
    DEDUPLICATE = "deduplicate"
    MERGE = "merge"
    CONSOLIDATE = "consolidate"
    PYTHON = "python"
    """An action that the user of the library registered under a name."""


@dataclass(frozen=True, slots=True)
class Action:
    """A verb with its argument.

    The argument is the tag of TAG and UNTAG, the number of IMPORTANCE, the threshold of MERGE, the
    registered name of PYTHON, and None elsewhere.
    """

    verb: Verb
    argument: str | float | None = None


DEFAULT_LIMITS = Limits()
MERGE_THRESHOLD_DEFAULT = 0.8
MERGE_THRESHOLD_MIN = 0.5
"""Below half in common, two contents are different things that share some words."""

PYTHON = "python:"
PYTHON_NAME = re.compile(r"[\w.-]+")
QUOTED_TAG = re.compile(QUOTED, re.DOTALL)
VERBS = {verb.value: verb for verb in Verb}
TAGGING = frozenset({Verb.TAG, Verb.UNTAG})
WRITTEN = {
    Verb.TAG: "tag NAME",
    Verb.UNTAG: "untag NAME",
    Verb.IMPORTANCE: "importance 0.5",
    Verb.PYTHON: f"{PYTHON}NAME",
}
"""How a verb is written that needs an argument."""

KNOWN_HINT = f"the actions are {', '.join(WRITTEN.get(verb, verb.value) for verb in Verb)}"


def parse_action(text: str, *, limits: Limits = DEFAULT_LIMITS) -> Action:
    """Return what `text` asks for; `merge` alone has the default threshold.

    Raises:
        InvalidPolicyError: it is no action; it knows where the fault is and what may help.
    """
    if len(text) > limits.query_chars_max:
        message = f"the action is {len(text):,} characters; the limit is {limits.query_chars_max:,}"
        raise _fault(text, limits.query_chars_max, text[limits.query_chars_max :], message, "")
    name = python_name(text, limits=limits)
    if name is not None:
        return Action(Verb.PYTHON, name)
    words = text.split(maxsplit=1)
    if not words:
        raise _fault(text, 0, text, "the action is empty", KNOWN_HINT)
    verb = VERBS.get(words[0].lower())
    if verb is None:
        raise _unknown_verb(text, words[0])
    rest = words[1].rstrip() if len(words) > 1 else ""
    return Action(verb, _read_argument(verb, rest, text, limits))


def action_text(action: Action) -> str:
    """Return the text of which `parse_action` makes `action`."""
    verb, argument = action.verb, action.argument
    if argument is None:
        return verb.value
    if verb is Verb.PYTHON:
        return f"{PYTHON}{argument}"
    if isinstance(argument, str):
        bare = argument == argument.strip() and argument[:1] not in ('"', "'")
        return f"{verb.value} {argument if bare else quote(argument)}"
    return f"{verb.value} {argument!r}"


def python_name(text: str, *, key: str = "do", limits: Limits = DEFAULT_LIMITS) -> str | None:
    """Return the name in `python:NAME`, or None if `text` is something else.

    Raises:
        InvalidPolicyError: the name is missing, over-long, or more than a name.
    """
    stripped = text.strip()
    if stripped[: len(PYTHON)].lower() != PYTHON:
        return None
    name = stripped[len(PYTHON) :]
    at = text.index(stripped) + len(PYTHON)
    if not PYTHON_NAME.fullmatch(name):
        said = f"{shown(name)} is not a registered name" if name else "python: has no name"
        hint = "write python:NAME and nothing else; a name has letters, digits and _ . -"
        raise _fault(text, at, name, said, hint, key=key)
    try:
        return check_name("the registered name", name, limits)
    except InvalidItemError as error:
        raise _fault(text, at, name, error.message, error.hint, key=key) from error


def suggest(word: str, options: Iterable[str], known: str) -> str:
    """Return a hint: which of `options` was meant by `word`, if any does, and what is known."""
    guess = closest(word.lower(), options)
    return f"did you mean {guess}? {known}" if guess else known


def _read_argument(verb: Verb, rest: str, text: str, limits: Limits) -> str | float | None:
    if verb is Verb.MERGE:
        return _read_threshold(rest, text) if rest else MERGE_THRESHOLD_DEFAULT
    if not rest and verb in WRITTEN:
        word = text.strip()
        raise _fault(
            text, text.index(word), word, f"{verb.value} needs more", f"write {WRITTEN[verb]}"
        )
    if verb in TAGGING:
        return _read_tag(verb, rest, text, limits)
    if verb is Verb.IMPORTANCE:
        return _read_number(verb, rest, text)
    if verb is Verb.PYTHON:
        hint = "write python:NAME, with a colon and without spaces"
        raise _fault(text, _start(rest, text), rest, "python is followed by a colon", hint)
    if rest:
        hint = f"write {verb.value} alone; which items it is for is said by the condition"
        message = f"{verb.value} takes nothing after it"
        raise _fault(text, _start(rest, text), rest, message, hint)
    return None


def _read_tag(verb: Verb, rest: str, text: str, limits: Limits) -> str:
    at = _start(rest, text)
    if rest.startswith("'"):
        hint = f'write {verb.value} "like this", or without quotes'
        raise _fault(text, at, rest, "a tag is quoted with \", not with '", hint)
    tag = rest
    if rest.startswith('"'):
        quoted = QUOTED_TAG.match(rest)
        if quoted is None:
            raise _fault(text, at, rest, "this quote is never closed", 'add " at the end')
        if quoted.end() < len(rest):
            junk = rest[quoted.end() :]
            message = "this is stuck to the tag before it"
            hint = 'end the tag with its closing quote; inside, write \\" for a quote'
            raise _fault(text, at + quoted.end(), junk, message, hint)
        tag = unquote(rest)
    try:
        return check_name("tag", tag, limits)
    except InvalidItemError as error:
        raise _fault(text, at, rest, error.message, error.hint) from error


def _read_number(verb: Verb, rest: str, text: str) -> float:
    try:
        # Minus zero is a number from 0 to 1 too, but nobody wants to read it.
        return abs(read_fraction(rest))
    except InvalidFilterError as error:
        hint = f"write it like {verb.value} 0.7"
        raise _fault(text, _start(rest, text), rest, error.message, hint) from error


def _read_threshold(rest: str, text: str) -> float:
    threshold = _read_number(Verb.MERGE, rest, text)
    if threshold < MERGE_THRESHOLD_MIN:
        message = f"the threshold {shown(rest)} is not from {MERGE_THRESHOLD_MIN} to 1"
        hint = "it is how much two contents have in common: 1 is the same words, 0.8 is usual"
        raise _fault(text, _start(rest, text), rest, message, hint)
    return threshold


def _start(rest: str, text: str) -> int:
    """Return where `rest`, which is the end of `text` but for spaces, begins."""
    return len(text.rstrip()) - len(rest)


def _unknown_verb(text: str, word: str) -> InvalidPolicyError:
    hint = suggest(word, VERBS, KNOWN_HINT)
    return _fault(text, text.index(word), word, f"there is no action {shown(word)}", hint)


def _fault(
    text: str, position: int, wrong: str, message: str, hint: str, *, key: str = "do"
) -> InvalidPolicyError:
    return InvalidPolicyError(
        message, hint=hint, key=key, text=text, position=position, length=max(len(wrong), 1)
    )
