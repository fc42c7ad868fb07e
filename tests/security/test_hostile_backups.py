"""Damaged, foreign and hostile backups: found out before anything is touched, one by one."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson
import pytest
from kit import ManualClock

from engine import (
    BackupNotFoundError,
    BrokenChainError,
    CorruptBackupError,
    EngineError,
    InvalidBackupError,
    open_store,
)
from engine.backends.sqlite.driver import driver
from engine.backups import Manifest, read_catalogue, restore_chain, verify_backup
from engine.backups.manifest import dump_manifest, dump_sealed, load_manifest
from engine.backups.records import encode
from engine.compression import zstd
from engine.procedures.increments import Record

FLIPS = 400


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a full and an incremental backup of one store."""
    folder = tmp_path_factory.mktemp("made")

    async def make() -> Path:
        async with open_store(folder / "agent.db", clock=ManualClock()) as store:
            await store.put_many(
                [{"id": f"i{n}", "content": f"text {n} " * 30, "tags": ["t"]} for n in range(50)]
            )
            await store.backups.create(verify=False)
            await store.put("later", "more")
            await store.backups.create(kind="incremental", verify=False)
            return store.backups.directory

    return asyncio.run(make())


@pytest.fixture
def directory(made: Path, tmp_path: Path) -> Path:
    """A copy of it that may be damaged."""
    return shutil.copytree(made, tmp_path / "backups")


def files(directory: Path) -> tuple[Path, Path]:
    """Return the artefacts: of the full backup, and of the incremental one."""
    full, step = sorted(directory.glob("*.zst"), key=lambda path: "incremental" in path.name)
    return full, step


def manifest_of(artefact: Path) -> Manifest:
    path = artefact.with_suffix(".json")
    return load_manifest(path.read_bytes(), artefact.stem)


async def restore_last(directory: Path, target: Path) -> None:
    """Restore the incremental backup, as somebody does who knows its name."""
    name = files(directory)[1].stem if len(list(directory.glob("*.zst"))) == 2 else "x-incremental"
    for path in directory.glob("*-incremental-*.json"):
        name = path.stem
    catalogue = read_catalogue(directory)
    await restore_chain(catalogue, catalogue.find(name), target)


async def refused(directory: Path, *kinds: type[EngineError]) -> EngineError:
    """Return the error with which a restore is refused, that leaves nothing behind."""
    target = directory.parent / "target.db"
    before = sorted(path.name for path in directory.iterdir())
    with pytest.raises(kinds or EngineError) as caught:
        await restore_last(directory, target)
    assert caught.value.hint
    assert not target.exists()
    assert sorted(path.name for path in directory.iterdir()) == before
    assert [path.name for path in directory.parent.iterdir()] == ["backups"]
    return caught.value


async def test_undamaged_it_restores(directory: Path) -> None:
    """What follows tests the damage, and not the fixture."""
    await restore_last(directory, directory.parent / "target.db")


@pytest.mark.parametrize(("which", "step"), [(0, 97), (1, 7)])
async def test_an_artefact_cut_short_or_longer_is_refused(
    directory: Path, which: int, step: int
) -> None:
    """Nothing, inside the header, after it, anywhere in the middle, the last byte, one more."""
    artefact = files(directory)[which]
    data = artefact.read_bytes()
    for length in sorted({*range(20), *range(20, len(data), step), len(data) - 1}):
        artefact.write_bytes(data[:length])
        await refused(directory, CorruptBackupError)
    artefact.write_bytes(data + b"\0")
    await refused(directory, CorruptBackupError)


