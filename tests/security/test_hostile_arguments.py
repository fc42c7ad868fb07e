"""Hostile text in every public argument: it is data, never SQL, never a crash."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from kit import START, ManualClock, check_sound

from engine import (
    Association,
    EngineError,
    MemoryStore,
    Message,
    Session,
    open_store,
)
from engine.backends.sqlite.driver import driver
from engine.query.filter import (
    And,
    Compare,
    Field,
    HasMetadata,
    Indexed,
    Metadata,
    Not,
    Operator,
    Or,
    Text,
)
from engine.query.render import write_key

MARK = "zqx7"
"""Is in every hostile text, and must be in no SQL."""

HOSTILE = [
    f"{text}{MARK}"
    for text in (
        "'",
        "''",
        '"',
        "`",
        "\\",
        "\\'",
        ";",
        "--",
        "/*",
        "*/",
        "' OR '1'='1",
        "'; DROP TABLE items; --",
        '"; DROP TABLE items; --',
        "') UNION SELECT sql FROM sqlite_schema --",
        "x' AND randomblob(1000000000) --",
        "'||(SELECT load_extension('evil'))||'",
        "%",
        "_",
        "%27",
        "?",
        "?1",
        ":name",
        "@name",
        "$name",
        "{}",
        "{0}",
        "%s",
        "%(x)s",
        "$",
        "$.a",
        "$[0]",
        '$."a"',
        "[0]",
        "a.b",
        "..",
        "*",
        "^",
        "NEAR(a b)",
        "a AND b",
        "text:",
        "scope:a1",
        '" * OR "',
        "\n",
        "\r\n",
        "\t",
        "\x1b]0;title\x07",
        "\x7f",
        "\x85",
        "\u2028",
        "\u202e",
        "\ufeff",
        "\ufffe",
        "\U000e0041",
        "\U0010ffff",
        "é",
        "ﬁ",
        "İ",
        "東京",
        "🚀",
        "a" * 200,
        "rowid",
        "items.id",
        "sqlite_schema",
        "PRAGMA user_version=9",
        "ATTACH DATABASE 'x' AS y",
    )
]
UNSTORABLE = ["", " ", "\0", f"a\0{MARK}", "\ud800", f"{MARK}\udfff", "x" * 5_000]
STRANGE_NUMBERS = [0, -1, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, 2**200]


class Recorder:
    """Notes every SQL text that any connection of the driver is given."""

    def __init__(self) -> None:
        self.texts: set[str] = set()

    def factory(self) -> type[Any]:
        texts = self.texts

        class RecordingCursor(driver.Cursor):  # type: ignore[misc]
            def execute(self, sql: str, *args: Any) -> Any:
                texts.add(sql)
                return super().execute(sql, *args)

            def executemany(self, sql: str, *args: Any) -> Any:
                texts.add(sql)
                return super().executemany(sql, *args)

            def executescript(self, sql: str) -> Any:
                texts.add(sql)
                return super().executescript(sql)

        class Recording(driver.Connection):  # type: ignore[misc]
            def execute(self, sql: str, *args: Any) -> Any:
                texts.add(sql)
                return super().execute(sql, *args)

            def executemany(self, sql: str, *args: Any) -> Any:
                texts.add(sql)
                return super().executemany(sql, *args)

            def executescript(self, sql: str) -> Any:
                texts.add(sql)
                return super().executescript(sql)

            def cursor(self, factory: Any = RecordingCursor) -> Any:
                return super().cursor(factory)

        return Recording


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """Records the SQL of every connection opened from now on."""
    recorder = Recorder()
    connect, factory = driver.connect, recorder.factory()
    monkeypatch.setattr(
        driver,
        "connect",
        lambda *args, **options: connect(*args, **{**options, "factory": factory}),
    )
    return recorder


async def attempt(call: Awaitable[Any]) -> Any:
    """Await a call that may refuse, but only in the engine's own words."""
    try:
        return await call
    except EngineError as error:
        assert str(error)  # noqa: PT017 - it may refuse or not
        return None


async def collect(iterator: Any) -> list[Any]:
    async with aclosing(iterator) as values:
        return [value async for value in values]


