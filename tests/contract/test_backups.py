"""Backups: made while the store is in use, proven, and restored to exactly what was."""

from __future__ import annotations

import asyncio
import stat
from contextlib import aclosing, closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kit import ManualClock, check_sound

from engine import (
    EngineError,
    InvalidSettingError,
    MemoryStore,
    Policy,
    StalePlanError,
    StorageError,
    Tier,
    open_store,
)
from engine.backends.sqlite.driver import driver
from engine.backends.sqlite.schema import SCHEMA
from engine.backups import Backup, read_catalogue, restore_chain
from engine.backups.publishing import working_directory
from engine.procedures.increments import COUNTED, PARTS, WHOLE


async def restored(backup: Backup, directory: Path, target: Path) -> Path:
    """Restore a backup, from its directory alone."""
    await restore_chain(read_catalogue(directory), backup, target)
    return target


def dump(path: Path) -> dict[str, list[Any]]:
    """Return all rows that a backup has to bring back; how contents are packed does not matter."""
    with closing(driver.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        tables = {
            table: sorted(
                connection.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall(), key=repr
            )
            for table, columns in {**WHOLE, **PARTS}.items()
            if table not in ("contents", "items", "changes", "custom_indexes")
        }
        for table in ("items", "changes"):
            columns = ", ".join(c for c in PARTS[table] if c not in ("content_key", "preview"))
            tables[table] = connection.execute(
                f"SELECT {columns} FROM {table} ORDER BY 1"
            ).fetchall()
        return tables


async def test_a_full_backup_restores_to_the_same_store(
    store: MemoryStore, path: Path, tmp_path: Path
) -> None:
    """Items, names, history: all is there, and the file is sound and nobody else's to read."""
    await store.put("a", "first", tags={"x", "y"}, metadata={"n": 1})
    await store.put("b", {"k": [1, 2]}, agent="atlas", session_id="s")
    await store.associate("a", "b", relation="r", strength=0.5)
    await store.update("a", content="second")

    backup = await store.backups.create(kind="full")
    target = await restored(backup, store.backups.directory, tmp_path / "restored.db")

    assert backup.verified_at is not None
    assert (backup.kind, backup.sequence) == ("full", 4)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert sorted(p.name for p in tmp_path.iterdir() if "restored" in p.name) == ["restored.db"]
    assert dump(target) == dump(path)
    check_sound(target)


async def test_an_incremental_backup_restores_what_changed_since(
    store: MemoryStore, path: Path, tmp_path: Path, clock: ManualClock
) -> None:
    """Each of three steps restores to the store as it was then, although more was done since."""
    await fill(store)
    directory = store.backups.directory
    backups = [await store.backups.create(kind="incremental")]
    assert backups[0].kind == "full"
    assert "first" in backups[0].manifest.reason
    dumps = [dump(path)]
    for step in (change_much, pack, change_much):
        clock.advance(hours=1)
        await step(store)
        backups.append(await store.backups.create(kind="incremental"))
        assert backups[-1].kind == "incremental", backups[-1].manifest.reason
        dumps.append(dump(path))
    await store.bulk_delete(query="")

    for number, (backup, then) in enumerate(zip(backups, dumps, strict=True)):
        target = await restored(backup, directory, tmp_path / f"{number}.db")
        assert dump(target) == then
        check_sound(target)
        async with open_store(target, create=False) as old:
            assert await old.sequence() == backup.sequence


async def fill(store: MemoryStore) -> None:
    """Give a store something of everything."""
    await store.put_many(
        [
            {
                "id": f"i{n}",
                "content": f"item {n} likes {'tea' if n % 2 else 'coffee'} " * (n % 9 + 1),
                "agent": f"agent {n % 3}",
                "tags": {f"t{n % 5}"},
                "metadata": {"n": n, "city": "Paris" if n % 2 else "Oslo"},
            }
            for n in range(120)
        ]
    )
    await store.put("same", "item 1 likes tea " * 40)
    await store.put("same too", "item 1 likes tea " * 40)
    await store.indexes.define("n", "metadata.n")
    await store.associate("i1", "i2")


async def change_much(store: MemoryStore) -> None:
    """Do something of everything that can be done to items."""
    for item in [item async for item in store.iterate("tag:t1")][:5]:
        await store.update(item.id, content=f"{item.content} again", metadata={"n": -1})
        await store.associate(item.id, "i3", relation="after")
    await store.delete(next(iter([i async for i in store.iterate("tag:t2")])).id)
    await store.put("new", "words 東京", tags={"fresh"}, tier=Tier.WORKING)
    await store.put("i4", b"\x00\xff" * 100, agent="other")
    await store.tag("i8", "odd 'name'")
    await store.get("i9")
    await store.get("i9")
    await store.flush()
    await store.dissociate("i1", "i2")
    await store.delete("i3")
    await store.undo(await store.sequence())


async def forget(store: MemoryStore) -> None:
    """Let go of the history that is not kept any longer, and do nothing else."""
    await store.lifecycle.replace([])
    await store.lifecycle.apply(await store.lifecycle.plan())


async def pack(store: MemoryStore) -> None:
    """Pack and share contents, which is in no log, then touch what was packed."""
    policies = [
        Policy(name="same", when="", do="deduplicate"),
        Policy(name="small", when="", do="compress"),
    ]
    for policy in policies:
        await store.lifecycle.apply(await store.lifecycle.plan([policy]))
    await store.tag("i8", "after packing")
    await store.tag("same", "after packing")
    await store.update("i10", content="changed after packing")


def test_every_table_is_part_of_an_incremental_backup() -> None:
    """A table that is added to the schema, or a column, has to be thought of here as well."""
    with closing(driver.connect(":memory:")) as connection:
        for sql in SCHEMA:
            connection.execute(sql)
        tables = [
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
            if not name.startswith("items_text") and name != "index_entries"
        ]
        known = {**WHOLE, **PARTS}
        assert sorted(known) == sorted(tables)
        assert set(COUNTED) <= set(tables)
        for table in tables:
            columns = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
            if table == "contents":
                columns -= {"uses", "dictionary_key", "base_key"}
            assert set(known[table]) == columns, table


IDS = ["a", "b", "c", "d'\"", "日本"]
steps = st.one_of(
    st.tuples(
        st.just("put"), st.sampled_from(IDS), st.sampled_from(["x", "y " * 400, {"k": [1.5, None]}])
    ),
    st.tuples(st.just("update"), st.sampled_from(IDS), st.sampled_from([0.0, 0.25, 1.0])),
    st.tuples(st.just("delete"), st.sampled_from(IDS)),
    st.tuples(st.just("tag"), st.sampled_from(IDS), st.sampled_from("xyz")),
    st.tuples(st.just("untag"), st.sampled_from(IDS), st.sampled_from("xyz")),
    st.tuples(st.just("associate"), st.sampled_from(IDS), st.sampled_from(IDS)),
    st.tuples(st.just("get"), st.sampled_from(IDS)),
    st.tuples(st.just("move"), st.sampled_from(IDS), st.sampled_from(list(Tier))),
    st.tuples(st.just("undo"), st.integers(1, 30)),
    st.tuples(st.just("act"), st.sampled_from(["compress", "deduplicate", "merge(0.5)"])),
    st.tuples(st.just("forget"), st.sampled_from([0.2, 1.5])),
    st.tuples(st.just("backup"), st.sampled_from(["full", "incremental", "incremental"])),
)


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=st.lists(steps, min_size=8, max_size=40))
async def test_any_history_comes_back_from_its_backups(
    history: list[tuple[Any, ...]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever was done between backups, each restores to the rows that there were, and sound."""
    folder = tmp_path_factory.mktemp("history")
    path = folder / "memory.db"
    made: list[tuple[Backup, dict[str, list[Any]]]] = []
    clock = ManualClock()
    async with open_store(path, clock=clock, durability="relaxed") as store:
        for step in [("backup", "full"), *history, ("backup", "incremental")]:
            if step[0] == "backup":
                backup = await store.backups.create(kind=step[1], verify=False)
                made.append((backup, dump(path)))
            elif step[0] == "forget":
                clock.advance(days=step[1])
                await store.lifecycle.keep_history(1)
                await forget(store)
            else:
                await act(store, *step)
    for number, (backup, then) in enumerate(made):
        target = await restored(backup, store.backups.directory, folder / f"{number}.db")
        assert dump(target) == then
        check_sound(target)


async def act(store: MemoryStore, what: str, subject: Any, value: Any = None) -> None:
    """Do one step; what cannot be done is left."""
    try:
        match what:
            case "put":
                await store.put(subject, value)
            case "update":
                await store.update(subject, importance=value, metadata={"v": value})
            case "associate":
                await store.associate(subject, value, strength=0.5)
            case "move":
                await store.update(subject, tier=value)
            case "act":
                policy = Policy(name="p", when="", do=subject)
                await store.lifecycle.apply(await store.lifecycle.plan([policy]))
            case _:
                await getattr(store, what)(subject, *([] if value is None else [value]))
                await store.flush()
    except EngineError:
        return


async def test_writers_go_on_while_a_backup_is_made(
    store: MemoryStore, path: Path, tmp_path: Path
) -> None:
    """The backup is one moment in between: all that came before its sequence, nothing after."""
    await fill(store)
    going = True
    written = 0

    async def write() -> None:
        nonlocal written
        while going:
            await store.put(f"w{written}", "written meanwhile")
            written += 1

    writer = asyncio.create_task(write())
    backups = [await store.backups.create(kind=kind) for kind in ("full", "incremental")]
    going = False
    await writer

    assert written > 0
    for backup in backups:
        target = await restored(backup, store.backups.directory, tmp_path / f"{backup.kind}.db")
        async with open_store(target, create=False) as old:
            assert await old.sequence() == backup.sequence
            notices = await old.changes(limit=10_000)
            assert notices == (await store.changes(limit=10_000))[: backup.sequence]
        check_sound(target)


async def test_an_incremental_becomes_full_when_history_is_another(
    store: MemoryStore, path: Path
) -> None:
    """A store that was set back is not built on; the backup says why it is a full one."""
    await store.put("a", 1)
    await store.backups.create()
    with closing(driver.connect(path)) as connection:
        connection.execute("UPDATE changes SET before = '{}' WHERE sequence = 1")
        connection.commit()
    other = await store.backups.create(kind="incremental")
    assert other.kind == "full"
    assert "history" in other.manifest.reason

    with closing(driver.connect(path)) as connection:
        connection.execute("INSERT INTO meta VALUES ('lineage', 'after restore')")
        connection.commit()
    after = await store.backups.create(kind="incremental")
    assert after.kind == "full"
    assert "set back" in after.manifest.reason
    assert (await store.backups.create(kind="incremental")).kind == "incremental"


async def test_history_that_is_forgotten_goes_from_backups_too(
    store: MemoryStore, path: Path, tmp_path: Path, clock: ManualClock
) -> None:
    """An increment takes along that old changes went; one that would lack some is full."""

    await store.lifecycle.keep_history(2)
    await store.put("a", "x" * 3_000)
    await store.delete("a")
    await store.put("b", 1, tier=Tier.WORKING)
    await store.update("b", tier=Tier.ARCHIVE)
    clock.advance(days=3)
    await store.put("c", 1)
    await store.backups.create()
    await store.tag("b", "again")
    await forget(store)
    step = await store.backups.create(kind="incremental")
    assert (step.kind, step.manifest.oldest) == ("incremental", 5)
    target = await restored(step, store.backups.directory, tmp_path / "step.db")
    assert dump(target) == dump(path)
    check_sound(target)

    await store.put("d", 1)
    clock.advance(days=3)
    await store.put("e", 1)
    await forget(store)
    full = await store.backups.create(kind="incremental")
    assert full.kind == "full"
    assert "no longer reaches" in full.manifest.reason


async def test_an_incremental_becomes_full_when_its_chain_is_damaged(store: MemoryStore) -> None:
    """What cannot be restored is not built on; the new backup is proven to be whole."""
    await store.put("a", "x" * 5_000)
    first = await store.backups.create()
    artefact = (await store.backups.catalogue()).artefact(first)
    artefact.write_bytes(artefact.read_bytes()[:-1] + b"\x00")

    second = await store.backups.create(kind="incremental")

    assert second.kind == "full"
    assert "chain" in second.manifest.reason
    assert (await store.backups.verify(second)).ok
    assert not (await store.backups.verify(first)).ok


async def test_a_verification_is_remembered_for_these_bytes_alone(
    store: MemoryStore, clock: ManualClock
) -> None:
    """`verified_at` is kept beside the backup, and does not hold for another artefact."""
    await store.put("a", 1)
    made = await store.backups.create(verify=False)
    assert made.verified_at is None

    assert (await store.backups.verify(made)).ok
    (known,) = await store.backups.list()
    assert known.verified_at is not None

    mark = store.backups.directory / f"{made.name}.verified"
    mark.write_bytes(mark.read_bytes().replace(made.manifest.digest.encode(), b"0" * 64))
    (known,) = await store.backups.list()
    assert known.verified_at is None


async def test_backups_outlive_their_store(store: MemoryStore, path: Path, tmp_path: Path) -> None:
    """With the store gone, the directory alone says what there is and restores it."""
    await store.put("a", "kept")
    made = await store.backups.create()
    directory = store.backups.directory
    await store.close()
    path.unlink()

    catalogue = read_catalogue(directory)
    assert [backup.name for backup in catalogue.backups] == [made.name]
    await restore_chain(catalogue, catalogue.backups[0], path)
    async with open_store(path, create=False) as again:
        item = await again.peek("a")
        assert item is not None
        assert item.content == "kept"


async def test_restore_refuses_a_target_that_exists(store: MemoryStore, path: Path) -> None:
    """Nothing is written over; what is there stays as it is."""
    await store.put("a", 1)
    made = await store.backups.create(verify=False)
    with pytest.raises(StorageError, match="exists"):
        await restored(made, store.backups.directory, path)
    assert await store.count() == 1


async def test_pruning_is_planned_and_then_done(store: MemoryStore, clock: ManualClock) -> None:
    """The dry run changes nothing; carried out, exactly its backups are gone."""
    for n in range(4):
        await store.put("a", n)
        clock.advance(days=1)
        await store.backups.create(verify=False)

    plan = await store.backups.prune(keep_last=2)
    assert len(plan.delete) == 2
    assert len(await store.backups.list()) == 4
    await store.backups.prune(plan)
    assert {backup.name for backup in await store.backups.list()} == plan.keep.keys()
    assert len(list(store.backups.directory.iterdir())) == 4


async def test_a_plan_to_prune_goes_stale(store: MemoryStore, clock: ManualClock) -> None:
    """A backup that something was built on since the plan is not deleted, nor is any other."""
    await store.put("a", 1)
    await store.backups.create(verify=False)
    clock.advance(days=1)
    await store.backups.create(verify=False)
    newest = (await store.backups.list())[-1]
    plan = await store.backups.prune(keep_last=1)
    for file in store.backups.directory.glob(f"{newest.name}.*"):
        file.unlink()

    with pytest.raises(StalePlanError):
        await store.backups.prune(plan)
    assert len(await store.backups.list()) == 1


async def test_due_backups_are_made_once(store: MemoryStore, clock: ManualClock) -> None:
    """The first at once; then after so many hours or changes, and one for all that were missed."""
    made = await store.backups.run_due(hours=6, verify=False)
    assert made is not None
    assert await store.backups.run_due(hours=6, verify=False) is None
    clock.advance(hours=20)
    due = await store.backups.due(hours=6)
    assert due is not None
    assert due.missed == 2
    assert await store.backups.run_due(hours=6, verify=False) is not None
    assert await store.backups.run_due(hours=6, changes=2, verify=False) is None
    await store.put_many([{"content": n} for n in range(2)])
    assert await store.backups.run_due(hours=6, changes=2, verify=False) is not None
    with pytest.raises(InvalidSettingError):
        await store.backups.due()


async def test_keeping_up_makes_what_is_due_until_it_is_left(store: MemoryStore) -> None:
    """A loop over it gets each backup as it is made."""
    async with aclosing(store.backups.keep_up(changes=1, verify=False, look_seconds=0)) as made:
        first = await anext(made)
        await store.put("a", 1)
        second = await anext(made)
    assert (first.kind, second.kind) == ("full", "incremental")


async def test_a_chain_is_copied_to_another_directory(
    store: MemoryStore, path: Path, tmp_path: Path
) -> None:
    """With all it builds on, private, and ready to be restored from there."""
    await fill(store)
    await store.backups.create(verify=False)
    await store.put("b", 2)
    step = await store.backups.create(kind="incremental", verify=False)
    there = tmp_path / "else where"

    for _ in range(2):
        await store.backups.copy(step, there.as_uri())

    assert len(list(there.iterdir())) == 4
    assert {stat.S_IMODE(file.stat().st_mode) for file in there.iterdir()} == {0o600}
    target = await restored(step, there, tmp_path / "restored.db")
    assert dump(target) == dump(path)


async def test_a_chain_is_copied_to_any_file_system_of_fsspec(store: MemoryStore) -> None:
    """What is elsewhere has the same bytes; without fsspec, the error says how to get it."""
    await store.put("a", 1)
    made = await store.backups.create(verify=False)
    try:
        import fsspec
    except ImportError:
        with pytest.raises(StorageError, match="fsspec"):
            await store.backups.copy(made, "memory://backups")
        return
    await store.backups.copy(made, "memory://backups")
    system = fsspec.filesystem("memory")
    artefact = (await store.backups.catalogue()).artefact(made)
    assert system.cat_file(f"/backups/{made.name}.zst") == artefact.read_bytes()
    assert system.exists(f"/backups/{made.name}.json")
    with pytest.raises(StorageError):
        await store.backups.copy(made, "nosuch://place")


async def test_cancelling_leaves_nothing_behind(store: MemoryStore) -> None:
    """Called off in the middle, a backup has no name and no rest."""
    await fill(store)
    begun = asyncio.Event()
    task = asyncio.create_task(store.backups.create(progress=lambda *_: begun.set()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert list(store.backups.directory.iterdir()) == []
    assert (await store.backups.create()).verified_at is not None


async def test_leftovers_of_dead_processes_are_swept(store: MemoryStore) -> None:
    """Half a publication and half a deletion end as no backup; what is at work is left alone."""
    await store.put("a", 1)
    made = await store.backups.create(verify=False)
    directory = store.backups.directory
    dead = directory / ".0123456789abcdef.partial"
    dead.mkdir()
    # As after a crash between the two names: the artefact is out, the manifest is not.
    (dead / "copy.db").write_bytes(b"x")
    (directory / f"{made.name}.json").rename(dead / f"{made.name}.json")

    with working_directory(directory) as alive:
        assert read_catalogue(directory).backups == ()
        assert alive.exists()
    assert list(directory.iterdir()) == []


async def test_a_backup_without_its_bytes_is_told_and_protects_nothing(
    store: MemoryStore,
) -> None:
    """It is a finding, not verified, not restorable; pruning keeps the good one and not for it."""
    await store.put("one", 1)
    good = await store.backups.create()
    await store.put("two", 2)
    lost = await store.backups.create()
    (store.backups.directory / f"{lost.name}.zst").unlink()

    catalogue = await store.backups.catalogue()
    assert [finding.backup for finding in catalogue.findings] == [lost.name]
    assert catalogue.find(lost.name).verified_at is None
    assert [backup.name for backup in catalogue.restorable] == [good.name]
    plan = await store.backups.prune(keep_last=1)
    assert plan.keep[good.name] == ("last", "newest verified")
    assert good.name not in plan.delete


async def test_a_backup_that_fails_is_verified_no_more(store: MemoryStore) -> None:
    """What was said of it before does not hold: pruning goes by the one before."""
    await store.put("one", 1)
    good = await store.backups.create()
    await store.put("two", 2)
    bad = await store.backups.create()
    artefact = store.backups.directory / f"{bad.name}.zst"
    data = bytearray(artefact.read_bytes())
    data[len(data) // 2] ^= 1
    artefact.write_bytes(data)

    assert not (await store.backups.verify(bad)).ok
    assert (await store.backups.catalogue()).find(bad.name).verified_at is None
    plan = await store.backups.prune(keep_last=1)
    assert "newest verified" in plan.keep[good.name]


async def test_a_clock_set_back_does_not_make_a_later_backup_older(
    store: MemoryStore, clock: ManualClock
) -> None:
    """The one of the later change is the newest, whatever time it is."""
    await store.put("one", 1)
    await store.backups.create()
    clock.now -= timedelta(days=3)
    await store.put("two", 2)
    newest = await store.backups.create()
    assert (await store.backups.list())[-1].name == newest.name
    plan = await store.backups.prune(keep_last=1)
    assert newest.name in plan.keep


async def test_nothing_is_restored_beside_the_journal_of_a_store_that_is_gone(
    store: MemoryStore, tmp_path: Path
) -> None:
    """It would be played into what was restored; and it may be all that is left of the newest."""
    await store.put("one", 1)
    backup = await store.backups.create()
    target = tmp_path / "restored.db"
    journal = tmp_path / "restored.db-wal"
    journal.write_bytes(b"what was written last")
    with pytest.raises(StorageError, match="journal"):
        await restore_chain(await store.backups.catalogue(), backup, target)
    with pytest.raises(StorageError, match="journal"):
        await open_store(target)
    assert journal.read_bytes() == b"what was written last"
    assert not target.exists()
