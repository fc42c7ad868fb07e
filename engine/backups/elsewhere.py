"""A second copy elsewhere: in another directory, or at any URL that fsspec knows.

The artefact is written first and read back, and the manifest last, as it is here: what was cut
short is no backup. A directory needs no fsspec, and gets copies that are whole or not at all.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple
from urllib.parse import unquote

from engine.backups.artefact import CHUNK_BYTES, corrupt, read_artefact
from engine.backups.catalogue import Catalogue, read_catalogue
from engine.backups.chain import Link, links_of
from engine.backups.manifest import Backup, Manifest, dump_manifest
from engine.backups.publishing import (
    ARTEFACT,
    MANIFEST,
    create_file,
    make_directory,
    open_file,
    publish,
    storage_errors,
    working_directory,
    write_file,
)
from engine.backups.threads import Teller
from engine.errors import EngineError, StorageError

URL_CHARS_MAX: Final = 2_000
_LOCAL: Final = ("file://", "local://")


def copy_elsewhere(tell: Teller, catalogue: Catalogue, backup: Backup, url: str) -> None:
    """Copy a backup and what it builds on to `url`, or to a directory, and read it back. Blocks.

    What is there already is not copied again.

    Raises:
        BrokenChainError: what it builds on is not here.
        StorageError: fsspec is not installed, does not know the URL, or cannot write there.
        CorruptBackupError: the backup here is damaged, or what was written reads back otherwise.
    """
    if not url or len(url) > URL_CHARS_MAX or "\0" in url:
        raise StorageError("this is no URL", hint="for example s3://bucket/directory")
    links = links_of(catalogue, backup)
    local = _local_directory(url)
    copying = _Copying(tell, links)
    if local is None:
        place = _place(url)
        for link in links:
            _copy_to_place(copying, place, link)
    else:
        make_directory(local)
        there = {(known.name, known.manifest.digest) for known in _whole(local)}
        for link in links:
            _copy_to_directory(copying, local, link, there)


def _local_directory(url: str) -> Path | None:
    """Return the directory that a URL, or a path, is of; None for another file system."""
    if "://" not in url and "::" not in url:
        return Path(url)
    for scheme in _LOCAL:
        if url.startswith(scheme):
            return Path(unquote(url.removeprefix(scheme)))
    return None


class _Copying:
    """How far the copying of a chain is."""

    def __init__(self, tell: Teller, links: list[Link]) -> None:
        self._tell = tell
        self._total = sum(link.manifest.bytes for link in links)
        self._done = 0

    def skip(self, manifest: Manifest) -> None:
        """Count one that need not be copied."""
        self._count(manifest.bytes)

    def _count(self, size: int) -> None:
        self._done += size
        self._tell("copy", self._done, self._total)

    def prove(self, link: Link) -> None:
        """Refuse to copy what is damaged here.

        Raises:
            CorruptBackupError: it is.
        """
        for _ in read_artefact(link.artefact, link.manifest):
            self._tell("copy", self._done, self._total)

    def chunks(self, link: Link) -> Iterator[bytes]:
        """Yield the bytes of an artefact."""
        with storage_errors("the backup cannot be read"):
            handle = open_file(link.artefact)
        with os.fdopen(handle, "rb") as source:
            while chunk := source.read(CHUNK_BYTES):
                yield chunk
                self._count(len(chunk))

    def compare(self, file: BinaryIO, manifest: Manifest) -> None:
        """Read a copy back.

        Raises:
            CorruptBackupError: it is not what was written.
        """
        digest = blake2b(digest_size=32)
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            self._tell("copy", self._done, self._total)
        if digest.hexdigest() != manifest.digest:
            raise corrupt(manifest.name, "its copy elsewhere is not what was written")


# A directory ------------------------------------------------------------------------------------


def _whole(directory: Path) -> list[Backup]:
    """Return the backups of a directory whose artefacts have the right size."""
    catalogue = read_catalogue(directory)
    whole = []
    for backup in catalogue.backups:
        path = catalogue.artefact(backup)
        if path.exists() and path.stat().st_size == backup.size_bytes:
            whole.append(backup)
    return whole


def _copy_to_directory(
    copying: _Copying, directory: Path, link: Link, there: set[tuple[str, str]]
) -> None:
    manifest = link.manifest
    if (manifest.name, manifest.digest) in there:
        copying.skip(manifest)
        return
    copying.prove(link)
    with working_directory(directory) as work, storage_errors("the copy cannot be written"):
        path = work / f"{manifest.name}{ARTEFACT}"
        with os.fdopen(create_file(path), "wb") as target:
            for chunk in copying.chunks(link):
                target.write(chunk)
            target.flush()
            os.fsync(target.fileno())
        with path.open("rb") as written:
            copying.compare(written, manifest)
        write_file(work / f"{manifest.name}{MANIFEST}", dump_manifest(manifest))
        publish(work, directory, manifest.name)


# A file system of fsspec ------------------------------------------------------------------------


class _Place(NamedTuple):
    """A directory in a file system of fsspec."""

    system: Any
    root: str
    scheme: str

    def path(self, file_name: str) -> str:
        return f"{self.root.rstrip('/')}/{file_name}"


def _place(url: str) -> _Place:
    try:
        import fsspec
    except ImportError as error:
        raise StorageError(
            "copies elsewhere need fsspec, which is not installed",
            hint="pip install 'agent-memory-inspector[remote]', or name a directory",
        ) from error
    scheme = url.split(":", 1)[0]
    with _remote_errors(scheme):
        system, root = fsspec.core.url_to_fs(url)
        system.makedirs(root, exist_ok=True)
    return _Place(system, root, scheme)


@contextmanager
def _remote_errors(scheme: str) -> Iterator[None]:
    """Turn whatever a file system of fsspec raises into one error of ours."""
    try:
        yield
    except EngineError:
        raise
    except Exception as error:
        raise StorageError(
            f"copying to {scheme:.40} failed: {type(error).__name__}: {error!s:.200}",
            hint="check the URL, the credentials and the network; the backup here is not affected",
        ) from error


def _copy_to_place(copying: _Copying, place: _Place, link: Link) -> None:
    manifest = link.manifest
    if _is_there(place, manifest):
        copying.skip(manifest)
        return
    copying.prove(link)
    path = place.path(f"{manifest.name}{ARTEFACT}")
    with _remote_errors(place.scheme):
        with place.system.open(path, "wb") as target:
            for chunk in copying.chunks(link):
                target.write(chunk)
        with place.system.open(path, "rb") as written:
            copying.compare(written, manifest)
        place.system.pipe_file(place.path(f"{manifest.name}{MANIFEST}"), dump_manifest(manifest))


def _is_there(place: _Place, manifest: Manifest) -> bool:
    with _remote_errors(place.scheme):
        try:
            same = place.system.cat_file(place.path(f"{manifest.name}{MANIFEST}"))
            size = place.system.size(place.path(f"{manifest.name}{ARTEFACT}"))
        except FileNotFoundError:
            return False
        return bool(same == dump_manifest(manifest) and size == manifest.bytes)
