"""Making backups: of the whole store, or of what changed since the last one."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from engine.backends.sqlite.connection import connect_reader
from engine.backends.sqlite.copying import copy_out
from engine.backends.sqlite.driver import run_procedure, translated
from engine.backups.artefact import CHUNK_BYTES, ArtefactWriter
from engine.backups.catalogue import Catalogue, dump_verification, read_catalogue
from engine.backups.chain import Link, digest_all, links_of
from engine.backups.manifest import Backup, Kind, Manifest, dump_manifest, engine_version
from engine.backups.publishing import (
    ARTEFACT,
    MANIFEST,
    VERIFIED,
    make_directory,
    publish,
    storage_errors,
    working_directory,
    write_file,
)
from engine.backups.records import END, encode
from engine.backups.threads import Teller
from engine.backups.verifying import prove
from engine.clock import to_datetime
from engine.errors import BrokenChainError, CorruptBackupError
from engine.procedures.digests import MODULUS, as_digest, digest_difference, load_all_names
from engine.procedures.increments import (
    FORGOTTEN,
    ROWS,
    WHOLE,
    Record,
    Snapshot,
    batches_of,
    load_anchor,
    load_first_at,
    load_snapshot,
    read_accesses,
    read_changes,
    read_contents,
    read_kept_moves,
    read_messages,
    read_whole,
)
from engine.procedures.trained import TrainedDictionaries

BUSY_SECONDS: Final = 5.0
CHAIN_LINKS_MAX: Final = 100
"""After so many a full backup is made: every one of them is needed to restore the last."""
CHAIN_BYTES_FREE: Final = 16 * 1024 * 1024
"""Increments of a chain may be as large as its full backup together, or this if it is less."""
ACCESSES_BEHIND: Final = 60_000_000
"""Microseconds: what was read shortly before a backup may have been written after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be made: of which store, where, when (UTC microseconds), and whether proven."""

    source: Path
    directory: Path
    kind: Kind
    now: int
    verify: bool


class _Parent(NamedTuple):
    """What an incremental backup builds on."""

    manifest: Manifest
    root: Manifest
    links: list[Link]


def create_backup(tell: Teller, order: Order) -> Manifest:
    """Make a backup, prove that it can be restored, and publish it. Blocks.

    An incremental one is a full one where there is nothing to build on; its `reason` says why.

    Raises:
        CorruptBackupError: what was written does not restore; nothing was published.
        StoreBusyError: the store could not be copied in time.
        StorageError: something could not be read or written.
    """
    make_directory(order.directory)
    reason = ""
    if order.kind == "incremental":
        catalogue = read_catalogue(order.directory)
        try:
            made = _create_incremental(tell, order, catalogue)
        except BrokenChainError as error:
            made = error.message
        if isinstance(made, Manifest):
            return made
        reason = made
    with working_directory(order.directory) as work:
        manifest = _write_full(tell, order, work, reason)
        _prove_and_publish(tell, order, work, manifest, [])
    return manifest


def _prove_and_publish(
    tell: Teller, order: Order, work: Path, manifest: Manifest, before: Sequence[Link]
) -> None:
    if order.verify:
        link = Link(manifest, work / f"{manifest.name}{ARTEFACT}")
        prove(tell, [*before, link], work / "proof.db")
    with storage_errors("the backup cannot be written"):
        (work / "proof.db").unlink(missing_ok=True)
        if order.verify:
            write_file(work / f"{manifest.name}{VERIFIED}", dump_verification(manifest, order.now))
        write_file(work / f"{manifest.name}{MANIFEST}", dump_manifest(manifest))
    publish(work, order.directory, manifest.name)


def _drop(path: Path) -> None:
    """Make room; what cannot be removed now goes with the working directory."""
    with suppress(OSError):
        path.unlink()


def _name(order: Order, kind: Kind, sequence: int) -> str:
    moment = to_datetime(order.now).strftime("%Y%m%dt%H%M%Sz")
    return f"{moment}-{sequence}-{kind}-{secrets.token_hex(3)}"


def _manifest(order: Order, kind: Kind, snapshot: Snapshot) -> Manifest:
    """Return a manifest of a snapshot, without what the artefact and the chain come to."""
    name = _name(order, kind, snapshot.sequence)
    return Manifest(
        name=name,
        kind=kind,
        store_id=snapshot.store_id,
        lineage=snapshot.lineage,
        chain=name,
        parent=None,
        parent_digest=None,
        first_sequence=0,
        sequence=snapshot.sequence,
        oldest=snapshot.oldest,
        first_at=snapshot.store_created_at,
        created_at=order.now,
        counts=snapshot.counts,
        bytes=0,
        raw_bytes=0,
        digest="",
        item_digest="",
        next_key=snapshot.next_key,
        message_key=snapshot.message_key,
        anchor=snapshot.anchor,
        schema_version=snapshot.schema_version,
        engine_version=engine_version(),
        reason="",
    )


def _with_artefact(manifest: Manifest, written: ArtefactWriter, item_digest: str) -> Manifest:
    return replace(
        manifest,
        bytes=written.size_bytes,
        raw_bytes=written.raw_bytes,
        digest=written.digest,
        item_digest=item_digest,
    )


# Full -----------------------------------------------------------------------------------------


def _write_full(tell: Teller, order: Order, work: Path, reason: str) -> Manifest:
    copy = work / "copy.db"
    tell("copy", 0, 0)
    copy_out(order.source, copy)
    # Told from the copy: it is one moment, and nobody waits while it is read.
    with (
        closing(connect_reader(copy, immutable=True, busy_timeout_seconds=0.0)) as connection,
        translated(),
    ):
        tell.watch(connection)
        snapshot = run_procedure(connection, load_snapshot())
        item_digest = digest_all(tell, connection, snapshot.counts["items"])
    manifest = replace(_manifest(order, "full", snapshot), reason=reason)
    total = copy.stat().st_size
    with (
        storage_errors("the copy cannot be read"),
        copy.open("rb") as file,
        ArtefactWriter(work / f"{manifest.name}{ARTEFACT}") as artefact,
    ):
        while chunk := file.read(CHUNK_BYTES):
            artefact.write(chunk)
            tell("compress", artefact.raw_bytes, total)
    _drop(copy)
    return _with_artefact(manifest, artefact, item_digest)


# Incremental ----------------------------------------------------------------------------------


def _create_incremental(tell: Teller, order: Order, catalogue: Catalogue) -> Manifest | str:
    """Make an incremental backup, or return why there has to be a full one.

    Raises:
        BrokenChainError: what it would build on cannot be restored.
    """
    with (
        closing(
            connect_reader(order.source, immutable=False, busy_timeout_seconds=BUSY_SECONDS)
        ) as connection,
        working_directory(order.directory) as work,
    ):
        tell.watch(connection)
        with translated():
            connection.execute("BEGIN")
        snapshot = run_procedure(connection, load_snapshot())
        parent = _choose_parent(connection, snapshot, catalogue)
        if isinstance(parent, str):
            return parent
        manifest = _write_increment(tell, order, work, connection, snapshot, parent)
        # The snapshot keeps the WAL from being emptied: it ends before the long proof.
        with translated():
            connection.execute("ROLLBACK")
        _prove_increment(tell, order, work, manifest, parent)
    return manifest


def _prove_increment(
    tell: Teller, order: Order, work: Path, manifest: Manifest, parent: _Parent
) -> None:
    try:
        _prove_and_publish(tell, order, work, manifest, parent.links)
    except CorruptBackupError as error:
        raise BrokenChainError(
            f"its chain did not restore: {error.message}", hint=error.hint
        ) from error


def _choose_parent(connection: Any, snapshot: Snapshot, catalogue: Catalogue) -> _Parent | str:
    """Return the newest backup that the store's history goes on from, or why there is none."""
    reason = "it is the first backup of this store here"
    known = sorted(
        catalogue.of_store(snapshot.store_id),
        key=lambda backup: (backup.sequence, backup.manifest.created_at),
        reverse=True,
    )
    for backup in known:
        manifest = backup.manifest
        if manifest.schema_version != snapshot.schema_version:
            reason = "the store has another schema since the last backup"
        elif manifest.lineage != snapshot.lineage or manifest.sequence > snapshot.sequence:
            reason = "the store was set back to an earlier state since the last backup"
        elif snapshot.oldest > max(1, manifest.sequence):
            reason = "the change log no longer reaches back to the last backup"
        elif run_procedure(connection, load_anchor(manifest.sequence)) != manifest.anchor:
            reason = "the change log has another history than the last backup"
        else:
            return _judge_chain(catalogue, backup)
    return reason


