"""Who has a store open for writing: the lock file beside it, `<store>.lock`.

Every writer has a record in it, and holds a lock of the system on that record for as long as it is
there: the system lets go of it when the process ends, however it ends. So what is locked is alive,
and nobody has to guess from process ids. The locks are never on the database itself.
"""

from __future__ import annotations

import fcntl
import os
import socket
import stat
import struct
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import orjson

from engine.clock import to_datetime
from engine.errors import StorageError, UnsafePathError
from engine.models import Holder

SUFFIX: Final = ".lock"
RECORD_BYTES: Final = 512
RECORDS_MAX: Final = 1_024
PROGRAM_CHARS: Final = 100
ATTEMPTS_MAX: Final = 200
ATTEMPT_SECONDS: Final = 0.001
_FLAGS: Final = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
# Locks of the open file, not of the process: of two stores that one process has open, each holds
# its own. Elsewhere they are the process's.
_OF_FILE: Final = getattr(fcntl, "F_OFD_SETLK", None) if sys.platform == "linux" else None
_FLOCK: Final = "hhqqi4x"


class Hold:
    """A record in a store's lock file, for as long as the store is open for writing."""

    def __init__(self, path: Path, handle: int, number: int) -> None:
        self._path = path
        self._handle = handle
        self._number = number

    def others(self) -> list[Holder]:
        """Return who else has the store open for writing; records of the dead are wiped.

        Raises:
            StorageError: the lock file is somebody else's, so nobody can tell.
        """
        if self._handle < 0:
            raise StorageError(
                f"{self._path.name} cannot be read: nobody can tell who else has the store open",
                hint="check its owner and permissions",
            )
        found = []
        for number in range(os.fstat(self._handle).st_size // RECORD_BYTES + 1):
            if number == self._number:
                continue
            data = os.pread(self._handle, RECORD_BYTES, number * RECORD_BYTES).rstrip(b"\0 \n")
            if _try_lock(self._handle, number):
                if data:
                    os.pwrite(self._handle, bytes(RECORD_BYTES), number * RECORD_BYTES)
                _unlock(self._handle, number)
            else:
                found.append(_holder(data))
        return found

    def release(self) -> None:
        """Let go; the last one out removes the file."""
        handle, self._handle = self._handle, -1
        if handle < 0:
            return
        try:
            with suppress(OSError):
                os.pwrite(handle, bytes(RECORD_BYTES), self._number * RECORD_BYTES)
                _unlock(handle, self._number)
                # Whoever came in between has the file open still, sees that it has no name, and
                # makes another.
                if _try_lock(handle, 0, RECORDS_MAX):
                    self._path.unlink(missing_ok=True)
        finally:
            os.close(handle)


def hold(store: Path, now: int) -> Hold:
    """Say in the lock file that this process has the store open for writing.

    Raises:
        UnsafePathError: the lock file is a link, or no file.
        StorageError: it cannot be made, or too many have the store open.
    """
    path = store.with_name(f"{store.name}{SUFFIX}")
    try:
        handle, number = _enter(path)
    except PermissionError:
        # Made by another user, whose store it is too: that must keep nobody from working.
        return Hold(path, -1, 0)
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(
            f"{path.name} cannot be written: {error.strerror}",
            hint="it says who has the store open; check the folder's permissions and free space",
        ) from error
    # On a full disk nobody can say who it is; that somebody is there, the lock says.
    with suppress(OSError):
        os.pwrite(handle, _record(now).ljust(RECORD_BYTES), number * RECORD_BYTES)
    return Hold(path, handle, number)


def holders_of(store: Path) -> list[Holder]:
    """Return who has a store open for writing, for one who has not.

    Raises:
        StorageError: nobody can tell.
    """
    path = store.with_name(f"{store.name}{SUFFIX}")
    try:
        # For reading and writing all the same: a lock can be asked for in no other way.
        handle = os.open(path, _FLAGS)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StorageError(
            f"{path.name} cannot be read: {error.strerror}", hint="check its permissions"
        ) from error
    try:
        return Hold(path, handle, -1).others()
    finally:
        os.close(handle)


def _enter(path: Path) -> tuple[int, int]:
    """Return the open lock file, and the number of the record in it that is now ours."""
    for _ in range(ATTEMPTS_MAX):
        handle = _open(path)
        number = _take(handle)
        if number is not None and os.fstat(handle).st_nlink:
            return handle, number
        # The last one out is about to remove the file, or has done so.
        os.close(handle)
        time.sleep(ATTEMPT_SECONDS)
    raise StorageError(f"{RECORDS_MAX:,} others have the store open", hint="close some of them")


def _open(path: Path) -> int:
    try:
        handle = os.open(path, _FLAGS | os.O_CREAT, 0o600)
    except OSError as error:
        if path.is_symlink() or path.is_dir():
            raise _unsafe(path) from error
        raise
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
        os.close(handle)
        raise _unsafe(path)
    return handle


def _unsafe(path: Path) -> UnsafePathError:
    return UnsafePathError(
        f"{path.name} is a link, or no plain file",
        hint="it is not the lock file of this store; move it away",
    )


def _take(handle: int) -> int | None:
    """Return the number of a record that is now this process's; None if there is none left."""
    return next((number for number in range(RECORDS_MAX) if _try_lock(handle, number)), None)


def _try_lock(handle: int, number: int, count: int = 1) -> bool:
    """Lock records unless somebody else holds one; return whether it was done."""
    try:
        if _OF_FILE is None:
            length, start = count * RECORD_BYTES, number * RECORD_BYTES
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB, length, start)
        else:
            fcntl.fcntl(handle, _OF_FILE, _flock(fcntl.F_WRLCK, number, count))
    except (BlockingIOError, PermissionError):
        return False
    return True


def _unlock(handle: int, number: int) -> None:
    if _OF_FILE is None:
        fcntl.lockf(handle, fcntl.LOCK_UN, RECORD_BYTES, number * RECORD_BYTES)
    else:
        fcntl.fcntl(handle, _OF_FILE, _flock(fcntl.F_UNLCK, number, 1))


def _flock(kind: int, number: int, count: int) -> bytes:
    start, length = number * RECORD_BYTES, count * RECORD_BYTES
    return struct.pack(_FLOCK, kind, os.SEEK_SET, start, length, 0)


def _record(now: int) -> bytes:
    program = Path(sys.argv[0] if sys.argv else "").name or "python"
    record = {
        "process_id": os.getpid(),
        "since": now,
        "host": socket.gethostname()[:PROGRAM_CHARS],
        "program": program.encode(errors="replace").decode()[:PROGRAM_CHARS],
    }
    return orjson.dumps(record) + b"\n"


def _holder(data: bytes) -> Holder:
    """Return who wrote a record; of a strange one, only that there is somebody."""
    try:
        record = orjson.loads(data)
        return Holder(
            process_id=int(record["process_id"]),
            host=str(record["host"]),
            program=str(record["program"]),
            since=to_datetime(int(record["since"])),
        )
    except (ValueError, KeyError, TypeError, OverflowError):
        return Holder(process_id=0, host="?", program="a program", since=to_datetime(0))
