"""Policies: what is planned is what is done, and what was done can be taken back."""

from __future__ import annotations

import asyncio
import random
import tempfile
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kit import AssertSound, ManualClock, OpenMemory, check_sound

from engine import (
    DEFAULT_POLICIES,
    InvalidPolicyError,
    Item,
    MemoryStore,
    Plan,
    Policy,
    PolicyNotFoundError,
    Run,
    RunInUseError,
    RunNotFoundError,
    StalePlanError,
    Tier,
    UndoConflictError,
    load_policies,
    open_store,
)


def policy(do: str, when: str = "", name: str = "p") -> Policy:
    return Policy(name=name, when=when, do=do)


async def everything(store: MemoryStore) -> dict[str, Any]:
    """Return all that a policy may touch of every item, by id, and all links."""
    items: dict[str, Any] = {
        item.id: (
            item.content,
            item.agent,
            item.kind,
            item.tier,
            item.importance,
            item.tags,
            item.metadata,
            item.session_id,
            item.created_at,
            item.last_accessed_at,
            item.access_count,
        )
        async for item in store.iterate()
    }
    async with aclosing(store.iterate_associations()) as links:
        items["links"] = (
            sorted([(k.source_id, k.relation, k.target_id, k.strength) async for k in links]),
        )
    return items


async def item(store: MemoryStore, item_id: str) -> Item:
    """Return an item that is there."""
    found = await store.peek(item_id)
    assert found is not None
    return found


LONG = (
    "What we found about the parser is that it was checked before the queue was, number {0}. " * 8
)


@pytest.fixture
async def old(store: MemoryStore, clock: ManualClock) -> MemoryStore:
    """A store of sixty items that nobody has looked at for forty days."""
    await store.put_many(
        {
            "id": f"i/{n:02}",
            "content": LONG.format(n),
            "agent": "atlas",
            "kind": "episodic",
            "importance": n / 60,
            "session_id": f"s{n // 10}",
            "tags": {f"t{n % 3}"},
        }
        for n in range(60)
    )
    clock.advance(days=40)
    return store


# ------------------------------------------------------------------------------------- policies


async def test_a_new_store_has_the_usual_policies(
    store: MemoryStore, open_memory: OpenMemory
) -> None:
    """They are there until they are changed; an empty list stays empty."""
    assert await store.lifecycle.policies() == list(DEFAULT_POLICIES)
    await store.lifecycle.replace([])
    await store.close()
    store = await open_memory()
    assert await store.lifecycle.policies() == []


async def test_policies_are_kept_in_order(store: MemoryStore) -> None:
    """One is added at the end, replaced where it is, moved where it is told, and removed."""
    await store.lifecycle.save(policy("archive", "idle>9d", "mine"))
    names = [p.name for p in await store.lifecycle.policies()]
    assert names == [*(p.name for p in DEFAULT_POLICIES), "mine"]
    await store.lifecycle.save(policy("demote", "idle>9d", "mine"), position=0)
    first, *_ = await store.lifecycle.policies()
    assert first == policy("demote", "idle>9d", "mine")
    await store.lifecycle.save(policy("promote", "idle>9d", "mine"))
    assert (await store.lifecycle.policies())[0].do == "promote"
    await store.lifecycle.remove("mine")
    assert len(await store.lifecycle.policies()) == 3
    with pytest.raises(PolicyNotFoundError):
        await store.lifecycle.remove("mine")


async def test_policies_come_from_toml(old: MemoryStore) -> None:
    """A file of policies is planned as it is, without being kept."""
    wanted = load_policies('[[policy]]\nname = "a"\nwhen = "tag:t1"\ndo = "tag seen"\n')
    plan = await old.lifecycle.plan(wanted)
    assert {change.action for change in plan.changes} == {"tag seen"}
    assert len(plan.changes) == 20
    assert await old.lifecycle.policies() == list(DEFAULT_POLICIES)


