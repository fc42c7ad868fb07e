"""Numbered steps from schema version 1 to the present, each in one transaction.

A step is a list of SQL statements, run in order, and is never edited once released. The tables of
a new store come from `schema`; a test migrates a store of every earlier version and compares.
"""

from __future__ import annotations

from typing import Any

from engine.backends.sqlite.schema import SCHEMA_VERSION

STEPS: dict[int, tuple[str, ...]] = {
    2: ("CREATE INDEX item_tags_agent ON item_tags(agent_key, tag_key, created_at, item_key)",),
    3: (
        """CREATE TABLE contents(content_key INTEGER PRIMARY KEY, codec INTEGER NOT NULL,
        size_bytes INTEGER NOT NULL, uses INTEGER NOT NULL, dictionary_key INTEGER,
        base_key INTEGER, data BLOB NOT NULL) STRICT""",
        """CREATE TABLE dictionaries(dictionary_key INTEGER PRIMARY KEY,
        created_at INTEGER NOT NULL, contents INTEGER NOT NULL, data BLOB NOT NULL) STRICT""",
        "ALTER TABLE items ADD COLUMN content_key INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE changes ADD COLUMN content_key INTEGER",
        """INSERT INTO contents SELECT item_key, codec, size_bytes, 1, NULL, NULL, content
        FROM items ORDER BY item_key""",
        "UPDATE items SET content_key = item_key",
        # Keys that no item has or will have.
        """UPDATE changes SET content_key = numbered.content_key FROM (
            SELECT sequence, row_number() OVER (ORDER BY sequence) - 1 + value AS content_key
            FROM changes, meta WHERE name = 'next_item_key' AND content IS NOT NULL) AS numbered
        WHERE changes.sequence = numbered.sequence""",
        """INSERT INTO contents SELECT content_key, codec, before ->> '$.content.size', 1, NULL,
        NULL, content FROM changes WHERE content_key IS NOT NULL ORDER BY content_key""",
        """UPDATE meta SET value = 1 + (SELECT coalesce(max(content_key), 0) FROM contents)
        WHERE name = 'next_item_key' AND value <= (SELECT max(content_key) FROM contents)""",
        "ALTER TABLE items DROP COLUMN codec",
        "ALTER TABLE items DROP COLUMN content",
        "ALTER TABLE changes DROP COLUMN codec",
        "ALTER TABLE changes DROP COLUMN content",
        "ALTER TABLE access ADD COLUMN recent TEXT",
        "CREATE INDEX items_close ON items(agent_key, tier) WHERE tier < 2",
        """CREATE TABLE transitions(sequence INTEGER PRIMARY KEY, item_key INTEGER NOT NULL,
        from_tier INTEGER NOT NULL, to_tier INTEGER NOT NULL, at INTEGER NOT NULL,
        reason TEXT NOT NULL, score REAL) STRICT""",
        "CREATE INDEX transitions_item ON transitions(item_key, sequence)",
        """CREATE TABLE policies(name TEXT PRIMARY KEY, position INTEGER NOT NULL,
        condition TEXT NOT NULL, action TEXT NOT NULL,
        enabled INTEGER NOT NULL) STRICT, WITHOUT ROWID""",
        """CREATE TABLE runs(run_key INTEGER PRIMARY KEY, started_at INTEGER NOT NULL,
        ended_at INTEGER, state TEXT NOT NULL, first_sequence INTEGER, last_sequence INTEGER,
        planned INTEGER NOT NULL, done INTEGER NOT NULL, facts TEXT NOT NULL, plan BLOB) STRICT""",
        """CREATE TABLE custom_indexes(index_key INTEGER PRIMARY KEY, name TEXT UNIQUE, path TEXT,
        created_at INTEGER NOT NULL, uses INTEGER NOT NULL, built_key INTEGER,
        indexed_sequence INTEGER NOT NULL) STRICT""",
        """CREATE TABLE index_entries(index_key INTEGER NOT NULL REFERENCES custom_indexes,
        value ANY NOT NULL, created_at INTEGER NOT NULL,
        item_key INTEGER NOT NULL REFERENCES items,
        PRIMARY KEY(index_key, value, created_at, item_key)) STRICT, WITHOUT ROWID""",
        "CREATE INDEX index_entries_item ON index_entries(item_key, index_key)",
    ),
    4: ("INSERT INTO items_text(items_text, rank) VALUES ('crisismerge', 64)",),
}
"""The statements that lead from the version before to this one."""


def migrate(connection: Any, version: int) -> None:
    """Run every step after `version`; a step that fails leaves the store at the one before."""
    for following in range(version + 1, SCHEMA_VERSION + 1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            # Another process may have migrated while this one waited for the lock.
            (current,) = connection.execute("PRAGMA user_version").fetchone()
            if current < following:
                for sql in STEPS[following]:
                    connection.execute(sql)
                connection.execute(f"PRAGMA user_version={following}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