def _judge_chain(catalogue: Catalogue, backup: Backup) -> _Parent | str:
    """Return what a backup that is built on stands on, or why it is to be built on no more."""
    try:
        links = links_of(catalogue, backup)
    except BrokenChainError as error:
        return error.message
    for link in links:
        if not _is_there(link):
            return f"the backup {link.manifest.name} is not whole"
    steps = sum(link.manifest.bytes for link in links[1:])
    if len(links) >= CHAIN_LINKS_MAX or steps > max(CHAIN_BYTES_FREE, links[0].manifest.bytes):
        return "the chain is long enough"
    return _Parent(links[-1].manifest, links[0].manifest, links)


def _is_there(link: Link) -> bool:
    try:
        return os.lstat(link.artefact).st_size == link.manifest.bytes
    except OSError:
        return False


def _write_increment(
    tell: Teller, order: Order, work: Path, connection: Any, snapshot: Snapshot, parent: _Parent
) -> Manifest:
    before = parent.manifest
    first_at = run_procedure(connection, load_first_at(before.sequence))
    manifest = replace(
        _manifest(order, "incremental", snapshot),
        chain=before.chain,
        parent=before.name,
        parent_digest=before.digest,
        first_sequence=before.sequence,
        first_at=order.now if first_at is None else first_at,
    )
    with ArtefactWriter(work / f"{manifest.name}{ARTEFACT}") as artefact:
        reading = _Reading(tell, connection, artefact, parent, snapshot.sequence)
        reading.write_whole()
        if snapshot.oldest != before.oldest:
            reading.write_forgotten(snapshot.oldest)
        reading.write_changes()
        reading.write_rest()
    return _with_artefact(manifest, artefact, reading.item_digest(snapshot.counts["items"]))


