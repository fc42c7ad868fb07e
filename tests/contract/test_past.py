"""The past of a store: seen as it was at any sequence and time, and compared."""

from __future__ import annotations

import os
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from kit import START, ManualClock, OpenMemory, check_sound
from past_kit import History, assert_same, look

from engine import (
    InvalidSettingError,
    MemoryStore,
    Operation,
    ReadOnlyStoreError,
    RestorePointError,
    Tier,
)
from engine.backends.sqlite.driver import driver


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Views are made in a directory of the test's own."""
    directory = tmp_path / "temporary"
    directory.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(directory))
    return directory


@pytest.mark.parametrize("seed", range(4))
async def test_the_store_is_seen_as_it_was(
    store: MemoryStore, clock: ManualClock, seed: int, tmp_path: Path
) -> None:
    """Whatever was done, each item, link, count and search of a moment comes back."""
    history = History(store, clock, seed)
    await store.tiers.configure(working=3, short_term=4)
    await store.indexes.define("n", "metadata.n")
    await history.go(60)
    chosen = Random(seed).sample(sorted(history.moments), 8)

    for sequence in chosen:
        expected = history.moments[sequence]
        async with store.at(sequence=sequence) as then:
            assert_same(await look(then), expected)
            assert await then.sequence() == sequence
            assert await then.count() == len(expected.items)
            oslo = [i for i, item in expected.items.items() if "Oslo" in str(item["content"])]
            assert {hit.item.id for hit in await then.search("oslo", limit=99)} == set(oslo)
            file = Path((await then.info()).path)
            copy = tmp_path / "copy.db"
            copy.write_bytes(file.read_bytes())
        check_sound(copy)


async def test_a_difference_is_that_of_what_was_seen(
    store: MemoryStore, clock: ManualClock
) -> None:
    """Items and links that differ between any two moments are told, and nothing else."""
    history = History(store, clock, seed=7)
    await history.go(60)
    choose = Random(7)
    for _ in range(12):
        first, last = choose.sample(sorted(history.moments), 2)
        old, new = history.moments[first], history.moments[last]
        difference = await store.diff(first, last)
        items = {d.item_id: d async for d in store.diff_items(difference)}

        ignored = {"updated_at", "version", "size_bytes"}
        for item_id in old.items.keys() | new.items.keys():
            before, after = old.items.get(item_id), new.items.get(item_id)
            found = items.pop(item_id, None)
            if before is None or after is None:
                assert found is not None
                assert found.difference == ("added" if before is None else "removed")
                continue
            differs = {n for n in before.keys() - ignored if before[n] != after[n]}
            if not differs:
                # When it was last read is not part of what was seen.
                assert found is None or found.fields == ("last_accessed_at",)
            elif differs == {"tier"} and found and "last_accessed_at" not in found.fields:
                assert found.difference == "moved"
            else:
                assert found is not None
                assert found.difference == "changed"
                names = set(found.fields) - {"last_accessed_at"}
                assert names == differs - {"content_hash"}
        assert items == {}
        links = {
            (d.source_id, d.relation, d.target_id): (d.before, d.after)
            for d in await store.diff_links(difference)
        }
        for key in old.links.keys() | new.links.keys():
            pair = tuple(side.links[key][0] if key in side.links else None for side in (old, new))
            assert links.pop(key, pair if pair[0] == pair[1] else None) == pair
        assert links == {}


async def content_of(store: MemoryStore, item_id: str) -> object:
    """Return the content of an item that is there."""
    item = await store.get(item_id)
    assert item is not None
    return item.content


async def test_a_view_is_private_and_leaves_nothing(store: MemoryStore, temporary: Path) -> None:
    """The copy is in a directory of this user alone, cannot be written, and is gone afterwards."""
    await store.put("a", "secret")
    await store.delete("a")

    async with store.at(sequence=1) as then:
        (parent,) = temporary.iterdir()
        (work,) = parent.iterdir()
        assert parent.stat().st_mode & 0o777 == work.stat().st_mode & 0o777 == 0o700
        assert await content_of(then, "a") == "secret"
        with pytest.raises(ReadOnlyStoreError):
            await then.put("b", "x")
    assert list(parent.iterdir()) == []
    assert await store.get("a") is None


