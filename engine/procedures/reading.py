"""What reading items leaves behind: access statistics, and promotions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from engine.procedures.base import Procedure, Statement
from engine.procedures.names import Names, json_values
from engine.procedures.revisions import Author
from engine.procedures.tiers import HOUR, load_settings, promote_accessed


def record_accesses(
    names: Names, accesses: Mapping[int, tuple[int, int, tuple[int, ...]]], author: Author
) -> Procedure[None]:
    """Add accesses by row key (count, last, earlier) and move up those who earned it.

    Items that were deleted since are skipped.
    """
    if not accesses:
        return
    settings = yield from load_settings()
    window = int(settings.promote_within_hours * HOUR)
    rows = [
        (key, last, count, [moment for moment in earlier if moment >= last - window])
        for key, (count, last, earlier) in sorted(accesses.items())
    ]
    yield Statement(_ACCESSES, (json_values(rows), window, max(1, settings.promote_accesses - 1)))
    yield from promote_accessed(names, accesses, author)


# One statement for all of them: SQLite works it off without the interpreter, which readers need.
_ACCESSES: Final = (
    "INSERT INTO access(item_key, last_accessed_at, access_count, recent) "
    "SELECT e.value ->> 0, e.value ->> 1, e.value ->> 2, nullif(e.value -> 3, '[]') "
    "FROM json_each(?1) e "
    "WHERE EXISTS (SELECT 1 FROM items WHERE item_key = e.value ->> 0) "
    "ON CONFLICT DO UPDATE SET access_count = access_count + excluded.access_count, "
    "last_accessed_at = max(last_accessed_at, excluded.last_accessed_at), "
    "recent = (SELECT nullif(json_group_array(moment), '[]') FROM ("
    "SELECT value AS moment FROM json_each(coalesce(excluded.recent, '[]')) "
    "UNION ALL SELECT access.last_accessed_at "
    "UNION ALL SELECT value FROM json_each(coalesce(access.recent, '[]')) "
    "ORDER BY moment DESC LIMIT ?3) WHERE moment >= excluded.last_accessed_at - ?2)"
)
