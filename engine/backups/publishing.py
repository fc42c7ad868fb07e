"""Files that appear whole or not at all, and what is left when a process dies in between.

Whatever is being made is in a working directory of its own, `.<token>.partial`, on which its maker
holds a lock: the system lets go of it when the maker ends, however it ends, and whoever finds it
free may clear up. A backup is its manifest: that is moved out last, and taken in first.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from engine.errors import StorageError, StorageFullError

ARTEFACT: Final = ".zst"
MANIFEST: Final = ".json"
VERIFIED: Final = ".verified"
COPY_BYTES: Final = 1024 * 1024
COMPANIONS: Final = ("-wal", "-shm", "-journal")
"""What SQLite has beside a store: played into another file, it would destroy that."""
_PARTIAL: Final = ".partial"
_ABANDONED_SECONDS: Final = 86_400.0
"""Where the file system has no locks, a working directory so old belongs to nobody."""


@contextmanager
def storage_errors(what: str) -> Iterator[None]:
    """Turn errors of the system inside the block into ours, keeping the cause.

    Raises:
        StorageFullError: the disk, or a quota, is full.
        StorageError: the system refused otherwise.
    """
    try:
        yield
    except (StorageError, StorageFullError):
        raise
    except OSError as error:
        if isinstance(getattr(error, "hint", None), str):
            raise
        reason = error.strerror or str(error)
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise StorageFullError(
                f"{what}: {reason}", hint="make room, or choose another directory for backups"
            ) from error
        raise StorageError(
            f"{what}: {reason}", hint="check the directory and its permissions"
        ) from error


def make_directory(directory: Path) -> None:
    """Make a directory for backups that nobody else can read, unless it is there.

    Raises:
        StorageError: it cannot be made, or is something else.
    """
    with storage_errors(f"{directory.name} cannot be made a directory for backups"):
        if not directory.is_dir():
            directory.mkdir(mode=0o700)
            sync_directory(directory.parent)


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def create_file(path: Path) -> int:
    """Return a descriptor of a new file, 0600, that is written to."""
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(path, flags, 0o600)


def write_file(path: Path, data: bytes) -> None:
    """Write a new file and make its bytes durable."""
    handle = create_file(path)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(handle, view) :]
        os.fsync(handle)
    finally:
        os.close(handle)


def copy_file(source: Path, target: Path) -> None:
    """Copy a file that nobody writes to, 0600 and on disk.

    Raises:
        StorageError: one of them is a link, or cannot be read or written.
        OSError: likewise.
    """
    old, new = open_file(source), create_file(target)
    try:
        while chunk := os.read(old, COPY_BYTES):
            view = memoryview(chunk)
            while view:
                view = view[os.write(new, view) :]
        os.fsync(new)
    finally:
        os.close(old)
        os.close(new)


def open_file(path: Path) -> int:
    """Return a descriptor of a regular file; a link, a device or a pipe is refused.

    Raises:
        OSError: there is none, or it is something else.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "it is no regular file")
    return handle


@contextmanager
def working_directory(parent: Path) -> Iterator[Path]:
    """Make a directory, 0700, for what is not whole yet; all of it is gone afterwards.

    Raises:
        StorageError: it cannot be made.
    """
    with storage_errors(f"{parent.name} cannot be written"):
        work, lock = _make_working_directory(parent)
    try:
        yield work
    finally:
        _clear(work)
        os.close(lock)


def _make_working_directory(parent: Path) -> tuple[Path, int]:
    """Return a new directory and a descriptor of it, which holds the lock."""
    while True:
        work = parent / f".{secrets.token_hex(8)}{_PARTIAL}"
        work.mkdir(mode=0o700)
        handle = _take(work)
        if handle is not None:
            return work, handle


def _take(work: Path) -> int | None:
    """Return a descriptor of a new directory, locked; None if it was swept before it was."""
    try:
        handle = _open_directory(work)
    except FileNotFoundError:
        return None
    try:
        _try_to_lock(handle)
        if work.stat().st_ino == os.fstat(handle).st_ino:
            return handle
    except (BlockingIOError, FileNotFoundError):
        # Taken for a leftover, between its making and its lock.
        pass
    except BaseException:
        os.close(handle)
        raise
    os.close(handle)
    return None


def _open_directory(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)


def _try_to_lock(handle: int) -> bool:
    """Lock a directory; return whether its file system can do that.

    Raises:
        BlockingIOError: somebody else holds it.
    """
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        return False
    return True


def _clear(work: Path) -> None:
    """Remove a working directory.

    What a manifest in it speaks of was not published, or is being deleted: it goes first.
    """
    with suppress(OSError):
        for manifest in work.glob(f"*{MANIFEST}"):
            if not os.path.lexists(work.parent / manifest.name):
                for suffix in (VERIFIED, ARTEFACT):
                    (work.parent / f"{manifest.stem}{suffix}").unlink(missing_ok=True)
    shutil.rmtree(work, ignore_errors=True)


def publish(work: Path, directory: Path, name: str) -> None:
    """Move a backup out of its working directory: the artefact, then the manifest.

    A crash in between leaves the manifest in the working directory, and `sweep` undoes it.

    Raises:
        StorageError: it could not be; there is no such backup then.
    """
    with storage_errors("the backup could not be published"):
        sync_directory(work)
        for suffix in (ARTEFACT, VERIFIED, MANIFEST):
            if (work / f"{name}{suffix}").exists():
                (work / f"{name}{suffix}").rename(directory / f"{name}{suffix}")
                sync_directory(directory)


def replace(directory: Path, file_name: str, data: bytes) -> None:
    """Write a small file whole, in place of one that may be there.

    Raises:
        StorageError: it could not be; what was there is there still.
    """
    with working_directory(directory) as work, storage_errors(f"{file_name} cannot be written"):
        write_file(work / file_name, data)
        (work / file_name).replace(directory / file_name)
        sync_directory(directory)


def withdraw(directory: Path, name: str) -> None:
    """Delete a backup: its manifest goes first, so that what is left is no backup.

    Raises:
        StorageError: it could not be.
    """
    with (
        storage_errors(f"{name} cannot be deleted"),
        working_directory(directory) as work,
        suppress(FileNotFoundError),
    ):
        (directory / f"{name}{MANIFEST}").rename(work / f"{name}{MANIFEST}")
        sync_directory(directory)


def sweep(directory: Path) -> int:
    """Clear up after processes that died while they made or deleted backups; return how many."""
    swept = 0
    with suppress(OSError):
        for work in directory.glob(f".{'[0-9a-f]' * 16}{_PARTIAL}"):
            swept += _sweep_one(work)
    return swept


def _sweep_one(work: Path) -> bool:
    try:
        handle = _open_directory(work)
    except OSError:
        return False
    try:
        if not _try_to_lock(handle):
            age_seconds = time.time() - os.fstat(handle).st_mtime
            if age_seconds < _ABANDONED_SECONDS:
                return False
        _clear(work)
    except OSError:
        # Somebody is at work in it.
        return False
    finally:
        os.close(handle)
    return True
