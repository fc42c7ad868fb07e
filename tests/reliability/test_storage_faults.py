"""A full disk, a file that may not grow: a typed error, nothing half done, and on it goes."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

from kit import AssertSound, OpenMemory

from engine import MemoryStore, StorageFullError, StoreError


async def limit_pages(store: MemoryStore, pages: int) -> None:
    """Let the database grow to so many pages more than it has, or (0) without a limit."""

    def limit(connection: Any) -> None:
        (now,) = connection.execute("PRAGMA page_count").fetchone()
        maximum = now + pages if pages else 4_294_967_294
        connection.execute(f"PRAGMA max_page_count={maximum}").fetchone()

    writer = store._backend.writer  # type: ignore[attr-defined]
    await writer._connection.run(limit)


async def test_a_full_disk_is_told_and_survived(
    store: MemoryStore, path: Path, assert_sound: AssertSound
) -> None:
    """While full: a typed error, reads go on. With space again the same handle works."""
    await store.put("a", "before", tags={"t"})
    await limit_pages(store, 4)
    failures = 0
    for n in range(60):
        try:
            await store.put(f"i{n}", random.Random(n).randbytes(3_000), tags={f"t{n}"})
        except StorageFullError as error:
            failures += 1
            assert error.retryable  # noqa: PT017 - the first few fit
            assert error.hint  # noqa: PT017
    assert failures > 0
    assert (await store.peek("a")) is not None
    assert await store.count() == await store.sequence() == 61 - failures
    assert await store.count("tag:t") == 1

    await limit_pages(store, 0)
    await store.put("after", "x" * 9_000)
    assert await store.count() == 62 - failures
    await store.close()
    assert_sound(path)


async def test_a_full_disk_fails_a_whole_group(
    store: MemoryStore, path: Path, assert_sound: AssertSound
) -> None:
    """Of a batch that does not fit nothing is written; others in the same group are told too."""
    await limit_pages(store, 10)
    records = [{"content": f"{n} " * 400, "tags": [f"t{n}"]} for n in range(500)]
    results = await asyncio.gather(
        store.put_many(records), store.put("small", "x"), return_exceptions=True
    )
    assert isinstance(results[0], StorageFullError)
    await limit_pages(store, 0)
    assert await store.count() in (0, 1)
    assert len(await store.put_many(records)) == 500
    await store.close()
    assert_sound(path)


RLIMIT = """
import asyncio, resource, sys
from engine import StoreError, open_store
async def main(path):
    async with open_store(path) as store:
        await store.put("a", "before")
        info = await store.info()
        size = info.file_bytes + info.wal_bytes
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20_000, resource.RLIM_INFINITY))
        failures = 0
        for n in range(40):
            try:
                await store.put(f"i{n}", f"{n} " * 2_000 + str(n ** 50))
            except StoreError as error:
                failures += 1
                assert error.hint, error
        count = await store.count()
        assert failures > 0 and count == 41 - failures, (failures, count)
        assert (await store.get("a")).content == "before"
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        await store.put("after", "x" * 9_000)
        print("survived", await store.count() - count)
asyncio.run(main(sys.argv[1]))
"""


async def test_a_file_that_may_not_grow_is_told_and_survived(
    path: Path, assert_sound: AssertSound
) -> None:
    """The system refusing to write is a typed error, and the same handle goes on after."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        RLIMIT,
        str(path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, errors = await process.communicate()

    assert out.decode().strip() == "survived 1", errors.decode()
    assert_sound(path)


async def test_a_reader_that_stays_does_not_stop_writers(
    store: MemoryStore, path: Path, assert_sound: AssertSound, open_memory: OpenMemory
) -> None:
    """With a snapshot held open the journal grows; when it is let go, the journal is put away."""
    await store.put_many({"id": f"i{n}", "content": n} for n in range(300))
    scan = store.scan("", first=1, chunk=1)
    await anext(scan)
    for n in range(10):
        await store.put_many({"id": f"big{n}/{m}", "content": f"{n}{m}" * 500} for m in range(200))
    held = (await store.info()).wal_bytes
    await scan.aclose()
    await store.close()

    assert held > 0
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    assert_sound(path)
    assert await (await open_memory()).count() == 2_300


async def test_a_store_whose_file_is_gone_does_no_harm(store: MemoryStore, path: Path) -> None:
    """Somebody who deletes the file under an open store causes no crash in the engine's caller."""
    await store.put("a", "x")
    path.unlink()
    try:
        await store.put("b", "y")
        await store.count()
        await store.info()
    except StoreError as error:
        assert str(error)  # noqa: PT017 - SQLite may go on or not
