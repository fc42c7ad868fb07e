"""What a line of a file stands for, and values as the JSON objects that stand for them."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from engine.models import Association, Item, Message, Session
from engine.serialization import PickledContent

FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Header:
    """The first line of an export: which format it is in, and where it came from."""

    format: int


@dataclass(frozen=True, slots=True)
class ItemRecord:
    """An item to import: the fields that the line gave, by the names of `MemoryStore.put`."""

    fields: dict[str, Any]


Record: TypeAlias = Header | ItemRecord | Association | Session | Message


def item_record(item: Item) -> dict[str, Any]:
    """Return `item` as the JSON object that stands for it in a file."""
    record: dict[str, Any] = {"id": item.id}
    if isinstance(item.content, PickledContent):
        record["content_pickle_base64"] = base64.b64encode(item.content.data).decode()
    elif isinstance(item.content, bytes):
        record["content_base64"] = base64.b64encode(item.content).decode()
    else:
        record["content"] = item.content
    return record | {
        "agent": item.agent,
        "kind": item.kind,
        "tier": item.tier.label,
        "importance": item.importance,
        "tags": sorted(item.tags),
        "metadata": dict(item.metadata),
        "session_id": item.session_id,
        "created_at": format_time(item.created_at),
        "updated_at": format_time(item.updated_at),
        "last_accessed_at": format_time(item.last_accessed_at),
        "access_count": item.access_count,
        "version": item.version,
    }


def association_record(association: Association) -> dict[str, Any]:
    """Return `association` as the JSON object that stands for it in a file."""
    return {
        "type": "association",
        "source": association.source_id,
        "target": association.target_id,
        "relation": association.relation,
        "strength": association.strength,
        "created_at": format_time(association.created_at),
    }


def session_record(session: Session) -> dict[str, Any]:
    """Return `session` as the JSON object that stands for it in a file."""
    return {
        "type": "session",
        "id": session.id,
        "agent": session.agent,
        "title": session.title,
        "state": session.state,
        "started_at": format_time(session.started_at),
        "ended_at": format_time(session.ended_at),
        "metadata": dict(session.metadata),
    }


def message_record(message: Message) -> dict[str, Any]:
    """Return `message` as the JSON object that stands for it in a file."""
    return {
        "type": "message",
        "session_id": message.session_id,
        "ordinal": message.ordinal,
        "role": message.role,
        "content": message.content,
        "at": format_time(message.at),
    }


def format_time(moment: datetime | None) -> str | None:
    """Return a moment as ISO 8601 in UTC, exact to the microsecond."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