@pytest.mark.parametrize(
    "wrong",
    [
        policy("archive", "importance>=abc"),
        policy("archive", "(tag:a"),
        policy("explode"),
        policy("importance 2"),
        policy("archive", "python:unheard_of"),
        policy("python:unheard_of"),
        policy("archive", "tag:a", ""),
    ],
)
async def test_what_is_wrong_is_refused(old: MemoryStore, wrong: Policy) -> None:
    """A condition that does not parse, an unknown action or name: told, and nothing kept."""
    with pytest.raises(InvalidPolicyError):
        await old.lifecycle.plan([wrong])
    if "python" not in wrong.when + wrong.do:
        with pytest.raises(InvalidPolicyError):
            await old.lifecycle.save(wrong)
    assert await old.lifecycle.policies() == list(DEFAULT_POLICIES)


# ---------------------------------------------------------------------------------------- plans


async def test_planning_changes_nothing_and_is_the_same_twice(old: MemoryStore) -> None:
    """Two plans of the same store are the same bytes, and the store is as it was."""
    before, sequence = await everything(old), await old.sequence()
    plan = await old.lifecycle.plan()
    again = await old.lifecycle.plan()

    assert plan.to_json() == again.to_json()
    assert plan.sequence == sequence == await old.sequence()
    assert await everything(old) == before
    assert {name: part.count for name, part in plan.by_policy.items()} == {
        "archive_old_low_importance": 18,
        "delete_ancient_archives": 0,
        "refresh_important": 11,
    }
    assert plan.bytes_freed > 0


async def test_the_first_policy_claims_an_item(old: MemoryStore) -> None:
    """Each item is acted on at most once, by the first policy that would change it."""
    plan = await old.lifecycle.plan(
        [policy("tag a", "tag:t1", "one"), policy("tag b", "", "two"), policy("tag c", "", "three")]
    )
    assert {name: part.count for name, part in plan.by_policy.items()} == {
        "one": 20,
        "two": 40,
        "three": 0,
    }
    ids = [change.item_id for change in plan.changes]
    assert len(ids) == len(set(ids)) == 60


async def test_pinned_items_are_told_and_left_alone(old: MemoryStore) -> None:
    """`tag:pinned` is never touched, whatever the policy; the plan says how many there were."""
    await old.tag("i/03", "pinned")
    plan = await old.lifecycle.plan([policy("delete", "importance<0.1")])
    assert "i/03" not in {change.item_id for change in plan.changes}
    assert plan.by_policy["p"].pinned == 1
    assert any("pinned" in warning for warning in plan.warnings)


async def test_the_plan_warns(old: MemoryStore) -> None:
    """Of much at once, of everything, of strong associations, of policies that contradict."""
    await old.associate("i/01", "i/02", strength=0.9)
    plan = await old.lifecycle.plan([policy("archive", "", "all"), policy("restore", "", "back")])
    text = "\n".join(plan.warnings)
    for words in ("60 of 60", "every item", "strength", "back"):
        assert words in text, words


async def test_what_is_left_out_is_not_done(old: MemoryStore) -> None:
    """Single items and whole policies can be taken out of a plan."""
    plan = await old.lifecycle.plan()
    some = plan.changes[0].item_id
    less = plan.without([some], ["refresh_important"])
    assert len(less.changes) == 17
    await old.lifecycle.apply(less)
    assert (await item(old, some)).tier is Tier.LONG_TERM
    assert await old.count("tier:archive") == 17


# ----------------------------------------------------------------------------------------- runs


ACTIONS = ["archive", "delete", "refresh", "promote", "demote", "tag new tag", "untag t1",
           "importance 0.25", "compress", "deduplicate", "merge 0.7", "consolidate"]  # fmt: skip


