"""Policies, plans and runs as the screens see them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from inspector.gateway.policies import PoliciesGateway

if TYPE_CHECKING:
    from engine import Item, Plan, PlannedChange, Run

Progress = Callable[[int, int], None]
"""Told how much is done, and how much there is."""

RUNS_MAX = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
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

    async def before_and_after(self, change: PlannedChange, plan: Plan) -> Comparison:
        """Return what a change of a plan would make of its item.

        Raises:
            StalePlanError: the item has moved on since the plan was made.
        """
        shown = await self._store.lifecycle.preview(change, plan=plan)
        before = _fields(shown.before)
        if shown.after is None:
            return Comparison(before=before, after=None)
        words = _in_words(shown.before, shown.after, change)
        return Comparison(before=before, after=_fields(shown.after) | words)


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


def _in_words(before: Item, after: Item, change: PlannedChange) -> dict[str, str]:
    """Return those fields of the item as planned that words say better than values."""
    from engine.lifecycle.policies import Verb, parse_action

    verb = parse_action(change.action).verb
    if verb is Verb.REFRESH:
        return {"last accessed": "when the plan is applied"}
    other = change.related[0] if change.related else ""
    if verb is Verb.DEDUPLICATE:
        return {"stored as": f"shared with {other}, {after.stored_bytes:,} B together"}
    if verb is Verb.MERGE and after.codec is not before.codec:
        return {"stored as": f"the difference from {other}, {after.stored_bytes:,} B"}
    return {}
