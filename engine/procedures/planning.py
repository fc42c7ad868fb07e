"""Planning: what policies would do to a store, told from one snapshot that nothing changes.

Policies are taken in order. An item is claimed by the first that would change it, and is not
looked at again: whatever that one leaves of it, the later ones would act on it in the next run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from engine.clock import to_datetime
from engine.lifecycle.actions import Action, Verb, action_text, parse_action
from engine.lifecycle.coverage import matches_everything
from engine.lifecycle.plan import Plan, PlannedChange
from engine.lifecycle.policies import conflicts
from engine.lifecycle.policy import CheckedPolicy
from engine.lifecycle.similar import find_groups
from engine.models import Codec, Item, Tier
from engine.procedures.base import Procedure, Statement
from engine.procedures.history import newest_sequence
from engine.procedures.items import Stored, load_items, load_stored
from engine.procedures.moving import PINNED_KEYS
from engine.procedures.names import json_values
from engine.procedures.revisions import text_of
from engine.procedures.selection import Reading, all_keys, count_items
from engine.query import EVERYTHING

CHUNK: Final = 5_000
TOO_MUCH: Final = 0.2
"""A policy that would touch more than this part of the store is worth a warning."""
STRONG: Final = 0.8
"""An association of this strength says that somebody meant two items to stay together."""
SESSION_ITEMS_MIN: Final = 5
"""A session of fewer items than this has nothing to sum up."""
PACKED_SHARE: Final = 0.4
"""What packing leaves of a content, until the store has packed some of its own."""
PACK_FROM_BYTES: Final = 64

Progress: TypeAlias = Callable[[int, int], None]
Condition: TypeAlias = Callable[[Item], bool]
Choice: TypeAlias = Callable[[Item], str | None]
"""A registered action: says of an item what shall be done to it, None for nothing."""


class Candidate(NamedTuple):
    """What planning needs to know of an item."""

    key: int
    id: str
    tier: int
    importance: float
    codec: int
    size_bytes: int
    stored_bytes: int
    uses: int
    content_key: int
    digest: bytes
    session_key: int | None


_CANDIDATES: Final = (
    "SELECT i.item_key, i.id, i.tier, i.importance, c.codec, i.size_bytes, length(c.data), c.uses, "
    "i.content_key, i.hash, i.session_key FROM json_each(?) e CROSS JOIN items i "
    "ON i.item_key = e.value JOIN contents c ON c.content_key = i.content_key"
)


@dataclass(slots=True)
class _Planning:
    """What a plan is put together from."""

    reading: Reading
    now: int
    conditions: Mapping[str, Condition]
    choices: Mapping[str, Choice]
    progress: Progress
    packed_share: float
    packable: int
    """Contents of a codec below this can be packed smaller."""
    pinned: frozenset[int]
    claimed: set[int] = field(default_factory=set)
    changes: list[PlannedChange] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)
    """Of the items of `changes`, in the same order."""
    warnings: list[str] = field(default_factory=list)


def make_plan_of(
    reading: Reading,
    store_id: str,
    policies: Sequence[CheckedPolicy],
    now: int,
    *,
    conditions: Mapping[str, Condition],
    choices: Mapping[str, Choice],
    progress: Progress,
) -> Procedure[Plan]:
    """Return what the policies would do, in order, to the store as it is."""
    sequence = yield from newest_sequence()
    total = yield from count_items(reading, EVERYTHING, now)
    share = yield Statement("SELECT value FROM meta WHERE name = 'packed_share'")
    trained = yield Statement("SELECT 1 FROM dictionaries LIMIT 1")
    rows = yield Statement(PINNED_KEYS)
    planning = _Planning(
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
    return Plan(
        store_id=store_id,
        sequence=sequence,
        planned_at=to_datetime(now),
        policies=tuple(policy.policy for policy in policies),
        changes=tuple(planning.changes),
        pinned=pinned,
        warnings=(*conflicts(policy.policy for policy in policies), *planning.warnings),
    )


def _plan_policy(planning: _Planning, policy: CheckedPolicy) -> Procedure[int]:
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
    planning: _Planning, condition: Condition, keys: Sequence[int]
) -> Procedure[list[int]]:
    found: list[int] = []
    for chunk in chunks(keys, 500):
        items = yield from load_items(
            planning.reading.names, planning.reading.accesses, chunk, skip_corrupt=True
        )
        by_id = {item.id: item for item in items}
        candidates = yield from load_candidates(chunk)
        found += [c.key for c in candidates if c.id in by_id and condition(by_id[c.id])]
    return found


def chunks(keys: Sequence[int], size: int = CHUNK) -> Iterator[Sequence[int]]:
    """Split keys into runs of `size`."""
    for start in range(0, len(keys), size):
        yield keys[start : start + size]


def load_candidates(keys: Iterable[int]) -> Procedure[list[Candidate]]:
    """Return what planning needs to know of these items, in their order."""
    rows = yield Statement(_CANDIDATES, (json_values(keys),))
    return [Candidate(*row) for row in rows]


def _plan_each(
    planning: _Planning, policy: CheckedPolicy, action: Action, keys: Sequence[int]
) -> Procedure[None]:
    """Plan an action that concerns each item by itself, where it would change something."""
    idle: frozenset[int] = frozenset()
    if action.verb in (Verb.TAG, Verb.UNTAG):
        idle = yield from _tagged_wrong(action, keys)
    for chunk in chunks(keys):
        candidates = yield from load_candidates(chunk)
        for candidate in candidates:
            if candidate.key not in idle and _would_change(planning, action, candidate):
                _claim(planning, policy, action, candidate)


def _tagged_wrong(action: Action, keys: Sequence[int]) -> Procedure[frozenset[int]]:
    """Return the items that a tagging leaves as they are."""
    rows = yield Statement(
        "SELECT t.item_key FROM tags n JOIN item_tags t USING (tag_key) WHERE n.name = ?",
        (action.argument,),
    )
    tagged = frozenset(key for (key,) in rows)
    return tagged if action.verb is Verb.TAG else frozenset(keys) - tagged


def _would_change(planning: _Planning, action: Action, candidate: Candidate) -> bool:
    match action.verb:
        case Verb.ARCHIVE:
            return candidate.tier != Tier.ARCHIVE
        case Verb.RESTORE:
            return candidate.tier == Tier.ARCHIVE
        case Verb.PROMOTE:
            return candidate.tier > Tier.WORKING
        case Verb.DEMOTE:
            return candidate.tier < Tier.ARCHIVE
        case Verb.IMPORTANCE:
            return candidate.importance != action.argument
        case Verb.COMPRESS:
            return _is_packable(planning, candidate)
    return True


def _is_packable(planning: _Planning, candidate: Candidate) -> bool:
    return candidate.codec < planning.packable and candidate.size_bytes >= PACK_FROM_BYTES


PACKING: Final = frozenset({Verb.ARCHIVE, Verb.DELETE, Verb.COMPRESS})
"""Actions after which a content is packed as small as it gets."""


# The same few actions for every item of a plan.
_text = lru_cache(maxsize=256)(action_text)


def _claim(
    planning: _Planning,
    policy: CheckedPolicy,
    action: Action,
    candidate: Candidate,
    *,
    bytes_freed: int | None = None,
    related: tuple[str, ...] = (),
    similarity: float | None = None,
) -> None:
    if bytes_freed is None:
        bytes_freed = 0
        if action.verb in PACKING and _is_packable(planning, candidate):
            packed = int(candidate.size_bytes * planning.packed_share)
            bytes_freed = max(0, candidate.stored_bytes - packed)
    planning.claimed.add(candidate.key)
    planning.keys.append(candidate.key)
    planning.changes.append(
        PlannedChange(
            item_id=candidate.id,
            policy=policy.policy.name,
            action=_text(action),
            reason=policy.policy.when or "everything",
            bytes_freed=bytes_freed,
            related=related,
            similarity=similarity,
        )
    )


def _plan_choices(
    planning: _Planning, policy: CheckedPolicy, keys: Sequence[int]
) -> Procedure[None]:
    """Plan what a registered action chooses for each item."""
    choose = planning.choices[str(policy.action.argument)]
    for chunk in chunks(keys, 500):
        items = yield from load_items(
            planning.reading.names, planning.reading.accesses, chunk, skip_corrupt=True
        )
        chosen = {item.id: choose(item) for item in items}
        candidates = yield from load_candidates(chunk)
        for candidate in candidates:
            text = chosen.get(candidate.id)
            if text is not None:
                action = require_single(parse_action(text))
                if _would_change(planning, action, candidate):
                    _claim(planning, policy, action, candidate)


def require_single(action: Action) -> Action:
    """Return an action that concerns one item by itself.

    Raises:
        ValueError: it concerns several, or is a registered one again.
    """
    if action.verb in _PLANS or action.verb is Verb.PYTHON:
        raise ValueError(f"a registered action cannot choose {action_text(action)!r}")
    return action


def _plan_duplicates(
    planning: _Planning, policy: CheckedPolicy, keys: Sequence[int]
) -> Procedure[None]:
    """Plan that items with the same content share it; the earliest one's is kept."""
    first: dict[bytes, Candidate] = {}
    for chunk in chunks(keys):
        candidates = yield from load_candidates(chunk)
        for candidate in candidates:
            kept = first.setdefault(candidate.digest, candidate)
            if kept.content_key != candidate.content_key:
                freed = candidate.stored_bytes if candidate.uses == 1 else 0
                _claim(
                    planning, policy, policy.action, candidate, bytes_freed=freed,
                    related=(kept.id,),
                )  # fmt: skip


