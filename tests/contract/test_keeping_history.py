"""History that is kept for so many days: what goes, what stays, and that it was shown before."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from kit import AssertSound, ManualClock

from engine import (
    ChangeNotFoundError,
    InvalidSettingError,
    MemoryStore,
    Plan,
    Policy,
    RunNotFoundError,
    StalePlanError,
    Tier,
    open_store,
)
from engine.backends.sqlite.driver import driver

DAY = 86_400_000_000
LONG = "what was said, again and again, until nobody listened. " * 40


async def age(store: MemoryStore, clock: ManualClock) -> None:
    """Write for 100 days: items that stay, one that is deleted, one that is rewritten."""
    await store.put("stays", "as it was", agent="a", tags={"old"})
    await store.put("goes", LONG, agent="a")
    await store.put("archived", "from afar", agent="a", tier="short_term")
    await store.tiers.move("archived", Tier.ARCHIVE)
    await store.delete("goes")
    clock.now += timedelta(days=50)
    await store.put("rewritten", f"first {LONG}", agent="a")
    await store.update("rewritten", content="second")
    clock.now += timedelta(days=50)
    await store.update("rewritten", content="third")


@pytest.fixture
async def aged(store: MemoryStore, clock: ManualClock) -> MemoryStore:
    """A store without policies, with changes of 100 and 50 days ago and of today."""
    await store.lifecycle.replace([])
    await age(store, clock)
    return store


async def plan_keeping(store: MemoryStore, days: float | None) -> Plan:
    await store.lifecycle.keep_history(days)
    return await store.lifecycle.plan()


async def test_history_is_kept_for_ever_unless_told(aged: MemoryStore) -> None:
    """A new store forgets nothing, however old."""
    assert await aged.lifecycle.history_days() is None
    plan = await aged.lifecycle.plan()
    await aged.lifecycle.apply(plan)
    assert plan.forgets is None
    assert (await aged.history("stays"))[0].sequence == 1


async def test_what_would_be_forgotten_is_in_the_plan(aged: MemoryStore) -> None:
    """Planning says how much goes, from when, and warns; and changes nothing."""
    plan = await plan_keeping(aged, 60)

    assert plan.forgets is not None
    assert (plan.forgets.first, plan.forgets.through, plan.forgets.changes) == (1, 5, 5)
    assert plan.forgets.bytes_freed == plan.bytes_freed > 90 * 5
    assert any("cannot be undone" in warning for warning in plan.warnings)
    assert (await plan_keeping(aged, 60)).to_json() == plan.to_json()
    assert (await aged.history("stays"))[0].sequence == 1


async def test_old_history_goes_and_what_is_left_has_no_gaps(
    aged: MemoryStore, assert_sound: AssertSound
) -> None:
    """Items are as they were; what is recent can be undone, what is old cannot."""
    run = await aged.lifecycle.apply(await plan_keeping(aged, 60))

    assert run.forgotten == 5
    assert [change.sequence for change in await aged.changes()] == [6, 7, 8]
    stays = await aged.peek("stays")
    assert stays is not None
    assert (stays.content, stays.version) == ("as it was", 1)
    with pytest.raises(ChangeNotFoundError):
        await aged.undo(5)
    await aged.undo(8)
    await aged.undo(7)
    rewritten = await aged.peek("rewritten")
    assert rewritten is not None
    assert rewritten.content == f"first {LONG}"
    path = Path((await aged.info()).path)
    await aged.close()
    assert_sound(path)


async def test_the_content_of_what_was_deleted_goes_with_its_history(aged: MemoryStore) -> None:
    """That is what keeping less is for: the file gets smaller."""

    path = Path((await aged.info()).path)

    def contents() -> int:
        with closing(driver.connect(path)) as connection:
            (count,) = connection.execute("SELECT count(*) FROM contents").fetchone()
        return int(count)

    before = contents()
    await aged.lifecycle.apply(await plan_keeping(aged, 60))
    assert contents() == before - 1


async def test_an_archived_item_still_knows_where_it_came_from(
    aged: MemoryStore, clock: ManualClock
) -> None:
    """The move is forgotten, and `restore` brings it back to its tier all the same."""
    await aged.lifecycle.apply(await plan_keeping(aged, 60))
    policy = Policy(name="back", when="tier:archive", do="restore")
    await aged.lifecycle.apply(await aged.lifecycle.plan([policy]))
    archived = await aged.peek("archived")
    assert archived is not None
    assert archived.tier is Tier.SHORT_TERM


async def test_the_newest_change_is_never_forgotten(aged: MemoryStore, clock: ManualClock) -> None:
    """Sequences go on from it: a number that was used is not used again."""
    clock.now += timedelta(days=1_000)
    await aged.lifecycle.apply(await plan_keeping(aged, 1))
    assert [change.sequence for change in await aged.changes()] == [8]
    await aged.tag("stays", "new")
    assert await aged.sequence() == 9


async def test_a_batch_is_forgotten_whole_or_not_at_all(
    store: MemoryStore, clock: ManualClock
) -> None:
    """What one undo takes back is not cut in two by the day on which it happened."""
    await store.lifecycle.replace([Policy(name="tag", when="-tag:seen", do="tag seen")])
    await store.put("before", 1)
    await store.put_many([{"id": f"i{n}", "content": n} for n in range(1_500)])

    def slowly(_done: int, _total: int) -> None:
        clock.now += timedelta(days=20)

    run = await store.lifecycle.apply(await store.lifecycle.plan(), progress=slowly)
    assert run.first_sequence is not None
    clock.now += timedelta(days=5)
    plan = await plan_keeping(store, 30)
    assert plan.forgets is not None
    assert plan.forgets.through == run.first_sequence - 1
    await store.lifecycle.apply(plan)
    await store.lifecycle.undo(run)
    assert await store.count("tag:seen") == 0


async def test_a_run_whose_history_is_gone_says_so(store: MemoryStore, clock: ManualClock) -> None:
    """Undoing it refuses, rather than taking back nothing and calling that undone."""
    await store.lifecycle.replace([Policy(name="tag", when="-tag:seen", do="tag seen")])
    await store.put("item", 1)
    run = await store.lifecycle.apply(await store.lifecycle.plan())
    await store.put("later", 1)
    clock.now += timedelta(days=90)
    await store.put("now", 1)
    await store.lifecycle.apply(await plan_keeping(store, 30))
    with pytest.raises(RunNotFoundError, match="not kept"):
        await store.lifecycle.undo(run)


async def test_a_plan_older_than_what_is_kept_is_stale(
    aged: MemoryStore, clock: ManualClock
) -> None:
    """Whether its items have changed since cannot be told any more."""
    policy = Policy(name="tag", when="id:stays", do="tag seen")
    plan = await aged.lifecycle.plan([policy])
    await aged.update("stays", content="changed since")
    clock.now += timedelta(days=90)
    await aged.put("now", 1)
    await aged.put("and now", 1)
    await aged.lifecycle.apply(await plan_keeping(aged, 30))
    with pytest.raises(StalePlanError):
        await aged.lifecycle.apply(plan)


async def test_history_can_be_left_out_of_a_plan(aged: MemoryStore) -> None:
    """As items and policies can."""
    plan = await plan_keeping(aged, 60)
    without = plan.without(forgetting=True)
    assert without.warnings == ()
    run = await aged.lifecycle.apply(without)
    assert run.forgotten == 0
    assert (await aged.changes())[0].sequence == 1


@pytest.mark.parametrize("days", [0, 0.5, -1, 10**9, float("nan"), True, "30"])
async def test_history_cannot_be_kept_for_no_time(store: MemoryStore, days: float) -> None:
    """What happened today can always be taken back."""
    with pytest.raises(InvalidSettingError):
        await store.lifecycle.keep_history(days)


async def test_an_index_that_lacks_what_is_forgotten_is_built_anew(
    path: Path, clock: ManualClock
) -> None:
    """A Python index that was not registered meanwhile cannot catch up from a log that is gone."""

    def first_word(item: object) -> list[str]:
        return [str(getattr(item, "content", "")).split(" ", 1)[0]]

    async with open_store(path, clock=clock) as store:
        await store.lifecycle.replace([])
        await store.put("one", "alpha beta")
        await store.indexes.define("first_word", extractor=first_word)
    async with open_store(path, clock=clock) as store:
        await store.put("two", "gamma delta")
        clock.now += timedelta(days=90)
        await store.put("three", "epsilon")
        await store.lifecycle.apply(await plan_keeping(store, 30))
    async with open_store(path, clock=clock, extractors={"first_word": first_word}) as store:
        assert await store.count("index.first_word:gamma") == 1
        assert await store.count("index.first_word:alpha") == 1