def filters(text: str) -> list[Any]:
    """Return filters that have a text in every place a filter has."""
    fields = (Field.ID, Field.AGENT, Field.KIND, Field.TAG, Field.SESSION)
    leaves: list[Any] = [
        *(Compare(field, operator, text) for field in fields for operator in
          (Operator.EQ, Operator.NE, Operator.PREFIX)),
        Metadata((text,), Operator.EQ, text),
        Metadata((text, text), Operator.PREFIX, text),
        Metadata((text,), Operator.GE, text),
        HasMetadata((text, "a", text)),
        Indexed(text, Operator.EQ, text),
        *(Indexed("own", operator, text) for operator in Operator),
        Text(text),
        Text(text, phrase=True),
        Text(text, prefix=True),
    ]  # fmt: skip
    return [*leaves, And(tuple(leaves)), Or(tuple(leaves)), Not(Or((leaves[0], leaves[-1])))]


async def use_everything(store: MemoryStore, text: str) -> None:
    """Give a text to every argument of every method that takes one."""
    s = store
    path = f"metadata.{write_key(text)}"
    await attempt(s.indexes.define(text, path))
    await attempt(s.indexes.define("custom", text))
    await attempt(s.indexes.define("custom", path))
    await attempt(s.indexes.define("own", extractor=lambda i: [text, i.id, i.content]))
    await attempt(s.indexes.rebuild(text))
    await attempt(s.indexes.check(text))
    await attempt(s.indexes.drop(text))
    for call in (
        lambda: s.put(text, text),
        lambda: s.put(
            f"item {text}",
            {text: [text, {text: text}]},
            agent=text,
            kind=text,
            tags={text, "t"},
            metadata={text: text, "a": {text: [text]}},
            session_id=text,
            actor=text,
        ),
        lambda: s.put("tier", "x", tier=text),
        lambda: s.put("time", "x", created_at=text),
        lambda: s.put_many([{"id": text, "content": text, text: text}]),
        lambda: s.put_many([{"content": text, "agent": text}], actor=text),
        lambda: s.import_items([{"content": text, "updated_at": text}]),
        lambda: s.put(f"other {text}", text),
        lambda: s.get(text),
        lambda: s.peek(text),
        lambda: s.get_many([text, f"item {text}"]),
        lambda: s.find_keys([text]),
        lambda: s.content_bytes(text),
        lambda: s.update(text, content=text, agent=text, kind=text, metadata={text: 1}, actor=text),
        lambda: s.update(text, tier=text),
        lambda: s.tag(text, text, actor=text),
        lambda: s.untag(text, text),
        lambda: s.associate(text, f"item {text}", relation=text, actor=text),
        lambda: s.associations(text),
        lambda: s.import_associations([link(text)]),
        lambda: collect(s.iterate_associations()),
        lambda: s.dissociate(text, f"item {text}", relation=text),
        lambda: s.query(text),
        lambda: s.query({text: text}),
        lambda: s.query({f"metadata.{text}": {"$eq": text}}),
        lambda: s.query({"tags": {text: [text]}}),
        lambda: s.query(order_by=text),
        lambda: s.query(after=text),
        lambda: s.search(text),
        lambda: s.search(text, prefix=True, where=text),
        lambda: s.count(text),
        lambda: s.facets(text),
        lambda: collect(s.iterate(text)),
        lambda: collect(s.scan(order_by=text)),
        lambda: s.history(text),
        lambda: s.bulk_update(ids=[text], agent=text, kind=text, add_tags=[text], actor=text),
        lambda: s.bulk_update(ids=[text], remove_tags=[text]),
        lambda: s.bulk_delete(ids=[f"other {text}"], actor=text),
        lambda: s.put_sessions([session(text)]),
        lambda: s.put_messages([message(text)]),
        s.sessions,
        lambda: s.messages(text),
        lambda: s.tiers.transitions(text),
        lambda: s.tiers.transitions(text, agent=text, entered="archive", left="working"),
        lambda: s.tiers.transitions(agent=text, before=9, after=0),
        lambda: s.tiers.transitions(entered=text),
        lambda: s.tiers.counts([text]),
        lambda: s.delete(text, actor=text),
        s.changes,
        *(lambda field=field: s.complete(field, text) for field in COMPLETED),
        lambda: s.complete(text, text),
        lambda: s.undo(1, actor=text),
    ):  # fmt: skip
        await attempt(call())  # type: ignore[no-untyped-call]
    for node in filters(text):
        await attempt(s.query(node))
        await attempt(s.count(node))
    await attempt(s.facets(filters(text)[-1]))
    await attempt(s.query({f"index.{text}": text}))
    await attempt(s.query({"index.own": {"$gte": text}}))
    for name in ("own", "custom"):
        await attempt(s.indexes.rebuild(name))
        await attempt(s.indexes.check(name))
    await attempt(s.indexes.list())
    await attempt(s.indexes.drop("custom"))
    # By another process that has no function, so that this one has to catch up.
    s._names.extractors.pop("own", None)
    await attempt(s.put("behind", text))
    await attempt(s.indexes.define("own", extractor=lambda item: item.content))
    await attempt(s.search("word", where=filters(text)[-2]))


