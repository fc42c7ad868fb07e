"""Filling in what a salvaged store has lost, from another store that has it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from engine.backends.sqlite.connection import connect_reader, connect_writer
from engine.backends.sqlite.driver import run_procedure, translated
from engine.backends.sqlite.opening import check_schema, prepare
from engine.backups.catalogue import read_catalogue
from engine.backups.chain import restore_chain
from engine.backups.publishing import working_directory
from engine.clock import system_clock
from engine.doctor.agreement import SALVAGED
from engine.doctor.mending import ACTOR
from engine.doctor.report import OnChecked
from engine.errors import (
    BackupNotFoundError,
    CorruptBackupError,
    EngineError,
    InvalidSettingError,
)
from engine.limits import Limits
from engine.procedures.base import Procedure, Statement, TextChange
from engine.procedures.fulltext import write_text
from engine.procedures.items import Stored, find_item_keys, load_stored
from engine.procedures.links import load_links, set_link
from engine.procedures.names import Names
from engine.procedures.revisions import Author, Revision
from engine.procedures.writing import write_revisions
from engine.serialization import decode, encode

BATCH: Final = 200
BUSY_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FillReport:
    """Which lost items were filled in from another store, and which it does not have either."""

    filled: tuple[str, ...]
    still_lost: tuple[str, ...]


async def fill(
    path: str | os.PathLike[str],
    source: str | os.PathLike[str],
    *,
    progress: OnChecked | None = None,
) -> FillReport:
    """Give a salvaged store the items that it lost, as another store (a restored backup) has them.

    With their tags, metadata, statistics and associations; as new changes, which can be undone.
    What the salvaged store has is left alone, and the other store is only read.

    Raises:
        InvalidSettingError: the store at `path` was not salvaged.
        StoreError: one of the two cannot be opened.
    """
    tell = progress or (lambda _stage, _done, _total: None)
    work = asyncio.ensure_future(asyncio.to_thread(_fill, Path(path), Path(source), tell))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        raise


async def fill_from_backups(
    path: str | os.PathLike[str],
    directory: str | os.PathLike[str],
    *,
    progress: OnChecked | None = None,
) -> FillReport:
    """Give a salvaged store the items that it lost, from the backups of the store it was.

    From the newest that can be restored, and from older ones as long as they have more.

    Raises:
        InvalidSettingError: the store at `path` was not salvaged.
        BackupNotFoundError: the directory has no backup of that store that can be restored.
        StorageError: there is no room to restore one.
    """
    path, tell = Path(path), progress or (lambda _stage, _done, _total: None)
    catalogue = await asyncio.to_thread(read_catalogue, Path(directory))
    origin = await asyncio.to_thread(_origin, path)
    filled: list[str] = []
    still_lost: tuple[str, ...] | None = None
    for backup in catalogue.restorable:
        if origin not in (None, backup.manifest.store_id):
            continue
        # Of its maker alone, and cleared up by whoever comes next if that is killed.
        with working_directory(path.parent) as work:
            restored = work / "backup.db"
            try:
                await restore_chain(catalogue, backup, restored, progress=tell)
            except CorruptBackupError:
                continue
            report = await fill(path, restored, progress=tell)
        filled += report.filled
        still_lost = report.still_lost
        if not still_lost or not report.filled:
            break
    if still_lost is None:
        raise BackupNotFoundError(
            f"{Path(directory).name} has no backup of this store that can be restored",
            hint="memory-inspector backup list shows what is there",
        )
    return FillReport(filled=tuple(filled), still_lost=still_lost)


def _origin(path: Path) -> str | None:
    """Return the id of the store from which the one at `path` was salvaged, if it is known."""
    found = prepare(path, read_only=True, create=False, now=0)
    with closing(
        connect_reader(found.path, immutable=found.immutable, busy_timeout_seconds=BUSY_SECONDS)
    ) as connection:
        origin = run_procedure(connection, _salvage_facts(path)).get("from")
    return None if origin is None else str(origin)


def _fill(path: Path, source: Path, progress: OnChecked) -> FillReport:
    now = system_clock()
    target = prepare(path, read_only=False, create=False, now=now)
    donor = prepare(source, read_only=True, create=False, now=now)
    with (
        closing(
            connect_writer(target.path, durability="full", busy_timeout_seconds=BUSY_SECONDS)
        ) as writing,
        closing(
            connect_reader(donor.path, immutable=donor.immutable, busy_timeout_seconds=BUSY_SECONDS)
        ) as reading,
    ):
        check_schema(writing, target.path)
        check_schema(reading, donor.path)
        facts = run_procedure(writing, _salvage_facts(path))
        lost = [str(item_id) for item_id in facts.get("lost", ())]
        names, own_names = Names(), Names()
        filled: list[str] = []
        for begin in range(0, len(lost), BATCH):
            batch = lost[begin : begin + BATCH]
            states, links = run_procedure(reading, _read(names, batch))
            left = {**facts, "lost": [i for i in lost if i not in {*filled, *states}]}
            filled += _write(writing, own_names, states, links, left)
            progress("filling", min(begin + BATCH, len(lost)), len(lost))
    done = set(filled)
    return FillReport(filled=tuple(filled), still_lost=tuple(i for i in lost if i not in done))


def _salvage_facts(path: Path) -> Procedure[dict[str, Any]]:
    rows = yield Statement("SELECT value FROM meta WHERE name = ?", (SALVAGED,))
    if not rows:
        raise InvalidSettingError(
            f"{path.name} was not salvaged: nothing is known to be lost",
            hint="salvage a damaged store first, with doctor --salvage",
        )
    facts: dict[str, Any] = orjson.loads(rows[0][0])
    return facts


def _read(
    names: Names, ids: list[str]
) -> Procedure[tuple[dict[str, Stored], list[dict[str, Any]]]]:
    """Return those of the items that are there, their contents packed anew, and their links."""
    found = yield from load_stored(names, ids=ids, content=True)
    links = yield from load_links(stored.key for stored in found)
    states = {stored.id: state for stored in found if (state := _as_new(stored)) is not None}
    return states, [link for every in links.values() for link in every]


def _as_new(stored: Stored) -> Stored | None:
    """Return an item as one that is not stored yet; None if it is damaged there too."""
    if stored.data is None:
        return None
    try:
        content = decode(
            stored.codec, stored.data, stored.size_bytes, stored.digest, item_id=stored.id
        )
        encoded = encode(content, Limits(content_bytes_max=1 << 30))
    except (EngineError, ValueError):
        return None
    return stored._replace(
        key=0,
        codec=encoded.codec,
        data=encoded.data,
        size_bytes=encoded.size_bytes,
        digest=encoded.digest,
        preview=encoded.preview,
        content_key=None,
        text=None,
    )


def _write(
    connection: Any,
    names: Names,
    states: dict[str, Stored],
    links: list[dict[str, Any]],
    facts: dict[str, Any],
) -> list[str]:
    """Write a batch in a transaction of its own; return the ids that were not there."""
    text: list[TextChange] = []
    with translated():
        connection.execute("BEGIN IMMEDIATE")
        try:
            filled = run_procedure(connection, _put(names, states, links, facts), text)
            run_procedure(connection, write_text(text))
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            names.settle(committed=False)
            raise
    names.settle(committed=True)
    return filled


def _put(
    names: Names,
    states: dict[str, Stored],
    links: list[dict[str, Any]],
    facts: dict[str, Any],
) -> Procedure[list[str]]:
    there = yield from find_item_keys(states)
    missing = [state for item_id, state in states.items() if item_id not in there]
    author = Author(ACTOR, system_clock())
    yield from write_revisions(names, [Revision(None, state) for state in missing], author)
    ends = yield from find_item_keys({link[end] for link in links for end in ("source", "target")})
    new = {state.id for state in missing}
    for link in _between(links, set(ends), new):
        yield from set_link(
            names,
            link["source"],
            link["target"],
            link["relation"],
            link["strength"],
            author,
            created_at=link["created_at"],
        )
    yield Statement(
        "UPDATE meta SET value = ? WHERE name = ?", (orjson.dumps(facts).decode(), SALVAGED)
    )
    return [state.id for state in missing]


def _between(
    links: list[dict[str, Any]], known: set[str], new: set[str]
) -> Iterator[dict[str, Any]]:
    """Yield the links of new items whose ends are both there, each once."""
    seen = set()
    for link in links:
        ends = (link["source"], link["target"])
        mark = (*ends, link["relation"])
        if mark not in seen and known.issuperset(ends) and not new.isdisjoint(ends):
            seen.add(mark)
            yield link
