"""Numbered steps from schema version 1 to the present, each in one transaction.

A step is a list of SQL statements, run in order, and is never edited once released. The tables of
a new store come from `schema`; a test migrates a store of every earlier version and compares.
"""

from __future__ import annotations

from typing import Any

from engine.backends.sqlite.schema import SCHEMA_VERSION

STEPS: dict[int, tuple[str, ...]] = {
    2: ("CREATE INDEX item_tags_agent ON item_tags(agent_key, tag_key, created_at, item_key)",),
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
