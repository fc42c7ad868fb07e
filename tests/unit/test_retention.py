"""Retention: what is kept, and what must not be deleted whatever the rules say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import InvalidSettingError
from engine.backups import Backup, Catalogue, Manifest, Retention, plan_prune
from engine.backups.catalogue import in_order
from engine.backups.schedule import find_due
from engine.clock import to_microseconds

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = 3_600_000_000


def backup(
    name: str,
    at: datetime,
    sequence: int,
    *,
    parent: Backup | None = None,
    verified: bool = False,
    store: str = "aa",
) -> Backup:
    """Return a backup as a catalogue has it."""
    manifest = Manifest(
        name=name,
        kind="full" if parent is None else "incremental",
        store_id=store,
        lineage="",
        chain=name if parent is None else parent.manifest.chain,
        parent=None if parent is None else parent.name,
        parent_digest=None if parent is None else parent.manifest.digest,
        first_sequence=0 if parent is None else parent.sequence,
        sequence=sequence,
        oldest=0,
        first_at=0,
        created_at=to_microseconds(at),
        counts={},
        bytes=100,
        raw_bytes=100,
        digest=name.encode().hex().zfill(64),
        item_digest="0" * 64,
        next_key=1,
        message_key=0,
        anchor="0" * 64,
        schema_version=1,
        engine_version="1",
        reason="",
    )
    return Backup(manifest=manifest, verified_at=at if verified else None)


def catalogue(*backups: Backup) -> Catalogue:
    return Catalogue(directory=Path("backups"), backups=backups, findings=())


def daily(count: int) -> list[Backup]:
    return [backup(f"d{n}", START + timedelta(days=n), n) for n in range(count)]


def test_each_period_keeps_its_newest() -> None:
    """Ten of the days, of the weeks, of the months: the newest of each, and nothing else."""
    plan = plan_prune(catalogue(*daily(100)), Retention(last=2, daily=3, weekly=2, monthly=3))

    assert plan.keep == {
        "d99": ("last", "daily", "weekly", "monthly"),
        "d98": ("last", "daily"),
        "d97": ("daily",),
        # 5 April 2026 is a Sunday.
        "d94": ("weekly",),
        "d89": ("monthly",),
        "d58": ("monthly",),
    }
    assert len(plan.delete) == 94
    assert plan.freed_bytes == 9_400


def test_a_kept_increment_keeps_what_it_builds_on() -> None:
    """A chain is never broken: from the full one to the newest that is kept, all stays."""
    full = backup("full", START, 1)
    one = backup("one", START + timedelta(days=1), 2, parent=full)
    two = backup("two", START + timedelta(days=2), 3, parent=one)
    fork = backup("fork", START + timedelta(days=1, hours=1), 3, parent=full)

    plan = plan_prune(catalogue(full, one, fork, two), Retention(last=1))

    assert plan.keep == {"two": ("last",), "one": ("needed",), "full": ("needed",)}
    assert plan.delete == ("fork",)


def test_the_newest_verified_backup_is_never_deleted() -> None:
    """However old: until a newer one is proven, it is the only one that is known to be good."""
    old = backup("old", START, 1, verified=True)

    plan = plan_prune(catalogue(old, *daily(5)), Retention(last=1))

    assert plan.keep == {"d4": ("last",), "old": ("newest verified",)}


def test_what_cannot_be_restored_stays_and_counts_for_nothing() -> None:
    """A backup whose chain has a hole may yet be completed, and takes no good one's place."""
    full = backup("full", START, 1)
    lost = backup("lost", START + timedelta(days=1), 2, parent=full)
    torn = backup("torn", START + timedelta(days=2), 3, parent=lost)

    plan = plan_prune(catalogue(full, torn, *daily(2)), Retention(last=1))

    assert plan.keep == {"d1": ("last",), "torn": ("incomplete",)}


def test_stores_are_thinned_out_each_by_itself() -> None:
    """Two stores that share a directory do not push out each other's backups."""
    mine, theirs = backup("mine", START, 1), backup("theirs", START, 1, store="bb")

    both = plan_prune(catalogue(mine, theirs), Retention(last=1))
    one = plan_prune(catalogue(mine, theirs, *daily(3)), Retention(last=1), store_id="aa")

    assert not both.delete
    assert "theirs" not in one.delete


def test_rules_that_keep_nothing_are_refused() -> None:
    """Nobody deletes all backups by leaving out an option."""
    with pytest.raises(InvalidSettingError):
        Retention()
    with pytest.raises(InvalidSettingError):
        Retention(last=-1)


steps = st.lists(
    st.tuples(
        st.integers(-48, 96),
        st.sampled_from(["full", "step", "fork"]),
        st.booleans(),
        st.integers(0, 9),
    ),
    min_size=1,
    max_size=40,
)
rules = st.tuples(*[st.integers(0, 4)] * 4).filter(any)


@given(steps=steps, rules=rules, missing=st.sets(st.integers(0, 39), max_size=3))
def test_pruning_leaves_only_whole_chains(
    steps: list[tuple[int, str, bool, int]], rules: tuple[int, ...], missing: set[int]
) -> None:
    """Whatever the clock did: what is kept restores as before, in whatever order it is deleted."""
    made: list[Backup] = []
    at = START
    for number, (hours, how, verified, which) in enumerate(steps):
        at += timedelta(hours=hours)
        parent = None
        if how != "full" and made:
            parent = made[-1] if how == "step" else made[which % len(made)]
        sequence = number if parent is None else parent.sequence + which % 2
        made.append(backup(f"b{number}", at, sequence, parent=parent, verified=verified))
    present = [b for number, b in enumerate(made) if number not in missing]
    before = catalogue(*present)

    plan = plan_prune(
        before,
        Retention(last=rules[0], daily=rules[1], weekly=rules[2], monthly=rules[3]),
    )

    whole = {b.name for b in present if is_whole(before, b)}
    assert plan.keep.keys().isdisjoint(plan.delete)
    assert plan.keep.keys() | set(plan.delete) == {b.name for b in present}
    assert set(plan.delete) <= whole
    left = list(present)
    for name in plan.delete:
        left = [b for b in left if b.name != name]
        remaining = catalogue(*left)
        assert {b.name for b in left if is_whole(remaining, b)} == whole & {b.name for b in left}
    verified_whole = [b for b in present if b.name in whole and b.verified_at is not None]
    if verified_whole:
        assert [b for b in in_order(present) if b in verified_whole][-1] in left


def is_whole(known: Catalogue, one: Backup) -> bool:
    from engine import BrokenChainError

    try:
        known.chain(one)
    except BrokenChainError:
        return False
    return True


def test_a_backup_is_due_by_time_or_by_changes() -> None:
    """Whichever comes first; what was missed is counted, and a clock set back changes nothing."""
    now = to_microseconds(START)
    last = backup("last", START - timedelta(hours=19), 100)
    future = backup("future", START + timedelta(days=1), 100)

    def due(hours: float | None, changes: int | None, sequence: int = 100) -> tuple[bool, int]:
        found = find_due([last, future], now=now, sequence=sequence, hours=hours, changes=changes)
        return found is not None, found.missed if found else 0

    assert due(20, None) == (False, 0)
    assert due(19, None) == (True, 0)
    assert due(6, None) == (True, 2)
    assert due(None, 10, 109) == (False, 0)
    assert due(None, 10, 110) == (True, 0)
    assert due(20, 10, 50) == (True, 0)
    assert find_due([], now=now, sequence=0, hours=1, changes=None) is not None
