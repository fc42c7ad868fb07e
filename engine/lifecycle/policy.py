"""A policy: what it is, and whether it can be kept, by itself and beside others."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from engine.errors import InvalidFilterError, InvalidItemError, InvalidPolicyError
from engine.lifecycle.actions import Action, Verb, parse_action, python_name, suggest
from engine.limits import Limits
from engine.query import Filter, parse
from engine.query.fields import shown
from engine.validation import check_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A declared rule: the items for which `when` holds are to be treated as `do` says.

    `when` is a query, or `python:NAME` for a registered condition; an empty one is everything.
    """

    name: str
    when: str
    do: str
    enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedPolicy:
    """A policy that can be kept, and what its texts mean: a filter or a registered condition."""

    policy: Policy
    filter: Filter | None
    condition: str | None
    action: Action


POLICIES_MAX = 200
LINE_BREAKING = frozenset({"Cc", "Zl", "Zp"})
"""Unicode's control characters and its two separators, which have no place in a list of names."""


def check_policy(
    policy: Policy,
    limits: Limits,
    known_conditions: Collection[str] | None = (),
    known_actions: Collection[str] | None = (),
) -> CheckedPolicy:
    """Return `policy` with its texts understood; None for the known names accepts any name.

    Raises:
        InvalidPolicyError: a part of it cannot be kept; the error says which, where and why.
    """
    _check_name(policy.name, limits)
    if not isinstance(policy.enabled, bool):
        raise _refused(policy, "enabled", f"{shown(policy.enabled)} is not true or false")
    try:
        condition = python_name(_require_text(policy, "when"), key="when", limits=limits)
        tree = parse(policy.when, limits=limits) if condition is None else None
    except (InvalidFilterError, InvalidPolicyError) as error:
        raise _inside(policy, "when", error) from error
    try:
        action = parse_action(_require_text(policy, "do"), limits=limits)
    except InvalidPolicyError as error:
        raise _inside(policy, "do", error) from error
    if condition is not None:
        _require_known(policy, "when", condition, known_conditions)
    if action.verb is Verb.PYTHON:
        _require_known(policy, "do", str(action.argument), known_actions)
    return CheckedPolicy(policy=policy, filter=tree, condition=condition, action=action)


def require_distinct(policies: Iterable[Policy]) -> None:
    """Refuse what is too many, or has a name twice.

    Raises:
        InvalidPolicyError: there are more than `POLICIES_MAX`, or two have the same name.
    """
    numbers: dict[str, int] = {}
    for number, policy in enumerate(policies, start=1):
        if number > POLICIES_MAX:
            raise InvalidPolicyError(
                f"there are more than {POLICIES_MAX} policies",
                hint="join conditions with or, where the action is the same",
                policy=policy.name,
            )
        first = numbers.setdefault(policy.name, number)
        if first != number:
            raise InvalidPolicyError(
                f"policies {first} and {number} have the same name, {shown(policy.name)}",
                hint="give each policy a name of its own",
                policy=policy.name,
                key="name",
            )


def _check_name(name: Any, limits: Limits) -> None:
    try:
        check_name("name of a policy", name, limits)
    except InvalidItemError as error:
        known = name if isinstance(name, str) else ""
        raise InvalidPolicyError(
            error.message, hint=error.hint, policy=known, key="name"
        ) from error
    for position, character in enumerate(name):
        if unicodedata.category(character) in LINE_BREAKING:
            raise InvalidPolicyError(
                f"the name of policy {shown(name)} has the control character "
                f"U+{ord(character):04X}",
                hint="use a name of one line, without control characters",
                policy=name,
                key="name",
                text=name,
                position=position,
            )


def _require_text(policy: Policy, key: str) -> str:
    value: Any = getattr(policy, key)
    if not isinstance(value, str):
        raise InvalidPolicyError(f"it is {type(value).__name__}, not text", hint="use a string")
    return value


def _require_known(policy: Policy, key: str, name: str, registered: Collection[str] | None) -> None:
    if registered is None or name in registered:
        return
    what = "condition" if key == "when" else "action"
    known = f"registered are {', '.join(sorted(registered))}" if registered else "none is"
    text = getattr(policy, key)
    fault = InvalidPolicyError(
        f"no {what} is registered as {shown(name)}",
        hint=suggest(name, registered, f"register it when the store is opened; {known}"),
        text=text,
        position=text.index(name, text.index(":")),
        length=len(name),
    )
    raise _inside(policy, key, fault)


def _inside(
    policy: Policy, key: str, error: InvalidFilterError | InvalidPolicyError
) -> InvalidPolicyError:
    """Return a fault in one text of a policy as a fault of the policy."""
    return InvalidPolicyError(
        f"policy {shown(policy.name)}, {key}: {error.message}",
        hint=error.hint,
        policy=policy.name,
        key=key,
        text=error.text,
        position=error.position,
        length=error.length,
    )


def _refused(policy: Policy, key: str, message: str) -> InvalidPolicyError:
    return _inside(policy, key, InvalidPolicyError(message, hint="use true or false"))