class _Reading:
    """One pass over a snapshot, in which an increment is written and its digest is told."""

    def __init__(
        self,
        tell: Teller,
        connection: Any,
        artefact: ArtefactWriter,
        parent: _Parent,
        through: int,
    ) -> None:
        self._tell = tell
        self._connection = connection
        self._artefact = artefact
        self._parent = parent
        self._through = through
        self._trained = TrainedDictionaries()
        self._difference: int | None = 0

    def write_whole(self) -> None:
        """Write the small tables, in frames of some rows."""
        for table in WHOLE:
            record = run_procedure(self._connection, read_whole(table))
            for at in range(0, max(1, len(record.rows)), ROWS):
                self._write(Record(table, record.rows[at : at + ROWS]))

    def write_forgotten(self, oldest: int) -> None:
        """Write that changes before `oldest` are no longer kept, and the moves that still are."""
        self._write(Record(FORGOTTEN, [(oldest,)]))
        after = -1
        while (kept := run_procedure(self._connection, read_kept_moves(after, oldest))) is not None:
            record, after = kept
            self._write(record)

    def write_changes(self) -> None:
        """Write the changes, the items that they lead to, and the contents of both."""
        names = run_procedure(self._connection, load_all_names())
        first = after = self._parent.manifest.sequence
        while True:
            page = run_procedure(
                self._connection,
                read_changes(after, self._through, self._parent.root.next_key),
            )
            if page is None:
                return
            for keys in batches_of(page.contents):
                self._write(run_procedure(self._connection, read_contents(self._trained, keys)))
            for record in page.records:
                self._write(record)
            if self._difference is not None and page.ids:
                added = run_procedure(
                    self._connection, digest_difference(names, page.ids, first, self._through)
                )
                self._difference = None if added is None else self._difference + added
            after = page.last
            self._tell("changes", after - first, self._through - first)

    def write_rest(self) -> None:
        """Write what is not in the change log: what was read, and messages."""
        before = self._parent.manifest
        since = (before.created_at - ACCESSES_BEHIND, -1)
        while (read := run_procedure(self._connection, read_accesses(since))) is not None:
            record, since = read
            self._write(record)
        after = before.message_key
        while (said := run_procedure(self._connection, read_messages(after))) is not None:
            record, after = said
            self._write(record)
        self._write(Record(END, []))

    def _write(self, record: Record) -> None:
        self._artefact.write(encode(record))

    def item_digest(self, items: int) -> str:
        """Return the digest of all items: by what changed, or where that is not known, of all."""
        if self._difference is None:
            return digest_all(self._tell, self._connection, items)
        return as_digest((int(self._parent.manifest.item_digest, 16) + self._difference) % MODULUS)
