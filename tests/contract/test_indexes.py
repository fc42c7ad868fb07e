"""Custom indexes: they follow every change, and answer as a look at every item would."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kit import START, AssertSound, ManualClock, OpenMemory

from engine import (
    IndexNotFoundError,
    InvalidFilterError,
    InvalidIndexError,
    Item,
    MemoryStore,
    ReadOnlyStoreError,
    StaleIndexError,
    Tier,
    VersionConflictError,
    open_store,
)
from engine.backends.sqlite.driver import driver
from engine.procedures import indexes as procedures


def first_word(item: Item) -> str | None:
    """Return the first word of an item's text."""
    words = str(item.content).split()
    return words[0] if words else None


async def ids(store: MemoryStore, query: Any) -> list[str]:
    return sorted([item.id for item in (await store.query(query, limit=10_000)).items])


async def fill(store: MemoryStore, count: int = 60) -> None:
    await store.put_many(
        {
            "id": f"i{n:03}",
            "content": f"word{n % 7} and more",
            "metadata": {"project": f"p{n % 5}", "n": n},
            "created_at": START - timedelta(minutes=n),
        }
        for n in range(count)
    )


# ------------------------------------------------------------------------------------ defining


async def test_an_index_over_a_path_says_what_it_has(store: MemoryStore) -> None:
    """Defining one enters the items there are, and tells its path, size and state."""
    await fill(store)
    await store.put("other", "has no project")

    index = await store.indexes.define("project", "metadata.project")

    assert (index.name, index.path, index.items) == ("project", "metadata.project", 60)
    assert (index.state, index.failed, index.failed_items) == ("ready", 0, ())
    assert index.bytes > 60 * 2
    assert await store.indexes.list() == [index]
    assert (await store.indexes.check("project")).ok


async def test_queries_by_path_and_by_name_find_the_same(store: MemoryStore) -> None:
    """`metadata.project:x` and `index.project:x` are one question, in text, mapping and tree."""
    await fill(store)
    expected = await ids(store, "metadata.project:p3")
    await store.indexes.define("project", "metadata.project")

    assert len(expected) == 12
    for query in (
        "metadata.project:p3",
        "index.project:p3",
        'INDEX.project = "p3"',
        {"index.project": "p3"},
        {"index.project": {"$in": ["p3", "absent"]}},
        "-index.project:p0,p1,p2,p4",
        "index.project>=p3 index.project<p4",
    ):
        assert await ids(store, query) == expected, query
    assert await store.count("index.project:p*") == 60
    assert await store.count("index.project:*") == 60
    assert await store.count("index.project!=p3") == 48
    found = await store.search("word3", where="index.project:p3")
    assert {hit.item.id for hit in found.hits} <= set(expected)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("", "metadata.a"),
        ("a b", "metadata.a"),
        ("1a", "metadata.a"),
        ("a" * 65, "metadata.a"),
        ("é", "metadata.a"),
        ("a", ""),
        ("a", "metadata"),
        ("a", "metadata."),
        ("a", "metadata.a..b"),
        ("a", "project"),
        ("a", "tag"),
        ("a", "metadata.a b"),
        ("a", "metadata." + ".".join("a" * 33)),
        ("a", 'metadata."\ud800"'),
        ("a", None),
    ],
    ids=ascii,
)
async def test_what_cannot_be_an_index_is_refused(
    store: MemoryStore, name: str, written: str | None
) -> None:
    """A bad name or path is told, and leaves nothing behind."""
    with pytest.raises(InvalidIndexError) as caught:
        await store.indexes.define(name, written)
    assert caught.value.hint
    assert await store.indexes.list() == []


async def test_a_function_and_a_path_exclude_each_other(store: MemoryStore) -> None:
    """Exactly one of the two is given; the function is a plain one."""

    async def slow(item: Item) -> str:
        return item.id

    with pytest.raises(InvalidIndexError):
        await store.indexes.define("a", "metadata.a", extractor=first_word)
    with pytest.raises(InvalidIndexError):
        await store.indexes.define("a", extractor=slow)


