"""Files of memories: what goes out comes back, and a faulty file changes nothing."""

from __future__ import annotations

import asyncio
import csv
import gc
import io
import os
import stat
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from engine import (
    Association,
    CorruptItemError,
    InvalidContentError,
    Limits,
    MemoryStore,
    Message,
    PickledContent,
    Session,
    Tier,
    TransferError,
    open_store,
)
from engine.backends.sqlite.driver import driver
from engine.compression import zstd
from engine.transfer import (
    Format,
    OnConflict,
    TransferProgress,
    export_store,
    import_file,
    import_records,
    item_record,
)
from engine.transfer.files import Publication

DAMAGE = "UPDATE contents SET data = x'00' WHERE content_key = (SELECT content_key FROM items"

CREATED = datetime(2026, 1, 31, 10, 22, 3, 123456, tzinfo=UTC)

CONTENTS: list[Any] = [
    "plain text",
    "",
    "\x00\x1b]0;title\x07 \u202e\u2028\x85 \U0001f469\u200d\U0001f680 中文 かな",
    "x" * 70_000,
    {"b": 1, "a": [1.0, -0.0, 1e-300, 2**63, -(2**63), True, None], "": {"nested": {}}},
    [],
    None,
    False,
    0,
    b"\x00\xff\x80 bytes",
    b"",
    PickledContent(b"cos\nsystem\n(S'true'\ntR."),
]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[MemoryStore]:
    async with open_store(tmp_path / "source.db", actor="tester") as opened:
        yield opened


@pytest.fixture
async def other(tmp_path: Path) -> AsyncIterator[MemoryStore]:
    async with open_store(tmp_path / "target.db", actor="tester") as opened:
        yield opened


async def fill(store: MemoryStore) -> None:
    """Write items of every shape, two sessions, and links."""
    await store.import_items(
        {
            "id": f"item/{number}",
            "content": content,
            "agent": f"agent-{number % 3}",
            "kind": "语义" if number == 2 else "semantic",
            "tier": Tier(number % 4),
            "importance": number / 20,
            "tags": {"odd" if number % 2 else "even", "日本"},
            "metadata": {"n": number, 'a "b"\n': [None]} if number % 2 else {},
            "session_id": "session/1" if number < 3 else None,
            "created_at": CREATED + timedelta(seconds=number),
            "updated_at": CREATED + timedelta(days=number),
            "last_accessed_at": CREATED + timedelta(days=30) if number % 2 else None,
            "access_count": 7 if number % 2 else 0,
            "version": number + 1,
        }
        for number, content in enumerate(CONTENTS)
    )
    await store.put_sessions(
        [
            Session(
                id="session/1",
                agent="agent-0",
                title="First \x1b[31m",
                state="crashed",
                started_at=CREATED,
                ended_at=None,
                metadata={"model": "m"},
            ),
            Session(
                id="session/2",
                agent="agent-1",
                title="",
                state="ended",
                started_at=CREATED + timedelta(hours=1),
                ended_at=CREATED + timedelta(hours=2),
            ),
        ]
    )
    await store.put_messages(
        [
            Message(
                session_id="session/1", ordinal=n, role="user", content=f"line\n{n}", at=CREATED
            )
            for n in (1, 2, 3)
        ]
    )
    await store.import_associations(
        [
            Association(
                source_id="item/0",
                target_id="item/1",
                relation="learned from",
                strength=0.25,
                created_at=CREATED,
            ),
            Association(
                source_id="item/5",
                target_id="item/5",
                relation="self",
                strength=0.0,
                created_at=CREATED,
            ),
        ]
    )


async def everything(store: MemoryStore) -> dict[str, Any]:
    """Return all that a store holds, in a form that can be compared."""
    sessions = await store.sessions()
    return {
        "items": {item.id: item async for item in store.iterate("")},
        "sessions": sessions,
        "messages": {session.id: await store.messages(session.id) for session in sessions},
        "links": {repr(link) async for link in store.iterate_associations()},
    }


