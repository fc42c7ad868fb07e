"""Tiers: their capacities, who moves up on retrieval, who makes room, and what there is in each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from math import ceil
from typing import Final

import orjson

from engine.models import (
    TIER_OF,
    RetentionScore,
    Tier,
    TierCount,
    TierSettings,
    TierStats,
)
from engine.procedures.base import Procedure, Statement
from engine.procedures.moving import DOWN, NOTHING, PINNED, UP, Moved, move_items
from engine.procedures.names import Names, json_values, load_names
from engine.procedures.retention import FREQUENCY, IMPORTANCE, RECENCY, SCORE, SCORED
from engine.procedures.revisions import Author

HOUR: Final = 3_600_000_000
MINUTE: Final = 60_000_000
FULL: Final = "full"
"""Why an item moved down that had to make room."""
BOUNDED_TIERS: Final = (Tier.WORKING, Tier.SHORT_TERM, Tier.LONG_TERM)
"""Those that have one below them to make room into."""
# Named in words that SQLite recognises as the partial index's own condition.
_CLOSE: Final = "i.tier < 2 AND"


def load_settings() -> Procedure[TierSettings]:
    """Return the store's settings for its tiers, the usual ones where none were made."""
    rows = yield Statement("SELECT value FROM meta WHERE name = 'tier_settings'")
    return TierSettings(**orjson.loads(rows[0][0])) if rows else TierSettings()


def save_settings(settings: TierSettings) -> Procedure[None]:
    """Keep the settings in the store."""
    yield Statement(
        "INSERT INTO meta VALUES ('tier_settings', ?) "
        "ON CONFLICT DO UPDATE SET value = excluded.value",
        (orjson.dumps(asdict(settings)).decode(),),
    )


def make_room(
    names: Names, agents: Iterable[str], tiers: Iterable[int], author: Author
) -> Procedure[dict[str, int]]:
    """Move down what no longer fits into these tiers; return where each item came to, by id.

    Of a tier over its capacity the lowest tenth by retention score makes room, or more if that is
    not enough; what it moves down may in turn be too much for the tier below.
    """
    lowest = min(tiers, default=int(Tier.ARCHIVE))
    if lowest >= Tier.ARCHIVE:
        return {}
    settings = yield from load_settings()
    moved: dict[str, int] = {}
    for tier in BOUNDED_TIERS:
        capacity = settings.capacity(tier)
        if tier < lowest or capacity is None:
            continue
        for agent in sorted(set(agents)):
            count = yield from _count(agent, tier)
            if count > capacity:
                least = max(count - capacity, ceil(settings.demote_share * capacity))
                down = yield from _demote_lowest(names, agent, tier, least, author)
                moved.update(down.tiers)
    return moved


def _count(agent: str, tier: int) -> Procedure[int]:
    ((count,),) = yield Statement(
        "SELECT coalesce(sum(c.items), 0) FROM agents g CROSS JOIN counts c "
        "ON c.agent_key = g.agent_key WHERE g.name = ? AND c.tier = ?",
        (agent, tier),
    )
    return int(count)


def _demote_lowest(
    names: Names, agent: str, tier: int, number: int, author: Author
) -> Procedure[Moved]:
    close = _CLOSE if tier < Tier.LONG_TERM else ""
    return (
        yield from move_items(
            names,
            DOWN,
            f"WHERE {close} i.agent_key = (SELECT agent_key FROM agents WHERE name = ?) "
            f"AND i.tier = ? AND NOT {PINNED} ORDER BY {SCORE}, i.item_key LIMIT ?",
            (agent, tier, number),
            replace(author, batch=None, reason=FULL),
        )
    )


