"""What there is to say of custom indexes: how large, how often used, whether they agree."""

from __future__ import annotations

from typing import Any, Final

from engine.clock import to_datetime
from engine.errors import StaleIndexError
from engine.models import CustomIndex, FailedItem, IndexCheck
from engine.procedures.base import Procedure, Statement
from engine.procedures.indexes import find_index, not_known_here
from engine.procedures.indexing import Definition, load_definitions, values_of
from engine.procedures.items import load_stored
from engine.procedures.names import Names, json_values
from engine.query.indexed import FAILED, entries_of_path
from engine.query.render import write_path

FAILED_SHOWN_MAX: Final = 100
DISAGREEING_MAX: Final = 1_000
CHECK_ITEMS: Final = 500
ENTRY_BYTES: Final = 24
"""What an entry takes in a page beside its value; it is in two trees."""


def list_indexes() -> Procedure[list[CustomIndex]]:
    """Return all custom indexes, by name."""
    definitions = yield from load_definitions()
    found: list[CustomIndex] = []
    for index in definitions:
        found.append((yield from describe_index(index)))
    return found


def describe_index(index: Definition) -> Procedure[CustomIndex]:
    """Return what there is to say of one index."""
    ((created_at, uses),) = yield Statement(
        "SELECT created_at, uses FROM custom_indexes WHERE index_key = ?", (index.key,)
    )
    ((items, entries, size),) = yield Statement(
        "SELECT count(DISTINCT item_key), count(*), "
        "coalesce(sum(length(CAST(value AS BLOB))), 0) FROM index_entries "
        "WHERE index_key = ? AND value < ?",
        (index.key, FAILED),
    )
    ((failed,),) = yield Statement(
        "SELECT count(*) FROM index_entries WHERE index_key = ? AND value >= ?",
        (index.key, FAILED),
    )
    rows = yield Statement(
        "SELECT i.id, e.value FROM index_entries e CROSS JOIN items i ON i.item_key = e.item_key "
        "WHERE e.index_key = ? AND e.value >= ? ORDER BY e.item_key LIMIT ?",
        (index.key, FAILED, FAILED_SHOWN_MAX),
    )
    state = "stale" if index.behind else "ready"
    return CustomIndex(
        name=index.name,
        path=None if index.path is None else write_path(index.path),
        created_at=to_datetime(created_at),
        items=items,
        bytes=2 * (entries * ENTRY_BYTES + size),
        uses=uses,
        state="building" if index.built_key is not None else state,
        failed=failed,
        failed_items=tuple(
            FailedItem(item_id=item_id, reason=value[len(FAILED) :].decode(errors="replace"))
            for item_id, value in rows
        ),
    )


def describe(name: str) -> Procedure[CustomIndex]:
    """Return what there is to say of the index of this name.

    Raises:
        IndexNotFoundError: there is none.
    """
    index = yield from find_index(name)
    return (yield from describe_index(index))


_KEPT: Final = "SELECT item_key, value, created_at FROM index_entries WHERE index_key = ?"


def check_index(names: Names, name: str) -> Procedure[IndexCheck]:
    """Return what of an index disagrees with the items, all from one snapshot.

    Raises:
        IndexNotFoundError: there is none.
        StaleIndexError: it is not complete, or its function is not known here.
    """
    index = yield from find_index(name)
    if index.built_key is not None or index.behind:
        raise not_known_here(index)
    if index.path is not None:
        return (yield from _check_path(index, index.path))
    if name not in names.extractors:
        raise StaleIndexError(
            f"the function of the index {name} is not known here",
            name=name,
            hint=f'register it: indexes.define("{name}", extractor=...)',
        )
    return (yield from _check_function(names, index))


def _check_path(index: Definition, path: tuple[str, ...]) -> Procedure[IndexCheck]:
    found = entries_of_path(path, "items i")
    wanted = f"SELECT item_key, value, created_at FROM ({found.sql})"
    limit = "SELECT DISTINCT item_key FROM ({}) LIMIT ?"
    missing = yield Statement(
        limit.format(f"{wanted} EXCEPT {_KEPT}"), (*found.values, index.key, DISAGREEING_MAX)
    )
    extra = yield Statement(
        limit.format(f"{_KEPT} EXCEPT {wanted}"), (index.key, *found.values, DISAGREEING_MAX)
    )
    return (yield from _report(index, [k for (k,) in missing], [k for (k,) in extra]))


def _check_function(names: Names, index: Definition) -> Procedure[IndexCheck]:
    missing: list[int] = []
    extra: list[int] = []
    after = -1
    while True:
        rows = yield Statement(
            "SELECT item_key FROM items WHERE item_key > ? ORDER BY item_key LIMIT ?",
            (after, CHECK_ITEMS),
        )
        last = rows[-1][0] if rows else 2**63 - 1
        kept = yield Statement(
            f"{_KEPT} AND item_key > ? AND item_key <= ?", (index.key, after, last)
        )
        wanted = yield from _wanted(names, index, [key for (key,) in rows])
        have = {(key, value, at) for key, value, at in kept}
        missing += sorted({entry[0] for entry in wanted - have})
        extra += sorted({entry[0] for entry in have - wanted})
        if not rows:
            break
        after = last
    return (yield from _report(index, missing[:DISAGREEING_MAX], extra[:DISAGREEING_MAX]))


def _wanted(names: Names, index: Definition, keys: list[int]) -> Procedure[set[Any]]:
    stored = yield from load_stored(names, keys=keys, content=True)
    return {
        (item.key, value, item.created_at)
        for item in stored
        for value in values_of(names.extractors[index.name], item)
    }


def _report(index: Definition, missing: list[int], extra: list[int]) -> Procedure[IndexCheck]:
    rows = yield Statement(
        "SELECT item_key, id FROM items WHERE item_key IN (SELECT value FROM json_each(?))",
        (json_values({*missing, *extra}),),
    )
    ids: dict[int, str] = dict(rows)
    ((items,),) = yield Statement("SELECT coalesce(sum(items), 0) FROM counts")
    return IndexCheck(
        name=index.name,
        items=items,
        missing=tuple(ids.get(key, f"#{key}") for key in missing),
        extra=tuple(ids.get(key, f"#{key}") for key in extra),
    )
