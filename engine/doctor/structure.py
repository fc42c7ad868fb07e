"""Checks of the file and of what lies beside it: nothing here opens the store's file itself."""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import Any, Final

from engine.backends.sqlite.driver import VERSION, has_wal_reset_bug, translated
from engine.backends.sqlite.making import unfinished_names
from engine.backends.sqlite.opening import (
    expected_fingerprint,
    schema_fingerprint,
)
from engine.backends.sqlite.schema import SCHEMA_VERSION
from engine.doctor.report import CheckState, Finding, fine, some

WAL_BYTES_LARGE: Final = 64 * 1024 * 1024
COMPANIONS: Final = ("", "-wal", "-shm", "-journal", ".lock")
_UNFINISHED = re.compile(r"\.[0-9a-f]{16}\.partial(-wal|-shm|-journal)?")


def check_schema(connection: Any) -> Finding:
    """Compare version and tables with those of this engine."""
    with translated():
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        rows = connection.execute("SELECT type, name, sql FROM sqlite_schema").fetchall()
    if version < SCHEMA_VERSION:
        return Finding(
            CheckState.WARNING,
            f"version {version}; this engine writes version {SCHEMA_VERSION}",
            "open it once for writing to migrate it; most checks need that",
        )
    if schema_fingerprint(rows) != expected_fingerprint():
        return Finding(
            CheckState.DAMAGED,
            "there are tables, triggers or views that no engine made, or some are missing",
            "it was changed by another program: restore it from a backup, or use doctor --salvage",
        )
    return fine(f"version {version}, {len(rows)} tables and indexes, all as they should be")


def check_journal(path: Path) -> Finding:
    """Look at the size of the write-ahead log."""
    size = _size(path.with_name(f"{path.name}-wal"))
    if size is None or size == 0:
        return fine("nothing waits in the write-ahead log")
    if size > WAL_BYTES_LARGE:
        return Finding(
            CheckState.WARNING,
            f"{size:,} bytes wait in the write-ahead log",
            "somebody reads for very long, or a program was killed: close all, then open it once",
        )
    return fine(
        f"{size:,} bytes wait in the write-ahead log: the store is open, or was not closed; "
        "the next opening takes them in"
    )


def check_sqlite() -> Finding:
    """Tell whether this SQLite can lose commits when a write-ahead log begins anew."""
    version = ".".join(map(str, VERSION))
    if has_wal_reset_bug(VERSION):
        return Finding(
            CheckState.WARNING,
            f"SQLite {version} may lose commits when several processes write (WAL-reset fault)",
            "the engine works around it; other programs on this file may not: update SQLite",
        )
    return fine(f"SQLite {version} has no known fault")


def check_permissions(path: Path) -> Finding:
    """Look who else may read or write the store, its companions and its folder."""
    open_to_others = [f"{name} ({mode:04o})" for name, mode in loose_files(path)]
    folder = path.parent.stat().st_mode
    if folder & stat.S_IWOTH and not folder & stat.S_ISVTX:
        open_to_others.append("the folder, which everybody can write")
    if not open_to_others:
        return fine("only its owner can read it")
    return Finding(
        CheckState.WARNING,
        f"open to others: {some(open_to_others, len(open_to_others))}",
        "close it with doctor --fix permissions (the folder: chmod)",
    )


def loose_files(path: Path) -> list[tuple[str, int]]:
    """Return name and mode of the store's files that others than its owner can use."""
    found = []
    for suffix in COMPANIONS:
        companion = path.with_name(f"{path.name}{suffix}")
        try:
            status = companion.lstat()
        except OSError:
            continue
        mode = stat.S_IMODE(status.st_mode)
        if stat.S_ISREG(status.st_mode) and mode & 0o077:
            found.append((companion.name, mode))
    return found


def tighten(path: Path) -> int:
    """Give the store's files to their owner alone (0600); return how many were not."""
    loose = loose_files(path)
    for name, _ in loose:
        # Plain files, as was seen; a link put there meanwhile is at worst tightened too.
        path.with_name(name).chmod(0o600)
    return len(loose)


def check_leftovers(path: Path) -> Finding:
    """Look for what a killed program has left in the folder."""
    try:
        names = {entry.name for entry in path.parent.iterdir()}
    except OSError as error:
        return Finding(CheckState.UNKNOWN, f"the folder cannot be listed: {error.strerror}")
    partial = {name for name in names if _UNFINISHED.fullmatch(name)}
    found = sorted(partial | unfinished_names(path))
    if not found:
        return fine("nothing unfinished is in the folder")
    return Finding(
        CheckState.WARNING,
        f"unfinished: {some(found, len(found))}",
        "if no program is at work there, they can be deleted",
    )


def _size(path: Path) -> int | None:
    try:
        return path.lstat().st_size
    except OSError:
        return None
