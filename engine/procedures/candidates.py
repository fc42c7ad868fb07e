"""Items that a plan is made of: what planning knows of them, and claiming one for a policy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from engine.lifecycle.actions import Action, Verb, action_text
from engine.lifecycle.plan import PlannedChange
from engine.lifecycle.policy import CheckedPolicy
from engine.models import Item
from engine.procedures.base import Procedure, Rows, Statement
from engine.procedures.names import json_values
from engine.procedures.selection import Reading

CHUNK: Final = 5_000
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
class Planning:
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


def chunks(keys: Sequence[int], size: int = CHUNK) -> Iterator[Sequence[int]]:
    """Split keys into runs of `size`."""
    for start in range(0, len(keys), size):
        yield keys[start : start + size]


_FACTS: Final = (
    "SELECT i.item_key, i.id, i.tier, i.importance, c.codec, i.size_bytes, length(c.data) "
    "FROM json_each(?) e CROSS JOIN items i ON i.item_key = e.value "
    "JOIN contents c ON c.content_key = i.content_key"
)


def load_facts(keys: Iterable[int]) -> Procedure[Rows]:
    """Return the first seven fields of these items' candidates, in their order."""
    return (yield Statement(_FACTS, (json_values(keys),)))


def load_candidates(keys: Iterable[int]) -> Procedure[list[Candidate]]:
    """Return what planning needs to know of these items, in their order."""
    rows = yield Statement(_CANDIDATES, (json_values(keys),))
    return [Candidate(*row) for row in rows]


def is_packable(planning: Planning, candidate: Candidate) -> bool:
    """Return whether an item's content can be stored smaller than it is."""
    return candidate.codec < planning.packable and candidate.size_bytes >= PACK_FROM_BYTES


PACKING: Final = frozenset({Verb.ARCHIVE, Verb.DELETE, Verb.COMPRESS})
"""Actions after which a content is packed as small as it gets."""


def claim_each(
    planning: Planning,
    policy: CheckedPolicy,
    action: Action,
    facts: Rows,
    would_change: Callable[[int, float, int, int], bool],
) -> None:
    """Plan an action for those of some items that it would change.

    `would_change` is asked with an item's tier, importance, codec and size. One loop without calls
    for what may be a million items.
    """
    name, text = policy.policy.name, action_text(action)
    reason = policy.policy.when or "everything"
    share = planning.packed_share if action.verb in PACKING else None
    packable = planning.packable
    for key, item_id, tier, importance, codec, size, stored in facts:
        if not would_change(tier, importance, codec, size):
            continue
        freed = 0
        if share is not None and codec < packable and size >= PACK_FROM_BYTES:
            freed = max(0, stored - int(size * share))
        planning.claimed.add(key)
        planning.keys.append(key)
        planning.changes.append(PlannedChange(item_id, name, text, reason, freed))


def claim(
    planning: Planning,
    policy: CheckedPolicy,
    action: Action,
    candidate: Candidate,
    *,
    bytes_freed: int | None = None,
    related: tuple[str, ...] = (),
    similarity: float | None = None,
) -> None:
    """Plan an action for an item, which no later policy looks at then."""
    if bytes_freed is None:
        bytes_freed = 0
        if action.verb in PACKING and is_packable(planning, candidate):
            packed = int(candidate.size_bytes * planning.packed_share)
            bytes_freed = max(0, candidate.stored_bytes - packed)
    planning.claimed.add(candidate.key)
    planning.keys.append(candidate.key)
    planning.changes.append(
        PlannedChange(
            item_id=candidate.id,
            policy=policy.policy.name,
            action=action_text(action),
            reason=policy.policy.when or "everything",
            bytes_freed=bytes_freed,
            related=related,
            similarity=similarity,
        )
    )
