"""The catalogue: the backups of a directory, told from their manifests alone.

It needs no store and no index of its own, so it outlives both. What is damaged or foreign is a
finding, and hides none of the others.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.backups.findings import Finding
from engine.backups.manifest import (
    MANIFEST_BYTES_MAX,
    Backup,
    Manifest,
    dump_sealed,
    engine_version,
    is_name,
    load_manifest,
    load_sealed,
)
from engine.backups.publishing import ARTEFACT, MANIFEST, VERIFIED, open_file, replace, sweep
from engine.clock import to_datetime
from engine.errors import BackupNotFoundError, BrokenChainError, InvalidBackupError

CHAIN_MAX: Final = 10_000
"""Backups of one chain; a longer one goes in circles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """The backups of a directory, oldest first, and what is wrong with what else is there."""

    directory: Path
    backups: tuple[Backup, ...]
    findings: tuple[Finding, ...]

    def find(self, name: str) -> Backup:
        """Return the backup of this name.

        Raises:
            BackupNotFoundError: there is none.
        """
        for backup in self.backups:
            if backup.name == name:
                return backup
        raise BackupNotFoundError(
            f"there is no backup {name!r:.140}", hint="memory-inspector backup list shows them"
        )

    def of_store(self, store_id: str) -> tuple[Backup, ...]:
        """Return the backups of one store, oldest first."""
        return tuple(b for b in self.backups if b.manifest.store_id == store_id)

    def chain(self, backup: Backup) -> tuple[Backup, ...]:
        """Return what a backup is restored from: the full one, what follows, and itself last.

        Raises:
            BrokenChainError: one of them is missing, or is not the one that was built on.
        """
        by_name = {known.name: known for known in self.backups}
        chain = [backup]
        while (parent_name := chain[-1].manifest.parent) is not None:
            child = chain[-1].manifest
            parent = by_name.get(parent_name)
            if parent is None:
                raise _broken(backup.name, f"{parent_name}, which {child.name} needs, is missing")
            if len(chain) > CHAIN_MAX or not _fits(parent.manifest, child):
                raise _broken(backup.name, f"{parent_name} is not what {child.name} was made after")
            chain.append(parent)
        return tuple(reversed(chain))

    @property
    def restorable(self) -> tuple[Backup, ...]:
        """Those whose chain is whole, as far as manifests and sizes tell; newest first."""
        return tuple(backup for backup in reversed(self.backups) if self._is_whole(backup))

    def _is_whole(self, backup: Backup) -> bool:
        try:
            chain = self.chain(backup)
        except BrokenChainError:
            return False
        return all(link.is_there for link in chain)

    def artefact(self, backup: Backup) -> Path:
        """Return where the bytes of a backup are."""
        return self.directory / f"{backup.name}{ARTEFACT}"


def _fits(parent: Manifest, child: Manifest) -> bool:
    return (
        parent.digest == child.parent_digest
        and parent.sequence == child.first_sequence
        and parent.store_id == child.store_id
        and parent.schema_version == child.schema_version
        and parent.chain == child.chain
    )


def _broken(name: str, what: str) -> BrokenChainError:
    return BrokenChainError(
        f"the backup {name} cannot be restored: {what}",
        hint="restore the newest backup before it whose chain is whole",
    )


def default_directory(store: Path) -> Path:
    """Return where the backups of a store are unless it is told otherwise."""
    return store.with_name(f"{store.name}.backups")


def read_catalogue(directory: Path) -> Catalogue:
    """Return the backups of a directory; there are none where there is no directory. Blocks.

    What processes that died have left unfinished is cleared up first, where it can be.
    """
    sweep(directory)
    try:
        names = sorted(entry.name for entry in os.scandir(directory))
    except FileNotFoundError:
        return Catalogue(directory=directory, backups=(), findings=())
    except OSError as error:
        finding = Finding(
            severity="error",
            what=f"the directory cannot be read: {error.strerror}",
            hint="check its permissions",
        )
        return Catalogue(directory=directory, backups=(), findings=(finding,))
    backups: list[Backup] = []
    findings: list[Finding] = []
    for file_name in names:
        if not file_name.endswith(MANIFEST) or file_name.startswith("."):
            continue
        name = file_name.removesuffix(MANIFEST)
        try:
            manifest = _read_manifest(directory, name)
        except InvalidBackupError as error:
            known = name if is_name(name) else None
            findings.append(
                Finding(
                    severity="error",
                    what=f"{file_name!r:.140}: {error.message}",
                    hint=error.hint,
                    backup=known,
                )
            )
        else:
            backup = _with_verification(directory, manifest)
            backups.append(backup)
            if not backup.is_there:
                findings.append(
                    Finding(
                        severity="error",
                        what=f"the bytes of {name} are missing, or not all there",
                        hint="it cannot be restored; make a new backup",
                        backup=name,
                    )
                )
    backups = in_order(backups)
    findings += _stray_artefacts(names)
    return Catalogue(directory=directory, backups=tuple(backups), findings=tuple(findings))


