"""Real conversations of 15 people, in English and in Chinese, imported, queried and searched.

The data is not part of the project: `MEMORYBANK_DIR`, or `../shared/data/memorybank` beside the
checkout, says where it is. Without it these tests are skipped.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import MemoryStore, open_store
from engine.transfer import export_store, import_file
from inspector.cli import main

DIRECTORY = Path(
    os.environ.get("MEMORYBANK_DIR") or Path(__file__).parents[3] / "shared" / "data" / "memorybank"
)
FILES = {"en": "memory_bank_en.json", "cn": "memory_bank_cn.json"}
TURNS = 1_132

pytestmark = pytest.mark.skipif(
    not all((DIRECTORY / name).is_file() for name in FILES.values()),
    reason="the MemoryBank conversations are not here; set MEMORYBANK_DIR",
)


def records() -> Iterator[dict[str, Any]]:
    """Yield one item for every turn of every conversation."""
    for language, name in FILES.items():
        people = json.loads((DIRECTORY / name).read_text(encoding="utf-8"))
        for person, memory in people.items():
            for day, turns in memory["history"].items():
                for number, turn in enumerate(turns):
                    yield {
                        "id": f"{language}/{person.strip()}/{day}/{number:02}",
                        "content": f"{person.strip()}: {turn['query']}\n\n{turn['response']}",
                        "agent": person.strip(),
                        "kind": "episodic",
                        "tags": [language],
                        "metadata": {"source": "memorybank", "day": day},
                        "created_at": f"{day}T12:{number:02}:00Z",
                    }


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the conversations as JSON Lines."""
    path = tmp_path_factory.mktemp("memorybank") / "memorybank.jsonl"
    with path.open("w", encoding="utf-8") as lines:
        lines.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records())
    return path


@pytest.fixture(scope="module")
def store_path(file: Path) -> Path:
    """Return a store that the command line filled from the file."""
    path = file.with_name("memorybank.db")
    assert main(["import", str(path), str(file)]) == 0
    return path


@pytest.fixture
async def store(store_path: Path) -> AsyncIterator[MemoryStore]:
    async with open_store(store_path, create=False) as opened:
        yield opened


async def test_every_turn_is_there(store: MemoryStore) -> None:
    """All 1,132 turns are items, of 15 people in each language."""
    assert await store.count() == TURNS
    assert await store.count("tag:en") == await store.count("tag:cn") == TURNS // 2
    facets = await store.facets("tag:cn")
    assert len(facets.agents) == 15


async def test_queries_work_in_both_languages(store: MemoryStore) -> None:
    """Agents with Chinese names, metadata and times select the same turns as counting by hand."""
    expected = [record for record in records() if record["agent"] == "张曼婷"]
    page = await store.query("agent:张曼婷", limit=1_000, order_by="created_at")
    assert [item.id for item in page.items] == [
        record["id"] for record in sorted(expected, key=lambda record: record["created_at"])
    ]
    day = sum(1 for record in records() if record["metadata"]["day"] == "2023-04-28")
    assert await store.count("metadata.day:2023-04-28") == day
    assert await store.count("created>=2023-04-28 created<2023-04-29") == day


@pytest.mark.parametrize(
    ("words", "where", "expected"),
    [
        ("Great Gatsby", "", "Great Gatsby"),
        ("painting", "agent:Emily", "paint"),
        ("paintings", "tag:en", "paint"),
        ("了不起的盖茨比", "", "了不起的盖茨比"),
        ("弹钢琴", "agent:张曼婷", "弹钢琴"),
        ("茶", "tag:cn", "茶"),
    ],
)
async def test_search_finds_in_both_languages(
    store: MemoryStore, words: str, where: str, expected: str
) -> None:
    """English by stem, Chinese by any run of characters; every hit holds what was searched."""
    result = await store.search(words, where=where)
    assert len(result) > 0
    for hit in result:
        assert expected.lower() in hit.item.content.lower()
        assert hit.highlights


async def test_the_conversations_survive_an_export(store: MemoryStore, tmp_path: Path) -> None:
    """What was imported comes out again, word for word."""
    path = tmp_path / "again.jsonl.zst"
    assert (await export_store(store, path)).items == TURNS
    async with open_store(tmp_path / "again.db") as again:
        await import_file(again, path)
        contents = {item.id: item.content async for item in again.iterate("")}
    assert contents == {record["id"]: record["content"] for record in records()}
