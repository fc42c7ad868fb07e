"""`demo year`: a small year from end to end, what it prints and what it leaves behind."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest

from engine import CorruptItemError, Tier, load_policies, open_store
from inspector.cli import main
from inspector.cli.year import POLICIES
from inspector.cli.year_compared import compare

Capture = pytest.CaptureFixture[str]
ROOT = Path(__file__).parents[2]
ITEMS, SEED = 240, 4


def play(store: Path, *arguments: object) -> int:
    """Play a small year into `store`."""
    return main(["demo", "year", str(store), "--items", str(ITEMS), *map(str, arguments)])


class Played(NamedTuple):
    store: Path
    """With lifecycle; the one without it is beside it."""
    lines: list[str]
    """What was printed."""


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """Play a small year for people, once for all tests that look at what it left."""
    store = tmp_path_factory.mktemp("year") / "year.db"
    with redirect_stdout(io.StringIO()) as printed:
        assert play(store, "--keep", "--seed", SEED) == 0
    return Played(store, printed.getvalue().splitlines())


@pytest.fixture(scope="module")
def played(year: Played) -> Path:
    """Return the store of the year with lifecycle."""
    return year.store


def test_the_same_seed_gives_the_same_figures(
    year: Played, tmp_path: Path, capsys: Capture
) -> None:
    """Twelve months, the same each time: items, tiers, what was deleted, and nearly the sizes."""
    assert play(tmp_path / "again.db", "--json", "--seed", SEED) == 0
    told = orjson.loads(capsys.readouterr().out)
    months = told["months"]
    assert [month["month"] for month in months] == [f"2025-{n:02}" for n in range(1, 13)]
    assert len(year.lines) > len(months)
    for month, line in zip(months, year.lines, strict=False):
        name, items, *cells = line.split("\t")
        tiers = [month["tiers"].get(tier.label, 0) for tier in Tier]
        assert (name, int(items)) == (month["month"], month["items"])
        assert list(map(int, cells[: len(tiers)])) == tiers
        # Merges leave now more and now fewer pages, and what is printed is rounded.
        sizes = cells[len(tiers) : len(tiers) + 2]
        for side, size in zip(("without", "with"), sizes, strict=True):
            number, unit = size.split()
            assert unit == "MB"
            bytes_ = month[side]["bytes"]
            assert float(number) * 1e6 == pytest.approx(bytes_, abs=0.05 * bytes_ + 5_000)
    for count, words in ((told["same"], "items that no"), (told["summaries"], "summaries")):
        assert f" {count} {words}" in year.lines[-4] + year.lines[-3]
    assert f"deleted {told['deleted']} and" in year.lines[-4]
    assert told["same"] + told["deleted"] == ITEMS
    assert months[-1]["tiers"]["archive"] > months[-1]["items"] / 2
    assert all(month["with"]["get_p50_ms"] > 0 for month in months)
    assert [file.name for file in tmp_path.iterdir()] == ["again.db"]


def test_it_says_how_small_how_fast_and_that_nothing_was_lost(year: Played) -> None:
    """A line for each month, and what it came to in words at the end."""
    assert [line.split("\t")[0] for line in year.lines[:12]] == [
        f"2025-{n:02}" for n in range(1, 13)
    ]
    text = "\n".join(year.lines[12:])
    assert "after the year the store with lifecycle is " in text
    assert "retrieval " in text
    assert "items are archived; policies deleted " in text
    assert "byte for byte" in text
    assert f"made {year.store}" in text


async def test_both_stores_are_whole(played: Path, assert_sound: Any) -> None:
    """What is kept are two sound stores; one has runs and an archive, the other neither."""
    other = played.with_name("year-without.db")
    for path in (played, other):
        assert_sound(path)
    async with open_store(played) as memories:
        assert len(await memories.lifecycle.runs(limit=100)) == 52
        assert await memories.lifecycle.policies() == load_policies(POLICIES)
    async with open_store(other) as memories:
        assert await memories.lifecycle.runs() == []
        assert await memories.count("tier:archive") == 0
        assert await memories.count() == ITEMS
    assert sorted(file.suffix for file in played.parent.iterdir()) == [".db", ".db"]


async def test_a_difference_is_found(played: Path, tmp_path: Path) -> None:
    """An item that reads otherwise, or is gone without a policy's doing, ends the comparison."""
    other, changed = played.with_name("year-without.db"), tmp_path / "changed.db"
    changed.write_bytes(played.read_bytes())
    async with open_store(other) as plain, open_store(changed) as memories:
        left = {item.id async for item in memories.iterate()}
        deleted = {item.id async for item in plain.iterate()} - left
    found = await compare(changed, other, deleted=deleted, progress=silent)
    assert (found.same, found.deleted, found.summaries) == (len(left), len(deleted), 0)
    assert deleted
    with pytest.raises(CorruptItemError, match="no policy deleted it"):
        await compare(changed, other, deleted=(), progress=silent)
    async with open_store(changed) as memories:
        await memories.update(max(left), content="something else")
    with pytest.raises(CorruptItemError, match="does not read as it was stored"):
        await compare(changed, other, deleted=deleted, progress=silent)


def silent(_done: int, _total: int) -> None:
    """Tell nobody."""


def test_what_is_there_is_not_overwritten(tmp_path: Path, capsys: Capture) -> None:
    """Neither STORE nor, with `--keep`, the one beside it; it is said before a year is played."""
    began = time.process_time()
    for name, more in (("year.db", []), ("year-without.db", ["--keep"])):
        (tmp_path / name).write_bytes(b"mine")
        assert play(tmp_path / "year.db", *more) == 1
        assert f"{name}' exists already" in capsys.readouterr().err
        assert (tmp_path / name).read_bytes() == b"mine"
        (tmp_path / name).unlink()
    assert play(tmp_path / "absent" / "year.db") == 1
    assert "there is no directory" in capsys.readouterr().err
    assert time.process_time() - began < 2


def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    """Interrupted in the middle of a month, there is no store and nothing half made."""
    process = subprocess.Popen(
        [sys.executable, "-m", "inspector", "demo", "year", str(tmp_path / "year.db")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("2025-01")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.strip().endswith("interrupted")
    assert list(tmp_path.iterdir()) == []


def test_policies_of_the_year_can_be_read() -> None:
    """They are kept as text, like those of people."""
    assert len(load_policies(POLICIES)) > 2
