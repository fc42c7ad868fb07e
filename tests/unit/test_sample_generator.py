"""Generated memories: the same for a seed, in an order that can be stored, and lifelike."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from itertools import islice
from typing import Any

import orjson
import pytest

from inspector.sample import generate
from inspector.sample.generator import agent_sizes

Record = dict[str, Any]

NOW = datetime(2026, 11, 1, tzinfo=UTC)
ITEMS = 20_000


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return list(generate(ITEMS, seed=3, now=NOW))


@pytest.fixture(scope="module")
def items(records: list[Record]) -> list[Record]:
    return [record for record in records if "type" not in record]


def content_bytes(item: Record) -> bytes:
    content = item.get("content", item.get("content_base64"))
    return content.encode() if isinstance(content, str) else orjson.dumps(content)


def test_the_same_seed_gives_the_same_records() -> None:
    """A seed stands for its records, and another seed for others."""
    first = list(generate(300, seed=1, now=NOW))
    assert first == list(generate(300, seed=1, now=NOW))
    assert first != list(generate(300, seed=2, now=NOW))


def test_records_do_not_depend_on_the_hash_seed_of_the_process() -> None:
    """Two processes agree, whatever PYTHONHASHSEED they run with."""
    script = (
        "import hashlib, orjson\n"
        "from datetime import UTC, datetime\n"
        "from inspector.sample import generate\n"
        "records = generate(200, seed=5, now=datetime(2026, 11, 1, tzinfo=UTC))\n"
        "print(hashlib.sha256(b''.join(map(orjson.dumps, records))).hexdigest())\n"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


@pytest.mark.parametrize("count", [0, 1, 2, 7, 600, 2_001])
def test_the_number_of_items_is_exact(count: int) -> None:
    """As many items come as were asked for, whatever the number."""
    assert sum("type" not in record for record in generate(count, now=NOW)) == count


def test_records_come_one_by_one() -> None:
    """The first records of a million are there without the rest being made."""
    assert len(list(islice(generate(1_000_000, now=NOW), 50))) == 50


def test_every_record_comes_after_those_it_names(records: list[Record]) -> None:
    """A store can be filled in one pass, and nothing is there twice."""
    sessions: set[str] = set()
    seen: set[str] = set()
    links: set[tuple[str, str, str]] = set()
    messages: set[tuple[str, int]] = set()
    for record in records:
        match record.get("type"):
            case "session":
                assert record["id"] not in sessions
                sessions.add(record["id"])
            case "message":
                assert record["session_id"] in sessions
                assert (record["session_id"], record["ordinal"]) not in messages
                messages.add((record["session_id"], record["ordinal"]))
            case "association":
                assert {record["source"], record["target"]} <= seen
                link = (record["source"], record["target"], record["relation"])
                assert link not in links
                links.add(link)
            case _:
                assert record.get("session_id") in sessions | {None}
                assert record["id"] not in seen
                seen.add(record["id"])


def test_times_ascend_and_end_before_now(items: list[Record]) -> None:
    """Items are in order of time over about two years, and none is from the future."""
    created = [datetime.fromisoformat(item["created_at"]) for item in items]
    assert created == sorted(created)
    assert timedelta(days=700) < created[-1] - created[0] <= timedelta(days=731)
    for item, at in zip(items, created, strict=True):
        assert at <= datetime.fromisoformat(item["updated_at"]) <= NOW
        if item["last_accessed_at"]:
            assert at <= datetime.fromisoformat(item["last_accessed_at"]) <= NOW
        assert (item["last_accessed_at"] is None) == (item["access_count"] == 0)


def test_now_may_be_in_any_zone_but_needs_one() -> None:
    """The same moment gives the same records; a time without a zone is refused."""
    tokyo = NOW.astimezone(timezone(timedelta(hours=9)))
    assert list(generate(20, now=tokyo)) == list(generate(20, now=NOW))
    with pytest.raises(ValueError, match="time zone"):
        generate(20, now=NOW.replace(tzinfo=None))
    with pytest.raises(ValueError, match="negative"):
        generate(-1, now=NOW)


def test_content_has_the_size_and_scripts_of_real_notes(items: list[Record]) -> None:
    """About 500 bytes on average, some structured, some bytes, 3 % Chinese or Japanese."""
    assert 420 <= sum(len(content_bytes(item)) for item in items) / ITEMS <= 580
    texts = [item["content"] for item in items if isinstance(item.get("content"), str)]
    east_asian = sum(bool(re.search(r"[\u3040-\u30ff\u4e00-\u9fff]", text)) for text in texts)
    assert 0.02 <= east_asian / ITEMS <= 0.04
    assert {type(item["content"]) for item in items if "content" in item} == {str, dict, list}
    assert any("content_base64" in item for item in items)
    assert any("\n## Why\n" in text for text in texts)


def test_words_are_few_and_common_or_many_and_rare(items: list[Record]) -> None:
    """The vocabulary is large, and most of it is seldom used."""
    words: Counter[str] = Counter()
    for item in items:
        words.update(set(re.findall(r"\w+", content_bytes(item).decode().lower())))
    assert len(words) > 20_000
    assert words["the"] > 0.8 * ITEMS
    assert 0.1 * ITEMS < words["request"] < 0.5 * ITEMS
    assert sum(count <= 5 for count in words.values()) > len(words) / 2


def test_tiers_and_kinds_are_skewed(items: list[Record]) -> None:
    """Most is long-term memory; the working tier of nobody is over its limit."""
    tiers = Counter(item["tier"] for item in items)
    kinds = Counter(item["kind"] for item in items)
    assert tiers["long_term"] > 0.75 * ITEMS
    assert 0.06 * ITEMS < tiers["archive"] < 0.14 * ITEMS
    assert 0 < tiers["working"] < tiers["short_term"] < 0.1 * ITEMS
    assert kinds.keys() == {"episodic", "semantic", "procedural", "declarative", "working"}
    working = Counter(item["agent"] for item in items if item["tier"] == "working")
    assert max(working.values()) <= 100


def test_a_few_tags_are_popular_and_thousands_rare(items: list[Record]) -> None:
    """Popular tags are on 5 to 30 % of the items, and no item has one twice."""
    tags = Counter(tag for item in items for tag in item["tags"])
    popular = [tag for tag, count in tags.items() if count >= 0.045 * ITEMS]
    assert 5 <= len(popular) <= 12
    assert max(tags.values()) < 0.33 * ITEMS
    assert len(tags) > 3_000
    assert all(len(set(item["tags"])) == len(item["tags"]) for item in items)


def test_about_a_fifth_repeats_what_was_said(items: list[Record]) -> None:
    """Near-duplicates share their first sentence with an earlier text of the same agent."""
    openings: set[tuple[str, str]] = set()
    repeated = 0
    plain = [i for i in items if re.match(r"[A-Z].* \(\d+\)\. ", str(i.get("content")))]
    for item in plain:
        opening = (item["agent"], item["content"].split(". ", 1)[0])
        repeated += opening in openings
        openings.add(opening)
    assert 0.12 <= repeated / len(plain) <= 0.25


@pytest.mark.parametrize("links", [0.0, 0.5, 3.0])
def test_the_number_of_links_is_as_asked(links: float) -> None:
    """`links_per_item` is the mean number of associations."""
    found = sum(
        record.get("type") == "association"
        for record in generate(2_000, now=NOW, links_per_item=links)
    )
    assert found == pytest.approx(links * 2_000, rel=0.1)


def test_agents_are_few_and_equal_to_the_task() -> None:
    """Three agents for a small store; fifty, two of them of exactly 20,000, for a million."""
    assert len(agent_sizes(600)) == len(agent_sizes(1_000)) == 3
    sizes = agent_sizes(1_000_000)
    assert (len(sizes), sum(sizes)) == (50, 1_000_000)
    assert sizes.count(20_000) == 2
    assert 90_000 <= max(sizes) <= 110_000


def test_agents_get_their_exact_sizes(items: list[Record]) -> None:
    """What is dealt out is what was planned, to the item."""
    counts = Counter(item["agent"] for item in items)
    assert sorted(counts.values()) == sorted(agent_sizes(ITEMS))