def _plan_merges(
    planning: _Planning, policy: CheckedPolicy, keys: Sequence[int]
) -> Procedure[None]:
    """Plan that near-duplicates are kept as differences from the one that is worth most."""
    candidates: dict[int, Candidate] = {}
    worth: dict[int, tuple[float, int, int]] = {}
    texts: list[tuple[int, str]] = []
    for chunk in chunks(keys, 1_000):
        found = yield from load_candidates(chunk)
        candidates.update({c.key: c for c in found})
        stored = yield from load_stored(planning.reading.names, keys=chunk, content=True)
        worth.update({item.key: _worth(item) for item in stored})
        texts += [
            (item.key, text_of(item).partition("\n")[2])
            for item in stored
            if item.codec.base in (Codec.TEXT, Codec.JSON)
        ]
    texts.sort(key=lambda pair: worth[pair[0]])
    groups = find_groups(
        texts, threshold=float(policy.action.argument or 0.8), progress=planning.progress
    )
    for group in groups:
        kept = candidates[group.kept]
        if kept.key in planning.claimed:
            continue
        # Only what nothing else is claimed for in this run can be merged into.
        planning.claimed.add(kept.key)
        for key, similarity in group.members:
            member = candidates[key]
            freed = max(0, member.stored_bytes - int(member.size_bytes * (1.05 - similarity)))
            _claim(
                planning, policy, policy.action, member, bytes_freed=freed, related=(kept.id,),
                similarity=round(similarity, 3),
            )  # fmt: skip


