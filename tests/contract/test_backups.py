"""Backups: made while the store is in use, proven, and restored to exactly what was."""

from __future__ import annotations

import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kit import ManualClock, check_sound

from engine import EngineError, MemoryStore, Policy, Tier, open_store
from engine.backends.sqlite.driver import driver
from engine.backends.sqlite.schema import SCHEMA
from engine.backups import Backup, read_catalogue, restore_chain
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
    async with open_store(path, clock=ManualClock(), durability="relaxed") as store:
        for step in [("backup", "full"), *history, ("backup", "incremental")]:
            if step[0] == "backup":
                backup = await store.backups.create(kind=step[1], verify=False)
                made.append((backup, dump(path)))
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
