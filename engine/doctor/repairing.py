"""Repairing in place what follows from the items: counters, full text, what belongs to nothing."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from engine.backends.sqlite.connection import connect_writer
from engine.backends.sqlite.driver import run_procedure, translated
from engine.backends.sqlite.opening import check_schema, prepare
from engine.clock import system_clock
from engine.doctor.agreement import CLEAR_ORPHANS
from engine.doctor.proof import CHUNK_ROWS, ITEMS, OnRows, proven, value_of
from engine.doctor.report import OnChecked, Repair
from engine.doctor.structure import tighten
from engine.errors import InvalidSettingError
from engine.procedures.base import Many, Procedure, Statement
from engine.procedures.revisions import scope_of
from engine.procedures.trained import TrainedDictionaries
from engine.text import searchable_text

BUSY_SECONDS: Final = 10.0
PERMISSIONS: Final = "permissions"

_CHANGED: Final = "SELECT total_changes()"


async def repair(
    path: str | os.PathLike[str], check: str, *, progress: OnChecked | None = None
) -> Repair:
    """Put right what a check found, in one transaction, beside whoever has the store open.

    Only what can be told from the items again: `REPAIRS` names the checks. No item changes.

    Raises:
        InvalidSettingError: this check has no repair.
        StoreError: the store cannot be opened, or is too damaged; nothing was changed.
    """
    if check not in REPAIRS:
        raise InvalidSettingError(
            f"{check!r} cannot be repaired in place", hint=f"there are {', '.join(REPAIRS)}"
        )
    tell = progress or (lambda _check, _done, _total: None)
    work = asyncio.ensure_future(asyncio.to_thread(_repair, Path(path), check, tell))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        # A transaction is not stopped in the middle of a commit: it ends, either way.
        await asyncio.wait([work])
        raise


def _repair(path: Path, check: str, progress: OnChecked) -> Repair:
    target = prepare(path, read_only=False, create=False, now=system_clock())
    if check == PERMISSIONS:
        return Repair(check=check, repaired=tighten(target.path))
    connection = connect_writer(target.path, durability="full", busy_timeout_seconds=BUSY_SECONDS)
    try:
        check_schema(connection, target.path)
        repaired = in_transaction(
            connection, _PROCEDURES[check](lambda done, total: progress(check, done, total))
        )
    finally:
        connection.close()
    return Repair(check=check, repaired=repaired)


def in_transaction(connection: Any, procedure: Procedure[int]) -> int:
    """Run a procedure in a transaction of its own, which ends as it does."""
    with translated():
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = run_procedure(connection, procedure)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    return result


def _counting(*statements: str) -> Procedure[int]:
    """Run statements; return how many rows they changed."""
    ((before,),) = yield Statement(_CHANGED)
    for sql in statements:
        yield Statement(sql)
    ((after,),) = yield Statement(_CHANGED)
    return int(after - before)


_DIFFERENCES: Final = """
    SELECT agent_key, kind_key, tier, sum(n) AS n FROM (
        SELECT agent_key, kind_key, tier, count(*) AS n FROM items GROUP BY 1, 2, 3 UNION ALL
        SELECT agent_key, kind_key, tier, -items FROM counts)
    GROUP BY 1, 2, 3 HAVING sum(n) <> 0"""


def repair_counters() -> Procedure[int]:
    """Count the items by agent, kind and tier again."""
    return (
        yield from _counting(
            f"INSERT INTO counts(agent_key, kind_key, tier, items) SELECT * FROM ({_DIFFERENCES}) "
            "WHERE true ON CONFLICT DO UPDATE SET items = items + excluded.items"
        )
    )


def repair_tag_counters() -> Procedure[int]:
    """Count the items of every tag again."""
    return (
        yield from _counting(
            "UPDATE tags SET items = c.n FROM (SELECT t.tag_key, count(l.item_key) AS n "
            "FROM tags t LEFT JOIN item_tags l ON l.tag_key = t.tag_key GROUP BY t.tag_key) c "
            "WHERE c.tag_key = tags.tag_key AND tags.items <> c.n"
        )
    )


def repair_uses() -> Procedure[int]:
    """Count again how often each content is referred to."""
    return (
        yield from _counting(
            "UPDATE contents SET uses = r.n FROM (SELECT c.content_key, count(u.key) AS n "
            "FROM contents c LEFT JOIN (SELECT content_key AS key FROM items UNION ALL "
            "SELECT content_key FROM changes WHERE content_key IS NOT NULL UNION ALL "
            "SELECT base_key FROM contents WHERE base_key IS NOT NULL) u "
            "ON u.key = c.content_key GROUP BY c.content_key) r "
            "WHERE r.content_key = contents.content_key AND contents.uses <> r.n"
        )
    )


def repair_orphans() -> Procedure[int]:
    """Delete what belongs to nothing, and count again what was counted with it."""
    deleted = yield from _counting(*CLEAR_ORPHANS)
    yield from repair_tag_counters()
    yield from repair_uses()
    return deleted


def repair_full_text(progress: OnRows) -> Procedure[int]:
    """Make the index anew from the items; what cannot be read is found by its id alone."""
    yield Statement("INSERT INTO items_text(items_text) VALUES ('delete-all')")
    ((total,),) = yield Statement("SELECT count(*) FROM items")
    trained = TrainedDictionaries()
    done, after = 0, -(2**63)
    while rows := (yield Statement(ITEMS.rows, (after, CHUNK_ROWS))):
        raws = yield from proven(trained, rows, 3)
        agents = yield Statement(
            "SELECT item_key, agent_key FROM items WHERE item_key BETWEEN ? AND ?",
            (rows[0][0], rows[-1][0]),
        )
        agent_of: dict[int, int] = dict(agents)
        yield Many(
            "INSERT INTO items_text(rowid, text, scope) VALUES (?, ?, ?)",
            [
                (key, _text(item_id, raw), scope_of(agent_of[key]))
                for (key, item_id, *_), raw in zip(rows, raws, strict=True)
            ],
        )
        after = rows[-1][0]
        done += len(rows)
        progress(done, total)
    yield Statement("DELETE FROM meta WHERE name = 'text_stale'")
    return done


def _text(item_id: str, raw: tuple[int, bytes] | None) -> str:
    try:
        return searchable_text(item_id, None if raw is None else value_of(*raw))
    except ValueError:
        return searchable_text(item_id, None)


_PROCEDURES: Final[dict[str, Callable[[OnRows], Procedure[int]]]] = {
    "full-text": repair_full_text,
    "counters": lambda _: repair_counters(),
    "tag-counters": lambda _: repair_tag_counters(),
    "uses": lambda _: repair_uses(),
    "orphans": lambda _: repair_orphans(),
}
REPAIRS: Final = (*_PROCEDURES, PERMISSIONS)
"""The checks whose findings `repair` can put right."""