async def test_every_flipped_bit_is_found(directory: Path) -> None:
    """In artefacts and manifests, full and incremental: all of a sample, whatever the bit."""
    chance = random.Random(4)
    paths = [path for path in directory.iterdir() if path.suffix in (".zst", ".json")]
    assert len(paths) == 4
    for number in range(FLIPS):
        path = paths[number % 4]
        whole = path.read_bytes()
        damaged = bytearray(whole)
        damaged[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        await refused(directory, CorruptBackupError, BackupNotFoundError, BrokenChainError)
        path.write_bytes(whole)


async def test_swapped_artefacts_are_refused(directory: Path) -> None:
    """Each has the other's bytes: neither is taken for what its manifest says."""
    full, step = files(directory)
    data = full.read_bytes()
    full.write_bytes(step.read_bytes())
    step.write_bytes(data)
    await refused(directory, CorruptBackupError)


async def test_a_missing_artefact_is_refused(directory: Path) -> None:
    """The manifest alone is no backup."""
    files(directory)[1].unlink()
    await refused(directory, CorruptBackupError)


async def test_a_chain_with_a_hole_is_refused(directory: Path) -> None:
    """Without the full backup the increment is of no use; the error names what is missing."""
    full = files(directory)[0]
    full.with_suffix(".json").unlink()
    error = await refused(directory, BrokenChainError)
    assert full.stem in error.message


async def test_a_parent_that_was_replaced_breaks_the_chain(directory: Path) -> None:
    """Another full backup under the same name is not the one that was built on."""
    full = files(directory)[0]
    forge(full, full.read_bytes() + b"")
    forge(full, zstd.compress(zstd.decompress(full.read_bytes()), 1))
    await refused(directory, BrokenChainError)


async def test_a_damaged_manifest_hides_no_other(directory: Path) -> None:
    """It is a finding, with a hint; the full backup beside it is listed and restored."""
    full, step = files(directory)
    step.with_suffix(".json").write_bytes(b"{")
    (directory / "Notes.json").write_bytes(b"{}")
    catalogue = read_catalogue(directory)
    assert [backup.name for backup in catalogue.backups] == [full.stem]
    assert len(catalogue.findings) == 2
    assert all(finding.hint for finding in catalogue.findings)
    await restore_chain(catalogue, catalogue.backups[0], directory.parent / "full.db")


@pytest.mark.parametrize("target", ["artefact", "manifest"])
async def test_links_and_pipes_are_not_followed(directory: Path, target: str) -> None:
    """A backup is a plain file: what lies elsewhere, or blocks, is not read."""
    path = files(directory)[1]
    path = path if target == "artefact" else path.with_suffix(".json")
    secret = directory / "moved"
    path.rename(secret)
    path.symlink_to(secret)
    await refused(directory)
    path.unlink()
    os.mkfifo(path)
    await refused(directory)


NAMES = [
    "../escaped", "/etc/passwd", "..", ".", ".hidden", "", "UPPER", "a b", "a\n", "ä", "a/b",
    "a\0b", "a" * 121, "-dash",
]  # fmt: skip


@pytest.mark.parametrize("field", ["name", "chain", "parent"])
@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_names_that_lead_elsewhere_are_refused(directory: Path, field: str, name: str) -> None:
    """No manifest, however well sealed, names a file outside of its directory."""
    manifest = manifest_of(files(directory)[1])
    record = orjson.loads(dump_manifest(manifest))
    del record["seal"]
    record[field] = name
    with pytest.raises(InvalidBackupError):
        load_manifest(dump_sealed(record), manifest.name)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format", 2),
        ("format", 0),
        ("format", "1"),
        ("format", True),
        ("kind", "differential"),
        ("sequence", -1),
        ("sequence", 1.5),
        ("sequence", True),
        ("sequence", "1"),
        ("sequence", 0),
        ("bytes", 2**60),
        ("raw_bytes", None),
        ("digest", "0" * 63),
        ("digest", "G" * 64),
        ("item_digest", 5),
        ("counts", {"items": -1}),
        ("counts", {"x; DROP": 1}),
        ("counts", [1]),
        ("reason", "x" * 501),
        ("parent", None),
        ("unknown", 1),
    ],
)
def test_impossible_fields_are_refused(directory: Path, field: str, value: Any) -> None:
    """Every field is of its type and in its range, and the fields agree; a newer format is told."""
    manifest = manifest_of(files(directory)[1])
    record = orjson.loads(dump_manifest(manifest))
    del record["seal"]
    record[field] = value
    with pytest.raises(InvalidBackupError) as caught:
        load_manifest(dump_sealed(record), manifest.name)
    if (field, value) == ("format", 2):
        assert "upgrade" in caught.value.hint


def test_a_manifest_that_is_too_large_is_not_read(directory: Path) -> None:
    """However large it says it is, or is: 64 KiB are read."""
    path = files(directory)[1].with_suffix(".json")
    with path.open("ab") as file:
        file.truncate(1 << 30)
    catalogue = read_catalogue(directory)
    assert len(catalogue.backups) == 1
    assert "65,536" in catalogue.findings[0].what


def forge(artefact: Path, data: bytes, **changes: Any) -> None:
    """Put other bytes under a backup's name, with a manifest that is right about them."""
    manifest = replace(
        manifest_of(artefact),
        bytes=len(data),
        digest=blake2b(data, digest_size=32).hexdigest(),
        **changes,
    )
    artefact.write_bytes(data)
    artefact.with_suffix(".json").write_bytes(dump_manifest(manifest))


