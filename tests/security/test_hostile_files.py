"""Files that are no stores, or no longer: refused with a typed error, and left as they are."""

from __future__ import annotations

import os
import sqlite3
import stat
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from engine import (
    CorruptStoreError,
    EngineError,
    NotAStoreError,
    SchemaTooNewError,
    StoreError,
    UnsafePathError,
    open_store,
)
from engine.backends.sqlite.driver import driver
from engine.backends.sqlite.schema import APPLICATION_ID, SCHEMA_VERSION


async def make_store(path: Path, items: int = 40) -> bytes:
    """Make a store with some items; return its bytes."""
    async with open_store(path) as store:
        await store.put_many(
            {"id": f"i{n}", "content": f"text {n} " * 40, "tags": ["t"]} for n in range(items)
        )
    return path.read_bytes()


async def read_all(path: Path, *, read_only: bool) -> None:
    """Open a store and read all of it: damage deep inside shows only then."""
    async with open_store(path, read_only=read_only) as store:
        await store.count("size>0")
        async for _item in store.iterate():
            pass


async def assert_refused(
    path: Path, kind: type[EngineError] | tuple[type[EngineError], ...]
) -> None:
    """Check that a file is refused, for writing and for reading, and does not change."""
    before = path.read_bytes()
    mode = path.stat().st_mode
    beside = {entry.name for entry in path.parent.iterdir()}
    for read_only in (False, True):
        with pytest.raises(kind) as caught:
            await read_all(path, read_only=read_only)
        assert caught.value.hint
    assert path.read_bytes() == before
    assert path.stat().st_mode == mode
    assert {entry.name for entry in path.parent.iterdir()} - {
        f"{path.name}-wal",
        f"{path.name}-shm",
    } <= beside


def png() -> bytes:
    """Return a picture of one pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 4))


FOREIGN: dict[str, bytes] = {
    "nothing": b"",
    "one byte": b"S",
    "99 bytes": b"SQLite format 3\0".ljust(99, b"\0"),
    "511 zeros": bytes(511),
    "4096 zeros": bytes(4096),
    "text": b"dear diary, today I\n" * 500,
    "a short text": b"hello",
    "picture": png(),
    "a large picture": png() + bytes(5_000),
    "zip": b"PK\x03\x04" + os.urandom(9_000),
    "header alone": b"SQLite format 3\0" + bytes(4_080),
    "json lines": b'{"id":"a","content":1}\n' * 400,
}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
async def test_what_is_no_database_is_refused(path: Path, content: bytes) -> None:
    """Text, pictures, empty files: never taken for an empty store, never written over."""
    path.write_bytes(content)
    await assert_refused(path, NotAStoreError)


@pytest.mark.parametrize("application", [0, 0x0F055112, APPLICATION_ID + 1])
@pytest.mark.parametrize("journal", ["wal", "delete"])
async def test_another_applications_database_is_refused(
    path: Path, application: int, journal: str
) -> None:
    """A database of somebody else keeps its tables and gains none."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA journal_mode={journal}")
        connection.execute(f"PRAGMA application_id={application}")
        connection.execute("CREATE TABLE items(id TEXT, content TEXT)")
        connection.execute("INSERT INTO items VALUES ('precious', 'data')")
    await assert_refused(path, NotAStoreError)


