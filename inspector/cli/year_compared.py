"""Whether a store that policies looked after still says what one without them says."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine import Item, MemoryStore

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """How many items read the same with and without lifecycle, and how many only one of them has.

    `summaries` are those that policies wrote, `deleted` those that they deleted. The bytes are
    those that the contents of the items in both take in each of the stores.
    """

    same: int
    bytes_with: int
    bytes_without: int
    deleted: int
    summaries: int


async def compare(
    with_: Path, without: Path, *, deleted: Collection[str], progress: Progress
) -> Compared:
    """Return how many items of the store without lifecycle the other one has, byte for byte.

    Raises:
        CorruptItemError: one reads otherwise, or is gone though it is not one of `deleted`.
    """
    from engine import CorruptItemError, open_store

    same = gone = bytes_with = bytes_without = 0
    # Not read-only: whoever only reads cannot put everything back into the one file at the end.
    async with (
        open_store(with_, create=False) as looked_after,
        open_store(without, create=False) as plain,
    ):
        total, left = await plain.count(), await looked_after.count()
        async with aclosing(plain.iterate(order_by="created_at")) as items:
            async for item in items:
                kept = await looked_after.peek(item.id)
                if kept is None:
                    if item.id not in deleted:
                        raise CorruptItemError(f"{item.id!r} is gone, and no policy deleted it")
                    gone += 1
                    continue
                if await _bytes(looked_after, item) != await _bytes(plain, item):
                    raise CorruptItemError(f"{item.id!r} does not read as it was stored")
                same += 1
                bytes_with += kept.stored_bytes
                bytes_without += item.stored_bytes
                progress(same + gone, total)
    return Compared(
        same=same,
        bytes_with=bytes_with,
        bytes_without=bytes_without,
        deleted=gone,
        summaries=left - same,
    )


async def _bytes(store: MemoryStore, item: Item) -> bytes:
    return await store.content_bytes(item.id, 0, item.size_bytes + 1)
