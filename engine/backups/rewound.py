"""Detached copies of a store, rewound to what it was: for looking at, and for restoring."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from engine.backends.sqlite.connection import connect
from engine.backends.sqlite.copying import copy_out
from engine.backends.sqlite.driver import run_procedure, translated
from engine.backups.publishing import storage_errors, sweep, working_directory
from engine.backups.threads import Teller
from engine.errors import UnsafePathError
from engine.procedures.base import Procedure, TextChange
from engine.procedures.fulltext import write_text
from engine.procedures.names import Extractor, Names
from engine.procedures.rewinding import begin_rewinding, cut_log, rewind_links, rewind_page

R = TypeVar("R")

CACHE_KIB: Final = 65_536


def make_rewound(
    tell: Teller, source: Path, path: Path, sequence: int, extractors: dict[str, Extractor]
) -> None:
    """Make the new file `path` the store `source`, live or not, as it was at `sequence`. Blocks.

    The file is closed; it is durable only once somebody makes it so.

    Raises:
        StoreBusyError: the store could not be copied in time.
        StorageError: there is no room.
        CorruptStoreError: the store, or its change log, is damaged.
    """
    tell("copy", 0, 0)
    copy_out(source, path)
    rewind_file(tell, path, sequence, extractors)


def rewind_file(tell: Teller, path: Path, sequence: int, extractors: dict[str, Extractor]) -> None:
    """Make the detached store at `path`, which nobody else knows, what it was. Blocks.

    Raises:
        StorageError: there is no room.
        CorruptStoreError: the store, or its change log, is damaged.
    """
    names = Names()
    names.extractors.update(extractors)
    with closing(connect_detached(path)) as connection:
        tell.watch(connection)
        task = run_whole(connection, begin_rewinding(sequence))
        done, total = 0, task.newest - sequence
        if total:
            beyond = ""
            while page := run_whole(connection, rewind_page(names, task, beyond)):
                beyond, count = page
                done += count
                tell("rewind", min(done, total), total)
            run_whole(connection, rewind_links(names, task))
            run_whole(connection, cut_log(names, task))
        with translated():
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def connect_detached(path: Path) -> Any:
    """Return a connection to a store that nobody else knows, and that a crash may take with it."""
    connection = connect(path, read_only=False, busy_timeout_seconds=0.0)
    with translated():
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
    return connection


def run_whole(connection: Any, procedure: Procedure[R]) -> R:
    """Run a procedure in a transaction of its own, its changes to full text with it."""
    texts: list[TextChange] = []
    with translated():
        connection.execute("BEGIN IMMEDIATE")
    result = run_procedure(connection, procedure, texts)
    run_procedure(connection, write_text(texts))
    with translated():
        connection.execute("COMMIT")
    return result


@contextmanager
def private_directory() -> Iterator[Path]:
    """Make a directory, 0700, for a copy that somebody looks at; it is gone afterwards.

    It is where the system keeps what is temporary (`TMPDIR`), in a directory of this user's that is
    swept of what processes that died have left.

    Raises:
        StorageError: it cannot be made.
        UnsafePathError: somebody else made a directory of that name.
    """
    parent = Path(tempfile.gettempdir()) / f"agent-memory-{os.getuid()}"
    with storage_errors(f"{parent} cannot be made"):
        parent.mkdir(mode=0o700, exist_ok=True)
        status = parent.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise UnsafePathError(
            f"{parent} is not a directory of yours alone", hint="remove it, or set TMPDIR"
        )
    sweep(parent)
    with working_directory(parent) as work:
        yield work
