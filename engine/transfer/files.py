"""Files to import from and to export to: read in bounded lines, published whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import tempfile
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final

from engine.compression import zstd
from engine.errors import StorageError, StorageFullError, TransferError
from engine.limits import Limits

COMPRESS_LEVEL: Final = 3
WINDOW_LOG_MAX: Final = 25
"""A compressed file may ask for 32 MiB of memory; `zstd --ultra -22` asks for more."""

SPOOL_CHUNK_BYTES: Final = 1024 * 1024
_UTF8_MARK: Final = b"\xef\xbb\xbf"
_ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_FOREIGN: Final = (
    (b"SQLite format 3\x00", "a database", "open it instead, or export it first"),
    (b"\x1f\x8b", "compressed by gzip", "unpack it first: gunzip FILE"),
    (b"PK\x03\x04", "a zip archive", "unpack it first"),
    (b"\xff\xfe", "in UTF-16", "save it as UTF-8"),
    (b"\xfe\xff", "in UTF-16", "save it as UTF-8"),
)


class Format(StrEnum):
    """What a file of memories looks like; CSV is for spreadsheets and cannot be imported."""

    JSONL = "jsonl"
    JSONL_ZST = "jsonl.zst"
    CSV = "csv"

    @classmethod
    def of(cls, path: Path) -> Format:
        """Return the format that a file name asks for.

        Raises:
            TransferError: the name says nothing that is known.
        """
        for suffix, found in _SUFFIXES.items():
            if path.name.lower().endswith(suffix):
                return found
        raise TransferError(
            f"{str(path)!r} does not say which format it is to be",
            hint=f"end it in {', '.join(_SUFFIXES)}, or name the format",
        )


_SUFFIXES: Final = {
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
    ".jsonl.zst": Format.JSONL_ZST,
    ".ndjson.zst": Format.JSONL_ZST,
    ".csv": Format.CSV,
}


def line_bytes_max(limits: Limits) -> int:
    """Return the size of the longest line that an item within `limits` can need."""
    # JSON writes a control character, one byte of text, as six.
    return 6 * (limits.content_bytes_max + limits.metadata_bytes_max) + 1024 * 1024


def refuse_store(path: Path, store_path: str) -> None:
    """Raise if `path` is a file of the open store.

    Opening it, even to read, would drop SQLite's locks in this process when it is closed.

    Raises:
        TransferError: it is.
    """
    for suffix in ("", "-wal", "-shm", ".lock"):
        with contextlib.suppress(OSError):
            if path.samefile(store_path + suffix):
                raise TransferError(f"{str(path)!r} is the store itself", hint="name another file")


class Source:
    """A file of lines that can be read more than once; compression is recognised by content.

    What cannot be rewound (a pipe) is copied to a private temporary file first.
    """

    def __init__(self, source: Path | BinaryIO, *, limits: Limits) -> None:
        self.name = str(source) if isinstance(source, Path) else "standard input"
        self._line_max = line_bytes_max(limits)
        try:
            self._file = _rewindable(source)
            self.size_bytes = os.fstat(self._file.fileno()).st_size
        except OSError as error:
            raise _storage_error(error, f"cannot read {self.name!r}") from error

    def position(self) -> int:
        """Return how many bytes of the file have been read, before decompression."""
        return self._file.tell()

    def close(self) -> None:
        """Give the file back."""
        self._file.close()

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Yield number and text of every line that is not blank, from the beginning.

        Raises:
            TransferError: the file is compressed otherwise, cut short, or has an endless line.
        """
        self._file.seek(0)
        head = self._file.read(16)
        self._file.seek(0)
        for magic, what, hint in _FOREIGN:
            if head.startswith(magic):
                raise TransferError(f"{self.name!r} is {what}, not JSON Lines", hint=hint)
        if not head.startswith(_ZSTD_MAGIC):
            yield from self._numbered(self._file)
            return
        options = {zstd.DecompressionParameter.window_log_max: WINDOW_LOG_MAX}
        with zstd.ZstdFile(self._file, options=options) as unpacked:
            yield from self._numbered(unpacked)

    def _numbered(self, file: Any) -> Iterator[tuple[int, bytes]]:
        number = 0
        while line := self._read(file, number + 1):
            number += 1
            if number == 1:
                line = line.removeprefix(_UTF8_MARK)
            if not line.isspace() and line:
                yield number, line

    def _read(self, file: Any, number: int) -> bytes:
        try:
            line: bytes = file.readline(self._line_max + 1)
        except (zstd.ZstdError, EOFError) as error:
            raise TransferError(
                f"{self.name!r} cannot be unpacked after line {number - 1}: {error}",
                hint="the file is damaged or cut short; get it again",
                line=number,
            ) from error
        except OSError as error:
            raise _storage_error(error, f"cannot read {self.name!r}") from error
        if len(line) > self._line_max:
            raise TransferError(
                f"{self.name!r}, line {number}: longer than {self._line_max:,} bytes",
                hint="put one object on each line",
                line=number,
            )
        return line


