"""The faults of `make test-faults`, few of each: kills, half writes, refusals, power failures."""

from __future__ import annotations

import errno
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults import harness, power, worker
from faults.harness import Harness

pytestmark = [
    # One after another, by one worker: each keeps two processes busy.
    pytest.mark.xdist_group("faults"),
    pytest.mark.skipif(
        harness.compiler() is None, reason="the shim needs Linux and a C compiler called cc"
    ),
]
SEED = 20261125
WORKLOADS = ["writes", "checkpoints", "lifecycle", "migration", "indexing", "salvaging"]
if worker.has_backups():
    WORKLOADS += ["backups", "restoring"]


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    """The process whose children are interrupted."""
    with Harness(tmp_path_factory.mktemp("faults")) as running:
        yield running


@pytest.fixture
def pick() -> random.Random:
    """The same choices every time."""
    return random.Random(SEED)


@pytest.mark.parametrize("workload", WORKLOADS)
async def test_kills_and_refusals_leave_all_in_order(
    faults: Harness, tmp_path: Path, workload: str, pick: random.Random
) -> None:
    """Killed at a call, in half of a write or at any time; refused a call once or for ever."""
    prepared = await harness.prepare(workload, tmp_path)
    calls = await harness.count_calls(faults, workload, prepared)
    plans = {
        "kill": harness.at_calls(harness.KILL, 8, pick, calls),
        "half": harness.at_calls(harness.HALF, 4, pick, calls),
        "time": harness.at_random_times(4, pick, 0.1),
        "full": harness.at_calls(harness.FAIL_ONCE, 2, pick, calls, errno.ENOSPC),
        "error": harness.at_calls(harness.FAIL_ALWAYS, 2, pick, calls, errno.EIO),
    }
    for kind, plan in plans.items():
        attack = await harness.attack(faults, kind, workload, prepared, plan)
        assert attack.violations == ()


@pytest.mark.parametrize("workload", ["writes", "checkpoints", "migration", "relaxed"])
async def test_power_failures_lose_nothing_acknowledged(
    faults: Harness, tmp_path: Path, workload: str, pick: random.Random
) -> None:
    """Whatever part of what was not synced survives; with `relaxed` the store is sound at least."""
    prepared = await harness.prepare(workload, tmp_path)
    attack = await harness.power_loss(faults, workload, prepared, 20, pick)
    assert attack.violations == ()


@pytest.mark.parametrize("bug", ["no_transaction", "publish_in_place"])
async def test_the_harness_sees_seeded_bugs(
    faults: Harness, tmp_path: Path, bug: str, pick: random.Random
) -> None:
    """Within 80 points a store that is written or made without care is found out."""
    prepared = await harness.prepare(bug, tmp_path)
    calls = harness.undisturbed(faults, bug, prepared).seen
    plan = harness.at_calls(harness.KILL, 80, pick, calls)
    attack = await harness.attack(faults, bug, bug, prepared, plan, enough=1)
    assert attack.violations


async def test_the_harness_sees_what_was_not_synced(
    faults: Harness, tmp_path: Path, pick: random.Random
) -> None:
    """A store that acknowledges before it syncs loses something to a power failure."""
    prepared = await harness.prepare("unsynced", tmp_path)
    attack = await harness.power_loss(faults, "unsynced", prepared, 15, pick)
    assert any(" is 'None'" in violation for violation in attack.violations)


async def test_the_shim_sees_what_sqlite_does(faults: Harness, tmp_path: Path) -> None:
    """The calls of the SQLite in use pass through it: writes, syncs, cuts and deletions."""
    prepared = await harness.prepare("writes", tmp_path)
    recorded = faults.run("writes", prepared, mode=harness.RECORD, seed=SEED)
    operations = list(power.read_log(recorded.log, recorded.folder))
    seen = {(operation.kind, operation.name) for operation in operations}
    for name in ("store.db", "store.db-wal"):
        assert {("W", name), ("S", name)} <= seen
    assert {("S", ""), ("T", "store.db-wal"), ("U", "store.db-wal"), ("W", "ledger")} <= seen
    assert any(operation.kind == "L" and operation.other == "store.db" for operation in operations)


def test_a_played_back_power_failure_keeps_what_was_synced(
    tmp_path: Path, pick: random.Random
) -> None:
    """Synced writes and names are always there, the others sometimes."""
    operation = power.Operation
    done = [
        operation("W", "a", "", 0, b"synced"),
        operation("S", "a", "", 0, b""),
        operation("S", "", "", 0, b""),
        operation("W", "a", "", 0, b"NOT"),
        operation("W", "b", "", 0, b"new"),
    ]
    (tmp_path / "prepared").mkdir()
    images = set()
    for number in range(40):
        power.replay(tmp_path / "prepared", done, tmp_path / str(number), pick)
        files = {entry.name: entry.read_bytes() for entry in (tmp_path / str(number)).iterdir()}
        images.add((files["a"], files.get("b")))
    assert {a for a, _ in images} == {b"synced", b"NOTced"}
    assert {b for _, b in images} == {None, b"", b"new"}
