"""Restoring: into a new file and in place, everything or a scope, from the log or from a backup."""

from __future__ import annotations

import os
import stat
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from kit import START, ManualClock, OpenMemory, check_sound
from past_kit import History, assert_same, look

from engine import (
    BackupNotFoundError,
    InvalidSettingError,
    MemoryStore,
    Message,
    RestorePointError,
    Session,
    StalePlanError,
    StorageError,
    StoreInUseError,
    open_store,
)
from engine.backends.sqlite.driver import driver

# A restore is a change: what it restores is one version on, as of now.
COUNTED = ("version", "updated_at")


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Views are made in a directory of the test's own."""
    directory = tmp_path / "temporary"
    directory.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(directory))
    return directory


@pytest.mark.parametrize("seed", [11, 12])
async def test_a_restored_file_is_the_store_as_it_was(
    store: MemoryStore, clock: ManualClock, tmp_path: Path, seed: int
) -> None:
    """Items, links and the sequence are those of the moment, the file is sound, and it goes on."""
    history = History(store, clock, seed)
    await store.tiers.configure(working=3, short_term=4)
    await history.go(40)
    for sequence in Random(seed).sample(sorted(history.moments), 3):
        target = tmp_path / f"{sequence}.db"
        report = await store.backups.restore(sequence=sequence, target=target)

        assert report.point.sequence == sequence
        assert report.items == len(history.moments[sequence].items)
        assert stat.S_IMODE(target.stat().st_mode) == 0o600
        check_sound(target)
        async with open_store(target, create=False, clock=clock) as old:
            assert_same(await look(old), history.moments[sequence])
            await old.put("i00", "goes on")
            assert await old.sequence() == sequence + 1
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith(".")) == []


@pytest.mark.parametrize("seed", [21, 22, 23])
async def test_a_store_restored_in_place_is_what_it_was(
    store: MemoryStore, path: Path, clock: ManualClock, seed: int
) -> None:
    """Everything is as it was, the log goes on, and undo takes it back to what it was before."""
    history = History(store, clock, seed)
    await store.tiers.configure(working=3, short_term=4)
    await store.indexes.define("n", "metadata.n")
    await history.go(40)
    for sequence in Random(seed).sample(sorted(history.moments), 3):
        newest = await store.sequence()
        before = await look(store)
        report = await store.backups.restore(sequence=sequence, in_place=True)

        assert_same(await look(store), history.moments[sequence], *COUNTED)
        assert (await store.diff(sequence)).items.total == 0
        if report.first_sequence is None or report.last_sequence is None:
            continue
        assert report.first_sequence == newest + 1
        assert report.last_sequence == await store.sequence()
        assert {c.actor for c in await store.changes(newest)} == {"restore"}
        assert report.safety_backup in [b.name for b in await store.backups.list()]
        if sequence % 2:
            await store.undo(report.first_sequence, report.last_sequence)
            assert_same(await look(store), before, *COUNTED)
    await store.close()
    check_sound(path)


async def test_a_restored_file_is_no_larger_than_what_it_holds(
    store: MemoryStore, path: Path, tmp_path: Path
) -> None:
    """What came after the point leaves no free pages in the file."""
    await store.put("a", "one")
    await store.put_many([{"content": os.urandom(9_000)} for _ in range(50)])
    await store.backups.restore(sequence=1, target=tmp_path / "old.db")
    with closing(driver.connect(tmp_path / "old.db")) as old:
        assert old.execute("PRAGMA freelist_count").fetchone() == (0,)
    await store.close()
    assert (tmp_path / "old.db").stat().st_size < path.stat().st_size / 2


async def test_the_store_remembers_its_restores(store: MemoryStore) -> None:
    """When, by whom, of what, and which changes it made."""
    await store.put("a", "one")
    await store.put("a", "two")
    report = await store.backups.restore(sequence=1, in_place=True)

    (restore,) = await store.backups.restores()
    assert (restore.point.sequence, restore.actor, restore.scope) == (1, "tester", "")
    assert (restore.first_sequence, restore.last_sequence) == (3, 3)
    assert restore.safety_backup == report.safety_backup is not None