def write_lines(path: Path, *records: Any) -> Path:
    path.write_bytes(b"".join(orjson.dumps(record) + b"\n" for record in records))
    return path


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.zst"])
async def test_a_store_survives_the_way_through_a_file(
    store: MemoryStore, other: MemoryStore, tmp_path: Path, suffix: str
) -> None:
    """Every field of every item, session, message and link is the same after the round trip."""
    await fill(store)
    path = tmp_path / f"all{suffix}"
    written = await export_store(store, path)
    read = await import_file(other, path)

    assert (written.items, written.sessions, written.messages, written.associations) == (
        12,
        2,
        3,
        2,
    )
    assert read == written
    assert await everything(other) == await everything(store)
    for number in range(len(CONTENTS)):
        size = 1_000_000
        raw = await store.content_bytes(f"item/{number}", 0, size)
        assert await other.content_bytes(f"item/{number}", 0, size) == raw


async def test_an_exported_file_is_private_and_nothing_is_left_beside_it(
    store: MemoryStore, tmp_path: Path
) -> None:
    """The file is for its owner only, whatever the umask, and its temporary name is gone."""
    await fill(store)
    before = set(tmp_path.iterdir())
    old = os.umask(0)
    try:
        await export_store(store, tmp_path / "all.jsonl")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "all.jsonl").stat().st_mode) == 0o600
    assert set(tmp_path.iterdir()) - before == {tmp_path / "all.jsonl"}


async def test_an_export_never_replaces_a_file_unasked(store: MemoryStore, tmp_path: Path) -> None:
    """A file that exists stays as it is unless overwriting was asked for."""
    await fill(store)
    path = tmp_path / "notes.jsonl"
    path.write_text("mine")
    with pytest.raises(TransferError, match="exists already"):
        await export_store(store, path)
    assert path.read_text() == "mine"

    await export_store(store, path, overwrite=True)
    assert path.read_bytes().startswith(b'{"type":"store","format":1')


@pytest.mark.parametrize("name", ["source.db", "source.db-wal", "link.jsonl"])
async def test_an_export_never_writes_over_the_store(
    store: MemoryStore, tmp_path: Path, name: str
) -> None:
    """The store's own files are refused, through a link as well, even when forced."""
    await store.put("a", 1)
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "source.db")
    with pytest.raises(TransferError, match="store itself"):
        await export_store(store, tmp_path / name, format=Format.JSONL, overwrite=True)
    with pytest.raises(TransferError, match="store itself"):
        await import_file(store, tmp_path / name)
    assert await store.count() == 1


async def test_an_export_that_fails_leaves_no_file(store: MemoryStore, tmp_path: Path) -> None:
    """What goes wrong half way leaves neither a half file nor a temporary one."""
    await store.put_many({"id": f"n/{n}", "content": "x" * 100} for n in range(2_000))
    before = set(tmp_path.iterdir())

    def stop(_: TransferProgress) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await export_store(store, tmp_path / "all.jsonl", progress=stop)
    assert set(tmp_path.iterdir()) == before


async def test_a_cancelled_export_leaves_no_file(store: MemoryStore, tmp_path: Path) -> None:
    """Cancelling waits for the write under way, then removes the temporary file."""
    await store.put_many({"id": f"n/{n}", "content": "x" * 100} for n in range(2_000))
    before = set(tmp_path.iterdir())
    began = asyncio.Event()
    export = asyncio.create_task(
        export_store(store, tmp_path / "all.jsonl.zst", progress=lambda _: began.set())
    )
    await began.wait()
    export.cancel()
    with pytest.raises(asyncio.CancelledError):
        await export
    assert set(tmp_path.iterdir()) == before
    assert await store.count() == 2_000


async def test_an_export_of_a_query_holds_its_items_and_the_links_among_them(
    store: MemoryStore, other: MemoryStore, tmp_path: Path
) -> None:
    """A link to an item that did not match is left out, so that the file can be imported alone."""
    await store.put_many(
        {"id": name, "content": name, "agent": agent}
        for name, agent in (("a", "one"), ("b", "one"), ("c", "two"))
    )
    await store.associate("a", "b")
    await store.associate("a", "c")
    path = tmp_path / "one.jsonl"
    report = await export_store(store, path, where="agent:one")
    assert (report.items, report.associations) == (2, 1)

    await import_file(other, path)
    assert [link.target_id for link in await other.associations("a")] == ["b"]


