"""Making stores: under another name until they are whole, and sweeping those that never were."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from engine.backends.sqlite.connection import connect
from engine.backends.sqlite.driver import translated
from engine.backends.sqlite.schema import APPLICATION_ID, SCHEMA, SCHEMA_VERSION
from engine.errors import StorageError, StoreError
from engine.text import TEXT_VERSION

JOURNALS = ("-wal", "-shm", "-journal")
COPY_SUFFIX = "-copy"
"""Of a copy that is needed while a store is made: it goes with what is unfinished."""
_CLAIM = "-claim"
_UNFINISHED_ENDS = (
    *(f"{copy}{journal}" for copy in ("", COPY_SUFFIX) for journal in ("", *JOURNALS)),
    _CLAIM,
)


def create_store(path: Path, now: int) -> None:
    """Make an empty store at a path that does not exist: whole, or not at all, mode 0600.

    One that appears there meanwhile stays, and is as good.

    Raises:
        StorageError: the folder is missing or cannot be written.
    """
    with suppress(_TakenError), making_store(path, now):
        pass


class _TakenError(StorageError):
    """Something has got the name meanwhile."""


@contextmanager
def making_store(path: Path, now: int) -> Iterator[Path]:
    """Give an empty store under another name, to be filled; it gets its own at the end.

    Close it before the block ends. Whatever goes wrong, nothing is left of it.

    Raises:
        StorageError: the folder is missing or cannot be written, or something has the name.
    """
    try:
        with _unfinished(path) as temporary:
            _make_at(temporary, now)
            yield temporary
            _sync_file(temporary)
            _publish(temporary, path)
            sync_folder(path.parent)
    except StoreError:
        raise
    except OSError as error:
        raise _cannot_create(path, error) from error


@contextmanager
def _unfinished(path: Path) -> Iterator[Path]:
    """Give a name for a store that is being made, which nobody sweeps meanwhile."""
    while True:
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.new")
        # The lock is on a file of its own: closing a handle of the store would cost others in this
        # process, who have opened it by then, theirs.
        claim = temporary.with_name(f"{temporary.name}{_CLAIM}")
        handle = os.open(claim, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW, 0o600)
        if _claims(handle):
            break
        # Somebody swept it away between the two calls.
        os.close(handle)
    try:
        yield temporary
    finally:
        _remove_unfinished(temporary)
        os.close(handle)


def _claims(handle: int) -> bool:
    """Return whether this is the only claim on what is unfinished."""
    try:
        # Ends with the process, however that ends.
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return os.fstat(handle).st_nlink == 1


def unfinished_names(path: Path) -> set[str]:
    """Return the names of files that belong to a store at `path` that is, or was, being made."""
    ends = "|".join(_UNFINISHED_ENDS)
    pattern = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{12}}\.new({ends})")
    try:
        with os.scandir(path.parent) as entries:
            return {entry.name for entry in entries if pattern.fullmatch(entry.name)}
    except OSError:
        return set()


def sweep_unfinished(path: Path) -> None:
    """Remove what killed processes left of making the store at `path`."""
    for base in {name[: name.rindex(".new") + len(".new")] for name in unfinished_names(path)}:
        temporary = path.with_name(base)
        if _is_abandoned(temporary.with_name(f"{base}{_CLAIM}")):
            _remove_unfinished(temporary)


def _is_abandoned(claim: Path) -> bool:
    try:
        handle = os.open(claim, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        # It is the first to be made and the last to be removed.
        return True
    except OSError:
        return False
    try:
        return _claims(handle)
    finally:
        os.close(handle)


def _remove_unfinished(temporary: Path) -> None:
    for suffix in _UNFINISHED_ENDS:
        # What cannot be removed now is swept by a later opening.
        with suppress(OSError):
            temporary.with_name(f"{temporary.name}{suffix}").unlink()


def _sync_file(path: Path) -> None:
    """Have a file that nobody has open be on disk."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _make_at(temporary: Path, now: int) -> None:
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW, 0o600))
    connection = connect(temporary, read_only=False, busy_timeout_seconds=5.0)
    try:
        _initialise(connection, now)
    finally:
        connection.close()


def refuse_journal(path: Path) -> None:
    """Refuse a name for a new store at which the journal of an old one lies.

    SQLite would play it into the new store, and destroy that.

    Raises:
        StorageError: there is one.
    """
    for suffix in ("-wal", "-journal"):
        journal = path.with_name(f"{path.name}{suffix}")
        if os.path.lexists(journal) and (journal.is_symlink() or journal.stat().st_size > 0):
            raise StorageError(
                f"{journal.name} lies there, the journal of a store that is gone: it may hold "
                "what was written last, and would destroy a new store of that name",
                hint="choose another name; or move the journal elsewhere, and keep it",
            )


def _publish(temporary: Path, path: Path) -> None:
    """Give a new store its name, unless something has it."""
    refuse_journal(path)
    taken = _TakenError(f"{path.name} exists already", hint="choose another name")
    # A link fails where a file has appeared meanwhile; a rename would replace it.
    try:
        os.link(temporary, path)
    except FileExistsError as error:
        raise taken from error
    except OSError:
        # The file system has no links.
        if os.path.lexists(path):
            raise taken from None
        temporary.rename(path)


def _cannot_create(path: Path, error: OSError) -> StorageError:
    return StorageError(
        f"cannot create {path.name}: {error.strerror}", hint="check that the folder can be written"
    )


def sync_folder(folder: Path) -> None:
    """Make a new name in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _initialise(connection: Any, now: int) -> None:
    with translated():
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        for sql in SCHEMA:
            connection.execute(sql)
        connection.executemany(
            "INSERT INTO meta VALUES (?, ?)",
            [
                ("store_id", secrets.token_hex(16)),
                ("created_at", now),
                ("next_item_key", 1),
                ("text_version", TEXT_VERSION),
            ],
        )
        connection.execute("COMMIT")
        # Everything into the main file: what is linked is the whole store.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
