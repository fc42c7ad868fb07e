"""Records in batches of limited size: neither memory nor a transaction grows with the file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

from engine.transfer.records import Record

BATCH_RECORDS: Final = 1_000
BATCH_BYTES: Final = 8 * 1024 * 1024

Numbered: TypeAlias = tuple[int, Record]
"""A record and the number of the line it came from."""


def read_batch(records: Iterator[tuple[int, int, Record]]) -> list[Numbered]:
    """Take the next records, of (line number, size, record); none when there are no more."""
    batch: list[Numbered] = []
    size = 0
    for number, line_bytes, record in records:
        batch.append((number, record))
        size += line_bytes
        if len(batch) >= BATCH_RECORDS or size >= BATCH_BYTES:
            break
    return batch
