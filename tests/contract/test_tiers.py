"""Tiers: who moves up, who makes room, and that every move is told and can be taken back."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from kit import AssertSound, ManualClock, OpenMemory

from engine import (
    InvalidItemError,
    InvalidSettingError,
    ItemNotFoundError,
    MemoryStore,
    RetentionScore,
    Tier,
    TierSettings,
)
from engine.procedures import transitions


async def tiers_of(store: MemoryStore, agent: str = "atlas") -> dict[Tier, int]:
    """Return how many items an agent has in each tier."""
    return dict((await store.facets(f"agent:{agent}")).tiers)


async def fill(store: MemoryStore, number: int, **fields: Any) -> None:
    """Put items `i/0`, `i/1`, ... of rising importance into the working tier."""
    await store.put_many(
        {
            "id": f"i/{n:04}",
            "content": f"memory number {n}",
            "agent": "atlas",
            "tier": "working",
            "importance": n / max(1, number - 1),
            **fields,
        }
        for n in range(number)
    )


async def read(store: MemoryStore, item_id: str, times: int = 1) -> None:
    """Read an item so often, and have that written."""
    for _ in range(times):
        await store.get(item_id)
    await store.flush()


async def test_a_full_tier_makes_room_by_its_lowest(
    store: MemoryStore, path: Path, assert_sound: AssertSound
) -> None:
    """The item too many moves the lowest tenth down by score, and the new one stays."""
    await fill(store, 100)
    assert await tiers_of(store) == {Tier.WORKING: 100}
    item = await store.put("new", "one more", agent="atlas", tier="working", importance=0.5)

    assert item.tier is Tier.WORKING
    assert await tiers_of(store) == {Tier.WORKING: 91, Tier.SHORT_TERM: 10}
    page = await store.query("tier:short_term", order_by="id")
    assert [found.id for found in page.items] == [f"i/{n:04}" for n in range(10)]
    moves = await store.tiers.transitions()
    assert {(move.from_tier, move.to_tier, move.reason) for move in moves} == {
        (Tier.WORKING, Tier.SHORT_TERM, "full")
    }
    assert all(move.score is not None and move.score < 0.5 for move in moves)
    await store.close()
    assert_sound(path)


async def test_room_is_made_all_the_way_down(store: MemoryStore) -> None:
    """A batch far over what two tiers hold ends in the third, and says where each item is."""
    await store.tiers.configure(working=10, short_term=20, long_term=50)
    items = await store.put_many(
        {"id": f"i/{n}", "content": n, "agent": "atlas", "tier": "working", "importance": n / 200}
        for n in range(200)
    )
    tiers = await tiers_of(store)
    assert tiers[Tier.WORKING] <= 10
    assert tiers[Tier.SHORT_TERM] <= 20
    assert tiers[Tier.LONG_TERM] <= 50
    assert sum(tiers.values()) == 200
    stored = {item.id: item.tier for item in await store.get_many([i.id for i in items])}
    assert {item.id: item.tier for item in items} == stored


async def test_agents_have_tiers_of_their_own(store: MemoryStore) -> None:
    """What one agent puts moves nothing of another's."""
    await store.tiers.configure(working=5)
    await fill(store, 5)
    await store.put_many(
        {"id": f"h/{n}", "content": n, "agent": "harbor", "tier": "working"} for n in range(9)
    )
    assert await tiers_of(store) == {Tier.WORKING: 5}
    assert await tiers_of(store, "harbor") == {Tier.WORKING: 5, Tier.SHORT_TERM: 4}


async def test_what_is_pinned_makes_no_room(store: MemoryStore, clock: ManualClock) -> None:
    """A pinned item stays where it is, though it is the lowest, and though it is idle."""
    await store.tiers.configure(working=5)
    await store.put("kept", 1, agent="atlas", tier="working", importance=0.0, tags={"pinned"})
    await fill(store, 9)
    clock.advance(days=3)
    await store.tiers.optimize()
    kept = await store.peek("kept")
    assert kept is not None
    assert kept.tier is Tier.WORKING


async def test_importing_keeps_tiers_as_they_were(store: MemoryStore) -> None:
    """What lived elsewhere comes in where it was; capacities are for what is new."""
    await store.tiers.configure(working=5)
    await store.import_items(
        {"id": f"i/{n}", "content": n, "agent": "atlas", "tier": "working"} for n in range(9)
    )
    assert await tiers_of(store) == {Tier.WORKING: 9}


