"""A simulated year: the same for a seed, of the promised sizes, repeating itself as promised."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import orjson
import pytest

from inspector.sample.year import Day, _Year, days

Record = dict[str, Any]

START = datetime(2026, 1, 1, tzinfo=UTC)
ITEMS = 12_000


@pytest.fixture(scope="module")
def year() -> list[tuple[Day, list[str]]]:
    return list(_Year(ITEMS, 3, START, 365, ("atlas", "harbor")).days())


@pytest.fixture(scope="module")
def records(year: list[tuple[Day, list[str]]]) -> list[Record]:
    return [record for day, _ in year for record in day.records]


def content_bytes(record: Record) -> bytes:
    content = record["content"]
    return content.encode() if isinstance(content, str) else orjson.dumps(content)


def form_of(record: Record) -> str:
    kind: str = record["kind"]
    return {"working": "turn", "short_term": "tool"}.get(record["tier"], kind)


def digest(seed: int, items: int = 400) -> str:
    made = hashlib.sha256()
    for day in days(items, seed, start=START, agents=("atlas", "harbor")):
        made.update(orjson.dumps([day.at, day.records, day.reads]))
    return made.hexdigest()


def test_the_same_seed_gives_the_same_bytes() -> None:
    """A seed stands for its year, and another seed for another one."""
    assert digest(1) == digest(1)
    assert digest(1) != digest(2)


def test_bytes_do_not_depend_on_the_hash_seed_of_the_process() -> None:
    """Other processes agree with this one, whatever PYTHONHASHSEED they run with."""
    script = (
        "import hashlib, orjson\n"
        "from datetime import UTC, datetime\n"
        "from inspector.sample.year import days\n"
        "made = hashlib.sha256()\n"
        "start = datetime(2026, 1, 1, tzinfo=UTC)\n"
        "for day in days(400, 5, start=start, agents=('atlas', 'harbor')):\n"
        "    made.update(orjson.dumps([day.at, day.records, day.reads]))\n"
        "print(made.hexdigest())\n"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        for seed in ("0", "4711")
    }
    assert digests == {digest(5)}


def test_days_follow_each_other_and_hold_all_items(year: list[tuple[Day, list[str]]]) -> None:
    """There is a day for each, and every record is of its day and in order of time."""
    assert [day.at for day, _ in year] == [
        START + timedelta(days=number, hours=6) for number in range(365)
    ]
    assert sum(len(day.records) for day, _ in year) == ITEMS
    for day, _ in year:
        times = [record["created_at"] for record in day.records]
        assert times == sorted(times)
        assert all(day.at <= moment and moment.date() == day.at.date() for moment in times)


def test_ids_are_unique_and_records_are_complete(records: list[Record]) -> None:
    assert len({record["id"] for record in records}) == ITEMS
    names = ["id", "content", "agent", "kind", "tier", "importance", "tags", "metadata"]
    names += ["session_id", "created_at"]
    for record in records:
        assert list(record) == names
        assert len(set(record["tags"])) == len(record["tags"])
        assert 0 <= record["importance"] <= 1
    assert {record["agent"] for record in records} == {"atlas", "harbor"}


def test_reads_name_only_what_exists(year: list[tuple[Day, list[str]]]) -> None:
    """What is read on a day was stored on it or before."""
    known: set[str] = set()
    for day, _ in year:
        known.update(record["id"] for record in day.records)
        assert known.issuperset(day.reads)


def test_reads_are_of_few_items_and_mostly_of_new_ones(
    year: list[tuple[Day, list[str]]], records: list[Record]
) -> None:
    created = {record["id"]: record["created_at"] for record in records}
    importance = {record["id"]: record["importance"] for record in records}
    counts: Counter[str] = Counter()
    young = 0
    for day, _ in year:
        counts.update(day.reads)
        young += sum(day.at - created[read] < timedelta(days=14) for read in day.reads)
    total = counts.total()
    assert 0.3 * ITEMS < total < ITEMS
    assert sum(count for _, count in counts.most_common(ITEMS // 50)) > 0.35 * total
    assert len(counts) < 0.5 * ITEMS
    assert young > 0.5 * total
    mean_read = sum(importance[read] * count for read, count in counts.items()) / total
    assert mean_read > 1.3 * sum(importance.values()) / ITEMS


def test_shares_of_duplicates(year: list[tuple[Day, list[str]]], records: list[Record]) -> None:
    """One in five is nearly what there was, and one in 25 is just what there was."""
    origins = Counter(origin for _, ones in year for origin in ones)
    assert abs(origins["near"] / ITEMS - 0.20) < 0.015
    assert abs(origins["exact"] / ITEMS - 0.04) < 0.007
    repeated = 1 - len({content_bytes(record) for record in records}) / ITEMS
    assert abs(repeated - 0.04) < 0.008


def test_near_duplicates_are_near(year: list[tuple[Day, list[str]]]) -> None:
    """Of the words of a near duplicate nearly all are in one earlier content."""
    earlier: dict[str, list[set[str]]] = {}
    shares: list[float] = []
    for day, origins in year[:60]:
        for record, origin in zip(day.records, origins, strict=True):
            key = record["agent"] + form_of(record)
            words = set(re.findall(r"[^\W\d_]{3,}", content_bytes(record).decode()))
            if origin == "near":
                known = earlier.get(key, [])
                shares.append(max(len(words & other) for other in known) / max(1, len(words)))
            else:
                earlier.setdefault(key, []).append(words)
    assert len(shares) > 100
    assert sum(share > 0.6 for share in shares) > 0.9 * len(shares)
    assert sorted(shares)[len(shares) // 2] > 0.85


def test_sizes(records: list[Record]) -> None:
    """Each form has its range, and the mean is that of a real memory."""
    limits = {
        "turn": (60, 600),
        "tool": (500, 6_000),
        "declarative": (2_000, 12_000),
        "semantic": (20, 400),
        "procedural": (200, 4_000),
    }
    sizes = [len(content_bytes(record)) for record in records]
    assert {form_of(record) for record in records} == set(limits)
    for record, size in zip(records, sizes, strict=True):
        low, high = limits[form_of(record)]
        assert low <= size <= high, (form_of(record), size)
    assert 900 <= sum(sizes) / ITEMS <= 1_300


def test_importance_is_mostly_low_and_few_are_pinned(records: list[Record]) -> None:
    importances = [record["importance"] for record in records]
    assert sum(value < 0.5 for value in importances) > 0.75 * ITEMS
    assert 0.02 < sum(value > 0.8 for value in importances) / ITEMS < 0.08
    pinned = [record for record in records if "pinned" in record["tags"]]
    assert 0.005 < len(pinned) / ITEMS < 0.03
    assert all(record["importance"] > 0.8 for record in pinned)


def test_sessions_have_ten_to_forty_items_of_one_agent(records: list[Record]) -> None:
    sizes: Counter[str] = Counter(record["session_id"] for record in records)
    # The last one of each agent may be cut off by the end of the year.
    assert sum(not 10 <= size <= 40 for size in sizes.values()) <= 2
    assert max(sizes.values()) <= 40
    owners = {(record["session_id"], record["agent"]) for record in records}
    assert len(owners) == len(sizes)
    for agent in ("atlas", "harbor"):
        order = [record["session_id"] for record in records if record["agent"] == agent]
        assert sum(one != two for one, two in pairwise(order)) == len(set(order)) - 1


@pytest.mark.parametrize("items", [0, 1, 40])
def test_a_year_may_be_nearly_empty(items: int) -> None:
    year = list(days(items, 1, start=START, days=20, agents=("atlas", "harbor", "sage")))
    assert len(year) == 20
    assert sum(len(day.records) for day in year) == items


def test_a_start_elsewhere_is_a_day_of_utc() -> None:
    start = datetime.fromisoformat("2026-03-01T00:30:00+02:00")
    assert next(days(10, 1, start=start)).at == datetime(2026, 2, 28, 6, tzinfo=UTC)


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        days(-1, 1, start=START)
    with pytest.raises(ValueError, match="a day and an agent"):
        days(1, 1, start=START, days=0)
    with pytest.raises(ValueError, match="a day and an agent"):
        days(1, 1, start=START, agents=())
    with pytest.raises(ValueError, match="time zone"):
        days(1, 1, start=datetime(2026, 1, 1))  # noqa: DTZ001


def test_five_thousand_records_a_second() -> None:
    """Making the material takes little of the time in which it is stored."""
    begin = time.process_time()
    made = sum(len(day.records) for day in days(10_000, 9, start=START))
    # Time of this process only, so that a busy machine does not count.
    assert made / (time.process_time() - begin) >= 5_000
