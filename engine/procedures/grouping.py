"""Planning what concerns several items together: duplicates, near-duplicates, sessions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from engine.lifecycle.policy import CheckedPolicy
from engine.lifecycle.similar import find_groups
from engine.models import Codec
from engine.procedures.base import Procedure, Statement
from engine.procedures.candidates import (
    Candidate,
    Planning,
    chunks,
    claim,
    is_packable,
    load_candidates,
)
from engine.procedures.items import Stored, load_stored
from engine.procedures.names import json_values
from engine.procedures.revisions import text_of

SESSION_ITEMS_MIN: Final = 5
"""A session of fewer items than this has nothing to sum up."""


def plan_duplicates(
    planning: Planning, policy: CheckedPolicy, keys: Sequence[int]
) -> Procedure[None]:
    """Plan that items with the same content share it; the earliest one's is kept."""
    first: dict[bytes, Candidate] = {}
    for chunk in chunks(keys):
        candidates = yield from load_candidates(chunk)
        for candidate in candidates:
            kept = first.setdefault(candidate.digest, candidate)
            if kept.content_key != candidate.content_key:
                freed = candidate.stored_bytes if candidate.uses == 1 else 0
                claim(
                    planning, policy, policy.action, candidate, bytes_freed=freed,
                    related=(kept.id,),
                )  # fmt: skip


def plan_merges(planning: Planning, policy: CheckedPolicy, keys: Sequence[int]) -> Procedure[None]:
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
            claim(
                planning, policy, policy.action, member, bytes_freed=freed, related=(kept.id,),
                similarity=round(similarity, 3),
            )  # fmt: skip


def _worth(item: Stored) -> tuple[float, int, int]:
    return (-item.importance, -(item.last_accessed_at or 0), item.key)


def plan_summaries(
    planning: Planning, policy: CheckedPolicy, keys: Sequence[int]
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
                freed = max(0, member.stored_bytes - packed) if is_packable(planning, member) else 0
                claim(
                    planning, policy, policy.action, member, bytes_freed=freed,
                    related=(f"summary/{name}",),
                )  # fmt: skip
