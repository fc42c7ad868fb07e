"""Small questions: facts about the store, and what a value may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from engine.errors import InvalidFilterError
from engine.procedures.base import Procedure, Statement
from engine.query.sql import prefix_end


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """What a store says about itself; time in microseconds."""

    store_id: str
    schema_version: int
    created_at: int
    items: int
    sequence: int


def store_facts() -> Procedure[StoreFacts]:
    """Return the store's identity and size."""
    rows = yield Statement("SELECT name, value FROM meta")
    meta: dict[str, Any] = dict(rows)
    ((version,),) = yield Statement("PRAGMA user_version")
    ((items,),) = yield Statement("SELECT coalesce(sum(items), 0) FROM counts")
    ((sequence,),) = yield Statement("SELECT coalesce(max(sequence), 0) FROM changes")
    return StoreFacts(meta["store_id"], version, meta["created_at"], items, sequence)


_COMPLETIONS: Final = {
    "tag": "SELECT name, items FROM tags WHERE name >= ? AND name < ? AND items > 0 "
    "ORDER BY items DESC, name LIMIT ?",
    "agent": "SELECT n.name, sum(c.items) FROM agents n JOIN counts c USING (agent_key) "
    "WHERE n.name >= ? AND n.name < ? GROUP BY 1 HAVING sum(c.items) > 0 "
    "ORDER BY 2 DESC, 1 LIMIT ?",
    "kind": "SELECT n.name, sum(c.items) FROM counts c JOIN kinds n USING (kind_key) "
    "WHERE n.name >= ? AND n.name < ? GROUP BY 1 HAVING sum(c.items) > 0 "
    "ORDER BY 2 DESC, 1 LIMIT ?",
    "session": "SELECT name, (SELECT count(*) FROM items i "
    "WHERE i.session_key = s.session_key) FROM sessions s "
    "WHERE name >= ? AND name < ? ORDER BY started_at DESC, session_key DESC LIMIT ?",
    "index": "SELECT name, 0 FROM custom_indexes WHERE name >= ? AND name < ? "
    "ORDER BY uses DESC, name LIMIT ?",
    # The newest items stand for all: reading every item's metadata would take too long.
    "metadata": "SELECT m.key, count(*) FROM (SELECT metadata FROM items "
    "ORDER BY created_at DESC LIMIT 2000) i, json_each(i.metadata) m "
    "WHERE m.key >= ? AND m.key < ? GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ?",
}


def complete(field: str, prefix: str, limit: int) -> Procedure[list[tuple[str, int]]]:
    """Return values of a field that begin with `prefix`, most frequent first.

    Raises:
        InvalidFilterError: values of this field are not listed.
    """
    sql = _COMPLETIONS.get(field)
    if sql is None:
        raise InvalidFilterError(
            f"there is no list of values for {field!r}", hint=f"use {', '.join(_COMPLETIONS)}"
        )
    rows = yield Statement(sql, (prefix, prefix_end(prefix), limit))
    return [(name, count) for name, count in rows]
