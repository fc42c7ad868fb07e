"""What callers give for an item, checked and packed into a draft or an edit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import Enum
from typing import Any, Final, Literal

from engine.clock import Clock, to_microseconds
from engine.errors import InvalidItemError
from engine.ids import new_id
from engine.limits import Limits
from engine.models import Tier
from engine.procedures.mutations import Draft, Edit
from engine.serialization import encode, encode_metadata
from engine.text import searchable_text
from engine.validation import check_count, check_id, check_name, check_tags, check_tier, check_unit


class Unchanged(Enum):
    """Says that a field of an update stays as it is; None is a value."""

    UNCHANGED = 0


UNCHANGED: Final = Unchanged.UNCHANGED
UnchangedType = Literal[Unchanged.UNCHANGED]

FIELDS: Final = frozenset(
    {
        "id",
        "content",
        "agent",
        "kind",
        "tier",
        "importance",
        "tags",
        "metadata",
        "session_id",
        "created_at",
    }
)
RECORD_FIELDS: Final = FIELDS | frozenset(
    ["updated_at", "last_accessed_at", "access_count", "version"]
)


class Drafting:
    """Turns what callers give into drafts, by one store's limits and clock."""

    def __init__(self, limits: Limits, clock: Clock, *, allow_pickle: bool) -> None:
        self.limits = limits
        self._clock = clock
        self._allow_pickle = allow_pickle

    def draft(self, record: Mapping[str, Any], allowed: frozenset[str] = FIELDS) -> Draft:
        """Return the draft for an item's fields; `content` is the only one that must be there.

        Raises:
            InvalidItemError: a field is unknown, absent or not what it should be.
        """
        unknown = record.keys() - allowed
        if unknown:
            raise InvalidItemError(
                f"an item has no field {sorted(map(str, unknown))[0]!r}",
                hint=f"use {', '.join(sorted(allowed))}",
            )
        if "content" not in record:
            raise InvalidItemError("an item has no content", hint="give it at least a content")
        limits = self.limits
        encoded = encode(record["content"], limits, allow_pickle=self._allow_pickle)
        session = record.get("session_id")
        item_id = record.get("id")
        item_id = new_id(self._clock()) if item_id is None else check_id(item_id, limits)
        version = record.get("version")
        return Draft(
            id=item_id,
            agent=check_name("agent", record.get("agent", "default"), limits),
            kind=check_name("kind", record.get("kind", "semantic"), limits),
            tier=int(check_tier(record.get("tier", Tier.LONG_TERM))),
            importance=check_unit("importance", record.get("importance", 0.5)),
            tags=check_tags(record.get("tags") or (), limits),
            metadata=self.metadata(record.get("metadata")),
            session=None if session is None else check_name("session_id", session, limits),
            encoded=encoded,
            text=searchable_text(item_id, encoded.readable),
            created_at=_moment("created_at", record),
            updated_at=_moment("updated_at", record),
            last_accessed_at=_moment("last_accessed_at", record),
            access_count=check_count("access_count", record.get("access_count") or 0),
            version=None if version is None else check_count("version", version),
        )

    def drafts(
        self, records: Iterable[Mapping[str, Any]], allowed: frozenset[str] = FIELDS
    ) -> list[Draft]:
        """Return the drafts of several items; a fault names which one by its position."""
        drafts: list[Draft] = []
        for position, record in enumerate(records):
            try:
                drafts.append(self.draft(record, allowed))
            except InvalidItemError as error:
                error.args = (f"item {position}: {error.message}",)
                error.message = error.args[0]
                raise
        return drafts

    def metadata(self, value: Any) -> str | None:
        """Return a metadata object as JSON text.

        Raises:
            InvalidItemError: it is no object, or not JSON.
        """
        if value is not None and not isinstance(value, Mapping):
            raise InvalidItemError(
                f"metadata is a {type(value).__name__}, not an object", hint="use a dictionary"
            )
        return encode_metadata(value, self.limits)

    def edit(
        self,
        *,
        content: Any = UNCHANGED,
        agent: str | UnchangedType = UNCHANGED,
        kind: str | UnchangedType = UNCHANGED,
        tier: Tier | str | UnchangedType = UNCHANGED,
        importance: float | UnchangedType = UNCHANGED,
        tags: Iterable[str] | UnchangedType = UNCHANGED,
        metadata: Mapping[str, Any] | UnchangedType | None = UNCHANGED,
        session_id: str | UnchangedType | None = UNCHANGED,
        add_tags: Iterable[str] = (),
        remove_tags: Iterable[str] = (),
    ) -> Edit:
        """Return the edit that changes the fields that are given.

        Raises:
            InvalidItemError: one of them is not what it should be.
        """
        limits = self.limits
        fields: dict[str, Any] = {}
        if agent is not UNCHANGED:
            fields["agent"] = check_name("agent", agent, limits)
        if kind is not UNCHANGED:
            fields["kind"] = check_name("kind", kind, limits)
        if tier is not UNCHANGED:
            fields["tier"] = int(check_tier(tier))
        if importance is not UNCHANGED:
            fields["importance"] = check_unit("importance", importance)
        if tags is not UNCHANGED:
            fields["tags"] = check_tags(tags, limits)
        if metadata is not UNCHANGED:
            fields["metadata"] = self.metadata(metadata)
        if session_id is not UNCHANGED:
            fields["session"] = (
                None if session_id is None else check_name("session_id", session_id, limits)
            )
        encoded = None
        if content is not UNCHANGED:
            encoded = encode(content, limits, allow_pickle=self._allow_pickle)
        return Edit(
            fields,
            encoded,
            check_tags(add_tags, limits),
            check_tags(remove_tags, limits),
            limits.tags_max,
        )


def _moment(name: str, record: Mapping[str, Any]) -> int | None:
    value = record.get(name)
    if value is None:
        return None
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError as error:
            raise InvalidItemError(
                f"{name} is {value!r}, no time", hint="use ISO 8601: 2026-01-31T10:00:00+00:00"
            ) from error
    if not isinstance(value, datetime):
        raise InvalidItemError(f"{name} is a {type(value).__name__}", hint="use an aware datetime")
    return to_microseconds(value)