async def test_progress_comes_to_its_end(
    store: MemoryStore, other: MemoryStore, tmp_path: Path
) -> None:
    """The last progress of each stage says that all is done."""
    await store.put_many({"id": f"n/{n}", "content": n} for n in range(1_500))
    seen: list[TransferProgress] = []
    await export_store(store, tmp_path / "all.jsonl", progress=seen.append)
    assert (seen[-1].done, seen[-1].total, seen[-1].unit) == (1_500, 1_500, "items")

    seen.clear()
    await import_file(other, tmp_path / "all.jsonl", progress=seen.append)
    last = {progress.stage: progress for progress in seen}
    assert last["check"].done == last["check"].total == (tmp_path / "all.jsonl").stat().st_size
    assert last["write"].done == last["write"].total == 1_500


async def test_a_damaged_item_stops_an_export_unless_it_is_to_be_skipped(
    store: MemoryStore, tmp_path: Path
) -> None:
    """The damage is named; with `skip_corrupt` everything else comes out."""
    import sqlite3

    await store.put_many({"id": f"n/{n}", "content": f"text {n}"} for n in range(3))
    await store.close()
    with sqlite3.connect(tmp_path / "source.db", isolation_level=None) as connection:
        connection.execute(f"{DAMAGE} WHERE id = 'n/1')")
    connection.close()
    async with open_store(tmp_path / "source.db") as damaged:
        with pytest.raises(CorruptItemError, match="n/1"):
            await export_store(damaged, tmp_path / "all.jsonl")
        assert not (tmp_path / "all.jsonl").exists()
        report = await export_store(damaged, tmp_path / "all.jsonl", skip_corrupt=True)
    assert report.items == 2


