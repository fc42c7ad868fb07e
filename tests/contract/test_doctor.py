"""The doctor: healthy stores are healthy, every fault is found and named, nothing is written."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from kit import AssertSound

from engine import InvalidSettingError, StoreNotFoundError, open_store
from engine.backends.sqlite.driver import driver
from engine.compression import zstd
from engine.doctor import REPAIRS, CheckState, Examination, examine, repair

EARLIER = Path(__file__).parents[1] / "data"


@pytest.fixture
async def healthy(path: Path) -> Path:
    """A closed store with a bit of everything."""
    async with open_store(path) as store:
        await store.put_many(
            {
                "id": f"i{n:03}",
                "content": f"The parser was checked {n} times. " * (n % 40),
                "agent": f"a{n % 3}",
                "tags": ["all", f"t{n % 5}"],
            }
            for n in range(120)
        )
        await store.update("i003", content="changed")
        await store.delete("i004")
        await store.associate("i005", "i006")
        await store.get("i007")
        await store.indexes.define("by_word", "metadata.word")
    path.chmod(0o600)
    return path


@contextmanager
def editing(path: Path) -> Iterator[Any]:
    """Change a store behind the engine's back."""
    with closing(driver.connect(path, isolation_level=None)) as connection:
        yield connection
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def not_ok(examination: Examination) -> dict[str, CheckState]:
    """Return the checks that found something."""
    return {c.name: c.state for c in examination.checks if c.state is not CheckState.OK}


def snapshot(path: Path) -> tuple[bytes, int]:
    """Return what looking must not change."""
    return path.read_bytes(), path.stat().st_mtime_ns


@pytest.mark.parametrize("quick", [False, True])
async def test_a_healthy_store_is_healthy(healthy: Path, quick: bool) -> None:
    """Open or closed, every check is ok and the file stays as it was."""
    before = snapshot(healthy)
    examination = await examine(healthy, quick=quick)
    assert not_ok(examination) == {}
    assert examination.state is CheckState.OK
    assert snapshot(healthy) == before

    async with open_store(healthy) as store:
        await store.put("open", "and written to")
        assert not_ok(await examine(healthy, quick=quick)) == {}
        await store.put("still", "writable")


