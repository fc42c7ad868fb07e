"""One line of a file to a value, strictly: what is not understood is an error, never lost."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any, Final

import orjson

from engine.errors import TransferError
from engine.models import SESSION_STATES, TIERS, Association, Message, Session, Tier
from engine.serialization import PickledContent
from engine.transfer.records import FORMAT, Header, ItemRecord, Record


def parse_line(line: bytes, *, strict: bool) -> Record:
    """Return what one line of a file says.

    `strict` also finds what a fast parser passes over: names given twice in one object, and whole
    numbers that would lose digits. It costs four times as much, so it is for the first look.

    Raises:
        TransferError: the line is not a record; `line` is not set, the caller knows the number.
    """
    try:
        value = orjson.loads(line)
        if strict:
            json.loads(line, object_pairs_hook=_distinct, parse_int=_exact_integer)
    except orjson.JSONDecodeError as error:
        raise TransferError(
            f"not JSON: {error.msg} at column {error.colno}", hint=_hint_for(line)
        ) from error
    except RecursionError as error:
        raise TransferError(
            "JSON nested too deeply", hint="flatten it, or store it as text"
        ) from error
    if not isinstance(value, dict):
        raise TransferError(
            f"a JSON {_json_type(value)} where an object should be", hint=_hint_for(line)
        )
    return record_of(value)


def record_of(value: Mapping[str, Any]) -> Record:
    """Return what one JSON object says.

    Raises:
        TransferError: it is none of the records, or a field has the wrong type.
    """
    kind = value.get("type", "item")
    parse = _PARSERS.get(kind) if isinstance(kind, str) else None
    if parse is None:
        raise TransferError(
            f"unknown type {kind!r}", hint=f"a record is one of {', '.join(sorted(_PARSERS))}"
        )
    return parse(_Fields(value))


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        double = next(name for name in names if names.count(name) > 1)
        raise TransferError(
            f"the name {double!r} is given twice in one object",
            hint="JSON readers disagree on which of them counts; keep one",
        )
    return found


def _exact_integer(digits: str) -> int:
    if len(digits) > 20 or not -(2**63) <= int(digits) < 2**64:
        raise TransferError(
            f"the number {digits[:24]}{'...' * (len(digits) > 24)} does not fit into 64 bits",
            hint="write it as text",
        )
    return int(digits)


def _hint_for(line: bytes) -> str:
    """Return what to do about a line that is not an object, guessed from how it begins."""
    if line.lstrip().startswith(b"["):
        return "put one object on each line; for a JSON array: jq -c '.[]' FILE"
    if line.strip() in (b"{", b"}", b"},"):
        return "put each object on a line of its own; for indented JSON: jq -c . FILE"
    if b"NaN" in line or b"Infinity" in line:
        return "JSON has no NaN and no Infinity; use null or text"
    return 'one JSON object per line, at least {"content": ...}'


_TYPE_NAMES: Final = {
    dict: "object",
    list: "array",
    str: "string",
    bool: "boolean",
    type(None): "null",
}


def _json_type(value: object) -> str:
    return _TYPE_NAMES.get(type(value), "number")


class _Fields:
    """The members of one object, taken by name and type; what is left over is an error."""

    def __init__(self, value: Mapping[str, Any]) -> None:
        self._value = dict(value)
        self._value.pop("type", None)
        self._known: list[str] = []

    def __contains__(self, name: str) -> bool:
        return name in self._value

    def raw(self, name: str) -> Any:
        """Take a member as it is; a missing one is an error."""
        self._known.append(name)
        if name not in self._value:
            raise TransferError(f"{name!r} is missing", hint=self._suggestion([name]))
        return self._value.pop(name)

    def take(self, name: str, kind: type | tuple[type, ...], what: str) -> Any:
        """Take a member that must be there and of the right type."""
        value = self.raw(name)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise TransferError(f"{name!r} must be {what}, not a {_json_type(value)}")
        return value

    def optional(self, name: str, take: Callable[[str], Any], default: Any = None) -> Any:
        """Take a member by `take`, or give `default` where it is absent or null."""
        self._known.append(name)
        if self._value.get(name) is None:
            self._value.pop(name, None)
            return default
        return take(name)

    def text(self, name: str) -> str:
        """Take a text."""
        return str(self.take(name, str, "text"))

    def number(self, name: str) -> float:
        """Take a number."""
        return float(self.take(name, (int, float), "a number"))

    def integer(self, name: str) -> int:
        """Take a whole number that is not negative."""
        value = int(self.take(name, int, "a whole number"))
        if value < 0:
            raise TransferError(f"{name!r} must not be negative, and is {value}")
        return value

    def mapping(self, name: str) -> dict[str, Any]:
        """Take an object."""
        value: dict[str, Any] = self.take(name, dict, "an object")
        return value

    def texts(self, name: str) -> list[str]:
        """Take a list of texts."""
        value: list[Any] = self.take(name, list, "a list of texts")
        if not all(isinstance(part, str) for part in value):
            raise TransferError(f"{name!r} must be a list of texts")
        return value

    def time(self, name: str) -> datetime:
        """Take a moment."""
        text = self.text(name)
        try:
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is None:
                raise TransferError(
                    f"{name!r} has no time zone: {text!r}",
                    hint="add Z, or an offset such as +08:00",
                )
            return moment.astimezone(UTC)
        except (ValueError, OverflowError) as error:
            if isinstance(error, TransferError):
                raise
            raise TransferError(
                f"{name!r} is not a time: {text!r:.60}", hint="use ISO 8601: 2026-01-31T12:00:00Z"
            ) from error

    def tier(self, name: str) -> Tier:
        """Take a tier by its label."""
        text = self.text(name)
        if text not in TIERS:
            raise TransferError(
                f"{name!r} is {text!r:.60}", hint=f"a tier is one of {', '.join(TIERS)}"
            )
        return Tier[text.upper()]

    def data(self, name: str) -> bytes:
        """Take bytes written in base64."""
        try:
            return base64.b64decode(self.text(name), validate=True)
        except (binascii.Error, ValueError) as error:
            raise TransferError(f"{name!r} is not base64: {error}") from error

    def finish(self) -> None:
        """Raise if a member was not taken: what is not understood must not be lost silently."""
        if self._value:
            name = next(iter(self._value))
            raise TransferError(f"unknown field {name!r:.80}", hint=self._suggestion([name]))

    def _suggestion(self, names: list[str]) -> str:
        others = self._known if names[0] not in self._known else list(self._value)
        close = get_close_matches(names[0], others, n=1)
        return f"did you mean {close[0]!r}?" if close else "fields of your own belong in metadata"


_CONTENT_NAMES: Final = ("content", "content_base64", "content_pickle_base64")


def _content(fields: _Fields) -> Any:
    given = [name for name in _CONTENT_NAMES if name in fields]
    if len(given) > 1:
        raise TransferError(
            f"both {given[0]!r} and {given[1]!r} are given", hint="keep one of them"
        )
    if given == ["content_base64"]:
        return fields.data("content_base64")
    if given == ["content_pickle_base64"]:
        return PickledContent(fields.data("content_pickle_base64"))
    return fields.raw("content")


def _item(fields: _Fields) -> ItemRecord:
    takers: dict[str, Callable[[str], Any]] = {
        "id": fields.text,
        "agent": fields.text,
        "kind": fields.text,
        "tier": fields.tier,
        "importance": fields.number,
        "tags": fields.texts,
        "metadata": fields.mapping,
        "session_id": fields.text,
        "created_at": fields.time,
        "updated_at": fields.time,
        "last_accessed_at": fields.time,
        "access_count": fields.integer,
        "version": fields.integer,
    }
    found = {name: fields.optional(name, take) for name, take in takers.items()}
    record = {"id": None, "content": _content(fields)}
    fields.finish()
    return ItemRecord(record | {name: value for name, value in found.items() if value is not None})


def _association(fields: _Fields) -> Association:
    association = Association(
        source_id=fields.text("source"),
        target_id=fields.text("target"),
        relation=fields.optional("relation", fields.text, "related"),
        strength=fields.optional("strength", fields.number, 1.0),
        created_at=fields.optional("created_at", fields.time, UNKNOWN_TIME),
    )
    fields.finish()
    return association


UNKNOWN_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Of an association whose line does not say when it was made: replaced by the time of import."""


