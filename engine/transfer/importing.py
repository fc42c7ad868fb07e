"""A file to a store: the whole file is looked at before the first line of it is written."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from engine.errors import EngineError, TransferError
from engine.models import Association, Message, Session
from engine.transfer.batches import BATCH_RECORDS, Numbered, read_batch
from engine.transfer.checking import Checker, at_line
from engine.transfer.files import Source, refuse_store
from engine.transfer.parsing import parse_line, record_of
from engine.transfer.records import ItemRecord, Record
from engine.transfer.report import OnProgress, TransferProgress, TransferReport, in_thread

if TYPE_CHECKING:
    from engine.store import MemoryStore


class OnConflict(StrEnum):
    """What to do with an item or session of the file that the store has already."""

    ERROR = "error"
    SKIP = "skip"
    REPLACE = "replace"


async def import_file(
    store: MemoryStore,
    source: str | Path | BinaryIO,
    *,
    on_conflict: OnConflict = OnConflict.ERROR,
    check_only: bool = False,
    progress: OnProgress | None = None,
) -> TransferReport:
    """Add the records of a JSON Lines file, plain or compressed, to the store.

    The file is read twice. First every line is checked: JSON, fields, limits, ends of
    associations, conflicts; a fault anywhere means that nothing is written. Then it is written in
    transactions of 1,000 items. Should writing itself be stopped (a full disk), importing again
    with `OnConflict.SKIP` carries on. With `check_only` nothing is written, and the report says
    what would be.

    Raises:
        TransferError: a line is not what it should be; `line` is its number.
        StorageError: the file cannot be read, or the store cannot be written.
    """
    if isinstance(source, (str, Path)):
        source = Path(source)
        refuse_store(source, (await store.info()).path)
    on_conflict = OnConflict(on_conflict)
    file = await in_thread(Source, source, limits=store.limits)
    try:
        checker = Checker(
            store,
            file,
            limits=store.limits,
            conflicts_allowed=on_conflict is not OnConflict.ERROR,
            progress=progress,
        )
        verdict = await checker.check()
        report = verdict.report
        if not check_only:
            writer = _Writer(store, on_conflict, report.items, progress, name=file.name)
            report = await writer.write(_file_records(file), defer_links=not verdict.links_last)
        return replace(report, bytes=file.size_bytes)
    finally:
        file.close()


async def import_records(
    store: MemoryStore,
    records: Iterable[Mapping[str, Any]],
    *,
    total: int | None = None,
    progress: OnProgress | None = None,
) -> TransferReport:
    """Add records that a program made, in the form that files have; they replace what is there.

    They are taken once, in order, and not checked beforehand: a fault leaves earlier batches
    written. `total` is how many items there will be, for `progress`.

    Raises:
        TransferError: a record is not what it should be; `line` is its number, from 1.
    """
    writer = _Writer(store, OnConflict.REPLACE, total, progress, name="records")
    return await writer.write(_made_records(records), defer_links=False)


def _file_records(file: Source) -> Iterator[tuple[int, int, Record]]:
    for number, line in file.lines():
        try:
            yield number, len(line), parse_line(line, strict=False)
        except TransferError as error:
            raise at_line(error, file.name, number) from error


def _made_records(records: Iterable[Mapping[str, Any]]) -> Iterator[tuple[int, int, Record]]:
    for number, record in enumerate(records, start=1):
        try:
            yield number, 0, record_of(record)
        except TransferError as error:
            raise at_line(error, "records", number) from error


class _Writer:
    """Writes records batch by batch and counts what it wrote."""

    def __init__(
        self,
        store: MemoryStore,
        on_conflict: OnConflict,
        total: int | None,
        progress: OnProgress | None,
        *,
        name: str,
    ) -> None:
        self._store = store
        self._on_conflict = on_conflict
        self._total = total
        self._progress = progress
        self._name = name
        self._counts: Counter[str] = Counter()
        self._links: list[Association] = []

    async def write(
        self, records: Iterator[tuple[int, int, Record]], *, defer_links: bool
    ) -> TransferReport:
        """Write everything; associations after all else if `defer_links`."""
        try:
            while batch := await in_thread(read_batch, records):
                await self._write_batch(batch)
                if not defer_links:
                    await self._write_links()
                self._tell("write")
            await self._write_links()
        except EngineError as error:
            if self._counts["items"]:
                written = f"{self._counts['items']:,} items were written before it"
                again = f"{written}; import again with skip to go on"
                error.hint = f"{error.hint}; {again}" if error.hint else again
            raise
        return TransferReport(**self._counts)

    async def _write_batch(self, batch: list[Numbered]) -> None:
        sessions: list[Session] = []
        messages: defaultdict[str, list[Message]] = defaultdict(list)
        items: list[tuple[int, dict[str, Any]]] = []
        for number, record in batch:
            if isinstance(record, ItemRecord):
                items.append((number, record.fields))
            elif isinstance(record, Association):
                self._links.append(record)
            elif isinstance(record, Session):
                sessions.append(record)
            elif isinstance(record, Message):
                messages[record.session_id].append(record)
        await self._write_sessions(sessions)
        await self._write_messages(messages)
        await self._write_items(items)

    async def _write_sessions(self, sessions: list[Session]) -> None:
        if sessions and self._on_conflict is OnConflict.SKIP:
            stored = {session.id for session in await self._store.sessions()}
            sessions = [session for session in sessions if session.id not in stored]
        if sessions:
            await self._store.put_sessions(sessions)
            self._counts["sessions"] += len(sessions)

    async def _write_messages(self, by_session: Mapping[str, list[Message]]) -> None:
        messages = [message for group in by_session.values() for message in group]
        if self._on_conflict is OnConflict.SKIP:
            # Not skipped as a whole with their session: an import that stopped half way goes on.
            stored = {
                (message.session_id, message.ordinal)
                for session_id in by_session
                for message in await self._store.messages(session_id)
            }
            messages = [m for m in messages if (m.session_id, m.ordinal) not in stored]
        if messages:
            await self._store.put_messages(messages)
            self._counts["messages"] += len(messages)

    async def _write_items(self, items: list[tuple[int, dict[str, Any]]]) -> None:
        if self._on_conflict is not OnConflict.REPLACE:
            items = await self._without_known(items)
        if items:
            await self._store.import_items([fields for _, fields in items])
            self._counts["items"] += len(items)

    async def _without_known(
        self, items: list[tuple[int, dict[str, Any]]]
    ) -> list[tuple[int, dict[str, Any]]]:
        """Return the items that are not in the store, each once.

        Raises:
            TransferError: conflicts are errors, and another process made one since the check.
        """
        ids = [fields["id"] for _, fields in items if fields["id"] is not None]
        known = set(await self._store.find_keys(ids)) if ids else set()
        new = []
        for number, fields in items:
            if fields["id"] not in known:
                new.append((number, fields))
            elif self._on_conflict is OnConflict.ERROR:
                conflict = TransferError(f"somebody else has just written {fields['id']!r:.120}")
                raise at_line(conflict, self._name, number)
            else:
                self._counts["skipped"] += 1
            if fields["id"] is not None:
                known.add(fields["id"])
        return new

    async def _write_links(self) -> None:
        for start in range(0, len(self._links), BATCH_RECORDS):
            some = self._links[start : start + BATCH_RECORDS]
            await self._store.import_associations(some)
            self._counts["associations"] += len(some)
        self._links.clear()

    def _tell(self, stage: str) -> None:
        if self._progress is not None:
            done = self._counts["items"] + self._counts["skipped"]
            self._progress(
                TransferProgress(stage=stage, done=done, total=self._total, unit="items")
            )