async def test_an_index_is_defined_once(store: MemoryStore) -> None:
    """The same again changes nothing; another definition under its name is refused."""
    await fill(store)
    first = await store.indexes.define("project", "metadata.project")
    assert await store.indexes.define("project", 'metadata."project"') == first
    for path, extractor in (("metadata.n", None), (None, first_word)):
        with pytest.raises(InvalidIndexError, match="exists already"):
            await store.indexes.define("project", path, extractor=extractor)


async def test_there_is_a_limit(store: MemoryStore) -> None:
    """Every write looks after all indexes, so there are not endlessly many."""
    for n in range(procedures.INDEXES_MAX):
        await store.indexes.define(f"a{n}", f"metadata.a{n}")
    with pytest.raises(InvalidIndexError, match="the limit is 64"):
        await store.indexes.define("more", "metadata.more")


async def test_an_unknown_index_is_told_with_those_there_are(store: MemoryStore) -> None:
    """Whether asked, dropped, rebuilt or checked."""
    await store.indexes.define("project", "metadata.project")
    for call in (
        store.query("index.projekt:x"),
        store.count("-index.projekt:x"),
        store.facets("index.projekt:x"),
        store.search("x", where="index.projekt:x"),
        store.bulk_delete(query="index.projekt:x"),
        anext(store.iterate("index.projekt:x")),
        store.indexes.drop("projekt"),
        store.indexes.rebuild("projekt"),
        store.indexes.check("projekt"),
    ):
        with pytest.raises(IndexNotFoundError, match="projekt") as caught:
            await call
        assert "project" in caught.value.hint


@pytest.mark.parametrize("query", ["index:x", "index.a.b:x", 'index."a b":x', "index.a>null"])
async def test_what_is_no_question_to_an_index_is_refused(store: MemoryStore, query: str) -> None:
    """An index has one name, and null no order."""
    with pytest.raises(InvalidFilterError) as caught:
        await store.query(query)
    assert caught.value.hint


# ------------------------------------------------------------------------- following the items

