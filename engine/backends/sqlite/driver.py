"""The DB-API module in use, and the one place where its errors become ours."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from engine.errors import (
    CorruptStoreError,
    EngineError,
    InvalidItemError,
    LimitExceededError,
    NotAStoreError,
    QueryInterruptedError,
    ReadOnlyStoreError,
    StorageError,
    StorageFullError,
    StoreBusyError,
    StoreError,
)
from engine.procedures.base import Deferred, Many, Procedure, Result, Rows, Statement, TextChange


def _choose() -> Any:
    """Return pysqlite3 where it brings a newer SQLite than Python's own, else `sqlite3`."""
    try:
        import pysqlite3
    except ImportError:
        return sqlite3
    newer = pysqlite3.sqlite_version_info > sqlite3.sqlite_version_info
    return pysqlite3 if newer else sqlite3


driver: Final[Any] = _choose()
"""One module per process: two copies of SQLite on one file break each other's locks."""

VERSION: Final[tuple[int, int, int]] = driver.sqlite_version_info


def has_wal_reset_bug(version: tuple[int, int, int]) -> bool:
    """Return whether this SQLite can lose commits when two connections restart a WAL at once.

    Fixed in 3.51.3 and in the patch releases 3.50.7 and 3.44.6.
    """
    if version >= (3, 51, 3) or version < (3, 7, 0):
        return False
    return not ((3, 50, 7) <= version < (3, 51, 0) or (3, 44, 6) <= version < (3, 45, 0))


_CODES: Final = {
    5: "busy",
    6: "busy",
    7: "memory",
    8: "readonly",
    9: "interrupt",
    10: "io",
    11: "corrupt",
    13: "full",
    14: "open",
    18: "toobig",
    26: "notadb",
}

_CODES_OF_TEXTS: Final = {
    "database is locked": 5,
    "attempt to write a readonly database": 8,
    "disk I/O error": 10,
    "database disk image is malformed": 11,
    "database or disk is full": 13,
    "unable to open database file": 14,
}
"""The backup interface of some drivers gives no code, only SQLite's text for it."""


def translate(error: Exception) -> EngineError:
    """Return our error for one of the driver's, keyed by SQLite's result code."""
    text = str(error)
    code = getattr(error, "sqlite_errorcode", None) or _CODES_OF_TEXTS.get(text)
    match _CODES.get(code & 0xFF) if isinstance(code, int) else None:
        case "busy":
            return StoreBusyError(
                "the store is locked by another process", hint="try again in a moment"
            )
        case "readonly":
            return ReadOnlyStoreError(
                "the store cannot be written", hint="check the permissions of the file and folder"
            )
        case "interrupt":
            return QueryInterruptedError("the query was stopped")
        case "corrupt":
            return CorruptStoreError(
                f"the database is damaged: {text}", hint="restore it from a backup"
            )
        case "full":
            return StorageFullError(
                "the disk is full; nothing was written", hint="free some space and try again"
            )
        case "notadb":
            return NotAStoreError(
                "the file is not a memory store", hint="check the path; the file was not touched"
            )
        case "toobig":
            return LimitExceededError("a value is larger than SQLite can hold")
        case "io" | "open" | "memory":
            return StorageError(
                f"the operating system refused: {text}",
                hint="check the disk, the folder's permissions and free space",
            )
    if text.startswith("Could not decode to UTF-8"):
        # From the module itself, which has no code for it.
        return CorruptStoreError(
            "the database is damaged: text in it is no Unicode", hint="restore it from a backup"
        )
    return StoreError(f"SQLite refused: {text}", hint="please report this with the message")


@contextmanager
def translated() -> Iterator[None]:
    """Turn the driver's errors inside the block into ours, keeping the cause."""
    try:
        yield
    except driver.Error as error:
        raise translate(error) from error
    except UnicodeDecodeError as error:
        raise _no_text(error) from error


def _no_text(error: UnicodeDecodeError) -> CorruptStoreError:
    """Return the error for bytes in the file, or in SQLite's message about it, that are no text."""
    return CorruptStoreError(
        f"the database is damaged: text in it is no Unicode ({error.reason})",
        hint="restore it from a backup",
    )


def run_procedure(
    connection: Any, procedure: Procedure[Result], deferred: list[TextChange] | None = None
) -> Result:
    """Run `procedure` to its end on this thread and return its result.

    A writer gives a list for the changes to full text, and writes them before it commits.

    Raises:
        EngineError: a statement failed, or the procedure refused.
    """
    execute = connection.execute
    try:
        statement = next(procedure)
        while True:
            rows: Rows = []
            if type(statement) is Statement:
                rows = execute(statement.sql, statement.values).fetchall()
            elif type(statement) is Many:
                connection.executemany(statement.sql, statement.values)
            elif type(statement) is Deferred and deferred is not None:
                deferred.extend(statement.changes)
            else:
                raise TypeError(f"{type(statement).__name__} outside a writing transaction")
            statement = procedure.send(rows)
    except StopIteration as stop:
        result: Result = stop.value
        return result
    except driver.Error as error:
        raise translate(error) from error
    except UnicodeDecodeError as error:
        raise _no_text(error) from error
    except (UnicodeEncodeError, OverflowError) as error:
        raise InvalidItemError(
            f"a value cannot be stored: {error}", hint="use valid Unicode text and 64-bit numbers"
        ) from error
    finally:
        procedure.close()
