"""Items as CSV for people with a spreadsheet. One way only: spreadsheets change what they read."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Iterable
from typing import Any, Final

import orjson

from engine.models import Item
from engine.serialization import PickledContent
from engine.transfer.records import format_time

COLUMNS: Final = (
    "id", "agent", "kind", "tier", "importance", "tags", "created_at", "updated_at",
    "last_accessed_at", "access_count", "version", "session_id", "size_bytes", "codec",
    "metadata", "content",
)  # fmt: skip

_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def header() -> bytes:
    """Return the first row, after the mark by which spreadsheets recognise UTF-8."""
    return b"\xef\xbb\xbf" + _rows([COLUMNS])


def item_rows(items: Iterable[Item]) -> bytes:
    """Return one row for each item."""
    return _rows([_cells(item) for item in items])


def guarded(text: str) -> str:
    """Return `text` such that no spreadsheet takes it for a formula and runs it."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _cells(item: Item) -> tuple[str, ...]:
    values: tuple[Any, ...] = (
        item.id,
        item.agent,
        item.kind,
        item.tier.label,
        item.importance,
        " ".join(sorted(item.tags)),
        format_time(item.created_at),
        format_time(item.updated_at),
        format_time(item.last_accessed_at),
        item.access_count,
        item.version,
        item.session_id,
        item.size_bytes,
        item.codec.label,
        orjson.dumps(dict(item.metadata)).decode() if item.metadata else "",
        _content(item.content),
    )
    return tuple(guarded("" if value is None else str(value)) for value in values)


def _content(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, PickledContent):
        return f"(pickled Python object, {len(content.data):,} bytes)"
    if isinstance(content, bytes):
        return base64.b64encode(content).decode()
    return orjson.dumps(content).decode()


def _rows(rows: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, dialect="excel").writerows(rows)
    return text.getvalue().encode()
