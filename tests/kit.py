"""What the engine's tests share: a clock that tests move, and a thorough check of a store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import orjson

from engine import MemoryStore
from engine.backends.sqlite.driver import driver, run_procedure
from engine.backends.sqlite.schema import SCHEMA
from engine.procedures.contents import COLUMNS, unpacked
from engine.procedures.trained import TrainedDictionaries
from engine.serialization import PickledContent, decode
from engine.text import searchable_text

START = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)

OpenMemory: TypeAlias = Callable[..., Awaitable[MemoryStore]]
AssertSound: TypeAlias = Callable[[Path], None]


class ManualClock:
    """Strictly monotonic: every look moves it on by a millisecond, and tests by what they like."""

    def __init__(
        self, start: datetime = START, step: timedelta = timedelta(milliseconds=1)
    ) -> None:
        self.now = start
        self.step = step

    def __call__(self) -> int:
        """Return the moment in UTC microseconds, and move on."""
        self.now += self.step
        return (self.now - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)

    def advance(self, **duration: float) -> None:
        """Let time pass: `advance(days=3)`."""
        self.now += timedelta(**duration)


def check_sound(path: Path) -> None:
    """Raise unless structure, hashes, counters, tags, full text and change log all agree."""
    with closing(driver.connect(path, isolation_level=None)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        connection.execute("INSERT INTO items_text(items_text) VALUES ('integrity-check')")
        for what, (kept, recounted) in AGREEMENTS.items():
            assert rows(connection, kept) == rows(connection, recounted), what
        _check_contents(connection)
        _check_text(connection)


AGREEMENTS = {
    "counts": (
        "SELECT agent_key, kind_key, tier, items FROM counts WHERE items <> 0",
        "SELECT agent_key, kind_key, tier, count(*) FROM items GROUP BY 1, 2, 3",
    ),
    "tag counts": (
        "SELECT tag_key, items FROM tags WHERE items <> 0",
        "SELECT tag_key, count(*) FROM item_tags GROUP BY 1",
    ),
    "tags' own copy of the time and the agent": (
        "SELECT tag_key, item_key, created_at, agent_key FROM item_tags",
        (
            "SELECT tag_key, item_key, i.created_at, i.agent_key FROM item_tags "
            "JOIN items i USING (item_key)"
        ),
    ),
    "items that are not set apart are in order of time": (
        (
            "SELECT item_key FROM (SELECT item_key, created_at, max(created_at) OVER (ORDER BY "
            "item_key ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS earlier FROM items "
            "WHERE item_key NOT IN (SELECT item_key FROM strays)) WHERE created_at < earlier"
        ),
        "SELECT 1 WHERE 0",
    ),
    # An index of a function may be behind; that it has none but items holds all the same.
    "what indexes have exists": (
        "SELECT index_key, item_key FROM index_entries",
        (
            "SELECT index_key, item_key FROM index_entries JOIN items USING (item_key) "
            "JOIN custom_indexes USING (index_key)"
        ),
    ),
    "what is set apart exists": (
        "SELECT item_key FROM strays",
        "SELECT item_key FROM strays JOIN items USING (item_key)",
    ),
    "sequences without gap or repeat": (
        "SELECT count(*), coalesce(min(sequence), 1), coalesce(max(sequence), 0) FROM changes",
        (
            "SELECT count(*), coalesce(min(sequence), 1), "
            "coalesce(min(sequence), 1) + count(*) - 1 FROM changes"
        ),
    ),
    # The last change of an item says whether it is there, and at which version.
    "items and the change log": (
        # Of what was written before the oldest change that is kept, nothing is known.
        (
            "SELECT id, version FROM items WHERE (SELECT min(sequence) FROM changes) = 1 "
            "OR id IN (SELECT item_id FROM changes WHERE operation <> 5)"
        ),
        (
            "SELECT item_id, version FROM changes c WHERE sequence = (SELECT max(sequence) "
            "FROM changes d WHERE d.item_id = c.item_id AND d.operation <> 5) AND operation <> 3"
        ),
    ),
    "uses of contents": (
        "SELECT content_key, uses FROM contents",
        (
            "SELECT key, count(*) FROM (SELECT content_key AS key FROM items UNION ALL "
            "SELECT content_key FROM changes UNION ALL SELECT base_key FROM contents) "
            "WHERE key IS NOT NULL GROUP BY 1"
        ),
    ),
    "moves and the change log": (
        (
            "SELECT sequence, at FROM transitions "
            "WHERE sequence >= (SELECT min(sequence) FROM changes)"
        ),
        "SELECT sequence, at FROM changes WHERE before ->> '$.tier' IS NOT NULL AND operation = 2",
    ),
    "row keys are never used again": (
        "SELECT 1",
        (
            "SELECT coalesce(max(item_key), 0) < (SELECT value FROM meta "
            "WHERE name = 'next_item_key') FROM items"
        ),
    ),
}


def rows(connection: Any, sql: str) -> list[Any]:
    """Return the rows of a statement, sorted."""
    return sorted(connection.execute(sql).fetchall())


def _check_contents(connection: Any) -> None:
    for _, _, metadata in _decoded(connection, "i.metadata"):
        assert metadata is None or isinstance(orjson.loads(metadata), dict)


def _decoded(connection: Any, column: str) -> Iterator[tuple[str, Any, Any]]:
    """Yield id, content (proven by its hash) and one more column of every item."""
    rows = connection.execute(
        f"SELECT i.id, i.hash, {column}, {COLUMNS} "
        "FROM items i JOIN contents c ON c.content_key = i.content_key"
    ).fetchall()
    for row in run_procedure(connection, unpacked(TrainedDictionaries(), rows, 3)):
        item_id, digest, extra, codec, size, _, _, data = row
        yield item_id, decode(codec, data, size, digest, item_id=item_id), extra


def _check_text(connection: Any) -> None:
    """Compare the full-text index, word for word, with one made anew from the items."""
    (create,) = [sql for sql in SCHEMA if "items_text USING fts5" in sql]
    with closing(driver.connect(":memory:", isolation_level=None)) as fresh:
        fresh.execute(create)
        keys = {
            item_id: (key, agent)
            for key, item_id, agent in connection.execute(
                "SELECT item_key, id, agent_key FROM items"
            )
        }
        for item_id, content, _ in _decoded(connection, "NULL"):
            key, agent = keys[item_id]
            readable = None if isinstance(content, (bytes, PickledContent)) else content
            fresh.execute(
                "INSERT INTO items_text(rowid, text, scope) VALUES (?, ?, ?)",
                (key, searchable_text(item_id, readable), f"a{agent}"),
            )
        assert _words(connection) == _words(fresh), "full text and items disagree"


def _words(connection: Any) -> list[Any]:
    connection.execute(
        "CREATE VIRTUAL TABLE temp.words USING fts5vocab('main', 'items_text', 'instance')"
    )
    found = rows(connection, 'SELECT term, doc, col, "offset" FROM temp.words')
    connection.execute("DROP TABLE temp.words")
    return found
