"""Salvage: a new store of everything that can still be read of a damaged one."""

from __future__ import annotations

import asyncio
import mmap
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from engine.backends.sqlite.connection import connect
from engine.backends.sqlite.driver import run_procedure, translated
from engine.backends.sqlite.making import COPY_SUFFIX, making_store, refuse_journal
from engine.backends.sqlite.opening import absolute
from engine.backends.sqlite.schema import SCHEMA_VERSION
from engine.clock import system_clock
from engine.doctor import harvest as reading
from engine.doctor.agreement import SALVAGED
from engine.doctor.mending import Mended, mend
from engine.doctor.pages import Journal, Pages, read_journal
from engine.doctor.private import copy_privately
from engine.doctor.report import OnChecked
from engine.errors import (
    CorruptStoreError,
    SchemaTooNewError,
    StorageError,
    StoreNotFoundError,
    UnsafePathError,
)
from engine.procedures.names import Names

LOST_NAMED_MAX: Final = 100_000
"""So many ids of lost items are kept, to be filled in later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SalvageReport:
    """What was saved of a store, and what was not."""

    path: str
    items: int
    """Saved, each proven by its hash."""
    lost: tuple[str, ...]
    """Ids of items that were there and could not be saved, as far as they are known."""
    changes: int
    missing_changes: int
    rows: Mapping[str, int]
    """Rows that were found, by table."""
    lost_pages: int
    lost_rows: int
    journal: str
    """`none`, `used`, `damaged` (used as far as it could be read) or `foreign` (not used)."""

    @property
    def complete(self) -> bool:
        """Whether nothing is known to be lost."""
        return not (self.lost or self.missing_changes or self.lost_pages or self.lost_rows)


async def salvage(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    progress: OnChecked | None = None,
) -> SalvageReport:
    """Make at `out`, where nothing may be, a new store of all that is readable of another.

    It need not be possible to open the one at `path`: its header, its schema and any of its pages
    may be gone. It is copied beside `out` first, and never written to. Items are saved when their
    content is what was stored; the others are in the report. `progress` is called on another
    thread.

    Raises:
        StoreNotFoundError: there is nothing at `path`.
        StorageError: `out` exists, or cannot be written; nothing is left of it.
        StoreBusyError: others have the store open, and it cannot be copied meanwhile.
        CorruptStoreError: nothing of a store is in the file.
        SchemaTooNewError: it is of another version of the engine.
    """
    tell = progress or (lambda _stage, _done, _total: None)
    work = asyncio.ensure_future(asyncio.to_thread(_salvage, Path(path), Path(out), tell))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        raise


def _salvage(path: Path, out: Path, progress: OnChecked) -> SalvageReport:
    path, out = absolute(path), absolute(out)
    if not os.path.lexists(path):
        raise StoreNotFoundError(f"there is no store at {path}", hint="check the path")
    if path.is_symlink() or not path.is_file():
        raise UnsafePathError(f"{path.name} is not a regular file", hint="a store is a plain file")
    if os.path.lexists(out):
        raise StorageError(f"{out} exists already", hint="choose another name")
    refuse_journal(out)
    if not out.parent.is_dir():
        raise StorageError(f"there is no directory {str(out.parent)!r}", hint="make it first")
    now = system_clock()
    progress("copying", 0, 0)
    with making_store(out, now) as made:
        copy = made.with_name(f"{made.name}{COPY_SUFFIX}")
        copy_privately(path, copy)
        with _mapped(copy) as data, _mapped(copy.with_name(f"{copy.name}-wal")) as log:
            return _rebuild(made, data, log, path, out, now, progress)


@contextmanager
def _mapped(path: Path) -> Iterator[Any]:
    """Give the bytes of a file of our own without reading all of it."""
    if not path.exists() or path.stat().st_size == 0:
        yield b""
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        yield data


def _rebuild(
    made: Path, data: Any, log: Any, path: Path, out: Path, now: int, progress: OnChecked
) -> SalvageReport:
    with closing(connect(made, read_only=False, busy_timeout_seconds=5.0)) as connection:
        with translated():
            usual = dict(
                connection.execute("SELECT name, rootpage FROM sqlite_schema WHERE rootpage > 0")
            )
            # Nobody else has the file, and a crash leaves nothing of it: no journal is needed.
            for pragma in ("journal_mode=OFF", "synchronous=OFF", "foreign_keys=OFF"):
                connection.execute(f"PRAGMA {pragma}")
        pages, journal = _choose_pages(data, log, usual)
        _refuse_strange(pages, path)
        plan = reading.plan_harvest(pages, usual)
        known = {key: item_id for item_id, key in reading.item_ids(pages, plan)}
        found, origin = _load(connection, pages, plan, known, progress)
        if not any(rows for table, rows in found.items() if table != "meta"):
            raise CorruptStoreError(
                f"nothing of a store can be read in {path.name}", hint="restore it from a backup"
            )
        names = Names()
        mended = run_procedure(
            connection, mend(names, now, lambda done, total: progress("mending", done, total))
        )
        lost = _lost_ids(connection, known, mended)
        facts = {"at": now, "from": origin, "lost": lost[:LOST_NAMED_MAX]}
        with translated():
            connection.execute(
                "INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
                (SALVAGED, orjson.dumps(facts).decode()),
            )
            connection.execute("COMMIT")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return SalvageReport(
            path=str(out),
            items=mended.items,
            lost=tuple(lost),
            changes=mended.changes,
            missing_changes=mended.missing_changes,
            rows=found,
            lost_pages=plan.lost_pages + pages.missing,
            lost_rows=plan.lost_rows,
            journal=journal,
        )


def _choose_pages(data: Any, log: Any, usual: Mapping[str, int]) -> tuple[Pages, str]:
    """Return the pages with those of the WAL, unless it is another store's."""
    bare = Pages(data)
    journal = read_journal(log, bare.bytes) if len(log) else None
    if journal is None or not journal.frames:
        return bare, "none" if not len(log) else "damaged" if journal is None else "none"
    whole = Pages(data, log, journal)
    here, there = _store_id(bare, usual), _store_id(whole, usual)
    if here is not None and there is not None and here != there:
        return bare, "foreign"
    return whole, _state(journal)