async def test_what_a_dead_process_left_is_swept(store: MemoryStore, temporary: Path) -> None:
    """The copy of a process that was killed is gone with the next view; a live one's stays."""
    await store.put("a", "x")
    left = temporary / f"agent-memory-{os.getuid()}" / ".0123456789abcdef.partial"
    left.mkdir(parents=True, mode=0o700)
    left.parent.chmod(0o700)
    (left / "lock").touch()
    (left / "memory.db").write_text("copy")

    async with store.at(sequence=1):
        assert not left.exists()
        async with store.at(sequence=0) as then:
            assert await then.count() == 0
            assert len(list(left.parent.iterdir())) == 2


async def test_a_store_that_is_only_read_has_a_past_too(
    store: MemoryStore, open_memory: OpenMemory, tmp_path: Path
) -> None:
    """Looking back, comparing and restoring to a file need no right to write to the store."""
    await store.put("a", "one")
    await store.put("a", "two")
    reader = await open_memory(read_only=True)

    async with reader.at(sequence=1) as then:
        assert await content_of(then, "a") == "one"
        # A view has a past as well.
        async with then.at(sequence=0) as before:
            assert await before.count() == 0
    assert (await reader.diff(1)).items.changed == 1
    await reader.backups.restore(sequence=1, target=tmp_path / "old.db")
    with pytest.raises(ReadOnlyStoreError):
        await reader.backups.restore(sequence=1, in_place=True)


async def test_a_time_is_the_last_change_not_later(store: MemoryStore, clock: ManualClock) -> None:
    """Between two changes it is the first; before the store there is nothing to see."""
    before = clock.now - timedelta(days=1)
    await store.put("a", "one")
    middle = clock.now + timedelta(minutes=1)
    clock.advance(hours=1)
    await store.update("a", content="two")

    looking = store.at(time=middle)
    async with looking as then:
        assert await content_of(then, "a") == "one"
        assert looking.point.sequence == 1
        assert await then.count("created<1h") == 1
    async with store.at(time=clock.now + timedelta(days=9)) as then:
        assert await content_of(then, "a") == "two"
    with pytest.raises(RestorePointError) as refused:
        async with store.at(time=before):
            pass
    assert (refused.value.oldest, refused.value.newest) == (0, 2)
    with pytest.raises(RestorePointError):
        async with store.at(sequence=3):
            pass


async def test_a_clock_set_back_names_a_state_that_was(
    store: MemoryStore, clock: ManualClock
) -> None:
    """A time that comes twice is the later of both: all changes up to it, whatever they say."""
    await store.put("a", "at noon")
    clock.advance(hours=2)
    await store.put("b", "at two")
    clock.advance(hours=-3)
    await store.put("c", "at eleven, after two")

    async with store.at(time=START + timedelta(hours=1)) as then:
        assert await then.count() == 3
    assert (await store.diff(START + timedelta(hours=1))).is_empty
    async with store.at(time=START - timedelta(minutes=30)) as then:
        assert await then.count() == 3
    timeline = await store.timeline(3)
    assert sum(bucket.changes for bucket in timeline.buckets) == 3


@pytest.mark.parametrize("arguments", [{}, {"sequence": 1, "time": START}])
async def test_a_point_is_one_thing(store: MemoryStore, arguments: dict[str, object]) -> None:
    """Neither, or both, is refused before anything is copied."""
    with pytest.raises(InvalidSettingError):
        store.at(**arguments)  # type: ignore[arg-type]


async def test_an_older_point_comes_from_a_backup(store: MemoryStore, path: Path) -> None:
    """Where the log was cut at its old end, a backup answers; without one the range is told."""
    for n in range(6):
        await store.put("a", f"text {n}")
    backup = await store.backups.create()
    for n in range(6, 9):
        await store.put("a", f"text {n}")
    with closing(driver.connect(path, isolation_level=None)) as other:
        other.execute("DELETE FROM changes WHERE sequence <= 7")

    looking = store.at(sequence=3)
    async with looking as then:
        assert await content_of(then, "a") == "text 2"
        assert looking.point.backup == backup.name
    looking = store.at(sequence=8)
    async with looking as then:
        assert await content_of(then, "a") == "text 7"
        assert looking.point.backup is None
    store.backups.use_directory(path.parent / "nothing here")
    with pytest.raises(RestorePointError, match=r"from 8 .* to 9") as refused:
        async with store.at(sequence=3):
            pass
    assert refused.value.oldest == 8
    with pytest.raises(RestorePointError):
        await store.diff(3)


