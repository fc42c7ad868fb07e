"""Reading items: rows to frozen values."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext, suppress
from typing import Any, Final, NamedTuple, Protocol

import orjson

from engine.clock import to_datetime
from engine.compression import decompress_bounded
from engine.errors import CorruptItemError
from engine.models import CODECS, TIER_OF, Codec, Item, Preview
from engine.procedures.base import Procedure, Row, Rows, Statement
from engine.procedures.contents import COLUMNS, unpacked
from engine.procedures.names import Names, json_values, load_names
from engine.serialization import PREVIEW_CHARS, decode, preview_of

INLINE_BYTES_MAX: Final = 65_536
"""Content up to this size is read on the event loop's own thread; larger goes elsewhere."""


class Accesses(Protocol):
    """Accesses that are not written yet."""

    def get(self, key: int, /) -> tuple[int, int, tuple[int, ...]] | None:
        """Return count, last time and earlier times by row key, None if there are none."""
        ...


NO_ACCESSES: Final[Accesses] = {}


class Stored(NamedTuple):
    """An item as its row is: names in clear, times in microseconds, content still packed.

    A tuple, since one is made for every item read and a frozen dataclass costs five times more.

    `data` is None when the content was not read because nothing needs it.
    """

    key: int
    id: str
    agent: str
    kind: str
    tier: int
    importance: float
    created_at: int
    updated_at: int
    version: int
    session: str | None
    size_bytes: int
    codec: Codec
    digest: bytes
    metadata: str | None
    preview: str | None
    tags: frozenset[str]
    last_accessed_at: int | None
    access_count: int
    content_key: int | None
    """Where the content is; None while it is not stored yet."""
    data: bytes | None
    text: str | None = None
    """The words for full text, where they are known already."""


_TAGS = "(SELECT group_concat(t.tag_key) FROM item_tags t WHERE t.item_key = i.item_key)"
_COLUMNS = (
    "SELECT i.item_key, i.id, i.agent_key, i.kind_key, i.tier, i.importance, i.created_at, "
    "i.updated_at, i.version, i.session_key, i.hash, i.metadata, "
    f"i.preview, {_TAGS}, a.last_accessed_at, a.access_count, i.content_key, length(c.data), "
    "c.codec, c.size_bytes, c.dictionary_key, c.base_key, "
)
_FROM = (
    " FROM items i JOIN contents c ON c.content_key = i.content_key "
    "LEFT JOIN access a ON a.item_key = i.item_key "
)
_KEYS = "i.item_key IN (SELECT value FROM json_each(?))"

BY_ID: Final = f"{_COLUMNS} c.data {_FROM} WHERE i.id = ?"
BY_ID_IF_SMALL: Final = (
    f"{_COLUMNS} CASE WHEN i.size_bytes <= {INLINE_BYTES_MAX} THEN c.data END "
    f"{_FROM} WHERE i.id = ?"
)
BY_IDS: Final = f"{_COLUMNS} c.data {_FROM} WHERE i.id IN (SELECT value FROM json_each(?))"
BY_KEYS: Final = f"{_COLUMNS} c.data {_FROM} WHERE {_KEYS}"
BY_KEYS_WITHOUT_CONTENT: Final = f"{_COLUMNS} NULL {_FROM} WHERE {_KEYS}"
# Four bytes a character at most. What zstd alone packed has its preview beside it.
PREVIEWS_BY_KEYS: Final = (
    f"{_COLUMNS} CASE WHEN c.codec < 16 THEN substr(c.data, 1, {PREVIEW_CHARS * 4}) "
    f"WHEN i.preview IS NULL THEN c.data END {_FROM} WHERE {_KEYS}"
)

_KEY, _AGENT, _KIND, _SESSION, _TAG_KEYS, _CODEC, _CONTENT = 0, 2, 3, 9, 13, 18, 22


def _load_row_names(names: Names, rows: Rows) -> Procedure[None]:
    """Make sure that every name the rows refer to is known."""
    for dictionary, column in (
        (names.agents, _AGENT),
        (names.kinds, _KIND),
        (names.sessions, _SESSION),
    ):
        yield from load_names(dictionary, {row[column] for row in rows} - {None})
    tags = {int(key) for row in rows if row[_TAG_KEYS] for key in row[_TAG_KEYS].split(",")}
    yield from load_names(names.tags, tags)


