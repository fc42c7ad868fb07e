"""The commands that look: what they print, and that looking changes nothing."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from engine import Tier, open_store
from inspector.cli import main

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Return a small store whose items are told apart at a glance."""
    path = tmp_path / "agent.db"

    async def fill() -> None:
        async with open_store(path, actor="tester") as memories:
            await memories.put(
                "user/preferences",
                {"language": "Python", "width": 100},
                agent="atlas",
                tier=Tier.WORKING,
                importance=0.9,
                tags={"user", "profile"},
                metadata={"source": "chat"},
            )
            await memories.put("episode/1", "User asked about async SQLite", agent="atlas")
            await memories.put("日記", "今日は晴れ", agent="sage", kind="episodic")
            await memories.put("blob", b"\x00\x01\x02\xff", agent="sage")
            await memories.put("markdown", "# Title\n\nbody", agent="sage")
            item = await memories.peek("episode/1")
            assert item is not None
            await memories.update("episode/1", importance=0.1)

    asyncio.run(fill())
    return path


def run_json(capsys: Capture, *arguments: Any) -> list[Any]:
    """Return what a command prints as JSON, line by line."""
    assert main([str(argument) for argument in arguments]) == 0
    return [orjson.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_query_prints_a_line_for_each_item(store: Path, capsys: Capture) -> None:
    """In a pipe each item is one line of columns separated by tabs, without headings."""
    assert main(["query", str(store), "tier:working"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    cells = line.split("\t")
    assert cells[:4] == ["user/preferences", "working", "semantic", "atlas"]
    assert json.loads(cells[-1]) == {"language": "Python", "width": 100}


def test_query_as_json_prints_what_export_writes(store: Path, capsys: Capture) -> None:
    """Each line is a whole item, in the form that import takes."""
    (item,) = run_json(capsys, "query", store, "metadata.source:chat", "--json")
    assert item["content"] == {"language": "Python", "width": 100}
    assert item["tags"] == ["profile", "user"]
    assert item["tier"] == "working"
    assert item["version"] == 1


def test_query_limits_orders_and_counts(store: Path, capsys: Capture) -> None:
    """`--limit`, `--order-by` and `--count` do what they say; 0 is no limit."""
    ids = [item["id"] for item in run_json(capsys, "query", store, "--json", "--order-by", "id")]
    assert ids == sorted(ids)
    assert len(ids) == 5
    assert len(run_json(capsys, "query", store, "--json", "--limit", 2)) == 2
    assert len(run_json(capsys, "query", store, "--json", "--limit", 0)) == 5
    assert run_json(capsys, "query", store, "agent:sage", "--count") == [3]


def test_search_finds_in_any_language(store: Path, capsys: Capture) -> None:
    """Words need no quotes, and Japanese is found by a part of a sentence."""
    hits = run_json(capsys, "search", store, "asked", "sqlite", "--json")
    assert [hit["item"]["id"] for hit in hits] == ["episode/1"]
    hits = run_json(capsys, "search", store, "晴れ", "--json", "--where", "agent:sage")
    assert [hit["item"]["id"] for hit in hits] == ["日記"]
    assert main(["search", str(store), "晴れ"]) == 0
    assert "今日は晴れ" in capsys.readouterr().out


def test_get_prints_everything_about_one_item(store: Path, capsys: Capture) -> None:
    """Fields first, then metadata and the content as one would read it."""
    assert main(["get", str(store), "user/preferences"]) == 0
    text = capsys.readouterr().out
    for part in ("user/preferences", "working", "0.90", "profile user", '"source": "chat"'):
        assert part in text
    assert text.endswith('{\n  "language": "Python",\n  "width": 100\n}\n')


def test_get_raw_is_the_content_byte_for_byte(
    store: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Nothing is added, not even a line end."""
    assert main(["get", str(store), "blob", "--raw"]) == 0
    assert capfdbinary.readouterr().out == b"\x00\x01\x02\xff"
    assert main(["get", str(store), "user/preferences", "--raw"]) == 0
    assert capfdbinary.readouterr().out == b'{"language":"Python","width":100}'


def test_looking_counts_as_no_access_and_no_change(store: Path, capsys: Capture) -> None:
    """The commands that look leave statistics, versions and history as they were."""
    for command in (
        ["get", store, "episode/1"],
        ["query", store],
        ["search", store, "async"],
        ["info", store],
        ["history", store, "episode/1"],
    ):
        assert main([str(word) for word in command]) == 0
    capsys.readouterr()
    (item,) = run_json(capsys, "get", store, "episode/1", "--json")
    assert item["access_count"] == 0
    assert item["version"] == 2
    (facts,) = run_json(capsys, "info", store, "--json")
    assert facts["sequence"] == 6


def test_history_says_who_changed_what(store: Path, capsys: Capture) -> None:
    """Oldest first, with the fields before and after."""
    created, updated = run_json(capsys, "history", store, "episode/1", "--json")
    assert (created["operation"], updated["operation"]) == ("create", "update")
    assert updated["actor"] == "tester"
    assert (updated["before"], updated["after"]) == ({"importance": 0.5}, {"importance": 0.1})
    assert main(["history", str(store), "episode/1"]) == 0
    assert "importance: 0.5 -> 0.1" in capsys.readouterr().out


def test_info_tells_what_the_store_is(store: Path, capsys: Capture) -> None:
    """Items, size and versions."""
    (facts,) = run_json(capsys, "info", store, "--json")
    assert facts["items"] == 5
    assert facts["file_bytes"] > 0
    assert main(["info", str(store)]) == 0
    assert "sqlite version" in capsys.readouterr().out
