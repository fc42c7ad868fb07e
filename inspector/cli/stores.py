"""Opening stores for one command, and making new ones that appear whole or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from engine import MemoryStore

R = TypeVar("R")

STORE = click.argument("store", type=click.Path(path_type=Path))
AS_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")

_COMPANIONS = ("", "-wal", "-shm", "-journal", ".lock")


def run(work: Coroutine[Any, Any, R]) -> R:
    """Run a command's work to its end."""
    return asyncio.run(work)


@contextlib.asynccontextmanager
async def reading(path: Path) -> AsyncIterator[MemoryStore]:
    """Open a store that the command will only read; looking changes nothing."""
    from engine import open_store

    async with open_store(path, read_only=True, create=False) as store:
        yield store


@contextlib.asynccontextmanager
async def writing(path: Path, *, keep: bool = True) -> AsyncIterator[MemoryStore]:
    """Open a store to write to; one that is not there is made, and kept if all goes well.

    Without `keep` it is not: the command only wants to know what would happen.
    """
    async with changing(path) if _is_there(path) else making(path, keep=keep) as store:
        yield store


@contextlib.asynccontextmanager
async def changing(path: Path) -> AsyncIterator[MemoryStore]:
    """Open a store that is there to write to."""
    from engine import open_store
    from inspector.gateway import default_actor

    async with open_store(path, create=False, actor=default_actor()) as store:
        yield store


@contextlib.asynccontextmanager
async def making(path: Path, *, keep: bool = True) -> AsyncIterator[MemoryStore]:
    """Make a store under a temporary name, and give it its own when it is complete.

    Raises:
        StorageError: something has that name already, or the directory cannot be written.
    """
    from engine import open_store
    from inspector.gateway import default_actor

    check_free(path)
    temporary = temporary_name(path)
    try:
        # Nobody knows the file yet: it is made durable once, at the end.
        async with open_store(temporary, durability="relaxed", actor=default_actor()) as store:
            yield store
        if keep:
            publish(temporary, path)
    finally:
        remove(temporary)


def _is_there(path: Path) -> bool:
    return os.path.lexists(path)


def temporary_name(path: Path) -> Path:
    """Return a name beside `path` for a store that is being made."""
    return path.with_name(f".{secrets.token_hex(8)}.partial")


def check_free(path: Path) -> None:
    """Refuse to make a store where it cannot be.

    Raises:
        StorageError: something has that name already, or there is no such directory.
    """
    from engine import StorageError

    if not path.parent.is_dir():
        raise StorageError(f"there is no directory {str(path.parent)!r}", hint="make it first")
    if _is_there(path):
        raise _exists(path)


def remove(temporary: Path) -> None:
    """Remove a store that was being made, and all that belongs to it."""
    for companion in _COMPANIONS:
        Path(f"{temporary}{companion}").unlink(missing_ok=True)


def publish(temporary: Path, path: Path) -> None:
    """Give a complete store, which is closed, the name it shall have.

    Raises:
        StorageError: something has that name already, or the store is in use.
    """
    from engine import StorageError

    if Path(f"{temporary}-wal").exists():
        # Somebody else holds it open: its newest pages are not in the file that would be renamed.
        raise StorageError(f"{str(temporary)!r} is in use", hint="run the command again")
    for name in (temporary, path.parent):
        descriptor = os.open(name, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    try:
        path.hardlink_to(temporary)
    except FileExistsError as error:
        raise _exists(path) from error
    except OSError:
        # The file system has no hard links.
        if os.path.lexists(path):
            raise _exists(path) from None
        temporary.rename(path)


def _exists(path: Path) -> Exception:
    from engine import StorageError

    return StorageError(f"{str(path)!r} exists already", hint="choose another name, or delete it")