def in_order(backups: Iterable[Backup]) -> list[Backup]:
    """Return backups from the oldest to the newest.

    By time; where a clock went back, a backup of a later change is the later one all the same.
    """
    later: dict[str, int] = {}
    times: dict[str, int] = {}
    for backup in sorted(backups, key=lambda b: (b.manifest.sequence, b.manifest.created_at)):
        manifest = backup.manifest
        times[backup.name] = max(later.get(manifest.lineage, 0), manifest.created_at)
        later[manifest.lineage] = times[backup.name]
    return sorted(backups, key=lambda b: (times[b.name], b.manifest.sequence, b.name))


def _read_manifest(directory: Path, name: str) -> Manifest:
    """Return a manifest.

    Raises:
        InvalidBackupError: it is none.
    """
    if not is_name(name):
        raise InvalidBackupError("it is not called like a backup", hint="move it elsewhere")
    return load_manifest(_read_small(directory / f"{name}{MANIFEST}"), name)


def _read_small(path: Path) -> bytes:
    try:
        handle = open_file(path)
        try:
            data = os.read(handle, MANIFEST_BYTES_MAX + 1)
        finally:
            os.close(handle)
    except OSError as error:
        raise InvalidBackupError(
            f"it cannot be read: {error.strerror}", hint="a manifest is a plain file"
        ) from error
    if len(data) > MANIFEST_BYTES_MAX:
        raise InvalidBackupError(
            f"it is over {MANIFEST_BYTES_MAX:,} bytes", hint="no manifest is that large"
        )
    return data


def _is_there(directory: Path, manifest: Manifest) -> bool:
    try:
        status = os.lstat(directory / f"{manifest.name}{ARTEFACT}")
    except OSError:
        return False
    return status.st_size == manifest.bytes


def _with_verification(directory: Path, manifest: Manifest) -> Backup:
    """Return a backup with what is known of its verification; a false or old one counts as none."""
    if not _is_there(directory, manifest):
        return Backup(manifest=manifest, is_there=False)
    try:
        record = load_sealed(_read_small(directory / f"{manifest.name}{VERIFIED}"))
    except InvalidBackupError:
        return Backup(manifest=manifest)
    at = record.get("verified_at")
    if record.get("digest") != manifest.digest or type(at) is not int or not 0 <= at < 1 << 53:
        return Backup(manifest=manifest)
    return Backup(manifest=manifest, verified_at=to_datetime(at))


def dump_verification(manifest: Manifest, now: int) -> bytes:
    """Return what is kept beside a backup that was verified; it holds for its bytes alone."""
    record = {
        "format": 1,
        "name": manifest.name,
        "digest": manifest.digest,
        "verified_at": now,
        "engine_version": engine_version(),
    }
    return dump_sealed(record)


def forget_verification(directory: Path, manifest: Manifest) -> None:
    """Take back that a backup was verified: it is not what it was then."""
    with suppress(OSError):
        (directory / f"{manifest.name}{VERIFIED}").unlink(missing_ok=True)


def remember_verification(directory: Path, manifest: Manifest, now: int) -> None:
    """Keep beside a backup that it was verified at `now`.

    Raises:
        StorageError: the directory cannot be written.
    """
    replace(directory, f"{manifest.name}{VERIFIED}", dump_verification(manifest, now))


def _stray_artefacts(names: Iterable[str]) -> list[Finding]:
    """Say which artefacts have no manifest; they are never deleted unasked."""
    present = set(names)
    return [
        Finding(
            severity="warning",
            what=f"{name!r:.140} has no manifest, so nothing is known of it",
            hint="a manifest may have been deleted; remove the file if nobody needs it",
        )
        for name in sorted(present)
        if name.endswith(ARTEFACT) and f"{name.removesuffix(ARTEFACT)}{MANIFEST}" not in present
    ]
