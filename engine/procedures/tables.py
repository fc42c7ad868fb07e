"""The rows that a set of revisions comes to, table by table, and the statements that write them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from engine.procedures.base import Deferred, Many, Procedure, Row, Statement, TextChange
from engine.procedures.names import add_counts, json_values
from engine.procedures.retention import NOW, SCORE

COPIED_BYTES_MAX: Final = 16_384


@dataclass(slots=True)
class Work:
    """Rows to write, table by table, collected before anything is written."""

    contents: list[Row] = field(default_factory=list)
    used: list[Row] = field(default_factory=list)
    insert: list[Row] = field(default_factory=list)
    update: list[Row] = field(default_factory=list)
    delete: list[Row] = field(default_factory=list)
    untag: list[Row] = field(default_factory=list)
    tag: list[Row] = field(default_factory=list)
    text: list[TextChange] = field(default_factory=list)
    accessed: list[Row] = field(default_factory=list)
    refreshed: list[Row] = field(default_factory=list)
    unread: list[Row] = field(default_factory=list)
    strays: list[Row] = field(default_factory=list)
    changes: list[Row] = field(default_factory=list)
    moves: list[Row] = field(default_factory=list)
    stale_text: bool = False
    counts: Counter[tuple[int, int, int]] = field(default_factory=Counter)
    tag_counts: Counter[int] = field(default_factory=Counter)


# The driver takes a microsecond to bind NULL, or bytes, and a tenth of that for anything else: in
# a batch that is a tenth of all. So 0 stands for NULL, and a bytearray for bytes.
_INSERT = (
    "INSERT INTO items(item_key, id, agent_key, kind_key, tier, importance, created_at, "
    "updated_at, version, session_key, size_bytes, hash, metadata, preview, content_key) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, nullif(?, 0), ?, ?, nullif(?, 0), nullif(?, 0), ?)"
)
_UPDATE = (
    "UPDATE items SET agent_key = ?, kind_key = ?, tier = ?, importance = ?, created_at = ?, "
    "updated_at = ?, version = ?, session_key = nullif(?, 0), size_bytes = ?, hash = ?, "
    "metadata = nullif(?, 0), preview = nullif(?, 0), content_key = ? WHERE item_key = ?"
)
_CONTENT = "INSERT INTO contents(content_key, codec, size_bytes, uses, data) VALUES (?, ?, ?, 1, ?)"
_UNTAG = "DELETE FROM item_tags WHERE tag_key = ? AND created_at = ? AND item_key = ?"
_TAG = "INSERT INTO item_tags(tag_key, created_at, item_key, agent_key) VALUES (?, ?, ?, ?)"
_ACCESSED = "INSERT INTO access(item_key, last_accessed_at, access_count) VALUES (?, ?, ?)"
_REFRESHED = (
    "INSERT INTO access(item_key, last_accessed_at, access_count) VALUES (?, ?, 0) "
    "ON CONFLICT DO UPDATE SET last_accessed_at = excluded.last_accessed_at"
)
_MOVE = (
    "INSERT INTO transitions(sequence, item_key, from_tier, to_tier, at, reason, score) "
    f"SELECT m.sequence, i.item_key, m.from_tier, i.tier, m.at, m.reason, {SCORE} "
    f"FROM {NOW} "
    "CROSS JOIN (SELECT ? AS sequence, ? AS from_tier, ? AS at, ? AS reason, ? AS key) m "
    "CROSS JOIN items i ON i.item_key = m.key LEFT JOIN access a ON a.item_key = i.item_key"
)
_CHANGE = (
    "INSERT INTO changes(sequence, at, actor_key, operation, item_id, version, undoes, before, "
    "content_key, batch) "
    "VALUES (?, ?, ?, ?, ?, ?, nullif(?, 0), nullif(?, 0), nullif(?, 0), nullif(?, 0))"
)


def bound(data: bytes) -> bytes | bytearray:
    """Return content as the driver binds it fastest; to copy much costs more than that gains."""
    return bytearray(data) if len(data) <= COPIED_BYTES_MAX else data


def allocate_keys(count: int) -> Procedure[int]:
    """Return the first of `count` keys of items and contents that were never used."""
    ((following,),) = yield Statement(
        "UPDATE meta SET value = value + ? WHERE name = 'next_item_key' RETURNING value", (count,)
    )
    return int(following) - count


def write_rows(work: Work) -> Procedure[None]:
    """Write the collected rows; children go before the items they belong to."""
    yield from _write(_UNTAG, work.untag)
    if work.delete:
        keys = json_values(key for (key,) in work.delete)
        for sql in _DELETE_ITEMS:
            yield Statement(sql, (keys,))
    yield from _write(_CONTENT, work.contents)
    yield from _write("UPDATE contents SET uses = uses + 1 WHERE content_key = ?", work.used)
    yield from _write(_INSERT, work.insert)
    yield from _write(_UPDATE, work.update)
    yield from _write(_TAG, work.tag)
    yield from _write(_ACCESSED, work.accessed)
    yield from _write(_REFRESHED, work.refreshed)
    yield from _write("DELETE FROM access WHERE item_key = ? AND access_count = 0", work.unread)
    yield from _write("INSERT OR IGNORE INTO strays VALUES (?)", work.strays)
    yield from add_counts(work.counts)
    tag_counts = [(n, key) for key, n in work.tag_counts.items() if n]
    yield from _write("UPDATE tags SET items = items + ? WHERE tag_key = ?", tag_counts)
    if work.text:
        yield Deferred(work.text)
    if work.stale_text:
        yield Statement("INSERT INTO meta VALUES ('text_stale', 1) ON CONFLICT DO NOTHING")
    yield from _write(_CHANGE, work.changes)
    yield from _write(_MOVE, work.moves)


def _write(sql: str, rows: list[Row]) -> Procedure[None]:
    if rows:
        yield Many(sql, rows)


_DELETE_ITEMS: Final = tuple(
    f"DELETE FROM {table} WHERE {column} IN (SELECT value FROM json_each(?))"
    for table, column in (
        ("associations", "source_key"),
        ("associations", "target_key"),
        ("access", "item_key"),
        ("strays", "item_key"),
        ("index_entries", "item_key"),
        ("items", "item_key"),
    )
)