@pytest.mark.parametrize("do", ACTIONS)
async def test_each_action_can_be_taken_back(
    old: MemoryStore, path: Path, assert_sound: AssertSound, do: str
) -> None:
    """The plan is not empty, all of it is done, nothing is left to do, and undo restores all."""
    await old.put("twin", LONG.format(5), agent="atlas", importance=0.1)
    before = await everything(old)
    plan = await old.lifecycle.plan([policy(do)])
    assert plan.changes
    run = await old.lifecycle.apply(plan)

    assert (run.state, run.done) == ("done", len(plan.changes))
    if do not in ("promote", "demote", "refresh", "merge 0.7", "consolidate"):
        assert not (await old.lifecycle.plan([policy(do)])).changes
    contents = {key: value[0] for key, value in (await everything(old)).items() if key != "links"}
    for item_id, content in contents.items():
        if item_id in before:
            assert content == before[item_id][0]
    await old.lifecycle.undo(run)
    assert await everything(old) == before
    with pytest.raises(StalePlanError):
        await old.lifecycle.undo(run)
    await old.close()
    assert_sound(path)


@pytest.mark.parametrize("do", [*ACTIONS, "restore"])
async def test_a_preview_shows_what_applying_makes_of_an_item(old: MemoryStore, do: str) -> None:
    """Field by field, down to the bytes that it takes; and it changes nothing itself."""
    await old.put("twin", LONG.format(5), agent="atlas", importance=0.1)
    await old.put_many({"id": f"more/{n}", "content": LONG.format(n)} for n in range(80))
    if do == "restore":
        await old.tiers.move("i/01", "short_term")
    # What a run trains first is there already: the preview is told with it.
    await old.lifecycle.apply(await old.lifecycle.plan([policy("archive", "id:i/01")]))
    plan = await old.lifecycle.plan([policy(do)])
    sequence = await old.sequence()
    shown = [await old.lifecycle.preview(change, plan=plan) for change in plan.changes[::9]]
    assert shown
    assert await old.sequence() == sequence
    assert (await old.lifecycle.plan([policy(do)])).to_json() == plan.to_json()

    await old.lifecycle.apply(plan)
    for before, after in ((one.before, one.after) for one in shown):
        found = await old.peek(before.id)
        if found is None or after is None:
            assert found is after is None
        else:
            now = replace(after, updated_at=found.updated_at)
            assert replace(now, last_accessed_at=found.last_accessed_at) == found


async def test_a_preview_of_what_has_moved_on_is_refused(old: MemoryStore) -> None:
    """With its plan whatever apply would refuse; without it what is gone or done already."""
    plan = await old.lifecycle.plan([policy("archive")])
    changed, gone, done = plan.changes[:3]
    await old.update(changed.item_id, importance=0.77)
    await old.delete(gone.item_id)
    await old.tiers.move(done.item_id, "archive")
    await old.lifecycle.apply(await old.lifecycle.plan([policy("compress")]))
    for change in (changed, gone, done):
        with pytest.raises(StalePlanError):
            await old.lifecycle.preview(change, plan=plan)
    assert (await old.lifecycle.preview(changed)).before.importance == 0.77
    for change in (gone, done):
        with pytest.raises(StalePlanError):
            await old.lifecycle.preview(change)


async def test_restoring_goes_to_where_an_item_came_from(old: MemoryStore) -> None:
    """What was archived from the short term goes back there, with nothing known to long term."""
    await old.tiers.move("i/01", "short_term")
    await old.lifecycle.apply(await old.lifecycle.plan([policy("archive")]))
    assert await old.count("tier:archive") == 60
    run = await old.lifecycle.apply(await old.lifecycle.plan([policy("restore")]))
    assert await old.count("tier:archive") == 0
    assert (await item(old, "i/01")).tier is Tier.SHORT_TERM
    await old.lifecycle.undo(run)
    assert await old.count("tier:archive") == 60


