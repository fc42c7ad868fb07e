"""A second copy elsewhere: at any URL that fsspec knows, read back and compared.

The artefact is written first and the manifest last, as it is here: what was cut short is no backup.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, NamedTuple

from engine.backups.artefact import CHUNK_BYTES, corrupt, read_artefact
from engine.backups.catalogue import Catalogue
from engine.backups.chain import links_of
from engine.backups.manifest import Backup, Manifest, dump_manifest
from engine.backups.publishing import ARTEFACT, MANIFEST, open_file
from engine.backups.threads import Teller
from engine.errors import EngineError, StorageError

URL_CHARS_MAX: Final = 2_000


class _Place(NamedTuple):
    """Where copies go: a file system of fsspec, and the directory in it."""

    system: Any
    root: str

    def path(self, file_name: str) -> str:
        return f"{self.root.rstrip('/')}/{file_name}"


def copy_elsewhere(tell: Teller, catalogue: Catalogue, backup: Backup, url: str) -> None:
    """Copy a backup and what it builds on to `url`, and read it back. Blocks.

    What is there already and has the right size is not copied again.

    Raises:
        StorageError: fsspec is not installed, does not know the URL, or cannot write there.
        CorruptBackupError: the backup here is damaged, or what was written reads back otherwise.
    """
    place = _place(url)
    links = links_of(catalogue, backup)
    total = sum(link.manifest.bytes for link in links)
    done = 0
    with _remote_errors(url):
        place.system.makedirs(place.root, exist_ok=True)
    for link in links:
        if not _is_there(place, link.manifest, url):
            # Proven before it is sent: a damaged one here must not become the copy.
            for _ in read_artefact(link.artefact, link.manifest):
                tell("copy", done, total)
            with _remote_errors(url):
                _send(tell, place, link.manifest, link.artefact, (done, total))
                place.system.pipe_file(
                    place.path(f"{link.manifest.name}{MANIFEST}"), dump_manifest(link.manifest)
                )
        done += link.manifest.bytes
        tell("copy", done, total)


def _place(url: str) -> _Place:
    try:
        import fsspec
    except ImportError as error:
        raise StorageError(
            "copies elsewhere need fsspec, which is not installed",
            hint="pip install 'agent-memory-inspector[remote]'",
        ) from error
    if not url or len(url) > URL_CHARS_MAX or "\0" in url:
        raise StorageError("this is no URL", hint="for example s3://bucket/directory")
    with _remote_errors(url):
        system, root = fsspec.core.url_to_fs(url)
    return _Place(system, root)


@contextmanager
def _remote_errors(url: str) -> Iterator[None]:
    """Turn whatever a file system of fsspec raises into one error of ours."""
    try:
        yield
    except EngineError:
        raise
    except Exception as error:
        scheme = url.split("://", 1)[0] if "://" in url else "the path"
        raise StorageError(
            f"copying to {scheme:.40} failed: {type(error).__name__}: {error!s:.200}",
            hint="check the URL, the credentials and the network; the backup here is not affected",
        ) from error


def _is_there(place: _Place, manifest: Manifest, url: str) -> bool:
    with _remote_errors(url):
        try:
            same = place.system.cat_file(place.path(f"{manifest.name}{MANIFEST}"))
            size = place.system.size(place.path(f"{manifest.name}{ARTEFACT}"))
        except FileNotFoundError:
            return False
        return bool(same == dump_manifest(manifest) and size == manifest.bytes)


def _send(
    tell: Teller, place: _Place, manifest: Manifest, artefact: Path, progress: tuple[int, int]
) -> None:
    done, total = progress
    path = place.path(f"{manifest.name}{ARTEFACT}")
    handle = open_file(artefact)
    with os.fdopen(handle, "rb") as source, place.system.open(path, "wb") as target:
        while chunk := source.read(CHUNK_BYTES):
            target.write(chunk)
            done += len(chunk)
            tell("copy", done, total)
    digest = blake2b(digest_size=32)
    with place.system.open(path, "rb") as written:
        while chunk := written.read(CHUNK_BYTES):
            digest.update(chunk)
            tell("read back", 0, 0)
    if digest.hexdigest() != manifest.digest:
        raise corrupt(manifest.name, "its copy elsewhere is not what was written")
