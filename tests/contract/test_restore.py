"""Restoring: into a new file and in place, everything or a scope, from the log or from a backup."""

from __future__ import annotations

import asyncio
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
    CorruptStoreError,
    InvalidBackupError,
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
from engine.backups import restore_file, restore_unreadable
from inspector.cli import main

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


# Stores that are damaged ----------------------------------------------------------------------


def roots(path: Path) -> dict[str, int]:
    """Return the first page of every table and index; the file is closed."""
    with closing(driver.connect(path)) as connection:
        return dict(
            connection.execute("SELECT name, rootpage FROM sqlite_schema WHERE rootpage > 1")
        )


def spoil(whole: bytes, path: Path, page: int) -> None:
    """Write a store with one page of zeros, and nothing beside it."""
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    size = 65_536 if whole[16:18] == b"\0\1" else int.from_bytes(whole[16:18], "big")
    path.write_bytes(whole[: (page - 1) * size] + bytes(size) + whole[page * size :])


async def test_a_file_made_of_a_damaged_store_is_sound(
    store: MemoryStore, path: Path, clock: ManualClock, tmp_path: Path
) -> None:
    """Whichever page is damaged, and whether the store still opens: a backup is taken instead."""
    history = History(store, clock, 41)
    await history.go(20)
    await store.backups.create()
    sequence = sorted(history.moments)[-3]
    await store.close()
    whole, pages = path.read_bytes(), roots(path)
    from_backup = 0
    for name, page in pages.items():
        spoil(whole, path, page)
        target = tmp_path / f"{name}.db"
        report = await restore_file(path, target, sequence=sequence)
        from_backup += report.point.backup is not None
        check_sound(target)
        async with open_store(target, create=False, clock=clock) as old:
            assert_same(await look(old), history.moments[sequence])
    assert from_backup > len(pages) // 2


async def test_a_damaged_store_without_backups_is_salvaged_not_restored(
    store: MemoryStore, path: Path, tmp_path: Path
) -> None:
    """There is no file then, and the error says what is left to do."""
    await store.put("a", "one", agent="atlas", tags={"t"})
    await store.put("a", "two")
    await store.close()
    whole = path.read_bytes()
    for page in (roots(path)["contents"], roots(path)["item_tags"]):
        spoil(whole, path, page)
        with pytest.raises(CorruptStoreError) as refused:
            await restore_file(path, tmp_path / "old.db", sequence=1)
        assert "doctor STORE --salvage" in refused.value.hint
        with pytest.raises(CorruptStoreError):
            await restore_unreadable(path, sequence=1)
    assert sorted(p.name for p in tmp_path.iterdir() if "old" in p.name or "aside" in p.name) == []


@pytest.mark.parametrize("name", ["contents", "changes", "item_tags"])
async def test_a_damaged_store_that_opens_is_replaced_from_a_backup(
    store: MemoryStore, path: Path, name: str
) -> None:
    """Its change log is not believed, whatever it says; in place of it comes what was backed up."""
    await store.put("a", "one", tags={"t"})
    backup = await store.backups.create()
    await store.put("a", "two")
    await store.close()
    spoil(path.read_bytes(), path, roots(path)[name])

    stages: set[str] = set()

    report = await restore_unreadable(
        path, sequence=1, progress=lambda stage, _done, _total: stages.add(stage)
    )

    assert "copy" not in stages
    assert report.point.backup == backup.name
    assert report.moved_aside is not None
    check_sound(path)
    async with open_store(path, create=False) as old:
        assert [item.content async for item in old.iterate()] == ["one"]


async def test_a_damaged_store_that_opens_is_moved_aside_by_the_command(
    store: MemoryStore, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--in-place` finds the damage that opening a store does not meet."""
    await store.put("a", "one", tags={"t"})
    await store.backups.create()
    await store.put("a", "two")
    await store.close()
    spoil(path.read_bytes(), path, roots(path)["item_tags"])

    command = ["backup", "restore", str(path), "--sequence", "1", "--in-place", "--yes"]
    assert await asyncio.to_thread(main, command) == 0

    assert "is kept as" in capsys.readouterr().out
    check_sound(path)


async def test_a_damaged_store_in_use_is_said_to_be_damaged(store: MemoryStore, path: Path) -> None:
    """No backup can be made of it before: the error is not about a backup, and says the way out."""
    await store.put("a", "one", tags={"t"})
    await store.put("a", "two", tags={"t"})
    await store.close()
    spoil(path.read_bytes(), path, roots(path)["item_tags"])
    async with open_store(path, create=False) as damaged:
        with pytest.raises(CorruptStoreError, match=r"memory\.db is damaged") as refused:
            await damaged.backups.restore(sequence=1, in_place=True)
        assert "to a target, or in place while nobody has the store open" in refused.value.hint
        assert await damaged.backups.list() == ()


async def test_a_backup_of_another_store_is_not_restored_in_place(
    store: MemoryStore, tmp_path: Path
) -> None:
    """Everything here would be replaced by what is somebody else's; a new file harms nobody."""
    await store.put("a", "mine")
    async with open_store(tmp_path / "other.db") as other:
        await other.put("b", "theirs")
        other.backups.use_directory(store.backups.directory)
        backup = await other.backups.create()

    for scope in ("", "id:b"):
        with pytest.raises(InvalidBackupError, match="is of another store"):
            await store.backups.restore(backup=backup, in_place=True, scope=scope)
    assert [item.content async for item in store.iterate()] == ["mine"]
    await store.backups.restore(backup=backup, target=tmp_path / "theirs.db")
    async with open_store(tmp_path / "theirs.db", create=False) as theirs:
        assert [item.content async for item in theirs.iterate()] == ["theirs"]
