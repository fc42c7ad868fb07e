"""Packing contents that are stored already, without anybody noticing but the file.

What an item says stays the same to the byte, so none of this is in the change log. A content that
one item alone refers to moves to a new row at the end of the table: the page it leaves is freed
when all of its neighbours have left too. One that others refer to is replaced where it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from engine.compression import zstd
from engine.models import Codec
from engine.packing import LEVEL, LEVEL_HARD, Trained, pack_delta
from engine.procedures.base import Many, Procedure, Row, Statement
from engine.procedures.contents import COLUMNS, Packed, unpack, unpacked
from engine.procedures.names import Names, json_values
from engine.procedures.tables import allocate_keys

DELTA_KEEP: Final = 0.7
"""A difference is kept when it is at most this part of what the dictionary makes of it."""
HARD_AFTER: Final = 90 * 86_400_000_000
"""What is older than this when it is packed will hardly be read again: it is packed harder."""
SAMPLES: Final = 4_000
SAMPLE_BYTES_MAX: Final = 16_384
TRAIN_AGAIN_AT: Final = 4
"""A dictionary is trained anew when the store has so many times the contents it was made from."""


class Holder(NamedTuple):
    """An item and its content, unpacked."""

    item_key: int
    content_key: int
    uses: int
    codec: int
    raw: bytes
    stored_bytes: int
    created_at: int


class Form(NamedTuple):
    """A content packed in another way than it is stored."""

    holder: Holder
    codec: int
    dictionary_key: int | None
    base_key: int | None
    data: bytes


def load_holders(names: Names, ids: Iterable[str]) -> Procedure[list[Holder]]:
    """Return the items with these ids with their contents; damaged ones are left out."""
    rows = yield Statement(
        "SELECT i.item_key, i.content_key, c.uses, i.created_at, c.codec, length(c.data), "
        f"{COLUMNS} FROM json_each(?) e CROSS JOIN items i ON i.id = e.value "
        "JOIN contents c ON c.content_key = i.content_key",
        (json_values(ids),),
    )
    rows = yield from unpacked(names.trained, rows, 6)
    holders = []
    for item_key, content_key, uses, created, codec, stored_bytes, *columns in rows:
        packed = Packed(*columns)
        raw = packed.data
        if Codec.JSON_COMPRESSED <= codec < Codec.JSON_DICTIONARY:
            raw = unpack(packed, names.trained, {})
        if len(raw) == packed.size_bytes:
            holders.append(Holder(item_key, content_key, uses, codec, raw, stored_bytes, created))
    return holders


def pack_items(
    names: Names, ids: Sequence[str], *, bases: Mapping[str, str] | None = None, now: int
) -> Procedure[None]:
    """Pack the contents of these items as small as they get; older ones harder.

    `bases` names, for some of them, an item much like it, from which the difference is kept.
    """
    forms = yield from packed_forms(names, ids, bases=bases, now=now)
    yield from _replace(forms)
    trained = [form for form in forms if form.dictionary_key is not None]
    saved = sum(len(form.holder.raw) for form in trained)
    if saved:
        yield Statement(
            "INSERT INTO meta VALUES ('packed_share', ?) "
            "ON CONFLICT DO UPDATE SET value = excluded.value",
            (sum(len(form.data) for form in trained) / saved,),
        )


def packed_forms(
    names: Names, ids: Sequence[str], *, bases: Mapping[str, str] | None = None, now: int
) -> Procedure[list[Form]]:
    """Return the contents of those of these items that get smaller, as `pack_items` would store."""
    old = now - HARD_AFTER
    trained_key = yield from newest_dictionary(names)
    trained = names.trained.known.get(trained_key or 0)
    holders = yield from load_holders(names, ids)
    found = yield from _load_bases(names, bases or {})
    forms: list[Form] = []
    for holder in holders:
        try:
            level = LEVEL_HARD if holder.created_at < old else LEVEL
            best = _packed(holder, trained, trained_key, found.get(holder.item_key), level)
        except ValueError:
            # Larger than packing takes: it stays as it is.
            continue
        if best is not None and len(best[3]) < holder.stored_bytes:
            forms.append(Form(holder, *best))
    return forms


def _load_bases(names: Names, bases: Mapping[str, str]) -> Procedure[dict[int, Holder]]:
    """Return the base of each item by its row key, where that is fit to be one."""
    if not bases:
        return {}
    rows = yield Statement(
        "SELECT id, item_key FROM items WHERE id IN (SELECT value FROM json_each(?))",
        (json_values({*bases, *bases.values()}),),
    )
    keys: dict[str, int] = dict(rows)
    holders = yield from load_holders(names, sorted(set(bases.values())))
    by_key = {holder.item_key: holder for holder in holders}
    return {
        keys[member]: by_key[keys[base]]
        for member, base in bases.items()
        if member in keys and base in keys and keys[base] in by_key
    }


def _packed(
    holder: Holder,
    trained: Trained | None,
    trained_key: int | None,
    base: Holder | None,
    level: int,
) -> tuple[int, int | None, int | None, bytes] | None:
    """Return codec, dictionary, base and bytes of the smallest form; None if it is in one."""
    if holder.codec >= Codec.JSON_DELTA or not holder.raw:
        return None
    best: tuple[int, int | None, int | None, bytes] | None = None
    if trained is not None and holder.codec < Codec.JSON_DICTIONARY:
        data = trained.pack(holder.raw, level)
        best = (holder.codec & 15 | Codec.JSON_DICTIONARY, trained_key, None, data)
    elif holder.codec < Codec.JSON_COMPRESSED:
        # Too small a store for a dictionary, or too young.
        best = (holder.codec | Codec.JSON_COMPRESSED, None, None, zstd.compress(holder.raw, level))
    # What others refer to may be the base of a difference, and is never one itself.
    if (
        base is not None
        and holder.uses == 1
        and base.codec < Codec.JSON_DELTA
        and base.content_key != holder.content_key
    ):
        delta = pack_delta(holder.raw, base.raw, level)
        rival = len(best[3]) if best else holder.stored_bytes
        if len(delta) < DELTA_KEEP * rival:
            best = (holder.codec & 15 | Codec.JSON_DELTA, None, base.content_key, delta)
    return best


def _replace(forms: list[Form]) -> Procedure[None]:
    alone = [form for form in forms if form.holder.uses == 1]
    shared = [form for form in forms if form.holder.uses > 1]
    bases = [(form.base_key,) for form in forms if form.base_key is not None]
    if bases:
        yield Many("UPDATE contents SET uses = uses + 1 WHERE content_key = ?", bases)
    if shared:
        yield Many(
            "UPDATE contents SET codec = ?, dictionary_key = ?, base_key = ?, data = ? "
            "WHERE content_key = ?",
            [(codec, dictionary, base, data, holder.content_key)
             for holder, codec, dictionary, base, data in shared],
        )  # fmt: skip
    if not alone:
        return
    first = yield from allocate_keys(len(alone))
    yield Many(
        "INSERT INTO contents VALUES (?, ?, ?, 1, ?, ?, ?)",
        [(first + number, codec, len(holder.raw), dictionary, base, data)
         for number, (holder, codec, dictionary, base, data) in enumerate(alone)],
    )  # fmt: skip
    yield Many(
        "UPDATE items SET content_key = ?, preview = NULL WHERE item_key = ?",
        [(first + number, form.holder.item_key) for number, form in enumerate(alone)],
    )
    yield Statement(
        "DELETE FROM contents WHERE content_key IN (SELECT value FROM json_each(?))",
        (json_values([form.holder.content_key for form in alone]),),
    )


def share_contents(names: Names, pairs: Sequence[tuple[str, str]]) -> Procedure[None]:
    """Have each first item of a pair hold the content row of the second, which is equal."""
    for item_id, kept_id in pairs:
        rows = yield Statement(
            "SELECT i.item_key, i.content_key, k.content_key, k.preview FROM items i "
            "JOIN items k ON k.id = ? AND k.hash = i.hash WHERE i.id = ?",
            (kept_id, item_id),
        )
        if not rows:
            continue
        ((item_key, old, new, preview),) = rows
        if old == new:
            continue
        yield Statement("UPDATE contents SET uses = uses + 1 WHERE content_key = ?", (new,))
        yield Statement(
            "UPDATE items SET content_key = ?, preview = ? WHERE item_key = ?",
            (new, preview, item_key),
        )
        yield from release_contents([old])


def release_contents(keys: Iterable[int]) -> Procedure[None]:
    """Take one use off each of these contents; those that nobody uses any more are gone."""
    for key in keys:
        rows: list[Row] = yield Statement(
            "UPDATE contents SET uses = uses - 1 WHERE content_key = ? RETURNING uses, base_key",
            (key,),
        )
        if rows and rows[0][0] == 0:
            yield Statement("DELETE FROM contents WHERE content_key = ?", (key,))
            if rows[0][1] is not None:
                yield from release_contents([rows[0][1]])


def newest_dictionary(names: Names) -> Procedure[int | None]:
    """Return the key of the dictionary that contents are packed with, loaded; None without one."""
    rows = yield Statement("SELECT max(dictionary_key) FROM dictionaries")
    key: int | None = rows[0][0]
    if key is not None:
        yield from names.trained.load([key])
    return key


def sample_contents(names: Names) -> Procedure[tuple[int, list[bytes]] | None]:
    """Return the number of contents and a sample; None while a new dictionary is of no use."""
    ((total,),) = yield Statement("SELECT count(*) FROM contents")
    rows = yield Statement("SELECT contents FROM dictionaries ORDER BY dictionary_key DESC LIMIT 1")
    if rows and total < TRAIN_AGAIN_AT * rows[0][0]:
        return None
    step = max(1, total // SAMPLES)
    rows = yield Statement(
        f"SELECT {COLUMNS} FROM "
        "(SELECT content_key, row_number() OVER () AS number FROM contents) n "
        "CROSS JOIN contents c ON c.content_key = n.content_key "
        "WHERE number % ? = 0 AND c.codec < 32 AND c.size_bytes <= ? LIMIT ?",
        (step, SAMPLE_BYTES_MAX, SAMPLES),
    )
    packed = [Packed(*row) for row in rows]
    return total, [raw for p in packed if (raw := unpack(p, names.trained, {}))]


def add_dictionary(data: bytes, contents: int, now: int) -> Procedure[None]:
    """Keep a dictionary; those before it stay for what was packed with them."""
    yield Statement(
        "INSERT INTO dictionaries(created_at, contents, data) VALUES (?, ?, ?)",
        (now, contents, data),
    )