async def test_three_reads_within_the_hour_move_an_item_up(
    store: MemoryStore, clock: ManualClock
) -> None:
    """The third access promotes one tier; two do not, nor three over a longer time."""
    await store.put("a", 1, agent="atlas", tier="long_term")
    await read(store, "a", 2)
    assert (await tiers_of(store)) == {Tier.LONG_TERM: 1}
    clock.advance(minutes=61)
    await read(store, "a")
    clock.advance(minutes=50)
    await read(store, "a")
    assert (await tiers_of(store)) == {Tier.LONG_TERM: 1}
    clock.advance(minutes=5)
    await read(store, "a")
    assert (await tiers_of(store)) == {Tier.SHORT_TERM: 1}
    (move,) = await store.tiers.transitions("a")
    assert (move.from_tier, move.to_tier, move.reason) == (
        Tier.LONG_TERM,
        Tier.SHORT_TERM,
        "recalled",
    )


async def test_reads_are_counted_across_openings(
    store: MemoryStore, open_memory: OpenMemory
) -> None:
    """One access in each of three openings is three accesses."""
    await store.put("a", 1, agent="atlas", tier="archive")
    for _ in range(3):
        await store.close()
        store = await open_memory()
        await store.get("a")
    await store.flush()
    assert (await tiers_of(store)) == {Tier.LONG_TERM: 1}


async def test_an_important_item_moves_up_when_read(store: MemoryStore) -> None:
    """Importance over 0.8 is enough; 0.8 itself is not."""
    await store.put("over", 1, agent="atlas", importance=0.81)
    await store.put("at", 1, agent="atlas", importance=0.8)
    await read(store, "over")
    await read(store, "at")
    tiers = {item.id: item.tier for item in await store.get_many(["over", "at"])}
    assert tiers == {"over": Tier.SHORT_TERM, "at": Tier.LONG_TERM}
    assert (await store.tiers.transitions("over"))[0].reason == "important"


async def test_a_promotion_does_not_outdate_what_was_read(store: MemoryStore) -> None:
    """Reading an item and then writing it at the version read succeeds, promoted or not."""
    await store.put("a", "one", agent="atlas", importance=0.9)
    item = await store.get("a")
    await store.flush()
    assert item is not None
    updated = await store.update("a", content="two", version=item.version)
    assert (updated.tier, updated.version) == (Tier.SHORT_TERM, 2)


async def test_promotion_can_be_turned_off(store: MemoryStore) -> None:
    """With `promote` off, reading moves nothing."""
    await store.tiers.configure(promote=False)
    await store.put("a", 1, agent="atlas", importance=1.0)
    await read(store, "a", 5)
    assert (await tiers_of(store)) == {Tier.LONG_TERM: 1}


async def test_what_made_room_pauses_before_it_moves_up_again(
    store: MemoryStore, clock: ManualClock
) -> None:
    """Items read again and again that are more than a tier holds do not move in circles."""
    await store.tiers.configure(working=2, short_term=None)
    names = [f"i/{n}" for n in range(4)]
    await store.put_many(
        {"id": name, "content": 1, "agent": "atlas", "tier": "short_term", "importance": 0.9}
        for name in names
    )
    for _ in range(5):
        for name in names:
            await read(store, name, 1)
    ups = [move for move in await store.tiers.transitions() if move.to_tier is Tier.WORKING]
    assert sorted(move.item_id for move in ups) == names

    clock.advance(minutes=6)
    for name in names:
        await read(store, name, 1)
    ups = [move for move in await store.tiers.transitions() if move.to_tier is Tier.WORKING]
    assert len(ups) > len(names)


async def test_a_promotion_into_a_full_tier_makes_room(store: MemoryStore) -> None:
    """Who moves up pushes the lowest down."""
    await store.tiers.configure(working=10)
    await fill(store, 10)
    await store.put("up", 1, agent="atlas", tier="short_term", importance=0.9)
    await read(store, "up")
    tiers = await tiers_of(store)
    assert tiers == {Tier.WORKING: 10, Tier.SHORT_TERM: 1}
    lowest = await store.peek("i/0000")
    assert lowest is not None
    assert lowest.tier is Tier.SHORT_TERM


