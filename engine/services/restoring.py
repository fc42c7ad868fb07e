"""Restoring a store, or a part of it: into a new file, or in place.

In place means one ordinary write on top of what is there, whatever its size. SQLite's backup
interface could bring a whole new file in as well, but nothing can be asked inside that: a write of
somebody else between the last look and the copy would be lost, and the whole store would go through
the journal. A transaction asks and writes in one, is finished or gone after a crash, leaves
sequences, names and keys as others know them, and is one entry to undo.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Collection
from contextlib import ExitStack, closing
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from engine.backups.catalogue import read_catalogue
from engine.backups.manifest import Backup, Kind
from engine.backups.past import Wish, find_point, make_past
from engine.backups.past_file import PastFile
from engine.backups.restoring import FileOrder, refuse_in_use, restore_to_file
from engine.backups.rewound import private_directory
from engine.backups.threads import Progress, Teller, in_thread, silent
from engine.clock import to_datetime, to_microseconds
from engine.differences import (
    PastRestore,
    RestorePoint,
    RestoreReport,
    StoreDifference,
)
from engine.errors import (
    CorruptBackupError,
    CorruptStoreError,
    InvalidBackupError,
    InvalidSettingError,
    ReadOnlyStoreError,
)
from engine.procedures import comparing, lookup, restoring, selection
from engine.procedures.base import Procedure, Statement
from engine.procedures.names import Names, json_values
from engine.procedures.pasts import Wanted, everything
from engine.procedures.points import as_point
from engine.procedures.restoring import PastStore, Restored
from engine.procedures.revisions import Author
from engine.procedures.rewinding import ACTOR
from engine.query.filter import Filter
from engine.services.aspect import Aspect
from engine.services.core import Core
from engine.services.past import SAMPLES, compare_stores

KEYS_AT_A_TIME: Final = 10_000


class Restoring(Aspect):
    """What `store.backups` can do to bring back what was."""

    def __init__(self, core: Core, path: Path) -> None:
        super().__init__(core)
        self._path = path

    @property
    def directory(self) -> Path:
        """Where backups are made and looked for."""
        raise NotImplementedError

    async def create(
        self, *, kind: Kind = "full", verify: bool = True, progress: Progress = silent
    ) -> Backup:
        """Make a backup."""
        raise NotImplementedError

    async def restore(
        self,
        *,
        sequence: int | None = None,
        time: datetime | None = None,
        backup: Backup | str | None = None,
        target: str | os.PathLike[str] | None = None,
        in_place: bool = False,
        scope: str = "",
        force: bool = False,
        preview: StoreDifference | None = None,
        progress: Progress = silent,
    ) -> RestoreReport:
        """Bring back the store as it was at a sequence, at a time or in a backup.

        Into the new file `target`, or `in_place`. `scope` is a query: what matches it, then or now,
        is restored; by default everything. In place all items, tags and associations become what
        they were by one batch of changes, which `undo` takes back; a backup is made first when the
        scope is everything. With a `preview` the store must still be as it was then.

        Raises:
            InvalidSettingError: not exactly one point, or not exactly one place, is given.
            RestorePointError: neither the change log nor a backup reaches the point.
            BackupNotFoundError: there is no such backup.
            StoreInUseError: others have the store open for writing, and everything was to be
                restored in place (unless `force`).
            StalePlanError: the store has changed since the preview.
            InvalidBackupError: the backup is of another store, and was to be restored in place.
            CorruptStoreError: the store is damaged: into `target`, no backup that is whole reaches
                the point; in place, no backup could be made before. Nothing was changed.
            StorageError: `target` exists, or there is no room; nothing was changed.
        """
        if (target is None) is not in_place:
            raise InvalidSettingError(
                "restore either to a target or in place", hint="target=Path('old.db')"
            )
        wish = self._wish(sequence, time, backup)
        node = self._core._filter(scope)
        if not self._core.read_only:
            await self._core._accesses.flush()
        if target is not None:
            order = FileOrder(
                wish=wish, target=Path(target), scope=scope, filter=node, now=self._clock()
            )
            return await in_thread(progress, restore_to_file, order)
        if self._core.read_only:
            raise ReadOnlyStoreError("the store is open read-only", hint="open it for writing")
        if not scope and not force:
            refuse_in_use(await self._backend.holders())
        expected = None if preview is None else preview.before.sequence
        return await self._restore_in_place(wish, scope, node, expected, progress)

    async def preview_restore(
        self,
        *,
        sequence: int | None = None,
        time: datetime | None = None,
        backup: Backup | str | None = None,
        scope: str = "",
        progress: Progress = silent,
    ) -> StoreDifference:
        """Return what a restore in place would do: how the store would differ from what it is now.

        Raises:
            InvalidSettingError: not exactly one point is given.
            RestorePointError: neither the change log nor a backup reaches the point.
            InvalidBackupError: the backup is of another store.
        """
        wish = self._wish(sequence, time, backup)
        node = self._core._filter(scope)
        with ExitStack() as stack:
            source = await self._open_source(stack, wish, scope, node, progress)
            if source.past is None:
                return await self._backend.examine(
                    _preview_from_log, self._names, source.point, source.wanted
                )
            return await self._backend.examine(
                _preview_from_past, self._names, source.point, source.past, source.wanted
            )

    async def restores(self) -> list[PastRestore]:
        """Return what was restored in place, oldest first; the store remembers the last 50."""
        records = await self._backend.read(restoring.list_restores)
        return [_past_restore(record) for record in records]

    def _wish(
        self, sequence: int | None, time: datetime | None, backup: Backup | str | None
    ) -> Wish:
        if sum(point is not None for point in (sequence, time, backup)) != 1:
            raise InvalidSettingError(
                "a point is a sequence, a time or a backup: one of them", hint="sequence=1234"
            )
        return Wish(
            store=self._path,
            directory=self.directory,
            sequence=sequence,
            at=None if time is None else to_microseconds(time),
            backup=backup.name if isinstance(backup, Backup) else backup,
            extractors=self._names.extractors,
        )

    async def _restore_in_place(
        self, wish: Wish, scope: str, node: Filter, expected: int | None, progress: Progress
    ) -> RestoreReport:
        with ExitStack() as stack:
            # Found first: a restore that cannot be made shall not cost a backup.
            source = await self._open_source(stack, wish, scope, node, progress)
            safety = None if scope else await self._make_safe(progress)
            author = Author(ACTOR, self._clock(), reason=ACTOR)
            record = {
                "at": author.at,
                "actor": self._core._actor,
                "point": [source.point.sequence, to_microseconds(source.point.at)],
                "backup": source.point.backup,
                "scope": scope,
                "safety_backup": None if safety is None else safety.name,
            }
            progress("write", 0, 0)
            writing = asyncio.ensure_future(
                self._backend.write(
                    _restore, self._names, source.point, source.past, author, source.wanted,
                    expected, record,
                )
            )  # fmt: skip
            try:
                done = await asyncio.shield(writing)
            except asyncio.CancelledError:
                # The file is read while it is being written: it goes when that is over.
                await asyncio.wait([writing])
                raise
        return RestoreReport(
            point=source.point,
            scope=scope,
            items=done.items,
            first_sequence=done.first_sequence,
            last_sequence=done.last_sequence,
            safety_backup=None if safety is None else safety.name,
        )

    async def _make_safe(self, progress: Progress) -> Backup:
        """Make the backup that a restore of everything begins with."""
        try:
            return await self.create(kind="full", progress=progress)
        except (CorruptBackupError, CorruptStoreError) as error:
            # It was read back where it was written: what does not restore was damaged before.
            raise CorruptStoreError(
                f"{self._path.name} is damaged: a backup of it, which a restore in place begins "
                f"with, cannot be made ({error.message})",
                hint="restore to a target, or in place while nobody has the store open: "
                "memory-inspector backup restore",
            ) from error

    async def _refuse_foreign(self, name: str) -> None:
        """Refuse what would replace everything in this store by what another one has.

        Raises:
            BackupNotFoundError: there is no backup of this name.
            InvalidBackupError: it is of another store.
        """
        backup = (await asyncio.to_thread(read_catalogue, self.directory)).find(name)
        facts = await self._backend.read(lookup.store_facts)
        if backup.manifest.store_id != facts.store_id:
            raise InvalidBackupError(
                f"the backup {name} is of another store than {self._path.name}",
                hint="restore it to a target",
            )

    async def _open_source(
        self, stack: ExitStack, wish: Wish, scope: str, node: Filter, progress: Progress
    ) -> _Source:
        """Return where what was is read from: the change log where it reaches, or else a file."""
        point = None
        if wish.backup is None:
            point = await asyncio.to_thread(find_point, wish)
        else:
            await self._refuse_foreign(wish.backup)
        if point is not None and not scope:
            return _Source(point, None, everything)
        work = stack.enter_context(private_directory())
        path = work / self._path.name
        made = await in_thread(progress, make_past, wish, path)
        past = stack.enter_context(
            closing(await in_thread(progress, _open_past, path, node, to_microseconds(made.at)))
        )
        wanted: Wanted = everything
        if scope:
            live = await self._backend.examine(
                _matching_ids, self._core._reading, node, self._clock()
            )
            ids = live | await asyncio.to_thread(past.ids)
            await asyncio.to_thread(past.choose, ids)
            wanted = _only(ids)
        return _Source(made, None if point is not None else past, wanted)


class _Source:
    """Where what was is read from: the change log (`past` is None), or a file."""

    def __init__(self, point: RestorePoint, past: PastStore | None, wanted: Wanted) -> None:
        self.point = point
        self.past = past
        self.wanted = wanted


def _open_past(_: Teller, path: Path, node: Filter, now: int) -> PastFile:
    return PastFile(path, node, now)


def _only(ids: set[str]) -> Wanted:
    def wanted(some: Collection[str]) -> Collection[str]:
        return [item_id for item_id in some if item_id in ids]

    return wanted


def _matching_ids(reading: selection.Reading, node: Filter, now: int) -> Procedure[set[str]]:
    keys = yield from selection.all_keys(reading, node, now)
    found: set[str] = set()
    for start in range(0, len(keys), KEYS_AT_A_TIME):
        rows = yield Statement(
            "SELECT id FROM items WHERE item_key IN (SELECT value FROM json_each(?))",
            (json_values(keys[start : start + KEYS_AT_A_TIME]),),
        )
        found.update(item_id for (item_id,) in rows)
    return found


def _restore(
    names: Names,
    point: RestorePoint,
    past: PastStore | None,
    author: Author,
    wanted: Wanted,
    expected: int | None,
    record: dict[str, Any],
) -> Procedure[Restored]:
    if past is None:
        done = yield from restoring.restore_from_log(
            names, point.sequence, author, wanted, expected
        )
    else:
        done = yield from restoring.restore_from_past(names, past, author, wanted, expected)
    if done.first_sequence is not None:
        changes = {"first": done.first_sequence, "last": done.last_sequence}
        yield from restoring.note_restore({**record, **changes})
    return done


def _preview_from_log(
    names: Names, point: RestorePoint, wanted: Wanted
) -> Procedure[StoreDifference]:
    now = yield from _now()
    return (yield from compare_stores(names, now, point, wanted))


def _now() -> Procedure[RestorePoint]:
    rows = yield Statement("SELECT sequence, at FROM changes ORDER BY sequence DESC LIMIT 1")
    return as_point(*rows[0]) if rows else as_point(0, 0)


def _preview_from_past(
    names: Names, point: RestorePoint, past: PastStore, wanted: Wanted
) -> Procedure[StoreDifference]:
    now = yield from _now()
    items, links = yield from restoring.compare_with_past(names, past, wanted)
    tally = comparing.Tally()
    tally.add(items)
    by: Counter[str] = Counter(
        "added" if link.before is None else "removed" if link.after is None else "changed"
        for link in links
    )
    return StoreDifference(
        before=now,
        after=point,
        items=comparing.counts_of(tally.items),
        by_agent=comparing.counts_by(tally.by_agent),
        by_kind=comparing.counts_by(tally.by_kind),
        links_added=by["added"],
        links_changed=by["changed"],
        links_removed=by["removed"],
        changes=0,
        samples=tuple(sorted(items, key=lambda item: item.item_id)[:SAMPLES]),
    )


def _past_restore(record: dict[str, Any]) -> PastRestore:
    return PastRestore(
        at=to_datetime(record["at"]),
        actor=record["actor"],
        point=as_point(record["point"][0], record["point"][1], record["backup"]),
        scope=record["scope"],
        first_sequence=record["first"],
        last_sequence=record["last"],
        safety_backup=record["safety_backup"],
    )
