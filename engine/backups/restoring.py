"""Restoring into a new file: the store as it was, or the part of it that is in a scope."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import orjson

from engine.backends.sqlite.driver import run_procedure, translated
from engine.backends.sqlite.holding import holders_of
from engine.backends.sqlite.making import create_store
from engine.backups.chain import give_name, refuse_existing
from engine.backups.past import Wish, is_sound, make_sound_past
from engine.backups.past_file import PastFile
from engine.backups.publishing import (
    COMPANIONS,
    copy_file,
    storage_errors,
    sweep,
    sync_directory,
    working_directory,
)
from engine.backups.rewound import connect_detached, run_whole
from engine.backups.threads import Teller
from engine.clock import to_microseconds
from engine.differences import RestorePoint, RestoreReport
from engine.errors import InvalidSettingError, StoreInUseError, UnsafePathError
from engine.models import Holder
from engine.procedures.links import set_link
from engine.procedures.names import Names
from engine.procedures.revisions import Author, Revision
from engine.procedures.rewinding import ACTOR, begin_lineage
from engine.procedures.sessions import list_messages, put_messages, put_sessions
from engine.procedures.writing import write_revisions
from engine.query.filter import Filter


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOrder:
    """What is to be restored into which new file; `scope` is a query and what it means."""

    wish: Wish
    target: Path
    scope: str
    filter: Filter
    now: int


def restore_to_file(tell: Teller, order: FileOrder) -> RestoreReport:
    """Make the new file `target`: closed, durable, 0600, whole or absent. Blocks.

    A whole store keeps its history up to the point, and goes on from there as a store of its own. A
    scope is a store of its own from the beginning, with what is in the scope and nothing else:
    nobody else's items are in its history.

    Raises:
        RestorePointError: neither the change log nor a backup reaches the point.
        CorruptStoreError: the store is damaged, and no backup that is whole reaches it.
        StorageError: `target` exists, or cannot be written.
    """
    target = order.target
    refuse_existing(target)
    sweep(target.parent)
    with working_directory(target.parent) as work:
        path = work / "restored.db"
        # Checked before it has its name: the store may be damaged, and not have said so.
        point = make_sound_past(tell, order.wish, path)
        if order.scope:
            whole, path = path, work / "scope.db"
            items = _extract(tell, whole, path, order, point)
        else:
            items = _go_on_alone(path)
        with storage_errors(f"{target.name} cannot be written"):
            _sync(path)
            give_name(path, target)
    return RestoreReport(point=point, scope=order.scope, items=items, target=str(target))


def replace_unreadable(tell: Teller, order: FileOrder) -> RestoreReport:
    """Put the store as it was in place of the one at `target` that cannot be read. Blocks.

    That is kept, with its journals, under another name. A crash leaves the one or the other: the
    last step is one rename, and the old store is under the other name before that.

    Raises:
        StoreInUseError: somebody has it open, and would go on to write to what is moved aside.
        InvalidSettingError: it is sound.
        UnsafePathError: it is a link, or no file.
        CorruptStoreError: no backup that is whole reaches the point.
        StorageError: there is no room, or the folder cannot be written.
    """
    target = order.target
    if target.is_symlink() or not target.is_file():
        raise UnsafePathError(
            f"{target.name} is a link, or no file", hint="give the path of the store itself"
        )
    if is_sound(target):
        raise InvalidSettingError(
            f"{target.name} can be read: there is no need to move it aside",
            hint="open it, and restore in place",
        )
    refuse_in_use(holders_of(target))
    sweep(target.parent)
    with working_directory(target.parent) as work:
        path = work / "restored.db"
        point = make_sound_past(tell, order.wish, path, from_log=False)
        items = _go_on_alone(path)
        aside = target.with_name(f"{target.name}.damaged-{secrets.token_hex(4)}")
        with storage_errors(f"{target.name} cannot be replaced"):
            _sync(path)
            # Copied: a store with two names would not be opened.
            kept = [end for end in ("", *COMPANIONS) if os.path.lexists(f"{target}{end}")]
            for end in kept:
                copy_file(Path(f"{target}{end}"), work / f"aside{end}")
            for end in kept:
                (work / f"aside{end}").rename(f"{aside}{end}")
            sync_directory(target.parent)
            for suffix in COMPANIONS:
                # A journal of the old store would be played back into the new one.
                Path(f"{target}{suffix}").unlink(missing_ok=True)
            sync_directory(target.parent)
            path.replace(target)
            sync_directory(target.parent)
    return RestoreReport(
        point=point, scope="", items=items, target=str(target), moved_aside=str(aside)
    )


def refuse_in_use(holders: Sequence[Holder]) -> None:
    """Refuse to restore over what others have open for writing.

    Raises:
        StoreInUseError: somebody has.
    """
    if holders:
        first = holders[0]
        others = f" and {len(holders) - 1} more" if len(holders) > 1 else ""
        raise StoreInUseError(
            f"{first.program} (process {first.process_id} on {first.host}){others} "
            "has the store open for writing",
            holders=holders,
            hint="stop it first, or force the restore: what it writes afterwards comes on top",
        )


def _go_on_alone(path: Path) -> int:
    with closing(connect_detached(path)) as connection:
        run_whole(connection, begin_lineage(secrets.token_hex(8)))
        with translated():
            ((items,),) = connection.execute("SELECT coalesce(sum(items), 0) FROM counts")
            # What came later leaves nothing but free pages.
            connection.execute("PRAGMA incremental_vacuum").fetchall()
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return int(items)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _extract(tell: Teller, whole: Path, path: Path, order: FileOrder, point: RestorePoint) -> int:
    """Make a store of the items in scope, with the links between them and their sessions."""
    create_store(path, order.now)
    with closing(PastFile(whole, order.filter, to_microseconds(point.at))) as past:
        ids: set[str] = set()
        sessions: set[str] = set()
        with closing(connect_detached(path)) as connection:
            names = Names()
            author = Author(ACTOR, order.now)
            for page in past.pages():
                revisions = [Revision(None, stored) for stored in page]
                run_whole(connection, write_revisions(names, revisions, author))
                ids.update(stored.id for stored in page)
                sessions.update(stored.session for stored in page if stored.session is not None)
                tell("restore", len(ids), past.items)
            for key, state in past.links_within(ids):
                source, relation, target = key
                run_whole(
                    connection,
                    set_link(names, source, target, relation, state.strength, author,
                             created_at=state.created_at),
                )  # fmt: skip
            for session in past.sessions(sessions):
                metadata = (
                    orjson.dumps(dict(session.metadata)).decode() if session.metadata else None
                )
                run_whole(connection, put_sessions(names, [session], [metadata]))
                messages = run_procedure(past.connection, list_messages(session.id))
                run_whole(connection, put_messages(names, messages))
            with translated():
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return len(ids)
