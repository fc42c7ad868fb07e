"""Examining a store, whether or not it can still be opened. Nothing is written."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

from engine.backends.sqlite.connection import PROGRESS_STEPS, connect
from engine.backends.sqlite.driver import run_procedure
from engine.backends.sqlite.opening import absolute, recognise
from engine.doctor import agreement, proof, structure
from engine.doctor.report import Check, CheckState, Examination, Finding, OnChecked, fine
from engine.errors import (
    CorruptStoreError,
    EngineError,
    NotAStoreError,
    QueryInterruptedError,
    SchemaTooNewError,
    StoreBusyError,
    StoreNotFoundError,
    UnsafePathError,
)
from engine.procedures.base import Procedure

BUSY_SECONDS: Final = 5.0
DAMAGED_HINT: Final = "restore it from a backup, or save what is readable with doctor --salvage"
NOT_LOOKED_AT: Final = Finding(
    CheckState.UNKNOWN, "not looked at: what comes before it is too damaged"
)


async def examine(
    path: str | os.PathLike[str], *, quick: bool = False, progress: OnChecked | None = None
) -> Examination:
    """Look a store over, open or not, and say of each part how it is. It is not written to.

    `quick` samples contents and does not compare indexes with tables. `progress` is called on
    another thread. Damage is no error here, whatever the file holds: it is in the report.

    Raises:
        StoreNotFoundError: there is nothing at `path`.
        UnsafePathError: it is no path.
    """
    stopped = threading.Event()
    work = asyncio.ensure_future(
        asyncio.to_thread(_examine, Path(path), quick, progress or _ignore, stopped)
    )
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        stopped.set()
        await asyncio.wait([work])
        raise


def _ignore(_check: str, _done: int, _total: int) -> None:
    """Tell nobody."""


def _examine(path: Path, quick: bool, progress: OnChecked, stopped: threading.Event) -> Examination:
    path = absolute(path)
    if not os.path.lexists(path):
        raise StoreNotFoundError(f"there is no store at {path}", hint="check the path")
    checks = tuple(_checks(path, quick, progress, stopped))
    return Examination(path=str(path), quick=quick, checks=checks)


def _checks(
    path: Path, quick: bool, progress: OnChecked, stopped: threading.Event
) -> Iterator[Check]:
    header = _named("file", lambda: _check_file(path))
    yield header
    for name, look in _around(path):
        yield _named(name, look)
    if header.state is CheckState.DAMAGED:
        yield from (_named(name, lambda: NOT_LOOKED_AT) for name in _DATA_CHECKS)
        return
    try:
        connection = _connect(path, stopped)
    except EngineError as error:
        finding = _failed(error)
        yield _named("schema", lambda: finding)
        yield from (_named(name, lambda: NOT_LOOKED_AT) for name in _DATA_CHECKS[1:])
        return
    try:
        yield from _look_inside(connection, quick, progress, stopped)
    finally:
        connection.close()


def _connect(path: Path, stopped: threading.Event) -> Any:
    immutable = not os.access(path.parent, os.W_OK) and not os.path.lexists(f"{path}-shm")
    connection = connect(
        path, read_only=True, immutable=immutable, busy_timeout_seconds=BUSY_SECONDS
    )
    # Damaged text is to be reported, and not to end the report.
    connection.text_factory = _decode
    connection.set_progress_handler(stopped.is_set, PROGRESS_STEPS)
    return connection


def _decode(data: bytes) -> str:
    return data.decode(errors="replace")


def _look_inside(
    connection: Any, quick: bool, progress: OnChecked, stopped: threading.Event
) -> Iterator[Check]:
    schema = _named("schema", lambda: structure.check_schema(connection))
    yield schema
    for name in _DATA_CHECKS[1:]:
        if stopped.is_set():
            return
        progress(name, 0, 0)
        if schema.state is not CheckState.OK and name != "pages":
            # The statements are of the present tables.
            yield _named(name, lambda: NOT_LOOKED_AT)
            continue
        procedure = _PROCEDURES[name](quick, partial(progress, name))
        yield _named(name, partial(run_procedure, connection, procedure))


def _named(name: str, look: Callable[[], Finding]) -> Check:
    try:
        finding = look()
    except EngineError as error:
        finding = _failed(error)
    return Check(name=name, state=finding.state, evidence=finding.evidence, hint=finding.hint)


def _failed(error: EngineError) -> Finding:
    """Return what it says of a store that looking at it failed."""
    match error:
        case QueryInterruptedError():
            return Finding(CheckState.UNKNOWN, "stopped before the end")
        case StoreBusyError() | SchemaTooNewError():
            return Finding(CheckState.UNKNOWN, str(error), error.hint)
        case CorruptStoreError():
            return Finding(CheckState.DAMAGED, str(error), DAMAGED_HINT)
        case NotAStoreError():
            hint = f"{error.hint}; if it was a store once, doctor --salvage may still read it"
            return Finding(CheckState.DAMAGED, str(error), hint)
        case UnsafePathError():
            return Finding(CheckState.DAMAGED, str(error), error.hint)
    return Finding(CheckState.UNKNOWN, str(error), error.hint)


def _check_file(path: Path) -> Finding:
    recognise(path)
    return fine(f"{path.stat().st_size:,} bytes, with the header of a memory store")


def _around(path: Path) -> list[tuple[str, Callable[[], Finding]]]:
    return [
        ("journal", lambda: structure.check_journal(path)),
        ("sqlite", structure.check_sqlite),
        ("permissions", lambda: structure.check_permissions(path)),
        ("leftovers", lambda: structure.check_leftovers(path)),
    ]


_Make = Callable[[bool, proof.OnRows], Procedure[Finding]]
_PROCEDURES: Final[dict[str, _Make]] = {
    "pages": lambda quick, _: agreement.check_pages(quick),
    "foreign-keys": lambda _quick, _: agreement.check_foreign_keys(),
    "contents": lambda _quick, _: agreement.check_missing_contents(),
    "hashes": lambda quick, tell: proof.check_hashes(quick=quick, progress=tell),
    "full-text": lambda quick, _: proof.check_words(quick=quick),
    "counters": lambda _quick, _: agreement.check_counters(),
    "tag-counters": lambda _quick, _: agreement.check_tag_counters(),
    "uses": lambda _quick, _: agreement.check_uses(),
    "orphans": lambda _quick, _: agreement.check_orphans(),
    "sequences": lambda _quick, _: agreement.check_sequences(),
    "unfinished": lambda _quick, _: agreement.check_unfinished(),
}
_DATA_CHECKS: Final = ("schema", *_PROCEDURES)
