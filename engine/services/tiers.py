"""`store.tiers`: what is where, why, and moving it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any, Final

from engine.accesses import EARLIER_MAX
from engine.errors import InvalidSettingError, ItemNotFoundError
from engine.models import (
    BulkResult,
    Item,
    RetentionScore,
    Tier,
    TierCount,
    TierFlow,
    TierSettings,
    TierStats,
    Transition,
)
from engine.procedures import mutations, tiers, transitions
from engine.procedures.moving import Moved
from engine.services.aspect import Aspect
from engine.validation import bounded, check_tier

CAPACITIES: Final = ("working", "short_term", "long_term")


class Tiers(Aspect):
    """The tiers of a store: settings, statistics, moves and the reasons for them."""

    async def settings(self) -> TierSettings:
        """Return the store's settings for its tiers."""
        return await self._backend.read(tiers.load_settings)

    async def configure(self, **changes: Any) -> TierSettings:
        """Change some of the settings, by the names that `TierSettings` has; return all of them.

        Raises:
            InvalidSettingError: there is no such setting, or it cannot have this value.
        """
        known = {field.name for field in fields(TierSettings)}
        unknown = changes.keys() - known
        if unknown:
            raise InvalidSettingError(
                f"there is no setting {sorted(unknown)[0]!r}",
                hint=f"use {', '.join(sorted(known))}",
            )
        settings = replace(await self.settings(), **changes)
        _check(settings)
        await self._backend.write(tiers.save_settings, settings)
        return settings

    async def counts(self, agents: Iterable[str] | None = None) -> list[TierCount]:
        """Return how many items these agents, or all, have in each tier that is not empty.

        The store keeps these counts: however many items there are, none of them is looked at.
        """
        wanted = None if agents is None else sorted(set(agents))
        return await self._backend.read(tiers.tier_counts, self._names, wanted)

    async def stats(self) -> list[TierStats]:
        """Return what each agent has in each tier: importance, age and bytes too.

        It looks at every item; `counts` does not.
        """
        return await self._backend.read(tiers.tier_stats, self._names, self._clock())

    async def flow(self, hours: float = 1.0) -> Mapping[Tier, TierFlow]:
        """Return how many items came into and left each tier in the last hours."""
        since = self._clock() - int(hours * tiers.HOUR)
        return await self._backend.read(transitions.tier_flow, since)

    async def score(self, item_id: str) -> RetentionScore:
        """Return the parts of an item's retention score: why it is here, why it would go.

        Raises:
            ItemNotFoundError: there is no such item.
        """
        found = await self._backend.read(tiers.retention_score, item_id, self._clock())
        if found is None:
            raise ItemNotFoundError(
                f"there is no item {item_id!r}", hint="it may have been deleted"
            )
        return found

    async def transitions(
        self,
        item_id: str | None = None,
        *,
        agent: str | None = None,
        entered: Tier | str | None = None,
        left: Tier | str | None = None,
        before: int | None = None,
        after: int | None = None,
        limit: int = 100,
    ) -> list[Transition]:
        """Return the newest moves between tiers, newest first; only those asked for.

        Those of one item, of the items that an agent has now, into (`entered`) or out of (`left`)
        a tier. Pages continue from a move's sequence: `before` it come older ones; with `after`
        they are the ones that came right after it, so that `after=0` gives the oldest.

        Raises:
            InvalidItemError: there is no such tier.
        """
        wanted = transitions.Wanted(
            item_id,
            agent,
            None if entered is None else int(check_tier(entered)),
            None if left is None else int(check_tier(left)),
            None if before is None else bounded(before),
            None if after is None else bounded(after),
        )
        return await self._backend.read(transitions.list_transitions, wanted, bounded(limit))

    async def move(self, item_id: str, tier: Tier | str, *, actor: str | None = None) -> Item:
        """Move one item to a tier; if that is full, its lowest make room.

        Raises:
            ItemNotFoundError: there is no such item.
        """
        edit = mutations.Edit({"tier": int(check_tier(tier))})
        return await self._backend.write(
            mutations.edit_item, self._names, item_id, edit, None, self._author(actor)
        )

    async def optimize(self, *, actor: str | None = None) -> BulkResult:
        """Move down, one tier, what was idle in the two closest tiers and seldom read."""
        await self._core._accesses.flush()
        moved: Moved = await self._backend.write(tiers.optimize, self._names, self._author(actor))
        return BulkResult(
            count=len(moved.tiers),
            first_sequence=moved.first_sequence,
            last_sequence=moved.last_sequence,
        )


def _check(settings: TierSettings) -> None:
    """Refuse settings that make no sense.

    Raises:
        InvalidSettingError: which one, and what it may be.
    """
    for name in CAPACITIES:
        capacity = getattr(settings, name)
        _require(name, capacity, capacity is None or _is_count(capacity, 1, 10**9))
    _require("demote_share", settings.demote_share, _is_number(settings.demote_share, 0.0, 1.0))
    _require("promote", settings.promote, isinstance(settings.promote, bool))
    _require(
        "promote_accesses",
        settings.promote_accesses,
        _is_count(settings.promote_accesses, 1, EARLIER_MAX + 1),
    )
    for name, most in (
        ("promote_within_hours", 24.0 * 365),
        ("promote_pause_minutes", 60.0 * 24 * 365),
        ("idle_hours", 24.0 * 36_500),
        ("promote_importance", 1.0),
    ):
        value = getattr(settings, name)
        _require(name, value, _is_number(value, 0.0, most))
    accesses = settings.idle_accesses
    _require("idle_accesses", accesses, _is_count(accesses, 0, 10**9))


def _is_count(value: object, least: int, most: int) -> bool:
    return type(value) is int and least <= value <= most


def _is_number(value: object, least: float, most: float) -> bool:
    return type(value) in (int, float) and least <= float(str(value)) <= most


def _require(name: str, value: object, holds: bool) -> None:
    if not holds:
        raise InvalidSettingError(
            f"{name} cannot be {value!r}", hint="see the fields of TierSettings"
        )
