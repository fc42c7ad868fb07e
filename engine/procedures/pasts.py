"""What items and links were at a sequence, told from the changes that came after it.

The log keeps before-images, so the first change after a sequence that mentions a field has its
value at that sequence; what no later change mentions is as it is now. An item that a later change
created was absent, and one that a later change deleted is in that change as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeAlias

import orjson

from engine.errors import CorruptItemError, CorruptStoreError
from engine.models import CODECS, Codec, Operation
from engine.procedures.base import Procedure, Row, Statement
from engine.procedures.contents import COLUMNS, unpacked
from engine.procedures.items import Stored, load_stored
from engine.procedures.names import Names, json_values
from engine.procedures.revisions import UPDATED_AT_SET, columns_of
from engine.serialization import preview_of, unpack
from engine.text import searchable_text

PAGE: Final = 500
"""Items that are looked at at a time, ..."""
PAGE_CHANGES: Final = 5_000
"""... unless they have more changes than this ..."""
PAGE_BYTES: Final = 16 * 1024 * 1024
"""... or more bytes of contents, of which a single item may have more."""

_TOUCHED: Final = (
    "SELECT item_id, count(*) FROM changes INDEXED BY changes_item "
    "WHERE item_id > ? AND sequence > ? AND sequence <= ? GROUP BY item_id ORDER BY item_id LIMIT ?"
)
# A move that nobody asked for leaves the version alone.
_SINCE: Final = (
    "SELECT item_id, operation, version - NOT EXISTS (SELECT 1 FROM transitions t "
    "WHERE t.sequence = changes.sequence AND t.reason IN ('full', 'idle', 'recalled', "
    "'important')), before, content_key FROM changes "
    "WHERE item_id IN (SELECT value FROM json_each(?)) AND sequence > ? "
    f"AND operation <> {Operation.ASSOCIATE.value} ORDER BY item_id, sequence"
)
# A move that leaves the version alone is no change of the item: the one before it made it.
_MADE: Final = (
    f"SELECT e.value, c.version, coalesce(c.before ->> '$.{UPDATED_AT_SET}', c.at) "
    "FROM json_each(?1) e CROSS JOIN changes c ON c.sequence = (SELECT x.sequence FROM changes x "
    "WHERE x.item_id = e.value AND x.sequence <= ?2 AND x.operation <> 5 AND (x.operation = 1 "
    "OR x.version IS NOT (SELECT p.version FROM changes p WHERE p.item_id = x.item_id "
    "AND p.sequence < x.sequence AND p.operation <> 5 ORDER BY p.sequence DESC LIMIT 1)) "
    "ORDER BY x.sequence DESC LIMIT 1)"
)

Wanted: TypeAlias = Callable[[Collection[str]], Collection[str]]
"""Returns those of some ids that are to be looked at."""


def everything(ids: Collection[str]) -> Collection[str]:
    """Return all of them."""
    return ids


class Touched(NamedTuple):
    """Items that changed in a stretch of the log, in order of id, and how often each did."""

    changes: dict[str, int]
    last: str
    """The last id looked at: the next page begins after it."""


class Pair(NamedTuple):
    """An item as it is and as it was; None where it is, or was, not there."""

    now: Stored | None
    then: Stored | None


@dataclass(slots=True)
class _Mentions:
    """What the changes of an item after a sequence say first."""

    absent: bool = False
    whole: bool = False
    fields: dict[str, Any] = field(default_factory=dict)
    content_key: int | None = None
    last_version: int = 0
    """The version that a deletion ended."""
    version: int = 1
    """The item's version before the first of them."""

    @property
    def needs_content(self) -> bool:
        """Whether the words of the item, now or then, are needed to go back."""
        return self.absent or self.whole or self.content_key is not None or "agent" in self.fields


def touched_items(after: int, through: int, beyond: str) -> Procedure[Touched | None]:
    """Return the next items, after the id `beyond`, that changed in a stretch of the log.

    None after the last.
    """
    rows = yield Statement(_TOUCHED, (beyond, after, through, PAGE))
    if not rows:
        return None
    taken: dict[str, int] = {}
    total = 0
    for item_id, count in rows:
        if taken and total + count > PAGE_CHANGES:
            break
        taken[item_id] = count
        total += count
    return Touched(taken, next(reversed(taken)))


def load_pairs(
    names: Names, ids: Collection[str], sequence: int, *, content: bool, whole: bool = False
) -> Procedure[list[Pair]]:
    """Return what items are and what they were at a sequence, those that are or were there.

    Without `content` the states have no content but its size and hash. With it, they have that
    where one or the other is another, and where the words of the item change; with `whole`, always.

    Raises:
        CorruptStoreError: the log contradicts the items.
    """
    mentions = yield from _load_mentions(ids, sequence)
    needy = [i for i in ids if whole or (i in mentions and mentions[i].needs_content)]
    rows = yield from _load_live(names, ids, needy if content else [])
    live = {stored.id: stored for stored in rows}
    made_rows = yield Statement(_MADE, (json_values(ids), sequence))
    made = {item_id: (version, at) for item_id, version, at in made_rows}
    keys = {m.content_key for m in mentions.values() if m.content_key is not None}
    contents = (yield from _load_contents(names, keys)) if content else None
    pairs = []
    for item_id in ids:
        now = live.get(item_id)
        then = now
        if item_id in mentions:
            then = _then(item_id, now, mentions[item_id], made.get(item_id), contents)
        if now is not None or then is not None:
            pairs.append(Pair(now, then))
    return pairs


