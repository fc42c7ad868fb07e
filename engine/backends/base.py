"""What a backend owes the store; every backend passes the same contract tests."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, ParamSpec, Protocol, TypeVar

from engine.models import Holder
from engine.procedures.base import Procedure
from engine.procedures.selection import Listing

P = ParamSpec("P")
R = TypeVar("R")


class Backend(Protocol):
    """Runs procedures against one database. All methods belong to one event loop."""

    read_only: bool

    def point_read(
        self, procedure: Callable[P, Procedure[R]], *args: P.args, **kwargs: P.kwargs
    ) -> Awaitable[R]:
        """Run a procedure that reads a few rows by key, with the least delay there is."""
        ...

    async def read(
        self, procedure: Callable[P, Procedure[R]], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Run a reading procedure in one snapshot, beside writers; cancelling stops it."""
        ...

    async def examine(
        self, procedure: Callable[P, Procedure[R]], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Like `read`, for what takes long: it has no time limit, and a connection of its own."""
        ...

    async def write(
        self, procedure: Callable[P, Procedure[R]], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Run a writing procedure; when this returns, what it wrote is durable.

        A procedure that raises leaves no trace. Cancelling the caller either prevents the
        procedure or lets it finish: it is never half done.
        """
        ...

    def stream(
        self,
        procedure: Callable[[], Procedure[Listing]],
        convert: Callable[[list[Any]], Procedure[R]],
        *,
        chunk: int,
    ) -> AsyncGenerator[R, None]:
        """Yield converted rows of a listing in chunks, all from one snapshot."""
        ...

    def data_version(self) -> int:
        """Return a number that differs after somebody has committed."""
        ...

    async def holders(self) -> list[Holder]:
        """Return who else has the database open for writing."""
        ...

    def file_bytes(self) -> tuple[int, int]:
        """Return the sizes of the database and of its journal."""
        ...

    async def merge_text(self) -> None:
        """Merge the text index as a whole, a little at a time: what was deleted leaves it."""
        ...

    async def rewrite_if_small(self) -> bool:
        """Write the database anew if that holds writers up for a moment only; return whether."""
        ...

    async def close(self) -> None:
        """Write what is pending, give back everything; safe to call twice."""
        ...
