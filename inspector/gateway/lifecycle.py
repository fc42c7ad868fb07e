"""Policies, plans and runs as the screens see them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from inspector.gateway.policies import PoliciesGateway

if TYPE_CHECKING:
    from engine import Item, Plan, PlannedChange, Run, Tier
    from engine.lifecycle.policies import Action

Progress = Callable[[int, int], None]
"""Told how much is done, and how much there is."""

RUNS_MAX = 50
TRANSITIONS_READ = 50
"""Moves of an item among which its way into the archive is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BeforeAndAfter:
    """What a planned change would make of one item; `after` is None where it would be deleted."""

    before: Mapping[str, Any]
    after: Mapping[str, Any] | None


class LifecycleGateway(PoliciesGateway):
    """Policies, plans and runs of an open store. Nothing is done that was not planned before."""

    async def history_days(self) -> float | None:
        """Return for how many days changes are kept, None for ever."""
        return await self._store.lifecycle.history_days()

    async def keep_history(self, days: float | None) -> None:
        """Keep changes for so many days, None for ever.

        Raises:
            InvalidSettingError: it is less than a day, or too many.
        """
        await self._store.lifecycle.keep_history(days)

    # Plans and runs ------------------------------------------------------------------------

    async def plan(self, progress: Progress) -> Plan:
        """Return what the enabled policies would do now; it changes nothing.

        Raises:
            InvalidPolicyError: one of them is wrong, or a name in it is not registered.
        """
        return await self._store.lifecycle.plan(progress=progress)

    async def apply(self, plan: Plan, progress: Progress) -> Run:
        """Make exactly the changes of a plan. Cancelled, it takes back what was done.

        Raises:
            StalePlanError: the store has moved on; nothing was changed.
        """
        return await self._store.lifecycle.apply(plan, progress=progress)

    async def undo(self, run: Run, *, force: bool = False) -> Run:
        """Take back everything a run changed.

        Raises:
            UndoConflictError: a later change touched the same fields, and `force` is off.
        """
        return await self._store.lifecycle.undo(run, force=force)

    async def resume(self, run: Run, progress: Progress) -> Run:
        """Go on with a run that a crash fell into.

        Raises:
            StalePlanError: what is left to do is no longer as planned; it can be undone.
        """
        return await self._store.lifecycle.resume(run, progress=progress)

    async def runs(self, *, limit: int = RUNS_MAX) -> list[Run]:
        """Return the newest runs, newest first."""
        return await self._store.lifecycle.runs(limit=limit)

    # One item ------------------------------------------------------------------------------

    async def before_and_after(self, change: PlannedChange) -> BeforeAndAfter | None:
        """Return what a planned change would make of its item, or None if the item is gone."""
        from engine.lifecycle.policies import Verb, parse_action

        item = await self._store.peek(change.item_id)
        if item is None:
            return None
        action = parse_action(change.action)
        before = _fields(item)
        if action.verb is Verb.DELETE:
            return BeforeAndAfter(before=before, after=None)
        origin = await self._origin(item.id) if action.verb is Verb.RESTORE else None
        after = before | _changed(item, action, origin) | _stored_after(item, change, action)
        return BeforeAndAfter(before=before, after=after)

    async def _origin(self, item_id: str) -> Tier:
        """Return the tier from which an item came to the archive."""
        from engine import Tier

        moves = await self._store.tiers.transitions(item_id, limit=TRANSITIONS_READ)
        return next(
            (move.from_tier for move in moves if move.to_tier is Tier.ARCHIVE), Tier.LONG_TERM
        )


def _fields(item: Item) -> dict[str, Any]:
    """Return those fields of an item that a policy may touch."""
    used = item.last_accessed_at
    return {
        "tier": item.tier.label,
        "importance": item.importance,
        "tags": sorted(item.tags),
        "last accessed": "never" if used is None else used.isoformat(timespec="seconds"),
        "content": f"{item.size_bytes:,} B, the same to read",
        "stored as": f"{item.codec.label}, {item.stored_bytes:,} B",
    }


def _changed(item: Item, action: Action, origin: Tier | None) -> dict[str, Any]:
    """Return the fields that an action sets, as they would be."""
    from engine import Tier
    from engine.lifecycle.policies import Verb

    match action.verb:
        case Verb.ARCHIVE | Verb.MERGE | Verb.CONSOLIDATE:
            return {"tier": Tier.ARCHIVE.label}
        case Verb.RESTORE if origin is not None:
            return {"tier": origin.label}
        case Verb.PROMOTE:
            return {"tier": Tier(max(0, item.tier - 1)).label}
        case Verb.DEMOTE:
            return {"tier": Tier(min(Tier.ARCHIVE, item.tier + 1)).label}
        case Verb.REFRESH:
            return {"last accessed": "when the plan is applied"}
        case Verb.IMPORTANCE:
            return {"importance": float(action.argument or 0.0)}
        case Verb.TAG:
            return {"tags": sorted(item.tags | {str(action.argument)})}
        case Verb.UNTAG:
            return {"tags": sorted(item.tags - {str(action.argument)})}
    return {}


def _stored_after(item: Item, change: PlannedChange, action: Action) -> dict[str, str]:
    """Return how the content would be stored, in words, where that would change."""
    from engine.lifecycle.policies import Verb

    left = f"about {max(0, item.stored_bytes - change.bytes_freed):,} B"
    other = change.related[0] if change.related else ""
    match action.verb:
        case Verb.MERGE:
            return {"stored as": f"the difference from {other}, {left}"}
        case Verb.DEDUPLICATE:
            return {"stored as": f"shared with {other}, {left}"}
        case Verb.ARCHIVE | Verb.COMPRESS | Verb.CONSOLIDATE if change.bytes_freed:
            return {"stored as": f"{item.codec.base.label}, packed, {left}"}
    return {}