COMPLETED = ("tag", "agent", "kind", "session", "metadata", "index")


def link(text: str) -> Association:
    return Association(
        source_id=text,
        target_id=f"item {text}",
        relation=text,
        strength=0.5,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def message(text: str) -> Message:
    return Message(session_id=text, ordinal=1, role=text, content=text, at=START)


def session(text: str) -> Session:
    return Session(
        id=text,
        agent=text,
        title=text,
        state="ended",
        started_at=START,
        ended_at=None,
        metadata={text: text},
    )


PIECES = re.compile(r"'[^']*'|[A-Za-z_0-9]+|[^\w\s]")


LITERALS = {
    "''",
    "'$.associations'",
    "'$.updated_at_set'",
    "'2'",
    "'[]'",
    "'L* N* Co So'",
    "'array'",
    "'automerge'",
    "'crisismerge'",
    "'delete'",
    "'false'",
    "'full'",
    "'hashsize'",
    "'idle'",
    "'important'",
    "'integrity-check'",
    "'merge'",
    "'next_item_key'",
    "'null'",
    "'object'",
    "'porter unicode61 remove_diacritics 2 categories '",
    "'recalled'",
    "'text'",
    "'tier_settings'",
    "'true'",
    "'{}'",
}
"""Every text between quotes that the engine's SQL has."""


async def look_back(store: MemoryStore, target: Path, text: str) -> None:
    """Use everything that has to do with the past, on a store that has all texts in it."""
    half = await store.sequence() // 2
    async with store.at(sequence=half) as then:
        await then.count()
    difference = await store.diff(half)
    for item in [item async for item in store.diff_items(difference)][:20]:
        await attempt(store.diff_item(difference, item.item_id))
    await attempt(store.diff_item(difference, text))
    await store.diff_links(difference)
    await store.timeline(5)
    scope = f"agent:{write_key('x')}"
    await attempt(store.backups.restore(backup=text, in_place=True))
    await attempt(store.backups.restore(sequence=half, in_place=True, scope=text))
    await attempt(store.backups.restore(sequence=half, target=target, scope=scope))
    await store.backups.preview_restore(sequence=half)
    await store.backups.restore(sequence=half, in_place=True)
    (*_, restore) = await store.backups.restores()
    assert restore.scope == ""


async def run_with(path: Path, recorder: Recorder, texts: list[str]) -> set[str]:
    """Use everything with these texts on a new store; return the SQL that was executed."""
    recorder.texts.clear()
    async with open_store(path, clock=ManualClock(), actor="tester") as store:
        await store.backups.create(verify=False)
        for text in texts:
            await use_everything(store, text)
        # The texts are in every table now; the proof reads and writes all of them once more.
        assert (await store.backups.create(kind="incremental")).kind == "incremental"
        await look_back(store, path.with_name(f"{path.stem} restored.db"), texts[-1])
    # How often there is one depends on how much was written, not on what.
    return {sql for sql in recorder.texts if not sql.startswith("PRAGMA wal_checkpoint")}


async def test_only_known_sql_is_executed(tmp_path: Path, recorder: Recorder) -> None:
    """SQL is made of the same words, literals and signs, whatever texts it is about."""
    harmless = ["alpha", "beta words", "camelCase", "中文", "!", "a" * 200, "x.y", "1"]
    expected = await run_with(tmp_path / "harmless.db", recorder, harmless)
    executed = await run_with(tmp_path / "hostile.db", recorder, HOSTILE)

    assert [sql for sql in executed if MARK in sql.casefold()] == []
    known = {piece for sql in expected for piece in PIECES.findall(sql)}
    assert {piece for sql in executed for piece in PIECES.findall(sql)} <= known
    assert {piece for piece in known if piece.startswith("'")} <= LITERALS
    check_sound(tmp_path / "hostile.db")


@pytest.mark.parametrize("text", UNSTORABLE, ids=lambda text: ascii(text)[:12])
async def test_what_cannot_be_stored_is_refused_everywhere(store: MemoryStore, text: str) -> None:
    """NUL, lone surrogates, nothing and too much are typed errors or find nothing, everywhere."""
    await store.put("a", "x")
    await use_everything(store, text)


@pytest.mark.parametrize("text", HOSTILE[:60:4], ids=lambda text: ascii(text)[:12])
async def test_hostile_names_come_back_as_they_are(store: MemoryStore, text: str) -> None:
    """A hostile text in every field is stored, found by each of them, and returned unchanged."""
    item = await store.put(
        text,
        text,
        agent=text,
        kind=text,
        tags={text},
        metadata={text: {text: text}},
        session_id=text,
    )
    assert item == await store.peek(text)
    for node in (
        Compare(Field.ID, Operator.EQ, text),
        Compare(Field.ID, Operator.PREFIX, text[:-1]),
        Compare(Field.AGENT, Operator.EQ, text),
        Compare(Field.KIND, Operator.PREFIX, text),
        Compare(Field.TAG, Operator.EQ, text),
        Compare(Field.SESSION, Operator.EQ, text),
        Metadata((text, text), Operator.EQ, text),
        Metadata((text, text), Operator.PREFIX, text[:1]),
        HasMetadata((text,)),
    ):
        assert [found.id for found in (await store.query(node)).items] == [text], node
    assert await store.complete("tag", text) == [(text, 1)]


Call = Callable[[MemoryStore, int], Awaitable[Any]]
NUMERIC: dict[str, Call] = {
    "undo": lambda store, n: store.undo(n),
    "undo through": lambda store, n: store.undo(1, n),
    "changes": lambda store, n: store.changes(n),
    "changes limit": lambda store, n: store.changes(limit=n),
    "history limit": lambda store, n: store.history("a", limit=n),
    "history before": lambda store, n: store.history("a", before=n),
    "transitions": lambda store, n: store.tiers.transitions(before=n, after=n, limit=n),
    "query limit": lambda store, n: store.query(limit=n),
    "search limit": lambda store, n: store.search("x", limit=n),
    "complete limit": lambda store, n: store.complete("agent", "", limit=n),
    "facets": lambda store, n: store.facets(tags_max=n),
    "facets where": lambda store, n: store.facets("agent:default", tags_max=n),
    "content start": lambda store, n: store.content_bytes("a", n),
    "content length": lambda store, n: store.content_bytes("a", 0, n),
    "previews": lambda store, n: store.previews([n]),
    "update version": lambda store, n: store.update("a", content=n % 7, version=n),
    "delete version": lambda store, n: store.delete("a", version=n),
    "importance": lambda store, n: store.update("a", importance=n),
    "import version": lambda store, n: store.import_items([{"content": 1, "version": n}]),
    "import count": lambda store, n: store.import_items([{"content": 1, "access_count": n}]),
    "ordinal": lambda store, n: store.put_messages(
        [Message(session_id="s", ordinal=n, role="r", content="c", at=START)]
    ),
    "created": lambda store, n: store.query(Compare(Field.CREATED, Operator.GE, n)),
    "size": lambda store, n: store.count(Compare(Field.SIZE, Operator.LT, n)),
    "metadata": lambda store, n: store.count(Metadata(("m",), Operator.EQ, n)),
    "metadata less": lambda store, n: store.count(Metadata(("m",), Operator.LT, n)),
}


@pytest.mark.parametrize("call", NUMERIC.values(), ids=NUMERIC)
async def test_numbers_of_any_size_are_no_crash(store: MemoryStore, call: Call) -> None:
    """Zero, negative and huge numbers are taken or refused in the engine's own words."""
    for number in STRANGE_NUMBERS:
        await store.put("a", "x", metadata={"m": 1})
        await attempt(call(store, number))
        item = await store.put("a", "still works")
        assert item.content == "still works"
