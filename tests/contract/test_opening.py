"""Opening: what is made, what is recognised, who may read and write together."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from kit import AssertSound, OpenMemory

from engine import (
    CorruptStoreError,
    ReadOnlyStoreError,
    SchemaTooNewError,
    StorageError,
    StoreBusyError,
    StoreError,
    StoreNotFoundError,
    UnsafePathError,
    open_store,
)
from engine.backends.sqlite import making
from engine.backends.sqlite.driver import driver
from engine.backends.sqlite.opening import expected_fingerprint
from engine.backends.sqlite.schema import APPLICATION_ID, SCHEMA_VERSION


async def test_a_store_is_made_where_there_is_none(path: Path, assert_sound: AssertSound) -> None:
    """The new file is a whole store that says what it is, and nothing else is left beside it."""
    async with open_store(path):
        pass

    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    assert_sound(path)
    with closing(driver.connect(path)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_a_store_is_not_made_unasked(path: Path) -> None:
    """Without `create`, or for reading, an absent file stays absent."""
    for read_only in (False, True):
        with pytest.raises(StoreNotFoundError) as caught:
            await open_store(path, create=read_only, read_only=read_only)
        assert isinstance(caught.value, FileNotFoundError)
        assert caught.value.hint
    assert list(path.parent.iterdir()) == []


async def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    """No folder is made by opening."""
    with pytest.raises(StorageError):
        await open_store(tmp_path / "no" / "memory.db")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", "\0", "a\0b", "."])
async def test_what_is_no_path_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty path, one with NUL or a folder is a typed error."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnsafePathError):
        await open_store(name)
    assert list(tmp_path.iterdir()) == []


async def test_many_may_create_at_once(path: Path, assert_sound: AssertSound) -> None:
    """Several who open an absent store at the same moment share one."""
    stores = await asyncio.gather(*(open_store(path) for _ in range(8)))
    identities = {(await store.info()).store_id for store in stores}
    await asyncio.gather(*(store.put(None, n) for n, store in enumerate(stores)))
    counts = [await store.count() for store in stores]
    for store in stores:
        await store.close()

    assert len(identities) == 1
    assert counts == [8] * 8
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    assert_sound(path)


async def test_a_creation_that_was_killed_does_not_matter(path: Path) -> None:
    """Leftovers of a killed creation do not stop the next one."""
    (path.parent / f".{path.name}.0123456789ab.new").write_bytes(b"half a store")
    async with open_store(path) as store:
        await store.put("a", "x")
    # Killed between the link and the removal of the temporary name: two names for one store.
    (path.parent / f".{path.name}.ba9876543210.new").hardlink_to(path)
    async with open_store(path) as store:
        assert await store.count() == 1


async def test_a_read_only_store_refuses_to_write(open_memory: OpenMemory) -> None:
    """Every way of writing is a typed error; reading works, and counts no access."""
    writer = await open_memory()
    await writer.put("a", "x")
    reader = await open_memory(read_only=True)

    assert reader.read_only
    assert (await reader.get("a")) is not None
    for call in (
        reader.put("b", "x"),
        reader.put_many([{"content": 1}]),
        reader.import_items([{"content": 1}]),
        reader.update("a", content="y"),
        reader.tag("a", "t"),
        reader.untag("a", "t"),
        reader.delete("a"),
        reader.associate("a", "a"),
        reader.dissociate("a", "a"),
        reader.import_associations([]),
        reader.undo(1),
        reader.bulk_update(ids=["a"], tier="archive"),
        reader.bulk_delete(query=""),
        reader.put_sessions([]),
        reader.put_messages([]),
    ):
        with pytest.raises(ReadOnlyStoreError):
            await call
    await reader.close()
    item = await writer.peek("a")
    assert item is not None
    assert (item.content, item.access_count) == ("x", 0)


async def test_a_reader_sees_what_a_writer_commits(open_memory: OpenMemory) -> None:
    """Readers are never behind what was acknowledged."""
    writer = await open_memory()
    reader = await open_memory(read_only=True)
    for n in range(50):
        await writer.put("a", n)
        item = await reader.peek("a")
        assert item is not None
        assert item.content == n
        assert await reader.count() == 1


async def test_reading_creates_nothing(open_memory: OpenMemory, path: Path) -> None:
    """Opening for reading leaves the file as it was."""
    store = await open_memory()
    await store.put("a", "x")
    await store.close()
    before = path.read_bytes()
    reader = await open_memory(read_only=True)
    assert await reader.count() == 1
    await reader.close()

    assert path.read_bytes() == before


async def test_a_newer_store_is_refused(path: Path) -> None:
    """A store of a later version is told by its number and left alone, read-only too."""
    async with open_store(path) as store:
        await store.put("a", "x")
    with closing(driver.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
    before = path.read_bytes()

    for read_only in (False, True):
        with pytest.raises(SchemaTooNewError, match=str(SCHEMA_VERSION + 1)):
            await open_store(path, read_only=read_only)
    assert path.read_bytes() == before


async def test_the_fingerprint_is_that_of_a_new_store(path: Path) -> None:
    """What SQLite says of a new store's schema is what the engine expects of every store."""
    async with open_store(path):
        pass
    from engine.backends.sqlite.opening import check_schema

    with closing(driver.connect(path)) as connection:
        check_schema(connection, path)
    assert len(expected_fingerprint()) == 64