async def test_an_archived_item_is_smaller_and_still_found(old: MemoryStore) -> None:
    """It is packed, reads the same, is found by its words, and says where it is."""
    await old.put_many({"id": f"more/{n}", "content": LONG.format(n)} for n in range(200))
    plain = await item(old, "i/01")
    await old.lifecycle.apply(await old.lifecycle.plan([policy("archive")]))
    packed = await item(old, "i/01")
    assert packed.content == plain.content
    assert packed.stored_bytes < plain.stored_bytes / 2
    assert packed.codec.label == "text+dictionary"
    hits = await old.search("parser queue", where="tier:archive")
    assert len(hits) == 20
    previews = await old.previews(list((await old.find_keys(["i/01"])).values()))
    assert next(iter(previews.values())).text == plain.content[:160]
    assert (await old.tiers.transitions("i/01"))[0].reason == "p"


async def test_what_did_not_get_smaller_is_not_planned_again(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is new, was left out or has changed is planned; what was tried in vain is not."""
    import random

    from engine.procedures import tried

    monkeypatch.setattr(tried, "TRIED_BYTES_MAX", 1_000)
    noise = random.Random(5)
    await store.put_many({"id": f"noise/{n}", "content": noise.randbytes(400)} for n in range(9))
    await store.put_many({"id": f"text/{n}", "content": LONG.format(n)} for n in range(9))

    async def planned() -> list[str]:
        plan = await store.lifecycle.plan([policy("compress")])
        await store.lifecycle.apply(plan.without(items=["text/0", "noise/0"]))
        return [change.item_id for change in plan.changes]

    assert len(await planned()) == 18
    # In vain or not is only known once it was tried: this one was left out both times.
    assert await planned() == ["text/0"]
    await store.put("new", noise.randbytes(400))
    await store.update("noise/3", content=noise.randbytes(400))
    assert await planned() == ["noise/3", "text/0", "new"]
    assert await planned() == ["text/0"]
    store.lifecycle.register_action("pack", lambda item: "compress")
    plan = await store.lifecycle.plan([policy("python:pack")])
    assert [change.item_id for change in plan.changes] == ["text/0"]


async def test_what_a_new_dictionary_makes_smaller_is_planned_again(store: MemoryStore) -> None:
    """Too short to be packed alone, short texts shrink once the store has learnt from many."""
    text = "The user of account {0} prefers short answers and lives in town {0}, it was said."
    await store.put_many({"id": f"old/{n}", "content": text.format(n)} for n in range(5))

    async def pack() -> set[str]:
        plan = await store.lifecycle.plan([policy("compress")])
        await store.lifecycle.apply(plan)
        return {change.item_id.partition("/")[0] for change in plan.changes}

    assert await pack() == {"old"}
    assert await pack() == set()
    await store.put_many({"id": f"new/{n}", "content": text.format(n)} for n in range(300))
    assert await pack() == {"new"}
    assert await pack() == {"old"}
    assert (await item(store, "old/1")).codec.label == "text+dictionary"
    assert await pack() == set()


async def test_equal_items_share_what_they_hold(
    store: MemoryStore, path: Path, assert_sound: AssertSound
) -> None:
    """A change of one is none of the other's; deleting one leaves the other whole."""
    await store.put_many({"id": f"i/{n}", "content": LONG, "agent": "a"} for n in range(10))
    plan = await store.lifecycle.plan([policy("deduplicate")])
    assert len(plan.changes) == 9
    assert plan.bytes_freed == 9 * (await item(store, "i/0")).stored_bytes
    await store.lifecycle.apply(plan)
    await store.update("i/1", content="other")
    await store.delete("i/0")
    assert (await item(store, "i/2")).content == LONG
    assert (await item(store, "i/1")).content == "other"
    await store.lifecycle.apply(await store.lifecycle.plan([policy("archive")]))
    assert (await item(store, "i/2")).content == LONG
    await store.close()
    assert_sound(path)


async def test_near_duplicates_become_differences(
    store: MemoryStore, path: Path, assert_sound: AssertSound
) -> None:
    """The best one is kept with the tags of all; the others are archived, linked, and exact."""
    import random

    words = random.Random(3)
    text = " ".join(f"w{words.randrange(10**6)}" for _ in range(200))
    for n in range(4):
        await store.put(f"i/{n}", f"{text} ending {n}", importance=n / 10, tags={f"t{n}"})
    await store.put("other", "something else entirely, which is like nothing else there is")
    plan = await store.lifecycle.plan([policy("merge 0.8")])
    assert {(change.item_id, change.related) for change in plan.changes} == {
        (f"i/{n}", ("i/3",)) for n in range(3)
    }
    run = await store.lifecycle.apply(plan)
    kept = await item(store, "i/3")
    assert kept.tags == {"t0", "t1", "t2", "t3"}
    links = await store.associations("i/3")
    assert {(link.relation, link.target_id) for link in links} == {
        ("merged_from", f"i/{n}") for n in range(3)
    }
    for n in range(3):
        merged = await item(store, f"i/{n}")
        assert (merged.tier, merged.codec.label) == (Tier.ARCHIVE, "text+delta")
        assert merged.content == f"{text} ending {n}"
        assert merged.stored_bytes < 60
    # The base may change or go: what was said of it stays.
    await store.update("i/3", content="rewritten")
    await store.delete("i/3")
    assert (await item(store, "i/1")).content == f"{text} ending 1"
    with pytest.raises(UndoConflictError):
        await store.lifecycle.undo(run)
    await store.close()
    assert_sound(path)


async def test_a_session_is_summed_up(old: MemoryStore) -> None:
    """Its items are archived, and one item says in fewer words what they said, linked to them."""
    run = await old.lifecycle.apply(await old.lifecycle.plan([policy("consolidate", "session:s1")]))
    summary = await item(old, "summary/s1")
    assert (summary.kind, summary.session_id, summary.agent) == ("semantic", "s1", "atlas")
    assert "parser" in summary.content
    assert len(summary.content) < sum(len(LONG) for _ in range(10)) / 3
    links = await old.associations("summary/s1")
    assert {link.target_id for link in links} == {f"i/{n:02}" for n in range(10, 20)}
    assert await old.count("tier:archive") == 10
    await old.lifecycle.undo(run)
    assert await old.peek("summary/s1") is None


async def test_registered_functions_go_through_the_same_plan(old: MemoryStore) -> None:
    """A Python condition selects, a Python action chooses a built-in one; undo knows both."""
    before = await everything(old)
    old.lifecycle.register_condition("even", lambda found: int(found.id[-2:]) % 2 == 0)
    old.lifecycle.register_action(
        "choose", lambda found: "delete" if found.importance < 0.2 else "tag kept"
    )
    plan = await old.lifecycle.plan([policy("python:choose", "python:even")])
    assert {change.action for change in plan.changes} == {"delete", "tag kept"}
    assert len(plan.changes) == 30
    run = await old.lifecycle.apply(plan)
    assert await old.count("") == 54
    await old.lifecycle.undo(run)
    assert await everything(old) == before


async def test_a_function_that_raises_plans_nothing(old: MemoryStore) -> None:
    """Its error comes out of the plan, and the store is as it was."""
    before = await everything(old)
    old.lifecycle.register_condition("broken", lambda _: 1 / 0 > 0)
    old.lifecycle.register_action("nonsense", lambda _: "explode")
    with pytest.raises(ZeroDivisionError):
        await old.lifecycle.plan([policy("delete", "python:broken")])
    with pytest.raises(InvalidPolicyError):
        await old.lifecycle.plan([policy("python:nonsense")])
    assert await everything(old) == before


# ---------------------------------------------------------------------------------------- stale


@pytest.mark.parametrize("what", ["update", "delete", "read", "tag"])
async def test_a_plan_of_what_has_changed_is_refused(old: MemoryStore, what: str) -> None:
    """One item that was changed, deleted or read since then, and nothing at all is done."""
    plan = await old.lifecycle.plan()
    target = plan.changes[-1].item_id
    match what:
        case "update":
            await old.update(target, content="new")
        case "delete":
            await old.delete(target)
        case "tag":
            await old.tag(target, "x")
        case "read":
            await old.get(target)
            await old.flush()
    before = await everything(old)
    with pytest.raises(StalePlanError, match=target):
        await old.lifecycle.apply(plan)
    assert await everything(old) == before
    assert await old.lifecycle.runs() == []


async def test_changes_of_other_items_do_not_matter(old: MemoryStore) -> None:
    """A plan stands as long as its own items do."""
    plan = await old.lifecycle.plan()
    await old.put("new", "something")
    untouched = {f"i/{n:02}" for n in range(60)} - {c.item_id for c in plan.changes}
    await old.update(min(untouched), content="new")
    assert (await old.lifecycle.apply(plan)).state == "done"


async def test_a_plan_of_another_store_is_refused(old: MemoryStore, tmp_path: Path) -> None:
    """A plan is of one store, and no other takes it."""
    plan = await old.lifecycle.plan()
    async with open_store(tmp_path / "other.db") as other:
        with pytest.raises(StalePlanError):
            await other.lifecycle.apply(plan)


async def many(store: MemoryStore, clock: ManualClock) -> Plan:
    """Return a plan of three batches."""
    await store.put_many(
        {"id": f"m/{n:04}", "content": LONG.format(n), "importance": 0.1} for n in range(2_500)
    )
    clock.advance(days=40)
    return await store.lifecycle.plan()


async def test_what_changes_between_two_batches_stops_the_run(
    store: MemoryStore, clock: ManualClock
) -> None:
    """An item of the third batch changes during the second: all is taken back."""
    plan = await many(store, clock)
    before = await everything(store)
    meddling: list[asyncio.Task[Any]] = []

    def meddle(done: int, _total: int) -> None:
        if done == 1_000:
            meddling.append(asyncio.get_running_loop().create_task(store.tag("m/2499", "meddled")))

    with pytest.raises(StalePlanError):
        await store.lifecycle.apply(plan, progress=meddle)
    await asyncio.gather(*meddling)
    after = await everything(store)
    assert after.pop("m/2499") != before.pop("m/2499")
    assert after == before
    assert [run.state for run in await store.lifecycle.runs()] == ["undone"]


async def test_a_cancelled_run_is_taken_back(store: MemoryStore, clock: ManualClock) -> None:
    """Cancelling between or within batches leaves the store as it was."""
    plan = await many(store, clock)
    before = await everything(store)
    for after in (0, 1_000, 2_000):
        task: asyncio.Task[Run]

        def stop(done: int, _total: int, after: int = after) -> None:
            if done == after:
                asyncio.get_running_loop().call_soon(task.cancel)  # noqa: B023 - of this round

        task = asyncio.create_task(store.lifecycle.apply(plan, progress=stop))
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await everything(store) == before
        # What was taken back are changes of the items: the plan has to be made again.
        plan = await store.lifecycle.plan()


async def test_a_run_that_a_crash_fell_into_is_resumed_or_undone(
    store: MemoryStore, clock: ManualClock, open_memory: OpenMemory, path: Path,
    assert_sound: AssertSound,
) -> None:  # fmt: skip
    """After two of three batches the process is gone: another one ends it either way."""
    from engine.procedures import applying, lookup

    plan = await many(store, clock)
    before = await everything(store)

    async def crash_after_a_batch(given: Plan) -> Run:
        facts = await store._backend.read(lookup.store_facts)
        run = await store._backend.write(applying.begin_run, given, facts.store_id, clock(), 0)
        return await store._backend.write(
            applying.apply_batch, store._names, given, run, given.changes[:1_000],
            store._author(None), store.limits,
        )  # fmt: skip

    await crash_after_a_batch(plan)
    await store.close()
    clock.advance(minutes=5)
    store = await open_memory()
    (run,) = await store.lifecycle.runs()
    assert (run.state, run.done, run.planned) == ("interrupted", 1_000, 2_500)
    assert await store.lifecycle.find_run(run.id) == run
    run = await store.lifecycle.resume(run)
    assert (run.state, run.done) == ("done", 2_500)
    assert await store.count("tier:archive") == 2_500
    with pytest.raises(RunNotFoundError):
        await store.lifecycle.resume(run)
    await store.lifecycle.undo(run)
    assert await everything(store) == before

    clock.advance(days=40)
    await crash_after_a_batch(await store.lifecycle.plan())
    clock.advance(minutes=5)
    run, _ = await store.lifecycle.runs()
    assert run.state == "interrupted"
    assert (await store.lifecycle.undo(run)).state == "undone"
    assert await everything(store) == before
    await store.close()
    assert_sound(path)


async def test_a_run_is_carried_out_by_one(
    store: MemoryStore, clock: ManualClock, open_memory: OpenMemory
) -> None:
    """Resumed elsewhere while it goes on, one of the two ends it, and neither takes it back."""
    plan = await many(store, clock)
    other = await open_memory()
    resumed: list[asyncio.Task[Run]] = []

    def meddle(done: int, _total: int) -> None:
        if done == 1_000:
            resumed.append(asyncio.get_running_loop().create_task(resume()))

    async def resume() -> Run:
        return await other.lifecycle.resume((await other.lifecycle.runs())[0])

    own = await asyncio.gather(store.lifecycle.apply(plan, progress=meddle), return_exceptions=True)
    theirs = await asyncio.gather(*resumed, return_exceptions=True)
    outcomes: list[Any] = [*own, *theirs]
    assert sum(isinstance(outcome, Run) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, RunInUseError | RunNotFoundError) for outcome in outcomes) == 1
    assert await store.count("tier:archive") == 2_500
    assert [run.state for run in await store.lifecycle.runs()] == ["done"]


