"""Interrupting workloads at chosen moments, and what must hold afterwards."""

from __future__ import annotations

import errno
import importlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from kit import check_sound

from engine import EngineError, MemoryStore, Tier, open_store
from engine.backends.sqlite.driver import driver
from engine.compression import zstd
from engine.doctor import salvage
from faults import power, worker

ROOT: Final = Path(__file__).parents[2]
SHIM: Final = Path(__file__).with_name("shim.c")
OPEN_SECONDS_MAX: Final = 2.0

OFF, COUNT, KILL, HALF, FAIL_ONCE, FAIL_ALWAYS, RECORD = range(7)
"""As in `shim.c`."""

ITEMS: Final = 120


def compiler() -> str | None:
    """Return the system's C compiler, None if there is none (or no LD_PRELOAD)."""
    return shutil.which("cc") if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one run ended, and where its ledger is."""

    code: int
    hung: bool
    seen: int
    folder: Path
    ledger: Path
    log: Path


class Harness:
    """A process under the shim that forks a child for every run. Close it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0
        shim = folder / "shim.so"
        subprocess.run(
            [compiler() or "cc", "-O2", "-shared", "-fPIC", "-o", shim, SHIM, "-ldl", "-lpthread"],
            check=True,
            capture_output=True,
        )
        paths = [ROOT, ROOT / "tests", os.environ.get("PYTHONPATH", "")]
        self.errors = folder / "errors.txt"
        with self.errors.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "faults.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=os.environ
                | {"LD_PRELOAD": str(shim), "PYTHONPATH": os.pathsep.join(map(str, paths))},
            )

    def __enter__(self) -> Harness:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._process.stdin is not None and self._process.stdout is not None:
            self._process.stdin.close()
            self._process.stdout.close()
        self._process.wait(timeout=60)

    def run(
        self,
        workload: str,
        prepared: Path,
        *,
        mode: int,
        at: int = 0,
        refusal: int = 0,
        seed: int = 0,
        kill_after: float | None = None,
    ) -> Outcome:
        """Carry out a workload on a copy of what was prepared for it."""
        self._number += 1
        run = self._folder / f"run{self._number}"
        folder = run / "stores"
        shutil.copytree(prepared, folder)
        # What is recorded tells in the same order what was acknowledged when.
        ledger = (folder if mode == RECORD else run) / "ledger"
        ledger.touch()
        outcome = {
            "workload": workload,
            "folder": str(folder),
            "ledger": str(ledger),
            "log": str(run / "log") if mode == RECORD else "",
            "mode": mode,
            "at": at,
            "errno": refusal,
            "seed": seed,
            "kill_after": kill_after,
        }
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the worker has no pipes")
        self._process.stdin.write(json.dumps(outcome) + "\n")
        self._process.stdin.flush()
        reply = json.loads(self._process.stdout.readline())
        return Outcome(reply["code"], reply["hung"], reply["seen"], folder, ledger, run / "log")


@dataclass(slots=True)
class Promised:
    """What a ledger says must be there."""

    allowed: dict[str, list[Any]] = field(default_factory=dict)
    """For each id the contents that it may have: as acknowledged, or as begun since."""
    doubtful: list[dict[str, Any]] = field(default_factory=list)
    """Operations that were begun and not acknowledged: all of each, or nothing."""
    notes: dict[str, Any] = field(default_factory=dict)


def read_ledger(text: str) -> Promised:
    """Return what was promised; a line cut short was never written."""
    begun: dict[int, dict[str, Any]] = {}
    done: set[int] = set()
    notes: dict[str, Any] = {}
    for line in text.splitlines(keepends=True):
        if not line.endswith("\n"):
            break
        entry = json.loads(line)
        if "begin" in entry:
            begun[entry["begin"]] = entry["set"]
        elif "done" in entry:
            done.add(entry["done"])
        elif "refused" not in entry:
            notes |= entry
    promised = Promised(notes=notes)
    refused: set[str] = set()
    for number, becomes in begun.items():
        for name, content in becomes.items():
            allowed = promised.allowed.setdefault(name, [None])
            # Deleting what a refused write did not bring writes nothing: it does not undo what of
            # that write may be on disk, when it was the sync that was refused.
            if number in done and not (content is None and name in refused):
                allowed.clear()
            allowed.append(content)
        if number in done:
            refused -= becomes.keys()
        else:
            refused |= becomes.keys()
            promised.doubtful.append(becomes)
    return promised


