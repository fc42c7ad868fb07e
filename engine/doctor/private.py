"""A private copy of a store and of its WAL, without this process ever opening the store's file.

Closing a plain handle drops the locks that a process has on a file, all of them. So a child copies
the files: it has no locks to lose. While it does, it keeps everybody else from opening them.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

from engine.backends.sqlite.copying import copy_out
from engine.errors import EngineError, StorageError, StoreBusyError

COPY_SECONDS: Final = 3_600.0
_IN_USE: Final = 75
_REFUSED: Final = 74

# The bytes that SQLite locks, wherever they are: whoever has a store open in WAL mode has some.
_COPY: Final = f"""
import fcntl, os, shutil, sys
source, target = (os.fsencode(name) for name in sys.argv[1:])
flags = os.O_NOFOLLOW | os.O_NONBLOCK
try:
    try:
        handle = os.open(source, os.O_RDWR | flags)
    except PermissionError:
        handle = os.open(source, os.O_RDONLY | flags)
    else:
        try:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB, 512, 0x40000000)
        except OSError:
            sys.exit({_IN_USE})
    for suffix in (b"", b"-wal"):
        try:
            # Not opened anew: closing it would give the lock away.
            inside = handle if not suffix else os.open(source + suffix, os.O_RDONLY | flags)
        except FileNotFoundError:
            continue
        out = os.open(target + suffix, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(inside, "rb", closefd=False) as reading, open(out, "wb") as writing:
            shutil.copyfileobj(reading, writing, 1 << 20)
except OSError as error:
    print(error.strerror, file=sys.stderr)
    sys.exit({_REFUSED})
"""


def copy_privately(source: Path, target: Path) -> bool:
    """Copy a store and its WAL to `target` (and `-wal`); return whether others had it open.

    If they have, SQLite makes the copy, the WAL included. Blocks.

    Raises:
        StoreBusyError: others have it open, and SQLite cannot read it any more.
        StorageError: the copy could not be made.
    """
    copied = subprocess.run(  # noqa: S603 - this Python, with a constant program
        [sys.executable, "-I", "-c", _COPY, str(source), str(target)],
        capture_output=True,
        text=True,
        timeout=COPY_SECONDS,
        check=False,
    )
    if copied.returncode == 0:
        return False
    if copied.returncode == _IN_USE:
        _copy_live(source, target)
        return True
    reason = copied.stderr.strip().splitlines()[-1:] or ["the copy was interrupted"]
    raise StorageError(
        f"{source.name} cannot be copied: {reason[0]}",
        hint="check permissions, and free space where the new store shall be",
    )


def _copy_live(source: Path, target: Path) -> None:
    try:
        copy_out(source, target)
    except (StoreBusyError, StorageError):
        raise
    except EngineError as error:
        raise StoreBusyError(
            f"{source.name} is open in another program, and too damaged to be copied meanwhile",
            hint="close every program that has it open, and try again",
        ) from error
