"""Fixtures of the engine's tests: a store on a file, with a clock that tests move."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from kit import AssertSound, ManualClock, OpenMemory, check_sound

from engine import MemoryStore, open_store

IN_MEMORY = Path("/dev/shm")  # the only place of its kind: Linux has it, others do without
IN_MEMORY_FREE_BYTES = 4 * 1024**3

# Kills, cancellations and injected faults do not depend on what is under the files, and a quarter
# of the time of a test with a store was waiting for disks. PYTEST_DEBUG_TEMPROOT=/tmp goes there.
if (
    IN_MEMORY.is_dir()
    and os.access(IN_MEMORY, os.W_OK)
    and shutil.disk_usage(IN_MEMORY).free >= IN_MEMORY_FREE_BYTES
):
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(IN_MEMORY))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let people have more than a merge needs."""
    parser.addoption(
        "--full", action="store_true", help="play all rounds of kills, not only the first few"
    )


@pytest.fixture
def full(pytestconfig: pytest.Config) -> bool:
    """Whether long runs of faults are played to their end: `make test PYTEST_ARGUMENTS=--full`."""
    return bool(pytestconfig.getoption("--full"))


@pytest.fixture
def clock() -> ManualClock:
    """A clock that starts at a fixed moment."""
    return ManualClock()


@pytest.fixture
def ids() -> Iterator[str]:
    """Ids without end, in order: item/0001, item/0002, ..."""
    return (f"item/{number:04}" for number in count(1))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store is, or will be."""
    return tmp_path / "memory.db"


@pytest.fixture
async def open_memory(path: Path, clock: ManualClock) -> AsyncIterator[OpenMemory]:
    """Open the store at `path`, with any option; closed at the end."""
    async with AsyncExitStack() as stack:

        async def open_it(**options: Any) -> MemoryStore:
            options = {"clock": clock, "actor": "tester", **options}
            return await stack.enter_async_context(open_store(path, **options))

        yield open_it


@pytest.fixture
async def store(open_memory: OpenMemory) -> MemoryStore:
    """An empty store on a file."""
    return await open_memory()


@pytest.fixture
def assert_sound() -> AssertSound:
    """Check a store's file through and through: see `check_sound`."""
    return check_sound