def promote_accessed(names: Names, keys: Iterable[int], author: Author) -> Procedure[Moved]:
    """Move up, one tier, those of the items just read that are important or often read."""
    settings = yield from load_settings()
    if not settings.promote:
        return NOTHING
    moved = yield from move_items(
        names,
        UP,
        "WHERE i.item_key IN (SELECT value FROM json_each(?)) AND i.tier > 0 "
        "AND (i.importance > ? OR json_array_length(coalesce(a.recent, '[]')) + 1 >= ?) "
        # Else what is read again and again, and is more than a tier holds, moves in circles.
        "AND NOT EXISTS (SELECT 1 FROM transitions t WHERE t.item_key = i.item_key "
        "AND t.reason = ? AND t.at > ?) ORDER BY i.item_key",
        (
            json_values(keys),
            settings.promote_importance,
            settings.promote_accesses,
            FULL,
            author.at - int(settings.promote_pause_minutes * MINUTE),
        ),
        author,
        reason=(
            "CASE WHEN i.importance > ? THEN 'important' ELSE 'recalled' END",
            (settings.promote_importance,),
        ),
    )
    if moved.tiers:
        rows = yield Statement(
            "SELECT DISTINCT g.name FROM temp.moving m JOIN agents g USING (agent_key)"
        )
        yield from make_room(names, [name for (name,) in rows], set(moved.tiers.values()), author)
    return moved


def optimize(names: Names, author: Author) -> Procedure[Moved]:
    """Move down, one tier, what was idle in the two closest tiers and seldom read."""
    settings = yield from load_settings()
    return (
        yield from move_items(
            names,
            DOWN,
            f"WHERE i.tier < 2 AND n.now - coalesce(a.last_accessed_at, i.created_at) > ? "
            f"AND coalesce(a.access_count, 0) < ? AND NOT {PINNED} ORDER BY i.item_key",
            (int(settings.idle_hours * HOUR), settings.idle_accesses),
            replace(author, reason="idle"),
        )
    )


def tier_counts(names: Names, agents: Sequence[str] | None) -> Procedure[list[TierCount]]:
    """Return how many items agents have in each tier, from the counts that are kept.

    Of these agents, or of all; agents by name, tiers from the closest, none that are empty.
    """
    settings = yield from load_settings()
    wanted = (
        "WHERE agent_key IN (SELECT g.agent_key FROM json_each(?) e JOIN agents g "
        "ON g.name = e.value) "
    )
    rows = yield Statement(
        f"SELECT agent_key, tier, sum(items) FROM counts {'' if agents is None else wanted}"
        "GROUP BY 1, 2 HAVING sum(items) > 0",
        () if agents is None else (json_values(agents),),
    )
    yield from load_names(names.agents, {row[0] for row in rows})
    found = [
        TierCount(
            agent=names.agents.names[agent],
            tier=TIER_OF[tier],
            count=count,
            capacity=settings.capacity(tier),
        )
        for agent, tier, count in rows
    ]
    return sorted(found, key=lambda one: (one.agent, one.tier))


def tier_stats(names: Names, now: int) -> Procedure[list[TierStats]]:
    """Return what each agent has in each tier; agents by name, tiers from the closest."""
    settings = yield from load_settings()
    rows = yield Statement(
        "SELECT i.agent_key, i.tier, count(*), avg(i.importance), avg(? - i.created_at), "
        "sum(length(c.data)) FROM items i JOIN contents c ON c.content_key = i.content_key "
        "GROUP BY 1, 2",
        (now,),
    )
    yield from load_names(names.agents, {row[0] for row in rows})
    found = [
        TierStats(
            agent=names.agents.names[agent],
            tier=TIER_OF[tier],
            count=count,
            capacity=settings.capacity(tier),
            mean_importance=importance,
            mean_age_seconds=max(0.0, age / 1e6),
            bytes=size,
        )
        for agent, tier, count, importance, age, size in rows
    ]
    return sorted(found, key=lambda stats: (stats.agent, stats.tier))


def retention_score(item_id: str, now: int) -> Procedure[RetentionScore | None]:
    """Return the parts of one item's retention score; None if there is no such item."""
    rows = yield Statement(
        f"SELECT {IMPORTANCE}, {RECENCY}, {FREQUENCY} FROM {SCORED} WHERE i.id = ?",
        (now, item_id),
    )
    if not rows:
        return None
    importance, recency, frequency = rows[0]
    return RetentionScore(importance=importance, recency=recency, frequency=frequency)