FAULTS = {
    "cut": (b'{"content": "a"', "not JSON"),
    "not an object": (b'["content"]', "array where an object"),
    "nan": (b'{"content": NaN}', "not JSON"),
    "infinity": (b'{"content": 1e999}', "not JSON"),
    "not UTF-8": (b'{"content": "\xff"}', "not JSON"),
    "lone surrogate": (b'{"content": "\\ud800"}', "not JSON"),
    "a name twice": (b'{"content": {"a": 1, "a": 2}}', "'a' is given twice"),
    "a field twice": (b'{"content": 1, "content": 2}', "'content' is given twice"),
    "huge number": (b'{"content": 1180591620717411303424}', "64 bits"),
    "very long number": (b'{"content": %s}' % (b"9" * 5_000), "not JSON|64 bits"),
    "too deep": (b'{"content": %s%s}' % (b"[" * 5_000, b"]" * 5_000), "not JSON|deep"),
    "deep": (b'{"content": %s%s}' % (b"[" * 500, b"]" * 500), "not JSON|deep"),
    "no content": (b'{"id": "a"}', "'content' is missing"),
    "misspelt": (b'{"contents": 1}', "'content' is missing"),
    "unknown field": (b'{"content": 1, "prority": 1}', "unknown field 'prority'"),
    "two contents": (b'{"content": 1, "content_base64": ""}', "both"),
    "bad base64": (b'{"content_base64": "%%%"}', "not base64"),
    "unknown type": (b'{"type": "memory"}', "unknown type 'memory'"),
    "type of a type": (b'{"type": []}', "unknown type"),
    "id a number": (b'{"id": 1, "content": 1}', "'id' must be text"),
    "id empty": (b'{"id": "", "content": 1}', "id is empty"),
    "id with NUL": (b'{"id": "a\\u0000", "content": 1}', "NUL"),
    "tier": (b'{"content": 1, "tier": "short"}', "'tier' is 'short'"),
    "importance": (b'{"content": 1, "importance": 2}', "importance is 2"),
    "importance a boolean": (b'{"content": 1, "importance": true}', "'importance' must be"),
    "tags": (b'{"content": 1, "tags": "one"}', "'tags' must be"),
    "tag": (b'{"content": 1, "tags": [1]}', "'tags' must be"),
    "metadata": (b'{"content": 1, "metadata": []}', "'metadata' must be an object"),
    "time": (b'{"content": 1, "created_at": "yesterday"}', "'created_at' is not a time"),
    "no zone": (b'{"content": 1, "created_at": "2026-01-31T10:00:00"}', "no time zone"),
    "time out of range": (
        b'{"content": 1, "created_at": "0001-01-01T00:00:00+14:00"}',
        "not a time",
    ),
    "negative count": (b'{"content": 1, "access_count": -1}', "must not be negative"),
    "message without session": (
        b'{"type":"message","session_id":"s","ordinal":1,"role":"u","content":"","at":"2026-01-31T10:00:00Z"}',
        "on no earlier line",
    ),
    "session state": (
        b'{"type":"session","id":"s","state":"odd","started_at":"2026-01-31T10:00:00Z"}',
        "'state' is 'odd'",
    ),
    "link to nowhere": (b'{"type":"association","source":"good","target":"nowhere"}', "'nowhere'"),
    "link too strong": (
        b'{"type":"association","source":"good","target":"good","strength":7}',
        "strength is 7",
    ),
    "newer format": (b'{"type":"store","format":2}', "format 2"),
    "same id again": (b'{"id": "good", "content": 2}', "earlier line"),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_a_faulty_line_is_named_and_nothing_is_imported(
    store: MemoryStore, tmp_path: Path, name: str
) -> None:
    """The error says which line and what to do, and the good lines before it are not kept."""
    line, message = FAULTS[name]
    path = tmp_path / "faulty.jsonl"
    path.write_bytes(b'{"id": "good", "content": "kept?"}\n\n' + line + b"\n")
    with pytest.raises(TransferError, match=message) as caught:
        await import_file(store, path)
    assert caught.value.line == 3
    assert "line 3" in str(caught.value)
    assert await store.count() == 0
    assert await store.sequence() == 0


async def test_limits_hold_for_imports(tmp_path: Path) -> None:
    """Content over the store's limit is refused with its line, and so is an endless line."""
    limits = Limits(content_bytes_max=1_000, metadata_bytes_max=100)
    async with open_store(tmp_path / "small.db", limits=limits) as store:
        over = write_lines(tmp_path / "over.jsonl", {"content": "x" * 1_001})
        with pytest.raises(TransferError, match=r"line 1: content is 1,001 bytes"):
            await import_file(store, over)
        (tmp_path / "endless.jsonl").write_bytes(b'{"content": "' + b"x" * 3_000_000)
        with pytest.raises(TransferError, match="longer than"):
            await import_file(store, tmp_path / "endless.jsonl")


async def test_every_storable_text_fits_into_a_line(tmp_path: Path) -> None:
    """Content of only control characters, six times as long in JSON, is exported and imported."""
    limits = Limits(content_bytes_max=2_000_000)
    async with open_store(tmp_path / "a.db", limits=limits) as store:
        await store.put("controls", "\x01" * 2_000_000)
        await export_store(store, tmp_path / "a.jsonl")
    async with open_store(tmp_path / "b.db", limits=limits) as store:
        await import_file(store, tmp_path / "a.jsonl")
        item = await store.peek("controls")
    assert item is not None
    assert item.content == "\x01" * 2_000_000


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"SQLite format 3\x00" + bytes(100), "a database"),
        (b"\x1f\x8b\x08" + bytes(100), "gzip"),
        (b"PK\x03\x04" + bytes(100), "zip"),
        ('{"content": 1}'.encode("utf-16"), "UTF-16"),
        (b"\x28\xb5\x2f\xfd" + bytes(100), "cannot be unpacked"),
        (zstd.compress(b'{"content": 1}\n' * 1_000)[:-9], "cannot be unpacked|cut short"),
    ],
    ids=["sqlite", "gzip", "zip", "utf-16", "not zstd", "zstd cut short"],
)
async def test_foreign_files_are_recognised(
    store: MemoryStore, tmp_path: Path, data: bytes, message: str
) -> None:
    """A file of another kind is refused by what it is, and nothing is imported."""
    path = tmp_path / "foreign.jsonl"
    path.write_bytes(data)
    with pytest.raises(TransferError, match=message) as caught:
        await import_file(store, path)
    assert caught.value.hint
    assert await store.count() == 0


async def test_a_bomb_is_stopped(store: MemoryStore, tmp_path: Path) -> None:
    """A small file that unpacks to one endless line is refused at the longest line there can be."""
    packer = zstd.ZstdCompressor()
    path = tmp_path / "bomb.jsonl.zst"
    with path.open("wb") as file:
        file.write(packer.compress(b'{"content": "'))
        for _ in range(120):
            file.write(packer.compress(b"\x20" * 1_048_576))
        file.write(packer.flush())
    with pytest.raises(TransferError, match="longer than"):
        await import_file(store, path)


async def test_marks_blank_lines_and_a_missing_end_are_no_faults(
    store: MemoryStore, tmp_path: Path
) -> None:
    """A byte order mark, blank lines, Windows line ends and no last line end are all accepted."""
    path = tmp_path / "windows.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"id": "a", "content": 1}\r\n\r\n  \n{"id": "b", "content": 2}')
    report = await import_file(store, path)
    assert report.items == 2
    assert await store.count() == 2


