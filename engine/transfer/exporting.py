"""A store to a file: one snapshot of the items, in a stream, published whole or not at all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import orjson

from engine.models import Association, Item
from engine.transfer import spreadsheet
from engine.transfer.files import Format, Publication, refuse_store
from engine.transfer.records import (
    FORMAT,
    association_record,
    item_record,
    message_record,
    session_record,
)
from engine.transfer.report import OnProgress, TransferProgress, TransferReport, in_thread

if TYPE_CHECKING:
    from engine.query.filter import Filter
    from engine.store import MemoryStore

CHUNK_ITEMS: Final = 500
CHUNK_BYTES: Final = 1024 * 1024


async def export_store(
    store: MemoryStore,
    destination: str | Path | BinaryIO,
    *,
    where: str | Mapping[str, Any] | Filter = "",
    format: Format | None = None,  # noqa: A002 - the word that people know it by
    overwrite: bool = False,
    skip_corrupt: bool = False,
    progress: OnProgress | None = None,
) -> TransferReport:
    """Write the items that match to a file, which appears whole or not at all.

    Without `where`, a JSON Lines file holds everything: importing it into an empty store gives
    the same items, sessions, messages and associations. With it, it holds the matching items and
    the associations among them. The items are one snapshot; associations are read after them. A
    CSV file holds items alone and is not meant to be imported.

    Raises:
        TransferError: the path exists, names no format, or is the store itself.
        StorageError: the directory or the disk refuses.
        CorruptItemError: an item is damaged, and `skip_corrupt` is off.
    """
    if not hasattr(destination, "write"):
        destination = Path(destination)
        refuse_store(destination, (await store.info()).path)
    if format is None:
        format = Format.of(destination) if isinstance(destination, Path) else Format.JSONL  # noqa: A001
    total = await store.count(where) if progress is not None else None
    publication = Publication(
        destination,  # type: ignore[arg-type]
        compress=format is Format.JSONL_ZST,
        overwrite=overwrite,
    )
    export = _Export(store, publication, total, progress)
    with publication:
        if format is Format.CSV:
            publication.write(spreadsheet.header())
            await export.items(where, spreadsheet.item_rows, skip_corrupt=skip_corrupt)
        else:
            await export.everything(where, skip_corrupt=skip_corrupt)
    return TransferReport(**export.counts, bytes=publication.size_bytes)


class _Export:
    """One export under way."""

    def __init__(
        self,
        store: MemoryStore,
        publication: Publication,
        total: int | None,
        progress: OnProgress | None,
    ) -> None:
        self._store = store
        self._publication = publication
        self._total = total
        self._progress = progress
        # Hashes, not ids: a million ids of any length must fit.
        self._exported: set[int] = set()
        self.counts = {"items": 0, "associations": 0, "sessions": 0, "messages": 0}

    async def everything(self, where: Any, *, skip_corrupt: bool) -> None:
        """Write header, sessions, items and associations, in this order."""
        info = await self._store.info()
        await self._write([{"type": "store", "format": FORMAT, "id": info.store_id}])
        if where == "":
            await self._sessions()
        await self.items(where, _item_lines, skip_corrupt=skip_corrupt)
        await self._associations()

    async def _sessions(self) -> None:
        for session in reversed(await self._store.sessions()):
            messages = await self._store.messages(session.id)
            await self._write([session_record(session), *map(message_record, messages)])
            self.counts["sessions"] += 1
            self.counts["messages"] += len(messages)

    async def items(
        self, where: Any, encode: Callable[[list[Item]], bytes], *, skip_corrupt: bool
    ) -> None:
        """Write the items that match, in the store's own order."""
        stream = self._store.iterate(where, skip_corrupt=skip_corrupt)
        async with aclosing(stream) as items:
            async for chunk in _chunks(items):
                # Beside the loop: an app that exports goes on drawing.
                await in_thread(lambda chunk=chunk: self._publication.write(encode(chunk)))  # type: ignore[misc]
                self.counts["items"] += len(chunk)
                self._exported.update(hash(item.id) for item in chunk)
                self._report()

    async def _associations(self) -> None:
        page: list[Association] = []
        async with aclosing(self._store.iterate_associations()) as links:
            async for link in links:
                if self._among_exported(link):
                    page.append(link)
                if len(page) == CHUNK_ITEMS:
                    await self._write_associations(page)
                    page = []
        await self._write_associations(page)

    async def _write_associations(self, page: list[Association]) -> None:
        await self._write(map(association_record, page))
        self.counts["associations"] += len(page)

    def _among_exported(self, link: Association) -> bool:
        # Not all are, even of everything: damaged items are left out, and others made meanwhile.
        return hash(link.source_id) in self._exported and hash(link.target_id) in self._exported

    async def _write(self, records: Iterable[dict[str, Any]]) -> None:
        await in_thread(self._publication.write, b"".join(map(_line, records)))

    def _report(self) -> None:
        if self._progress is not None:
            done = self.counts["items"]
            self._progress(
                TransferProgress(stage="write", done=done, total=self._total, unit="items")
            )


async def _chunks(items: AsyncIterator[Item]) -> AsyncIterator[list[Item]]:
    chunk: list[Item] = []
    size = 0
    async for item in items:
        chunk.append(item)
        size += item.size_bytes
        if len(chunk) >= CHUNK_ITEMS or size >= CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _item_lines(items: list[Item]) -> bytes:
    return b"".join(_line(item_record(item)) for item in items)


def _line(record: dict[str, Any]) -> bytes:
    return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