async def test_due_runs_are_made_up_for_once(old: MemoryStore, clock: ManualClock) -> None:
    """The first is due at once, the next after its time; several missed ones are one."""
    first = await old.lifecycle.run_due(6)
    assert first is not None
    assert first.state == "done"
    assert await old.lifecycle.run_due(6) is None
    clock.advance(hours=25)
    assert await old.lifecycle.run_due(6) is not None
    assert await old.lifecycle.run_due(6) is None
    assert len(await old.lifecycle.runs()) == 2


async def test_a_clock_that_jumps_back_ages_nothing(old: MemoryStore, clock: ManualClock) -> None:
    """An hour back, or a year: no item is older than it was, and nothing fails."""
    clock.advance(days=-400)
    plan = await old.lifecycle.plan()
    assert plan.changes == ()
    await old.lifecycle.apply(plan)


async def test_an_empty_plan_is_a_run_of_nothing(store: MemoryStore) -> None:
    """There is nothing to do, and undoing it is nothing too."""
    run = await store.lifecycle.apply(await store.lifecycle.plan())
    assert (run.state, run.planned, run.first_sequence) == ("done", 0, None)
    assert (await store.lifecycle.undo(run)).state == "undone"


# ------------------------------------------------------------------------------------- property

conditions = st.sampled_from(
    ["", "importance<0.5", "idle>2d", "tag:a", "-tag:a", "tier:archive", "-tier:archive",
     "accesses>0", "kind:episodic importance>=0.3", "created>3d", "has:session"]
)  # fmt: skip
actions = st.sampled_from(
    ["archive", "restore", "delete", "refresh", "promote", "demote", "tag b", "untag a",
     "importance 0.75", "compress", "deduplicate", "merge", "consolidate"]
)  # fmt: skip
some_policies = st.lists(st.tuples(conditions, actions), min_size=1, max_size=4).map(
    lambda pairs: [policy(do, when, f"p{n}") for n, (when, do) in enumerate(pairs)]
)
some_items = st.lists(
    st.fixed_dictionaries(
        {
            "content": st.sampled_from(["same", LONG, LONG + "!", {"a": 1}, b"bytes"]),
            "importance": st.sampled_from([0.0, 0.3, 0.5, 0.9]),
            "tier": st.sampled_from([tier.label for tier in Tier]),
            "kind": st.sampled_from(["episodic", "semantic"]),
            "tags": st.sets(st.sampled_from(["a", "b", "pinned"])),
            "session_id": st.sampled_from([None, "s"]),
        }
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    records=some_items,
    chosen=some_policies,
    reads=st.lists(st.tuples(st.integers(0, 11), st.integers(0, 60)), max_size=6),
    links=st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=4),
)
def test_what_is_planned_is_done_and_undone(
    records: list[dict[str, Any]],
    chosen: list[Policy],
    reads: list[tuple[int, int]],
    links: list[tuple[int, int]],
) -> None:
    """apply == plan, undo(apply) == before, pinned untouched: for any items, times and policies."""

    async def check(path: Path) -> None:
        clock = ManualClock(step=timedelta(milliseconds=1))
        async with open_store(path, clock=clock) as store:
            await store.put_many({"id": f"i/{n}", **fields} for n, fields in enumerate(records))
            for source, target in links:
                if max(source, target) < len(records) and source != target:
                    await store.associate(f"i/{source}", f"i/{target}")
            for number, hours in reads:
                clock.advance(hours=hours)
                await store.get(f"i/{number}")
            await store.flush()
            before = await everything(store)
            plan = await store.lifecycle.plan(chosen)
            run = await store.lifecycle.apply(plan)
            after = await everything(store)
            check_done(plan, before, after)
            assert run.done == len(plan.changes)
            await store.lifecycle.undo(run)
            assert await everything(store) == before
        check_sound(path)

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(check(Path(folder) / "memory.db"))


