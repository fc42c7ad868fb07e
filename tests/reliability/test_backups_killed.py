"""Killed, out of space or locked out in the middle of a backup: every backup there is, is whole."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine import MemoryStore, ReadOnlyStoreError, StorageError, StorageFullError, open_store
from engine.backups import read_catalogue, verify_backup

ROOT = Path(__file__).parents[2]

KILLED_AT_EVERY_NAME = '''
"""Do one thing over and over, killed each time one change of a name later; check what is left."""
import asyncio, os, shutil, signal, sys
from pathlib import Path
from engine import open_store
from engine.backups import Retention, plan_prune, prune_backups, read_catalogue, restore_chain

folder, what = Path(sys.argv[1]), sys.argv[2]
store_path, directory = folder / "agent.db", folder / "agent.db.backups"
EVENTS = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link"}
WRITING = os.O_CREAT | os.O_WRONLY | os.O_RDWR

async def prepare():
    async with open_store(store_path) as store:
        for kind in ("full", "incremental", "full"):
            await store.put("a", kind)
            await store.backups.create(kind=kind, verify=False)
        await store.put("a", "last")

async def act():
    if what == "prune":
        await prune_backups(plan_prune(read_catalogue(directory), Retention(last=1)))
        return
    async with open_store(store_path) as store:
        if what == "verify":
            await store.backups.verify((await store.backups.list())[-1])
        else:
            await store.backups.create(kind=what)

def kill_at(number):
    seen = 0
    def hook(event, args):
        nonlocal seen
        # Of the backups alone: what kills do to stores is tested elsewhere.
        if event == "open":
            if not (args[2] or 0) & WRITING:
                return
        elif event not in EVENTS:
            return
        # Directories are removed from inside, by names that lead from there.
        if str(directory) in str(args[0]) or not os.path.isabs(str(args[0])):
            seen += 1
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(hook)

async def check(before):
    catalogue = read_catalogue(directory)
    assert not catalogue.findings, catalogue.findings
    names = {backup.name for backup in catalogue.backups}
    if what == "prune":
        assert names <= before and names
    else:
        assert before <= names and len(names) <= len(before) + 1
    for backup in catalogue.backups:
        target = folder / "restored.db"
        await restore_chain(catalogue, backup, target)
        target.unlink()
    left = {path.name.rpartition(".")[0] for path in directory.iterdir()}
    assert left == names, left ^ names

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

assert in_child(lambda: asyncio.run(prepare())) == 0
shutil.copytree(directory, folder / "base")
before = {path.stem for path in directory.glob("*.json")}
number = 0
while True:
    number += 1
    shutil.rmtree(directory)
    shutil.copytree(folder / "base", directory)
    status = in_child(lambda: (kill_at(number), asyncio.run(act())))
    assert in_child(lambda: asyncio.run(check(before))) == 0, f"after kill {number}"
    if status == 0:
        break
    assert os.WTERMSIG(status) == signal.SIGKILL, status
print(number - 1)
'''


@pytest.mark.parametrize(
    ("what", "least"), [("full", 12), ("incremental", 10), ("prune", 8), ("verify", 5)]
)
def test_killed_before_any_change_of_a_name_nothing_is_half_done(
    tmp_path: Path, what: str, least: int
) -> None:
    """At every one of them: all backups restore, none is half there, and nothing is left over."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED_AT_EVERY_NAME, str(tmp_path), what],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= least


async def test_a_full_disk_is_told_at_whatever_stage(store: MemoryStore) -> None:
    """Copying, packing, proving: a typed error, no new name, no rest, and the store goes on."""
    await store.put_many([{"content": os.urandom(3_000)} for _ in range(200)])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    refused = 0
    for most in (10_000, 300_000, 600_000, 700_000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
        try:
            await store.backups.create()
        except (StorageFullError, StorageError) as error:
            refused += 1
            assert error.hint  # noqa: PT017 - not every one is refused
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert not list(store.backups.directory.glob(".*"))
    assert refused >= 3
    made = await store.backups.create()
    assert (await store.backups.verify(made)).ok
    await store.put("after", 1)


async def test_a_directory_that_cannot_be_written_is_told(
    store: MemoryStore, tmp_path: Path
) -> None:
    """A file in its place, or a folder that is gone: which it is, and that nothing was made."""
    await store.put("a", 1)
    (tmp_path / "file").write_text("x")
    for place in (tmp_path / "file", tmp_path / "gone" / "deeper"):
        store.backups.use_directory(place)
        with pytest.raises(StorageError) as caught:
            await store.backups.create()
        assert caught.value.hint


async def test_a_store_open_for_reading_is_backed_up_all_the_same(
    store: MemoryStore, path: Path
) -> None:
    """Whoever may only look may keep a copy; nothing is written to the store."""
    await store.put("a", 1)
    async with open_store(path, read_only=True) as reader:
        made = await reader.backups.create()
        assert (await reader.backups.create(kind="incremental")).kind == "incremental"
        with pytest.raises(ReadOnlyStoreError):
            await reader.put("b", 2)
    assert made.verified_at is not None


async def test_verification_finds_what_happened_since(store: MemoryStore) -> None:
    """A backup that was whole and is not any more: a finding with a hint, and no exception."""
    await store.put("a", "x" * 9_000)
    made: Any = await store.backups.create()
    artefact = store.backups.directory / f"{made.name}.zst"
    artefact.write_bytes(artefact.read_bytes()[:-1])
    catalogue = read_catalogue(store.backups.directory)
    report = await verify_backup(catalogue, catalogue.find(made.name))
    assert not report.ok
    assert report.findings[0].hint
