"""A store as it was, in a detached file, read item by item."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from engine.backends.sqlite.connection import connect_reader
from engine.backends.sqlite.driver import run_procedure
from engine.errors import CorruptItemError
from engine.models import Codec, Session
from engine.procedures.items import NO_ACCESSES, Stored, load_stored
from engine.procedures.links import load_links
from engine.procedures.names import Names, json_values
from engine.procedures.past_links import LinkKey, LinkState
from engine.procedures.restoring import links_of_logged
from engine.procedures.revisions import text_of
from engine.procedures.selection import Reading, StatisticsCache, all_keys
from engine.procedures.sessions import list_sessions
from engine.query.filter import Filter
from engine.text import searchable_text

PAGE: Final = 250


class PastFile:
    """A store as it was, in a detached file, of the items that match a filter."""

    def __init__(self, path: Path, node: Filter, now: int) -> None:
        self.connection: Any = connect_reader(
            path, immutable=False, busy_timeout_seconds=0.0, any_thread=True
        )
        self._names = Names()
        reading = Reading(self._names, StatisticsCache(), NO_ACCESSES)
        self._keys: list[int] = run_procedure(self.connection, all_keys(reading, node, now))

    @property
    def items(self) -> int:
        """How many items match."""
        return len(self._keys)

    def close(self) -> None:
        """Let go of the file."""
        self.connection.close()

    def choose(self, ids: Collection[str]) -> None:
        """Take the items with these ids in place of those that match."""
        rows = self.connection.execute(
            "SELECT item_key FROM items WHERE id IN (SELECT value FROM json_each(?)) "
            "ORDER BY item_key",
            (json_values(ids),),
        )
        self._keys = [key for (key,) in rows]

    def ids(self) -> set[str]:
        """Return the ids of the items that match."""
        found: set[str] = set()
        for start in range(0, self.items, 10_000):
            keys = json_values(self._keys[start : start + 10_000])
            rows = self.connection.execute(
                "SELECT id FROM items WHERE item_key IN (SELECT value FROM json_each(?))", (keys,)
            )
            found.update(item_id for (item_id,) in rows)
        return found

    def pages(self) -> Iterator[list[Stored]]:
        """Yield the items with their contents, in packings that need nothing else."""
        for start in range(0, self.items, PAGE):
            keys = self._keys[start : start + PAGE]
            rows = run_procedure(self.connection, load_stored(self._names, keys=keys, content=True))
            by_key = {stored.key: stored for stored in rows}
            yield [_alone(by_key[key]) for key in keys if key in by_key]

    def missing(self, ids: Collection[str]) -> set[str]:
        """Return those of the ids of which there is no item at all."""
        rows = self.connection.execute(
            "SELECT id FROM items WHERE id IN (SELECT value FROM json_each(?))",
            (json_values(ids),),
        )
        return set(ids).difference(item_id for (item_id,) in rows)

    def links(self, ids: Collection[str]) -> dict[LinkKey, LinkState]:
        """Return all links from and to these items."""
        rows = self.connection.execute(
            "SELECT item_key FROM items WHERE id IN (SELECT value FROM json_each(?))",
            (json_values(ids),),
        ).fetchall()
        found = run_procedure(self.connection, load_links(key for (key,) in rows))
        return links_of_logged(link for links in found.values() for link in links)

    def links_within(self, ids: set[str]) -> Iterable[tuple[LinkKey, LinkState]]:
        """Return the links between these items, by source, relation and target."""
        known = sorted(ids)
        for start in range(0, len(known), PAGE):
            page = set(known[start : start + PAGE])
            for key, state in sorted(self.links(page).items()):
                if key[0] in page and key[2] in ids:
                    yield key, state

    def sessions(self, ids: set[str]) -> list[Session]:
        """Return those of the sessions that are described."""
        described = run_procedure(self.connection, list_sessions(self._names))
        return [session for session in described if session.id in ids]


def _alone(stored: Stored) -> Stored:
    """Return an item for another store: its content unpacked where it was packed against others."""
    try:
        text = text_of(stored)
    except CorruptItemError:
        # Reading the item will say so, there as here.
        text = searchable_text(stored.id, None)
    codec = stored.codec
    if codec >= Codec.JSON_DICTIONARY:
        codec = codec.base
    return stored._replace(key=0, content_key=None, codec=codec, text=text)
