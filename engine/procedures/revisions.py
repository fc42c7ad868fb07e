"""What a change to an item is: the state before and the state after, and how they differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final, NamedTuple

import orjson

from engine.models import Tier
from engine.procedures.items import Stored
from engine.serialization import PickledContent, decode
from engine.text import searchable_text


class Revision(NamedTuple):
    """What an item was (None: absent) and what it becomes (None: deleted)."""

    old: Stored | None
    new: Stored | None
    undoes: int | None = None


@dataclass(frozen=True, slots=True)
class Author:
    """Who writes, when, as part of which batch (the sequence of its first change), and why."""

    actor: str
    at: int
    batch: int | None = None
    reason: str = "edit"
    """Kept for items that move between tiers."""


# Field of `Stored`: name in the change log. `data` stands for the content as a whole.
_LOGGED: Final = {
    "agent": "agent",
    "kind": "kind",
    "tier": "tier",
    "importance": "importance",
    "tags": "tags",
    "metadata": "metadata",
    "session": "session_id",
    "digest": "content",
    "created_at": "created_at",
}


LOGGED_FIELDS: Final = tuple(_LOGGED.values())
_values: Final = itemgetter(*(Stored._fields.index(column) for column in _LOGGED))

UPDATED_AT_SET: Final = "updated_at_set"
"""Beside the before-image of a change that gave an item another time of change than its own."""


def changed_fields(old: Stored, new: Stored) -> list[str]:
    """Return the names, as in the change log, of the fields in which two states differ."""
    pairs = zip(LOGGED_FIELDS, _values(old), _values(new), strict=True)
    names = [name for name, before, after in pairs if before != after]
    # Reading an item is no change; setting when it was last read is.
    if old.last_accessed_at != new.last_accessed_at:
        names.append("last_accessed_at")
    return names


def logged_fields(stored: Stored) -> dict[str, Any]:
    """Return a state as the change log has it: public names, JSON values, content as a stub."""
    return {
        "agent": stored.agent,
        "kind": stored.kind,
        "tier": Tier(stored.tier).label,
        "importance": stored.importance,
        "tags": sorted(stored.tags),
        "metadata": orjson.loads(stored.metadata) if stored.metadata else {},
        "session_id": stored.session,
        "created_at": stored.created_at,
        "content": {"size": stored.size_bytes, "hash": stored.digest.hex()},
    }


def columns_of(logged: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields as the change log has them as those of `Stored`; all but the content."""
    columns = {name: logged[name] for name in _SAME if name in logged}
    if "tier" in logged:
        columns["tier"] = Tier[logged["tier"].upper()].value
    if "tags" in logged:
        columns["tags"] = frozenset(logged["tags"])
    if "metadata" in logged:
        metadata = logged["metadata"]
        columns["metadata"] = orjson.dumps(metadata).decode() if metadata else None
    if "session_id" in logged:
        columns["session"] = logged["session_id"]
    return columns


_SAME: Final = (
    "agent", "kind", "importance", "created_at", "updated_at", "last_accessed_at", "access_count",
)  # fmt: skip


def text_of(stored: Stored) -> str:
    """Return the words that the full-text index has of an item whose content was read."""
    if stored.text is not None:
        return stored.text
    if stored.data is None:
        raise ValueError(f"the content of {stored.id!r} was not read")
    content = decode(stored.codec, stored.data, stored.size_bytes, stored.digest, item_id=stored.id)
    if isinstance(content, (bytes, PickledContent)):
        content = None
    return searchable_text(stored.id, content)


def scope_of(agent_key: int) -> str:
    """Return the word in the index's second column that limits a search to one agent."""
    return f"a{agent_key}"
