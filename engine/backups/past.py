"""A store as it was, in a file of its own: from the live store's change log, or from a backup.

The store itself may be what was lost: where it cannot be read, its backups alone are asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.backends.sqlite.connection import connect_reader
from engine.backends.sqlite.copying import copy_out
from engine.backends.sqlite.driver import run_procedure, translated
from engine.backends.sqlite.opening import check_schema, prepare
from engine.backups.catalogue import read_catalogue
from engine.backups.chain import links_of, rebuild
from engine.backups.manifest import Backup
from engine.backups.rewound import connect_detached, rewind_file
from engine.backups.threads import Teller
from engine.differences import RestorePoint
from engine.errors import (
    CorruptBackupError,
    CorruptStoreError,
    EngineError,
    RestorePointError,
    SchemaTooNewError,
    StoreError,
    UnsafePathError,
)
from engine.procedures.base import Procedure
from engine.procedures.names import Extractor
from engine.procedures.points import (
    Reach,
    as_point,
    load_reach_of_log,
    sequence_at,
    time_of,
)

BUSY_SECONDS = 5.0
_OF_DAMAGE = (EngineError, LookupError, TypeError, ValueError, AttributeError)
"""What reading damaged pages raises: they may hold anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Which state of a store is wanted: after a change, at a time (microseconds), or a backup's."""

    store: Path
    directory: Path
    sequence: int | None = None
    at: int | None = None
    backup: str | None = None
    extractors: Mapping[str, Extractor] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the wish as a message says it."""
        if self.backup is not None:
            return f"the backup {self.backup}"
        if self.sequence is not None:
            return f"change {self.sequence}"
        return as_point(0, self.at or 0).at.isoformat(sep=" ")


def make_past(tell: Teller, wish: Wish, path: Path) -> RestorePoint:
    """Make the new file `path` the store as it was; return the point that it is at. Blocks.

    Raises:
        RestorePointError: neither the change log nor a backup reaches it.
        BackupNotFoundError: there is no backup of this name.
        CorruptBackupError: the only backup that reaches it is damaged.
        StorageError: there is no room.
    """
    if wish.backup is None:
        reach, point, unreadable = _ask_live(wish)
        if point is not None:
            _make_from_log(tell, wish, path, point)
            return point
    else:
        reach, unreadable = None, None
    return _make_from_backups(tell, wish, path, reach, unreadable)


def make_sound_past(tell: Teller, wish: Wish, path: Path, *, from_log: bool = True) -> RestorePoint:
    """Make the new file `path` the store as it was, checked through and through. Blocks.

    A store may be damaged and still open, and its log be read: where what comes of that is not
    sound, a backup is taken. Without `from_log` the store is known to be damaged, and asked for
    nothing but which one it is.

    Raises:
        RestorePointError: neither the change log nor a backup reaches it.
        BackupNotFoundError: there is no backup of this name.
        CorruptBackupError: the backup that was named, or the only one that reaches it, is damaged.
        CorruptStoreError: the store is damaged, and no backup that is whole reaches the point.
        StorageError: there is no room.
    """
    reach: Reach | None = None
    damage: EngineError | None = None
    if wish.backup is None:
        reach, point, damage = _ask_live(wish)
        if not from_log:
            damage = damage or CorruptStoreError("the store is damaged")
        elif point is not None:
            try:
                _make_from_log(tell, wish, path, point)
                _require_sound(tell, path)
            except _OF_DAMAGE as error:
                if tell.stopped or isinstance(error, OSError):
                    raise
                damage = _as_damage(error)
                _clear(path)
            else:
                return point
    return _make_from_backups(tell, wish, path, reach, damage, check=True)


def find_point(wish: Wish) -> RestorePoint | None:
    """Return the point that is wished for if the store's own change log reaches it. Blocks.

    Raises:
        StoreError: the store cannot be read.
    """
    with closing(_open_live(wish.store)) as connection:
        return run_procedure(connection, resolve(wish, run_procedure(connection, _reach())))


def resolve(wish: Wish, reach: Reach) -> Procedure[RestorePoint | None]:
    """Return the point that is wished for, None where this change log does not reach it."""
    sequence = wish.sequence
    if sequence is None:
        if wish.at is None:
            return None
        sequence = yield from sequence_at(wish.at)
        if sequence is None:
            if reach.first > 0 or wish.at < reach.created_at:
                return None
            sequence = 0
    if not reach.first <= sequence <= reach.last:
        return None
    return as_point(sequence, (yield from time_of(sequence)))


def is_sound(store: Path) -> bool:
    """Return whether a store can be opened, and SQLite finds its pages in order. Blocks.

    Raises:
        StoreNotFoundError: there is none.
        StoreBusyError: somebody holds it.
        StorageError: the system refuses to read it.
        SchemaTooNewError: it is of a newer engine.
        UnsafePathError: it is a link, or no file.
    """
    try:
        with closing(_open_live(store)) as connection, translated():
            return _fault_of(connection) is None
    except StoreError as error:
        # None of these is damage: such a store must not be taken for one that is.
        if isinstance(error, OSError | SchemaTooNewError | UnsafePathError):
            raise
        return False


def _fault_of(connection: Any) -> str | None:
    """Return what is wrong with the pages or the rows of a database, None if nothing is."""
    ((fault,),) = connection.execute("PRAGMA integrity_check(1)").fetchall()
    if fault != "ok":
        return f"{fault:.200}"
    dangling = connection.execute("PRAGMA foreign_key_check").fetchone()
    return None if dangling is None else f"rows of {dangling[0]} refer to what is not there"


def _require_sound(tell: Teller, path: Path) -> None:
    """Refuse a file that was made of what is damaged.

    Raises:
        CorruptStoreError: it is not sound.
    """
    tell("check", 0, 0)
    with closing(connect_detached(path)) as connection, translated():
        tell.watch(connection)
        fault = _fault_of(connection)
        if fault is not None:
            raise CorruptStoreError(f"what was made is not sound: {fault}")
        connection.execute("INSERT INTO items_text(items_text) VALUES ('integrity-check')")


def _reach() -> Procedure[Reach]:
    return (yield from load_reach_of_log())


def _open_live(store: Path) -> Any:
    target = prepare(store, read_only=True, create=False, now=0)
    connection = connect_reader(
        target.path, immutable=target.immutable, busy_timeout_seconds=BUSY_SECONDS
    )
    try:
        with translated():
            connection.execute("BEGIN")
        check_schema(connection, target.path)
    except BaseException:
        connection.close()
        raise
    return connection


def _ask_live(wish: Wish) -> tuple[Reach | None, RestorePoint | None, EngineError | None]:
    """Return how far the live store goes back, whether it does so far enough, or why not."""
    try:
        with closing(_open_live(wish.store)) as connection:
            reach = run_procedure(connection, load_reach_of_log())
            return reach, run_procedure(connection, resolve(wish, reach)), None
    except StoreError as error:
        return None, None, error
    except (LookupError, TypeError, ValueError) as error:
        return None, None, _as_damage(error)


def _as_damage(error: Exception) -> EngineError:
    """Return an error that was met while damaged pages were read as one of ours."""
    if isinstance(error, EngineError):
        return error
    return CorruptStoreError(f"the database is damaged: {error}")


def _make_from_log(tell: Teller, wish: Wish, path: Path, point: RestorePoint) -> None:
    tell("copy", 0, 0)
    copy_out(wish.store, path)
    rewind_file(tell, path, point.sequence, dict(wish.extractors))


def _make_from_backups(
    tell: Teller,
    wish: Wish,
    path: Path,
    reach: Reach | None,
    unreadable: EngineError | None,
    *,
    check: bool = False,
) -> RestorePoint:
    catalogue = read_catalogue(wish.directory)
    if wish.backup is not None:
        candidates = [catalogue.find(wish.backup)]
    else:
        candidates = _candidates(wish, catalogue.backups, reach)
    failure: EngineError | None = None
    for backup in candidates:
        try:
            rebuild(tell, links_of(catalogue, backup), path)
            point = _rewind_restored(tell, wish, path, backup)
            if check and point is not None:
                _require_sound(tell, path)
        except EngineError as error:
            if tell.stopped or isinstance(error, OSError):
                raise
            # Another backup may reach it as well.
            failure = error
        else:
            if point is not None:
                return point
        _clear(path)
    if isinstance(unreadable, CorruptStoreError) and (
        failure is None or isinstance(failure, CorruptBackupError | CorruptStoreError)
    ):
        why = "no backup reaches" if failure is None else "no backup that is whole reaches"
        raise CorruptStoreError(
            f"the store is damaged, and {why} {wish}: {(failure or unreadable).message}",
            hint="memory-inspector backup list shows what there is; "
            "memory-inspector doctor STORE --salvage FILE saves what can still be read",
        ) from (failure or unreadable)
    if failure is not None:
        raise failure
    if unreadable is not None and not candidates:
        raise unreadable
    raise _out_of_reach(wish, catalogue.backups, reach)


def _clear(path: Path) -> None:
    """Remove what was made in vain."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(f"{path.name}{suffix}").unlink(missing_ok=True)


