"""The marked items as the target of a bulk action."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspector.screens.bulk import Target

if TYPE_CHECKING:
    from inspector.gateway import Filter, Gateway
    from inspector.widgets.item_table import ItemTable

KEYS_CHUNK = 1024
EXCEPTIONS_MAX = 100
"""Items unmarked after `mark all` that can be part of a query."""
SAMPLE_MAX = 5


async def marked_target(gateway: Gateway, table: ItemTable, query: Filter) -> Target:
    """Return what is marked: as ids, or as the whole query without the few unmarked again."""
    from inspector.gateway import And, Compare, Field, Not, Operator, Or

    marks = table.marks
    if marks.all_matching and len(marks.excluded) <= EXCEPTIONS_MAX:
        whole = query
        if marks.excluded:
            rows = await gateway.previews(sorted(marks.excluded))
            unmarked = tuple(Compare(Field.ID, Operator.EQ, row.id) for row in rows.values())
            whole = And((query, Not(Or(unmarked))))
        count = await gateway.count(whole)
        return Target(count=count, sample=await gateway.sample(whole), query=whole)
    ids = await _ids(gateway, list(table.marked_keys()))
    return Target(count=len(ids), sample=ids[:SAMPLE_MAX], ids=ids)


async def _ids(gateway: Gateway, keys: list[int]) -> list[str]:
    """Return the ids of those items that still exist."""
    ids: list[str] = []
    for start in range(0, len(keys), KEYS_CHUNK):
        chunk = keys[start : start + KEYS_CHUNK]
        rows = await gateway.previews(chunk)
        ids += [rows[key].id for key in chunk if key in rows]
    return ids
