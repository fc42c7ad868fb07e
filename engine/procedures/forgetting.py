"""History that is no longer kept: how long changes stay, and letting go of older ones.

Without a limit the change log grows for ever, and holds the content of everything that was ever
deleted. With one, what is older goes from its oldest end, so that what is left has no gaps: it
can be undone, looked back at and backed up from its first change on.
"""

from __future__ import annotations

from typing import Final

from engine.clock import to_datetime
from engine.lifecycle.plan import Forgetting
from engine.procedures.base import Procedure, Statement
from engine.procedures.repacking import release_contents

DAY: Final = 86_400_000_000
STEP_CHANGES: Final = 500
"""Changes that one transaction forgets: a few milliseconds in which nobody else writes."""
ROW_BYTES: Final = 90
"""About what a change takes beside what it ended: its columns, and its entry in the index."""


def load_history_days() -> Procedure[float | None]:
    """Return for how many days changes are kept, None for ever."""
    rows = yield Statement("SELECT value FROM meta WHERE name = 'history_days'")
    return float(rows[0][0]) if rows else None


def save_history_days(days: float | None) -> Procedure[None]:
    """Keep for how many days changes are kept; nothing is forgotten by that alone."""
    if days is None:
        yield Statement("DELETE FROM meta WHERE name = 'history_days'")
        return
    yield Statement(
        "INSERT INTO meta VALUES ('history_days', ?) ON CONFLICT DO UPDATE SET value = ?",
        (days, days),
    )


def plan_forgetting(now: int) -> Procedure[Forgetting | None]:
    """Return which changes are older than they are kept, and not needed; None if there are none.

    The newest change stays, since the next one counts on from it, and so does all that an
    unfinished run has changed. A batch stays whole or goes whole.
    """
    days = yield from load_history_days()
    if days is None:
        return None
    through = yield from _last_before(now - int(days * DAY))
    ((first, count, text_bytes, until),) = yield Statement(
        "SELECT min(sequence), count(*), total(length(before)), max(at) "
        "FROM changes WHERE sequence <= ?",
        (through,),
    )
    if not count:
        return None
    ((content_bytes,),) = yield Statement(
        "SELECT total(length(c.data)) FROM (SELECT content_key, count(*) AS uses FROM changes "
        "WHERE sequence <= ? AND content_key IS NOT NULL GROUP BY 1) x "
        "CROSS JOIN contents c ON c.content_key = x.content_key WHERE c.uses <= x.uses",
        (through,),
    )
    return Forgetting(
        first=first,
        through=through,
        changes=count,
        until=to_datetime(until),
        bytes_freed=int(text_bytes + content_bytes) + ROW_BYTES * int(count),
    )


def _last_before(moment: int) -> Procedure[int]:
    """Return the last change that may go, with all before it."""
    # Told from the oldest end: where a clock went back, later changes look older than they are.
    rows = yield Statement(
        "SELECT sequence FROM changes WHERE at >= ? ORDER BY sequence LIMIT 1", (moment,)
    )
    ((newest,),) = yield Statement("SELECT coalesce(max(sequence), 0) FROM changes")
    through = (rows[0][0] if rows else newest) - 1
    ((unfinished,),) = yield Statement(
        "SELECT min(first_sequence) FROM runs WHERE state = 'running'"
    )
    if unfinished is not None:
        through = min(through, unfinished - 1)
    while True:
        ((split,),) = yield Statement(
            "SELECT min(batch) FROM changes WHERE sequence > ? AND batch <= ?", (through, through)
        )
        if split is None:
            return int(through)
        through = split - 1


def forget_step(through: int) -> Procedure[int]:
    """Forget some of the oldest changes up to `through`; return how many.

    Where an archived item came from is still known afterwards, for when it is brought back.
    """
    rows = yield Statement(
        "SELECT sequence, content_key FROM changes WHERE sequence <= ? ORDER BY sequence LIMIT ?",
        (through, STEP_CHANGES),
    )
    if not rows:
        return 0
    span = (rows[0][0], rows[-1][0])
    yield from release_contents([key for _, key in rows if key is not None])
    yield Statement(
        "DELETE FROM transitions WHERE sequence BETWEEN ? AND ? AND NOT (to_tier = 3 "
        "AND from_tier <> 2 AND EXISTS (SELECT 1 FROM items i "
        "WHERE i.item_key = transitions.item_key AND i.tier = 3))",
        span,
    )
    # An index that lacks these changes cannot be brought up to date any more: it is built anew.
    yield Statement(
        "UPDATE custom_indexes SET built_key = -1, indexed_sequence = "
        "(SELECT max(sequence) FROM changes) WHERE path IS NULL AND indexed_sequence < ?",
        span[1:],
    )
    yield Statement("DELETE FROM changes WHERE sequence BETWEEN ? AND ?", span)
    return len(rows)


def note_deleted(count: int) -> Procedure[int]:
    """Add to the deletions since the text index was last merged as a whole; return their number.

    What was deleted stays in it, twice, until then.
    """
    rows = yield Statement(
        "INSERT INTO meta VALUES ('text_deleted', ?) "
        "ON CONFLICT DO UPDATE SET value = value + excluded.value RETURNING value",
        (count,),
    )
    return int(rows[0][0])


def note_merged() -> Procedure[None]:
    """Begin to count deletions anew."""
    yield Statement("DELETE FROM meta WHERE name = 'text_deleted'")
