"""The rows that are still readable on the pages of a damaged store, table by table.

To which tree a page belongs is told by the map of parents that SQLite keeps (a page can be found
though all above it is lost), by following the tree down where the map is damaged, and checked by
the shape of what is on the page. Pages that are free are not looked at: what was deleted stays so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from engine.clock import to_microseconds
from engine.doctor.pages import LEAF_TABLE, Pages, record

SHAPES: Final[dict[str, str]] = {
    "agents": "kt",
    "kinds": "kt",
    "relations": "kt",
    "actors": "kt",
    "tags": "kti",
    "sessions": "ktNttMMT",
    "messages": "knitmt",
    "dictionaries": "kmib",
    "contents": "kiiiNNb",
    "changes": "kmnitiIITN",
    "items": "ktnnipmmiNibTTn",
    "access": "kmiT",
    "item_tags": "nmnn",
    "associations": "nnnpmT",
    "transitions": "kniimtR",
    "policies": "titti",
    "runs": "kmMtIIiitB",
    "custom_indexes": "kTTmiIi",
    "meta": "ta",
}
"""Of each table that is saved what its columns may be: `k` is the row's key, kept outside of the
record; i an integer, n one that is a key, m a moment, r a number, p one from 0 to 1, t text, b
bytes, a anything; a capital letter may be NULL."""
ITEM_IDS: Final = "sqlite_autoindex_items_1"
"""The index by which the ids of items are known whose rows are lost: (id, key)."""

_MOMENTS: Final = range(to_microseconds(datetime.min.replace(tzinfo=UTC)),
                        to_microseconds(datetime.max.replace(tzinfo=UTC)))  # fmt: skip
_IS: Final[dict[str, Callable[[Any], bool]]] = {
    "i": lambda value: type(value) is int,
    "n": lambda value: type(value) is int and value > 0,
    "m": lambda value: type(value) is int and value in _MOMENTS,
    "r": lambda value: isinstance(value, (int, float)),
    "p": lambda value: isinstance(value, (int, float)) and 0 <= value <= 1,
    "t": lambda value: isinstance(value, str),
    "b": lambda value: isinstance(value, bytes),
    "a": lambda value: value is not None,
}
_SHORT: Final = {"access": 3, "changes": 9}
"""Rows written before a column was added lack it."""


@dataclass(slots=True)
class Harvest:
    """Where everything is, and what could not be read."""

    roots: dict[str, int]
    pages: dict[str, list[int]] = field(default_factory=dict)
    """The pages of each table or index that are to be read."""
    lost_pages: int = 0
    """Pages of saved tables of which nothing can be read."""
    lost_rows: int = 0
    """Rows that are there and cannot be read."""


def find_roots(pages: Pages, usual: Mapping[str, int]) -> dict[str, int]:
    """Return the roots of tables and indexes: as the schema has them, else as in a new store."""
    found: dict[str, int] = {}
    below = list(pages.below(1))
    for number in below if len(below) > 1 else range(1, pages.count + 1):
        if pages.kind(number) != LEAF_TABLE:
            continue
        for cell in pages.cells(number):
            values = _values(cell.payload) if cell is not None else None
            if values is None or len(values) != 5:
                continue
            kind, name, _, root, sql = values
            if (
                kind in ("table", "index")
                and isinstance(name, str)
                and isinstance(root, int)
                and 1 < root <= pages.count
                and (sql is None or isinstance(sql, str))
            ):
                found.setdefault(name, root)
    taken = set(found.values())
    for name, root in usual.items():
        if name not in found and root not in taken and root <= pages.count:
            found[name] = root
    return found


def plan_harvest(pages: Pages, usual: Mapping[str, int]) -> Harvest:
    """Find out which pages belong to which of the tables that are saved."""
    harvest = Harvest(find_roots(pages, usual))
    wanted = {name: harvest.roots[name] for name in (*SHAPES, ITEM_IDS) if name in harvest.roots}
    names = {root: name for name, root in wanted.items()}
    owners: dict[int, str] = {}
    known = set(harvest.roots.values())
    for number in range(1, pages.count + 1):
        root = number if number in known else pages.root_of(number)
        if root in names:
            owners[number] = names[root]
    for name, root in wanted.items():
        for number in pages.below(root):
            # The map first: a page that was written over by another leads into a strange tree.
            if number not in owners and not pages.is_mapped(number):
                owners[number] = name
    for number, name in sorted(owners.items()):
        harvest.pages.setdefault(name, []).append(number)
    return harvest


def rows(
    pages: Pages, harvest: Harvest, table: str, progress: Callable[[int], None]
) -> Iterator[tuple[Any, ...]]:
    """Yield the readable rows of a table; count what is not. May repeat itself."""
    shape = SHAPES[table]
    in_table = "k" in shape
    for number in harvest.pages.get(table, ()):
        progress(1)
        kind = pages.kind(number)
        if kind is None or (kind in (LEAF_TABLE, 5)) is not in_table:
            harvest.lost_pages += 1
            continue
        for cell in pages.cells(number):
            values = _values(cell.payload) if cell is not None else None
            row = None if values is None or cell is None else _fit(table, shape, cell.rowid, values)
            if row is None:
                harvest.lost_rows += 1
            else:
                yield row


def item_ids(pages: Pages, harvest: Harvest) -> Iterator[tuple[str, int]]:
    """Yield the (id, key) of items that the index of ids knows."""
    for number in harvest.pages.get(ITEM_IDS, ()):
        for cell in pages.cells(number):
            values = _values(cell.payload) if cell is not None else None
            if values is not None and len(values) == 2:
                item_id, key = values
                if isinstance(item_id, str) and isinstance(key, int):
                    yield item_id, key


def _values(payload: bytes) -> list[Any] | None:
    try:
        return record(payload)
    except ValueError:
        return None


def _fit(table: str, shape: str, rowid: int | None, values: list[Any]) -> tuple[Any, ...] | None:
    """Return values as a row of the table, None if they are none."""
    missing = len(shape) - len(values)
    if missing and (missing < 0 or len(values) < _SHORT.get(table, len(shape))):
        return None
    values = [*values, *[None] * missing]
    for place, (letter, value) in enumerate(zip(shape, values, strict=True)):
        if letter == "k":
            if rowid is None or rowid < 1 or value not in (None, rowid):
                return None
            values[place] = rowid
        elif value is None:
            if letter.islower():
                return None
        elif not _IS[letter.lower()](value):
            return None
    return tuple(values)
