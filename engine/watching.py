"""The change feed: what was changed, by whom, as it happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Final, Protocol

from engine.models import ChangeNotice

POLL_SECONDS: Final = 0.1
PAGE: Final = 1_000


class ChangeSource(Protocol):
    """Where changes are read from."""

    async def sequence(self) -> int:
        """Return the number of the newest change."""
        ...

    async def changes(self, after: int = 0, *, limit: int = 1_000) -> list[ChangeNotice]:
        """Return the changes that follow a sequence."""
        ...


async def watch_changes(
    source: ChangeSource, data_version: Callable[[], int], after: int | None
) -> AsyncGenerator[ChangeNotice, None]:
    """Yield changes in order of sequence, for ever.

    Asking SQLite whether anybody committed takes some microseconds; only then is the log read.
    """
    seen = await source.sequence() if after is None else after
    version = None
    while True:
        current = data_version()
        if current != version:
            version = current
            while notices := await source.changes(seen, limit=PAGE):
                for notice in notices:
                    yield notice
                    seen = notice.sequence
        await asyncio.sleep(POLL_SECONDS)