async def test_a_scope_is_restored_alone(store: MemoryStore) -> None:
    """One agent's items come back, appear and go; others' stay as they are, links between too."""
    for agent in ("atlas", "bella"):
        await store.put(f"{agent}/kept", "one", agent=agent)
        await store.put(f"{agent}/deleted", "here", agent=agent)
        await store.associate(f"{agent}/kept", f"{agent}/deleted")
    point = await store.sequence()
    for agent in ("atlas", "bella"):
        await store.put(f"{agent}/kept", "two", agent=agent)
        await store.delete(f"{agent}/deleted")
        await store.put(f"{agent}/new", "new", agent=agent)
    await store.update("bella/kept", agent="atlas")
    preview = await store.backups.preview_restore(sequence=point, scope="agent:atlas")

    report = await store.backups.restore(
        sequence=point, in_place=True, scope="agent:atlas", preview=preview
    )

    assert report.safety_backup is None
    assert {i.id: (i.content, i.agent) async for i in store.iterate()} == {
        "atlas/kept": ("one", "atlas"),
        "atlas/deleted": ("here", "atlas"),
        # It was not atlas's then: it goes back to whose it was.
        "bella/kept": ("one", "bella"),
        "bella/new": ("new", "bella"),
    }
    links = [link async for link in store.iterate_associations()]
    assert [(link.source_id, link.target_id) for link in links] == [("atlas/kept", "atlas/deleted")]
    assert (preview.items.added, preview.items.changed, preview.items.removed) == (1, 2, 1)
    assert report.items == preview.items.total == 4


async def test_a_single_item_is_restored(store: MemoryStore) -> None:
    """`id:` names one; nothing else moves."""
    await store.put("a", "one")
    await store.put("b", "one")
    await store.put("a", "two")
    await store.put("b", "two")

    report = await store.backups.restore(sequence=2, in_place=True, scope="id:a")

    assert [(i.id, i.content) async for i in store.iterate(order_by="id")] == [
        ("a", "one"),
        ("b", "two"),
    ]
    assert (report.items, report.first_sequence, report.last_sequence) == (1, 5, 5)


async def test_a_scope_in_a_file_holds_nothing_of_others(
    store: MemoryStore, tmp_path: Path
) -> None:
    """The file has the scope's items, versions, times, links and sessions, and no other text."""
    await store.put_sessions([_session("s1", "atlas"), _session("s2", "bella")])
    message = Message(session_id="s1", ordinal=1, role="user", content="hello", at=START)
    await store.put_messages([message])
    await store.put("a", "mine " * 50, agent="atlas", session_id="s1", tags={"t"})
    await store.update("a", importance=0.9)
    await store.put("b", "mine too", agent="atlas")
    await store.put("other", "secretword", agent="bella", session_id="s2")
    await store.associate("a", "b", strength=0.5)
    await store.associate("a", "other")
    point = await store.sequence()
    then = await store.peek("a")
    await store.bulk_delete(query="")

    target = tmp_path / "atlas.db"
    report = await store.backups.restore(sequence=point, target=target, scope="agent:atlas")

    assert report.items == 2
    check_sound(target)
    assert b"secretword" not in target.read_bytes()
    async with open_store(target, create=False) as mine:
        found = await look(mine)
        item = await mine.peek("a")
        assert item is not None
        assert then is not None
        assert (item.version, item.updated_at) == (then.version, then.updated_at)
        assert found.items.keys() == {"a", "b"}
        assert [key[:3:2] for key in found.links] == [("a", "b")]
        assert [s.id for s in await mine.sessions()] == ["s1"]
        assert [m.content for m in await mine.messages("s1")] == ["hello"]


def _session(session_id: str, agent: str) -> Session:
    return Session(
        id=session_id,
        agent=agent,
        title="talk",
        state="ended",
        started_at=START,
        ended_at=None,
        metadata={"k": 1},
    )


