"""What an incremental backup holds: the changes since another one, and the rows they lead to.

The change log has before-images alone, so the final row of every item that changed goes with it,
as it is at the newest sequence, and the contents that either refers to. Names, counters, settings
and what else is small is taken whole. Packing is not logged: contents packed against others are
taken unpacked, and all of them that the chain's full backup cannot have.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import orjson

from engine.models import Codec
from engine.procedures.base import Procedure, Row, Rows, Statement
from engine.procedures.contents import COLUMNS, unpacked
from engine.procedures.names import json_values
from engine.procedures.trained import TrainedDictionaries

PAGE: Final = 250
"""Changes that are read at a time."""
ROWS: Final = 2_000
CONTENT_BYTES: Final = 4 * 1024 * 1024
"""Contents that are read at a time, unless a single one is larger."""

WHOLE: Final = {
    "meta": ("name", "value"),
    "agents": ("agent_key", "name"),
    "kinds": ("kind_key", "name"),
    "relations": ("relation_key", "name"),
    "actors": ("actor_key", "name"),
    "tags": ("tag_key", "name", "items"),
    "sessions": (
        "session_key", "name", "agent_key", "title", "state", "started_at", "ended_at", "metadata",
    ),
    "dictionaries": ("dictionary_key", "created_at", "contents", "data"),
    "counts": ("agent_key", "kind_key", "tier", "items"),
    "policies": ("name", "position", "condition", "action", "enabled"),
    "runs": (
        "run_key", "started_at", "ended_at", "state", "first_sequence", "last_sequence", "planned",
        "done", "facts", "plan",
    ),
    "custom_indexes": (
        "index_key", "name", "path", "created_at", "uses", "built_key", "indexed_sequence",
    ),
}  # fmt: skip
"""Tables that are taken as they are, with their columns."""
PARTS: Final = {
    "changes": (
        "sequence", "at", "actor_key", "operation", "item_id", "version", "batch", "undoes",
        "before", "content_key",
    ),
    "transitions": (
        "sequence", "item_key", "from_tier", "to_tier", "at", "reason", "score",
    ),
    "contents": ("content_key", "codec", "size_bytes", "data"),
    "items": (
        "item_key", "id", "agent_key", "kind_key", "tier", "importance", "created_at",
        "updated_at", "version", "session_key", "size_bytes", "hash", "metadata", "preview",
        "content_key",
    ),
    "access": ("item_key", "last_accessed_at", "access_count", "recent"),
    "item_tags": ("tag_key", "created_at", "item_key", "agent_key"),
    "strays": ("item_key",),
    "associations": (
        "source_key", "relation_key", "target_key", "strength", "created_at", "metadata",
    ),
    "messages": ("message_key", "session_key", "ordinal", "role", "at", "content"),
}  # fmt: skip
"""Tables of which the rows are taken that are new or changed."""
TOUCHED: Final = "touched"
"""The section of the ids of items that changed: what the earlier store has of them is void."""
FORGOTTEN: Final = "forgotten"
"""The section of the oldest change that is kept: what is older goes, moves between tiers too."""
COUNTED: Final = (
    "items", "changes", "item_tags", "associations", "strays", "transitions", "messages",
    "sessions", "agents", "kinds", "relations", "actors", "tags", "policies", "runs",
)  # fmt: skip
"""Tables whose rows manifests count."""


class Record(NamedTuple):
    """Rows of one section of an incremental backup: of a table, or of ids."""

    section: str
    rows: Rows


class Snapshot(NamedTuple):
    """What a store says about itself in one moment; times in microseconds."""

    store_id: str
    lineage: str
    schema_version: int
    store_created_at: int
    sequence: int
    oldest: int
    """The first change that is kept, 0 before there is one."""
    next_key: int
    message_key: int
    anchor: str
    counts: dict[str, int]


_COUNTS: Final = {table: f"SELECT count(*) FROM {table}" for table in COUNTED}
LINEAGE: Final = "lineage"
"""The name in `meta` of what tells a store that was set back from what it was before."""


def load_snapshot() -> Procedure[Snapshot]:
    """Return the facts of a store that manifests have."""
    rows = yield Statement("SELECT name, value FROM meta")
    meta: dict[str, Any] = dict(rows)
    ((version,),) = yield Statement("PRAGMA user_version")
    ((sequence, oldest),) = yield Statement(
        "SELECT coalesce(max(sequence), 0), coalesce(min(sequence), 0) FROM changes"
    )
    ((message_key,),) = yield Statement("SELECT coalesce(max(message_key), 0) FROM messages")
    counts: dict[str, int] = {}
    for table, sql in _COUNTS.items():
        ((counts[table],),) = yield Statement(sql)
    return Snapshot(
        meta["store_id"],
        str(meta.get(LINEAGE, "")),
        version,
        meta["created_at"],
        sequence,
        oldest,
        meta["next_item_key"],
        message_key,
        (yield from load_anchor(sequence)),
        counts,
    )


def load_anchor(sequence: int) -> Procedure[str]:
    """Return a digest of one change, by which a history is known again; of nothing for none."""
    rows = yield Statement(
        "SELECT sequence, at, actor_key, operation, item_id, version, before FROM changes "
        "WHERE sequence = ?",
        (sequence,),
    )
    return blake2b(orjson.dumps(rows), digest_size=32).hexdigest()


def load_first_at(after: int) -> Procedure[int | None]:
    """Return when the first change after a sequence was made, None if there is none."""
    rows = yield Statement(
        "SELECT at FROM changes WHERE sequence > ? ORDER BY sequence LIMIT 1", (after,)
    )
    return int(rows[0][0]) if rows else None


_WHOLE: Final = {
    table: f"SELECT {', '.join(columns)} FROM {table}" for table, columns in WHOLE.items()
}


def read_whole(table: str) -> Procedure[Record]:
    """Return all rows of one of the small tables."""
    rows = yield Statement(_WHOLE[table])
    return Record(table, rows)


class ChangesPage(NamedTuple):
    """A stretch of the change log, the items it is the last to touch, and contents to be read."""

    last: int
    ids: list[str]
    records: list[Record]
    contents: list[tuple[int, int]]
    """Key and bytes of each."""


def _select(table: str, where: str) -> str:
    return f"SELECT {', '.join(PARTS[table])} FROM {table} WHERE {where}"


_KEYS: Final = "(SELECT value FROM json_each(?))"
_CHANGES: Final = _select("changes", "sequence > ? AND sequence <= ? ORDER BY sequence LIMIT ?")
# Every item once: where the last of its changes is.
_LAST: Final = (
    "SELECT item_id FROM changes c WHERE sequence > ? AND sequence <= ? AND NOT EXISTS "
    "(SELECT 1 FROM changes d WHERE d.item_id = c.item_id AND d.sequence > c.sequence)"
)
_TRANSITIONS: Final = _select("transitions", "sequence > ? AND sequence <= ? ORDER BY sequence")
_ITEMS: Final = _select("items", f"id IN {_KEYS} ORDER BY item_key")
_OF_ITEMS: Final = {
    table: _select(table, f"item_key IN {_KEYS}") for table in ("access", "item_tags", "strays")
}
_LINKS: Final = tuple(
    _select("associations", f"{side} IN {_KEYS}") for side in ("source_key", "target_key")
)


def read_changes(after: int, through: int, root_key: int) -> Procedure[ChangesPage | None]:
    """Return the next changes after a sequence with what they lead to; None after the last.

    `root_key` is the first key that the chain's full backup cannot have.
    """
    changes = yield Statement(_CHANGES, (after, through, PAGE))
    if not changes:
        return None
    last = int(changes[-1][0])
    transitions = yield Statement(_TRANSITIONS, (after, last))
    touched = yield Statement(_LAST, (after, last))
    ids = [item_id for (item_id,) in touched]
    items = yield Statement(_ITEMS, (json_values(ids),))
    keys = json_values([row[0] for row in items])
    records = [Record(TOUCHED, touched), Record("items", items)]
    for table, sql in _OF_ITEMS.items():
        rows = yield Statement(sql, (keys,))
        records.append(Record(table, rows))
    for sql in _LINKS:
        rows = yield Statement(sql, (keys,))
        records.append(Record("associations", rows))
    records += [Record("changes", changes), Record("transitions", transitions)]
    wanted = {row[-1] for row in (*items, *changes)} - {None}
    sizes = yield Statement(
        f"SELECT content_key, size_bytes FROM contents WHERE content_key IN {_KEYS}",
        (json_values(sorted(key for key in wanted if key >= root_key)),),
    )
    return ChangesPage(
        last, ids, [record for record in records if record.rows], [(k, n) for k, n in sizes]
    )


def batches_of(contents: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Split contents, by key and bytes, into lists of keys that may be read at a time."""
    batches: list[list[int]] = []
    size = CONTENT_BYTES
    for key, size_bytes in contents:
        if size + size_bytes > CONTENT_BYTES:
            batches.append([])
            size = 0
        batches[-1].append(key)
        size += size_bytes
    return batches


