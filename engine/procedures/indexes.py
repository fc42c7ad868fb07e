"""Custom indexes: defined, built step by step, caught up, dropped, listed, checked, asked.

Each step is a transaction of its own, which keeps nobody waiting for long and can be the last for
a while: how far an index is built is in the store, and whoever needs it goes on from there.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

import orjson

from engine.errors import IndexNotFoundError, InvalidIndexError, StaleIndexError
from engine.procedures.base import Many, Procedure, Statement
from engine.procedures.indexing import (
    ADVANCE,
    BEHIND,
    STEP_SECONDS,
    Definition,
    extract,
    index_paths,
    load_definitions,
)
from engine.procedures.items import find_item_keys
from engine.procedures.names import Names
from engine.query.conditions import walk
from engine.query.fields import shown
from engine.query.filter import Filter, Indexed, Metadata
from engine.query.indexed import NO_INDEXES, Indexes

INDEXES_MAX: Final = 64
"""Every write of an item looks after all of them."""
STEP_ITEMS: Final = 2_000
STEP_CHANGES: Final = 500
STEP_BYTES: Final = 4 * 1024 * 1024
"""Metadata, or contents, that one step reads."""
DROP_ENTRIES: Final = 5_000


def find_index(name: str) -> Procedure[Definition]:
    """Return the custom index of this name.

    Raises:
        IndexNotFoundError: there is none.
    """
    found = yield from load_definitions(name)
    if not found:
        known = yield Statement("SELECT name FROM custom_indexes WHERE name > ?", ("",))
        names = ", ".join(sorted(row[0] for row in known))
        raise IndexNotFoundError(
            f"there is no index {shown(name)}",
            hint=f"there are {names}" if names else "define it with store.indexes.define",
        )
    return found[0]


def define_index(name: str, path: tuple[str, ...] | None, now: int) -> Procedure[None]:
    """Add an index, of which nothing is built yet; one that exists already stays as it is.

    Raises:
        InvalidIndexError: it exists with another definition, or there are too many.
    """
    found = yield from load_definitions(name)
    if found:
        require_same(found[0], path)
        return
    ((count,),) = yield Statement("SELECT count(*) FROM custom_indexes")
    if count >= INDEXES_MAX:
        raise InvalidIndexError(
            f"there are {count} indexes; the limit is {INDEXES_MAX}", hint="drop one first"
        )
    yield Statement(
        "INSERT INTO custom_indexes(name, path, created_at, uses, built_key, indexed_sequence) "
        "SELECT ?, ?, ?, 0, -1, coalesce(max(sequence), 0) FROM changes",
        (name, None if path is None else orjson.dumps(path).decode(), now),
    )


def require_same(index: Definition, path: tuple[str, ...] | None) -> None:
    """Refuse to define an index a second time as something else.

    Raises:
        InvalidIndexError: it is something else.
    """
    if index.path != path:
        was = "a function" if index.path is None else "another path"
        raise InvalidIndexError(
            f"the index {shown(index.name)} exists already, over {was}",
            hint="drop it first, or choose another name",
        )


def begin_rebuild(name: str) -> Procedure[None]:
    """Have an index built anew from the first item on; queries do without it until it is.

    Raises:
        IndexNotFoundError: there is none.
    """
    index = yield from find_index(name)
    yield Statement(
        "UPDATE custom_indexes SET built_key = -1, indexed_sequence = "
        "(SELECT coalesce(max(sequence), 0) FROM changes) WHERE index_key = ?",
        (index.key,),
    )


def work_step(names: Names, name: str) -> Procedure[bool]:
    """Do some of what is left to do on an index; return whether it has all items as they are.

    Raises:
        IndexNotFoundError: there is none.
        StaleIndexError: only its function could do it, and that is not known here.
    """
    index = yield from find_index(name)
    if index.path is None and name not in names.extractors:
        if index.built_key is None and not index.behind:
            return True
        raise not_known_here(index)
    if index.built_key is not None:
        yield from _build(names, index, index.built_key)
        return False
    if index.behind:
        yield from _catch_up(names, index)
        return False
    return True


def not_known_here(index: Definition) -> StaleIndexError:
    """Return the refusal to use an index that lacks items, or has them as they were."""
    what = "is not complete" if index.built_key is not None else "lacks the newest changes"
    hint = (
        f'open the store for writing and register it: indexes.define("{index.name}", extractor=...)'
    )
    return StaleIndexError(f"the index {shown(index.name)} {what}", name=index.name, hint=hint)


_FOLLOWING: Final = (
    "SELECT item_key, {size} FROM items WHERE item_key > ? ORDER BY item_key LIMIT ?"
)
_NEXT_BY_PATH: Final = _FOLLOWING.format(size="coalesce(length(metadata), 0)")
_NEXT_BY_CONTENT: Final = _FOLLOWING.format(size="size_bytes")


def _build(names: Names, index: Definition, after: int) -> Procedure[None]:
    sql = _NEXT_BY_CONTENT if index.path is None else _NEXT_BY_PATH
    rows = yield Statement(sql, (after, STEP_ITEMS))
    keys = _within_bytes(rows)
    if not keys:
        yield Statement(f"{_CLEAR} AND index_key = ?", (after, 2**63 - 1, index.key))
        yield Statement(
            "UPDATE custom_indexes SET built_key = NULL WHERE index_key = ?", (index.key,)
        )
        return
    if index.path is None:
        done = yield from extract(names, index, keys, time.monotonic() + STEP_SECONDS)
        keys = keys[:done]
    else:
        # A rebuild finds entries, whatever they are; so does a build that writers helped with.
        yield Statement(f"{_CLEAR} AND index_key = ?", (after, keys[-1], index.key))
        yield from index_paths(index.key, index.path, keys)
    yield Statement(
        "UPDATE custom_indexes SET built_key = ? WHERE index_key = ?", (keys[-1], index.key)
    )


_CLEAR: Final = "DELETE FROM index_entries WHERE item_key > ? AND item_key <= ?"


def _within_bytes(rows: Sequence[Any]) -> list[int]:
    """Return the keys of the first rows that are together not too large, one at least."""
    keys: list[int] = []
    total = 0
    for key, size in rows:
        total += size
        if keys and total > STEP_BYTES:
            break
        keys.append(key)
    return keys


def _catch_up(names: Names, index: Definition) -> Procedure[None]:
    """Ask the function again about the items of the changes that the index lacks."""
    changes = yield Statement(
        "SELECT sequence, item_id FROM changes WHERE sequence > ? ORDER BY sequence LIMIT ?",
        (index.indexed_sequence, STEP_CHANGES),
    )
    by_id = yield from find_item_keys({item_id for _, item_id in changes})
    keys = list(dict.fromkeys(by_id[item_id] for _, item_id in changes if item_id in by_id))
    done = yield from extract(names, index, keys, time.monotonic() + STEP_SECONDS)
    settled = set(keys[:done])
    reached = index.indexed_sequence
    for sequence, item_id in changes:
        if item_id in by_id and by_id[item_id] not in settled:
            break
        reached = sequence
    yield Statement(ADVANCE, (reached, index.key))


def begin_drop(name: str) -> Procedure[None]:
    """Take an index's name away: from now on nobody uses it, and its entries can go.

    Raises:
        IndexNotFoundError: there is none.
    """
    index = yield from find_index(name)
    yield Statement("UPDATE custom_indexes SET name = NULL WHERE index_key = ?", (index.key,))


def drop_step() -> Procedure[bool]:
    """Delete some of the entries of dropped indexes; return whether none are left."""
    rows = yield Statement("SELECT index_key FROM custom_indexes WHERE name IS NULL LIMIT 1")
    if not rows:
        return True
    doomed = yield Statement(
        "SELECT index_key, value, created_at, item_key FROM index_entries WHERE index_key = ? "
        "LIMIT ?",
        (rows[0][0], DROP_ENTRIES),
    )
    if doomed:
        yield Many(
            "DELETE FROM index_entries WHERE index_key = ? AND value = ? AND created_at = ? "
            "AND item_key = ?",
            doomed,
        )
    else:
        yield Statement("DELETE FROM custom_indexes WHERE index_key = ?", rows[0])
    return False


def count_uses(uses: dict[int, int]) -> Procedure[None]:
    """Add to how many queries the indexes drove."""
    rows = [(count, key) for key, count in uses.items()]
    yield Many("UPDATE custom_indexes SET uses = uses + ? WHERE index_key = ?", rows)


def require_current(node: Filter) -> Procedure[None]:
    """Refuse a filter that names an index which is not as the items of this snapshot are.

    Raises:
        IndexNotFoundError: there is no such index.
        StaleIndexError: it lacks items, or changes of them.
    """
    for name in sorted({part.name for part in walk(node) if isinstance(part, Indexed)}):
        index = yield from find_index(name)
        if index.built_key is not None or index.behind:
            raise not_known_here(index)


def usable_indexes(node: Filter) -> Procedure[Indexes]:
    """Return the indexes that may drive a query, as they are in this very snapshot."""
    if not any(isinstance(part, Indexed | Metadata) for part in walk(node)):
        return NO_INDEXES
    rows = yield Statement(
        f"SELECT index_key, name, path FROM custom_indexes x "
        f"WHERE name IS NOT NULL AND built_key IS NULL AND NOT {BEHIND}"
    )
    paths = {tuple(orjson.loads(path)): key for key, _, path in rows if path is not None}
    return Indexes({name: key for key, name, _ in rows}, paths)