Edit = Callable[[MemoryStore], Any]
EDITS: dict[str, Edit] = {
    "put": lambda s: s.put("new", "word3 x", metadata={"project": "p3"}),
    "replace": lambda s: s.put("i003", "word9 y", metadata={"project": "p9"}),
    "import": lambda s: s.import_items(
        [{"content": "word3", "metadata": {"project": ["p3", "q"]}}]
    ),
    "metadata": lambda s: s.update("i003", metadata={"project": "p4"}),
    "content": lambda s: s.update("i003", content="word5 z"),
    "move": lambda s: s.tiers.move("i003", "archive"),
    "tag": lambda s: s.tag("i003", "t"),
    "delete": lambda s: s.delete("i003"),
    "delete many": lambda s: s.bulk_delete(query="metadata.project:p3"),
    "update many": lambda s: s.bulk_update(query="metadata.project:p3", agent="other"),
    "link": lambda s: s.associate("i003", "i004"),
    "undo": lambda s: s.undo(3),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
async def test_every_change_is_followed_at_once(
    store: MemoryStore, path: Path, assert_sound: AssertSound, edit: Edit
) -> None:
    """Whatever changes an item changes its entries in the same transaction, and undo puts back."""
    await fill(store)
    await store.indexes.define("project", "metadata.project")
    await store.indexes.define("first_word", extractor=first_word)
    before = await snapshot(store)
    sequence = (await store.info()).sequence

    await edit(store)

    assert {index.state for index in await store.indexes.list()} == {"ready"}
    await agrees(store)
    await store.undo(sequence + 1, (await store.info()).sequence)
    await agrees(store)
    assert await snapshot(store) == before
    await store.close()
    assert_sound(path)


async def agrees(store: MemoryStore) -> None:
    """Compare what both indexes say with the items themselves."""
    items = [item async for item in store.iterate()]
    for word in ("word3", "word5", "word9"):
        expected = sorted(item.id for item in items if first_word(item) == word)
        assert await ids(store, f"index.first_word:{word}") == expected
    for project in ("p3", "p4", "p9", "q"):
        own = [item for item in items if project in str(item.metadata.get("project"))]
        assert await ids(store, f"index.project:{project}") == sorted(i.id for i in own)
        assert await ids(store, f"metadata.project:{project}") == sorted(i.id for i in own)
    assert (await store.indexes.check("project")).ok
    assert (await store.indexes.check("first_word")).ok


async def snapshot(store: MemoryStore) -> list[list[str]]:
    return [
        await ids(store, query)
        for query in ("index.project:p3", "index.first_word:word3", "metadata.project:p4")
    ]


async def test_a_function_sees_the_tier(store: MemoryStore) -> None:
    """An item that moves by itself, to make room, has its entries renewed as well."""
    await store.tiers.configure(working=10)
    await store.indexes.define("where", extractor=lambda item: item.tier.label)
    await store.put_many({"id": f"i{n}", "content": "x", "tier": Tier.WORKING} for n in range(25))

    assert [index.state for index in await store.indexes.list()] == ["ready"]
    assert await ids(store, "index.where:working") == await ids(store, "tier:working")
    assert await ids(store, "index.where:short_term") == await ids(store, "tier:short_term")


async def test_writes_beside_one_that_is_refused_are_indexed_once(store: MemoryStore) -> None:
    """Entries belong to the transaction: rolled back with it, and made again with what stays."""
    await store.indexes.define("project", "metadata.project")
    await store.indexes.define("first_word", extractor=first_word)
    await store.put("a", "word x", metadata={"project": "p"})
    done = await asyncio.gather(
        store.put("b", "word y", metadata={"project": "p"}),
        store.update("a", metadata={"project": "q"}, version=99),
        store.put("c", "word z", metadata={"project": "p"}),
        return_exceptions=True,
    )
    assert [type(result) for result in done] == [Item, VersionConflictError, Item]
    for query in ("index.project:p", "index.first_word:word"):
        assert await ids(store, query) == ["a", "b", "c"]
    assert (await store.indexes.check("project")).ok
    assert (await store.indexes.check("first_word")).ok


scalars = st.sampled_from([None, True, False, -3, 0, 1, 2, 0.5, 1.0, 2**63, "a", "b", "", "1"])
values = st.recursive(
    scalars,
    lambda below: st.one_of(
        st.lists(below, max_size=3),
        st.dictionaries(st.sampled_from("ab"), below, max_size=2),
    ),
    max_leaves=4,
)
kinds = st.sampled_from(["put", "update", "delete", "undo", "old"])
steps = st.lists(st.tuples(kinds, st.integers(0, 5), values), min_size=1, max_size=12)


@settings(
    max_examples=60,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(before=steps, after=steps)
def test_answers_with_and_without_an_index_are_equal(
    tmp_path_factory: pytest.TempPathFactory, before: Any, after: Any
) -> None:
    """Any values, any changes: an indexed store and one without answer alike."""

    async def check() -> None:
        folder = tmp_path_factory.mktemp("twins")
        async with (
            open_store(folder / "plain.db", clock=ManualClock(), durability="relaxed") as plain,
            open_store(folder / "indexed.db", clock=ManualClock(), durability="relaxed") as indexed,
        ):
            for store in (plain, indexed):
                await apply(store, before)
            await indexed.indexes.define("a", "metadata.a")
            await indexed.indexes.define("deep", "metadata.a.b")
            await indexed.indexes.define("own", extractor=lambda item: item.metadata.get("b"))
            for store in (plain, indexed):
                await apply(store, after)
            for query in QUERIES:
                expected = [item.id for item in (await plain.query(query)).items]
                assert [item.id for item in (await indexed.query(query)).items] == expected, query
                assert await indexed.count(query) == len(expected)
            for name in ("a", "deep", "own"):
                report = await indexed.indexes.check(name)
                assert report.ok, report

    asyncio.run(check())


QUERIES = [
    f"metadata.{path}{sign}{value}"
    for path in ("a", "a.b")
    for sign in (":", ">=", "<", "!=")
    for value in ("1", "0.5", '"a"', '"1"', '""', "9223372036854775808")
] + ["metadata.a:true", "metadata.a:null,1", "metadata.a:a*", "metadata.a:1 created<1h"]


async def apply(store: MemoryStore, steps: Any) -> None:
    for what, number, value in steps:
        item_id = f"i{number}"
        if what in ("put", "old"):
            created = START - timedelta(days=number) if what == "old" else None
            await store.put(item_id, "x", metadata={"a": value, "b": value}, created_at=created)
        elif what == "update" and await store.peek(item_id):
            await store.update(item_id, metadata={"a": value, "b": [value]})
        elif what == "delete":
            await store.delete(item_id)
        elif newest := (await store.info()).sequence:
            await store.undo(newest, force=True)


# ----------------------------------------------------------------------------------- functions


async def test_a_function_that_raises_leaves_out_that_item_alone(store: MemoryStore) -> None:
    """What it cannot answer is listed with the reason; the write and all other items go through."""

    def picky(item: Item) -> Any:
        answers: dict[str, Callable[[], Any]] = {
            "raises": lambda: 1 / 0,
            "dict": dict,
            "nan": lambda: float("nan"),
            "half": lambda: "\ud800",
            "many": lambda: [1] * 2_000,
            "list": lambda: ["a", 1, None, 2.5, True],
            "none": lambda: None,
        }
        return answers.get(item.id, lambda: "fine")()

    await store.put_many({"id": name, "content": "x"} for name in ("raises", "dict", "list"))
    await store.indexes.define("picky", extractor=picky)
    await store.put_many(
        {"id": name, "content": "x"} for name in ("nan", "half", "many", "none", "b")
    )

    (index,) = await store.indexes.list()
    assert (index.state, index.items, index.failed) == ("ready", 2, 5)
    reasons = {failed.item_id: failed.reason for failed in index.failed_items}
    assert reasons.keys() == {"raises", "dict", "nan", "half", "many"}
    assert reasons["raises"] == "ZeroDivisionError: division by zero"
    assert await ids(store, "index.picky:fine") == ["b"]
    for value in ("a", "1", "2.5", "true"):
        assert await ids(store, f"index.picky:{value}") == ["list"]
    assert await ids(store, "index.picky:*") == ["b", "list"]
    assert await store.count("index.picky<1000000") == 1
    assert await store.count("index.picky>=0") == 1
    assert (await store.indexes.check("picky")).ok
    assert await store.delete("raises")
    assert (await store.indexes.list())[0].failed == 4


async def test_a_store_without_the_function_leaves_the_index_behind(
    open_memory: OpenMemory,
) -> None:
    """It says that it cannot answer; who has the function catches up before the next answer."""
    with_it, without = await open_memory(), await open_memory()
    await fill(with_it)
    await with_it.indexes.define("first_word", extractor=first_word)
    assert await without.count("index.first_word:word3") == 9

    await without.put("new", "word3 x")
    await without.update("i003", content="other")
    await without.delete("i010")
    assert [index.state for index in await without.indexes.list()] == ["stale"]
    for call in (
        without.query("index.first_word:word3"),
        without.count("tag:x or -index.first_word:word3"),
        without.facets("index.first_word:word3"),
        without.search("x", where="index.first_word:word3"),
        anext(without.iterate("index.first_word:word3")),
        without.indexes.check("first_word"),
        without.indexes.rebuild("first_word"),
    ):
        with pytest.raises(StaleIndexError, match="first_word") as caught:
            await call
        assert "extractor" in caught.value.hint

    words = [item.id async for item in with_it.iterate("index.first_word:word3")]
    assert len(words) == 8
    assert "new" in words
    assert [index.state for index in await without.indexes.list()] == ["ready"]
    assert await without.count("index.first_word:word3") == 8
    assert (await with_it.indexes.check("first_word")).ok


async def test_links_and_reads_leave_no_index_behind(open_memory: OpenMemory) -> None:
    """What is no change of an item is no reason to ask its function again."""
    with_it, without = await open_memory(), await open_memory()
    await fill(with_it)
    await with_it.indexes.define("first_word", extractor=first_word)
    await without.associate("i001", "i002")
    await without.get("i001")
    await without.flush()
    assert [index.state for index in await without.indexes.list()] == ["ready"]
    assert await without.count("index.first_word:word3") == 9


async def test_functions_are_given_again_at_opening(path: Path, clock: ManualClock) -> None:
    """As an option or by defining it again; either way what was missed meanwhile is made up for."""
    async with open_store(path, clock=clock) as store:
        await fill(store)
        await store.indexes.define("first_word", extractor=first_word)
    for n, again in enumerate((False, True)):
        async with open_store(path, clock=clock) as store:
            await store.put(f"more{n}", "word3")
        options: dict[str, Any] = {} if again else {"extractors": {"first_word": first_word}}
        async with open_store(path, clock=clock, **options) as store:
            if again:
                await store.indexes.define("first_word", extractor=first_word)
            assert await store.count("index.first_word:word3") == 10 + n


async def test_a_store_open_for_reading_uses_what_is_there(path: Path, clock: ManualClock) -> None:
    """It drives queries and answers by name, but cannot define, catch up or count."""
    async with open_store(path, clock=clock) as store:
        await fill(store)
        await store.indexes.define("project", "metadata.project")
        await store.indexes.define("first_word", extractor=first_word)
    async with open_store(path, read_only=True) as store:
        assert await store.count("index.project:p3 index.first_word:word3") == 2
        assert (await store.indexes.define("first_word", extractor=first_word)).state == "ready"
        assert (await store.indexes.check("first_word")).ok
        assert len(await store.indexes.list()) == 2
        with pytest.raises(ReadOnlyStoreError):
            await store.indexes.define("more", "metadata.n")
    async with open_store(path, clock=clock) as store:
        await store.put("new", "word3")
    async with open_store(path, read_only=True, extractors={"first_word": first_word}) as store:
        with pytest.raises(StaleIndexError):
            await store.query("index.first_word:word3")


# ------------------------------------------------------------------- building, dropping, health


async def test_another_store_follows_an_index_it_did_not_define(open_memory: OpenMemory) -> None:
    """The definition is in the store: whoever writes next has it, whoever asks next uses it."""
    first, second = await open_memory(), await open_memory()
    await fill(first)
    await second.put("before", "x", metadata={"project": "p3"})
    await first.indexes.define("project", "metadata.project")
    await second.put("after", "x", metadata={"project": "p3"})
    assert (await first.indexes.check("project")).ok
    assert await second.count("index.project:p3") == 14
    await first.indexes.drop("project")
    await second.put("last", "x", metadata={"project": "p3"})
    assert await second.count("metadata.project:p3") == 15
    await first.indexes.define("project", "metadata.project")
    assert await second.count("index.project:p3") == 15


async def test_a_build_that_was_cut_short_goes_on(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until it is complete it drives nothing; writes go on, and so does it when it is wanted."""
    monkeypatch.setattr(procedures, "STEP_ITEMS", 10)
    await fill(store)
    await store._backend.write(procedures.define_index, "project", ("project",), 0)
    for _ in range(3):
        await store._backend.write(procedures.work_step, store._names, "project")
    (index,) = await store.indexes.list()
    assert (index.state, index.items) == ("building", 30)
    await store.update("i001", metadata={"project": "p3"})
    await store.update("i050", metadata={"project": "p3"})
    await store.delete("i055")
    await store.put("new", "x", metadata={"project": "p3"})

    assert await store.count("metadata.project:p3") == 15
    assert (await store.indexes.list())[0].state == "building"

    assert await store.count("index.project:p3") == 15
    assert (await store.indexes.list())[0].state == "ready"
    assert (await store.indexes.check("project")).ok


async def test_writers_go_on_beside_a_build(store: MemoryStore) -> None:
    """Building over many items, a write waits for one step of it at most."""
    await store.import_items({"content": "x", "metadata": {"n": n % 50}} for n in range(8_000))

    def slow(item: Item) -> Any:
        time.sleep(0.0001)
        return item.metadata["n"]

    for definition in (
        store.indexes.define("path", "metadata.n"),
        store.indexes.define("extractor", extractor=slow),
    ):
        building = asyncio.create_task(definition)
        waits: list[float] = []
        while not building.done():
            begun = time.perf_counter()
            await store.put("beside", {"n": len(waits)}, metadata={"n": 3})
            waits.append(time.perf_counter() - begun)
        await building
        assert len(waits) >= 3
        assert sorted(waits)[len(waits) // 2] < 0.25
    assert (await store.indexes.check("path")).ok
    assert (await store.indexes.check("extractor")).ok


async def test_a_damaged_index_is_found_out_and_rebuilt(store: MemoryStore, path: Path) -> None:
    """`check` names the items that disagree, `rebuild` puts them right."""
    await fill(store)
    await store.indexes.define("project", "metadata.project")
    await store.indexes.define("first_word", extractor=first_word)
    with closing(driver.connect(path, isolation_level=None)) as connection:
        key = "(SELECT item_key FROM items WHERE id = 'i003')"
        connection.execute(f"DELETE FROM index_entries WHERE item_key = {key}")
        connection.execute(
            "UPDATE index_entries SET value = 'wrong' WHERE item_key = "
            "(SELECT item_key FROM items WHERE id = 'i004')"
        )
    for name in ("project", "first_word"):
        report = await store.indexes.check(name)
        assert not report.ok
        assert (report.missing, report.extra) == (("i003", "i004"), ("i004",))
        assert (await store.indexes.rebuild(name)).state == "ready"
        assert (await store.indexes.check(name)).ok
    assert await store.count("index.project:p3") == 12


async def test_a_function_may_be_another_after_a_rebuild(store: MemoryStore) -> None:
    """The store cannot tell functions apart; a rebuild makes the entries those of the new one."""
    await fill(store)
    await store.indexes.define("word", extractor=first_word)
    await store.indexes.define("word", extractor=lambda item: str(item.content).split()[-1])
    assert not (await store.indexes.check("word")).ok
    await store.indexes.rebuild("word")
    assert await store.count("index.word:more") == 60
    assert await store.count("index.word:word3") == 0


async def test_a_dropped_index_leaves_nothing(
    store: MemoryStore, path: Path, monkeypatch: pytest.MonkeyPatch, assert_sound: AssertSound
) -> None:
    """Its entries go step by step; its name is free at once."""
    monkeypatch.setattr(procedures, "DROP_ENTRIES", 7)
    await fill(store)
    await store.indexes.define("project", "metadata.project")
    await store.indexes.drop("project")
    assert await store.indexes.list() == []
    assert await store.count("metadata.project:p3") == 12
    await store.indexes.define("project", "metadata.n")
    assert await ids(store, "index.project:3") == ["i003"]
    await store.indexes.drop("project")
    await store.close()
    with closing(driver.connect(path)) as connection:
        for table in ("custom_indexes", "index_entries"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    assert_sound(path)


async def test_uses_are_counted_behind(store: MemoryStore) -> None:
    """Queries that an index drove are counted, without a write for each of them."""
    await fill(store, 600)
    await store.indexes.define("project", "metadata.project")
    sequence = store._backend.data_version()
    for _ in range(5):
        await store.query("metadata.project:p3")
    await store.query("metadata.n:3")
    assert store._backend.data_version() == sequence
    assert [index.uses for index in await store.indexes.list()] == [5]


async def test_names_of_indexes_are_offered(store: MemoryStore) -> None:
    """What may follow `index.` is known to the store."""
    await store.indexes.define("project", "metadata.project")
    await store.indexes.define("other", "metadata.other")
    assert await store.complete("index", "pro") == [("project", 0)]


async def test_pages_follow_one_another_through_an_index(store: MemoryStore) -> None:
    """The cursor of a page that an index drove goes on where it ended, in both directions."""
    await fill(store, 300)
    await store.indexes.define("project", "metadata.project")
    for order in ("created_at", "-created_at", "importance"):
        found: list[str] = []
        cursor = None
        while True:
            page = await store.query("metadata.project:p3", order_by=order, limit=7, after=cursor)
            found += [item.id for item in page.items]
            cursor = page.cursor
            if cursor is None:
                break
        assert len(found) == len(set(found)) == 60
