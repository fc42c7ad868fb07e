"""Moving items between tiers, set by set: a handful of statements for any number of items.

A move that nobody asked for by name leaves an item's version and time of change alone: whoever
read it before may still write it after. It is in the change log and in `transitions` all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from engine.models import Operation, Tier
from engine.procedures.base import Procedure, Statement
from engine.procedures.indexing import NEWEST_AND_INDEXED, Watched, maintain_indexes, watch_indexes
from engine.procedures.names import Names, ensure_keys
from engine.procedures.retention import SCORE, SCORED
from engine.procedures.revisions import Author

TABLE: Final = (
    "CREATE TEMP TABLE IF NOT EXISTS moving(position INTEGER PRIMARY KEY, item_key INTEGER, "
    "id TEXT, agent_key INTEGER, kind_key INTEGER, from_tier INTEGER, to_tier INTEGER, "
    "version INTEGER, reason TEXT, score REAL)"
)
UP: Final = "i.tier - 1"
DOWN: Final = "i.tier + 1"
PINNED: Final = (
    "EXISTS (SELECT 1 FROM item_tags t JOIN tags n USING (tag_key) "
    "WHERE t.item_key = i.item_key AND n.name = 'pinned')"
)
"""Holds for `items i` that nothing but a person moves."""

PINNED_KEYS: Final = (
    "SELECT t.item_key FROM tags n JOIN item_tags t USING (tag_key) WHERE n.name = 'pinned'"
)


class Moved(NamedTuple):
    """What moved: the changes, and the tier that each item came to by id."""

    first_sequence: int | None
    last_sequence: int | None
    tiers: dict[str, int]


NOTHING: Final = Moved(None, None, {})


def move_items(
    names: Names,
    to_tier: str,
    where: str,
    values: Sequence[Any],
    author: Author,
    *,
    reason: tuple[str, tuple[Any, ...]] | None = None,
) -> Procedure[Moved]:
    """Move the items that `where` selects and orders to the tier that the SQL `to_tier` gives.

    `where` is what follows FROM `SCORED`; `reason` is an SQL expression and its values, by default
    the author's.
    """
    reason_sql, reason_values = reason or ("?", (author.reason,))
    yield Statement(TABLE)
    yield Statement("DELETE FROM temp.moving")
    yield Statement(
        "INSERT INTO temp.moving(item_key, id, agent_key, kind_key, from_tier, to_tier, version, "
        f"reason, score) SELECT i.item_key, i.id, i.agent_key, i.kind_key, i.tier, {to_tier}, "
        f"i.version, {reason_sql}, {SCORE} AS score FROM {SCORED} {where}",
        (*reason_values, author.at, *values),
    )
    rows = yield Statement("SELECT id, to_tier FROM temp.moving")
    if not rows:
        return NOTHING
    actors = yield from ensure_keys(names.actors, {author.actor})
    ((last, indexed),) = yield Statement(NEWEST_AND_INDEXED)
    watched = (yield from watch_indexes()) if indexed else Watched()
    batch = author.batch if author.batch or len(rows) == 1 else last + 1
    yield Statement(_CHANGES, (last, author.at, actors[author.actor], batch))
    yield Statement(_TRANSITIONS, (last, author.at))
    yield Statement(_ITEMS)
    yield Statement(_COUNTS)
    if indexed:
        moving = yield Statement("SELECT item_key FROM temp.moving")
        watched.note_moved(key for (key,) in moving)
        yield from maintain_indexes(names, watched, last + len(rows))
    return Moved(last + 1, last + len(rows), dict(rows))


_LABELS: Final = " ".join(f"WHEN {int(tier)} THEN '{tier.label}'" for tier in Tier)
_CHANGES: Final = (
    "INSERT INTO changes(sequence, at, actor_key, operation, item_id, version, before, batch) "
    f"SELECT ? + position, ?, ?, {Operation.UPDATE.value}, id, version, "
    f"json_object('tier', CASE from_tier {_LABELS} END), ? FROM temp.moving ORDER BY position"
)
_TRANSITIONS: Final = (
    "INSERT INTO transitions SELECT ? + position, item_key, from_tier, to_tier, ?, reason, score "
    "FROM temp.moving ORDER BY position"
)
_ITEMS: Final = (
    "UPDATE items SET tier = m.to_tier FROM temp.moving m WHERE items.item_key = m.item_key"
)
_COUNTS: Final = (
    "INSERT INTO counts SELECT agent_key, kind_key, tier, sum(n) FROM ("
    "SELECT agent_key, kind_key, to_tier AS tier, 1 AS n FROM temp.moving UNION ALL "
    "SELECT agent_key, kind_key, from_tier, -1 FROM temp.moving) WHERE true GROUP BY 1, 2, 3 "
    "ON CONFLICT DO UPDATE SET items = items + excluded.items"
)
