"""Policies, in order: those of a new store, and what contradicts what.

All that concerns policies can be imported from here. One policy is in `policy`, what it does in
`actions`, what its condition covers in `coverage`, and files of policies in `policy_files`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from itertools import combinations

from engine.errors import InvalidPolicyError
from engine.lifecycle.actions import (
    MERGE_THRESHOLD_DEFAULT,
    MERGE_THRESHOLD_MIN,
    Action,
    Verb,
    action_text,
    parse_action,
    python_name,
)
from engine.lifecycle.coverage import condition_key, matches_everything
from engine.lifecycle.policy import (
    POLICIES_MAX,
    CheckedPolicy,
    Policy,
    check_policy,
    require_distinct,
)
from engine.lifecycle.policy_files import TOML_CHARS_MAX, dump_policies, load_policies
from engine.limits import Limits
from engine.query.fields import shown

__all__ = [
    "DEFAULT_POLICIES",
    "MERGE_THRESHOLD_DEFAULT",
    "MERGE_THRESHOLD_MIN",
    "POLICIES_MAX",
    "TOML_CHARS_MAX",
    "Action",
    "CheckedPolicy",
    "Policy",
    "Verb",
    "action_text",
    "check_policy",
    "conflicts",
    "dump_policies",
    "load_policies",
    "matches_everything",
    "parse_action",
    "python_name",
    "require_distinct",
]

DEFAULT_POLICIES = (
    Policy(
        name="archive_old_low_importance",
        when="idle>30d importance<0.3 -tier:archive",
        do="archive",
    ),
    Policy(name="delete_ancient_archives", when="tier:archive created>365d", do="delete"),
    Policy(name="refresh_important", when="importance>0.8 idle>7d", do="refresh"),
)
"""What a new store has, in order."""

OPPOSITES = frozenset(
    {
        frozenset({Verb.ARCHIVE, Verb.RESTORE}),
        frozenset({Verb.ARCHIVE, Verb.PROMOTE}),
        frozenset({Verb.DEMOTE, Verb.PROMOTE}),
        frozenset({Verb.DEMOTE, Verb.RESTORE}),
    }
)
"""The verbs that move an item in opposite directions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """An enabled policy, with what it takes to compare it."""

    name: str
    action: Action
    condition: Hashable
    everything: bool


def conflicts(policies: Iterable[Policy], *, limits: Limits | None = None) -> list[str]:
    """Return in words what obviously contradicts itself; what cannot be kept is passed over.

    Two enabled policies of the same condition contradict each other when their actions do; what
    follows a deletion of the same items never acts. Conditions that only overlap are not compared.
    """
    policies = list(policies)
    found = _repeated_names(policies)
    rules = [
        rule for policy in policies if (rule := _read_rule(policy, limits or Limits())) is not None
    ]
    for first, second in combinations(rules, 2):
        contradiction = _contradiction(first, second)
        if contradiction:
            found.append(contradiction)
    return found


def _repeated_names(policies: Iterable[Policy]) -> list[str]:
    counts: dict[str, int] = {}
    for policy in policies:
        counts[policy.name] = counts.get(policy.name, 0) + 1
    return [
        f"{count} policies have the same name, {shown(name)}"
        for name, count in counts.items()
        if count > 1
    ]


def _read_rule(policy: Policy, limits: Limits) -> _Rule | None:
    if not policy.enabled:
        return None
    try:
        checked = check_policy(policy, limits, known_conditions=None, known_actions=None)
    except InvalidPolicyError:
        return None
    tree = checked.filter
    return _Rule(
        name=policy.name,
        action=checked.action,
        condition=checked.condition if tree is None else condition_key(tree),
        everything=tree is not None and matches_everything(tree),
    )


def _contradiction(first: _Rule, second: _Rule) -> str:
    same = first.condition == second.condition or (first.everything and second.everything)
    names = f"{shown(first.name)} and {shown(second.name)}"
    if first.action.verb is Verb.DELETE:
        if same or first.everything:
            return (
                f"{shown(second.name)} never acts: {shown(first.name)} comes before it "
                f"and deletes what both match"
            )
    elif same and _are_opposed(first.action, second.action):
        actions = f"{action_text(first.action)}, {action_text(second.action)}"
        return f"{names} have the same condition and opposite actions: {actions}"
    return ""


def _are_opposed(first: Action, second: Action) -> bool:
    verbs = frozenset({first.verb, second.verb})
    if verbs == {Verb.TAG, Verb.UNTAG}:
        return first.argument == second.argument
    if verbs == {Verb.IMPORTANCE}:
        return first.argument != second.argument
    return verbs in OPPOSITES