def _candidates(wish: Wish, backups: Iterable[Backup], reach: Reach | None) -> list[Backup]:
    """Return the backups whose change log may reach a point, the nearest first."""
    store_ids = {backup.manifest.store_id for backup in backups}
    if reach is not None:
        # A store that was set back counts on from there: the same sequence is another change.
        store_ids = {reach.store_id}
        if wish.at is not None and wish.at < reach.created_at:
            return []
        backups = [b for b in backups if b.manifest.lineage == reach.lineage]
    elif len(store_ids) > 1:
        raise RestorePointError(
            "the store cannot be read, and there are backups of several stores",
            hint="say which backup: memory-inspector backup list",
        )
    return sorted(
        (
            backup
            for backup in backups
            if backup.manifest.store_id in store_ids and _may_reach(wish, backup)
        ),
        key=lambda backup: (backup.sequence, backup.manifest.created_at),
    )


def _may_reach(wish: Wish, backup: Backup) -> bool:
    manifest = backup.manifest
    if wish.sequence is None:
        return wish.at is not None and manifest.created_at >= wish.at
    # The change log has no gaps, so its length says where it begins.
    forgotten = manifest.sequence - manifest.counts.get("changes", manifest.sequence)
    first = forgotten + 1 if forgotten else 0
    return first <= wish.sequence <= manifest.sequence


