"""An incremental backup brought into the store it builds on, row by row.

Rows come as they were, with their keys; what is derived from them, full text and custom indexes,
follows from the difference. Uses of contents are counted on, and what nobody uses is dropped at
the very end of a chain: a later increment may refer to it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from engine.errors import CorruptBackupError, CorruptItemError
from engine.procedures.base import Deferred, Many, Procedure, Row, Rows, Statement, TextChange
from engine.procedures.increments import FORGOTTEN, PARTS, TOUCHED, WHOLE, Record
from engine.procedures.indexing import Definition, index_paths, load_definitions
from engine.procedures.items import Stored, load_stored
from engine.procedures.names import Names, json_values
from engine.procedures.repacking import release_contents
from engine.procedures.revisions import scope_of, text_of

_KEYS: Final = "(SELECT value FROM json_each(?))"
_EMPTY: Final = {table: f"DELETE FROM {table}" for table in WHOLE}
_INSERT: Final = {
    table: f"INSERT OR REPLACE INTO {table}({', '.join(columns)}) "
    f"VALUES ({', '.join('?' * len(columns))})"
    for table, columns in {**WHOLE, **PARTS}.items()
}
# A content that is there already says the same: it may be packed otherwise.
_CONTENT: Final = (
    "INSERT OR IGNORE INTO contents(content_key, codec, size_bytes, data, uses) "
    "VALUES (?, ?, ?, ?, 0)"
)
_USE: Final = "UPDATE contents SET uses = uses + ? WHERE content_key = ?"
_VOID: Final = tuple(
    f"DELETE FROM {table} WHERE {column} IN {_KEYS}"
    for table, column in (
        ("associations", "source_key"),
        ("associations", "target_key"),
        ("item_tags", "item_key"),
        ("access", "item_key"),
        ("strays", "item_key"),
        ("index_entries", "item_key"),
        ("items", "item_key"),
    )
)
_UNUSE_FORGOTTEN: Final = (
    "UPDATE contents SET uses = contents.uses - gone.uses FROM "
    "(SELECT content_key, count(*) AS uses FROM changes WHERE sequence < ? "
    "AND content_key IS NOT NULL GROUP BY 1) gone WHERE contents.content_key = gone.content_key"
)
_FORGET: Final = (
    _UNUSE_FORGOTTEN,
    "DELETE FROM changes WHERE sequence < ?",
    "DELETE FROM transitions WHERE sequence < ?",
)


@dataclass(slots=True)
class Replay:
    """One increment being brought in: the names of the store, and what is known of it so far."""

    names: Names
    indexes: list[Definition] = field(default_factory=list)
    """Custom indexes that follow the items; the others are built anew when they are needed."""
    old_texts: dict[int, tuple[str, str] | None] = field(default_factory=dict)
    """What full text has of the items whose rows were taken away last, by row key."""
    emptied: set[str] = field(default_factory=set)


def replay_record(replay: Replay, record: Record) -> Procedure[None]:
    """Bring one record in; records come in the order in which they were taken.

    Raises:
        CorruptBackupError: it is of no known section, or its rows are not of that table.
    """
    section, rows = record
    columns = {**WHOLE, **PARTS, TOUCHED: ("id",), FORGOTTEN: ("oldest",)}.get(section)
    if columns is None or any(len(row) != len(columns) for row in rows):
        raise CorruptBackupError(
            f"an incremental backup has rows that are not of {section!r:.80}",
            hint="use another backup",
        )
    if section == TOUCHED:
        yield from _take_away(replay, [row[0] for row in rows])
    elif section == FORGOTTEN:
        for (oldest,) in rows:
            for sql in _FORGET:
                yield Statement(sql, (oldest,))
    elif section == "items":
        yield from _bring_items(replay, rows)
    elif section == "contents":
        yield Many(_CONTENT, rows)
    elif section == "custom_indexes":
        yield from _bring_indexes(replay, rows)
    else:
        if section in WHOLE and section not in replay.emptied:
            replay.emptied.add(section)
            yield Statement(_EMPTY[section])
        yield Many(_INSERT[section], rows)
        if section == "changes":
            yield Many(_USE, [(1, row[-1]) for row in rows if row[-1] is not None])


def _take_away(replay: Replay, ids: Sequence[str]) -> Procedure[None]:
    """Take away all rows of items that changed, and note what full text has of them."""
    yield from _settle_texts(replay, {})
    rows = yield Statement(
        f"SELECT item_key, content_key FROM items WHERE id IN {_KEYS}", (json_values(ids),)
    )
    keys = [key for key, _ in rows]
    replay.old_texts = yield from _texts(replay, keys)
    for sql in _VOID:
        yield Statement(sql, (json_values(keys),))
    yield Many(_USE, [(-1, content_key) for _, content_key in rows])


def _texts(replay: Replay, keys: Iterable[int]) -> Procedure[dict[int, tuple[str, str] | None]]:
    """Return what full text has of items by row key: None for one whose words are not known."""
    stored = yield from load_stored(replay.names, keys=list(keys), content=True)
    agents = yield Statement("SELECT name, agent_key FROM agents")
    known: dict[str, int] = dict(agents)
    return {item.key: _text(item, known[item.agent]) for item in stored}


def _text(item: Stored, agent_key: int) -> tuple[str, str] | None:
    try:
        return text_of(item), scope_of(agent_key)
    except CorruptItemError:
        return None


def _bring_items(replay: Replay, rows: Rows) -> Procedure[None]:
    yield Many(_INSERT["items"], rows)
    yield Many(_USE, [(1, row[-1]) for row in rows])
    texts = yield from _texts(replay, [row[0] for row in rows])
    for index in replay.indexes:
        if index.path is not None:
            yield from index_paths(index.key, index.path, [row[0] for row in rows])
    yield from _settle_texts(replay, texts)


def _settle_texts(replay: Replay, new: dict[int, tuple[str, str] | None]) -> Procedure[None]:
    """Bring full text from what it had of the items taken away to what they are now."""
    old, replay.old_texts = replay.old_texts, {}
    if any(text is None for text in (*old.values(), *new.values())):
        yield Statement("INSERT INTO meta VALUES (?, 1) ON CONFLICT DO NOTHING", ("text_stale",))
    changes = [
        TextChange(key, old.get(key), new.get(key)) for key in sorted(old.keys() | new.keys())
    ]
    if changes:
        yield Deferred(changes)


def _bring_indexes(replay: Replay, rows: Rows) -> Procedure[None]:
    """Keep custom indexes over paths that were whole and stay; have all others built anew.

    Entries of a Python function can be had from that function alone.
    """
    before = yield from load_definitions()
    created = yield Statement("SELECT index_key, created_at FROM custom_indexes")
    was = {index.key: (index.path, index.built_key) for index in before}
    since: dict[int, int] = dict(created)
    yield Statement(_EMPTY["custom_indexes"])
    yield Many(_INSERT["custom_indexes"], rows)
    after = yield from load_definitions()
    now = {row[0]: row[3] for row in rows}
    replay.indexes = [
        index
        for index in after
        if index.path is not None
        and index.built_key is None
        and was.get(index.key) == (index.path, None)
        and since[index.key] == now[index.key]
    ]
    kept = json_values([index.key for index in replay.indexes])
    yield Statement(f"DELETE FROM index_entries WHERE index_key NOT IN {_KEYS}", (kept,))
    yield Statement(
        f"UPDATE custom_indexes SET built_key = -1 WHERE index_key NOT IN {_KEYS}", (kept,)
    )


def end_replay(replay: Replay) -> Procedure[None]:
    """Bring in what the last record left open."""
    yield from _settle_texts(replay, {})


def drop_unused() -> Procedure[None]:
    """Drop the contents that nobody refers to, after the last increment."""
    rows: list[Row] = yield Statement("SELECT content_key, base_key FROM contents WHERE uses = 0")
    for keys in _slices([key for key, _ in rows]):
        yield Statement(f"DELETE FROM contents WHERE content_key IN {_KEYS}", (json_values(keys),))
    yield from release_contents(base for _, base in rows if base is not None)


def _slices(keys: list[int]) -> Iterator[list[int]]:
    for at in range(0, len(keys), 10_000):
        yield keys[at : at + 10_000]


def count_dangling() -> Procedure[int]:
    """Return how many items and changes refer to a content that is not there: none, if whole."""
    ((items,),) = yield Statement(
        "SELECT count(*) FROM items i WHERE NOT EXISTS "
        "(SELECT 1 FROM contents c WHERE c.content_key = i.content_key)"
    )
    ((changes,),) = yield Statement(
        "SELECT count(*) FROM changes x WHERE content_key IS NOT NULL AND NOT EXISTS "
        "(SELECT 1 FROM contents c WHERE c.content_key = x.content_key)"
    )
    return int(items) + int(changes)