FAULTS: dict[str, tuple[str, set[str]]] = {
    "counters": ("UPDATE counts SET items = items + 1", {"counters"}),
    "tag counters": ("UPDATE tags SET items = 7 WHERE name = 'all'", {"tag-counters"}),
    "uses": ("UPDATE contents SET uses = 9 WHERE content_key = 2", {"uses"}),
    "access of nothing": (
        "INSERT INTO access VALUES (999, 1, 1, NULL)",
        {"orphans", "foreign-keys"},
    ),
    "a tag's time": (
        "UPDATE item_tags SET created_at = created_at - 1 WHERE item_key = 9",
        {"orphans"},
    ),
    "unused content": (
        "INSERT INTO contents VALUES (998, 1, 1, 0, NULL, NULL, x'41')",
        {"orphans"},
    ),
    "a missing change": ("DELETE FROM changes WHERE sequence = 50", {"sequences"}),
    "other bytes": ("UPDATE contents SET data = x'41' WHERE content_key = 8", {"hashes"}),
    "no content": (
        "DELETE FROM contents WHERE content_key = 9",
        {"contents", "hashes"},
    ),
    "a trigger": (
        "CREATE TRIGGER evil AFTER INSERT ON items BEGIN DELETE FROM changes; END",
        {"schema"},
    ),
    "words": ("INSERT INTO items_text(items_text) VALUES ('delete-all')", {"full-text"}),
    "a broken index of words": (
        "UPDATE items_text_data SET block = x'00' WHERE id = (SELECT max(id) FROM items_text_data)",
        {"full-text"},
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_each_fault_is_found_and_named(healthy: Path, fault: str) -> None:
    """The check that is about it says damaged, with evidence and a hint; others stay ok."""
    sql, expected = FAULTS[fault]
    with editing(healthy) as connection:
        connection.execute(sql)
    examination = await examine(healthy)
    found = {name for name, state in not_ok(examination).items() if state is CheckState.DAMAGED}
    assert found == expected
    for name in found:
        assert examination.check(name).evidence
        assert examination.check(name).hint


REPAIRABLE = {
    "counters": ["counters"],
    "tag counters": ["tag-counters"],
    "uses": ["uses"],
    "access of nothing": ["orphans"],
    "a tag's time": ["orphans"],
    "unused content": ["orphans"],
    "words": ["full-text"],
    "a broken index of words": ["full-text"],
}


@pytest.mark.parametrize("fault", REPAIRABLE)
async def test_what_follows_from_the_items_is_repaired(
    healthy: Path, fault: str, assert_sound: AssertSound
) -> None:
    """Counters, words and leftovers are made anew in place; the store is sound afterwards."""
    with editing(healthy) as connection:
        connection.execute(FAULTS[fault][0])
    for check in REPAIRABLE[fault]:
        assert (await repair(healthy, check)).repaired > 0
    assert not_ok(await examine(healthy)) == {}
    assert_sound(healthy)
    async with open_store(healthy) as store:
        assert await store.count("tag:all") == await store.count("")
    for check in REPAIRS:
        if check != "full-text":
            assert (await repair(healthy, check)).repaired == 0


async def test_repairing_waits_for_nobody_long_and_disturbs_nobody(
    healthy: Path, assert_sound: AssertSound
) -> None:
    """Others may have the store open and write meanwhile."""
    with editing(healthy) as connection:
        connection.execute(FAULTS["counters"][0])
    async with open_store(healthy) as store:
        await asyncio.gather(
            repair(healthy, "counters"),
            repair(healthy, "full-text"),
            *(store.put(f"new{n}", f"text {n}") for n in range(30)),
        )
        assert await store.count("agent:default") == 30
    assert_sound(healthy)


async def test_what_cannot_be_repaired_is_refused(healthy: Path) -> None:
    """A check without a repair is told from the others."""
    with pytest.raises(InvalidSettingError, match="hashes"):
        await repair(healthy, "hashes")


async def test_loose_permissions_are_told_and_tightened(healthy: Path) -> None:
    """A store that others can read is a warning, and is closed to them when asked."""
    healthy.chmod(0o644)
    assert not_ok(await examine(healthy)) == {"permissions": CheckState.WARNING}
    assert (await repair(healthy, "permissions")).repaired >= 1
    assert {entry.stat().st_mode & 0o077 for entry in healthy.parent.iterdir()} == {0}


async def test_leftovers_and_unfinished_work_are_told(healthy: Path) -> None:
    """What a killed program left is a warning, not damage."""
    (healthy.parent / f".{healthy.name}.0123456789ab.new").write_bytes(b"")
    with editing(healthy) as connection:
        connection.execute(
            "INSERT INTO runs(started_at, state, planned, done, facts) "
            "VALUES (1, 'running', 1, 0, '{}')"
        )
    assert not_ok(await examine(healthy)) == {
        "leftovers": CheckState.WARNING,
        "unfinished": CheckState.WARNING,
    }


GARBAGE: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda _: b"",
    "one byte": lambda _: b"S",
    "text": lambda _: b"dear diary\n" * 1_000,
    "header of another": lambda whole: whole[:60] + bytes(40) + whole[100:],
    "no header": lambda whole: bytes(100) + whole[100:],
    "first page gone": lambda whole: bytes(4_096) + whole[4_096:],
    "half": lambda whole: whole[: len(whole) // 2 // 4_096 * 4_096],
    "cut": lambda whole: whole[:-1],
    "every page but the first gone": lambda whole: whole[:4_096] + bytes(len(whole) - 4_096),
    "all ones": lambda whole: whole[:4_096] + b"\xff" * (len(whole) - 4_096),
}


@pytest.mark.parametrize("garbage", GARBAGE)
async def test_any_garbage_is_reported_and_left_alone(healthy: Path, garbage: str) -> None:
    """Whatever the file is, the answer is a report that says damaged."""
    healthy.write_bytes(GARBAGE[garbage](healthy.read_bytes()))
    before = snapshot(healthy)
    examination = await examine(healthy)
    assert examination.state is CheckState.DAMAGED
    assert [c.name for c in examination.checks] == [
        "file", "journal", "sqlite", "permissions", "leftovers", "schema", "pages",
        "foreign-keys", "contents", "hashes", "full-text", "counters", "tag-counters", "uses",
        "orphans", "sequences", "unfinished",
    ]  # fmt: skip
    assert snapshot(healthy) == before


async def test_a_folder_a_link_and_a_pipe_are_reported(tmp_path: Path) -> None:
    """What is no file is told at once; nothing waits for a pipe to be written to."""
    (tmp_path / "link").symlink_to(tmp_path / "missing")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe", "."):
        async with asyncio.timeout(5):
            examination = await examine(tmp_path / name)
        assert examination.check("file").state is CheckState.DAMAGED
    with pytest.raises(StoreNotFoundError):
        await examine(tmp_path / "missing")


async def test_flipped_bits_never_break_the_doctor(healthy: Path) -> None:
    """Bits flipped anywhere, many at once: always a report, never an exception."""
    import random

    whole = healthy.read_bytes()
    pick = random.Random(20261125)
    for _ in range(40):
        damaged = bytearray(whole)
        for _ in range(pick.choice([1, 20, 400])):
            damaged[pick.randrange(100, len(damaged))] ^= 1 << pick.randrange(8)
        healthy.write_bytes(damaged)
        examination = await examine(healthy)
        assert len(examination.checks) == 17


async def test_hostile_values_are_data(healthy: Path) -> None:
    """Numbers for texts, huge sizes, broken JSON: found damaged, and nothing is run or filled."""
    with editing(healthy) as connection:
        connection.execute("UPDATE contents SET codec = 99, size_bytes = 1 << 60")
        connection.execute("UPDATE changes SET before = '{[', item_id = '\x1b]0;x\x07'")
    examination = await examine(healthy)
    assert examination.check("hashes").state is CheckState.DAMAGED


async def test_an_earlier_store_is_told_to_be_migrated(path: Path) -> None:
    """A store of an older schema is no damage; its file is not migrated by looking."""
    path.write_bytes(zstd.decompress((EARLIER / "store-v1.db.zst").read_bytes()))
    path.chmod(0o600)
    before = snapshot(path)
    examination = await examine(path)
    assert examination.check("schema").state is CheckState.WARNING
    assert examination.check("pages").state is CheckState.OK
    assert examination.state is CheckState.UNKNOWN
    assert snapshot(path) == before
