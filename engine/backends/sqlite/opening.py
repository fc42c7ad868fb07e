"""What happens before a file is trusted: path checks, creation, recognition.

Nothing here opens the file except through SQLite: closing a plain handle would drop the locks
that SQLite holds on it for this process.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from engine.backends.sqlite.connection import connect
from engine.backends.sqlite.driver import translated
from engine.backends.sqlite.making import JOURNALS, create_store, sweep_unfinished
from engine.backends.sqlite.migrations import migrate
from engine.backends.sqlite.schema import APPLICATION_ID, SCHEMA, SCHEMA_VERSION
from engine.errors import (
    CorruptStoreError,
    NotAStoreError,
    ReadOnlyStoreError,
    SchemaTooNewError,
    StorageError,
    StoreNotFoundError,
    UnsafePathError,
)

HEADER_BYTES = 512
"""SQLite takes a file shorter than this for an empty database, and would write over it."""


@dataclass(frozen=True, slots=True)
class Target:
    """A file that was recognised as a store, and how it can be opened."""

    path: Path
    read_only: bool
    immutable: bool


def prepare(path: Path, *, read_only: bool, create: bool, now: int) -> Target:
    """Return the store at `path`, made if it is absent and `create`; touch nothing else.

    Raises:
        StoreNotFoundError: there is no file, and none was to be made.
        UnsafePathError: the path is a link, a folder, a device, or no path at all.
        NotAStoreError: the file is something else.
        SchemaTooNewError: it was written by a newer engine.
        CorruptStoreError: it is a store, but damaged.
        ReadOnlyStoreError: it is to be written, and cannot be.
    """
    path = absolute(path)
    if not os.path.lexists(path):
        if read_only or not create:
            raise StoreNotFoundError(
                f"there is no store at {path}", hint="check the path, or create one with import"
            )
        create_store(path, now)
    if not read_only:
        sweep_unfinished(path)
    recognise(path)
    if read_only:
        return Target(path, True, _must_be_immutable(path))
    if not os.access(path, os.W_OK) or not os.access(path.parent, os.W_OK):
        raise ReadOnlyStoreError(
            f"{path.name} or its folder cannot be written", hint="open it read-only"
        )
    return Target(path, False, False)


def recognise(path: Path) -> None:
    """Raise unless the file is a store as far as its first page says; see `prepare`."""
    _check_file(path)
    _check_siblings(path)
    _check_header(path)


def absolute(path: Path) -> Path:
    """Return a path whose folder is resolved and whose name is not.

    Raises:
        UnsafePathError: it is no path at all.
    """
    text = str(path)
    if not text or "\0" in text:
        raise UnsafePathError("the path is empty or contains NUL", hint="give the path of a file")
    try:
        os.fsencode(text)
    except UnicodeEncodeError as error:
        raise UnsafePathError("the path is not valid text", hint="rename the file") from error
    # The folder may be reached through links; the file itself may not be one.
    path = Path(text)
    return path.parent.resolve() / path.name if path.name else path.resolve()


def _check_file(path: Path) -> None:
    try:
        status = path.lstat()
    except OSError as error:
        raise StorageError(f"{path.name} cannot be read: {error.strerror}") from error
    if stat.S_ISLNK(status.st_mode):
        raise UnsafePathError(f"{path.name} is a symbolic link", hint="open the file it points to")
    if stat.S_ISDIR(status.st_mode):
        raise UnsafePathError(f"{path.name} is a folder", hint="give the path of a file in it")
    if not stat.S_ISREG(status.st_mode):
        raise UnsafePathError(f"{path.name} is not a regular file", hint="a store is a plain file")
    if status.st_nlink > 1 and not _is_own_leftover(path, status):
        raise UnsafePathError(
            f"{path.name} has {status.st_nlink} names (hard links)",
            hint="two names would have two journals, and lose each other's writes; copy it instead",
        )
    if status.st_size < HEADER_BYTES:
        raise NotAStoreError(
            f"{path.name} is {status.st_size} bytes: no memory store is that small",
            hint="the file was not touched; remove it if it is a leftover, then try again",
        )


def _check_siblings(path: Path) -> None:
    """Refuse journals that are links: SQLite would write over what they are links to."""
    for suffix in JOURNALS:
        sibling = path.with_name(f"{path.name}{suffix}")
        try:
            status = sibling.lstat()
        except FileNotFoundError:
            continue
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
            raise UnsafePathError(
                f"{sibling.name} is a link, or no plain file",
                hint="it is not a journal of this store; move it away",
            )


def _is_own_leftover(path: Path, status: os.stat_result) -> bool:
    """Return whether the second name is ours, from a creation that was killed; and remove it."""
    for sibling in path.parent.glob(f".{_glob_escape(path.name)}.*.new"):
        try:
            same = sibling.lstat().st_ino == status.st_ino
            if same:
                sibling.unlink()
        except FileNotFoundError:
            same = True
        if same:
            return True
    # The creating process may have removed it between the two looks.
    return path.lstat().st_nlink == 1


def _glob_escape(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


def _check_header(path: Path) -> None:
    """Look at the main file alone, without locks, journals or any trace."""
    has_journal = _has_journal(path)
    connection = None
    try:
        connection = connect(
            path,
            read_only=True,
            immutable=True,
            busy_timeout_seconds=0.0,
            without_journal=has_journal,
        )
        with translated():
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
    finally:
        if connection is not None:
            connection.close()
    if application != APPLICATION_ID:
        raise NotAStoreError(
            f"{path.name} is another application's database",
            hint="check the path; the file was not touched",
        )
    check_version(path, version)
    if path.stat().st_size % page_bytes and not has_journal and not _has_journal(path):
        # SQLite rounds up, and would find out only when it reads the last page.
        raise CorruptStoreError(f"{path.name} is cut short", hint="restore it from a backup")


def _has_journal(path: Path) -> bool:
    try:
        return path.with_name(f"{path.name}-wal").stat().st_size > 0
    except FileNotFoundError:
        return False


def check_version(path: Path, version: int) -> None:
    """Raise if a store was written by a newer engine, or by none.

    Raises:
        SchemaTooNewError: by a newer one.
        CorruptStoreError: no engine writes such a version.
    """
    if version < 1:
        raise CorruptStoreError(
            f"{path.name} has schema version {version}, which there never was",
            hint="restore it from a backup; the file was not touched",
        )
    if version > SCHEMA_VERSION:
        raise SchemaTooNewError(
            f"{path.name} has schema version {version}; this engine knows up to {SCHEMA_VERSION}",
            hint="upgrade agent-memory-inspector; the file was not touched",
        )


def _must_be_immutable(path: Path) -> bool:
    """Return whether the folder cannot hold the files that a WAL needs beside it.

    Raises:
        StorageError: there are changes in a WAL that nobody can read from here.
    """
    shared = path.with_name(f"{path.name}-shm")
    if os.access(path.parent, os.W_OK) or shared.exists():
        return False
    journal = path.with_name(f"{path.name}-wal")
    if journal.exists() and journal.stat().st_size > 0:
        raise StorageError(
            f"{path.name} has unsaved changes beside it, and its folder cannot be written",
            hint="copy the store with its -wal file to a folder of yours, and open it there",
        )
    return True


def check_schema(connection: Any, path: Path) -> None:
    """Bring an opened store to the present schema, and refuse one that was tampered with.

    Raises:
        SchemaTooNewError: a newer engine has migrated it.
        NotAStoreError: it has tables, triggers or views that no version of the engine made.
    """
    with translated():
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        check_version(path, version)
        read_only = bool(connection.execute("PRAGMA query_only").fetchone()[0])
        if version < SCHEMA_VERSION:
            if read_only:
                raise ReadOnlyStoreError(
                    f"{path.name} has schema version {version} and must be migrated first",
                    hint="open it once for writing",
                )
            migrate(connection, version)
        found = schema_fingerprint(
            connection.execute("SELECT type, name, sql FROM sqlite_schema").fetchall()
        )
    if found != expected_fingerprint():
        raise NotAStoreError(
            f"{path.name} has tables or triggers that a memory store does not have",
            hint="it was changed by another program; export what you need with the sqlite3 shell",
        )


SQLITE_OWN = frozenset(
    [("table", name) for name in ("sqlite_stat1", "sqlite_stat4", "sqlite_sequence")]
    + [("table", f"items_text_{part}") for part in ("data", "idx", "docsize", "config")]
)
"""What SQLite and its full text make by themselves; their texts differ between versions."""


BEGINNINGS = " prefix='2',"
"""An index of the beginnings of words, which stores had before version 4 and may keep."""


def schema_fingerprint(rows: list[tuple[str, str, str | None]]) -> str:
    """Return the fingerprint of tables, indexes and triggers: (type, name, SQL)."""
    lines = sorted(
        f"{kind} {name} {' '.join(sql.split()).replace(BEGINNINGS, '')}"
        for kind, name, sql in rows
        if (kind, name) not in SQLITE_OWN and sql is not None
    )
    return sha256("\n".join(lines).encode()).hexdigest()


def expected_fingerprint() -> str:
    """Return the fingerprint of the present schema."""
    rows: list[tuple[str, str, str | None]] = []
    for sql in SCHEMA:
        if not sql.startswith("CREATE"):
            continue
        words = sql.replace("VIRTUAL ", "").split()
        rows.append((words[1].lower(), words[2].partition("(")[0], sql))
    return schema_fingerprint(rows)
