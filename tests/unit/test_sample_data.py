"""The hand-written memory is well formed and holds the varieties that it is there for."""

from __future__ import annotations

import base64
import re
from collections import Counter
from datetime import datetime
from difflib import SequenceMatcher
from typing import Any

import orjson
import pytest

from engine import models
from inspector.sample import load_sample_records
from inspector.sample.files import FILES, sample_directory

Record = dict[str, Any]

ITEM_KEYS = {
    "id",
    "content",
    "content_base64",
    "agent",
    "kind",
    "tier",
    "importance",
    "tags",
    "metadata",
    "session_id",
    "created_at",
    "updated_at",
    "last_accessed_at",
    "access_count",
    "version",
}
ESCAPED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return list(load_sample_records())


@pytest.fixture(scope="module")
def items(records: list[Record]) -> list[Record]:
    return [record for record in records if record.get("type", "item") == "item"]


def of_type(records: list[Record], name: str) -> list[Record]:
    return [record for record in records if record.get("type") == name]


def texts(items: list[Record]) -> list[str]:
    return [item["content"] for item in items if isinstance(item.get("content"), str)]


def test_files_are_those_that_are_read() -> None:
    """No sample file is forgotten by the loader."""
    assert sorted(path.name for path in sample_directory().glob("*.jsonl")) == sorted(FILES)


@pytest.mark.parametrize("name", FILES)
def test_files_are_safe_to_print(name: str) -> None:
    """Controls and invisible characters are escapes, and lines are as an editor shows them."""
    text = (sample_directory() / name).read_text(encoding="utf-8")
    assert ESCAPED.findall(text) == []
    assert text.endswith("\n")
    assert all(line.startswith("{") and line.endswith("}") for line in text[:-1].split("\n"))


def test_items_fit_the_format(items: list[Record]) -> None:
    """Every item has known keys only, values in range, and times with a zone in a sound order."""
    for item in items:
        assert item.keys() <= ITEM_KEYS, item["id"]
        assert ("content" in item) != ("content_base64" in item), item["id"]
        assert item["kind"] in models.KINDS, item["id"]
        assert item["tier"] in models.TIERS, item["id"]
        assert 0.0 <= item["importance"] <= 1.0, item["id"]
        assert len(set(item["tags"])) == len(item["tags"]), item["id"]
        assert isinstance(item["metadata"], dict), item["id"]
        assert item["version"] >= 1, item["id"]
        created = datetime.fromisoformat(item["created_at"])
        assert created.tzinfo is not None, item["id"]
        assert datetime.fromisoformat(item["updated_at"]) >= created, item["id"]
        assert (item["last_accessed_at"] is None) == (item["access_count"] == 0), item["id"]
        if item["last_accessed_at"]:
            assert datetime.fromisoformat(item["last_accessed_at"]) >= created, item["id"]


def test_ids_are_unique(records: list[Record], items: list[Record]) -> None:
    """No item, session, message or association is there twice."""
    messages = [(m["session_id"], m["ordinal"]) for m in of_type(records, "message")]
    links = [(a["source"], a["target"], a["relation"]) for a in of_type(records, "association")]
    for keys in (
        [item["id"] for item in items],
        [session["id"] for session in of_type(records, "session")],
        messages,
        links,
    ):
        assert [key for key, count in Counter(keys).items() if count > 1] == []


def test_each_record_comes_after_those_it_names(records: list[Record]) -> None:
    """A store can be filled in one pass: sessions, then items, then associations."""
    sessions: set[str] = set()
    seen: set[str] = set()
    for record in records:
        match record.get("type", "item"):
            case "session":
                sessions.add(record["id"])
            case "message":
                assert record["session_id"] in sessions
            case "association":
                assert {record["source"], record["target"]} <= seen
                assert 0.0 <= record["strength"] <= 1.0
            case _:
                assert record.get("session_id") in sessions | {None}, record["id"]
                seen.add(record["id"])


def test_size_and_spread(items: list[Record]) -> None:
    """About 600 items of two months, all kinds and tiers, and no working tier over its limit."""
    assert 550 <= len(items) <= 650
    assert {item["agent"] for item in items} == {"atlas", "harbor", "sage", "wren"}
    assert {item["kind"] for item in items} == set(models.KINDS)
    assert {item["tier"] for item in items} == set(models.TIERS)
    working = Counter(item["agent"] for item in items if item["tier"] == "working")
    assert max(working.values()) <= 100
    days = [datetime.fromisoformat(item["created_at"]).date().isoformat() for item in items]
    assert (min(days), max(days)) == ("2026-09-01", "2026-11-01")
    assert len({item["importance"] for item in items}) >= 15
    assert any("pinned" in item["tags"] for item in items)
    assert any(item["access_count"] > 20 for item in items)
    assert any(item["version"] > 3 for item in items)