async def test_optimize_moves_idle_items_down_once(
    store: MemoryStore, clock: ManualClock, path: Path, assert_sound: AssertSound
) -> None:
    """Idle for a day and read fewer than twice: one tier down, and one undo takes it all back."""
    await fill(store, 30, importance=0.5)
    await store.put("short", 1, agent="atlas", tier="short_term")
    await store.put("long", 1, agent="atlas", tier="long_term")
    await read(store, "i/0003", 2)
    clock.advance(hours=23)
    await store.put("young", 1, agent="atlas", tier="working")
    clock.advance(hours=2)
    done = await store.tiers.optimize()

    assert done.count == 30
    assert await tiers_of(store) == {Tier.WORKING: 2, Tier.SHORT_TERM: 29, Tier.LONG_TERM: 2}
    assert {move.reason for move in await store.tiers.transitions()} == {"idle"}
    assert done.first_sequence is not None
    await store.undo(done.first_sequence, done.last_sequence)
    assert await tiers_of(store) == {Tier.WORKING: 31, Tier.SHORT_TERM: 1, Tier.LONG_TERM: 1}
    await store.close()
    assert_sound(path)


async def test_moving_by_hand_is_an_edit(store: MemoryStore) -> None:
    """It has a version of its own, a reason, and makes room where it goes."""
    await store.tiers.configure(working=3)
    await fill(store, 3)
    await store.put("a", 1, agent="atlas", importance=1.0)
    moved = await store.tiers.move("a", Tier.WORKING)

    assert (moved.tier, moved.version) == (Tier.WORKING, 2)
    assert (await tiers_of(store)) == {Tier.WORKING: 3, Tier.SHORT_TERM: 1}
    assert (await store.tiers.transitions("a"))[0].reason == "edit"
    with pytest.raises(ItemNotFoundError):
        await store.tiers.move("absent", "working")


async def test_the_score_has_its_three_parts(store: MemoryStore, clock: ManualClock) -> None:
    """importance + 0.3/(1+age/24) + min(0.2*accesses/max(1, age), 0.3), age since last access."""
    clock.step = timedelta()
    await store.put("a", 1, agent="atlas", importance=0.4)
    assert await store.tiers.score("a") == RetentionScore(
        importance=0.4, recency=0.3, frequency=0.0
    )
    await read(store, "a")
    assert (await store.tiers.score("a")).frequency == pytest.approx(0.2)
    await read(store, "a", 5)
    assert (await store.tiers.score("a")).frequency == 0.3
    clock.advance(hours=24)
    score = await store.tiers.score("a")
    assert score.recency == pytest.approx(0.15)
    assert score.frequency == pytest.approx(0.2 * 6 / 24)
    assert score.total == pytest.approx(0.4 + 0.15 + 0.05)
    clock.advance(hours=-48)
    assert (await store.tiers.score("a")).recency == 0.3
    with pytest.raises(ItemNotFoundError):
        await store.tiers.score("absent")


async def test_stats_and_flow_count_what_is_there(store: MemoryStore, clock: ManualClock) -> None:
    """Counts, capacities, means and bytes by agent and tier; in and out in the last hour."""
    await fill(store, 101, importance=0.5)
    clock.advance(hours=1)
    working, short = await store.tiers.stats()

    assert (working.agent, working.tier, working.count, working.capacity) == (
        "atlas",
        Tier.WORKING,
        91,
        100,
    )
    assert working.utilisation == pytest.approx(0.91)
    assert working.mean_importance == 0.5
    assert working.mean_age_seconds == pytest.approx(3_600, rel=0.01)
    assert 91 * len("memory number 1") <= working.bytes <= 91 * len("memory number 100")
    assert short.count == 10
    flow = await store.tiers.flow(hours=2)
    assert (flow[Tier.WORKING].left, flow[Tier.SHORT_TERM].entered) == (10, 10)
    assert (await store.tiers.flow(hours=0.5))[Tier.WORKING].left == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"working": 0},
        {"working": -1},
        {"short_term": 1.5},
        {"long_term": "many"},
        {"demote_share": 2},
        {"promote": 1},
        {"promote_accesses": 11},
        {"idle_hours": float("nan")},
        {"idle_accesses": True},
        {"archive": 5},
        {"unheard_of": 1},
    ],
)
async def test_settings_that_make_no_sense_are_refused(
    store: MemoryStore, changes: dict[str, Any]
) -> None:
    """The error names the setting, and nothing changes."""
    with pytest.raises(InvalidSettingError) as caught:
        await store.tiers.configure(**changes)
    assert next(iter(changes)) in str(caught.value)
    assert caught.value.hint
    assert await store.tiers.settings() == TierSettings()


