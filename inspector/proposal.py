"""A plan in front of a person: what it has for each policy, and what they leave out of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inspector.gateway import Forgetting, Plan, PlannedChange


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What a policy would still do, and how many of its changes are left out."""

    count: int = 0
    bytes_freed: int = 0
    left_out: int = 0
    pinned: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A plan, and what is left out of it."""

    plan: Plan
    changes: Mapping[str, Sequence[PlannedChange]]
    """The changes by policy, in order; every policy of the plan has an entry."""
    items: frozenset[str] = frozenset()
    policies: frozenset[str] = frozenset()
    keeps_history: bool = False
    """Whether letting go of old history is left out."""

    @property
    def forgets(self) -> Forgetting | None:
        """The history that would still be let go of."""
        return None if self.keeps_history else self.plan.forgets

    def leaves_out(self, change: PlannedChange) -> bool:
        """Return whether a change is left out: itself, its policy, or what it is done with."""
        return (
            change.item_id in self.items
            or change.policy in self.policies
            or not self.items.isdisjoint(change.related)
        )

    def with_item_toggled(self, item_id: str) -> Proposal:
        """Return the proposal with an item left out, or taken in again."""
        return replace(self, items=self.items ^ {item_id})

    def with_policy_toggled(self, name: str) -> Proposal:
        """Return the proposal with all that a policy would do left out, or taken in again."""
        return replace(self, policies=self.policies ^ {name})

    def with_history_toggled(self) -> Proposal:
        """Return the proposal with letting go of old history left out, or taken in again."""
        return replace(self, keeps_history=not self.keeps_history)

    def kept(self) -> Plan:
        """Return the plan without what is left out."""
        return self.plan.without(
            items=self.items, policies=self.policies, forgetting=self.keeps_history
        )

    def totals(self) -> dict[str, Totals]:
        """Return what each policy would still do, in order."""
        found: dict[str, Totals] = {}
        for name, changes in self.changes.items():
            kept = [change for change in changes if not self.leaves_out(change)]
            found[name] = Totals(
                count=len(kept),
                bytes_freed=sum(change.bytes_freed for change in kept),
                left_out=len(changes) - len(kept),
                pinned=self.plan.pinned.get(name, 0),
            )
        return found


def propose(plan: Plan) -> Proposal:
    """Return a proposal of all that a plan has."""
    changes: dict[str, list[PlannedChange]] = {policy.name: [] for policy in plan.policies}
    for change in plan.changes:
        changes[change.policy].append(change)
    return Proposal(plan=plan, changes=changes)


def total_of(totals: Mapping[str, Totals]) -> Totals:
    """Return what all policies would still do, together."""
    return Totals(
        count=sum(part.count for part in totals.values()),
        bytes_freed=sum(part.bytes_freed for part in totals.values()),
        left_out=sum(part.left_out for part in totals.values()),
        pinned=sum(part.pinned for part in totals.values()),
    )
