"""The change log read back: what happened to an item, and taking it back.

The log keeps what each change ended, not what it made: that is in the next change or in the row
itself. History is therefore read from now backwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from engine.clock import to_datetime
from engine.errors import CorruptItemError
from engine.models import CODECS, Change, ChangeNotice, Codec, Operation
from engine.procedures.base import Procedure, Row, Statement
from engine.procedures.contents import COLUMNS, unpacked
from engine.procedures.items import Stored, load_stored
from engine.procedures.names import Names, load_names
from engine.procedures.revisions import LOGGED_FIELDS, UPDATED_AT_SET, logged_fields
from engine.serialization import decode

_CHANGES: Final = (
    "SELECT x.sequence, x.at, x.actor_key, x.operation, x.item_id, x.version, x.undoes, x.before, "
    "x.batch, x.content_key, "
)
_WITH_CONTENT: Final = (
    f"{_CHANGES} {COLUMNS} FROM changes x LEFT JOIN contents c ON c.content_key = x.content_key "
)
_WITHOUT_CONTENT: Final = f"{_CHANGES} NULL, NULL, NULL, NULL, NULL FROM changes x "
_CONTENT: Final = 10


@dataclass(frozen=True, slots=True)
class Logged:
    """A row of the change log, with its before-image taken apart."""

    sequence: int
    at: int
    actor_key: int
    operation: Operation
    item_id: str
    version: int
    undoes: int | None
    before: dict[str, Any]
    batch: int | None
    content_key: int | None
    codec: Codec | None
    data: bytes | None


def load_logged(
    names: Names, condition: str, values: Sequence[Any], *, content: bool = True
) -> Procedure[list[Logged]]:
    """Return the changes that `condition` selects and orders, their contents unpacked."""
    columns = _WITH_CONTENT if content else _WITHOUT_CONTENT
    rows = yield Statement(f"{columns} {condition}", values)
    rows = yield from unpacked(names.trained, rows, _CONTENT)
    return [_logged(row) for row in rows]


def _logged(row: Row) -> Logged:
    (sequence, at, actor, operation, item_id, version, undoes, before, batch, content_key, codec,
     _, _, _, data) = row  # fmt: skip
    fields = orjson.loads(before) if before else {}
    fields.pop(UPDATED_AT_SET, None)
    return Logged(
        sequence,
        at,
        actor,
        Operation(operation),
        item_id,
        version,
        undoes,
        fields,
        batch,
        content_key,
        None if codec is None else CODECS[codec],
        data,
    )


def item_history(
    names: Names, item_id: str, *, limit: int, before: int | None
) -> Procedure[list[Change]]:
    """Return the newest `limit` changes of an item older than sequence `before`, oldest first."""
    # What came after `before` has to be read as well: each state is told from the one after it.
    logged = yield from load_logged(
        names,
        "WHERE item_id = ? ORDER BY sequence DESC LIMIT ?",
        (item_id, limit if before is None else -1),
    )
    yield from load_names(names.actors, {change.actor_key for change in logged})
    live = yield from load_stored(names, ids=[item_id], content=True)
    state = _public_state(live[0]) if live else {}
    changes: list[Change] = []
    for entry in logged:
        if len(changes) >= limit:
            break
        change, state = _explain(entry, state, names)
        if before is None or change.sequence < before:
            changes.append(change)
    return changes[::-1]


def _public_state(stored: Stored) -> dict[str, Any]:
    fields = logged_fields(stored)
    fields["content"] = _content(stored.codec, stored.data, fields["content"], stored.id)
    return fields


def _content(codec: Codec | None, data: bytes | None, stub: dict[str, Any], item_id: str) -> Any:
    """Return the content of a logged stub; a damaged one as a sentence that says so."""
    if codec is None or data is None:
        return None
    try:
        return decode(codec, data, stub["size"], bytes.fromhex(stub["hash"]), item_id=item_id)
    except CorruptItemError as error:
        return f"({error})"


def _explain(entry: Logged, state: dict[str, Any], names: Names) -> tuple[Change, dict[str, Any]]:
    """Return a change with both its sides, and the state before it, from the state after it."""
    before = dict(entry.before)
    after: dict[str, Any]
    earlier: dict[str, Any]
    if "content" in before:
        before["content"] = _content(entry.codec, entry.data, before["content"], entry.item_id)
    match entry.operation:
        case Operation.ASSOCIATE:
            after = {"associations": _present(entry.before["after"])}
            before = {"associations": _present(entry.before["associations"])}
            earlier = state
        case Operation.CREATE:
            after, earlier = state, {}
        case Operation.DELETE:
            after, earlier = {}, {name: before[name] for name in LOGGED_FIELDS}
        case _:
            after = {name: state.get(name) for name in before}
            if "last_accessed_at" in before:
                # Reads since then are not logged, so the state has no more to say.
                after["last_accessed_at"] = entry.at if entry.undoes is None else None
            earlier = {**state, **before}
    change = Change(
        sequence=entry.sequence,
        at=to_datetime(entry.at),
        actor=names.actors.names[entry.actor_key],
        operation=entry.operation,
        item_id=entry.item_id,
        version=entry.version,
        undoes=entry.undoes,
        before=_readable(before),
        after=_readable(after),
    )
    return change, earlier


def _present(links: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [link for link in links if link["strength"] is not None]


def _readable(fields: dict[str, Any]) -> dict[str, Any]:
    """Return fields with times as ISO 8601."""
    return {name: _readable_value(name, value) for name, value in fields.items()}


def _readable_value(name: str, value: Any) -> Any:
    return to_datetime(value).isoformat() if name.endswith("_at") and value else value


def list_changes(names: Names, after: int, limit: int) -> Procedure[list[ChangeNotice]]:
    """Return up to `limit` changes after a sequence, oldest first, without their values."""
    rows = yield Statement(
        "SELECT sequence, at, actor_key, operation, item_id, version FROM changes "
        "WHERE sequence > ? ORDER BY sequence LIMIT ?",
        (after, limit),
    )
    yield from load_names(names.actors, {row[2] for row in rows})
    return [
        ChangeNotice(
            sequence=sequence,
            at=to_datetime(at),
            actor=names.actors.names[actor],
            operation=Operation(operation),
            item_id=item_id,
            version=version,
        )
        for sequence, at, actor, operation, item_id, version in rows
    ]


def newest_sequence() -> Procedure[int]:
    """Return the number of the newest change, 0 before the first."""
    ((sequence,),) = yield Statement("SELECT coalesce(max(sequence), 0) FROM changes")
    return int(sequence)
