"""Associations: linking items and looking at links."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import orjson

from engine.clock import to_datetime, to_microseconds
from engine.errors import ItemNotFoundError
from engine.models import Association, Operation
from engine.procedures.base import Procedure, Row, Statement
from engine.procedures.items import find_item_keys
from engine.procedures.names import Names, ensure_keys, json_values
from engine.procedures.revisions import Author

_COLUMNS: Final = (
    "SELECT s.id, t.id, r.name, l.strength, l.created_at FROM associations l "
    "JOIN items s ON s.item_key = l.source_key JOIN items t ON t.item_key = l.target_key "
    "JOIN relations r ON r.relation_key = l.relation_key "
)
_OUT: Final = f"{_COLUMNS} WHERE l.source_key = ? ORDER BY l.strength DESC, r.name, t.id LIMIT ?"
_IN: Final = f"{_COLUMNS} WHERE l.target_key = ? ORDER BY l.strength DESC, r.name, s.id LIMIT ?"

LINKS_MAX: Final = 10_000


def list_links(item_id: str, *, outgoing: bool, incoming: bool) -> Procedure[list[Association]]:
    """Return the links from and to an item, strongest first, each direction on its own."""
    keys = yield from find_item_keys([item_id])
    if item_id not in keys:
        return []
    key = keys[item_id]
    found: list[Association] = []
    for wanted, sql in ((outgoing, _OUT), (incoming, _IN)):
        if wanted:
            rows = yield Statement(sql, (key, LINKS_MAX))
            found.extend(association_of(row) for row in rows)
    return found


def association_of(row: Row) -> Association:
    """Return a row of (source, target, relation, strength, created_at) as a value."""
    source, target, relation, strength, created_at = row
    return Association(
        source_id=source,
        target_id=target,
        relation=relation,
        strength=strength,
        created_at=to_datetime(created_at),
    )


_ALL_BY_KEYS: Final = (
    "SELECT l.source_key, l.target_key, s.id, t.id, r.name, l.strength, l.created_at "
    "FROM associations l JOIN items s ON s.item_key = l.source_key "
    "JOIN items t ON t.item_key = l.target_key "
    "JOIN relations r ON r.relation_key = l.relation_key WHERE l.{side} IN "
    "(SELECT value FROM json_each(?))"
)
_BY_SOURCES: Final = _ALL_BY_KEYS.format(side="source_key")
_BY_TARGETS: Final = _ALL_BY_KEYS.format(side="target_key")


def load_links(keys: Iterable[int]) -> Procedure[dict[int, list[dict[str, Any]]]]:
    """Return all links of each row key, both directions, as the change log has them."""
    keys = set(keys)
    bound = json_values(keys)
    found: dict[int, dict[tuple[str, str, str], dict[str, Any]]] = {}
    for sql in (_BY_SOURCES, _BY_TARGETS):
        rows = yield Statement(sql, (bound,))
        for source_key, target_key, source, target, relation, strength, created_at in rows:
            link = logged_link(source, target, relation, strength, created_at)
            for key in {source_key, target_key} & keys:
                found.setdefault(key, {})[source, relation, target] = link
    return {key: list(links.values()) for key, links in found.items()}


def logged_link(
    source: str, target: str, relation: str, strength: float | None, created_at: int | None
) -> dict[str, Any]:
    """Return a link as the change log has it; a `strength` of None says that it is not there."""
    return {
        "source": source,
        "target": target,
        "relation": relation,
        "strength": strength,
        "created_at": created_at,
    }


_STATE: Final = (
    "SELECT strength, created_at FROM associations "
    "WHERE source_key = ? AND relation_key = ? AND target_key = ?"
)
_SET: Final = (
    "INSERT INTO associations(source_key, relation_key, target_key, strength, created_at) "
    "VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET strength = excluded.strength, "
    "created_at = excluded.created_at"
)
_UNSET: Final = (
    "DELETE FROM associations WHERE source_key = ? AND relation_key = ? AND target_key = ?"
)
_CHANGE: Final = (
    "INSERT INTO changes(sequence, at, actor_key, operation, item_id, version, undoes, before, "
    "batch) SELECT coalesce(max(sequence), 0) + 1, ?, ?, ?, ?, ?, ?, ?, ? FROM changes "
    "RETURNING sequence"
)


def set_link(
    names: Names,
    source: str,
    target: str,
    relation: str,
    strength: float | None,
    author: Author,
    *,
    created_at: int | None = None,
    undoes: int | None = None,
) -> Procedure[int | None]:
    """Make a link have this strength, or be gone for None; return the change, None if idle.

    Raises:
        ItemNotFoundError: one of the two items does not exist.
    """
    keys = yield from find_item_keys([source, target])
    for item_id in (source, target):
        if item_id not in keys:
            raise ItemNotFoundError(
                f"there is no item {item_id!r} to link", hint="put both items first"
            )
    relations = yield from ensure_keys(names.relations, {relation})
    link = (keys[source], relations[relation], keys[target])
    rows = yield Statement(_STATE, link)
    old_strength, old_created_at = rows[0] if rows else (None, None)
    if old_strength == strength:
        return None
    if strength is None:
        yield Statement(_UNSET, link)
    else:
        created_at = created_at or old_created_at or author.at
        yield Statement(_SET, (*link, strength, created_at))
    before = logged_link(source, target, relation, old_strength, old_created_at)
    after = logged_link(source, target, relation, strength, created_at)
    actors = yield from ensure_keys(names.actors, {author.actor})
    ((version,),) = yield Statement("SELECT version FROM items WHERE item_key = ?", link[:1])
    logged = orjson.dumps({"associations": [before], "after": [after]}).decode()
    ((sequence,),) = yield Statement(
        _CHANGE,
        (
            author.at,
            actors[author.actor],
            Operation.ASSOCIATE.value,
            source,
            version,
            undoes,
            logged,
            author.batch,
        ),
    )
    return int(sequence)


def associate(
    names: Names, source: str, target: str, relation: str, strength: float, author: Author
) -> Procedure[Association]:
    """Link two items, or give their link another strength.

    Raises:
        ItemNotFoundError: one of the two does not exist.
    """
    yield from set_link(names, source, target, relation, strength, author)
    found = yield Statement(
        f"{_COLUMNS} WHERE s.id = ? AND t.id = ? AND r.name = ?", (source, target, relation)
    )
    return association_of(found[0])


def dissociate(
    names: Names, source: str, target: str, relation: str | None, author: Author
) -> Procedure[int]:
    """Remove the links from one item to another, of one relation or all; return how many."""
    rows = yield Statement(f"{_COLUMNS} WHERE s.id = ? AND t.id = ?", (source, target))
    gone = [row for row in rows if relation in (None, row[2])]
    for row in gone:
        yield from set_link(names, source, target, row[2], None, author)
    return len(gone)


def import_links(names: Names, links: list[Association], author: Author) -> Procedure[int]:
    """Set many links at once; return how many were set.

    Raises:
        ItemNotFoundError: an end of one of them does not exist.
    """
    for link in links:
        yield from set_link(
            names,
            link.source_id,
            link.target_id,
            link.relation,
            link.strength,
            author,
            created_at=to_microseconds(link.created_at),
        )
    return len(links)


def scan_links(
    after: tuple[int, int, int], limit: int
) -> Procedure[tuple[list[Association], tuple[int, int, int] | None]]:
    """Return a page of all links in key order, and where the next one begins."""
    rows = yield Statement(
        "SELECT l.source_key, l.relation_key, l.target_key, s.id, t.id, r.name, l.strength, "
        "l.created_at FROM associations l JOIN items s ON s.item_key = l.source_key "
        "JOIN items t ON t.item_key = l.target_key "
        "JOIN relations r ON r.relation_key = l.relation_key "
        "WHERE (l.source_key, l.relation_key, l.target_key) > (?, ?, ?) "
        "ORDER BY l.source_key, l.relation_key, l.target_key LIMIT ?",
        (*after, limit),
    )
    following = tuple(rows[-1][:3]) if len(rows) == limit else None
    return [association_of(row[3:]) for row in rows], following
