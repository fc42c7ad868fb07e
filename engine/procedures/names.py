"""Names that repeat (agents, kinds, tags, ...) and the integers that stand for them in rows.

A name keeps its integer for ever, so what is known stays true and is kept in memory. What a
transaction adds is held apart until it is committed, since a rollback takes it back.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

import orjson

from engine.procedures.base import Many, Procedure, Statement

KNOWN_MAX = 200_000
"""Names kept per dimension; beyond that the memory starts again from nothing."""


class Dimension(Enum):
    """A table of names: (table, key column)."""

    AGENT = ("agents", "agent_key")
    KIND = ("kinds", "kind_key")
    TAG = ("tags", "tag_key")
    RELATION = ("relations", "relation_key")
    ACTOR = ("actors", "actor_key")
    SESSION = ("sessions", "session_key")


class Names:
    """The names known so far, both ways. Shared by every connection of a store."""

    def __init__(self) -> None:
        self._names: dict[Dimension, dict[int, str]] = {d: {} for d in Dimension}
        self._keys: dict[Dimension, dict[str, int]] = {d: {} for d in Dimension}
        self._fresh: list[tuple[Dimension, str, int]] = []
        self._fresh_keys: dict[tuple[Dimension, str], int] = {}

    def name(self, dimension: Dimension, key: int) -> str:
        """Return the name of a key that `load_names` or `ensure_keys` has met."""
        return self._names[dimension][key]

    def known(self, dimension: Dimension) -> dict[int, str]:
        """The names by key, to read many at once."""
        return self._names[dimension]

    def key(self, dimension: Dimension, name: str) -> int | None:
        """Return the key of a name, None if it is not known (it may exist all the same)."""
        return self._keys[dimension].get(name)

    def writing_key(self, dimension: Dimension, name: str) -> int | None:
        """Like `key`, for the writer: sees what its own transaction added."""
        return self._keys[dimension].get(name) or self._fresh_keys.get((dimension, name))

    def learn(self, dimension: Dimension, pairs: Iterable[tuple[int, str]]) -> None:
        """Remember committed (key, name) pairs."""
        names, keys = self._names[dimension], self._keys[dimension]
        if len(names) > KNOWN_MAX:
            names.clear()
            keys.clear()
        for key, name in pairs:
            names[key] = name
            keys[name] = key

    def add_fresh(self, dimension: Dimension, name: str, key: int) -> None:
        """Remember a name that the running transaction inserted."""
        self._fresh.append((dimension, name, key))
        self._fresh_keys[dimension, name] = key

    def committed(self) -> None:
        """The transaction is durable: its names are known to everybody."""
        for dimension, name, key in self._fresh:
            self.learn(dimension, [(key, name)])
        self.rolled_back()

    def rolled_back(self) -> None:
        """The transaction is gone, and its names with it."""
        self._fresh.clear()
        self._fresh_keys.clear()


_BY_NAME = {
    d: f"SELECT {d.value[1]}, name FROM {d.value[0]} WHERE name IN (SELECT value FROM json_each(?))"
    for d in Dimension
}
_BY_KEY = {
    d: f"SELECT {d.value[1]}, name FROM {d.value[0]} "
    f"WHERE {d.value[1]} IN (SELECT value FROM json_each(?))"
    for d in Dimension
}
_INSERT = {
    d: f"INSERT INTO {d.value[0]}(name) VALUES (?) RETURNING {d.value[1]}" for d in Dimension
}


def json_values(values: Iterable[object]) -> str:
    """Return values as the JSON list that `json_each(?)` takes apart again."""
    return orjson.dumps(list(values)).decode()


def find_keys(
    names: Names, dimension: Dimension, wanted: Iterable[str]
) -> Procedure[dict[str, int]]:
    """Return the keys of those of the `wanted` names that exist."""
    wanted = set(wanted)
    missing = [name for name in wanted if names.key(dimension, name) is None]
    if missing:
        rows = yield Statement(_BY_NAME[dimension], (json_values(missing),))
        names.learn(dimension, rows)
    found = {name: names.key(dimension, name) for name in wanted}
    return {name: key for name, key in found.items() if key is not None}


def ensure_keys(names: Names, dimension: Dimension, wanted: set[str]) -> Procedure[dict[str, int]]:
    """Return the keys of all `wanted` names, adding those that do not exist."""
    found: dict[str, int] = {}
    for name in wanted:
        key = names.writing_key(dimension, name)
        if key is not None:
            found[name] = key
    if len(found) == len(wanted):
        return found
    missing = sorted(wanted - found.keys())
    rows = yield Statement(_BY_NAME[dimension], (json_values(missing),))
    for key, name in rows:
        names.add_fresh(dimension, name, key)
        found[name] = key
    for name in missing:
        if name not in found:
            ((key,),) = yield Statement(_INSERT[dimension], (name,))
            names.add_fresh(dimension, name, key)
            found[name] = key
    return found


def load_names(names: Names, dimension: Dimension, keys: Iterable[int]) -> Procedure[None]:
    """Make sure that the names of `keys` are known."""
    known = names.known(dimension)
    missing = [key for key in keys if key not in known]
    if missing:
        rows = yield Statement(_BY_KEY[dimension], (json_values(missing),))
        names.learn(dimension, rows)


def add_counts(deltas: dict[tuple[int, int, int], int]) -> Procedure[None]:
    """Add to the number of items per (agent, kind, tier)."""
    rows = [(*key, n) for key, n in deltas.items() if n]
    if rows:
        yield Many(
            "INSERT INTO counts(agent_key, kind_key, tier, items) VALUES (?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET items = items + excluded.items",
            rows,
        )
