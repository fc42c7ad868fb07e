"""The benchmark runs, says all it promises, and leaves nothing behind. No clock is asserted."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from engine import NotAStoreError, StorageError, StoreError, open_store
from engine.bench import (
    Bar,
    Measurement,
    Report,
    Settings,
    Timings,
    as_markdown,
    as_record,
    as_text,
    measure,
    measure_in_place,
    scratch_copy,
    scratch_folder,
)
from engine.bench import timing as bench_timing
from engine.bench.material import words_in
from engine.transfer import import_records
from inspector import sample
from inspector.cli import main

ROWS = {
    "get.raw",
    "get.peek",
    "get.get",
    "get.usual",
    "get.64_callers",
    "get.statistics",
    "lifecycle.plan",
    "lifecycle.apply",
    "lifecycle.read_packed",
    "lifecycle.fill",
    "lifecycle.near_duplicates",
    "backup.copy",
    "backup.full",
    "backup.incremental",
    "backup.restore",
    *(
        f"query.{name}"
        for name in (
            "agent",
            "agent_kind",
            "combined",
            "combined_any",
            "any_popular",
            "any_mixed",
            "any_agent",
            "all_popular",
            "all_mixed",
            "all_agent",
            "tag_agent",
            "tag_kind",
            "important",
            "important_agent",
            "deep",
        )
    ),
    *(
        f"search.{place}.{name}"
        for place in ("agent", "all")
        for name in ("1_word", "2_words", "3_words", "question", "8_words", "very_common")
    ),
    "put.64_callers",
    "put.usual",
    "put.raw",
    "put.one_caller",
    "put.tail_one_caller",
    "put.tail_64_callers",
    "put_many.10000",
    "put_many.1000",
}

ITEMS = 300
SQLITE_OWN = ("-wal", "-shm")
"""What SQLite keeps beside a store that somebody has read."""


def others(folder: Path) -> set[str]:
    """Return the names in a folder apart from SQLite's own."""
    return {entry.name for entry in folder.iterdir() if not entry.name.endswith(SQLITE_OWN)}


@pytest.fixture
async def filled(path: Path) -> Path:
    """A store of generated memories."""
    async with open_store(path, durability="relaxed") as store:
        now = datetime(2026, 3, 1, tzinfo=UTC)
        await import_records(store, sample.generate(ITEMS, seed=4, now=now))
    return path


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at everything only as long as it takes to see that it works."""
    effort = bench_timing.Effort(warm_up=1, calls=2, seconds_max=0.05, rounds=1)
    monkeypatch.setattr(bench_timing.Effort, "of", lambda *, quick: effort)


def check_record(record: Mapping[str, Any], rows: set[str]) -> None:
    """Raise unless a report as JSON has all rows, each with fields that make sense."""
    assert record["machine"]["processors"] >= 1
    assert record["machine"]["sync_microseconds"] > 0
    measurements = {row["name"]: row for row in record["measurements"]}
    assert measurements.keys() == rows
    for row in measurements.values():
        assert row["what"]
        met = [bar["met"] for bar in row["bars"]]
        assert row["verdict"] == ("reference" if not met else "ok" if all(met) else "missed")
        for bar in row["bars"]:
            assert math.isfinite(bar["value"]), row
            assert bar["value"] >= 0, row
            assert bar["limit"] > 0, row
        check_timings(row["timings_us"])
    missed = [row["name"] for row in measurements.values() if row["verdict"] == "missed"]
    assert record["missed"] == missed


def check_timings(timings: Mapping[str, float] | None) -> None:
    """Raise unless the shares of the durations are in order."""
    if timings is None:
        return
    shares = [timings[name] for name in ("p50", "p90", "p99", "p999", "maximum")]
    assert shares == sorted(shares)
    assert shares[0] > 0
    assert timings["calls"] >= 1
    assert timings["per_second"] > 0


@pytest.mark.usefixtures("hasty")
async def test_every_row_is_there_and_the_store_is_as_it_was(filled: Path) -> None:
    """All rows of the issue's table are measured, on a copy that is gone afterwards."""
    before = filled.read_bytes()
    stages: list[str] = []

    report = await measure(filled, Settings(batch_items=50), progress=stages.append)

    record = json.loads(json.dumps(as_record(report)))
    check_record(record, ROWS)
    assert record["store"]["items"] == ITEMS
    assert stages == ["copy", "sample", "get", "query", "search", "put", "lifecycle", "backup"]
    assert filled.read_bytes() == before
    assert others(filled.parent) == {filled.name}
    for row in report.measurements:
        assert row.what in as_text(report)
        assert not row.bars or row.what in as_markdown([report])


@pytest.mark.usefixtures("hasty")
async def test_the_same_seed_asks_the_same(filled: Path, tmp_path: Path) -> None:
    """Two runs with one seed ask for the same items."""
    found = []
    for seed in (1, 1):
        report = await measure(filled, Settings(seed=seed, groups=("query",)))
        found.append([row.facts for row in report.measurements])
    assert found[0] == found[1]


@pytest.mark.usefixtures("hasty")
async def test_an_open_store_can_be_measured(filled: Path) -> None:
    """What others have not yet moved out of the WAL is part of what is measured."""
    async with open_store(filled) as store:
        await store.put("late", "not checkpointed yet")
        report = await measure(filled, Settings(groups=("query",)))
        assert report.items == ITEMS + 1
        assert await store.count("") == ITEMS + 1


