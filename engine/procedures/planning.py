"""Planning: what policies would do to a store, told from one snapshot that nothing changes.

Policies are taken in order. An item is claimed by the first that would change it, and is not
looked at again: whatever that one leaves of it, the later ones would act on it in the next run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from engine.clock import to_datetime
from engine.lifecycle.actions import Action, Verb, action_text, parse_action
from engine.lifecycle.coverage import matches_everything
from engine.lifecycle.plan import Plan
from engine.lifecycle.policies import conflicts
from engine.lifecycle.policy import CheckedPolicy
from engine.models import Codec
from engine.procedures.base import Procedure, Rows, Statement
from engine.procedures.candidates import (
    PACK_FROM_BYTES,
    Choice,
    Condition,
    Planning,
    Progress,
    chunks,
    claim_each,
    load_facts,
)
from engine.procedures.forgetting import plan_forgetting
from engine.procedures.grouping import plan_duplicates, plan_merges, plan_summaries
from engine.procedures.history import newest_sequence
from engine.procedures.items import load_items
from engine.procedures.moving import PINNED_KEYS
from engine.procedures.names import json_values
from engine.procedures.selection import Reading, all_keys, count_items
from engine.procedures.tried import find_in_vain
from engine.query import EVERYTHING

PACKED_SHARE: Final = 0.4
"""What packing leaves of a content, until the store has packed some of its own."""
TOO_MUCH: Final = 0.2
"""A policy that would touch more than this part of the store is worth a warning."""
STRONG: Final = 0.8
"""An association of this strength says that somebody meant two items to stay together."""


def make_plan_of(
    reading: Reading,
    store_id: str,
    policies: Sequence[CheckedPolicy],
    now: int,
    *,
    conditions: Mapping[str, Condition],
    choices: Mapping[str, Choice],
    progress: Progress,
    forget: bool,
) -> Procedure[Plan]:
    """Return what the policies would do, in order, to the store as it is.

    With `forget`, also which history is older than it is kept.
    """
    sequence = yield from newest_sequence()
    total = yield from count_items(reading, EVERYTHING, now)
    share = yield Statement("SELECT value FROM meta WHERE name = 'packed_share'")
    trained = yield Statement("SELECT 1 FROM dictionaries LIMIT 1")
    rows = yield Statement(PINNED_KEYS)
    planning = Planning(
        reading,
        now,
        conditions,
        choices,
        progress,
        share[0][0] if share else PACKED_SHARE,
        Codec.JSON_DICTIONARY if trained else Codec.JSON_COMPRESSED,
        frozenset(key for (key,) in rows),
    )
    pinned: dict[str, int] = {}
    for number, policy in enumerate(policies):
        progress(number, len(policies))
        before = len(planning.keys)
        pinned[policy.policy.name] = yield from _plan_policy(planning, policy)
        yield from _warn(planning, policy, planning.keys[before:], total, pinned)
    progress(len(policies), len(policies))
    forgets = (yield from plan_forgetting(now)) if forget else None
    if forgets is not None:
        planning.warnings.append(forgets.warning)
    return Plan(
        store_id=store_id,
        sequence=sequence,
        planned_at=to_datetime(now),
        policies=tuple(policy.policy for policy in policies),
        changes=tuple(planning.changes),
        pinned=pinned,
        warnings=(*conflicts(policy.policy for policy in policies), *planning.warnings),
        forgets=forgets,
    )


def _plan_policy(planning: Planning, policy: CheckedPolicy) -> Procedure[int]:
    """Add what one policy would do; return how many pinned items it matched."""
    tree = EVERYTHING if policy.filter is None else policy.filter
    keys = yield from all_keys(planning.reading, tree, planning.now)
    free = [key for key in keys if key not in planning.claimed]
    kept = [key for key in free if key not in planning.pinned]
    if policy.condition is not None:
        kept = yield from _those_that(planning, planning.conditions[policy.condition], kept)
    plan = _PLANS.get(policy.action.verb)
    if plan is not None:
        yield from plan(planning, policy, kept)
    elif policy.action.verb is Verb.PYTHON:
        yield from _plan_choices(planning, policy, kept)
    else:
        yield from _plan_each(planning, policy, policy.action, kept)
    return len(free) - len(kept) if policy.condition is None else 0


def _those_that(
    planning: Planning, condition: Condition, keys: Sequence[int]
) -> Procedure[list[int]]:
    found: list[int] = []
    for chunk in chunks(keys, 500):
        items = yield from load_items(
            planning.reading.names, planning.reading.accesses, chunk, skip_corrupt=True
        )
        by_id = {item.id: item for item in items}
        facts = yield from load_facts(chunk)
        found += [
            key for key, item_id, *_ in facts if item_id in by_id and condition(by_id[item_id])
        ]
    return found


def _plan_each(
    planning: Planning, policy: CheckedPolicy, action: Action, keys: Sequence[int]
) -> Procedure[None]:
    """Plan an action that concerns each item by itself, where it would change something."""
    if action.verb in (Verb.TAG, Verb.UNTAG):
        idle = yield from _tagged_wrong(action, keys)
        keys = [key for key in keys if key not in idle]
    would_change = _would_change(planning, action)
    for chunk in chunks(keys):
        facts = yield from load_facts(chunk)
        if action.verb is Verb.COMPRESS:
            facts = yield from _still_worth_packing(planning, facts, would_change)
        claim_each(planning, policy, action, facts, would_change)


def _still_worth_packing(
    planning: Planning, facts: Rows, would_change: Callable[[int, float, int, int], bool]
) -> Procedure[Rows]:
    """Return the facts without those of items that packing leaves as they are."""
    keys = [fact[0] for fact in facts if would_change(*fact[2:6])]
    in_vain = yield from find_in_vain(planning.reading.names, keys, planning.now)
    return [fact for fact in facts if fact[0] not in in_vain]


def _tagged_wrong(action: Action, keys: Sequence[int]) -> Procedure[frozenset[int]]:
    """Return the items that a tagging leaves as they are."""
    rows = yield Statement(
        "SELECT t.item_key FROM tags n JOIN item_tags t USING (tag_key) WHERE n.name = ?",
        (action.argument,),
    )
    tagged = frozenset(key for (key,) in rows)
    return tagged if action.verb is Verb.TAG else frozenset(keys) - tagged


def _would_change(planning: Planning, action: Action) -> Callable[[int, float, int, int], bool]:
    """Return whether an action changes an item of some tier, importance, codec and size."""
    match action.verb:
        case Verb.ARCHIVE:
            return lambda tier, _importance, _codec, _size: tier != 3
        case Verb.RESTORE:
            return lambda tier, _importance, _codec, _size: tier == 3
        case Verb.PROMOTE:
            return lambda tier, _importance, _codec, _size: tier > 0
        case Verb.DEMOTE:
            return lambda tier, _importance, _codec, _size: tier < 3
        case Verb.IMPORTANCE:
            wanted = action.argument
            return lambda _tier, importance, _codec, _size: importance != wanted
        case Verb.COMPRESS:
            below = planning.packable
            return lambda _tier, _importance, codec, size: codec < below and size >= PACK_FROM_BYTES
    return lambda _tier, _importance, _codec, _size: True


def _plan_choices(
    planning: Planning, policy: CheckedPolicy, keys: Sequence[int]
) -> Procedure[None]:
    """Plan what a registered action chooses for each item."""
    choose = planning.choices[str(policy.action.argument)]
    for chunk in chunks(keys, 500):
        items = yield from load_items(
            planning.reading.names, planning.reading.accesses, chunk, skip_corrupt=True
        )
        chosen = {item.id: choose(item) for item in items}
        facts = yield from load_facts(chunk)
        for fact in facts:
            text = chosen.get(fact[1])
            if text is not None:
                action = require_single(parse_action(text))
                would_change = _would_change(planning, action)
                wanted = [fact]
                if action.verb is Verb.COMPRESS:
                    wanted = yield from _still_worth_packing(planning, wanted, would_change)
                claim_each(planning, policy, action, wanted, would_change)


def require_single(action: Action) -> Action:
    """Return an action that concerns one item by itself.

    Raises:
        ValueError: it concerns several, or is a registered one again.
    """
    if action.verb in _PLANS or action.verb is Verb.PYTHON:
        raise ValueError(f"a registered action cannot choose {action_text(action)!r}")
    return action


_Plan: TypeAlias = Callable[[Planning, CheckedPolicy, Sequence[int]], Procedure[None]]
_PLANS: Final[Mapping[Verb, _Plan]] = {
    Verb.DEDUPLICATE: plan_duplicates,
    Verb.MERGE: plan_merges,
    Verb.CONSOLIDATE: plan_summaries,
}
"""Actions that concern several items together."""


def _warn(
    planning: Planning,
    policy: CheckedPolicy,
    keys: Sequence[int],
    total: int,
    pinned: Mapping[str, int],
) -> Procedure[None]:
    name = policy.policy.name
    if policy.filter is not None and matches_everything(policy.filter):
        planning.warnings.append(f"{name}: the condition holds for every item")
    if len(keys) > TOO_MUCH * max(total, 1):
        planning.warnings.append(
            f"{name}: would touch {len(keys):,} of {total:,} items "
            f"({len(keys) / max(total, 1):.0%})"
        )
    if pinned[name]:
        planning.warnings.append(
            f"{name}: {pinned[name]:,} pinned items match and stay as they are"
        )
    if policy.action.verb in (Verb.DELETE, Verb.ARCHIVE, Verb.CONSOLIDATE, Verb.MERGE):
        strong = yield from _strongly_linked(keys)
        if strong:
            planning.warnings.append(
                f"{name}: {strong:,} of the items have associations of strength {STRONG} or more"
            )


def _strongly_linked(keys: Sequence[int]) -> Procedure[int]:
    count = 0
    for chunk in chunks(keys):
        ((found,),) = yield Statement(
            "SELECT count(*) FROM json_each(?) e WHERE EXISTS (SELECT 1 FROM associations l "
            "WHERE l.source_key = e.value AND l.strength >= ?) OR EXISTS (SELECT 1 "
            "FROM associations l WHERE l.target_key = e.value AND l.strength >= ?)",
            (json_values(chunk), STRONG, STRONG),
        )
        count += found
    return count