def read_contents(trained: TrainedDictionaries, keys: Sequence[int]) -> Procedure[Record]:
    """Return contents that need nothing else to be read: unpacked, or packed by zstd alone."""
    rows = yield Statement(
        f"SELECT c.content_key, {COLUMNS} FROM contents c WHERE c.content_key IN {_KEYS}",
        (json_values(keys),),
    )
    rows = yield from unpacked(trained, rows, 1)
    return Record("contents", [_alone(row) for row in rows])


def _alone(row: Row) -> Row:
    key, codec, size, _, _, data = row
    return key, codec & 15 if codec >= Codec.JSON_DICTIONARY else codec, size, data


_READ_SINCE: Final = _select(
    "access", "(last_accessed_at, item_key) > (?, ?) ORDER BY last_accessed_at, item_key LIMIT ?"
)
_MESSAGES: Final = _select("messages", "message_key > ? ORDER BY message_key LIMIT ?")


def read_accesses(after: tuple[int, int]) -> Procedure[tuple[Record, tuple[int, int]] | None]:
    """Return a page of what was read after (time, row key), and where the next one begins."""
    rows = yield Statement(_READ_SINCE, (*after, ROWS))
    return (Record("access", rows), (rows[-1][1], rows[-1][0])) if rows else None


def read_messages(after: int) -> Procedure[tuple[Record, int] | None]:
    """Return a page of the messages after a key, and where the next one begins."""
    rows = yield Statement(_MESSAGES, (after, ROWS))
    return (Record("messages", rows), rows[-1][0]) if rows else None


_KEPT_MOVES: Final = _select(
    "transitions", "sequence > ? AND sequence < ? ORDER BY sequence LIMIT ?"
)


def read_kept_moves(after: int, oldest: int) -> Procedure[tuple[Record, int] | None]:
    """Return a page of the moves that outlived their changes, and where the next one begins."""
    rows = yield Statement(_KEPT_MOVES, (after, oldest, ROWS))
    return (Record("transitions", rows), rows[-1][0]) if rows else None