def _tags_of(row: Row, names: Names) -> frozenset[str]:
    joined = row[_TAG_KEYS]
    if not joined:
        return frozenset()
    known = names.tags.names
    return frozenset([known[int(key)] for key in joined.split(",")])


def _stored(row: Row, names: Names) -> Stored:
    (key, item_id, agent, kind, tier, importance, created, updated, version, session, digest,
     metadata, preview, _, last, count, content_key, _, codec, size, _, _, data) = row  # fmt: skip
    return Stored(
        key,
        item_id,
        names.agents.names[agent],
        names.kinds.names[kind],
        tier,
        importance,
        created,
        updated,
        version,
        None if session is None else names.sessions.names[session],
        size,
        CODECS[codec],
        digest,
        metadata,
        preview,
        _tags_of(row, names),
        last,
        count or 0,
        content_key,
        data,
    )


def _item(row: Row, names: Names, accesses: Accesses) -> Item:
    """Return the item of a row, without the detour by `Stored`: most rows are only read."""
    (key, item_id, agent, kind, tier, importance, created, updated, version, session, digest,
     metadata, _, _, last, count, _, stored_bytes, codec, size, _, _, data) = row  # fmt: skip
    return _make_item(
        accesses.get(key),
        item_id,
        names.agents.names[agent],
        names.kinds.names[kind],
        tier,
        importance,
        created,
        updated,
        version,
        None if session is None else names.sessions.names[session],
        size,
        codec,
        digest,
        metadata,
        _tags_of(row, names),
        last,
        count or 0,
        stored_bytes,
        data,
    )


def _load_rows(names: Names, statement: Statement) -> Procedure[Rows]:
    """Return rows whose names are known and whose contents need nothing else to be unpacked."""
    rows = yield statement
    yield from _load_row_names(names, rows)
    return (yield from unpacked(names.trained, rows, _CODEC))


class Found(NamedTuple):
    """An item and the key of its row; `item` is None when its content is too large to read here."""

    key: int
    item: Item | None


def find_item(
    names: Names, accesses: Accesses, item_id: str, *, small: bool
) -> Procedure[Found | None]:
    """Return the item with this id; if `small`, without it when its content is large."""
    rows = yield Statement(BY_ID_IF_SMALL if small else BY_ID, (item_id,))
    if not rows:
        return None
    row = rows[0]
    if row[_CONTENT] is None:
        return Found(row[_KEY], None)
    if row[_CODEC] >= Codec.JSON_DICTIONARY:
        (row,) = yield from unpacked(names.trained, rows, _CODEC)
    try:
        item = _item(row, names, accesses)
    except KeyError:
        yield from _load_row_names(names, rows)
        item = _item(row, names, accesses)
    return Found(row[_KEY], item)


def load_items(
    names: Names, accesses: Accesses, keys: Iterable[int], *, skip_corrupt: bool = False
) -> Procedure[list[Item]]:
    """Return the items of these row keys, in the order of `keys`; absent ones are left out.

    Raises:
        CorruptItemError: one is damaged (unless `skip_corrupt`, which leaves it out).
    """
    keys = list(keys)
    rows = yield from _load_rows(names, Statement(BY_KEYS, (json_values(keys),)))
    by_key = {row[_KEY]: row for row in rows}
    items: list[Item] = []
    for key in keys:
        if key in by_key:
            with suppress(CorruptItemError) if skip_corrupt else nullcontext():
                items.append(_item(by_key[key], names, accesses))
    return items


def load_items_by_id(names: Names, accesses: Accesses, ids: list[str]) -> Procedure[list[Item]]:
    """Return the items with these ids, in the order of `ids`; absent ones are left out."""
    rows = yield from _load_rows(names, Statement(BY_IDS, (json_values(ids),)))
    by_id = {row[1]: row for row in rows}
    return [_item(by_id[item_id], names, accesses) for item_id in ids if item_id in by_id]


def load_stored(
    names: Names, *, ids: Iterable[str] | None = None, keys: Iterable[int] = (), content: bool
) -> Procedure[list[Stored]]:
    """Return the rows of these ids or keys, in no order; absent ones are left out."""
    if ids is not None:
        statement = Statement(BY_IDS, (json_values(ids),))
    else:
        sql = BY_KEYS if content else BY_KEYS_WITHOUT_CONTENT
        statement = Statement(sql, (json_values(keys),))
    rows = yield from _load_rows(names, statement)
    return [_stored(row, names) for row in rows]