@pytest.mark.parametrize("seed", [31, 32])
async def test_a_point_that_was_forgotten_is_restored_from_a_backup(
    store: MemoryStore, path: Path, clock: ManualClock, seed: int
) -> None:
    """Where the log no longer reaches, items are compared with what a backup holds."""
    history = History(store, clock, seed)
    await history.go(30)
    sequence = sorted(history.moments)[-1]
    backup = await store.backups.create()
    await history.go(15)
    with closing(driver.connect(path, isolation_level=None)) as other:
        forgotten = other.execute(
            "SELECT content_key FROM changes WHERE sequence <= ? AND content_key IS NOT NULL",
            (sequence + 1,),
        ).fetchall()
        other.executemany("UPDATE contents SET uses = uses - 1 WHERE content_key = ?", forgotten)
        other.execute("DELETE FROM changes WHERE sequence <= ?", (sequence + 1,))
    before = await look(store)
    preview = await store.backups.preview_restore(sequence=sequence)

    report = await store.backups.restore(sequence=sequence, in_place=True, preview=preview)

    assert report.point.backup == backup.name
    assert report.items == preview.items.total
    assert_same(await look(store), history.moments[sequence], *COUNTED)
    assert (await store.backups.preview_restore(backup=backup)).is_empty
    if report.first_sequence is not None:
        await store.undo(report.first_sequence, report.last_sequence)
    assert_same(await look(store), before, *COUNTED)


async def test_a_backup_is_restored_by_name(store: MemoryStore, tmp_path: Path) -> None:
    """Into a file, and a part of it in place."""
    await store.put("a", "one", agent="atlas")
    await store.put("b", "one")
    backup = await store.backups.create()
    await store.put("a", "two", agent="atlas")
    await store.put("b", "two")

    await store.backups.restore(backup=backup, target=tmp_path / "old.db")
    async with open_store(tmp_path / "old.db", create=False) as old:
        assert [item.content async for item in old.iterate()] == ["one", "one"]
    await store.backups.restore(backup=backup.name, in_place=True, scope="agent:atlas")
    assert [item.content async for item in store.iterate(order_by="id")] == ["one", "two"]
    with pytest.raises(BackupNotFoundError):
        await store.backups.restore(backup="none", in_place=True)


async def test_what_cannot_be_restored_changes_nothing(store: MemoryStore, tmp_path: Path) -> None:
    """Two points, no place, a file that exists, a point that never was, a stale preview."""
    await store.put("a", "one")
    taken = tmp_path / "taken.db"
    taken.write_text("mine")
    restore = store.backups.restore
    with pytest.raises(InvalidSettingError):
        await restore(sequence=1)
    with pytest.raises(InvalidSettingError):
        await restore(sequence=1, target=taken, in_place=True)
    with pytest.raises(InvalidSettingError):
        await restore(sequence=1, backup="x", in_place=True)
    with pytest.raises(InvalidSettingError):
        await restore(in_place=True)
    with pytest.raises(StorageError, match="exists"):
        await restore(sequence=1, target=taken)
    with pytest.raises(StorageError):
        await restore(sequence=1, target=tmp_path / "nowhere" / "old.db")
    with pytest.raises(RestorePointError):
        await restore(sequence=9, in_place=True)
    preview = await store.backups.preview_restore(sequence=0)
    await store.put("b", "later")
    with pytest.raises(StalePlanError):
        await restore(sequence=0, in_place=True, preview=preview)
    assert taken.read_text() == "mine"
    assert await store.count() == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "memory.db", "memory.db-shm", "memory.db-wal", "memory.db.backups", "memory.db.lock",
        "taken.db", "temporary",
    ]  # fmt: skip


async def test_a_store_that_others_write_to_is_left_alone(open_memory: OpenMemory) -> None:
    """Everything in place is refused, naming them; a scope, or by force, is an ordinary write."""
    store, other = await open_memory(), await open_memory()
    await store.put("a", "one")
    await other.put("a", "two")

    with pytest.raises(StoreInUseError, match="has the store open for writing") as refused:
        await store.backups.restore(sequence=1, in_place=True)
    assert len(refused.value.holders) == 1
    await store.backups.restore(sequence=1, in_place=True, scope="id:a")
    await other.put("a", "three")
    await store.backups.restore(sequence=1, in_place=True, force=True)
    await other.put("b", "goes on", agent="new agent", tags={"new tag"})
    await store.put("c", "goes on too", agent="another")

    assert {item.id: item.content async for item in other.iterate()} == {
        "a": "one", "b": "goes on", "c": "goes on too",
    }  # fmt: skip
    assert await store.sequence() == await other.sequence() == 7
    await other.close()
    assert await store.holders() == []


async def test_the_newest_state_is_nothing_to_restore(store: MemoryStore) -> None:
    """No change is made, and there is nothing to undo."""
    await store.put("a", "one")
    report = await store.backups.restore(sequence=1, in_place=True)
    assert (report.items, report.first_sequence, report.last_sequence) == (0, None, None)
    assert await store.sequence() == 1
