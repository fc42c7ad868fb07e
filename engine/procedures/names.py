"""Names that repeat (agents, kinds, tags, ...) and the integers that stand for them in rows.

A name keeps its integer for ever, so what is known stays true and is kept in memory. What a
transaction adds is held apart until it is committed, since a rollback takes it back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import orjson

from engine.errors import InvalidItemError
from engine.models import Item
from engine.procedures.base import Many, Procedure, Statement
from engine.procedures.trained import TrainedDictionaries

Extractor: TypeAlias = Callable[[Item], Any]
"""Gives the values of an item in a custom index: one, a list of them, or None for none."""

KNOWN_MAX = 200_000
"""Names kept in memory per table; beyond that the memory starts again from nothing."""


class Dictionary:
    """The names of one table known so far, both ways. Shared by every connection of a store."""

    def __init__(self, table: str, column: str) -> None:
        self.names: dict[int, str] = {}
        self.keys: dict[str, int] = {}
        self.fresh: dict[str, int] = {}
        """What the running transaction added: nobody else may see it yet."""
        select = f"SELECT {column}, name FROM {table} WHERE"
        self.find = f"{select} name IN (SELECT value FROM json_each(?))"
        self.load = f"{select} {column} IN (SELECT value FROM json_each(?))"
        self.insert = f"INSERT INTO {table}(name) VALUES (?) RETURNING {column}"

    def learn(self, pairs: Iterable[tuple[int, str]]) -> None:
        """Remember committed (key, name) pairs."""
        for key, name in pairs:
            self.names[key] = name
            self.keys[name] = key

    def make_room(self) -> None:
        """Forget everything if it is too much: before names are looked up, never in between."""
        if len(self.names) > KNOWN_MAX:
            self.names, self.keys = {}, {}

    def settle(self, *, committed: bool) -> None:
        """End a transaction: what it added is known to everybody, or gone with it."""
        if not self.fresh:
            return
        if committed:
            self.learn((key, name) for name, key in self.fresh.items())
        else:
            # The transaction may have read its own rows, and learnt their names from them. Their
            # integers are free again, and the next name to be added gets one of them.
            for name, key in self.fresh.items():
                self.keys.pop(name, None)
                self.names.pop(key, None)
        self.fresh = {}


class Names:
    """The dictionaries of a store: of names, and those trained for packing."""

    def __init__(self) -> None:
        self.agents = Dictionary("agents", "agent_key")
        self.kinds = Dictionary("kinds", "kind_key")
        self.tags = Dictionary("tags", "tag_key")
        self.relations = Dictionary("relations", "relation_key")
        self.actors = Dictionary("actors", "actor_key")
        self.sessions = Dictionary("sessions", "session_key")
        self.trained = TrainedDictionaries()
        self.extractors: dict[str, Extractor] = {}
        """The functions of custom indexes that this process knows, by the index's name."""

    def settle(self, *, committed: bool) -> None:
        """End a transaction in all dictionaries."""
        for dictionary in (
            self.agents,
            self.kinds,
            self.tags,
            self.relations,
            self.actors,
            self.sessions,
        ):
            dictionary.settle(committed=committed)


def json_values(values: Iterable[object]) -> str:
    """Return values as the JSON list that `json_each(?)` takes apart again.

    Raises:
        InvalidItemError: one of them is no text that could be stored, or a number too large.
    """
    values = list(values)
    try:
        text = orjson.dumps(values).decode()
        if "\\u0000" in text:
            # Older SQLite ends a text at its NUL, and would find what is called like its beginning.
            # Nothing has a name with NUL.
            kept = [v for v in values if not (isinstance(v, str) and "\0" in v)]
            text = orjson.dumps(kept).decode()
        return text
    except TypeError as error:
        raise InvalidItemError(
            f"nothing is called that: {error}", hint="use valid Unicode text and 64-bit numbers"
        ) from error


def find_keys(dictionary: Dictionary, wanted: Iterable[str]) -> Procedure[dict[str, int]]:
    """Return the keys of those of the `wanted` names that exist."""
    dictionary.make_room()
    wanted = set(wanted)
    missing = [name for name in wanted if name not in dictionary.keys]
    if missing:
        rows = yield Statement(dictionary.find, (json_values(missing),))
        dictionary.learn((key, name) for key, name in rows)
    keys = dictionary.keys
    return {name: keys[name] for name in wanted if name in keys}


def ensure_keys(dictionary: Dictionary, wanted: set[str]) -> Procedure[dict[str, int]]:
    """Return the keys of all `wanted` names, adding those that do not exist."""
    known, fresh = dictionary.keys, dictionary.fresh
    found = {name: key for name in wanted if (key := known.get(name) or fresh.get(name))}
    if len(found) == len(wanted):
        return found
    missing = sorted(wanted - found.keys())
    rows = yield Statement(dictionary.find, (json_values(missing),))
    found.update({name: key for key, name in rows})
    dictionary.learn(rows)
    for name in missing:
        if name not in found:
            ((found[name],),) = yield Statement(dictionary.insert, (name,))
            fresh[name] = found[name]
    return found


def load_names(dictionary: Dictionary, keys: Iterable[int]) -> Procedure[None]:
    """Make sure that the names of `keys` are known."""
    dictionary.make_room()
    missing = [key for key in keys if key not in dictionary.names]
    if missing:
        rows = yield Statement(dictionary.load, (json_values(missing),))
        dictionary.learn((key, name) for key, name in rows)


def add_counts(deltas: dict[tuple[int, int, int], int]) -> Procedure[None]:
    """Add to the number of items per (agent, kind, tier)."""
    rows = [(*key, n) for key, n in deltas.items() if n]
    if rows:
        yield Many(
            "INSERT INTO counts(agent_key, kind_key, tier, items) VALUES (?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET items = items + excluded.items",
            rows,
        )
