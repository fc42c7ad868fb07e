"""Checks of contents against their hashes, and of full text against contents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import orjson

from engine.compression import decompress_bounded
from engine.doctor.report import CheckState, Finding, fine, some
from engine.models import Codec
from engine.procedures.base import Procedure, Row, Rows, Statement
from engine.procedures.contents import COLUMNS, unpacked
from engine.procedures.trained import TrainedDictionaries
from engine.serialization import content_digest
from engine.text import match_expression, searchable_text

OnRows = Callable[[int, int], None]
"""Told how many rows of how many are done."""

CHUNK_ROWS: Final = 200
SAMPLE_CHUNKS: Final = 20
"""A quick look takes so many chunks, evenly spread."""
SIZE_BYTES_MAX: Final = 1 << 30
"""SQLite holds nothing larger; a size beyond it is damage, and not to be unpacked."""


class Source(NamedTuple):
    """Where contents are referred to: how its rows are listed, and where a row has the hash."""

    what: str
    rows: str
    span: str
    digest: Callable[[Any], Any]


def _logged_digest(before: Any) -> bytes | None:
    """Return the hash of the content that a change ended, None if the change does not say."""
    try:
        return bytes.fromhex(orjson.loads(before)["content"]["hash"])
    except (ValueError, KeyError, TypeError):
        return None


ITEMS: Final = Source(
    "",
    f"SELECT i.item_key, i.id, i.hash, {COLUMNS} FROM items i "
    "LEFT JOIN contents c ON c.content_key = i.content_key "
    "WHERE i.item_key > ? ORDER BY i.item_key LIMIT ?",
    "SELECT count(*), coalesce(min(item_key), 1), coalesce(max(item_key), 0) FROM items",
    lambda digest: digest,
)
EARLIER: Final = Source(
    "earlier content of ",
    f"SELECT x.sequence, x.item_id, x.before, {COLUMNS} FROM changes x "
    "LEFT JOIN contents c ON c.content_key = x.content_key "
    "WHERE x.sequence > ? AND x.content_key IS NOT NULL ORDER BY x.sequence LIMIT ?",
    "SELECT count(*), coalesce(min(sequence), 1), coalesce(max(sequence), 0) FROM changes "
    "WHERE content_key IS NOT NULL",
    _logged_digest,
)
_AT: Final = 3
"""The column at which those of the content begin."""


def check_hashes(*, quick: bool, progress: OnRows) -> Procedure[Finding]:
    """Unpack contents and compare them with their hashes: all, or (`quick`) a sample."""
    bad_ids: list[str] = []
    checked = 0
    for source in (ITEMS, EARLIER):
        looked_at, bad = yield from unproven(source, quick=quick, progress=progress)
        checked += looked_at
        bad_ids.extend(f"{source.what}{item_id}" for _, item_id in bad)
    if bad_ids:
        return Finding(
            CheckState.DAMAGED,
            f"{len(bad_ids):,} of {checked:,} contents are not what was stored: "
            f"{some(bad_ids, len(bad_ids))}",
            "restore them from a backup, or save the rest with doctor --salvage",
        )
    which = "a sample of " if quick else ""
    return fine(f"{which}{checked:,} contents match their hashes")


def unproven(
    source: Source, *, quick: bool = False, progress: OnRows
) -> Procedure[tuple[int, list[tuple[int, Any]]]]:
    """Return how many contents were looked at, and (key, item id) of those not as hashed."""
    ((total, first, last),) = yield Statement(source.span)
    sampled = quick and total > CHUNK_ROWS * SAMPLE_CHUNKS
    step = (last - first + 1) // SAMPLE_CHUNKS
    trained = TrainedDictionaries()
    bad: list[tuple[int, Any]] = []
    done, after = 0, first - 1
    while rows := (yield Statement(source.rows, (after, CHUNK_ROWS))):
        rows = [(*row[:2], source.digest(row[2]), *row[_AT:]) for row in rows]
        raws = yield from proven(trained, rows, _AT)
        bad.extend((row[0], row[1]) for row, raw in zip(rows, raws, strict=True) if raw is None)
        done += len(rows)
        after = max(rows[-1][0], after + step) if sampled else rows[-1][0]
        progress(done, CHUNK_ROWS * SAMPLE_CHUNKS if sampled else total)
    return done, bad


def proven(
    trained: TrainedDictionaries, rows: Rows, at: int
) -> Procedure[list[tuple[int, bytes] | None]]:
    """Return (base codec, raw bytes) of the content of each row; None where it is not as hashed.

    Column `at - 1` is the hash, `COLUMNS` begin at `at` and end the row. Whatever the rows hold,
    numbers for texts included, is taken for data.
    """
    usable = [row for row in rows if _is_usable(row, at)]
    try:
        plain = yield from unpacked(trained, usable, at)
    except (TypeError, ValueError, KeyError):
        # A base that is no content. One by one, so that only those it concerns are lost.
        plain = []
        for row in usable:
            try:
                plain += yield from unpacked(trained, [row], at)
            except (TypeError, ValueError, KeyError):
                plain.append((*row[: at + 4], b""))
    by_row = {id(row): _raw(done, at) for row, done in zip(usable, plain, strict=True)}
    return [by_row.get(id(row)) for row in rows]


def _is_usable(row: Row, at: int) -> bool:
    codec, size, dictionary_key, base_key, data = row[at:]
    return (
        isinstance(codec, int)
        and codec >> 4 in range(4)
        and codec & 15 in range(4)
        and isinstance(size, int)
        and 0 <= size <= SIZE_BYTES_MAX
        and isinstance(data, bytes)
        and (dictionary_key is None or isinstance(dictionary_key, int))
        and (base_key is None or isinstance(base_key, int))
    )


def _raw(row: Row, at: int) -> tuple[int, bytes] | None:
    codec, size, _, _, data = row[at:]
    if Codec.JSON_COMPRESSED <= codec < Codec.JSON_DICTIONARY:
        try:
            data = decompress_bounded(data, size)
        except (ValueError, MemoryError):
            return None
    base = codec & 15
    return (base, data) if content_digest(base, data) == row[at - 1] else None


def value_of(base: int, raw: bytes) -> Any:
    """Return proven bytes as a value for full text: None for what has no words.

    Raises:
        ValueError: they are not what their codec says.
    """
    if base == Codec.TEXT:
        return raw.decode()
    return orjson.loads(raw) if base == Codec.JSON else None


_REBUILD_HINT: Final = "make it anew with doctor --fix full-text"


def check_words(*, quick: bool) -> Procedure[Finding]:
    """Look a sample of items up by their own words, and compare the number of items per agent."""
    faults = yield Statement("PRAGMA integrity_check('items_text')")
    if faults != [("ok",)]:
        return Finding(CheckState.DAMAGED, f"its index is damaged: {faults[0][0]}", _REBUILD_HINT)
    rows = yield Statement("SELECT value FROM meta WHERE name = 'text_stale'")
    stale = bool(rows)
    rows = yield from _sample(3 if quick else 10)
    raws = yield from proven(TrainedDictionaries(), rows, _AT)
    missing = []
    asked = 0
    for row, raw in zip(rows, raws, strict=True):
        words = _expression(row[1], raw)
        if words is None:
            continue
        asked += 1
        hits = yield Statement(
            "SELECT 1 FROM items_text WHERE items_text MATCH ? AND rowid = ?", (words, row[0])
        )
        if not hits:
            missing.append(str(row[1]))
    if missing:
        return Finding(
            CheckState.DAMAGED,
            f"{len(missing)} of {asked} items are not found by their words: "
            f"{some(missing, len(missing))}",
            _REBUILD_HINT,
        )
    wrong = yield from _wrong_agents()
    if wrong:
        return Finding(
            CheckState.DAMAGED,
            f"it has other items than the store for {wrong:,} agents",
            _REBUILD_HINT,
        )
    if stale:
        return Finding(
            CheckState.WARNING,
            "words of a damaged item that was replaced are still found",
            _REBUILD_HINT,
        )
    return fine(f"{asked} items were found by their words")


def _sample(chunks: int) -> Procedure[Rows]:
    ((first, last),) = yield Statement(
        "SELECT coalesce(min(item_key), 1), coalesce(max(item_key), 0) FROM items"
    )
    rows: Rows = []
    for start in range(first - 1, last, max(1, (last - first + 1) // chunks)):
        rows += yield Statement(ITEMS.rows, (start, 10))
    return list({row[0]: row for row in rows}.values())


def _expression(item_id: Any, raw: tuple[int, bytes] | None) -> str | None:
    """Return what an item must be found by: the first words of its text."""
    if raw is None or not isinstance(item_id, str):
        return None
    try:
        text = searchable_text(item_id, value_of(*raw))
    except ValueError:
        return None
    phrases = [match_expression(word) for word in text.split()[:4]]
    known = [phrase for phrase in phrases if phrase is not None]
    return " AND ".join(known) if known else None


def _wrong_agents() -> Procedure[int]:
    """Return for how many agents full text has more or fewer items than there are."""
    # In the temporary database: the store itself is not written to.
    yield Statement(
        "CREATE VIRTUAL TABLE temp.doctor_words USING fts5vocab('main', 'items_text', 'col')"
    )
    agents = yield Statement(
        "SELECT a.agent_key, (SELECT count(*) FROM items i WHERE i.agent_key = a.agent_key) "
        "FROM agents a"
    )
    wrong = 0
    for agent, items in agents:
        rows = yield Statement(
            "SELECT doc FROM temp.doctor_words WHERE term = ? AND col = 'scope'", (f"a{agent}",)
        )
        wrong += items != (rows[0][0] if rows else 0)
    yield Statement("DROP TABLE temp.doctor_words")
    return wrong