async def test_only_content_is_required(store: MemoryStore, tmp_path: Path) -> None:
    """A line may hold nothing but content: it gets an id and the usual values."""
    await import_file(store, write_lines(tmp_path / "x.jsonl", {"content": "a"}, {"content": "b"}))
    items = [item async for item in store.iterate("")]
    assert {item.content for item in items} == {"a", "b"}
    assert {item.tier for item in items} == {Tier.LONG_TERM}


async def test_conflicts_are_errors_unless_said_otherwise(
    store: MemoryStore, tmp_path: Path
) -> None:
    """An id that the store has stops the import; `skip` keeps the store's, `replace` the file's."""
    await store.put("a", "mine")
    path = write_lines(
        tmp_path / "x.jsonl", {"id": "new", "content": "n"}, {"id": "a", "content": "theirs"}
    )
    with pytest.raises(TransferError, match="line 2: the store has the item 'a' already"):
        await import_file(store, path)
    assert await store.count() == 1

    report = await import_file(store, path, on_conflict=OnConflict.SKIP)
    assert (report.items, report.skipped) == (1, 1)
    kept = await store.peek("a")
    assert kept is not None
    assert kept.content == "mine"

    await import_file(store, path, on_conflict=OnConflict.REPLACE)
    replaced = await store.peek("a")
    assert replaced is not None
    assert (replaced.content, replaced.version) == ("theirs", 2)
    assert len(await store.history("a")) == 2


async def test_skipping_goes_on_after_an_import_that_stopped(
    store: MemoryStore, other: MemoryStore, tmp_path: Path
) -> None:
    """Importing the whole file again with `skip` completes a half-imported one."""
    await fill(store)
    await export_store(store, tmp_path / "all.jsonl")
    lines = (tmp_path / "all.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "half.jsonl").write_bytes(b"".join(lines[:4] + lines[6:9]))
    await import_file(other, tmp_path / "half.jsonl")
    await import_file(other, tmp_path / "all.jsonl", on_conflict=OnConflict.SKIP)
    assert await everything(other) == await everything(store)


async def test_check_only_writes_nothing(store: MemoryStore, tmp_path: Path) -> None:
    """A check says what would be imported and leaves the store alone."""
    path = write_lines(tmp_path / "x.jsonl", {"content": "a"}, {"content": "b"})
    report = await import_file(store, path, check_only=True)
    assert report.items == 2
    assert await store.count() == 0


async def test_associations_may_come_first_and_may_link_what_is_stored(
    store: MemoryStore, tmp_path: Path
) -> None:
    """The order of lines does not matter for links, nor whether their ends are new."""
    await store.put("stored", 1)
    path = write_lines(
        tmp_path / "x.jsonl",
        {"type": "association", "source": "new", "target": "stored", "strength": 0.5},
        {"id": "new", "content": 2},
    )
    report = await import_file(store, path)
    assert (report.items, report.associations) == (1, 1)
    (link,) = await store.associations("new")
    assert (link.target_id, link.relation, link.strength) == ("stored", "related", 0.5)
    assert link.created_at > datetime(2020, 1, 1, tzinfo=UTC)


async def test_streams_are_imported_and_exported(store: MemoryStore, other: MemoryStore) -> None:
    """A pipe that cannot be rewound is read and checked like a file."""
    await fill(store)
    buffer = io.BytesIO()
    await export_store(store, buffer, format=Format.JSONL_ZST)
    assert not buffer.closed

    reading, writing = os.pipe()
    feeder = asyncio.create_task(asyncio.to_thread(_feed, writing, buffer.getvalue()))
    with os.fdopen(reading, "rb") as pipe:
        await import_file(other, pipe)
    await feeder
    assert await everything(other) == await everything(store)


def _feed(descriptor: int, data: bytes) -> None:
    with os.fdopen(descriptor, "wb") as pipe:
        pipe.write(data)


async def test_records_of_a_program_are_imported(store: MemoryStore) -> None:
    """`import_records` takes an iterator of any length; a bad record is named by its number."""
    report = await import_records(store, ({"id": f"n/{n}", "content": n} for n in range(2_500)))
    assert report.items == 2_500
    assert await store.count() == 2_500
    with pytest.raises(TransferError, match="records, line 2: 'content' is missing"):
        await import_records(store, [{"content": 1}, {"id": "x"}])


async def test_csv_is_readable_and_runs_no_formula(store: MemoryStore, tmp_path: Path) -> None:
    """A spreadsheet gets every item on one row, and no cell that it would run."""
    evil = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x")', "＝1"]
    await store.put_many(
        {"id": f"={n}", "content": text, "agent": "@a", "tags": ["+t"]}
        for n, text in enumerate(evil)
    )
    await store.put("multi", 'line one\nline "two", and a comma')
    await store.put("json", {"a": [1, 2]})
    await store.put("bytes", b"\xff\x00")
    await export_store(store, tmp_path / "x.csv")
    text = (tmp_path / "x.csv").read_bytes().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))

    assert len(rows) == len(evil) + 3
    assert not [cell for row in rows for cell in row.values() if cell[:1] in set("=+-@\t\r＝")]
    by_id = {row["id"]: row for row in rows}
    assert by_id["'=0"]["content"] == "'=1+1"
    assert by_id["multi"]["content"] == 'line one\nline "two", and a comma'
    assert orjson.loads(by_id["json"]["content"]) == {"a": [1, 2]}
    assert by_id["bytes"]["codec"] == "bytes"


