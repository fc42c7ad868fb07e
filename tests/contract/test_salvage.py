"""Salvage: what is readable is saved as it was, what is lost is named, the original stays."""

from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from kit import AssertSound

from engine import (
    CorruptStoreError,
    EngineError,
    InvalidSettingError,
    Item,
    MemoryStore,
    Policy,
    StorageError,
    StoreNotFoundError,
    UnsafePathError,
    open_store,
)
from engine.compression import zstd
from engine.doctor import CheckState, SalvageReport, examine, fill, salvage
from engine.doctor.pages import Pages

PAGE = 4_096
ITEMS = 300
SEED = 20261125


async def fill_store(path: Path) -> None:
    """Make a store of many pages, with a bit of everything."""
    pick = random.Random(SEED)
    async with open_store(path) as store:
        await store.put_many(
            {
                "id": f"i/{n:03}",
                "content": [pick.randbytes(pick.choice([10, 300, 9_000])), f"{n} words " * 20, n][
                    n % 3
                ],
                "agent": f"agent {n % 4}",
                "kind": ["episodic", "semantic"][n % 2],
                "tags": ["all", f"t{n % 7}"],
                "metadata": {"number": n},
                "importance": n % 10 / 10,
                "session_id": f"s{n % 5}",
            }
            for n in range(ITEMS)
        )
        for n in range(0, 60, 3):
            await store.update(f"i/{n:03}", content=f"changed {n}")
            await store.associate(f"i/{n:03}", f"i/{n + 1:03}", relation="next")
        for n in range(200, 210):
            await store.delete(f"i/{n:03}")
        await store.get("i/001")
        await store.indexes.define("number", "metadata.number")
        await store.lifecycle.keep_history(400)
        await store.lifecycle.save(Policy(name="mine", when="importance<0.1", do="archive"))


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole store, closed."""
    path = tmp_path_factory.mktemp("original") / "memory.db"
    asyncio.run(fill_store(path))
    return path


@pytest.fixture
def whole(original: Path, tmp_path: Path) -> Path:
    """A copy of the whole store, alone in a folder, to be damaged."""
    path = tmp_path / "damaged" / "memory.db"
    path.parent.mkdir(mode=0o700)
    shutil.copy(original, path)
    path.chmod(0o600)
    return path


async def items_of(path: Path) -> dict[str, Item]:
    """Return all items by id."""
    async with open_store(path) as store:
        return {item.id: item async for item in store.iterate()}


def told(item: Item) -> tuple[Any, ...]:
    """Return what an item says of itself, apart from statistics."""
    return (item.id, item.content, item.created_at, item.updated_at, item.version)


async def rescue(
    damaged: Path, original: Path, out: Path, *, ids_whole: bool = True
) -> SalvageReport:
    """Salvage, and check what must hold after any damage. Unless `ids_whole`, ids have suffered."""
    before = {entry.name: entry.read_bytes() for entry in damaged.parent.iterdir()}
    report = await salvage(damaged, out)
    expected, saved = await items_of(original), await items_of(out)
    assert report.items == len(saved)
    contents = [item.content for item in expected.values()]
    for item_id, item in saved.items():
        # An id has no hash, and may be damaged wherever it is written: then it is another's.
        if ids_whole:
            assert item.content == expected[item_id].content
        assert item.content in contents
    assert set(report.lost) & set(saved) == set()
    if ids_whole:
        assert set(report.lost) <= set(expected) | {f"i/{n:03}" for n in range(200, 210)}
    examination = await examine(out)
    damage = [c for c in examination.checks if c.state is CheckState.DAMAGED]
    assert damage == []
    assert out.stat().st_mode & 0o777 == 0o600
    assert {e.name: e.read_bytes() for e in damaged.parent.iterdir() if e != out} == before
    return report


async def test_a_whole_store_is_saved_whole(
    whole: Path, original: Path, tmp_path: Path, assert_sound: AssertSound
) -> None:
    """Of a store without damage nothing is lost: items, tags, links, history, policies, undo."""
    out = tmp_path / "out.db"
    report = await rescue(whole, original, out)
    assert report.complete
    assert report.journal == "none"
    assert await items_of(out) == await items_of(original)
    assert_sound(out)
    async with open_store(out) as store, open_store(original) as first:
        assert await store.associations("i/003") == await first.associations("i/003")
        assert await store.history("i/003") == await first.history("i/003")
        assert await store.lifecycle.policies() == await first.lifecycle.policies()
        query = 'tag:t3 agent:"agent 2"'
        assert await store.count(query) == await first.count(query) > 0
        assert (await store.indexes.rebuild("number")).name == "number"
        (deleted,) = [c for c in await store.changes(limit=1_000) if c.item_id == "i/205"][1:]
        await store.undo(deleted.sequence)
        assert await store.count("id:i/205") == 1
        assert (await store.info()).store_id != (await first.info()).store_id
        assert await store.lifecycle.history_days() == 400


async def test_destroyed_headers_and_schemas_are_no_loss(
    whole: Path, original: Path, tmp_path: Path
) -> None:
    """Without its header, its first page, or any page of its schema, every item is saved."""
    data = whole.read_bytes()
    without_schema = bytearray(data)
    schema = list(Pages(data).below(1))
    for page in schema:
        without_schema[(page - 1) * PAGE : page * PAGE] = bytes(PAGE)
    assert len(schema) > 1
    for number, damaged in enumerate(
        (
            bytes(100) + data[100:],
            bytes(PAGE) + data[PAGE:],
            b"\xff" * 512 + data[512:],
            bytes(without_schema),
        )
    ):
        whole.write_bytes(damaged)
        report = await rescue(whole, original, tmp_path / f"out{number}.db")
        assert report.items == ITEMS - 10
        assert report.lost == ()


async def test_zeroed_pages_cost_what_was_on_them(
    whole: Path, original: Path, tmp_path: Path
) -> None:
    """Any one page may be gone: the rest is saved, and the ids of lost items are known."""
    data = whole.read_bytes()
    pick = random.Random(SEED)
    for number, page in enumerate(sorted(pick.sample(range(len(data) // PAGE), 10))):
        whole.write_bytes(data[: page * PAGE] + bytes(PAGE) + data[(page + 1) * PAGE :])
        report = await rescue(whole, original, tmp_path / f"out{number}.db")
        assert report.items + len(report.lost) >= ITEMS - 10
        assert report.items >= ITEMS - 100


async def test_duplicated_pages_cost_what_was_under_them(
    whole: Path, original: Path, tmp_path: Path
) -> None:
    """A page written where another belongs is not taken for that one."""
    data = whole.read_bytes()
    pick = random.Random(SEED)
    pages = len(data) // PAGE
    for number in range(8):
        source, target = pick.sample(range(1, pages), 2)
        damaged = bytearray(data)
        damaged[target * PAGE : (target + 1) * PAGE] = data[source * PAGE : (source + 1) * PAGE]
        whole.write_bytes(damaged)
        report = await rescue(whole, original, tmp_path / f"out{number}.db")
        assert report.items >= ITEMS - 100


@pytest.mark.parametrize("bits", [1, 400])
async def test_flipped_bits_never_give_a_wrong_content(
    whole: Path, original: Path, tmp_path: Path, bits: int
) -> None:
    """What is saved is what was stored; of one flip, under the id that it was stored under."""
    data = whole.read_bytes()
    pick = random.Random(SEED)
    for number in range(8):
        damaged = bytearray(data)
        for _ in range(bits):
            damaged[pick.randrange(len(damaged))] ^= 1 << pick.randrange(8)
        whole.write_bytes(damaged)
        await rescue(whole, original, tmp_path / f"out{number}.db", ids_whole=bits == 1)


async def test_what_is_left_of_a_cut_store_is_saved(
    whole: Path, original: Path, tmp_path: Path
) -> None:
    """Wherever it was cut: what is there is saved, or told that nothing is."""
    data = whole.read_bytes()
    saved = []
    for number, cut in enumerate((0, 1, 100, PAGE, len(data) // 4, len(data) // 2, -PAGE, -1)):
        whole.write_bytes(data[:cut] if cut else b"")
        out = tmp_path / f"out{number}.db"
        try:
            report = await rescue(whole, original, out)
            assert report.lost_pages > 0 or cut == -1
            saved.append(report.items)
        except CorruptStoreError as error:
            assert error.hint  # noqa: PT017 - some cuts leave something, others nothing
            assert not out.exists()
            saved.append(0)
    assert saved == sorted(saved)
    assert saved[-1] >= ITEMS - 30


async def test_a_journal_is_used_unless_it_is_anothers(
    whole: Path, original: Path, tmp_path: Path
) -> None:
    """What is committed in the WAL alone is saved; a WAL of another store is left out."""
    async with open_store(whole) as store:
        await store.put("in the journal", "alone")
        main, journal = whole.read_bytes(), Path(f"{whole}-wal").read_bytes()
    damaged = tmp_path / "journals"
    damaged.mkdir()
    (damaged / "a.db").write_bytes(bytes(100) + main[100:])
    (damaged / "a.db-wal").write_bytes(journal)
    report = await salvage(damaged / "a.db", tmp_path / "out.db")
    assert (report.journal, report.items, report.lost) == ("used", ITEMS - 9, ())
    assert (await items_of(tmp_path / "out.db"))["in the journal"].content == "alone"

    cut = bytearray(journal)
    cut[len(cut) // 2] ^= 1
    (damaged / "a.db-wal").write_bytes(cut)
    assert (await salvage(damaged / "a.db", tmp_path / "cut.db")).journal == "damaged"

    async with open_store(tmp_path / "other.db") as store:
        await store.put_many({"content": f"of another {n}"} for n in range(50))
        foreign = (tmp_path / "other.db-wal").read_bytes()
    (damaged / "a.db").write_bytes(original.read_bytes())
    (damaged / "a.db-wal").write_bytes(foreign)
    report = await salvage(damaged / "a.db", tmp_path / "foreign.db")
    assert (report.journal, report.items) == ("foreign", ITEMS - 10)


async def test_a_store_in_use_is_copied_by_sqlite(
    whole: Path, original: Path, tmp_path: Path
) -> None:
    """Others may have it open and write on: they notice nothing, and nothing of theirs is lost."""
    async with open_store(whole) as store:
        await store.put("new", "written before")
        report = await salvage(whole, tmp_path / "out.db")
        await store.put("newer", "written after")
        assert await store.count() == ITEMS - 8
    assert report.items == ITEMS - 9
    assert (await items_of(tmp_path / "out.db"))["new"].content == "written before"


async def test_lost_items_are_filled_in_from_a_backup(
    whole: Path, original: Path, tmp_path: Path
) -> None:
    """Exactly what is lost comes back, as it was there; what was saved stays as it is."""
    out = tmp_path / "out.db"
    await damage_items(whole)
    report = await rescue(whole, original, out)
    assert len(report.lost) >= 5
    async with open_store(out) as store:
        await store.put("i/299", "written since")
        history = await store.history(report.lost[0])
        assert history[-1].operation.name == "DELETE"
    filled = await fill(out, original)
    assert sorted(filled.filled) == sorted(report.lost)
    assert filled.still_lost == ()
    expected, now = await items_of(original), await items_of(out)
    assert now.keys() == expected.keys()
    for item_id in report.lost:
        assert told(now[item_id]) == told(expected[item_id])
        assert now[item_id].tags == expected[item_id].tags
        assert now[item_id].metadata == expected[item_id].metadata
    assert now["i/299"].content == "written since"
    async with open_store(out) as store, open_store(original) as first:
        for item_id in report.lost:
            assert await links(store, item_id) == await links(first, item_id)
    assert (await examine(out)).state is not CheckState.DAMAGED
    assert await fill(out, original) == type(filled)(filled=(), still_lost=())


async def damage_items(path: Path) -> None:
    """Make the contents of some items unreadable."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
        connection.execute(
            "UPDATE contents SET data = zeroblob(3) WHERE content_key IN "
            "(SELECT content_key FROM items WHERE item_key % 40 = 1)"
        )
        connection.commit()