def _session(fields: _Fields) -> Session:
    session = Session(
        id=fields.text("id"),
        agent=fields.optional("agent", fields.text, "default"),
        title=fields.optional("title", fields.text, ""),
        state=fields.optional("state", fields.text, "ended"),
        started_at=fields.time("started_at"),
        ended_at=fields.optional("ended_at", fields.time),
        metadata=fields.optional("metadata", fields.mapping, {}),
    )
    if session.state not in SESSION_STATES:
        raise TransferError(
            f"'state' is {session.state!r:.60}", hint=f"use one of {', '.join(SESSION_STATES)}"
        )
    fields.finish()
    return session


def _message(fields: _Fields) -> Message:
    message = Message(
        session_id=fields.text("session_id"),
        ordinal=fields.integer("ordinal"),
        role=fields.text("role"),
        content=fields.text("content"),
        at=fields.time("at"),
    )
    fields.finish()
    return message


def _header(fields: _Fields) -> Header:
    # Other members are left alone: a later version may say more about where a file came from.
    header = Header(fields.integer("format"))
    if header.format != FORMAT:
        raise TransferError(
            f"the file has format {header.format}; this version reads format {FORMAT}",
            hint="import it with the version that wrote it, or a newer one",
        )
    return header


_PARSERS: Final[Mapping[str, Callable[[_Fields], Record]]] = {
    "item": _item,
    "association": _association,
    "session": _session,
    "message": _message,
    "store": _header,
}
