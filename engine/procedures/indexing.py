"""How custom indexes follow the items: in the transaction that changes them.

The values at a metadata path are taken out by SQLite, as a query would take them. Those of a Python
function need the process that has it: a process without it leaves the index behind the change log,
which `indexed_sequence` tells, and one that has it catches up before it asks the index anything.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import orjson

from engine.errors import CorruptItemError
from engine.models import Operation
from engine.procedures.base import Many, Procedure, Row, Statement
from engine.procedures.items import Stored, item_of, load_stored
from engine.procedures.names import Extractor, Names, json_values
from engine.procedures.revisions import Revision
from engine.query.indexed import FAILED, as_entry, entries_of_path

VALUES_MAX: Final = 1_000
"""Values that a function may give of one item."""
REASON_CHARS: Final = 200
STEP_SECONDS: Final = 0.05
"""One transaction asks functions for no longer than this, so that nobody waits for long."""

NEWEST_AND_INDEXED: Final = (
    "SELECT coalesce(max(sequence), 0), EXISTS (SELECT 1 FROM custom_indexes) FROM changes"
)
"""Asked before every write: the newest change, and whether there is any custom index."""

# Links are not part of an item.
BEHIND: Final = (
    "(x.path IS NULL AND EXISTS (SELECT 1 FROM changes c WHERE c.sequence > x.indexed_sequence "
    f"AND c.operation <> {Operation.ASSOCIATE.value}))"
)
"""Whether a custom index `x` lacks changes of items."""

_DEFINITIONS: Final = (
    f"SELECT x.index_key, x.name, x.path, x.built_key, x.indexed_sequence, {BEHIND} "
    "FROM custom_indexes x WHERE x.name IS NOT NULL"
)
_ENTRIES: Final = "INSERT OR IGNORE INTO index_entries(index_key, value, created_at, item_key) "
_FORGET: Final = (
    "DELETE FROM index_entries WHERE item_key IN (SELECT value FROM json_each(?)) AND index_key = ?"
)
ADVANCE: Final = "UPDATE custom_indexes SET indexed_sequence = ? WHERE index_key = ?"


class Definition(NamedTuple):
    """A custom index as the store has it."""

    key: int
    name: str
    path: tuple[str, ...] | None
    built_key: int | None
    """How far it is built; None when it is complete."""
    indexed_sequence: int
    behind: bool
    """Whether items changed that it has as they were."""


def load_definitions(name: str | None = None) -> Procedure[list[Definition]]:
    """Return the custom indexes by name, or the one of this name."""
    if name is None:
        rows = yield Statement(f"{_DEFINITIONS} ORDER BY x.name")
    else:
        rows = yield Statement(f"{_DEFINITIONS} AND x.name = ?", (name,))
    return [
        Definition(
            key, found, None if path is None else tuple(orjson.loads(path)), built, sequence,
            bool(behind),
        )
        for key, found, path, built, sequence, behind in rows
    ]  # fmt: skip


@dataclass(slots=True)
class Watched:
    """The custom indexes before a write, and the row keys of what the write changes."""

    definitions: list[Definition] = field(default_factory=list)
    new: list[int] = field(default_factory=list)
    """Items that are new, ..."""
    changed: list[int] = field(default_factory=list)
    """... that have other metadata or another time of creation, ..."""
    touched: list[int] = field(default_factory=list)
    """... or that changed otherwise, as only a function might notice."""

    def note(self, revision: Revision) -> None:
        """Take note of what one revision changes; entries of deleted items go with them."""
        old, new = revision.old, revision.new
        if not self.definitions or new is None:
            return
        if old is None:
            self.new.append(new.key)
        elif (old.metadata, old.created_at) != (new.metadata, new.created_at):
            self.changed.append(new.key)
        else:
            self.touched.append(new.key)

    def note_moved(self, keys: Iterable[int]) -> None:
        """Take note of items that have another tier."""
        self.touched.extend(keys)


def watch_indexes() -> Procedure[Watched]:
    """Return the custom indexes as they are before a write."""
    return Watched((yield from load_definitions()))


def maintain_indexes(names: Names, watched: Watched, newest: int) -> Procedure[None]:
    """Make the entries of the changed items those of what they are now.

    `newest` is the sequence of the last change. An index of a function that is not known here, or
    that was behind before, stays behind.
    """
    for index in watched.definitions:
        if index.path is not None:
            yield from _forget(index, watched.changed)
            yield from index_paths(index.key, index.path, [*watched.new, *watched.changed])
        elif index.name in names.extractors and not index.behind:
            keys = [*watched.new, *watched.changed, *watched.touched]
            yield from extract(names, index, keys)
            yield Statement(ADVANCE, (newest, index.key))


def _forget(index: Definition, keys: Sequence[int]) -> Procedure[None]:
    if keys:
        yield Statement(_FORGET, (json_values(keys), index.key))


def index_paths(index_key: int, path: tuple[str, ...], keys: Sequence[int]) -> Procedure[None]:
    """Enter the values at a metadata path of items that have no entries."""
    if keys:
        found = entries_of_path(path)
        yield Statement(
            f"{_ENTRIES}SELECT ?, value, created_at, item_key FROM ({found.sql})",
            (index_key, json_values(keys), *found.values),
        )


def extract(
    names: Names, index: Definition, keys: Sequence[int], deadline: float = math.inf
) -> Procedure[int]:
    """Make the entries of these items what the index's function gives; return how many it did.

    After `deadline` (of the monotonic clock) no further item is begun; the first always is.
    """
    extractor = names.extractors[index.name]
    rows = yield from load_stored(names, keys=keys, content=True)
    stored = {row.key: row for row in rows}
    entries: list[Row] = []
    done = 0
    for key in keys:
        if done and time.monotonic() > deadline:
            break
        done += 1
        if key in stored:
            item = stored[key]
            entries += [
                (index.key, value, item.created_at, key) for value in values_of(extractor, item)
            ]
    yield from _forget(index, keys[:done])
    if entries:
        yield Many(f"{_ENTRIES}VALUES (?, ?, ?, ?)", entries)
    return done


def values_of(extractor: Extractor, stored: Stored) -> list[Any]:
    """Return what a function gives of an item, as entries; or the reason why it gives nothing."""
    try:
        result = extractor(item_of(stored))
    except CorruptItemError as error:
        return [_failure(str(error))]
    except Exception as error:  # noqa: BLE001 - others' code: what it raises is told, not passed on
        return [_failure(f"{type(error).__name__}: {error}")]
    values = list(result) if isinstance(result, list | tuple | set | frozenset) else [result]
    if len(values) > VALUES_MAX:
        return [_failure(f"{len(values):,} values; the limit is {VALUES_MAX:,}")]
    for value in values:
        if not _can_be_entered(value):
            return [_failure(f"{type(value).__name__} is no text, nor a finite number")]
    return [as_entry(value) for value in values if value is not None]


def _can_be_entered(value: Any) -> bool:
    if isinstance(value, str):
        # Half a surrogate pair is no character, and cannot be stored.
        return value.isascii() or value.encode(errors="ignore").decode() == value
    return (
        value is None
        or isinstance(value, int)
        or (isinstance(value, float) and math.isfinite(value))
    )


def _failure(reason: str) -> bytes:
    return FAILED + reason[:REASON_CHARS].encode(errors="replace")