async def links(store: MemoryStore, item_id: str) -> list[tuple[str, str]]:
    """Return what an item is linked with."""
    return sorted((a.source_id, a.target_id) for a in await store.associations(item_id))


async def test_only_a_salvaged_store_is_filled(original: Path, whole: Path) -> None:
    """Of another store nobody knows what it has lost."""
    with pytest.raises(InvalidSettingError):
        await fill(whole, original)


async def test_what_cannot_be_salvaged_is_refused(whole: Path, tmp_path: Path) -> None:
    """A missing store, a link, a name that is taken, a file of nothing: typed, and nothing left."""
    out = tmp_path / "out.db"
    (tmp_path / "link.db").symlink_to(whole)
    (tmp_path / "text.db").write_bytes(b"dear diary, today I\n" * 5_000)
    (tmp_path / "old.db").write_bytes(
        zstd.decompress((Path(__file__).parents[1] / "data/store-v1.db.zst").read_bytes())
    )
    there = {entry.name for entry in tmp_path.iterdir()}
    cases: list[tuple[Path, Path, type[EngineError]]] = [
        (tmp_path / "missing.db", out, StoreNotFoundError),
        (tmp_path / "link.db", out, UnsafePathError),
        (tmp_path, out, UnsafePathError),
        (whole, tmp_path / "text.db", StorageError),
        (whole, tmp_path / "no folder" / "out.db", StorageError),
        (tmp_path / "text.db", out, CorruptStoreError),
        (tmp_path / "old.db", out, CorruptStoreError),
    ]
    for source, target, kind in cases:
        with pytest.raises(kind) as caught:
            await salvage(source, target)
        assert caught.value.hint
    assert {entry.name for entry in tmp_path.iterdir()} == there
