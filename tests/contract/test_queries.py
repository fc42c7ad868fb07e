"""Pages, scans, previews and iteration. What filters mean is in `test_filters_agree`."""

from __future__ import annotations

import asyncio
import base64
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from kit import START, OpenMemory

from engine import (
    Codec,
    InvalidCursorError,
    InvalidFilterError,
    Limits,
    MemoryStore,
    QueryTimeoutError,
    Tier,
)
from engine.query.filter import And, Compare, Field, Operator, Or, Text
from engine.query.plan import ORDERS

ATLAS = Compare(Field.AGENT, Operator.EQ, "atlas")


async def fill(store: MemoryStore, count: int) -> None:
    await store.put_many(
        {
            "id": f"i{n:04}",
            "content": f"word{n % 7} text",
            "agent": "atlas" if n % 2 else "bella",
            "importance": (n % 10) / 10,
            "tags": {f"t{n % 5}"},
            "created_at": START - timedelta(minutes=n // 3),
        }
        for n in range(count)
    )


async def test_queries_as_text_dictionary_and_tree_agree(store: MemoryStore) -> None:
    """The three ways to write a filter find the same items."""
    await fill(store, 40)
    tree = await store.query(ATLAS)
    text = await store.query("agent:atlas")
    mongo = await store.query({"agent": "atlas"})

    assert len(tree.items) == 20
    assert tree.items == text.items == mongo.items


async def test_the_newest_come_first_unless_asked(store: MemoryStore) -> None:
    """Without an order a query is newest first; an iteration is oldest first."""
    await store.put("old", "x", created_at=START - timedelta(days=1))
    await store.put("new", "x", created_at=START)

    assert [item.id for item in (await store.query()).items] == ["new", "old"]
    assert [item.id async for item in store.iterate()] == ["old", "new"]


async def test_pages_follow_each_other_while_others_write(store: MemoryStore) -> None:
    """Reading on repeats and skips none of the items that stay, whatever comes and goes."""
    await fill(store, 60)
    ids: list[str] = []
    page = await store.query("", order_by="id", limit=7)
    while True:
        ids += [item.id for item in page.items]
        if page.cursor is None:
            break
        await store.put(f"i{len(ids) - 1:04}-new", "behind the reader")
        await store.delete(ids[-1])
        page = await store.query("", order_by="id", limit=7, after=page.cursor)

    assert [item_id for item_id in ids if "new" not in item_id] == [f"i{n:04}" for n in range(60)]


async def test_the_last_page_has_no_cursor(store: MemoryStore) -> None:
    """A full last page is known to be the last one."""
    await fill(store, 20)
    first = await store.query(limit=10)
    second = await store.query(limit=10, after=first.cursor)

    assert len(first.items) == len(second.items) == 10
    assert first.cursor is not None
    assert second.cursor is None
    assert (await store.query(ATLAS, limit=10)).cursor is None


BAD_CURSORS = [
    "",
    "x",
    "é",
    "!!!!",
    base64.urlsafe_b64encode(b"[]").decode(),
    base64.urlsafe_b64encode(b"[1,2,3,4]").decode(),
    base64.urlsafe_b64encode(b"{}").decode(),
    base64.urlsafe_b64encode(b"\xff\xff").decode(),
]


@pytest.mark.parametrize("cursor", BAD_CURSORS, ids=range(len(BAD_CURSORS)))
async def test_a_malformed_cursor_is_told(store: MemoryStore, cursor: str) -> None:
    """What is no cursor is a typed error."""
    await fill(store, 3)
    with pytest.raises(InvalidCursorError):
        await store.query(after=cursor)


async def test_a_cursor_belongs_to_its_query(store: MemoryStore) -> None:
    """Another filter or order refuses the cursor instead of giving a wrong page."""
    await fill(store, 20)
    page = await store.query(ATLAS, limit=3)
    assert page.cursor is not None

    for query, order in ((And(()), "-created_at"), (ATLAS, "created_at"), (ATLAS, "id")):
        with pytest.raises(InvalidCursorError):
            await store.query(query, order_by=order, after=page.cursor)
    value, key, now, fingerprint = orjson.loads(base64.urlsafe_b64decode(page.cursor))
    forgeries: list[Any] = [
        [value, 2**64 - 1, now, fingerprint],
        [value, "x", now, fingerprint],
        [[value], key, now, fingerprint],
        [value, key, None, fingerprint],
        [2**64 - 1, key, now, fingerprint],
        [value, key, now, fingerprint, 5],
    ]
    for forged in forgeries:
        cursor = base64.urlsafe_b64encode(orjson.dumps(forged)).decode()
        with pytest.raises(InvalidCursorError):
            await store.query(ATLAS, after=cursor)


@pytest.mark.parametrize("order", ["", "-", "content", "--id", "id; --", "ID", "rowid", "-1"])
async def test_an_unknown_order_is_refused(store: MemoryStore, order: str) -> None:
    """Only known orders are taken; the hint lists them."""
    with pytest.raises(InvalidFilterError) as caught:
        await store.query(order_by=order)
    assert "created_at" in caught.value.hint
    with pytest.raises(InvalidFilterError):
        await anext(store.iterate(order_by=order))


async def test_limits_that_make_no_sense_do_no_harm(store: MemoryStore) -> None:
    """A limit of nothing gives one item, a limit beyond all gives all."""
    await fill(store, 5)

    assert len((await store.query(limit=0)).items) == 1
    assert len((await store.query(limit=-5)).items) == 1
    for huge in (10**6, 2**63 - 1, 2**70):
        assert len((await store.query(limit=huge)).items) == 5
        assert len(await store.search("text", limit=huge)) == 5
        assert len(await store.history("i0001", limit=huge)) == 1
        assert len(await store.changes(limit=huge)) == 5
    assert await store.changes(after=2**70) == []
    assert len(await store.history("i0001", before=2**70)) == 1


async def test_a_scan_lists_the_keys_of_all_matches(store: MemoryStore) -> None:
    """The first chunk is small, the others large; together they are every match in order."""
    await fill(store, 1_000)
    sizes: list[int] = []
    keys: list[int] = []
    async with aclosing(store.scan(ATLAS, order_by="id", first=10, chunk=200)) as chunks:
        async for chunk in chunks:
            assert chunk.typecode == "q"
            sizes.append(len(chunk))
            keys += chunk
    previews = await store.previews(keys)

    assert sizes == [10, 200, 200, 90]
    assert [previews[key].id for key in keys] == [f"i{n:04}" for n in range(1, 1_000, 2)]


async def test_a_scan_is_one_snapshot(store: MemoryStore) -> None:
    """What is written while a scan runs does not show in it."""
    await fill(store, 500)
    seen = 0
    async with aclosing(store.scan("", first=10, chunk=100)) as chunks:
        async for chunk in chunks:
            seen += len(chunk)
            await store.put(None, "meanwhile")
            await store.bulk_delete(ids=[f"i{seen % 500:04}"])
    assert seen == 500


async def test_an_iteration_is_one_snapshot(store: MemoryStore) -> None:
    """Items come as they were when the iteration began, with their content."""
    await fill(store, 600)
    texts: list[Any] = []
    async with aclosing(store.iterate("", order_by="id")) as items:
        async for item in items:
            if not texts:
                await store.bulk_update(query="", add_tags=["late"])
                await store.put("i0599", "late")
            assert "late" not in item.tags
            texts.append(item.content)
    assert texts == [f"word{n % 7} text" for n in range(600)]


async def test_closing_an_iteration_early_gives_its_connection_back(store: MemoryStore) -> None:
    """Many abandoned iterations leave room for more."""
    await fill(store, 300)
    for _ in range(20):
        async with aclosing(store.iterate()) as items:
            async for _item in items:
                break
        async with aclosing(store.scan("", first=1, chunk=1)) as chunks:
            await anext(chunks)
    assert len([item async for item in store.iterate()]) == 300


async def test_iterations_run_side_by_side(store: MemoryStore) -> None:
    """More iterations than connections wait for each other and all arrive."""
    await fill(store, 300)

    async def walk() -> int:
        return len([item async for item in store.iterate()])

    assert await asyncio.gather(*(walk() for _ in range(12))) == [300] * 12


async def test_previews_are_rows_without_content(store: MemoryStore) -> None:
    """A preview has every field of the item, and the beginning of its content as text."""
    contents: dict[str, tuple[Any, str]] = {
        "text": ("short", "short"),
        "long": ("é" * 5_000, "é" * 160),
        "json": ({"a": "é"}, '{"a":"é"}'),
        "bytes": (b"\x00\xff", "bytes 00 ff"),
        "null": (None, "null"),
        "empty": ("", ""),
        "big json": (["x"] * 2_000, '["x",' + '"x",' * 38 + '"x"')[:2],
    }
    for name, (content, _) in contents.items():
        await store.put(name, content, tags={"b", "a"}, tier="working", metadata={"m": 1})
    await store.get("text")
    keys = await store.find_keys(contents)
    previews = await store.previews([*keys.values(), 10**9])

    assert set(previews) == set(keys.values())
    for name, key in keys.items():
        preview, item = previews[key], await store.peek(name)
        assert item is not None
        for field in ("id", "agent", "kind", "tier", "importance", "created_at", "updated_at"):
            assert getattr(preview, field) == getattr(item, field)
        assert preview.last_accessed_at == item.last_accessed_at
        assert (preview.access_count, preview.version) == (item.access_count, item.version)
        assert (preview.size_bytes, preview.codec) == (item.size_bytes, item.codec)
        assert preview.tags == ("a", "b")
        assert preview.key == key
        assert len(preview.text) <= 160
    for name in ("text", "long", "json", "bytes", "null", "empty"):
        assert previews[keys[name]].text == contents[name][1]
    assert previews[keys["big json"]].text.startswith('["x","x",')
    assert previews[keys["long"]].codec is Codec.TEXT_COMPRESSED


async def test_row_keys_are_never_used_again(store: MemoryStore) -> None:
    """A key of a deleted item names nothing, also after others were put."""
    await store.put("a", "x")
    (old,) = (await store.find_keys(["a"])).values()
    await store.delete("a")
    await store.put("a", "y")
    (new,) = (await store.find_keys(["a"])).values()

    assert new != old
    assert await store.previews([old]) == {}


async def test_a_query_over_its_time_is_stopped(open_memory: OpenMemory) -> None:
    """A runaway query is a typed error with a hint, and the store goes on."""
    store = await open_memory(limits=Limits(query_seconds_max=0.0))
    await fill(store, 3_000)
    slow = Or(
        tuple(Text(f"w{n}", prefix=True) for n in range(40))
        + tuple(Compare(Field.ID, Operator.PREFIX, f"x{n}") for n in range(40))
    )

    with pytest.raises(QueryTimeoutError) as caught:
        await store.query(slow, order_by="size_bytes")
    assert caught.value.hint
    assert await store.peek("i0001") is not None
    await store.put("after", "x")


async def test_cancelling_a_query_stops_it(store: MemoryStore) -> None:
    """A query whose answer is no longer wanted gives its connection back."""
    await fill(store, 2_000)
    slow = Or(tuple(Compare(Field.ID, Operator.PREFIX, f"x{n}") for n in range(60)))
    for _ in range(10):
        task = asyncio.create_task(store.query(slow, order_by="size_bytes"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await store.count(ATLAS) == 1_000


async def test_orders_cover_every_field_they_promise(store: MemoryStore) -> None:
    """Every documented order sorts by that field, both ways."""
    await fill(store, 30)
    await store.update("i0003", tier=Tier.WORKING, kind="episodic")
    await store.get("i0004")
    await store.flush()
    for name in ORDERS:
        rising = [getattr(i, name) for i in (await store.query(order_by=name)).items]
        falling = [getattr(i, name) for i in (await store.query(order_by=f"-{name}")).items]
        if name == "last_accessed_at":
            rising, falling = [v or START.min for v in rising], [v or START.min for v in falling]
            rising = [v.replace(tzinfo=None) for v in rising]
            falling = [v.replace(tzinfo=None) for v in falling]
        assert rising == sorted(rising)
        assert falling == sorted(falling, reverse=True)


async def test_tags_of_items_made_before_1970(store: MemoryStore) -> None:
    """A tag's list answers for every time there is."""
    await store.put("old", 1, tags={"t"}, created_at=datetime(1965, 1, 1, tzinfo=UTC))
    page = await store.query("tag:t created>=1960-01-01")

    assert [item.id for item in page.items] == ["old"]
    assert await store.count("tag:t created>=1960-01-01") == 1


async def test_loops_inside_loops(store: MemoryStore) -> None:
    """Each has a snapshot of its own, and none waits for those around it."""
    await store.put_many([{"id": "a", "content": 1}, {"id": "b", "content": 2}])

    async def descend(depth: int) -> int:
        async with aclosing(store.iterate("")) as items:
            async for _ in items:
                return 1 if depth == 0 else await descend(depth - 1)
        return 0

    assert await asyncio.wait_for(descend(12), 20) == 1


@pytest.mark.parametrize("way", ["iterate", "scan"])
async def test_a_closed_iterator_has_let_go(store: MemoryStore, way: str) -> None:
    """Of its snapshot and its connection: at once, not when it is collected."""
    await store.put_many([{"content": n} for n in range(1_000)])
    iterator: Any = getattr(store, way)("")
    await anext(iterator)
    streams = store._backend._streams  # type: ignore[attr-defined]
    assert len(streams._idle) == 0
    await iterator.aclose()
    assert len(streams._idle) == 1
