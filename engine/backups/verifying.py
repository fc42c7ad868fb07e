"""Verification: a backup is good when it was restored, and what came of it is what was."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from engine.backends.sqlite.connection import connect
from engine.backends.sqlite.driver import translated
from engine.backups.artefact import corrupt
from engine.backups.catalogue import Catalogue, forget_verification, remember_verification
from engine.backups.chain import Link, links_of, rebuild
from engine.backups.findings import Finding
from engine.backups.manifest import Backup
from engine.backups.publishing import storage_errors, working_directory
from engine.backups.threads import Teller
from engine.errors import CorruptBackupError, EngineError, StorageError

FAULTS_MAX: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What came of verifying a backup, and of what it builds on: nothing, if it is whole."""

    name: str
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether the backup was restored, and equals the original."""
        return not any(finding.severity == "error" for finding in self.findings)


def verify_links(tell: Teller, catalogue: Catalogue, backup: Backup, now: int) -> VerifyReport:
    """Restore a backup to a temporary place, and look through what comes of it. Blocks.

    That it was verified at `now` (UTC microseconds) is kept beside it, where that can be written.

    Raises:
        StorageError: there is no room, or the directory cannot be written.
    """
    findings: list[Finding] = []
    try:
        links = links_of(catalogue, backup)
        with _place(catalogue.directory) as work:
            prove(tell, links, work / "proof.db")
    except StorageError:
        raise
    except EngineError as error:
        if tell.stopped:
            raise
        findings.append(
            Finding(severity="error", what=error.message, hint=error.hint, backup=backup.name)
        )
        forget_verification(catalogue.directory, backup.manifest)
    else:
        if os.access(catalogue.directory, os.W_OK):
            remember_verification(catalogue.directory, backup.manifest, now)
    return VerifyReport(name=backup.name, findings=tuple(findings))


@contextmanager
def _place(directory: Path) -> Iterator[Path]:
    """Make room beside the backups; where nothing can be written, among temporary files."""
    if os.access(directory, os.W_OK):
        with working_directory(directory) as work:
            yield work
        return
    with (
        storage_errors("there is no place for temporary files"),
        tempfile.TemporaryDirectory(prefix="memory-inspector-") as work_name,
    ):
        yield Path(work_name)


def prove(tell: Teller, links: Sequence[Link], path: Path) -> None:
    """Restore a chain to the new file `path`, and check it through and through. Blocks.

    Raises:
        CorruptBackupError: it does not restore, or not to what it was.
        StorageError: `path` cannot be written.
    """
    name = links[-1].manifest.name
    rebuild(tell, links, path)
    try:
        with closing(connect(path, read_only=False, busy_timeout_seconds=0.0)) as connection:
            tell.watch(connection)
            with translated():
                connection.execute("PRAGMA locking_mode=EXCLUSIVE")
                _check_file(tell, connection, name)
    except CorruptBackupError:
        raise
    except EngineError as error:
        if tell.stopped or isinstance(error, StorageError):
            raise
        raise corrupt(name, f"the restored store is not sound: {error.message}") from error


def _check_file(tell: Teller, connection: Any, name: str) -> None:
    tell("check", 0, 3)
    faults = connection.execute(f"PRAGMA integrity_check({FAULTS_MAX})").fetchall()
    if faults != [("ok",)]:
        raise corrupt(name, f"the restored file is not sound: {faults[0][0]:.200}")
    tell("check", 1, 3)
    dangling = connection.execute("PRAGMA foreign_key_check").fetchmany(FAULTS_MAX)
    if dangling:
        raise corrupt(name, f"rows of {dangling[0][0]} refer to what is not there")
    tell("check", 2, 3)
    # Contentless: its structure alone can be checked, its words follow from the items.
    connection.execute("INSERT INTO items_text(items_text) VALUES ('integrity-check')")
    tell("check", 3, 3)
