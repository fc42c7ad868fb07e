"""Killed, out of space, or others at work in the middle of a restore: old or new, never half."""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from kit import OpenMemory, check_sound

from engine import MemoryStore, StorageError, StorageFullError, StoreInUseError, open_store
from engine.backends.sqlite.holding import RECORD_BYTES

ROOT = Path(__file__).parents[2]

KILLED = '''
"""Restore over and over, killed a little later each time; check what is left."""
import asyncio, os, shutil, signal, sys, tempfile
from pathlib import Path
sys.path.insert(0, "tests")
from kit import check_sound
from engine import open_store
from engine.backends.sqlite import writer

folder, what = Path(sys.argv[1]), sys.argv[2]
store_path, target = folder / "work" / "agent.db", folder / "work" / "old.db"
tempfile.tempdir = str(folder / "temporary")
(folder / "temporary").mkdir()
EVENTS = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link"}
WRITING = os.O_CREAT | os.O_WRONLY | os.O_RDWR
SCOPES = {"file": "", "scope": "agent:atlas", "in place": ""}

async def prepare():
    async with open_store(store_path) as store:
        for n in range(6):
            await store.put(f"i{n}", f"old {n}", agent="atlas", tags={"t"})
        await store.associate("i0", "i1")
        for n in range(6):
            await store.put(f"i{n}", f"new {n}")
        await store.delete("i0")
        await store.put("later", "new")

async def act():
    async with open_store(store_path) as store:
        place = {"in_place": True} if what == "in place" else {"target": target}
        await store.backups.restore(sequence=7, scope=SCOPES[what], **place)

def kill_at(number):
    seen = 0
    def count():
        nonlocal seen
        seen += 1
        if seen == number:
            os.kill(os.getpid(), signal.SIGKILL)
    def hook(event, args):
        if event in EVENTS or (event == "open" and (args[2] or 0) & WRITING):
            if str(folder) in str(args[0]) or not os.path.isabs(str(args[0])):
                count()
    def traced(connection, procedure, deferred=None):
        connection.set_trace_callback(lambda sql: count())
        return run(connection, procedure, deferred)
    if what == "in place":
        run, writer.run_procedure = writer.run_procedure, traced
    else:
        sys.addaudithook(hook)

async def contents(path):
    async with open_store(path, create=False) as store:
        assert await store.holders() == []
        return {item.id: item.content async for item in store.iterate()}

OLD = {f"i{n}": f"old {n}" for n in range(6)}
NEW = {f"i{n}": f"new {n}" for n in range(1, 6)} | {"later": "new"}

async def check(finished):
    found = await contents(store_path)
    assert found == NEW or (what == "in place" and found == OLD), found
    check_sound(store_path)
    if target.exists():
        assert await contents(target) == OLD
        check_sound(target)
    elif finished and what != "in place":
        raise AssertionError("no file")
    names = {path.name for path in store_path.parent.iterdir()} - {"agent.db.backups"}
    assert names <= {"agent.db", "old.db"}, names

def in_child(function):
    process = os.fork()
    if process:
        return os.waitpid(process, 0)[1]
    code = 1
    try:
        function()
        code = 0
    finally:
        os._exit(code)

store_path.parent.mkdir()
assert in_child(lambda: asyncio.run(prepare())) == 0
shutil.copytree(store_path.parent, folder / "base")
number, kills = 0, 0
while True:
    number += int(sys.argv[3])
    shutil.rmtree(store_path.parent)
    shutil.copytree(folder / "base", store_path.parent)
    status = in_child(lambda: (kill_at(number), asyncio.run(act())))
    assert in_child(lambda: asyncio.run(check(status == 0))) == 0, f"after kill {number}"
    if status == 0:
        break
    assert os.WTERMSIG(status) == signal.SIGKILL, status
    kills += 1
print(kills)
'''


@pytest.mark.parametrize(
    ("what", "step", "least"), [("file", 2, 3), ("scope", 5, 3), ("in place", 24, 3)]
)
def test_killed_at_any_point_it_is_the_old_store_or_the_new(
    tmp_path: Path, what: str, step: int, least: int
) -> None:
    """Sound, with no half a file and nothing left over after the next open."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), what, str(step)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= least


HOLDER = """
import asyncio, sys
from engine import open_store
async def main():
    async with open_store(sys.argv[1]) as store:
        print("open", flush=True)
        sys.stdin.read()