def _rewindable(source: Path | BinaryIO) -> BinaryIO:
    if isinstance(source, Path):
        file: BinaryIO = source.open("rb")
        if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return file
        with file:
            return _spooled(file)
    return _spooled(source)


def _spooled(stream: BinaryIO) -> BinaryIO:
    spool = tempfile.TemporaryFile()  # noqa: SIM115 - the source owns and closes it
    try:
        while chunk := stream.read(SPOOL_CHUNK_BYTES):
            spool.write(chunk)
    except BaseException:
        spool.close()
        raise
    spool.flush()
    return spool


class Publication:
    """A file being written under a temporary name; leaving without an error publishes it.

    With a stream in place of a path, what is written goes out as it comes.

    Raises:
        TransferError: the path exists and is not to be replaced.
        StorageError: the directory or the disk refuses.
    """

    def __init__(self, destination: Path | BinaryIO, *, compress: bool, overwrite: bool) -> None:
        self._path = destination if isinstance(destination, Path) else None
        self._overwrite = overwrite
        self._compress = compress
        self._temporary: Path | None = None
        self._packer: Any = None
        if isinstance(destination, Path):
            self._file = self._create(destination)
        else:
            self._file = destination
        if compress:
            options = {
                zstd.CompressionParameter.compression_level: COMPRESS_LEVEL,
                zstd.CompressionParameter.checksum_flag: 1,
            }
            # Not a ZstdFile: left by an error, it would still end the frame when it is collected,
            # and what was cut short would look whole.
            self._packer = zstd.ZstdCompressor(options=options)
        self.size_bytes = 0

    def _create(self, path: Path) -> BinaryIO:
        if os.path.lexists(path):
            self._check_replaceable(path)
        self._temporary = path.with_name(f".{secrets.token_hex(8)}.partial")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
        try:
            return os.fdopen(os.open(self._temporary, flags, 0o600), "wb", 256 * 1024)
        except OSError as error:
            raise _storage_error(error, f"cannot write {str(path)!r}") from error

    def _check_replaceable(self, path: Path) -> None:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise TransferError(
                f"{str(path)!r} is not a regular file", hint="name a file, or - for standard output"
            )
        if not self._overwrite:
            raise _exists(path)

    def write(self, data: bytes) -> None:
        """Add `data`."""
        try:
            self._file.write(data if self._packer is None else self._packer.compress(data))
        except BrokenPipeError:
            raise
        except OSError as error:
            raise _storage_error(error, "cannot write the file") from error

    def __enter__(self) -> Publication:
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
        except BrokenPipeError:
            raise
        except OSError as failure:
            raise _storage_error(failure, "cannot write the file") from failure
        finally:
            if self._temporary is not None:
                with contextlib.suppress(OSError):
                    self._file.close()
                self._temporary.unlink(missing_ok=True)

    def _finish(self) -> None:
        if self._packer is not None:
            self._file.write(self._packer.flush())
        self._file.flush()
        if self._path is None or self._temporary is None:
            return
        os.fsync(self._file.fileno())
        self.size_bytes = self._file.tell()
        self._file.close()
        if self._overwrite:
            self._temporary.replace(self._path)
        else:
            self._publish_new(self._temporary, self._path)
        _sync_directory(self._path.parent)

    def _publish_new(self, temporary: Path, path: Path) -> None:
        """Give the file its name, unless somebody else took the name meanwhile."""
        try:
            path.hardlink_to(temporary)
        except FileExistsError as error:
            raise _exists(path) from error
        except OSError:
            # The file system has no hard links.
            if os.path.lexists(path):
                raise _exists(path) from None
            temporary.replace(path)


def _exists(path: Path) -> TransferError:
    return TransferError(
        f"{str(path)!r} exists already", hint="choose another name, or force it to be overwritten"
    )


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _storage_error(error: OSError, what: str) -> StorageError | StorageFullError:
    import errno

    reason = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StorageFullError(f"{what}: {reason}", hint="make room and try again")
    return StorageError(f"{what}: {reason}", hint="check the path and its permissions")
