"""The machine a benchmark ran on: numbers mean nothing without it."""

from __future__ import annotations

import os
import platform
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from engine.backends.sqlite.driver import VERSION, driver

SYNCS = 30
PAGE_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Processor, versions, and what it costs to have a page on disk."""

    processors: int
    system: str
    python: str
    sqlite: str
    driver: str
    sync_microseconds: float
    """Of a page written and fsynced in the scratch folder; the middle one of thirty."""


def examine(folder: Path) -> Machine:
    """Return the facts about this machine, with the cost of a sync in `folder`."""
    return Machine(
        processors=os.cpu_count() or 1,
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        sqlite=".".join(map(str, VERSION)),
        driver=driver.__name__,
        sync_microseconds=_sync_microseconds(folder / "sync"),
    )


def _sync_microseconds(path: Path) -> float:
    costs = []
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        for _ in range(SYNCS):
            os.write(handle, bytes(PAGE_BYTES))
            began = time.perf_counter()
            os.fsync(handle)
            costs.append(time.perf_counter() - began)
    finally:
        os.close(handle)
        path.unlink()
    return round(statistics.median(costs) * 1e6, 1)