def _load_mentions(ids: Collection[str], sequence: int) -> Procedure[dict[str, _Mentions]]:
    rows = yield Statement(_SINCE, (json_values(ids), sequence))
    found: dict[str, _Mentions] = {}
    for item_id, operation, version, before, content_key in rows:
        known = found.get(item_id)
        if known is None:
            known = found[item_id] = _Mentions(version=version)
            if operation == Operation.CREATE.value:
                known.absent = True
        if known.absent or known.whole:
            continue
        logged = orjson.loads(before) if before else {}
        logged.pop(UPDATED_AT_SET, None)
        logged.pop("associations", None)
        if "content" in logged and "content" not in known.fields:
            known.content_key = content_key
        known.fields = {**logged, **known.fields}
        known.whole = operation == Operation.DELETE.value
        known.last_version = version
    return found


def _load_live(names: Names, ids: Iterable[str], needy: Sequence[str]) -> Procedure[list[Stored]]:
    """Return items as they are, with the contents of those that need them."""
    rows = (yield from load_stored(names, ids=needy, content=True)) if needy else []
    rest = set(ids).difference(needy)
    if rest:
        keys = yield Statement(
            "SELECT item_key FROM items WHERE id IN (SELECT value FROM json_each(?))",
            (json_values(rest),),
        )
        rows += yield from load_stored(names, keys=[key for (key,) in keys], content=False)
    return rows


class _Content(NamedTuple):
    codec: Codec
    data: bytes


def _load_contents(names: Names, keys: Iterable[int]) -> Procedure[dict[int, _Content]]:
    rows: list[Row] = yield Statement(
        f"SELECT c.content_key, {COLUMNS} FROM contents c "
        "WHERE c.content_key IN (SELECT value FROM json_each(?))",
        (json_values(keys),),
    )
    rows = yield from unpacked(names.trained, rows, 1)
    return {key: _Content(CODECS[codec], data) for key, codec, _, _, _, data in rows}


def _then(
    item_id: str,
    now: Stored | None,
    mentions: _Mentions,
    made: tuple[int, int] | None,
    contents: dict[int, _Content] | None,
) -> Stored | None:
    """Return what an item was, from what it is and what the changes since say."""
    if mentions.absent:
        return None
    columns = columns_of(mentions.fields)
    if "content" in mentions.fields:
        stub = mentions.fields["content"]
        columns |= _content_columns(item_id, stub, mentions.content_key, contents)
    if made is not None:
        columns["version"], columns["updated_at"] = made
    else:
        # What made the item so was forgotten, and with it when, unless it was the last to do so.
        columns["version"] = max(1, mentions.version)
        latest = now.version if now is not None and not mentions.whole else mentions.last_version
        if columns["version"] != latest:
            known = now.created_at if now is not None else 0
            columns["updated_at"] = columns.get("created_at", known)
    if not mentions.whole:
        if now is None:
            raise _contradiction(item_id)
        return now._replace(**columns)
    columns = {"last_accessed_at": None, "access_count": 0, **columns}
    try:
        return Stored(key=0 if now is None else now.key, id=item_id, **columns)
    except TypeError as error:
        raise _contradiction(item_id) from error


def _contradiction(item_id: str) -> CorruptStoreError:
    return CorruptStoreError(
        f"the change log does not tell what {item_id!r:.80} was",
        hint="restore from a backup: memory-inspector backup list",
    )


def _content_columns(
    item_id: str, stub: dict[str, Any], key: int | None, contents: dict[int, _Content] | None
) -> dict[str, Any]:
    """Return the content columns of a logged content; one that is damaged stays as it is."""
    size, digest = stub["size"], bytes.fromhex(stub["hash"])
    columns = {"content_key": key, "size_bytes": size, "digest": digest, "preview": None}
    if contents is None:
        return {**columns, "codec": Codec.BYTES, "data": None}
    found = contents.get(key or 0, _Content(Codec.BYTES, b""))
    columns |= {"codec": found.codec, "data": found.data}
    try:
        raw = unpack(found.codec, found.data, size, digest, item_id=item_id)
    except CorruptItemError:
        # Reading the item will say so. It has no words by which it could be found.
        return {**columns, "text": searchable_text(item_id, None)}
    if found.codec.compressed and found.codec < Codec.JSON_DICTIONARY:
        columns["preview"] = preview_of(found.codec.base, raw)
    return columns


_BYTES: Final = (
    "SELECT (SELECT coalesce(sum(size_bytes), 0) FROM items WHERE id IN "
    "(SELECT value FROM json_each(?1))) + (SELECT coalesce(sum(c.size_bytes), 0) FROM changes x "
    "JOIN contents c ON c.content_key = x.content_key "
    "WHERE x.item_id IN (SELECT value FROM json_each(?1)) AND x.sequence > ?2)"
)


def split_by_size(ids: Sequence[str], sequence: int) -> Procedure[list[list[str]]]:
    """Split items into lists of which the contents, now and since, may be in memory at a time."""
    ((total,),) = yield Statement(_BYTES, (json_values(ids), sequence))
    if total <= PAGE_BYTES or len(ids) <= 1:
        return [list(ids)]
    middle = len(ids) // 2
    left = yield from split_by_size(ids[:middle], sequence)
    right = yield from split_by_size(ids[middle:], sequence)
    return left + right