async def test_a_difference_says_how_much_and_what(store: MemoryStore) -> None:
    """Counts by agent and kind, fields, samples, links, and one item with its contents."""
    await store.put("kept", "same")
    await store.put("gone", "old", agent="atlas")
    await store.put("moved", "x", tier=Tier.SHORT_TERM)
    await store.put("edited", "first", agent="bella", kind="episodic")
    point = await store.sequence()
    await store.put("new", "fresh", agent="atlas")
    await store.delete("gone")
    await store.tiers.move("moved", Tier.ARCHIVE)
    await store.update("edited", content="second", importance=0.9)
    await store.associate("kept", "edited", relation="r")
    await store.tag("kept", "t")
    await store.untag("kept", "t")

    difference = await store.diff(point)

    counts = difference.items
    assert (counts.added, counts.changed, counts.moved, counts.removed) == (1, 1, 1, 1)
    assert difference.by_agent["atlas"].total == 2
    assert difference.by_kind["episodic"].changed == 1
    assert (difference.links_added, difference.links_removed) == (1, 0)
    fields = {sample.item_id: sample.fields for sample in difference.samples}
    assert fields == {
        "edited": ("importance", "content"),
        "gone": (),
        "moved": ("tier",),
        "new": (),
    }
    sides = await store.diff_item(difference, "edited")
    assert sides.before is not None
    assert sides.after is not None
    assert (sides.before.content, sides.after.content) == ("first", "second")
    assert (sides.before.version, sides.after.version) == (1, 2)
    gone = await store.diff_item(difference, "gone")
    assert gone.after is None
    assert (await store.diff(point, point)).is_empty


async def test_a_timeline_says_how_dense_changes_are(
    store: MemoryStore, clock: ManualClock
) -> None:
    """Spans of equal length, each with its changes by operation and actor."""
    await store.put("a", "x")
    clock.advance(hours=10)
    for n in range(5):
        await store.put(f"b{n}", "x", actor="mad")
    await store.delete("a")

    timeline = await store.timeline(10)

    assert (timeline.oldest.sequence, timeline.newest.sequence) == (0, 7)
    assert [bucket.changes for bucket in timeline.buckets] == [1, 0, 0, 0, 0, 0, 0, 0, 0, 6]
    last = timeline.buckets[-1]
    assert last.by_operation == {Operation.CREATE: 5, Operation.DELETE: 1}
    assert last.by_actor == {"mad": 5, "tester": 1}
    assert (last.first_sequence, last.last_sequence) == (2, 7)
    assert last.start < last.end
    with pytest.raises(InvalidSettingError):
        await store.timeline(0)


async def test_an_empty_store_has_a_past_of_nothing(open_memory: OpenMemory) -> None:
    """There is one restore point, and it differs from nothing."""
    store = await open_memory()
    assert (await store.diff(0)).is_empty
    assert (await store.timeline()).buckets == ()
    async with store.at(sequence=0) as then:
        assert await then.count() == 0


async def test_a_damaged_content_hides_nothing_else(store: MemoryStore, path: Path) -> None:
    """An item whose content was damaged is refused when it is read; all others are as they were."""
    await store.put("bad", "was good " * 3)
    await store.put("good", "one")
    await store.update("bad", content="new")
    await store.update("good", content="two")
    with closing(driver.connect(path, isolation_level=None)) as other:
        other.execute(
            "UPDATE contents SET data = zeroblob(length(data)) WHERE content_key = "
            "(SELECT content_key FROM changes WHERE sequence = 3)"
        )
    async with store.at(sequence=2) as then:
        assert await content_of(then, "good") == "one"
        assert [item.id async for item in then.iterate(skip_corrupt=True)] == ["good"]
        assert await then.count() == 2
