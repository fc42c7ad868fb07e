"""A chain of backups made a store again: the full one unpacked, then each increment brought in."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from engine.backends.sqlite.connection import WRITER_CACHE_KIB, connect
from engine.backends.sqlite.driver import run_procedure, translated
from engine.backends.sqlite.making import refuse_journal
from engine.backends.sqlite.opening import check_schema
from engine.backends.sqlite.schema import APPLICATION_ID
from engine.backups.artefact import corrupt, raw_limit, read_artefact
from engine.backups.catalogue import Catalogue
from engine.backups.manifest import Backup, Manifest
from engine.backups.publishing import (
    create_file,
    storage_errors,
    sweep,
    sync_directory,
    working_directory,
)
from engine.backups.records import decode_all
from engine.backups.threads import Progress, Teller, in_thread, silent
from engine.errors import (
    CorruptBackupError,
    EngineError,
    NotAStoreError,
    SchemaTooNewError,
    StorageError,
    StorageFullError,
)
from engine.procedures.base import TextChange
from engine.procedures.digests import as_digest, digest_page, load_all_names
from engine.procedures.fulltext import write_text
from engine.procedures.increments import load_snapshot
from engine.procedures.names import Names
from engine.procedures.replaying import (
    Replay,
    count_dangling,
    drop_unused,
    end_replay,
    replay_record,
)

TEXT_CHANGES: Final = 5_000
"""Changes to full text that are collected before they are written."""


@dataclass(frozen=True, slots=True)
class Link:
    """One backup of a chain, and where its bytes are."""

    manifest: Manifest
    artefact: Path


def links_of(catalogue: Catalogue, backup: Backup) -> list[Link]:
    """Return the chain of a backup, the full one first.

    Raises:
        BrokenChainError: one of them is missing, or is not the one that was built on.
    """
    chain = catalogue.chain(backup)
    return [Link(link.manifest, catalogue.artefact(link)) for link in chain]


async def restore_chain(
    catalogue: Catalogue, backup: Backup, target: Path, *, progress: Progress = silent
) -> None:
    """Make the new file `target` the store as it was at `backup`: closed, durable, 0600.

    It is proven equal to the original before it appears; when that fails, or this is cancelled,
    there is no `target`.

    Raises:
        BrokenChainError: a backup that this one builds on is missing, or another.
        CorruptBackupError: one of the chain is damaged.
        StorageError: `target` exists, or cannot be written.
    """
    await in_thread(progress, _restore_chain, links_of(catalogue, backup), target)


def _restore_chain(tell: Teller, links: Sequence[Link], target: Path) -> None:
    refuse_existing(target)
    sweep(target.parent)
    with working_directory(target.parent) as work:
        rebuild(tell, links, work / "restored.db")
        with storage_errors(f"{target.name} cannot be written"):
            give_name(work / "restored.db", target)


def refuse_existing(target: Path) -> None:
    """Refuse to restore to where something is, be it the journal of a store that is gone.

    Raises:
        StorageError: it exists.
    """
    if os.path.lexists(target):
        raise _exists(target)
    refuse_journal(target)


def give_name(made: Path, target: Path) -> None:
    """Give a file that is whole and durable the name it shall have, which nothing else has.

    Raises:
        StorageError: something has that name already.
        OSError: the directory cannot be written.
    """
    refuse_journal(target)
    try:
        # A link fails where a file has appeared meanwhile; a rename would replace it.
        target.hardlink_to(made)
        made.unlink()
    except FileExistsError as error:
        raise _exists(target) from error
    except OSError:
        refuse_existing(target)
        made.rename(target)
    sync_directory(target.parent)


def _exists(target: Path) -> StorageError:
    return StorageError(f"{target.name} exists already", hint="choose another name")


def rebuild(tell: Teller, links: Sequence[Link], path: Path) -> None:
    """Make the new file `path` the store at the end of a chain. Blocks.

    Raises:
        CorruptBackupError: a backup is damaged, or what came of it is not what it was.
        SchemaTooNewError: it is of a newer engine.
        StorageError: the file cannot be written.
    """
    total = sum(raw_limit(link.manifest) for link in links)
    done = _unpack_full(tell, links[0], path, total)
    with _misfits(tell, links[0].manifest):
        connection = connect(path, read_only=False, busy_timeout_seconds=0.0)
    try:
        tell.watch(connection)
        with _misfits(tell, links[0].manifest), translated():
            # Nobody else knows the file, and it is made durable at the end.
            connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            connection.execute("PRAGMA synchronous=OFF")
            if len(links) > 1:
                connection.execute(f"PRAGMA cache_size=-{WRITER_CACHE_KIB}")
            _check_is_store(connection, path)
        for link in links[1:]:
            with _misfits(tell, link.manifest), translated():
                done = _bring_in(tell, connection, link, done, total)
        with _misfits(tell, links[-1].manifest), translated():
            if len(links) > 1:
                connection.execute("BEGIN")
                run_procedure(connection, drop_unused())
                connection.execute("COMMIT")
            check_equal(tell, connection, links)
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        connection.close()
    with storage_errors("the restored store cannot be written"):
        handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def _misfits(tell: Teller, manifest: Manifest) -> Iterator[None]:
    """Say of bytes that were proven and still make no store which backup they are of.

    Somebody else wrote them, or the store was damaged when they were read: they may hold anything.

    Raises:
        CorruptBackupError: they make no store.
    """
    try:
        yield
    except (CorruptBackupError, SchemaTooNewError, StorageError, StorageFullError):
        raise
    except (EngineError, LookupError, TypeError, ValueError, AttributeError) as error:
        if tell.stopped:
            raise
        raise corrupt(manifest.name, f"it makes no store: {error}") from error


def _unpack_full(tell: Teller, link: Link, path: Path, total: int) -> int:
    done = 0
    with storage_errors("the restored store cannot be written"):
        handle = create_file(path)
        try:
            for chunk in read_artefact(link.artefact, link.manifest):
                view = memoryview(chunk)
                while view:
                    view = view[os.write(handle, view) :]
                done += len(chunk)
                tell("restore", done, total)
        finally:
            os.close(handle)
    return done


def _check_is_store(connection: Any, path: Path) -> None:
    """Refuse what is no store, whatever its manifest says; bring an older one up to date.

    Raises:
        NotAStoreError: it is none.
        SchemaTooNewError: it is of a newer engine.
    """
    ((application,),) = connection.execute("PRAGMA application_id").fetchall()
    if application != APPLICATION_ID:
        raise NotAStoreError("it is another application's database", hint="use another backup")
    check_schema(connection, path)


def _bring_in(tell: Teller, connection: Any, link: Link, done: int, total: int) -> int:
    """Bring one increment in, in one transaction; return how far the whole chain is."""
    replay = Replay(Names())
    texts: list[TextChange] = []
    connection.execute("BEGIN IMMEDIATE")
    for record in decode_all(read_artefact(link.artefact, link.manifest)):
        run_procedure(connection, replay_record(replay, record), texts)
        if len(texts) >= TEXT_CHANGES:
            run_procedure(connection, write_text(texts))
            texts.clear()
        tell("restore", done, total)
    run_procedure(connection, end_replay(replay), texts)
    run_procedure(connection, write_text(texts))
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return done + link.manifest.raw_bytes


def check_equal(tell: Teller, connection: Any, links: Sequence[Link]) -> None:
    """Compare a restored store with what the manifest says of the original.

    Raises:
        CorruptBackupError: they differ.
    """
    manifest = links[-1].manifest
    snapshot = run_procedure(connection, load_snapshot())
    if snapshot.store_id != manifest.store_id:
        raise corrupt(manifest.name, "it holds another store than its manifest says")
    if (snapshot.sequence, snapshot.anchor) != (manifest.sequence, manifest.anchor):
        raise corrupt(manifest.name, "it ends with another change than its manifest says")
    if len(links) > 1 and run_procedure(connection, count_dangling()):
        raise corrupt(manifest.name, "contents are missing")
    if snapshot.schema_version == manifest.schema_version:
        for table, count in manifest.counts.items():
            if snapshot.counts.get(table, count) != count:
                raise corrupt(
                    manifest.name,
                    f"it has {snapshot.counts[table]:,} rows of {table}, not {count:,}",
                )
    if digest_all(tell, connection, snapshot.counts["items"]) != manifest.item_digest:
        raise corrupt(manifest.name, "the items are not what they were")


def digest_all(tell: Teller, connection: Any, items: int) -> str:
    """Return the digest of all items of a store."""
    names = run_procedure(connection, load_all_names())
    total, done, after = 0, 0, -1
    while (page := run_procedure(connection, digest_page(names, after))) is not None:
        number, count, after = page
        total += number
        done += count
        tell("digest", done, items)
    return as_digest(total)
