"""The first look at a file: every line read and judged before anything is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from engine.errors import EngineError, TransferError
from engine.limits import Limits
from engine.models import Association, Message, Session
from engine.serialization import encode, encode_metadata
from engine.transfer.batches import BATCH_RECORDS, Numbered, read_batch
from engine.transfer.files import Source
from engine.transfer.parsing import parse_line
from engine.transfer.records import ItemRecord, Record
from engine.transfer.report import OnProgress, TransferProgress, TransferReport, in_thread
from engine.validation import check_count, check_id, check_name, check_tags, check_unit

if TYPE_CHECKING:
    from engine.store import MemoryStore

UNRESOLVED_MAX: Final = 1_000_000
"""Ends of associations that may come before their item, or be in the store already."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A file that can be imported; `links_last` is False when associations precede items."""

    report: TransferReport
    links_last: bool


class Checker:
    """Looks at every line of one file, and at what the store has of it."""

    def __init__(
        self,
        store: MemoryStore,
        source: Source,
        *,
        limits: Limits,
        conflicts_allowed: bool,
        progress: OnProgress | None,
    ) -> None:
        self._store = store
        self._source = source
        self._limits = limits
        self._conflicts_allowed = conflicts_allowed
        self._progress = progress
        # Hashes, not ids: eight bytes each would do, and a million ids of any length must fit.
        self._seen: set[int] = set()
        self._sessions: set[str] = set()
        self._messages: set[tuple[str, int]] = set()
        self._unresolved: list[tuple[int, str]] = []
        self._links_last = True
        self._report = TransferReport()

    async def check(self) -> Verdict:
        """Return what the file holds.

        Raises:
            TransferError: a line is not a record, over a limit, in conflict with the store, or
                links an item that is nowhere.
        """
        stored_sessions = {session.id for session in await self._store.sessions()}
        lines = self._lines()
        while batch := await in_thread(read_batch, lines):
            await self._check_items(batch)
            for number, record in batch:
                if isinstance(record, Session):
                    self._refuse_known(number, "session", record.id, record.id in stored_sessions)
            if self._progress is not None:
                done, total = self._source.position(), self._source.size_bytes
                self._progress(
                    TransferProgress(stage="check", done=done, total=total, unit="bytes")
                )
        await self._resolve(self._unresolved)
        return Verdict(self._report, self._links_last)

    def _lines(self) -> Iterator[tuple[int, int, Record]]:
        """Yield number, size and record of each line, judged on its own. Runs beside the loop."""
        for number, line in self._source.lines():
            try:
                record = parse_line(line, strict=True)
                self._judge(number, record)
            except EngineError as error:
                raise at_line(error, self._source.name, number) from error
            yield number, len(line), record

    def _judge(self, number: int, record: Record) -> None:
        report = self._report
        if isinstance(record, ItemRecord):
            check_item(record.fields, self._limits)
            item_id = record.fields["id"]
            if item_id is not None:
                self._remember(item_id)
            if report.associations:
                self._links_last = False
            self._report = replace(report, items=report.items + 1)
        elif isinstance(record, Association):
            self._judge_association(number, record)
            self._report = replace(report, associations=report.associations + 1)
        elif isinstance(record, Session):
            self._judge_session(record)
            self._report = replace(report, sessions=report.sessions + 1)
        elif isinstance(record, Message):
            self._judge_message(record)
            self._report = replace(report, messages=report.messages + 1)
        elif number != 1:
            raise TransferError(
                "a second header", hint="import joined exports one by one, or remove this line"
            )

    def _remember(self, item_id: str) -> None:
        mark = hash(item_id)
        if mark in self._seen and not self._conflicts_allowed:
            raise TransferError(
                f"the id {item_id!r:.120} is on an earlier line too",
                hint="remove one of them, or set on-conflict to skip (the first counts) or replace",
            )
        self._seen.add(mark)

    def _judge_association(self, number: int, link: Association) -> None:
        check_name("relation", link.relation, self._limits)
        check_unit("strength", link.strength)
        for item_id in (link.source_id, link.target_id):
            check_id(item_id, self._limits)
            if hash(item_id) not in self._seen:
                self._unresolved.append((number, item_id))
        if len(self._unresolved) > UNRESOLVED_MAX:
            raise TransferError(
                f"more than {UNRESOLVED_MAX:,} associations of items that are not in the file yet",
                hint="put items before associations",
            )

    def _judge_session(self, session: Session) -> None:
        check_name("session", session.id, self._limits)
        check_name("agent", session.agent, self._limits)
        encode_metadata(session.metadata, self._limits)
        if session.id in self._sessions:
            raise TransferError(f"the session {session.id!r:.120} is on an earlier line too")
        self._sessions.add(session.id)

    def _judge_message(self, message: Message) -> None:
        if message.session_id not in self._sessions:
            raise TransferError(
                f"the session {message.session_id!r:.120} of this message is on no earlier line",
                hint='put the session\'s own line, {"type": "session", ...}, before its messages',
            )
        check_name("role", message.role, self._limits)
        check_count("ordinal", message.ordinal)
        place = (message.session_id, message.ordinal)
        if place in self._messages:
            raise TransferError(
                f"message {message.ordinal} of its session is on an earlier line too"
            )
        self._messages.add(place)

    async def _check_items(self, batch: Sequence[Numbered]) -> None:
        if self._conflicts_allowed:
            return
        ids = {
            record.fields["id"]: number
            for number, record in batch
            if isinstance(record, ItemRecord) and record.fields["id"] is not None
        }
        known = await self._store.find_keys(list(ids)) if ids else {}
        if known:
            first = min(known, key=ids.__getitem__)
            self._refuse_known(ids[first], "item", first, known=True)

    def _refuse_known(self, number: int, what: str, name: str, known: bool) -> None:
        if known and not self._conflicts_allowed:
            raise at_line(
                TransferError(
                    f"the store has the {what} {name!r:.120} already",
                    hint="set on-conflict to skip or replace",
                ),
                self._source.name,
                number,
            )

    async def _resolve(self, unresolved: Sequence[tuple[int, str]]) -> None:
        """Raise for the first linked item that is neither in the file nor in the store."""
        open_ends = [(n, item_id) for n, item_id in unresolved if hash(item_id) not in self._seen]
        for start in range(0, len(open_ends), BATCH_RECORDS):
            some = open_ends[start : start + BATCH_RECORDS]
            known = await self._store.find_keys(list({item_id for _, item_id in some}))
            for number, item_id in some:
                if item_id not in known:
                    error = TransferError(
                        f"the linked item {item_id!r:.120} is neither in the file nor in the store",
                        hint="add the item, or remove the association",
                    )
                    raise at_line(error, self._source.name, number)


def check_item(fields: dict[str, Any], limits: Limits) -> None:
    """Raise what putting an item with these fields would raise.

    Raises:
        InvalidItemError: a field has a value that cannot be stored, or is over its limit.
    """
    if fields["id"] is not None:
        check_id(fields["id"], limits)
    encode(fields["content"], limits)
    for name in ("agent", "kind"):
        if name in fields:
            check_name(name, fields[name], limits)
    if "session_id" in fields:
        check_name("session", fields["session_id"], limits)
    check_unit("importance", fields.get("importance", 0.5))
    check_tags(fields.get("tags", ()), limits)
    encode_metadata(fields.get("metadata"), limits)
    for name in ("access_count", "version"):
        check_count(name, fields.get(name, 1))


def at_line(error: EngineError, name: str, number: int) -> TransferError:
    """Return `error` as one that says where in the file it was found."""
    if isinstance(error, TransferError) and error.line is not None:
        return error
    return TransferError(f"{name}, line {number}: {error.message}", hint=error.hint, line=number)