CONTENT, TIER, IMPORTANCE, TAGS, LAST = 0, 3, 4, 5, 9


def check_done(plan: Plan, before: dict[str, Any], after: dict[str, Any]) -> None:
    """Compare what became of every item with what was planned for it."""
    planned = {change.item_id: change for change in plan.changes}
    assert len(planned) == len(plan.changes)
    related = {other for change in plan.changes for other in change.related}
    for item_id, was in before.items():
        if item_id == "links":
            continue
        change = planned.get(item_id)
        if change is None:
            if item_id not in related:
                assert after[item_id] == was, item_id
            continue
        assert "pinned" not in was[TAGS]
        if change.action == "delete":
            assert item_id not in after
            continue
        now = after[item_id]
        assert now[CONTENT] == was[CONTENT]
        verb = change.action.split()[0]
        if verb in ("archive", "merge", "consolidate"):
            assert now[TIER] is Tier.ARCHIVE
        elif verb == "restore":
            assert now[TIER] is not Tier.ARCHIVE
        elif verb in ("promote", "demote"):
            assert now[TIER] - was[TIER] == (1 if verb == "demote" else -1)
        elif verb == "tag":
            assert now[TAGS] == was[TAGS] | {"b"}
        elif verb == "untag":
            assert now[TAGS] == was[TAGS] - {"a"}
        elif verb == "importance":
            assert now[IMPORTANCE] == 0.75
        elif verb == "refresh":
            assert was[LAST] is None or now[LAST] > was[LAST]
        else:
            assert now == was


async def test_what_is_older_is_packed_harder(store: MemoryStore, clock: ManualClock) -> None:
    """The same text takes less in an item of long ago, and reads the same."""
    pick = random.Random(4)
    words = ["".join(pick.choices("abcdefghij", k=pick.randint(3, 7))) for _ in range(40)]
    text = " ".join(pick.choice(words) for _ in range(180))[:1_000]
    await store.put("old", text, tier="long_term")
    clock.advance(days=100)
    await store.put("new", text, tier="long_term")
    await store.lifecycle.apply(await store.lifecycle.plan([policy("archive")]))
    old, new = await store.peek("old"), await store.peek("new")
    assert old is not None
    assert new is not None
    assert old.stored_bytes < new.stored_bytes
    assert old.content == new.content == text