async def test_a_database_with_our_id_and_other_tables_is_refused(path: Path) -> None:
    """The application id alone makes no store."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute("PRAGMA user_version=1")
        connection.execute("CREATE TABLE items(id TEXT, content TEXT)")
    await assert_refused(path, StoreError)


TAMPERINGS = {
    "trigger": "CREATE TRIGGER evil AFTER INSERT ON items BEGIN DELETE FROM changes; END",
    "trigger named like full text": "CREATE TRIGGER items_text_evil AFTER INSERT ON items "
    "BEGIN DELETE FROM changes; END",
    "trigger named like full text's own": "CREATE TRIGGER items_text_data_x AFTER INSERT ON items "
    "BEGIN DELETE FROM changes; END",
    "trigger named almost like sqlite's": "CREATE TRIGGER sqliteXevil AFTER INSERT ON items "
    "BEGIN DELETE FROM changes; END",
    "view": "CREATE VIEW evil AS SELECT * FROM items",
    "view named like full text": "CREATE VIEW items_text_view AS SELECT * FROM items",
    "table": "CREATE TABLE evil(x)",
    "table named like full text": "CREATE TABLE items_textures(x)",
    "index": "CREATE INDEX evil ON items(preview)",
    "index named like full text": "CREATE INDEX items_text_index ON items(preview)",
    "column": "ALTER TABLE items ADD COLUMN evil TEXT",
    "missing index": "DROP INDEX items_agent",
    "missing table": "DROP TABLE messages",
    "generated column": "ALTER TABLE tags ADD COLUMN evil TEXT AS (name || 'x')",
}


@pytest.mark.parametrize("sql", TAMPERINGS.values(), ids=TAMPERINGS)
async def test_a_store_with_foreign_parts_is_refused(path: Path, sql: str) -> None:
    """Triggers, views, columns that no version of the engine made are found out."""
    await make_store(path)
    with closing(driver.connect(path, isolation_level=None)) as connection:
        connection.execute(sql)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    await assert_refused(path, NotAStoreError)


async def test_a_newer_store_is_refused(path: Path) -> None:
    """The next version's store is left to the next version."""
    await make_store(path)
    with closing(driver.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
    await assert_refused(path, SchemaTooNewError)


CUTS = [0, 1, 50, 99, 100, 511, 512, 1_000, 4_095, 4_096, 8_192, "half", "-page", "-1"]


@pytest.mark.parametrize("cut", CUTS)
async def test_a_truncated_store_is_refused(path: Path, cut: int | str) -> None:
    """Wherever a store is cut short, that is told, and what is left stays as it is."""
    whole = await make_store(path)
    length = {"half": len(whole) // 2, "-page": len(whole) - 4_096, "-1": len(whole) - 1}
    path.write_bytes(whole[: cut if isinstance(cut, int) else length[cut]])
    await assert_refused(path, (CorruptStoreError, NotAStoreError))


async def test_a_damaged_store_never_answers_wrongly(path: Path) -> None:
    """With bytes flipped anywhere, what is read is what was stored, or a typed error."""
    whole = await make_store(path, items=60)
    expected = {f"i{n}": f"text {n} " * 40 for n in range(60)}
    for number in range(40):
        damaged = bytearray(whole)
        damaged[(number * 7_919 + 100) % len(whole)] ^= 1 << (number % 8)
        path.write_bytes(damaged)
        with suppress(EngineError):
            async with open_store(path) as store:
                for item_id, content in expected.items():
                    with suppress(EngineError):
                        item = await store.peek(item_id)
                        assert item is None or item.content == content
                with suppress(EngineError):
                    await store.search("text")
        for leftover in (f"{path}-wal", f"{path}-shm"):
            Path(leftover).unlink(missing_ok=True)


# ------------------------------------------------------------------------- names and what they are


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Path]:
    """Somebody's file, that must be untouched at the end."""
    precious = tmp_path / "elsewhere" / "precious.txt"
    precious.parent.mkdir()
    precious.write_bytes(b"precious " * 600)
    yield precious
    assert precious.read_bytes() == b"precious " * 600
    assert sorted(entry.name for entry in precious.parent.iterdir()) == ["precious.txt"]


def make_symlink(path: Path, victim: Path) -> None:
    path.symlink_to(victim)


def make_dangling(path: Path, victim: Path) -> None:
    path.symlink_to(victim.with_name("new"))


def make_loop(path: Path, victim: Path) -> None:
    path.symlink_to(path)


def make_hard_link(path: Path, victim: Path) -> None:
    path.hardlink_to(victim)


def make_fifo(path: Path, victim: Path) -> None:
    os.mkfifo(path)


def make_folder(path: Path, victim: Path) -> None:
    path.mkdir()


def make_device_link(path: Path, victim: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize(
    "make",
    [make_symlink, make_dangling, make_loop, make_hard_link, make_fifo, make_folder,
     make_device_link],
)  # fmt: skip
async def test_what_is_no_plain_file_is_refused(
    path: Path, victim: Path, make: Callable[[Path, Path], None]
) -> None:
    """Links of every sort, pipes, folders and devices are not opened, at once."""
    make(path, victim)
    for read_only, create in ((False, True), (True, True), (False, False)):
        with pytest.raises(UnsafePathError) as caught:
            await open_store(path, read_only=read_only, create=create)
        assert caught.value.hint


@pytest.mark.parametrize("device", ["/dev/null", "/dev/zero", "/dev/stdin", "/proc/self/mem"])
async def test_devices_are_refused(device: str) -> None:
    """A device is never a store."""
    with pytest.raises(StoreError):
        await open_store(device)


async def test_links_to_real_stores_are_refused_too(path: Path, tmp_path: Path) -> None:
    """Two names for one store would have two journals and lose writes."""
    await make_store(path)
    soft, hard = tmp_path / "soft.db", tmp_path / "hard.db"
    soft.symlink_to(path)
    with pytest.raises(UnsafePathError):
        await open_store(soft)
    hard.hardlink_to(path)
    for name in (hard, path):
        with pytest.raises(UnsafePathError):
            await open_store(name)


async def test_a_linked_folder_is_fine(tmp_path: Path) -> None:
    """A folder may be reached by a link; it is one store by either name."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    async with open_store(tmp_path / "real" / "m.db") as one:
        await one.put("a", "x")
        async with open_store(tmp_path / "link" / "m.db") as two:
            assert await two.count() == 1


@pytest.mark.parametrize("suffix", ["-wal", "-shm", "-journal"])
@pytest.mark.parametrize("make", [make_symlink, make_dangling, make_hard_link, make_folder])
async def test_journals_that_are_links_are_not_followed(
    path: Path, victim: Path, suffix: str, make: Callable[[Path, Path], None]
) -> None:
    """A link beside the store, named like its journal, does not lead anybody to write elsewhere."""
    await make_store(path)
    beside = path.with_name(path.name + suffix)
    make(beside, victim)

    # SQLite does not look at a rollback journal here: it is enough that nobody writes to it.
    with suppress(StoreError) if suffix == "-journal" else pytest.raises(StoreError):
        async with open_store(path) as store:
            await store.put("a", "x")
    with suppress(StoreError):
        async with open_store(path, read_only=True) as store:
            await store.count()


async def test_a_foreign_wal_is_not_mixed_in(path: Path, tmp_path: Path) -> None:
    """A journal left from another database does not change what the store holds."""
    await make_store(path)
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA wal_autocheckpoint=0")
        connection.execute("CREATE TABLE t(x)")
        connection.execute("INSERT INTO t VALUES (randomblob(9000))")
        foreign = other.with_name("other.db-wal").read_bytes()
    path.with_name(f"{path.name}-wal").write_bytes(foreign[:5_000])
    with suppress(StoreError):
        async with open_store(path) as store:
            assert await store.count() == 40
            assert len([item async for item in store.iterate()]) == 40


@pytest.mark.parametrize("kind", ["link", "dangling", "hard link", "folder", "pipe"])
async def test_a_lock_file_that_is_none_is_refused(tmp_path: Path, kind: str) -> None:
    """What it leads to is neither written nor made, and the store can still be read."""
    async with open_store(tmp_path / "memory.db") as store:
        await store.put("a", "x")
    lock, other = tmp_path / "memory.db.lock", tmp_path / "other"
    if kind != "dangling":
        other.write_text("mine")
    match kind:
        case "link" | "dangling":
            lock.symlink_to(other)
        case "hard link":
            lock.hardlink_to(other)
        case "folder":
            lock.mkdir()
        case _:
            os.mkfifo(lock)

    with pytest.raises(UnsafePathError):
        await open_store(tmp_path / "memory.db")
    async with open_store(tmp_path / "memory.db", read_only=True) as store:
        assert await store.count() == 1
    assert other.exists() is (kind != "dangling")
    assert not other.exists() or other.read_text() == "mine"


@pytest.mark.parametrize(
    "name",
    ["a?mode=memory", "a#b", "%41", "two words", "new\nline", "-leading", "'quote\"", "é東京🚀",
     ":memory:", "file:x", "a&b=c", "a;b", "[glob]*?", "\\back", "$HOME", "~"],
)  # fmt: skip
async def test_any_name_is_one_file(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a file is called, it is that file, absolute or relative, each time."""
    monkeypatch.chdir(tmp_path)
    async with open_store(tmp_path / name) as store:
        await store.put("a", "x")
        await store.flush()
        async with open_store(name) as same:
            assert await same.count() == 1
            # The journal is beside it under its own name, nothing anywhere else.
            names = {entry.name for entry in tmp_path.iterdir()}
            assert names == {name, f"{name}-wal", f"{name}-shm", f"{name}.lock"}
    async with open_store(tmp_path / name, read_only=True) as store:
        assert await store.count() == 1
    # A reader may not remove the journals it needed.
    assert {entry.name for entry in tmp_path.iterdir()} <= names


async def test_a_name_that_is_no_text_works_or_is_told(tmp_path: Path) -> None:
    """A file name of bytes that are no UTF-8 is opened, or refused in the engine's own words."""
    with suppress(StoreError):
        async with open_store(tmp_path / "odd\udcff.db") as store:
            await store.put("a", "x")
    with pytest.raises(StoreError):
        await open_store(tmp_path / ("n" * 300))


async def test_files_are_for_their_owner_alone(path: Path) -> None:
    """Under the usual umask nobody else can read the store, its journals or what it was made of."""
    seen: dict[str, int] = {}
    previous = os.umask(0o022)
    try:
        async with open_store(path) as store:
            await store.put("a", "x" * 9_000)
            for entry in path.parent.iterdir():
                seen[entry.name] = stat.S_IMODE(entry.stat().st_mode)
    finally:
        os.umask(previous)
    companions = ("", "-wal", "-shm", ".lock")
    assert seen == dict.fromkeys([f"{path.name}{end}" for end in companions], 0o600)


def test_nobody_opens_the_live_file(path: Path) -> None:
    """The process never opens the database or its journals by itself: that would drop the locks."""
    script = """
import asyncio, os, sys
opened = []
def hook(event, args):
    if event == "open" and isinstance(args[0], (str, bytes, os.PathLike)):
        opened.append(os.fsdecode(os.fspath(args[0])))
sys.addaudithook(hook)
from engine import open_store
async def main(path):
    for read_only in (False, True):
        async with open_store(path, read_only=read_only) as store:
            if not read_only:
                await store.put_many({"id": f"i{n}", "content": f"text {n}"} for n in range(300))
                await store.put("a", "x")
                await store.delete("i7")
                await store.undo(302)
            await store.get("a"); await store.query(); await store.search("text")
            await store.facets(); await store.info(); await store.history("a")
            [key async for key in store.scan()]
            [item async for item in store.iterate()]
asyncio.run(main(sys.argv[1]))
name = os.path.basename(sys.argv[1])
live = [p for p in opened if os.path.basename(p) in (name, name + "-wal", name + "-shm")]
print(len(opened) > 0, live)
"""
    result = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=False
    )
    assert result.stdout.strip() == "True []", result.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_folder_of_others_can_be_read(tmp_path: Path) -> None:
    """Who may not write the store or its folder can read it, and is told when writing."""
    script = """
import asyncio, os, shutil, sys, tempfile
from engine import ReadOnlyStoreError, StoreError, open_store
folder = tempfile.mkdtemp(); path = folder + "/memory.db"
async def make():
    async with open_store(path) as store:
        await store.put("a", "x")
async def look():
    for options in ({}, {"create": False}):
        try:
            await open_store(path, **options)
            print("opened for writing")
        except ReadOnlyStoreError as error:
            print("refused", bool(error.hint))
    async with open_store(path, read_only=True) as store:
        print((await store.get("a")).content, await store.count())
    try:
        await open_store(folder + "/new.db")
    except StoreError as error:
        print("not made", bool(error.hint))
asyncio.run(make())
os.chmod(path, 0o444); os.chmod(folder, 0o555)
before = open(path, "rb").read()
child = os.fork()
if child == 0:
    os.setgid(65534); os.setuid(65534)
    try:
        asyncio.run(look())
    finally:
        sys.stdout.flush()
        os._exit(0)
os.waitpid(child, 0)
print(open(path, "rb").read() == before, os.listdir(folder))
shutil.rmtree(folder)
"""
    result = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True, text=True, check=False, env={**os.environ, "TMPDIR": "/tmp"},
    )  # fmt: skip
    assert result.stdout.splitlines() == [
        "refused True",
        "refused True",
        "x 1",
        "not made True",
        "True ['memory.db']",
    ], result.stderr