def _worth(item: Stored) -> tuple[float, int, int]:
    return (-item.importance, -(item.last_accessed_at or 0), item.key)


def _plan_summaries(
    planning: _Planning, policy: CheckedPolicy, keys: Sequence[int]
) -> Procedure[None]:
    """Plan that the items of a session are summed up in one and archived."""
    sessions: dict[int, list[Candidate]] = defaultdict(list)
    for chunk in chunks(keys):
        candidates = yield from load_candidates(chunk)
        for candidate in candidates:
            if candidate.session_key is not None:
                sessions[candidate.session_key].append(candidate)
    rows = yield Statement(
        "SELECT s.session_key, s.name FROM json_each(?) e JOIN sessions s "
        "ON s.session_key = e.value WHERE NOT EXISTS (SELECT 1 FROM items "
        "WHERE id = 'summary/' || s.name)",
        (json_values(sorted(sessions)),),
    )
    for session_key, name in sorted(rows):
        members = sessions[session_key]
        if len(members) >= SESSION_ITEMS_MIN:
            for member in members:
                packed = int(member.size_bytes * planning.packed_share)
                freed = (
                    max(0, member.stored_bytes - packed) if _is_packable(planning, member) else 0
                )
                _claim(
                    planning, policy, policy.action, member, bytes_freed=freed,
                    related=(f"summary/{name}",),
                )  # fmt: skip


_Plan: TypeAlias = Callable[[_Planning, CheckedPolicy, Sequence[int]], Procedure[None]]
_PLANS: Final[Mapping[Verb, _Plan]] = {
    Verb.DEDUPLICATE: _plan_duplicates,
    Verb.MERGE: _plan_merges,
    Verb.CONSOLIDATE: _plan_summaries,
}
"""Actions that concern several items together."""


def _warn(
    planning: _Planning,
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
