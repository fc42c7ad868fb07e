"""Putting, getting and deleting single items."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from kit import START, AssertSound, ManualClock, OpenMemory

from engine import (
    Codec,
    CorruptItemError,
    InvalidContentError,
    InvalidItemError,
    ItemNotFoundError,
    LimitExceededError,
    Limits,
    MemoryStore,
    PickledContent,
    StoreClosedError,
    Tier,
    VersionConflictError,
    open_store,
)
from engine.backends.sqlite.driver import driver

CONTENTS: list[Any] = [
    "text",
    "",
    "\0 \x1b[31m \u202e \U0001f469\u200d\U0001f680 東京",
    "long " * 5_000,
    {"language": "Python", "nested": [1, 2.5, None, True, {"": -0.0}]},
    {"lc": 1, "py/object": "os.system", "__class__": "Popen", "$type": "x"},
    [],
    {},
    None,
    True,
    False,
    0,
    2**63,
    -(2**63),
    1e-300,
    b"",
    b"\x00\xff",
    bytes(range(256)) * 40,
    PickledContent(b"cos\nsystem\n(S'true'\ntR."),
]


@pytest.mark.parametrize(
    "content", CONTENTS, ids=lambda content: repr(content)[:20].encode("unicode_escape").decode()
)
async def test_content_comes_back_as_it_was(store: MemoryStore, content: Any) -> None:
    """What is put is got, equal and of the same type, by every way of reading."""
    put = await store.put("a", content)
    got = await store.get("a")
    peeked = await store.peek("a")
    (listed,) = await store.get_many(["a"])
    (queried,) = (await store.query()).items

    for item in (put, got, peeked, listed, queried):
        assert item is not None
        assert item.content == content
        assert type(item.content) is type(content)


async def test_an_item_has_all_that_was_given(store: MemoryStore, clock: ManualClock) -> None:
    """Every field is kept, and those that were not given have their documented value."""
    full = await store.put(
        "user/preferences",
        {"language": "Python"},
        agent="atlas",
        kind="episodic",
        tier=Tier.WORKING,
        importance=0.8,
        tags={"user", "profile"},
        metadata={"source": "chat"},
        session_id="s1",
    )
    plain = await store.put(None, "x")

    assert (full.id, full.agent, full.kind) == ("user/preferences", "atlas", "episodic")
    assert (full.tier, full.importance, full.session_id) == (Tier.WORKING, 0.8, "s1")
    assert full.tags == frozenset({"user", "profile"})
    assert full.metadata == {"source": "chat"}
    assert (full.version, full.access_count, full.last_accessed_at) == (1, 0, None)
    assert full.created_at == full.updated_at
    assert START < full.created_at < clock.now
    assert (plain.agent, plain.kind, plain.tier) == ("default", "semantic", Tier.LONG_TERM)
    assert (plain.importance, plain.tags, plain.metadata) == (0.5, frozenset(), {})
    assert await store.peek(full.id) == full


async def test_ids_are_made_in_order_of_time(store: MemoryStore) -> None:
    """Items without an id get one that sorts as they were made."""
    made = [(await store.put(None, number)).id for number in range(20)]

    assert made == sorted(set(made))


async def test_putting_again_replaces_and_keeps_the_origin(
    store: MemoryStore, path: Path, assert_sound: AssertSound
) -> None:
    """An id that exists gets the new fields, the next version, and its old creation time."""
    first = await store.put("a", "one", agent="atlas", tags={"x"}, metadata={"k": 1})
    second = await store.put("a", "two", tags={"y"})

    assert second.version == 2
    assert second.created_at == first.created_at
    assert second.updated_at > first.updated_at
    assert (second.content, second.agent) == ("two", "default")
    assert (second.tags, second.metadata) == (frozenset({"y"}), {})
    assert await store.count() == 1
    await store.close()
    assert_sound(path)


async def test_putting_the_same_again_changes_nothing(store: MemoryStore) -> None:
    """A put that makes no difference is no change: version, time and history stay."""
    first = await store.put("a", {"k": [1]}, tags={"x"}, metadata={"m": 1})
    again = await store.put("a", {"k": [1]}, tags={"x"}, metadata={"m": 1})

    assert again == first
    assert await store.sequence() == 1


async def test_a_creation_time_is_kept_to_the_microsecond(store: MemoryStore) -> None:
    """Times in any zone, before 1970 and far ahead come back as the same moment."""
    moments = [
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(2026, 3, 29, 2, 30, 0, 1, tzinfo=timezone(timedelta(hours=5, minutes=45))),
        datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    ]
    for moment in moments:
        item = await store.put(None, "x", created_at=moment)
        text = await store.put(None, "x", created_at=moment.isoformat())
        found = await store.peek(item.id)
        assert found is not None
        assert found.created_at == text.created_at == moment


async def test_get_counts_an_access_and_peek_does_not(
    store: MemoryStore, open_memory: OpenMemory
) -> None:
    """Only `get` is an access; it is seen at once and is still there after closing."""
    await store.put("a", "x")
    for _ in range(3):
        await store.get("a")
        await store.peek("a")
    await store.get_many(["a"])
    seen = await store.peek("a")
    await store.close()
    later = await (await open_memory()).peek("a")

    assert seen is not None
    assert later is not None
    assert seen.access_count == later.access_count == 3
    assert seen.last_accessed_at == later.last_accessed_at is not None
    assert later.version == 1


async def test_flush_writes_accesses_for_others_to_see(
    store: MemoryStore, open_memory: OpenMemory
) -> None:
    """After `flush`, another holder of the store sees the accesses."""
    await store.put("a", "x")
    await store.get("a")
    await store.flush()
    other = await (await open_memory()).peek("a")

    assert other is not None
    assert other.access_count == 1


async def test_accesses_survive_a_delete_in_between(
    store: MemoryStore, path: Path, assert_sound: AssertSound
) -> None:
    """An access of an item that is gone by the time it is written is dropped without trouble."""
    await store.put("a", "x")
    await store.get("a")
    await store.delete("a")
    await store.flush()
    await store.close()
    assert_sound(path)


async def test_what_is_absent_is_none(store: MemoryStore) -> None:
    """Absent items are None, left out or False, never an error, when reading or deleting."""
    await store.put("a", "x")

    assert await store.get("no") is None
    assert await store.peek("no") is None
    assert [item.id for item in await store.get_many(["no", "a", "no", "a"])] == ["a", "a"]
    assert await store.find_keys(["no", "a"]) == await store.find_keys(["a"])
    assert await store.delete("no") is False
    with pytest.raises(ItemNotFoundError):
        await store.content_bytes("no")


async def test_get_many_keeps_the_order_asked_for(store: MemoryStore) -> None:
    """Items come in the order of the ids."""
    await store.put_many([{"id": name, "content": name} for name in "abc"])

    assert [item.id for item in await store.get_many(["c", "a", "b"])] == ["c", "a", "b"]


async def test_content_bytes_are_parts_of_the_uncompressed_content(store: MemoryStore) -> None:
    """Any part of the content can be read as raw bytes, compressed or not."""
    text = "".join(f"line {number}\n" for number in range(10_000))
    item = await store.put("long", text)
    await store.put("json", {"a": 1})
    raw = text.encode()

    assert item.codec is Codec.TEXT_COMPRESSED
    assert item.stored_bytes < item.size_bytes == len(raw)
    assert await store.content_bytes("long", 0, 10) == raw[:10]
    assert await store.content_bytes("long", len(raw) - 5, 100) == raw[-5:]
    assert await store.content_bytes("long", len(raw) + 5) == b""
    assert await store.content_bytes("json") == b'{"a":1}'


async def test_delete_takes_the_item_and_its_links(
    store: MemoryStore, path: Path, assert_sound: AssertSound
) -> None:
    """A deleted item is gone from every way of finding it, and nothing links to it."""
    await store.put("a", "unmistakable", tags={"t"})
    await store.put("b", "x")
    await store.associate("a", "b")
    await store.associate("b", "a")
    (key,) = (await store.find_keys(["a"])).values()

    assert await store.delete("a") is True
    assert await store.peek("a") is None
    assert await store.count("tag:t") == 0
    assert len(await store.search("unmistakable")) == 0
    assert await store.associations("b") == []
    assert await store.previews([key]) == {}
    await store.close()
    assert_sound(path)


async def test_delete_refuses_a_stale_version(store: MemoryStore) -> None:
    """Who deletes what somebody else changed is told, and the item stays."""
    item = await store.put("a", "draft")
    await store.update("a", content="better")

    with pytest.raises(VersionConflictError) as caught:
        await store.delete("a", version=item.version)
    assert (caught.value.expected, caught.value.actual) == (1, 2)
    found = await store.peek("a")
    assert found is not None
    assert found.content == "better"


BAD_FIELDS: list[dict[str, Any]] = [
    {"id": ""},
    {"id": " "},
    {"id": "a\0b"},
    {"id": "\ud800"},
    {"id": 5},
    {"id": "x" * 1025},
    {"agent": ""},
    {"agent": "x" * 257},
    {"agent": None},
    {"kind": "\udfff"},
    {"kind": 3},
    {"tier": "attic"},
    {"tier": 7},
    {"tier": None},
    {"importance": 1.01},
    {"importance": -0.1},
    {"importance": float("nan")},
    {"importance": "high"},
    {"importance": True},
    {"tags": "one"},
    {"tags": [""]},
    {"tags": [1]},
    {"tags": 5},
    {"tags": {str(number) for number in range(257)}},
    {"metadata": [1]},
    {"metadata": "x"},
    {"metadata": {"x": float("inf")}},
    {"metadata": {1: 2}},
    {"metadata": {"x": "y" * 300_000}},
    {"session_id": ""},
    {"session_id": 1},
    {"created_at": datetime(2026, 1, 1)},  # noqa: DTZ001 - that is the fault
    {"created_at": "yesterday"},
    {"created_at": 5},
    {"content": float("nan")},
    {"content": [float("inf")]},
    {"content": "\ud800"},
    {"content": {"\udc00": 1}},
    {"content": 2**64},
    {"content": -(2**63) - 1},
    {"content": (1, 2)},
    {"content": {1: 2}},
    {"content": {1, 2}},
    {"content": object()},
    {"content": datetime(2026, 1, 1, tzinfo=UTC)},
    {"content": 10**5_000},
]


@pytest.mark.parametrize("fields", BAD_FIELDS, ids=lambda fields: next(iter(fields)))
async def test_what_cannot_be_stored_is_refused(store: MemoryStore, fields: dict[str, Any]) -> None:
    """A field that cannot be kept exactly is a typed error with a hint, and nothing is written."""
    record = {"id": "new", "content": "x", **fields}
    item_id, content = record.pop("id"), record.pop("content")

    with pytest.raises(InvalidItemError) as caught:
        await store.put(item_id, content, **record)
    assert caught.value.hint
    with pytest.raises(InvalidItemError):
        await store.put_many([{"content": "good"}, {"id": "new", "content": "x", **fields}])
    assert await store.count() == 0
    assert await store.sequence() == 0


def nested(depth: int) -> Any:
    """Return lists in lists."""
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


async def test_deep_json_is_kept_or_refused(store: MemoryStore) -> None:
    """JSON 200 deep is kept; depths without sense are refused, not crashed on."""
    assert (await store.put("a", nested(200))).content == nested(200)
    for depth in (1_000, 100_000):
        with pytest.raises(InvalidContentError):
            await store.put("b", nested(depth))


async def test_content_over_the_limit_is_refused(open_memory: OpenMemory) -> None:
    """The limit is of the uncompressed bytes, and the message says both numbers."""
    store = await open_memory(limits=Limits(content_bytes_max=1_000))
    await store.put("a", "x" * 1_000)

    with pytest.raises(LimitExceededError, match="1,001 bytes; the limit is 1,000"):
        await store.put("b", "x" * 1_001)


async def test_objects_are_pickled_only_on_request(open_memory: OpenMemory) -> None:
    """Without opting in an object is refused; with it, it comes back unopened."""
    closed = await open_memory()
    with pytest.raises(InvalidContentError):
        await closed.put("a", {1, 2})
    opted = await open_memory(allow_pickle=True)
    await opted.put("a", {1, 2})
    item = await opted.peek("a")

    assert item is not None
    assert isinstance(item.content, PickledContent)
    assert any("EMPTY_SET" in line for line in item.content.opcodes())


async def test_a_damaged_item_is_an_error_and_others_are_not(
    store: MemoryStore, path: Path, open_memory: OpenMemory
) -> None:
    """Content that does not match its hash is never returned; its neighbours are."""
    await store.put("bad", "original")
    await store.put("good", "intact")
    await store.close()
    connection = driver.connect(path, isolation_level=None)
    connection.execute(
        "UPDATE contents SET data = CAST('0riginal' AS BLOB) "
        "WHERE content_key = (SELECT content_key FROM items WHERE id = 'bad')"
    )
    connection.close()
    store = await open_memory()

    for reading in (store.get("bad"), store.peek("bad"), store.content_bytes("bad")):
        with pytest.raises(CorruptItemError):
            await reading
    with pytest.raises(CorruptItemError):
        await store.query()
    with pytest.raises(CorruptItemError):
        _ = [item async for item in store.iterate()]
    kept = [item.id async for item in store.iterate(skip_corrupt=True)]
    assert kept == ["good"]
    assert await store.count() == 2


async def test_a_damaged_item_can_be_replaced_or_deleted(
    store: MemoryStore, path: Path, open_memory: OpenMemory
) -> None:
    """Damage is no trap: a new content mends the item, and deleting rids of it."""
    await store.put_many([{"id": name, "content": "original"} for name in ("a", "b", "c")])
    await store.close()
    connection = driver.connect(path, isolation_level=None)
    connection.execute("UPDATE contents SET data = CAST('0riginal' AS BLOB)")
    connection.close()
    store = await open_memory()

    await store.put("a", "mended")
    assert await store.update("c", content="mended too")
    assert await store.delete("b") is True
    assert [item.content for item in await store.get_many(["a", "b", "c"])] == [
        "mended",
        "mended too",
    ]


async def test_put_many_is_all_or_nothing(
    store: MemoryStore, path: Path, assert_sound: AssertSound
) -> None:
    """Items come back in order; ids may repeat, the last wins; one bad record writes none."""
    made = await store.put_many(
        [{"id": "a", "content": 1}, {"content": 2}, {"id": "a", "content": 3, "tags": ["t"]}]
    )

    assert [item.content for item in made] == [1, 2, 3]
    assert [item.version for item in made] == [1, 1, 2]
    assert await store.count() == 2
    assert await store.put_many([]) == []
    with pytest.raises(InvalidItemError, match="item 1"):
        await store.put_many([{"content": 1}, {"content": 1, "colour": "red"}])
    with pytest.raises(InvalidItemError, match="no content"):
        await store.put_many([{"id": "b"}])
    assert await store.count() == 2
    await store.close()
    assert_sound(path)


async def test_put_many_takes_thousands(
    store: MemoryStore, path: Path, assert_sound: AssertSound
) -> None:
    """More items than fit one round of statements are still one transaction, in order."""
    made = await store.put_many(
        {"id": f"i{n}", "content": f"text {n}", "tags": {f"t{n % 3}"}} for n in range(2_500)
    )

    assert [item.id for item in made] == [f"i{n}" for n in range(2_500)]
    assert await store.count() == await store.sequence() == 2_500
    await store.close()
    assert_sound(path)


async def test_import_keeps_a_life_led_elsewhere(store: MemoryStore) -> None:
    """Imported items keep times, counts and version."""
    moment = datetime(2020, 5, 17, 8, 30, tzinfo=UTC)
    record = {
        "id": "a",
        "content": "x",
        "created_at": moment,
        "updated_at": moment + timedelta(days=1),
        "last_accessed_at": (moment + timedelta(days=2)).isoformat(),
        "access_count": 7,
        "version": 4,
    }

    assert await store.import_items([record]) == 1
    item = await store.peek("a")
    assert item is not None
    assert item.created_at == moment
    assert item.updated_at == moment + timedelta(days=1)
    assert item.last_accessed_at == moment + timedelta(days=2)
    assert (item.access_count, item.version) == (7, 4)
    with pytest.raises(InvalidItemError):
        await store.import_items([{"content": "x", "version": -1}])
    with pytest.raises(InvalidItemError):
        await store.put_many([record])


async def test_numbers_at_the_edge_take_nobody_down(
    store: MemoryStore, path: Path, assert_sound: AssertSound
) -> None:
    """Counters imported at the largest number do not break later accesses and edits of others."""
    for field in ("access_count", "version"):
        with pytest.raises(InvalidItemError):
            await store.import_items([{"content": "x", field: 2**63 - 1}])
    edge = {"id": "edge", "content": "x", "version": 2**53 - 1, "access_count": 2**53 - 1}
    await store.import_items([{**edge, "last_accessed_at": START}])
    await store.get("edge")
    await store.update("edge", content="y")
    results = await asyncio.gather(
        store.flush(), *(store.put(f"i{n}", n) for n in range(20)), return_exceptions=True
    )

    assert [error for error in results if isinstance(error, BaseException)] == []
    assert await store.count() == 21
    await store.close()
    assert_sound(path)


async def test_a_closed_store_says_so(store: MemoryStore) -> None:
    """Closing twice is fine; everything else is a typed error."""
    await store.put("a", "x")
    await store.close()
    await store.close()

    for call in (
        store.get("a"),
        store.peek("a"),
        store.put("b", "x"),
        store.update("a", content="y"),
        store.delete("a"),
        store.query(),
        store.search("x"),
        store.count(),
        store.facets(),
        store.history("a"),
        store.undo(1),
        store.info(),
        store.sequence(),
        store.associations("a"),
        store.bulk_delete(query=""),
        anext(store.iterate()),
        anext(store.scan()),
        anext(store.watch()),
    ):
        with pytest.raises(StoreClosedError):
            await call


async def test_awaiting_and_entering_open_the_same(path: Path) -> None:
    """`await open_store(...)` gives a store that is closed by hand."""
    store = await open_store(path)
    await store.put("a", "x")
    await store.close()
    async with open_store(path, create=False) as again:
        assert await again.count() == 1
