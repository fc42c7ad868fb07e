"""Making a store of rows that were saved one by one: what agrees stays, the rest is put right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import orjson

from engine.doctor.agreement import CLEAR_ORPHANS
from engine.doctor.proof import EARLIER, ITEMS, OnRows, unproven
from engine.doctor.repairing import (
    repair_counters,
    repair_full_text,
    repair_tag_counters,
    repair_uses,
)
from engine.models import TIER_OF, Operation
from engine.procedures.base import Many, Procedure, Row, Statement
from engine.procedures.names import Names, ensure_keys, json_values

ACTOR: Final = "salvage"

_NAMELESS: Final = tuple(
    f"INSERT OR IGNORE INTO {table}({key}, name) SELECT DISTINCT {key}, 'lost-' || {key} "
    f"FROM {user} WHERE {key} IS NOT NULL AND {key} NOT IN (SELECT {key} FROM {table})"
    for table, key, user in (
        ("agents", "agent_key", "items"),
        ("kinds", "kind_key", "items"),
        ("actors", "actor_key", "changes"),
        ("relations", "relation_key", "associations"),
        ("tags", "tag_key", "item_tags"),
        ("sessions", "session_key", "items"),
        ("sessions", "session_key", "messages"),
    )
)
"""A name that is lost is replaced, so that what bears it keeps together."""
_DROP_UNREADABLE_CHANGES: Final = (
    "DELETE FROM changes WHERE (before IS NOT NULL AND NOT json_valid(before)) "
    "OR operation NOT BETWEEN 1 AND 5 OR sequence < 1"
)
_TIDY: Final = (
    "UPDATE sessions SET agent_key = NULL WHERE agent_key NOT IN (SELECT agent_key FROM agents)",
    "UPDATE sessions SET metadata = NULL WHERE metadata IS NOT NULL AND NOT json_valid(metadata)",
    "UPDATE items SET metadata = NULL WHERE metadata IS NOT NULL AND NOT json_valid(metadata)",
    "DELETE FROM items WHERE tier NOT BETWEEN 0 AND 3",
    "DELETE FROM custom_indexes WHERE name IS NULL OR (path IS NOT NULL AND NOT json_valid(path))",
    _DROP_UNREADABLE_CHANGES,
)
_SET_APART: Final = (
    "INSERT INTO strays SELECT item_key FROM (SELECT item_key, created_at, max(created_at) OVER "
    "(ORDER BY item_key ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS earlier FROM items) "
    "WHERE created_at < earlier"
)
_BUILD_AGAIN: Final = (
    "UPDATE custom_indexes SET built_key = -1, indexed_sequence = "
    "(SELECT coalesce(max(sequence), 0) FROM changes)"
)
_NEXT_KEY: Final = (
    "UPDATE meta SET value = 1 + (SELECT max(k) FROM (SELECT coalesce(max(item_key), 0) AS k "
    "FROM items UNION ALL SELECT coalesce(max(content_key), 0) FROM contents "
    "UNION ALL SELECT coalesce(max(item_key), 0) FROM transitions)) WHERE name = 'next_item_key'"
)
_ORDER: Final = (
    "DELETE FROM strays",
    _SET_APART,
    "DELETE FROM index_entries",
    _BUILD_AGAIN,
    _NEXT_KEY,
)
_FACTS: Final = (
    "SELECT i.item_key, i.id, a.name, k.name, i.tier, i.importance, i.created_at, i.updated_at, "
    "i.version, s.name, i.size_bytes, i.hash, i.metadata FROM items i "
    "JOIN agents a USING (agent_key) JOIN kinds k USING (kind_key) "
    "LEFT JOIN sessions s USING (session_key) "
    "WHERE i.item_key IN (SELECT value FROM json_each(?))"
)
_TAGS_OF: Final = (
    "SELECT l.item_key, t.name FROM item_tags l JOIN tags t USING (tag_key) "
    "WHERE l.item_key IN (SELECT value FROM json_each(?)) ORDER BY t.name"
)
_DELETED: Final = (
    "INSERT INTO changes(sequence, at, actor_key, operation, item_id, version, before) "
    "VALUES (?, ?, ?, ?, ?, ?, ?)"
)


@dataclass(frozen=True, slots=True)
class Mended:
    """What is in the store now, and the ids of the items that were taken out."""

    items: int
    changes: int
    missing_changes: int
    unproven: tuple[str, ...]
    earlier_lost: int
    """Changes whose content, of before, is lost."""


def mend(names: Names, now: int, progress: OnRows) -> Procedure[Mended]:
    """Take out items whose content is not as hashed, and make everything else agree.

    What is known of an item that is taken out is in the change log, as its deletion.
    """
    for sql in (*_NAMELESS, *_TIDY):
        yield Statement(sql)
    _, bad = yield from unproven(ITEMS, progress=progress)
    yield from _take_out(names, [key for key, _ in bad], now)
    _, lost = yield from unproven(EARLIER, progress=progress)
    yield Many(
        "UPDATE changes SET content_key = NULL WHERE sequence = ?", [(key,) for key, _ in lost]
    )
    for sql in (*CLEAR_ORPHANS, *_ORDER):
        yield Statement(sql)
    yield from repair_counters()
    yield from repair_tag_counters()
    yield from repair_uses()
    yield from repair_full_text(progress)
    ((items,),) = yield Statement("SELECT count(*) FROM items")
    # The oldest may have been forgotten on purpose: only gaps are known to be losses.
    ((changes, span),) = yield Statement(
        "SELECT count(*), coalesce(max(sequence) - min(sequence) + 1, 0) FROM changes"
    )
    return Mended(
        items, changes, span - changes, tuple(str(item_id) for _, item_id in bad), len(lost)
    )


def _take_out(names: Names, keys: list[int], now: int) -> Procedure[None]:
    if not keys:
        return
    bound = json_values(keys)
    facts = yield Statement(_FACTS, (bound,))
    tagged = yield Statement(_TAGS_OF, (bound,))
    tags: dict[int, list[str]] = {}
    for key, tag in tagged:
        tags.setdefault(key, []).append(tag)
    actors = yield from ensure_keys(names.actors, {ACTOR})
    ((last,),) = yield Statement("SELECT coalesce(max(sequence), 0) FROM changes")
    yield Many(
        _DELETED,
        [
            (last + place, now, actors[ACTOR], Operation.DELETE.value, row[1], row[8] + 1,
             orjson.dumps(_before(row, tags.get(row[0], []))).decode())
            for place, row in enumerate(facts, start=1)
        ],
    )  # fmt: skip
    yield Statement(
        "DELETE FROM items WHERE item_key IN (SELECT value FROM json_each(?))", (bound,)
    )


def _before(row: Row, tags: Iterable[str]) -> dict[str, Any]:
    (_, _, agent, kind, tier, importance, created_at, updated_at, _, session, size, digest,
     metadata) = row  # fmt: skip
    return {
        "agent": agent,
        "kind": kind,
        "tier": TIER_OF[tier].label,
        "importance": importance,
        "tags": list(tags),
        "metadata": orjson.loads(metadata) if metadata else {},
        "session_id": session,
        "created_at": created_at,
        "content": {"size": size, "hash": digest.hex()},
        "updated_at": updated_at,
    }