async def violations(
    workload: str, outcome: Outcome, *, ledger: str | None = None, acknowledged: bool = True
) -> list[str]:
    """Return what does not hold, in words, of I1-I7 of RELIABILITY.md after a run.

    `ledger` is its text, if not as in the file. Unless `acknowledged`, the newest acknowledged
    writes may be lost, but nothing else.
    """
    if outcome.hung:
        return ["it hung"]
    if outcome.code == worker.UNEXPECTED:
        return ["it ended with an unexpected exception"]
    path = outcome.folder / worker.STORE
    promised = read_ledger(outcome.ledger.read_text() if ledger is None else ledger)
    found: list[str] = []
    try:
        found += await _open_and_look(workload, path, promised, acknowledged=acknowledged)
        check_sound(path)
    except (EngineError, driver.Error) as error:
        found.append(f"{type(error).__name__}: {error}")
    except AssertionError as error:
        found.append(f"not sound: {str(error)[:300]}")
    if workload == "backups":
        found += await _check_backups(path, promised)
    if workload == "salvaging":
        found += await _check_saved(path, promised)
    own = {f"{worker.STORE}{end}" for end in ("", "-wal", "-shm", ".backups")}
    own |= {worker.SAVED, "ledger"}
    found += [f"left over: {e.name}" for e in outcome.folder.iterdir() if e.name not in own]
    return found


async def _open_and_look(
    workload: str, path: Path, promised: Promised, *, acknowledged: bool
) -> list[str]:
    began = time.monotonic()
    found: list[str] = []
    async with open_store(path) as store:
        took = time.monotonic() - began
        if took > OPEN_SECONDS_MAX:
            found.append(f"opening took {took:.1f} s")
        contents = {item.id: item.content async for item in store.iterate()}
        if acknowledged:
            found += [
                f"{name} is {str(contents.get(name))[:40]!r}"
                for name, allowed in promised.allowed.items()
                if contents.get(name) not in allowed
            ]
        for becomes in promised.doubtful:
            # What a later operation has changed again says nothing about this one.
            there = {
                contents.get(name) == content
                for name, content in becomes.items()
                if promised.allowed[name][-1] == content
            }
            if len(there) > 1:
                found.append(f"half of {len(becomes)} changes that belong together is there")
        found += await AFTERWARDS.get(workload, _nothing_more)(store, promised)
    return found


async def _nothing_more(_store: MemoryStore, _promised: Promised) -> list[str]:
    return []


async def _finish_run(store: MemoryStore, promised: Promised) -> list[str]:
    """A run of policies that was interrupted can be resumed, and undone."""
    runs = await store.lifecycle.runs(limit=1)
    if not runs:
        return ["an applied run is lost"] if "applied" in promised.notes else []
    (run,) = runs
    if run.state in ("running", "interrupted"):
        run = await store.lifecycle.resume(run)
    if run.state == "done":
        if await store.count("") != ITEMS * 8 // 10 or await store.count("-tier:archive"):
            return ["a run that is done has not done all"]
        run = await store.lifecycle.undo(run)
    if run.state != "undone":
        return [f"the run is {run.state}"]
    tiers = {item.tier async for item in store.iterate()}
    if await store.count("") != ITEMS or Tier.ARCHIVE in tiers:
        return ["undoing the run did not bring all back"]
    return []


async def _is_migrated(store: MemoryStore, _promised: Promised) -> list[str]:
    return [] if await store.count("") == 55 else ["items are missing"]


async def _check_index(store: MemoryStore, _promised: Promised) -> list[str]:
    for index in await store.indexes.list():
        report = await store.indexes.check(index.name)
        if not report.ok:
            return [f"the index {index.name} is wrong"]
    return []


async def _check_backups(path: Path, promised: Promised) -> list[str]:
    """Every published backup restores, none that was acknowledged is lost, the next one is made."""
    backups: Any = importlib.import_module("engine.backups")
    directory = path.with_name(f"{path.name}.backups")
    catalogue = backups.read_catalogue(directory)
    found = [f"the catalogue finds {finding}" for finding in catalogue.findings]
    names = {backup.name for backup in catalogue.backups}
    made = promised.notes.get("made")
    if made is not None and made not in names:
        found.append(f"the backup {made} is lost")
    if not names:
        found.append("no backup is left")
    async with open_store(path) as store:
        service: Any = getattr(store, "backups")  # noqa: B009
        for backup in catalogue.backups:
            report = await service.verify(backup)
            if not report.ok:
                found.append(f"{backup.name} does not verify: {report.findings}")
        names.add((await service.create(kind="incremental")).name)
    left = {entry.name.rpartition(".")[0] for entry in directory.iterdir()}
    if left != names:
        found.append(f"left over in the directory of backups: {left ^ names}")
    return found


async def _check_saved(path: Path, promised: Promised) -> list[str]:
    """The new store is whole or not there, and then it can be made again; nothing else is left."""
    saved = path.with_name(worker.SAVED)
    if "saved" in promised.notes and not saved.exists():
        return ["what was saved is lost"]
    if not saved.exists():
        await salvage(path, saved)
    async with open_store(saved) as store:
        count = await store.count("")
    check_sound(saved)
    return [] if count == ITEMS // 2 else [f"{count} items were saved"]