def test_sessions_and_their_messages(records: list[Record]) -> None:
    """Sessions in every state, roles of every sort, and one that died inside a tool call."""
    sessions = of_type(records, "session")
    messages = of_type(records, "message")
    assert 18 <= len(sessions) <= 30
    assert {s["state"] for s in sessions} == {"ended", "interrupted", "crashed", "open"}
    assert {m["role"] for m in messages} == {"user", "assistant", "tool", "system"}
    (crashed,) = (s for s in sessions if s["state"] == "crashed")
    last = [m for m in messages if m["session_id"] == crashed["id"]][-1]
    assert last["role"] == "assistant"
    assert orjson.loads(last["content"])["tool_call"] == crashed["metadata"]["pending_tool_call"]
    for session in sessions:
        own = [m for m in messages if m["session_id"] == session["id"]]
        assert [m["ordinal"] for m in own] == list(range(1, len(own) + 1))
        assert [m["at"] for m in own] == sorted(m["at"] for m in own)
        assert own[0]["at"] >= session["started_at"]
        assert (session["ended_at"] is None) == (session["state"] in {"crashed", "open"})


def test_associations_are_of_many_sorts(records: list[Record]) -> None:
    """The relations that the sample promises are all used, with different strengths."""
    links = of_type(records, "association")
    promised = {"learned_from", "derived_from", "contradicts", "follows", "about"}
    assert promised <= {link["relation"] for link in links}
    assert len({link["strength"] for link in links}) >= 10


def test_metadata_is_varied(items: list[Record]) -> None:
    """Metadata holds text, numbers, nested objects, and keys that no path syntax can express."""
    keys = {key for item in items for key in item["metadata"]}
    values = [value for item in items for value in item["metadata"].values()]
    assert {"project", "source", "language", "ticket"} <= keys
    assert {"", "dotted.key", 'quote"key', "言語"} <= keys
    assert {str, int, float, dict, list} <= {type(value) for value in values}


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param(r"[\u4e00-\u9fff]{2}", id="Chinese"),
        pytest.param(r"[\u3040-\u30ff]{2}", id="Japanese"),
        pytest.param(r"[\u0600-\u06ff]{2}", id="Arabic"),
        pytest.param(r"[\u0590-\u05ff]{2}", id="Hebrew"),
        pytest.param(r"\u202e", id="bidi override"),
        pytest.param(r"\u200d", id="joined emoji"),
        pytest.param(r"\x1b\[", id="ANSI colours"),
        pytest.param(r"\x1b\]52;", id="clipboard escape"),
        pytest.param(r"\x1b\]8;;", id="link escape"),
        pytest.param(r"\x9b", id="C1 control"),
        pytest.param(r"[\x07\x08]", id="other control"),
        pytest.param(r"\[/nope\]", id="closing tag of nothing"),
        pytest.param(r"\[@click=app\.quit\]x\[/\]", id="action markup"),
        pytest.param(r"AKIA\w+EXAMPLE", id="access key"),
        pytest.param(r"PRIVATE KEY", id="private key"),
        pytest.param(r"(?m)^## ", id="Markdown heading"),
        pytest.param(r"(?m)^```python$", id="Markdown code"),
        pytest.param(r"(?m)^\|---", id="Markdown table"),
        pytest.param(r"(?m)^Traceback ", id="stack trace"),
        pytest.param(r"(?m)^\w{3} \d+ [\d:]+ \S+ systemd", id="log"),
        pytest.param(r"\b[a-z]+_[a-z]+\(", id="identifier"),
        pytest.param(r"\A\Z", id="empty"),
        pytest.param(r"[^\n]{8000}", id="very long line"),
    ],
)
def test_texts_hold(items: list[Record], pattern: str) -> None:
    """Some text shows each thing that a viewer has to get right."""
    assert any(re.search(pattern, text) for text in texts(items))


def test_contents_are_of_every_type(items: list[Record]) -> None:
    """Contents are text, objects, lists, numbers, true, null and bytes, one of these a picture."""
    types = {type(item["content"]) for item in items if "content" in item}
    assert types == {str, dict, list, int, float, bool, type(None)}
    binaries = [base64.b64decode(i["content_base64"]) for i in items if "content_base64" in i]
    assert any(data.startswith(b"\x89PNG\r\n\x1a\n") for data in binaries)
    assert b"" in binaries


def test_there_is_no_nul_and_no_lone_surrogate(records: list[Record]) -> None:
    """The sample can be stored as it is: hostile, but valid."""
    for record in records:
        assert "\\u0000" not in orjson.dumps(record).decode()


def test_duplicates(items: list[Record]) -> None:
    """A few texts are there twice, and about one in twenty is nearly another one."""
    counts = Counter(text for text in texts(items) if len(text) > 40)
    assert 5 <= sum(count - 1 for count in counts.values()) <= 12
    assert 20 <= near_duplicates(list(counts)) <= 60


def near_duplicates(texts: list[str]) -> int:
    """Count pairs that share most of their characters, comparing only texts of like size."""
    found = 0
    ordered = sorted(texts, key=len)
    for number, text in enumerate(ordered):
        bag = set(re.findall(r"\w+", text))
        for other in ordered[number + 1 :]:
            if len(other) > len(text) * 1.25:
                break
            shared = len(bag & set(re.findall(r"\w+", other)))
            if shared < 0.6 * max(1, len(bag)):
                continue
            found += SequenceMatcher(None, text, other, autojunk=False).ratio() > 0.8
    return found
