"""Opening a store for the screens, closing it, and handing all of it on."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inspector.gateway.backups import BackupsGateway
from inspector.gateway.changing import ChangingGateway
from inspector.gateway.lifecycle import LifecycleGateway
from inspector.gateway.past import PastGateway

if TYPE_CHECKING:
    from engine import Filter
    from engine.transfer import TransferProgress, TransferReport


class Gateway(ChangingGateway):
    """One open store, as the screens see it."""

    @property
    def lifecycle(self) -> LifecycleGateway:
        """The policies of the store, their plans and runs."""
        return LifecycleGateway(self._store)

    @property
    def backups(self) -> BackupsGateway:
        """The backups of the store, and when it changed how much."""
        return BackupsGateway(self._store, self.store_id)

    @property
    def past(self) -> PastGateway:
        """What the store was, and bringing it back."""
        return PastGateway(self._store)

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        read_only: bool = False,
        actor: str = "",
        clock: Callable[[], int] | None = None,
    ) -> Gateway:
        """Open the store at `path`; read-only when the file cannot be written.

        Raises:
            EngineError: the file is not a store, is damaged, or cannot be read.
        """
        from engine import ReadOnlyStoreError, open_store, system_clock

        clock = clock or system_clock
        options: dict[str, Any] = {
            "create": False,
            "actor": actor or default_actor(),
            "clock": clock,
        }
        try:
            store = await open_store(path, read_only=read_only, **options)
        except ReadOnlyStoreError:
            if read_only:
                raise
            store = await open_store(path, read_only=True, **options)
        try:
            return cls(store, await store.info(), clock)
        except BaseException:
            # What is damaged may show only now; whoever rescues the file needs it closed.
            await store.close()
            raise

    async def close(self) -> None:
        """Close the store; what was written is kept."""
        await self._store.close()

    async def export(
        self, path: Path, query: str | Filter, progress: Callable[[TransferProgress], None]
    ) -> TransferReport:
        """Write what matches to a new or replaced file, whole or not at all."""
        from engine.transfer import export_store

        return await export_store(self._store, path, where=query, overwrite=True, progress=progress)


def default_actor() -> str:
    """Return the user's name, which the history shows as who made a change."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # No such user in the password file, as in some containers.
        return "inspector"