async def test_a_cancelled_run_leaves_nothing(filled: Path) -> None:
    """Ctrl-C removes the scratch copy, whenever it comes."""
    started = asyncio.Event()
    task = asyncio.create_task(measure(filled, progress=lambda _: started.set()))
    await started.wait()
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert others(filled.parent) == {filled.name}


async def test_a_copy_is_private_and_whole(filled: Path, tmp_path: Path) -> None:
    """The scratch copy can be read by nobody else and holds every item."""
    with scratch_folder(tmp_path) as folder:
        async with scratch_copy(filled, folder) as copy:
            assert folder.stat().st_mode & 0o777 == 0o700
            assert copy.stat().st_mode & 0o777 == 0o600
            async with open_store(copy) as store:
                assert await store.count("") == ITEMS
        assert list(folder.iterdir()) == []
    assert not folder.exists()


async def test_what_cannot_be_measured_is_refused(path: Path, tmp_path: Path) -> None:
    """Too few items, another file, no folder: an error that says so, and nothing left."""
    async with open_store(path) as store:
        await store.put("only", "one")
    with pytest.raises(StoreError, match="too few"):
        await measure_in_place(path)
    with pytest.raises(StorageError, match="scratch"):
        await measure(path, scratch=tmp_path / "absent")
    text = tmp_path / "notes.txt"
    text.write_text("nothing of the kind" * 100)
    with pytest.raises(NotAStoreError):
        await measure(text)
    assert others(tmp_path) == {path.name, text.name}


def test_a_bar_is_met_on_its_own_side() -> None:
    """At most and at least; a row is ok when all of its bars are."""
    fast = Bar(what="p50", value=5.0, limit=5.0, unit="ms")
    slow = Bar(what="p99", value=20.1, limit=20.0, unit="ms")
    enough = Bar(what="items", value=10_000, limit=10_000, unit="/s", at_least=True)

    def verdict(*bars: Bar) -> str:
        return Measurement(name="n", group="g", what="w", bars=bars).verdict

    assert verdict(fast, enough) == "ok"
    assert verdict(fast, slow) == "missed"
    assert verdict() == "reference"


def test_durations_are_summed_up() -> None:
    """Shares come from the sorted durations, and calls a second from the time of them all."""
    timings = Timings.of([0.001 * n for n in range(1, 101)], wall_seconds=2.0)
    assert (timings.p50, timings.p90, timings.maximum) == (51_000.0, 91_000.0, 100_000.0)
    assert timings.per_second == 50.0
    with pytest.raises(ValueError, match="no call"):
        Timings.of([])


def test_words_are_what_people_search_for() -> None:
    """Latin words in lower case, CJK two characters at a time, no numbers or identifiers."""
    assert words_in("The parser, getUserName 42 ok naïve 東京都庁") == [
        "the",
        "parser",
        "na",
        "東京",
    ]


@pytest.mark.usefixtures("hasty")
def test_the_command_prints_json_and_markdown(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`bench STORE --json` prints one object; `--check` says by its exit code what was missed."""
    assert main(["sample", str(path)]) == 0
    capsys.readouterr()

    code = main(["bench", str(path), "--json", "--quick", "--check", "--only", "search"])
    record = json.loads(capsys.readouterr().out)
    check_record(record, {name for name in ROWS if name.startswith("search.")})
    assert code == (3 if record["missed"] else 0)

    assert main(["bench", str(path), "--markdown", "--quick", "--only", "query"]) == 0
    assert "| what | bar |" in capsys.readouterr().out


def test_the_command_measures_the_app(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The app is started in a process of its own, and keys are pressed in it."""
    assert main(["sample", str(path)]) == 0
    capsys.readouterr()
    assert main(["bench", str(path), "--json", "--quick", "--only", "app"]) == 0
    record = json.loads(capsys.readouterr().out)
    rows = {"app.start", "app.memory", "app.scroll", "app.page", "app.jump"}
    check_record(record, rows)


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ([], "give a STORE, or --size"),
        (["a.db", "--size", "100"], "give a STORE, or --size"),
        (["--size", "many"], "no list such as"),
        (["--size", "3"], "100 items at least"),
    ],
)
def test_the_command_says_what_it_needs(
    arguments: list[str], what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Wrong arguments are refused before anything is made."""
    assert main(["bench", *arguments]) == 2
    assert what in capsys.readouterr().err


@pytest.mark.usefixtures("hasty")
def test_the_command_generates_what_it_measures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--size` needs no store, and leaves none."""
    arguments = ["--size", "100,200", "--json", "--only", "query", "--scratch", str(tmp_path)]
    assert main(["bench", *arguments]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["store"]["items"] for line in lines] == [100, 200]
    assert list(tmp_path.iterdir()) == []


def test_a_report_compares_stores_side_by_side() -> None:
    """The table has a column for each store, and marks what was missed."""
    from engine.bench import Machine

    machine = Machine(
        processors=2, system="Linux", python="3.11", sqlite="3.53", driver="d", sync_microseconds=9
    )

    def report(items: int, value: float) -> Report:
        row = Measurement(
            name="query.agent",
            group="query",
            what="one agent",
            bars=(Bar(what="p50", value=value, limit=5.0, unit="ms"),),
        )
        return Report(
            source="s",
            items=items,
            file_bytes=1,
            quick=False,
            seed=1,
            seconds=1.0,
            machine=machine,
            measurements=(row,),
        )

    table = as_markdown([report(100_000, 1.0), report(1_000_000, 7.25)])
    assert "| what | bar | 100,000 items | 1,000,000 items |" in table
    assert "| one agent | p50 <= 5 ms | 1.00 ms | **7.25 ms** |" in table