def load_previews(
    names: Names, accesses: Accesses, keys: Iterable[int]
) -> Procedure[dict[int, Preview]]:
    """Return the items of these row keys as rows of a list, by key; absent ones are left out."""
    rows = yield from _load_rows(names, Statement(PREVIEWS_BY_KEYS, (json_values(keys),)))
    return {row[_KEY]: _preview(row, names, accesses) for row in rows}


def _preview(row: Row, names: Names, accesses: Accesses) -> Preview:
    (key, item_id, agent, kind, tier, importance, created, updated, version, _, _, _,
     preview, _, last, count, _, _, codec_number, size, _, _, head) = row  # fmt: skip
    codec = CODECS[codec_number]
    pending = accesses.get(key)
    if pending is not None:
        count, last = (count or 0) + pending[0], max(last or 0, pending[1])
    return Preview(
        key=key,
        id=item_id,
        agent=names.agents.names[agent],
        kind=names.kinds.names[kind],
        tier=TIER_OF[tier],
        importance=importance,
        tags=tuple(sorted(_tags_of(row, names))),
        created_at=to_datetime(created),
        updated_at=to_datetime(updated),
        last_accessed_at=None if last is None else to_datetime(last),
        access_count=count or 0,
        size_bytes=size,
        version=version,
        codec=codec,
        text=_head(codec, head or b"", size) if preview is None else preview,
    )


def _head(codec: Codec, data: bytes, size: int) -> str:
    """Return the beginning of a content of which `data` is the beginning, or all, packed."""
    if Codec.JSON_COMPRESSED <= codec < Codec.JSON_DICTIONARY:
        with suppress(ValueError):
            return preview_of(codec.base, decompress_bounded(data, size))
        return ""
    return preview_of(codec.base, data)


def item_of(stored: Stored, content: Any = None) -> Item:
    """Return the item of a state whose content is at hand, packed or as a value.

    Raises:
        CorruptItemError: the content is not what was stored.
    """
    (_, item_id, agent, kind, tier, importance, created, updated, version, session, size,
     codec, digest, metadata, _, tags, last, count, _, data, _) = stored  # fmt: skip
    if data is None:
        raise ValueError(f"the content of {item_id!r} was not read")
    return _make_item(None, item_id, agent, kind, tier, importance, created, updated, version,
                      session, size, codec, digest, metadata, tags, last, count, len(data),
                      data, content)  # fmt: skip


def _make_item(
    pending: tuple[int, int, tuple[int, ...]] | None,
    item_id: str,
    agent: str,
    kind: str,
    tier: int,
    importance: float,
    created: int,
    updated: int,
    version: int,
    session: str | None,
    size: int,
    codec: int,
    digest: bytes,
    metadata: str | None,
    tags: frozenset[str],
    last: int | None,
    count: int,
    stored_bytes: int,
    data: bytes,
    content: Any = None,
) -> Item:
    """Return an item; `pending` are its accesses that are not written yet."""
    if pending is not None:
        count, last = count + pending[0], max(last or 0, pending[1])
    if content is None:
        content = decode(codec, data, size, digest, item_id=item_id)
    return Item(
        id=item_id,
        content=content,
        agent=agent,
        kind=kind,
        tier=TIER_OF[tier],
        importance=importance,
        tags=tags,
        metadata=orjson.loads(metadata) if metadata else {},
        session_id=session,
        created_at=to_datetime(created),
        updated_at=to_datetime(updated),
        last_accessed_at=None if last is None else to_datetime(last),
        access_count=count,
        version=version,
        codec=CODECS[codec],
        size_bytes=size,
        stored_bytes=stored_bytes,
        content_hash=digest,
    )


def load_content(names: Names, item_id: str) -> Procedure[tuple[Codec, bytes, int, bytes] | None]:
    """Return codec, stored bytes, size and digest of one item's content, fit for `unpack`."""
    rows = yield Statement(
        f"SELECT i.hash, {COLUMNS} FROM items i JOIN contents c ON c.content_key = i.content_key "
        "WHERE i.id = ?",
        (item_id,),
    )
    if not rows:
        return None
    ((digest, codec, size, _, _, data),) = yield from unpacked(names.trained, rows, 1)
    return CODECS[codec], data, size, digest


def find_item_keys(ids: Iterable[str]) -> Procedure[dict[str, int]]:
    """Return the row keys of those of the ids that exist."""
    rows = yield Statement(
        "SELECT id, item_key FROM items WHERE id IN (SELECT value FROM json_each(?))",
        (json_values(ids),),
    )
    return dict(rows)
