"""Tiers as the screens see them: how full each is, why an item is where it is, and moving it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inspector.gateway.values import Sequences

if TYPE_CHECKING:
    from engine import Item, MemoryStore, RetentionScore, Tier, Transition

OWN_CHANGES_MAX = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class TierFill:
    """How many items the fullest agent has in a tier, and the moves of the last hour.

    Without a capacity there is no fullest agent: it is empty then.
    """

    agent: str = ""
    count: int = 0
    capacity: int | None = None
    entered: int = 0
    left: int = 0

    @property
    def says_something(self) -> bool:
        """Whether there is anything to show."""
        return self.capacity is not None or self.entered > 0 or self.left > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitionFilter:
    """Which moves between tiers are asked for: into a tier, out of one, of an agent's items."""

    entered: Tier | None = None
    left: Tier | None = None
    agent: str = ""


class TiersGateway:
    """The tiers of an open store."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def fills(self, agents: frozenset[str] = frozenset()) -> Mapping[Tier, TierFill]:
        """Return how full each tier is: for the fullest of `agents`, or of all if there is none.

        What came in and left is of the whole store.
        """
        from engine import Tier

        settings = await self._store.tiers.settings()
        flow = await self._store.tiers.flow()
        counts = await self._store.tiers.counts(agents or None)
        fills = {}
        for tier in Tier:
            capacity = settings.capacity(tier)
            # Who has most matters only where there is a limit, which goes for each agent alone.
            there = [one for one in counts if one.tier is tier and capacity is not None]
            fullest = max(there, key=lambda one: one.count, default=None)
            fills[tier] = TierFill(
                agent=fullest.agent if fullest else "",
                count=fullest.count if fullest else 0,
                capacity=capacity,
                entered=flow[tier].entered,
                left=flow[tier].left,
            )
        return fills

    async def score(self, item_id: str) -> RetentionScore | None:
        """Return the parts of an item's retention score, or None if the item is gone."""
        from engine import ItemNotFoundError

        try:
            return await self._store.tiers.score(item_id)
        except ItemNotFoundError:
            return None

    async def transitions(self, item_id: str, *, limit: int) -> tuple[Transition, ...]:
        """Return the last moves of an item between tiers, newest first."""
        return tuple(await self._store.tiers.transitions(item_id, limit=limit))

    async def log(
        self,
        wanted: TransitionFilter,
        *,
        before: int | None = None,
        after: int | None = None,
        limit: int,
    ) -> list[Transition]:
        """Return the newest of the wanted moves, or those next to a sequence; newest first."""
        return await self._store.tiers.transitions(
            agent=wanted.agent or None,
            entered=wanted.entered,
            left=wanted.left,
            before=before,
            after=after,
            limit=limit,
        )

    async def move(self, item: Item, tier: Tier) -> tuple[Item, Sequences | None]:
        """Move an item to a tier; return it and the changes that this was.

        Where the tier is full its lowest make room, which may be the item itself.
        """
        moved = await self._store.tiers.move(item.id, tier)
        history = await self._store.history(item.id, limit=OWN_CHANGES_MAX)
        own = [change.sequence for change in history if change.version > item.version]
        return moved, Sequences(first=min(own), last=max(own)) if own else None


def tier_of(label: str) -> Tier | None:
    """Return the tier of this name, or None if there is none."""
    from engine import Tier

    return next((tier for tier in Tier if tier.label == label), None)
