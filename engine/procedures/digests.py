"""One number for all items of a store, by which a restored store is compared with the original.

It is the sum, modulo 2**256, of BLAKE2b-256 over each item's own fields: in any order, and when
items change, what they were is taken off and what they are is added.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import orjson

from engine.models import Operation, Tier
from engine.procedures.base import Procedure, Rows, Statement
from engine.procedures.names import json_values

MODULUS: Final = 1 << 256
PAGE: Final = 500
"""Rows in between which other threads have their turn."""
CHANGES: Final = 2_000
"""Changes that are read at a time."""


class DigestedItem(NamedTuple):
    """The fields of an item that count; tags sorted, metadata as stored, the hash hexadecimal."""

    id: str
    version: int
    agent: str
    kind: str
    tier: int
    importance: float
    created_at: int
    session: str | None
    tags: Sequence[str]
    metadata: str | None
    content: str


def item_number(item: DigestedItem) -> int:
    """Return what an item adds to the digest."""
    return int.from_bytes(blake2b(orjson.dumps(tuple(item)), digest_size=32).digest(), "big")


def as_digest(number: int) -> str:
    """Return a sum of `item_number` as 64 hexadecimal digits."""
    return f"{number % MODULUS:064x}"


class NamesByKey(NamedTuple):
    """All names of a store by their keys: read once, since every item has some."""

    agents: dict[int, str]
    kinds: dict[int, str]
    sessions: dict[int, str]
    tags: dict[int, str]


def load_all_names() -> Procedure[NamesByKey]:
    """Return the names that items may refer to."""
    found: list[dict[int, str]] = []
    for sql in (
        "SELECT agent_key, name FROM agents",
        "SELECT kind_key, name FROM kinds",
        "SELECT session_key, name FROM sessions",
        "SELECT tag_key, name FROM tags",
    ):
        rows = yield Statement(sql)
        found.append(dict(rows))
    return NamesByKey(*found)


_ITEMS: Final = (
    "SELECT i.item_key, i.id, i.version, i.agent_key, i.kind_key, i.tier, i.importance, "
    "i.created_at, i.session_key, "
    "(SELECT group_concat(t.tag_key) FROM item_tags t WHERE t.item_key = i.item_key), "
    "i.metadata, i.hash FROM items i "
)
_BY_IDS: Final = f"{_ITEMS} WHERE i.id IN (SELECT value FROM json_each(?))"
_AFTER: Final = f"{_ITEMS} WHERE i.item_key > ? ORDER BY i.item_key LIMIT ?"


def digest_page(names: NamesByKey, after: int) -> Procedure[tuple[int, int, int] | None]:
    """Return sum, number and last row key of the items after a row key; None after the last."""
    rows = yield Statement(_AFTER, (after, PAGE))
    if not rows:
        return None
    return sum(item_number(item) for item in _items(rows, names)), len(rows), int(rows[-1][0])


def _items(rows: Rows, names: NamesByKey) -> Iterable[DigestedItem]:
    for key, item_id, version, agent, kind, tier, importance, created, session, tags, meta, digest \
            in rows:  # fmt: skip
        del key
        yield DigestedItem(
            item_id,
            version,
            names.agents[agent],
            names.kinds[kind],
            tier,
            importance,
            created,
            None if session is None else names.sessions[session],
            sorted(names.tags[int(tag)] for tag in tags.split(",")) if tags else [],
            meta,
            digest.hex(),
        )


_SINCE: Final = (
    "SELECT sequence, item_id, operation, before, version FROM changes WHERE item_id IN "
    "(SELECT value FROM json_each(?)) AND sequence > ? AND sequence <= ? "
    "ORDER BY sequence DESC LIMIT ?"
)
_VERSIONS: Final = (
    "SELECT e.value, (SELECT version FROM changes c WHERE c.item_id = e.value AND c.sequence <= ? "
    f"AND c.operation <> {Operation.ASSOCIATE.value} ORDER BY c.sequence DESC LIMIT 1) "
    "FROM json_each(?) e"
)


def digest_difference(
    names: NamesByKey, ids: Sequence[str], after: int, through: int
) -> Procedure[int | None]:
    """Return what these items' changes after a sequence, up to the newest, add to the digest.

    None when the change log does not tell what they were: then all items have to be read.
    """
    bound = json_values(ids)
    rows = yield Statement(_BY_IDS, (bound,))
    now = {item.id: item for item in _items(rows, names)}
    total = sum(item_number(item) for item in now.values())
    states: dict[str, dict[str, Any] | None] = {
        item_id: now[item_id]._asdict() if item_id in now else None for item_id in ids
    }
    earliest: dict[str, int | None] = {}
    while True:
        # Of one item there may be any number of changes.
        rows = yield Statement(_SINCE, (bound, after, through, CHANGES))
        for _, item_id, operation, before, version in rows:
            states[item_id] = _before(states[item_id], item_id, operation, before)
            if operation != Operation.ASSOCIATE.value:
                earliest[item_id] = _version_before(operation, before, version)
        if len(rows) < CHANGES:
            break
        through = int(rows[-1][0]) - 1
    rows = yield Statement(_VERSIONS, (after, bound))
    for item_id, logged in rows:
        state = states[item_id]
        if state is None:
            continue
        version = logged if logged is not None else earliest.get(item_id)
        if version is None:
            return None
        total -= item_number(DigestedItem(**{**state, "version": version}))
    return total


def _version_before(operation: int, before: str | None, version: int) -> int | None:
    """Return the version that a change ended; None where the change alone does not tell."""
    # An item may come to another tier with a new version or without; all else is with one.
    moved = operation == Operation.UPDATE.value and (before or "").startswith('{"tier"')
    return None if moved else version - 1


_FIELDS: Final = {
    "agent": "agent",
    "kind": "kind",
    "importance": "importance",
    "created_at": "created_at",
    "session_id": "session",
    "tags": "tags",
}


def _before(
    state: dict[str, Any] | None, item_id: str, operation: int, before: str | None
) -> dict[str, Any] | None:
    """Return what an item was before a change, from what it was afterwards."""
    if operation == Operation.CREATE.value:
        return None
    if operation == Operation.ASSOCIATE.value or not before:
        return state
    logged = orjson.loads(before)
    earlier = dict(state or {"id": item_id, "version": 0})
    for name, column in _FIELDS.items():
        if name in logged:
            earlier[column] = logged[name]
    if "tier" in logged:
        earlier["tier"] = Tier[logged["tier"].upper()].value
    if "metadata" in logged:
        metadata = logged["metadata"]
        earlier["metadata"] = orjson.dumps(metadata).decode() if metadata else None
    if "content" in logged:
        earlier["content"] = logged["content"]["hash"]
    return earlier