def _state(journal: Journal) -> str:
    return "damaged" if journal.damaged else "used"


def _store_id(pages: Pages, usual: Mapping[str, int]) -> str | None:
    plan = reading.plan_harvest(pages, {"meta": usual["meta"]} if "meta" in usual else {})
    rows = reading.rows(pages, plan, "meta", lambda _: None)
    return next((str(value) for name, value in rows if name == "store_id"), None)


def _refuse_strange(pages: Pages, path: Path) -> None:
    version = pages.version
    if version is not None and 0 < version < _OLDEST_VERSION:
        raise CorruptStoreError(
            f"{path.name} has schema version {version}; {_OLDEST_VERSION} and later are salvaged",
            hint="open it once for writing, which migrates it, and then salvage it",
        )
    if version is not None and SCHEMA_VERSION < version < SCHEMA_VERSION + 100:
        raise SchemaTooNewError(
            f"{path.name} has schema version {version}; this engine knows up to {SCHEMA_VERSION}",
            hint="upgrade agent-memory-inspector",
        )


_INSERT: Final = {
    table: f"INSERT OR IGNORE INTO {table} VALUES ({', '.join('?' * len(shape))})"
    for table, shape in reading.SHAPES.items()
} | {"meta": "INSERT OR REPLACE INTO meta VALUES (?, ?)"}
_OWN_FACTS: Final = frozenset(("store_id", "next_item_key", "text_version", "text_stale", SALVAGED))
"""Rows of `meta` that are the new store's: an identity of its own too, since its changes are
numbered on in a way of their own, and backups go by the identity."""
_OLDEST_VERSION: Final = 3
"""Of the schema; the tables that are saved have not changed since."""


def _load(
    connection: Any,
    pages: Pages,
    plan: reading.Harvest,
    known: Mapping[int, str],
    progress: OnChecked,
) -> tuple[dict[str, int], Any]:
    """Put the readable rows into the new store; return how many of each table, and its old id."""
    total = sum(len(plan.pages.get(table, ())) for table in reading.SHAPES)
    done = 0

    def tell(pages_done: int) -> None:
        nonlocal done
        done += pages_done
        if done % 64 == 0:
            progress("reading", done, total)

    found: dict[str, int] = {}
    origin = None
    with translated():
        connection.execute("BEGIN IMMEDIATE")
        for table in reading.SHAPES:
            rows = reading.rows(pages, plan, table, tell)
            if table == "meta":
                facts = dict(rows)
                origin = facts.get("store_id")
                rows = ((name, facts[name]) for name in facts.keys() - _OWN_FACTS)
            if table == "items":
                rows = _with_right_ids(connection, rows, known)
            connection.executemany(_INSERT[table], rows)
            ((found[table],),) = connection.execute(f"SELECT count(*) FROM {table}").fetchall()
    return found, origin


def _with_right_ids(
    connection: Any, rows: Iterator[tuple[Any, ...]], known: Mapping[int, str]
) -> Iterator[tuple[Any, ...]]:
    """Give items whose id is damaged their own: an id is in the index of ids and the log as well.

    Otherwise an item may be taken for another one, which could not be saved then.
    """
    indexed = Counter(known.values())
    keys = {item_id: key for key, item_id in known.items()}
    logged = {row[0] for row in connection.execute("SELECT item_id FROM changes")}
    for key, item_id, *rest in rows:
        other = known.get(key, item_id)
        if other != item_id and indexed[other] == 1:
            is_anothers = keys.get(item_id, key) != key
            is_logged = item_id in logged and other not in logged
            yield (key, item_id if is_logged and not is_anothers else other, *rest)
        else:
            yield (key, item_id, *rest)


def _lost_ids(connection: Any, known: Mapping[int, str], mended: Mended) -> list[str]:
    """Return the ids of items that were there and are not: by their index, and by the log."""
    with translated():
        here = dict(connection.execute("SELECT item_key, id FROM items").fetchall())
        logged = {
            item_id
            for (item_id,) in connection.execute(
                "SELECT item_id FROM changes c WHERE operation <> 3 AND sequence = (SELECT "
                "max(sequence) FROM changes d WHERE d.item_id = c.item_id AND d.operation <> 5)"
            )
        }
    indexed = {item_id for key, item_id in known.items() if key not in here}
    return sorted((set(mended.unproven) | indexed | logged) - set(here.values()))