async def _check_restored(store: MemoryStore, promised: Promised) -> list[str]:
    """All is as it was then or as it is now, the new file is whole or absent; both can be had."""
    mad = await store.count("mad")
    if (mad, await store.count("")) not in ((0, worker.RESTORED), (31, worker.RESTORED - 9)):
        return [f"half restored: {mad} items are mad"]
    if mad and "restored" in promised.notes:
        return ["what was restored is lost"]
    service: Any = getattr(store, "backups")  # noqa: B009
    path = Path((await store.info()).path)
    saved = path.with_name(worker.SAVED)
    if not saved.exists():
        if "saved" in promised.notes:
            return ["what was restored into a file is lost"]
        await service.restore(sequence=worker.RESTORED, target=saved)
    async with open_store(saved) as then:
        if await then.count("mad") or await then.count("") != worker.RESTORED:
            return ["the new file is not what was"]
    check_sound(saved)
    await service.restore(sequence=worker.RESTORED, in_place=True)
    same = await store.diff(worker.RESTORED)
    return [] if same.is_empty else ["a second restore does not bring all back"]


AFTERWARDS: dict[str, Callable[[MemoryStore, Promised], Awaitable[list[str]]]] = {
    "lifecycle": _finish_run,
    "migration": _is_migrated,
    "indexing": _check_index,
    "restoring": _check_restored,
}
"""What must hold besides, of what a workload did."""


async def prepare(workload: str, folder: Path) -> Path:
    """Return a folder with what a workload begins with."""
    made = folder / f"for-{workload}"
    made.mkdir(mode=0o700)
    if workload in ("lifecycle", "indexing"):
        await worker.prepare_items(made, ITEMS)
    elif workload in ("backups", "salvaging"):
        await worker.prepare_items(made, ITEMS // 2, backup=workload == "backups")
    elif workload == "restoring":
        await worker.prepare_spoiled(made)
    elif workload == "migration":
        packed = (ROOT / "tests/data/store-v1.db.zst").read_bytes()
        (made / worker.STORE).write_bytes(zstd.decompress(packed))
        (made / worker.STORE).chmod(0o600)
    return made


@dataclass(frozen=True, slots=True)
class Attack:
    """One kind of fault on one workload, so many times; `seen` is of the last violations."""

    kind: str
    workload: str
    runs: int
    violations: tuple[str, ...]
    seconds: float


def undisturbed(harness: Harness, workload: str, prepared: Path) -> Outcome:
    """Carry out a workload to its end, counting the calls that change files."""
    return harness.run(workload, prepared, mode=COUNT, seed=1)


async def count_calls(harness: Harness, workload: str, prepared: Path) -> int:
    """Return how many calls change files in an undisturbed run; it must leave all in order."""
    outcome = undisturbed(harness, workload, prepared)
    wrong = await violations(workload, outcome)
    if wrong:
        raise AssertionError(f"{workload} undisturbed: {wrong}")
    return outcome.seen


Plan = Iterator[dict[str, Any]]


def at_random_times(runs: int, pick: random.Random, seconds: float) -> Plan:
    """Kill at random moments of a run that takes about so long."""
    for _ in range(runs):
        yield {"mode": COUNT, "seed": pick.randrange(2**32), "kill_after": pick.random() * seconds}


def at_calls(mode: int, runs: int, pick: random.Random, calls: int, refusal: int = 0) -> Plan:
    """Interrupt at so many different ones of the calls, all if there are no more."""
    if runs >= calls:
        points: Sequence[int] = range(1, calls + 1)
    else:
        points = sorted(pick.sample(range(1, calls + 1), runs))
    for at in points:
        yield {"mode": mode, "at": at, "refusal": refusal, "seed": 1}


async def attack(
    harness: Harness, kind: str, workload: str, prepared: Path, plan: Plan, *, enough: int = 20
) -> Attack:
    """Carry out a plan, and look after every run; stop after so many violations."""
    began = time.monotonic()
    found: list[str] = []
    runs = 0
    for options in plan:
        outcome = harness.run(workload, prepared, **options)
        runs += 1
        wrong = await violations(workload, outcome)
        found += [f"{options}: {what}" for what in wrong]
        shutil.rmtree(outcome.folder.parent)
        if len(found) >= enough:
            break
    return Attack(kind, workload, runs, tuple(found), time.monotonic() - began)


async def power_loss(
    harness: Harness, workload: str, prepared: Path, images: int, pick: random.Random
) -> Attack:
    """Record a run, and look at so many of the states in which a power failure may leave it."""
    began = time.monotonic()
    recorded = harness.run(workload, prepared, mode=RECORD, seed=pick.randrange(2**32))
    operations = list(power.read_log(recorded.log, recorded.folder))
    found: list[str] = []
    for number in range(images):
        upto = pick.randrange(1, len(operations) + 1)
        with tempfile.TemporaryDirectory(dir=recorded.folder.parent) as image:
            folder = Path(image)
            ledger = power.replay(prepared, operations[:upto], folder, pick)
            outcome = Outcome(0, False, 0, folder, folder / "ledger", recorded.log)
            wrong = await violations(
                workload, outcome, ledger=ledger, acknowledged=workload != "relaxed"
            )
            found += [f"image {number} after {upto}: {what}" for what in wrong]
    return Attack("power loss", workload, images, tuple(found), time.monotonic() - began)


REFUSALS: Final = {"disk full": errno.ENOSPC, "I/O error": errno.EIO}