async def test_the_format_follows_the_name(store: MemoryStore, tmp_path: Path) -> None:
    """A name that says no format is refused with the names that do."""
    with pytest.raises(TransferError) as caught:
        await export_store(store, tmp_path / "export")
    assert ".jsonl.zst" in caught.value.hint
    await export_store(store, tmp_path / "export", format=Format.JSONL)
    assert (tmp_path / "export").exists()


async def test_a_pickle_travels_without_being_loaded(
    store: MemoryStore, other: MemoryStore, tmp_path: Path
) -> None:
    """Pickled content goes out and in as bytes; neither side runs it."""
    marker = tmp_path / "ran"
    payload = f"cos\nsystem\n(S'touch {marker}'\ntR.".encode()
    await store.import_items([{"id": "p", "content": PickledContent(payload)}])
    await export_store(store, tmp_path / "p.jsonl")
    await import_file(other, tmp_path / "p.jsonl")
    item = await other.peek("p")
    assert item is not None
    assert item.content == PickledContent(payload)
    assert item_record(item)["content_pickle_base64"]
    assert not marker.exists()


async def test_what_a_damaged_store_gives_out_can_be_taken_in(tmp_path: Path) -> None:
    """Associations of an item that had to be left out are left out with it."""
    path = tmp_path / "damaged.db"
    async with open_store(path) as store:
        await store.put_many([{"id": name, "content": f"text {name}"} for name in "abc"])
        await store.associate("a", "b")
        await store.associate("b", "c")
    with closing(driver.connect(path)) as connection:
        connection.execute(f"{DAMAGE} WHERE id = 'c')")
        connection.commit()
    async with open_store(path) as store:
        given = await export_store(store, tmp_path / "out.jsonl", skip_corrupt=True)
    async with open_store(tmp_path / "new.db") as store:
        taken = await import_file(store, tmp_path / "out.jsonl")

    assert (given.items, given.associations) == (2, 1)
    assert (taken.items, taken.associations) == (2, 1)


async def test_what_can_be_stored_can_be_given_out_and_deleted(
    store: MemoryStore, tmp_path: Path
) -> None:
    """As deep as JSON may be, there is room for what is put around it."""
    deepest = 0
    for depth in range(200, 260):
        value: Any = 1
        for _ in range(depth):
            value = [value]
        try:
            await store.put(f"d{depth}", value, metadata={"deep": value})
        except InvalidContentError:
            continue
        deepest = depth
    assert deepest >= 240

    report = await export_store(store, tmp_path / "out.jsonl")
    assert report.items == await store.count()
    assert (await store.bulk_delete(query="")).count == report.items


async def test_a_compressed_stream_that_failed_is_not_whole(tmp_path: Path) -> None:
    """Nothing ends the frame afterwards: what was cut short is seen to be."""
    out = io.BytesIO()

    def write() -> None:
        with Publication(out, compress=True, overwrite=False) as publication:
            publication.write(b"some text\n" * 1000)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write()
    gc.collect()
    with pytest.raises((EOFError, zstd.ZstdError)):
        zstd.decompress(out.getvalue())
