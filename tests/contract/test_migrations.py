"""Stores of earlier versions of the engine, kept as they were made."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from kit import AssertSound

from engine import ReadOnlyStoreError, StoreError, Tier, open_store
from engine.backends.sqlite.driver import driver
from engine.backends.sqlite.schema import SCHEMA_VERSION
from engine.compression import zstd

EARLIER = Path(__file__).parents[1] / "data"


@pytest.fixture(params=range(1, SCHEMA_VERSION))
def earlier(request: pytest.FixtureRequest, path: Path) -> Path:
    """A store as an engine of an earlier schema version left it."""
    packed = (EARLIER / f"store-v{request.param}.db.zst").read_bytes()
    path.write_bytes(zstd.decompress(packed))
    path.chmod(0o600)
    return path


async def test_an_earlier_store_is_migrated_whole(earlier: Path, assert_sound: AssertSound) -> None:
    """Items, tags, links, words, history and deleted items are all there, and can be changed."""
    async with open_store(earlier) as store:
        assert (await store.info()).schema_version == SCHEMA_VERSION
        assert await store.count("") == 55
        name = await store.peek("user/name")
        assert name is not None
        assert (name.content, name.tier, name.tags) == (
            "Ada Lovelace",
            Tier.WORKING,
            frozenset({"user", "profile"}),
        )
        plan = await store.peek("plan")
        assert plan is not None
        assert (plan.content, plan.access_count) == ({"steps": ["read", "write"], "n": 2}, 2)
        blob = await store.peek("blob")
        assert blob is not None
        assert blob.content == b"\x00\x01\x02" * 10
        long = await store.peek("long")
        assert long is not None
        assert long.content == "another long sentence, repeated often. " * 300
        assert [link.target_id for link in await store.associations("user/name")] == ["plan"]
        assert [hit.item.id for hit in await store.search("Lovelace")] == ["user/name"]
        page = await store.query("agent:atlas tag:many", limit=3)
        assert [item.id for item in page.items] == ["many/49", "many/48", "many/47"]

        changes = await store.history("short")
        assert [change.before.get("content") for change in changes[1:]] == [
            change.after.get("content") for change in changes[:-1]
        ]
        await store.undo(changes[-1].sequence)
        short = await store.peek("short")
        assert short is not None
        assert short.content == "second words"
        await store.undo((await store.history("gone"))[-1].sequence)
        gone = await store.peek("gone")
        assert gone is not None
        assert (gone.content, gone.tags) == ("deleted but not forgotten", frozenset({"old"}))
        await store.update("long", content="short now")
    assert_sound(earlier)


async def test_an_earlier_store_is_not_migrated_by_looking(earlier: Path) -> None:
    """For reading alone it is refused with what to do, and stays at its version."""
    before = earlier.read_bytes()
    with pytest.raises(ReadOnlyStoreError) as caught:
        await open_store(earlier, read_only=True)
    assert caught.value.hint
    assert earlier.read_bytes() == before


async def test_a_migration_that_fails_leaves_the_earlier_store(earlier: Path) -> None:
    """One transaction a step: what stands in its way is reported, and nothing is half done."""
    with closing(driver.connect(earlier)) as connection:
        connection.execute(
            "CREATE TRIGGER obstacle BEFORE INSERT ON items_text_config "
            "BEGIN SELECT RAISE(ABORT, 'in the way'); END"
        )
        connection.commit()

    with pytest.raises(StoreError, match="constraint"):
        await open_store(earlier)

    with closing(driver.connect(earlier)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION - 1,)
        connection.execute("DROP TRIGGER obstacle")
        connection.commit()
    async with open_store(earlier) as store:
        assert await store.count("") == 55