async def test_a_held_lock_is_waited_for_and_then_told(path: Path, open_memory: OpenMemory) -> None:
    """While another process writes, a write waits; past the time-out it is refused, not lost."""
    store = await open_memory(busy_timeout_seconds=0.2)
    await store.put("a", "x")
    with closing(driver.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusyError) as caught:
            await store.put("b", "x")
        assert caught.value.retryable
        assert (await store.peek("a")) is not None
        assert await store.count() == 1
        other.execute("ROLLBACK")
    await store.put("b", "x")
    assert await store.count() == 2


async def test_a_lock_that_is_let_go_in_time_is_no_error(
    path: Path, open_memory: OpenMemory
) -> None:
    """A write that waits goes through once the lock is free."""
    store = await open_memory(busy_timeout_seconds=30)
    with closing(driver.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(store.put("b", "x"))
        while store._backend.writer is not None and store._backend.writer._waiting:  # type: ignore[attr-defined]
            await asyncio.sleep(0.001)
        assert await store.count() == 0
        other.execute("ROLLBACK")
        assert (await waiting).id == "b"


async def test_closing_leaves_one_file(path: Path, open_memory: OpenMemory) -> None:
    """After the last one closes, the store is one file that can be copied."""
    first, second = await open_memory(), await open_memory()
    await first.put("a", "x")
    await second.get("a")
    await first.close()
    await second.close()

    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


async def test_durability_is_what_was_asked(path: Path, open_memory: OpenMemory) -> None:
    """`full` syncs every commit, `relaxed` leaves that to the system."""
    for durability, expected in (("full", 2), ("relaxed", 1)):
        store = await open_memory(durability=durability)
        writer = store._backend.writer  # type: ignore[attr-defined]
        (found,) = await writer._connection.run(
            lambda connection: connection.execute("PRAGMA synchronous").fetchone()
        )
        assert found == expected


def test_a_store_works_from_several_loops_in_turn(path: Path) -> None:
    """Opening, closing and opening again in another event loop works."""

    async def put(name: str) -> int:
        async with open_store(path) as store:
            await store.put(name, "x")
            return await store.count()

    assert [asyncio.run(put(name)) for name in "abc"] == [1, 2, 3]


def test_the_engine_imports_no_toolkit() -> None:
    """Importing the engine loads no terminal library and no pickle."""
    script = (
        "import sys, engine\n"
        "loaded = {name.partition('.')[0] for name in sys.modules}\n"
        "print(sorted(loaded & {'textual', 'rich', 'click', 'inspector'}))"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize("version", [0, -1])
@pytest.mark.parametrize("read_only", [True, False])
async def test_a_version_that_never_was_is_refused(
    path: Path, version: int, read_only: bool
) -> None:
    """No engine writes it, so something else did."""
    async with open_store(path):
        pass
    with closing(driver.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version={version}")
        connection.commit()
    with pytest.raises(CorruptStoreError):
        await open_store(path, read_only=read_only)


def test_durability_is_never_guessed(path: Path) -> None:
    """A word that means nothing is refused, and no file is made."""
    with pytest.raises(StoreError):
        open_store(path, durability="FULL")  # type: ignore[arg-type]
    assert not path.exists()


async def test_a_store_killed_in_a_checkpoint_opens(path: Path, assert_sound: AssertSound) -> None:
    """The first page may be moved before those that it counts: no damage, the WAL has them."""
    async with open_store(path) as store:
        await store.put_many({"id": f"i{n}", "content": f"{n} " * 300} for n in range(60))
        main, journal = path.read_bytes(), Path(f"{path}-wal").read_bytes()
    frames = [journal[at : at + 24 + 4_096] for at in range(32, len(journal), 24 + 4_096)]
    (first,) = [frame[24:] for frame in frames if frame[:4] == b"\0\0\0\1"][-1:]
    path.write_bytes(first + main[4_096:])
    Path(f"{path}-wal").write_bytes(journal)

    async with open_store(path) as store:
        assert await store.count() == 60
    assert_sound(path)


async def test_what_killed_creations_left_is_swept(path: Path) -> None:
    """The next opening for writing removes it, and nothing that only looks like it."""
    for name in ("0123456789ab.new", "0123456789ab.new-journal", "aaaaaaaaaaaa.new-shm"):
        path.with_name(f".{path.name}.{name}").write_bytes(b"x")
    kept = {f".{path.name}.mine.new", f".{path.name}.0123456789ab.new.txt"}
    for name in kept:
        path.with_name(name).write_bytes(b"precious")
    async with open_store(path):
        pass
    assert {entry.name for entry in path.parent.iterdir()} == kept | {path.name}


async def test_a_creation_at_work_is_not_swept(path: Path) -> None:
    """What another process is making stays: it holds a lock on it."""
    with making._unfinished(path) as made:
        made.touch()
        async with open_store(path):
            assert made.exists()
    made.touch()
    async with open_store(path):
        assert not made.exists()