async def test_settings_are_the_stores(store: MemoryStore, open_memory: OpenMemory) -> None:
    """They are kept, and other openings go by them."""
    changed = await store.tiers.configure(working=7, short_term=None)
    await store.close()
    again = await open_memory()
    assert await again.tiers.settings() == changed
    assert (changed.working, changed.short_term, changed.long_term) == (7, None, None)


async def test_readers_do_not_wait_for_promotions(store: MemoryStore) -> None:
    """A read returns before anything is moved; the move comes behind it."""
    await store.put("a", 1, agent="atlas", importance=0.9)
    before = await store.sequence()
    item = await store.get("a")
    assert item is not None
    assert item.tier is Tier.LONG_TERM
    assert await store.sequence() == before
    await asyncio.gather(*(store.get("a") for _ in range(50)))
    await store.flush()
    assert (await tiers_of(store))[Tier.SHORT_TERM] == 1


async def test_counts_are_those_of_the_items(store: MemoryStore) -> None:
    """Kept as items come, move and go; of all agents or of some, without the empty tiers."""
    await store.tiers.configure(working=50)
    await fill(store, 3)
    await store.put("h", "x", agent="harbor", tier=Tier.ARCHIVE)
    await store.put("gone", "x", agent="sage", tier=Tier.WORKING)
    await store.delete("gone")
    await store.tiers.move("i/0000", Tier.SHORT_TERM)

    counts = await store.tiers.counts()
    assert [(one.agent, one.tier, one.count, one.capacity) for one in counts] == [
        ("atlas", Tier.WORKING, 2, 50),
        ("atlas", Tier.SHORT_TERM, 1, 1_000),
        ("harbor", Tier.ARCHIVE, 1, None),
    ]
    assert [(s.agent, s.tier, s.count) for s in await store.tiers.stats()] == [
        (one.agent, one.tier, one.count) for one in counts
    ]
    assert await store.tiers.counts(["harbor", "nobody"]) == counts[2:]


# The log of moves --------------------------------------------------------------------------


async def moved(store: MemoryStore) -> list[int]:
    """Move three items of two agents about; return the sequences of the moves, newest first."""
    for item_id, agent in (("a", "atlas"), ("b", "atlas"), ("c", "harbor")):
        await store.put(item_id, item_id, agent=agent, tier=Tier.WORKING)
        for tier in (Tier.SHORT_TERM, Tier.ARCHIVE, Tier.LONG_TERM):
            await store.tiers.move(item_id, tier)
    return [move.sequence for move in await store.tiers.transitions()]


async def test_moves_are_listed_by_what_is_asked_for(store: MemoryStore) -> None:
    """By item, by agent, by the tier that was entered or left, and by all of these together."""
    assert len(await moved(store)) == 9
    tiers = store.tiers

    assert {m.to_tier for m in await tiers.transitions(entered="archive")} == {Tier.ARCHIVE}
    assert [m.item_id for m in await tiers.transitions(left=Tier.ARCHIVE)] == ["c", "b", "a"]
    assert [m.item_id for m in await tiers.transitions(agent="harbor")] == ["c"] * 3
    (only,) = await tiers.transitions("a", agent="atlas", entered="archive", left="short_term")
    assert (only.item_id, only.to_tier) == ("a", Tier.ARCHIVE)
    assert await tiers.transitions("a", agent="harbor") == []
    assert await tiers.transitions(agent="nobody") == []
    with pytest.raises(InvalidItemError):
        await tiers.transitions(entered="attic")


@pytest.mark.parametrize("few_items", [10_000, 0])
async def test_moves_are_paged_by_their_sequence_in_both_directions(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch, few_items: int
) -> None:
    """Each page goes on where the last ended, however the moves of an agent are found."""
    monkeypatch.setattr(transitions, "FEW_ITEMS", few_items)
    sequences = await moved(store)
    of_atlas = [m.sequence for m in await store.tiers.transitions(agent="atlas")]
    assert of_atlas == sequences[3:]

    for agent, expected in ((None, sequences), ("atlas", of_atlas)):
        older: list[int] = []
        while page := await store.tiers.transitions(
            agent=agent, before=older[-1] if older else None, limit=2
        ):
            older += [move.sequence for move in page]
        newer: list[int] = []
        while page := await store.tiers.transitions(
            agent=agent, after=newer[0] if newer else 0, limit=2
        ):
            newer = [move.sequence for move in page] + newer
        assert older == newer == expected