asyncio.run(main())
"""


async def test_another_process_is_named_while_it_lives(store: MemoryStore, path: Path) -> None:
    """Who has the store open is known by process; killed, it no longer has."""
    await store.put("a", "one")
    await store.put("a", "two")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDER, str(path),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    assert process.stdout is not None
    await process.stdout.readline()

    (holder,) = await store.holders()
    assert holder.process_id == process.pid
    with pytest.raises(StoreInUseError, match=str(process.pid)):
        await store.backups.restore(sequence=1, in_place=True)
    process.kill()
    await process.wait()
    assert await store.holders() == []
    await store.backups.restore(sequence=1, in_place=True)
    assert [item.content async for item in store.iterate()] == ["one"]


async def test_the_lock_file_is_as_good_as_it_has_to_be(
    open_memory: OpenMemory, path: Path
) -> None:
    """It says who, is read without being a writer, survives nonsense in it, and goes at the end."""
    store, second = await open_memory(), await open_memory()
    lock = path.with_name("memory.db.lock")
    assert lock.stat().st_mode & 0o777 == 0o600
    reader = await open_memory(read_only=True)
    assert {h.process_id for h in await reader.holders()} == {os.getpid()}
    assert len(await reader.holders()) == 2
    await store.close()
    third = await open_memory()
    assert lock.stat().st_size == 2 * RECORD_BYTES
    lock.write_bytes(b"\xff{nonsense" * 100)
    assert len(await third.holders()) == 1
    await second.close()
    assert await third.holders() == []
    await third.close()
    assert await reader.holders() == []
    assert not lock.exists()


async def test_writers_that_come_and_go_all_have_their_hold(path: Path) -> None:
    """The last one out takes the lock file along; whoever came meanwhile makes another."""
    async with open_store(path):
        pass

    async def come_and_go() -> None:
        for _ in range(15):
            async with open_store(path, create=False) as store:
                assert store.read_only is False

    await asyncio.gather(*(come_and_go() for _ in range(4)))
    assert {entry.name for entry in path.parent.iterdir()} == {path.name}


async def test_a_writer_in_between_loses_nothing(store: MemoryStore, path: Path) -> None:
    """What somebody writes while a restore is under way is there, or was before it: never half."""
    for text in ("old", "mad"):
        await store.put_many([{"id": f"i{n}", "content": f"{text} {n}"} for n in range(300)])
    written: list[str] = []
    done = asyncio.Event()

    async def write() -> None:
        async with open_store(path) as other:
            while not done.is_set():
                item = await other.put(None, "meanwhile")
                written.append(item.id)

    writing = asyncio.ensure_future(write())
    while not written:
        await asyncio.sleep(0)
    report = await store.backups.restore(sequence=300, in_place=True, force=True)
    done.set()
    await writing

    changes = await store.changes(limit=10_000)
    assert [c.sequence for c in changes] == list(range(1, len(changes) + 1))
    assert report.last_sequence is not None
    after = {c.item_id for c in changes if c.sequence > report.last_sequence}
    there = {item.id: item.content async for item in store.iterate()}
    assert set(there) == {f"i{n}" for n in range(300)} | after
    assert after <= set(written)
    assert {c.item_id for c in changes if c.actor != "restore"} >= set(written)
    await store.close()
    check_sound(path)


async def test_a_full_disk_leaves_the_store_and_no_file(
    store: MemoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Copying, rewinding, writing: a typed error, nothing half, and the store goes on."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    await store.put_many([{"id": f"i{n}", "content": os.urandom(3_000)} for n in range(150)])
    await store.put_many([{"id": f"i{n}", "content": "small"} for n in range(150)])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    target = tmp_path / "old.db"
    refused = 0
    for most in (10_000, 200_000, 600_000):
        for arguments in ({"target": target}, {"in_place": True, "scope": "i"}):
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
            try:
                await store.backups.restore(sequence=150, **arguments)
            except (StorageFullError, StorageError) as error:
                refused += 1
                assert error.hint  # noqa: PT017 - not every one is refused
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert refused >= 4
    assert not target.exists()
    await store.backups.restore(sequence=150, target=target)
    await store.backups.restore(sequence=150, in_place=True, scope="agent:default")
    check_sound(target)
    assert not [p.name for p in tmp_path.rglob(".*")]
