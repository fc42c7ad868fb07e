"""When the WAL is put into the main file, and by whom."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from engine.backends.sqlite.connection import Connection
from engine.backends.sqlite.driver import driver, translate
from engine.errors import EngineError

GROUPS: Final = 4_096
WAL_BYTES_MAX: Final = 64 * 1024 * 1024
"""A commit that shares the disk with a checkpoint is ten times slower: fewer than one in a
thousand shall be. While nobody writes, the WAL is emptied anyway."""
WAL_BYTES_LONG: Final = 256 * 1024 * 1024
WAL_BYTES_TOO_LONG: Final = 1024 * 1024 * 1024
"""Writers wait for the checkpoint beside them rather than let the WAL grow further."""
FRAME_BYTES: Final = 4_096 + 24
FRAMES_LEFT_MAX: Final = 512
PASSES_MAX: Final = 5


class Checkpoints:
    """Keeps the WAL of one writer short.

    With automatic checkpoints some commit pays for thousands of others, so they are made beside
    the writer, by a connection of their own that keeps nobody waiting. SQLite before 3.51.3 may
    lose commits when two processes do that at once: there (without `beside`) the writer makes
    them itself, between groups, and keeps other writers out meanwhile.

    Beside writers that never pause the WAL is never all moved, and begins anew only when they are
    stopped for a moment. It then keeps its size on disk, since to cut off a quarter of a gigabyte
    takes three times as long as the moment; so how much of it is in use has to be estimated.
    """

    def __init__(
        self, journal: Path, writer: Connection, beside: Connection | None, *, busy_ms: int
    ) -> None:
        self._journal = journal
        self._writer = writer
        self._beside = beside
        self._busy_ms = busy_ms
        self._task: asyncio.Task[None] | None = None
        self._groups = 0
        self._due_at = WAL_BYTES_MAX
        self._nearly_moved = False
        self._kept_bytes = 0
        self._rows_at_start = 0
        self._bytes_a_row = 0.0

    async def after_group(self, rows: int) -> None:
        """Checkpoint if it is time, after a commit; `rows` is how many were ever changed."""
        self._groups += 1
        length = self._length(rows)
        due = length >= self._due_at or self._nearly_moved
        if not due and (self._beside is None or self._groups < GROUPS):
            return
        if self._beside is None:
            emptied = await self.empty()
            # A reader that stays keeps the WAL as it is: no use in trying after every group.
            self._due_at = WAL_BYTES_MAX + (0 if emptied else length)
        elif self._task is not None:
            if length >= WAL_BYTES_TOO_LONG:
                await self._task
        elif self._nearly_moved:
            # Little is left to move, so it is not for long.
            self._nearly_moved = False
            if await self._checkpoint("RESTART"):
                self._begin_anew(rows, self._bytes())
        else:
            self._task = asyncio.create_task(
                self._move(self._beside, rows, long=length >= WAL_BYTES_LONG)
            )
            self._due_at = WAL_BYTES_MAX + length
            self._groups = 0

    async def empty(self) -> bool:
        """Move the WAL into the main file and cut it off; return whether no reader was in the way.

        For when nobody writes: it keeps writers out for as long as it takes.
        """
        emptied = await self._checkpoint("TRUNCATE")
        if emptied:
            self._begin_anew(None, 0)
        return emptied

    async def settle(self, rows: int, somebody: asyncio.Event) -> None:
        """Move the WAL into the main file beside the writer, until somebody wants to write.

        What `empty` has to do afterwards is then little, and keeps nobody waiting for long.
        """
        if self._beside is None:
            return
        if self._task is None:
            self._task = asyncio.create_task(self._move(self._beside, rows, long=False))
        called = asyncio.ensure_future(somebody.wait())
        await asyncio.wait([self._task, called], return_when=asyncio.FIRST_COMPLETED)
        called.cancel()

    async def wait(self) -> None:
        """Wait for the checkpoint that is being made beside the writer, if any."""
        if self._task is not None:
            await asyncio.wait([self._task])

    def is_empty(self) -> bool:
        """Return whether the WAL takes no room."""
        return self._bytes() == 0

    def _begin_anew(self, rows: int | None, kept_bytes: int) -> None:
        self._kept_bytes = kept_bytes
        self._due_at = WAL_BYTES_MAX
        if rows is not None:
            self._rows_at_start = rows

    def _length(self, rows: int) -> int:
        """Return how many bytes of the WAL are in use: exactly once it outgrows what it kept."""
        size = self._bytes()
        if size > self._kept_bytes:
            return size
        return min(size, int((rows - self._rows_at_start) * self._bytes_a_row))

    def _bytes(self) -> int:
        try:
            return self._journal.stat().st_size
        except OSError:
            return 0

    async def _move(self, beside: Connection, rows: int, *, long: bool) -> None:
        """Move what is in the WAL into the main file while others write on.

        With all of it moved, the next commit begins the WAL anew instead of making it longer. A
        long one is gone through again for what was written meanwhile, until little is left.
        """
        try:
            frames, left = await beside.run(_run_passive)
            if frames and rows > self._rows_at_start:
                self._bytes_a_row = frames * FRAME_BYTES / (rows - self._rows_at_start)
            for _ in range(PASSES_MAX - 1):
                if not long or left <= FRAMES_LEFT_MAX:
                    break
                _, left = await beside.run(_run_passive)
            self._nearly_moved = long
        finally:
            self._task = None

    async def _checkpoint(self, mode: str) -> bool:
        """Checkpoint on the writer's connection; return whether no reader was in the way."""
        try:
            return await self._writer.run(self._run, _CHECKPOINT[mode])
        except EngineError:
            # Nothing is lost by a checkpoint that could not be made; the next one tries again.
            return False

    def _run(self, connection: Any, sql: str) -> bool:
        # Both modes keep writers of other processes out meanwhile: safe in every version (see
        # `has_wal_reset_bug`). They must not wait for readers, who may stay.
        try:
            connection.execute("PRAGMA busy_timeout=0")
            (busy, _, _) = connection.execute(sql).fetchone()
            return bool(busy == 0)
        except driver.Error as error:
            raise translate(error) from error
        finally:
            connection.execute(f"PRAGMA busy_timeout={self._busy_ms}")


_CHECKPOINT: Final = {
    "RESTART": "PRAGMA wal_checkpoint(RESTART)",
    "TRUNCATE": "PRAGMA wal_checkpoint(TRUNCATE)",
}


def _run_passive(connection: Any) -> tuple[int, int]:
    """Move what can be moved; return how many frames there are, and how many are left."""
    # What it cannot move now, because a reader still needs it, the next one does.
    with suppress(driver.Error):
        ((_, frames, moved),) = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        return int(frames), max(0, int(frames) - int(moved))
    return 0, 0
