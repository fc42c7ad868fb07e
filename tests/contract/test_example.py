"""The library as the README promises it, run as written."""

from __future__ import annotations

import asyncio
import re
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from engine import ItemNotFoundError, Tier, VersionConflictError, open_store

README = Path(__file__).parents[2] / "README.md"


async def test_the_library_works_as_promised(tmp_path: Path) -> None:
    """Every call of the promised interface does what its comment says."""
    async with open_store(tmp_path / "agent.db", durability="full", create=True) as store:
        item = await store.put(
            "user/preferences",
            {"language": "Python"},
            agent="atlas",
            kind="semantic",
            tier=Tier.WORKING,
            importance=0.8,
            tags={"user", "profile"},
            metadata={"source": "chat"},
        )
        made = await store.put_many(
            [
                {
                    "id": "episode/17",
                    "content": "User asked about async SQLite, preferred language Python",
                    "agent": "atlas",
                },
                {"content": "an id is made"},
            ]
        )
        assert made[0].id == "episode/17"
        assert made[1].id
        assert await store.get("nobody") is None
        found = await store.get("user/preferences")
        assert found == item
        before = item.version
        item = await store.update(item.id, content={"language": "Rust"}, version=before)
        with pytest.raises(VersionConflictError):
            await store.update(item.id, content={}, version=before)
        assert "pinned" in (await store.tag(item.id, "pinned")).tags
        assert "pinned" not in (await store.untag(item.id, "pinned")).tags
        await store.associate(item.id, "episode/17", relation="learned_from", strength=0.9)
        assert await store.dissociate(item.id, "episode/17") == 1
        page = await store.query(
            "tier:working importance>=0.7 tag:user -tag:old created<30d",
            order_by="-created_at",
            limit=100,
        )
        assert [i.id for i in page.items] == ["user/preferences"]
        page = await store.query(
            {"metadata.source": "chat", "importance": {"$gte": 0.5}}, after=page.cursor
        )
        assert [i.id for i in page.items] == ["user/preferences"]
        async with aclosing(store.iterate("agent:atlas")) as items:
            assert {i.id async for i in items} == {"user/preferences", "episode/17"}
        hits = await store.search("preferred language", where="agent:atlas", limit=20)
        assert {hit.item.id for hit in hits} == {"episode/17", "user/preferences"}
        assert hits[0].score >= hits[1].score > 0
        assert any("preferred language" in hit.snippet for hit in hits)
        facets = await store.facets(where="agent:atlas")
        assert facets.tiers[Tier.WORKING] == 1
        assert await store.count("tier:archive") == 0
        assert await store.count("") == 3
        changes = await store.history("user/preferences")
        assert changes[1].after["content"] == {"language": "Rust"}
        await store.undo(changes[-1].sequence)
        assert [link.strength for link in await store.associations(item.id)] == [0.9]
        assert await store.sequence() > changes[-1].sequence
        assert await store.delete(item.id)
        assert await store.get(item.id) is None
        changes = await store.history(item.id)
        await store.undo(changes[-1].sequence)
        restored = await store.peek(item.id)
        assert restored is not None
        assert restored.content == {"language": "Rust"}
        with pytest.raises(ItemNotFoundError):
            await store.update("nobody", content=1)


def test_the_readme_example_runs_as_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A newcomer can paste the README's library example into a coroutine and run it."""
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    (example,) = [block for block in blocks if "open_store" in block]
    imports, body = example.split("\n\n", 1)
    lines = [imports, "async def example():", *(f"    {line}" for line in body.splitlines())]
    scope: dict[str, Any] = {}
    exec(compile("\n".join(lines), "README.md", "exec"), scope)
    asyncio.run(scope["example"]())
    assert (tmp_path / "agent.db").exists()