async def test_a_bomb_is_stopped(directory: Path) -> None:
    """Neither what the manifest says nor what Zstandard can do is unpacked: a hundredfold is."""
    full, _ = files(directory)
    (directory / files(directory)[1].with_suffix(".json").name).unlink()
    data = zstd.compress(bytes(200_000_000))
    assert len(data) < 50_000
    for size in (200_000_000, 1_000):
        forge(full, data, raw_bytes=size)
        catalogue = read_catalogue(directory)
        with pytest.raises(CorruptBackupError, match="more than"):
            await restore_chain(catalogue, catalogue.backups[0], directory.parent / "x.db")
    assert [path.name for path in directory.parent.iterdir()] == ["backups"]


def other_database(path: Path) -> None:
    with closing(driver.connect(path)) as connection:
        connection.execute("CREATE TABLE items(id)")
        connection.commit()


def with_trigger(path: Path) -> None:
    with closing(driver.connect(path)) as connection:
        connection.execute("CREATE TRIGGER evil AFTER INSERT ON items BEGIN SELECT 1; END")
        connection.commit()


def with_other_items(path: Path) -> None:
    with closing(driver.connect(path)) as connection:
        connection.execute("UPDATE items SET importance = 0.125 WHERE id = 'i7'")
        connection.commit()


def without_an_agent(path: Path) -> None:
    with closing(driver.connect(path)) as connection:
        connection.execute("DELETE FROM agents")
        connection.commit()


def torn(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[8_192:40_000] = bytes(40_000 - 8_192)
    path.write_bytes(data)


def noise(path: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(9_000))


@pytest.mark.parametrize(
    "damage", [other_database, with_trigger, with_other_items, without_an_agent, torn, noise]
)
async def test_a_forged_full_backup_is_refused(
    directory: Path, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    """Its manifest agrees with its bytes; that these are no such store is found out anyway."""
    full, step = files(directory)
    step.with_suffix(".json").unlink()
    step.unlink()
    database = directory / "forged.db"
    if damage not in (other_database, noise):
        database.write_bytes(zstd.decompress(full.read_bytes()))
    damage(database)
    raw = database.read_bytes()
    for left in directory.glob("forged.db*"):
        left.unlink()
    forge(full, zstd.compress(raw), raw_bytes=len(raw))

    catalogue = read_catalogue(directory)
    with pytest.raises(CorruptBackupError) as caught:
        await restore_chain(catalogue, catalogue.backups[0], tmp_path / "x.db")
    assert caught.value.hint
    report = await verify_backup(catalogue, catalogue.backups[0])
    assert not report.ok
    assert not (tmp_path / "x.db").exists()


END = encode(Record("end", []))
STEPS = [
    b"",
    b"\xff" * 8,
    b"\xff\xff\xff\xff\0\0\0\0",
    encode(Record("items", [])),
    END + b"x",
    END + END,
    encode(Record("sqlite_schema", [(1,)])) + END,
    encode(Record("items; DROP TABLE items", [])) + END,
    encode(Record("agents", [(1, 2, 3)])) + END,
    encode(Record("agents", [("x", b"y")])) + END,
    encode(Record("meta", [("store_id", "another")])) + END,
    encode(Record("changes", [(2**60, 1, 1, 1, "a", 1, None, None, None, None)])) + END,
    encode(Record("touched", [(f"i{n}",) for n in range(50)])) + END,
    encode(Record("custom_indexes", [(1, "x", "no json", 1, 0, None, 1)])) + END,
    b"\0\0\0\x12\0\0\0\0" + b'["items",[[[9999]]]' + END,
    b"\0\0\0\x02\0\0\0\0[]" + END,
    b"\0\0\0\x02\0\0\0\0{}" + END,
    b"\0\0\0\x04\0\0\0\0null" + END,
]


@pytest.mark.parametrize("number", range(len(STEPS)))
async def test_a_forged_increment_is_refused(directory: Path, number: int) -> None:
    """Its digest is right and what is inside is not: no row of it gets anywhere."""
    step = files(directory)[1]
    forge(step, zstd.compress(STEPS[number]), raw_bytes=len(STEPS[number]))
    await refused(directory, CorruptBackupError)


async def test_a_backup_of_another_store_is_never_built_on(directory: Path, tmp_path: Path) -> None:
    """In a directory that others use as well, the first backup of a store is a full one."""
    async with open_store(tmp_path / "other.db", clock=ManualClock()) as store:
        store.backups.use_directory(directory)
        await store.put("a", 1)
        backup = await store.backups.create(kind="incremental")
        assert backup.kind == "full"
        assert [one.name for one in await store.backups.list()] == [backup.name]


def test_hostile_text_in_findings_is_bounded(directory: Path) -> None:
    """A name is quoted and cut: nothing in it acts on a terminal or fills it."""
    (directory / ("\x1b]0;x\x07" + "y" * 200 + ".json")).write_bytes(b"{}")
    (finding,) = read_catalogue(directory).findings
    assert "\x1b" not in finding.what
    assert len(finding.what) < 300