def _rewind_restored(tell: Teller, wish: Wish, path: Path, backup: Backup) -> RestorePoint | None:
    """Take a restored backup back to the point that is wished for; None if it does not reach it."""
    with closing(connect_reader(path, immutable=False, busy_timeout_seconds=0.0)) as connection:
        reach = run_procedure(connection, load_reach_of_log())
        if wish.backup is not None:
            return as_point(reach.last, reach.last_at, backup.name)
        point = run_procedure(connection, resolve(wish, reach))
    if point is None:
        return None
    rewind_file(tell, path, point.sequence, dict(wish.extractors))
    return RestorePoint(sequence=point.sequence, at=point.at, backup=backup.name)


def _out_of_reach(wish: Wish, backups: Iterable[Backup], reach: Reach | None) -> RestorePointError:
    known = [
        backup.manifest
        for backup in backups
        if reach is None or backup.manifest.store_id == reach.store_id
    ]
    if reach is None:
        newest = max((manifest.sequence for manifest in known), default=None)
        return RestorePointError(
            f"no backup reaches {wish}",
            newest=newest,
            hint="memory-inspector backup list shows what there is",
        )
    oldest = as_point(reach.first, reach.first_at)
    newest_point = as_point(reach.last, reach.last_at)
    return RestorePointError(
        f"{wish} cannot be restored: the change log goes from {oldest.sequence} "
        f"({oldest.at:%Y-%m-%d %H:%M:%S}) to {newest_point.sequence} "
        f"({newest_point.at:%Y-%m-%d %H:%M:%S}), and no backup reaches it",
        oldest=oldest.sequence,
        newest=newest_point.sequence,
        hint="choose a point in between, or copy older backups into the directory of backups",
    )
