"""Moves between tiers, told from the log of them: the newest, by page, and how many there were."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from engine.clock import to_datetime
from engine.models import TIER_OF, Tier, TierFlow, Transition
from engine.procedures.base import Procedure, Row, Statement

FEW_ITEMS: Final = 10_000
"""Of an agent with no more items than this, the moves of each are looked up."""
_COLUMNS: Final = (
    "SELECT t.sequence, x.item_id, t.from_tier, t.to_tier, t.at, t.reason, t.score FROM "
)
_BY_TIME: Final = "transitions t CROSS JOIN changes x ON x.sequence = t.sequence WHERE true"
_BY_ITEM: Final = (
    "changes x CROSS JOIN transitions t ON t.sequence = x.sequence WHERE x.item_id = ?"
)
_BY_AGENT: Final = (
    "agents g CROSS JOIN items i ON i.agent_key = g.agent_key CROSS JOIN transitions t "
    "ON t.item_key = i.item_key CROSS JOIN changes x ON x.sequence = t.sequence WHERE g.name = ?"
)
_OF_AGENT: Final = (
    " AND EXISTS (SELECT 1 FROM items i WHERE i.item_key = t.item_key AND i.agent_key = "
    "(SELECT agent_key FROM agents WHERE name = ?))"
)


class Wanted(NamedTuple):
    """Which moves are asked for; None asks for nothing in particular.

    `entered` and `left` are tiers, `before` and `after` sequences that are not among them.
    """

    item_id: str | None = None
    agent: str | None = None
    entered: int | None = None
    left: int | None = None
    before: int | None = None
    after: int | None = None


def list_transitions(wanted: Wanted, limit: int) -> Procedure[list[Transition]]:
    """Return the newest of the wanted moves, or those right after `after`; newest first."""
    source, values = yield from _source(wanted)
    conditions = {
        "t.sequence < ?": wanted.before,
        "t.sequence > ?": wanted.after,
        "t.to_tier = ?": wanted.entered,
        "t.from_tier = ?": wanted.left,
    }
    given = {sql: value for sql, value in conditions.items() if value is not None}
    order = "DESC" if wanted.after is None else "ASC"
    rows = yield Statement(
        f"{_COLUMNS}{source}{''.join(f' AND {sql}' for sql in given)} "
        f"ORDER BY t.sequence {order} LIMIT ?",
        (*values, *given.values(), limit),
    )
    moves = [_transition(row) for row in rows]
    return moves if wanted.after is None else moves[::-1]


def _source(wanted: Wanted) -> Procedure[tuple[str, tuple[Any, ...]]]:
    """Return where the moves come from: what the log is looked through by, and its values."""
    if wanted.item_id is not None:
        if wanted.agent is None:
            return _BY_ITEM, (wanted.item_id,)
        return _BY_ITEM + _OF_AGENT, (wanted.item_id, wanted.agent)
    if wanted.agent is None:
        return _BY_TIME, ()
    ((items,),) = yield Statement(
        "SELECT coalesce(sum(c.items), 0) FROM agents g CROSS JOIN counts c "
        "ON c.agent_key = g.agent_key WHERE g.name = ?",
        (wanted.agent,),
    )
    # Read back from the newest, the moves of a small agent would be found one in thousands.
    return (_BY_AGENT if items <= FEW_ITEMS else _BY_TIME + _OF_AGENT), (wanted.agent,)


def _transition(row: Row) -> Transition:
    sequence, item_id, before, after, at, reason, score = row
    return Transition(
        sequence=sequence,
        item_id=item_id,
        from_tier=TIER_OF[before],
        to_tier=TIER_OF[after],
        at=to_datetime(at),
        reason=reason,
        score=score,
    )


def tier_flow(since: int) -> Procedure[Mapping[Tier, TierFlow]]:
    """Return how many items moved into and out of each tier since a moment."""
    # Sequences are in order of time, as far as clocks go forward: read back until it is too old.
    rows: list[Any] = yield Statement(
        "SELECT from_tier, to_tier, count(*) FROM transitions WHERE sequence > "
        "coalesce((SELECT sequence FROM transitions WHERE at < ? ORDER BY sequence DESC LIMIT 1), "
        "0) GROUP BY 1, 2",
        (since,),
    )
    flow = {tier: [0, 0] for tier in Tier}
    for before, after, count in rows:
        flow[TIER_OF[before]][1] += count
        flow[TIER_OF[after]][0] += count
    return {tier: TierFlow(entered=entered, left=left) for tier, (entered, left) in flow.items()}
