"""The part of the log of moves that is at hand: a window on any number of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inspector.gateway import Transition
    from inspector.gateway.tiers import TiersGateway, TransitionFilter

PAGE_ROWS = 250
WINDOW_ROWS_MAX = 1_000
"""What is further away than this is let go, and read again by its sequence when one comes back."""


class TransitionWindow:
    """Moves that follow each other in the log, newest first.

    It grows at one end and lets go at the other. Only one of its methods may run at a time.
    """

    def __init__(self, tiers: TiersGateway, wanted: TransitionFilter) -> None:
        self._tiers = tiers
        self.wanted = wanted
        self.moves: list[Transition] = []
        self.has_newer = False
        self.has_older = False

    async def load_newest(self) -> None:
        """Have the newest moves."""
        self.moves = await self._tiers.log(self.wanted, limit=PAGE_ROWS)
        self.has_newer = False
        self.has_older = len(self.moves) == PAGE_ROWS

    async def load_oldest(self) -> None:
        """Have the oldest moves."""
        self.moves = await self._tiers.log(self.wanted, after=0, limit=PAGE_ROWS)
        self.has_newer = len(self.moves) == PAGE_ROWS
        self.has_older = False

    async def load_older(self) -> None:
        """Have a page of older moves as well, if there are any."""
        if not self.has_older:
            return
        last = self.moves[-1].sequence
        page = await self._tiers.log(self.wanted, before=last, limit=PAGE_ROWS)
        moves = [*self.moves, *page]
        self.has_older = len(page) == PAGE_ROWS
        self.has_newer = self.has_newer or len(moves) > WINDOW_ROWS_MAX
        self.moves = moves[-WINDOW_ROWS_MAX:]

    async def load_newer(self) -> None:
        """Have a page of newer moves as well, if there are any."""
        if not self.has_newer:
            return
        first = self.moves[0].sequence
        page = await self._tiers.log(self.wanted, after=first, limit=PAGE_ROWS)
        moves = [*page, *self.moves]
        self.has_newer = len(page) == PAGE_ROWS
        self.has_older = self.has_older or len(moves) > WINDOW_ROWS_MAX
        self.moves = moves[:WINDOW_ROWS_MAX]

    async def count_newer(self) -> int:
        """Return how many moves there are that the newest page would have and has not."""
        if self.has_newer:
            return 0
        after = self.moves[0].sequence if self.moves else 0
        return len(await self._tiers.log(self.wanted, after=after, limit=PAGE_ROWS))
