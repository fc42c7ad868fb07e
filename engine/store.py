"""The memory store: what people hold, and how it is opened."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Generator, Mapping
from contextlib import AsyncExitStack, suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from engine.backends.sqlite.backend import SqliteBackend
from engine.backends.sqlite.driver import VERSION, driver
from engine.backups.past import Wish, make_past
from engine.backups.publishing import sweep
from engine.backups.rewound import private_directory
from engine.backups.threads import in_thread, silent
from engine.clock import Clock, system_clock, to_datetime, to_microseconds
from engine.differences import RestorePoint
from engine.drafts import Drafting
from engine.errors import EngineError, InvalidSettingError, StoreError
from engine.limits import Limits
from engine.models import Holder, StoreInfo
from engine.procedures import lookup
from engine.procedures.names import Extractor, Names
from engine.services.backups import Backups
from engine.services.bulk import BulkService
from engine.services.indexes import Indexes
from engine.services.items import ItemService
from engine.services.lifecycle import Lifecycle
from engine.services.links import LinkService
from engine.services.past import PastService
from engine.services.sessions import SessionService
from engine.services.tiers import Tiers


class MemoryStore(ItemService, BulkService, LinkService, SessionService, PastService):
    """An open store of memories. Make one with `open_store`; its methods may run side by side.

    All methods raise `StoreClosedError` once it is closed, and `StoreBusyError` when another
    process holds the store for longer than the time-out.
    """

    def __init__(
        self,
        backend: SqliteBackend,
        names: Names,
        *,
        actor: str,
        clock: Clock,
        drafting: Drafting,
        durability: str,
    ) -> None:
        super().__init__(backend, names, actor=actor, clock=clock, drafting=drafting)
        self.tiers = Tiers(self)
        self.lifecycle = Lifecycle(self, self)
        self.indexes = Indexes(self)
        self.backups = Backups(self, backend.path)
        self._path = backend.path
        self._durability = durability

    async def info(self) -> StoreInfo:
        """Return facts about the store."""
        facts = await self._backend.read(lookup.store_facts)
        file_bytes, wal_bytes = self._backend.file_bytes()
        return StoreInfo(
            path=str(self._path),
            store_id=facts.store_id,
            schema_version=facts.schema_version,
            created_at=to_datetime(facts.created_at),
            items=facts.items,
            sequence=facts.sequence,
            file_bytes=file_bytes,
            wal_bytes=wal_bytes,
            read_only=self._backend.read_only,
            durability=self._durability,
            sqlite_version=".".join(map(str, VERSION)),
            driver=driver.__name__,
        )

    async def holders(self) -> list[Holder]:
        """Return who else has the store open for writing, this process's other stores included.

        Raises:
            StorageError: the lock file beside the store cannot be read.
        """
        return await self._backend.holders()

    def at(self, *, sequence: int | None = None, time: datetime | None = None) -> View:
        """Return a view of the store as it was after a change or at a time, for `async with`.

        It is a copy of the store that was taken back, in a private temporary directory (`TMPDIR`),
        read-only; its clock stands still. At a time means: after the last change whose time is
        not later. Where the change log does not reach so far back, a backup is asked.

        Raises:
            InvalidSettingError: neither is given, or both; on entering:
            RestorePointError: neither the change log nor a backup reaches it.
            StorageError: there is no room for the copy.
        """
        if (sequence is None) == (time is None):
            raise InvalidSettingError(
                "a point is either a sequence or a time", hint="at(sequence=1234)"
            )
        wish = Wish(
            store=self._path,
            directory=self.backups.directory,
            sequence=sequence,
            at=None if time is None else to_microseconds(time),
            extractors=self._names.extractors,
        )
        return View(self, wish)

    async def flush(self) -> None:
        """Write the statistics that are still in memory: of accesses, and of what indexes did."""
        await self._accesses.flush()
        await self.indexes.flush()

    async def close(self) -> None:
        """Write what is pending and let go of the file, even if cancelled; safe to call twice."""
        closing = asyncio.ensure_future(self._close())
        try:
            await asyncio.shield(closing)
        except asyncio.CancelledError:
            await asyncio.wait([closing])
            raise

    async def _close(self) -> None:
        await self._accesses.close()
        with suppress(EngineError):
            # Only counts: they are not worth a store that cannot be closed.
            await self.indexes.flush()
        await self._backend.close()


class View:
    """A store as it was, while `async with` looks at it; `point` says which moment it shows."""

    point: RestorePoint

    def __init__(self, store: MemoryStore, wish: Wish) -> None:
        self._store = store
        self._wish = wish
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> MemoryStore:
        async with AsyncExitStack() as stack:
            if not self._store.read_only:
                await self._store._accesses.flush()
            work = stack.enter_context(private_directory())
            path = work / self._wish.store.name
            self.point = await in_thread(silent, make_past, self._wish, path)
            now = to_microseconds(self.point.at)
            opening = open_store(
                path,
                read_only=True,
                clock=lambda: now,
                limits=self._store.limits,
                extractors=self._wish.extractors,
            )
            store = await stack.enter_async_context(opening)
            self._stack = stack.pop_all()
        return store

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.aclose()


class _Opening:
    """What `open_store` returns: await it, or enter it."""

    def __init__(self, path: Path, options: dict[str, Any]) -> None:
        self._path = path
        self._options = options
        self._store: MemoryStore | None = None

    def __await__(self) -> Generator[Any, None, MemoryStore]:
        return _open(self._path, **self._options).__await__()

    async def __aenter__(self) -> MemoryStore:
        self._store = await self
        return self._store

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._store is not None:
            await self._store.close()


def open_store(
    path: str | os.PathLike[str],
    *,
    durability: Literal["full", "relaxed"] = "full",
    read_only: bool = False,
    create: bool = True,
    actor: str = "",
    clock: Clock = system_clock,
    limits: Limits | None = None,
    busy_timeout_seconds: float = 5.0,
    allow_pickle: bool = False,
    extractors: Mapping[str, Extractor] | None = None,
) -> _Opening:
    """Open the store at `path`, for `async with` or `await`; it is created if absent.

    With `durability="relaxed"` a power failure may lose the newest commits, never the store.
    `allow_pickle` stores Python objects that are not JSON; they are not loaded again unless
    you load them. `extractors` are the functions of custom indexes that the store has, by name.

    Raises:
        StoreError: on entering: the file is no store, damaged, newer, locked or not writable; at
            once: `durability` is another word.
    """
    if durability not in ("full", "relaxed"):
        # Never guessed: somebody who asked for more than there is would get less.
        raise StoreError(f"durability is {durability!r}", hint="use 'full' or 'relaxed'")
    return _Opening(
        Path(path),
        {
            "durability": durability,
            "read_only": read_only,
            "create": create,
            "actor": actor or "library",
            "clock": clock,
            "limits": limits or Limits(),
            "busy_timeout_seconds": busy_timeout_seconds,
            "allow_pickle": allow_pickle,
            "extractors": dict(extractors or {}),
        },
    )


async def _open(
    path: Path,
    *,
    durability: str,
    read_only: bool,
    create: bool,
    actor: str,
    clock: Clock,
    limits: Limits,
    busy_timeout_seconds: float,
    allow_pickle: bool,
    extractors: dict[str, Extractor],
) -> MemoryStore:
    names = Names()
    names.extractors.update(extractors)
    # What restores that were killed have left beside the store; looked for while it is opened.
    sweeping = None if read_only else asyncio.ensure_future(asyncio.to_thread(sweep, path.parent))
    try:
        backend = await SqliteBackend.open(
            path,
            names,
            read_only=read_only,
            create=create,
            now=clock(),
            durability=durability,
            busy_seconds=busy_timeout_seconds,
            query_seconds=limits.query_seconds_max,
        )
    finally:
        if sweeping is not None:
            await asyncio.wait([sweeping])
    drafting = Drafting(limits, clock, allow_pickle=allow_pickle)
    return MemoryStore(
        backend, names, actor=actor, clock=clock, drafting=drafting, durability=durability
    )
