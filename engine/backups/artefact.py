"""Artefacts: the bytes of a backup, compressed and digested as a stream in bounded memory.

They are believed only after their digest, and unpacked no further than the manifest says and a
hundredfold: what packs better than that is written with padding, which Zstandard skips.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from engine.backups.manifest import Manifest
from engine.backups.publishing import create_file, open_file, storage_errors
from engine.compression import WINDOW_LOG_MAX, zstd
from engine.errors import CorruptBackupError

LEVEL: Final = 3
CHUNK_BYTES: Final = 1024 * 1024
SYNC_BYTES: Final = 4 * 1024 * 1024
RATIO_MAX: Final = 100
RATIO_FREE_BYTES: Final = 16 * 1024 * 1024
"""So much may come of any artefact: an empty store is nearly all zeros."""
_SKIPPABLE: Final = struct.Struct("<II")
_SKIPPABLE_MAGIC: Final = 0x184D2A50


class ArtefactWriter:
    """Writes a new artefact; leaves it closed, and durable if nothing went wrong.

    Raises:
        StorageError: it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        with storage_errors("the backup cannot be written"):
            self._handle = create_file(path)
        parameter = zstd.CompressionParameter
        self._packer: Any = zstd.ZstdCompressor(
            options={parameter.compression_level: LEVEL, parameter.checksum_flag: 1}
        )
        self._hash = blake2b(digest_size=32)
        self.size_bytes = 0
        self.raw_bytes = 0
        self._synced_bytes = 0

    @property
    def digest(self) -> str:
        """The digest of what was written so far."""
        return self._hash.hexdigest()

    def write(self, data: bytes) -> None:
        """Add bytes."""
        self.raw_bytes += len(data)
        self._write(self._packer.compress(data))

    def _write(self, packed: bytes) -> None:
        self._hash.update(packed)
        self.size_bytes += len(packed)
        view = memoryview(packed)
        with storage_errors("the backup cannot be written"):
            while view:
                view = view[os.write(self._handle, view) :]
            if self.size_bytes - self._synced_bytes >= SYNC_BYTES:
                # A little at a time: what waits to be written delays the commits of others.
                os.fsync(self._handle)
                self._synced_bytes = self.size_bytes

    def _finish(self) -> None:
        self._write(self._packer.flush())
        lacking = -(-self.raw_bytes // RATIO_MAX) - self.size_bytes
        if self.raw_bytes > RATIO_FREE_BYTES and lacking > 0:
            self._write(_SKIPPABLE.pack(_SKIPPABLE_MAGIC, lacking))
            for at in range(0, lacking, CHUNK_BYTES):
                self._write(bytes(min(CHUNK_BYTES, lacking - at)))
        with storage_errors("the backup cannot be written"):
            os.fsync(self._handle)

    def __enter__(self) -> ArtefactWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self._finish()
        finally:
            os.close(self._handle)


def raw_limit(manifest: Manifest) -> int:
    """Return how many bytes may come of an artefact."""
    return min(manifest.raw_bytes, max(RATIO_FREE_BYTES, manifest.bytes * RATIO_MAX))


def read_artefact(path: Path, manifest: Manifest) -> Iterator[bytes]:
    """Yield what an artefact unpacks to; nothing before all its bytes are proven by the digest.

    Raises:
        CorruptBackupError: it is missing, is no plain file, or is not what the manifest says.
    """
    try:
        handle = open_file(path)
    except OSError as error:
        what = "is missing" if isinstance(error, FileNotFoundError) else "cannot be read"
        raise corrupt(manifest.name, f"its artefact {what}") from error
    try:
        _prove(handle, manifest)
        os.lseek(handle, 0, os.SEEK_SET)
        yield from _unpack(handle, manifest)
    except OSError as error:
        if isinstance(getattr(error, "hint", None), str):
            raise
        raise corrupt(manifest.name, "its artefact cannot be read") from error
    finally:
        os.close(handle)


def _prove(handle: int, manifest: Manifest) -> None:
    size = os.fstat(handle).st_size
    if size != manifest.bytes:
        raise corrupt(
            manifest.name, f"its artefact has {size:,} bytes and should have {manifest.bytes:,}"
        )
    digest = blake2b(digest_size=32)
    while chunk := os.read(handle, CHUNK_BYTES):
        digest.update(chunk)
    if digest.hexdigest() != manifest.digest:
        raise corrupt(manifest.name, "its artefact is not what was written")


def _unpack(handle: int, manifest: Manifest) -> Iterator[bytes]:
    limit = raw_limit(manifest)
    unpacker: Any = zstd.ZstdDecompressor(
        options={zstd.DecompressionParameter.window_log_max: WINDOW_LOG_MAX}
    )
    total = 0
    try:
        while not unpacker.eof:
            packed = os.read(handle, CHUNK_BYTES) if unpacker.needs_input else b""
            if unpacker.needs_input and not packed:
                break
            raw: bytes = unpacker.decompress(packed, max_length=CHUNK_BYTES)
            total += len(raw)
            if total > limit:
                raise corrupt(manifest.name, f"it unpacks to more than {limit:,} bytes")
            if raw:
                yield raw
    except zstd.ZstdError as error:
        raise corrupt(manifest.name, "its artefact cannot be unpacked") from error
    if not unpacker.eof or total != manifest.raw_bytes:
        raise corrupt(manifest.name, f"it unpacks to {total:,} bytes, not {manifest.raw_bytes:,}")


def corrupt(name: str, what: str) -> CorruptBackupError:
    """Return the error for a backup that is not what its manifest says."""
    return CorruptBackupError(
        f"the backup {name} is damaged: {what}",
        hint="use another backup; memory-inspector backup verify says which are whole",
    )
