"""A plan: the exact changes that policies would make, and what is worth a warning."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from engine.clock import to_datetime, to_microseconds
from engine.lifecycle.policy import Policy
from engine.models import Item


class PlannedChange(NamedTuple):
    """One item, what would be done to it, and by which policy.

    A tuple, since a plan may have a million and a frozen dataclass takes five times longer.

    `action` is always one of the built-in ones, also where a registered one chose it. `related`
    are the items it is done with: the one it equals or is merged into, the summary it becomes part
    of. `bytes_freed` is about what its content would take less.
    """

    item_id: str
    policy: str
    action: str
    reason: str
    bytes_freed: int
    related: tuple[str, ...] = ()
    similarity: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BeforeAndAfter:
    """An item as it is, and as a planned change would leave it: None where it would be deleted.

    Codec and stored bytes of `after` are what packing with the present dictionary gives; where
    content is shared, the bytes are those that all who share it have together.
    """

    before: Item
    after: Item | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyPlan:
    """What one policy would do; `pinned` items matched too and stay as they are."""

    policy: Policy
    count: int
    bytes_freed: int
    pinned: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgetting:
    """Changes of the log, `first` to `through`; the last of them was made at `until`.

    They are older than history is kept: once forgotten, nothing can be undone to what it was
    before them. `bytes_freed` is about what they take, with the contents that only they hold.
    """

    first: int
    through: int
    changes: int
    until: datetime
    bytes_freed: int

    @property
    def warning(self) -> str:
        """What a plan that has this warns of."""
        return (
            f"history: {self.changes:,} changes, the last of {self.until:%Y-%m-%d}, would be "
            "forgotten; what they did cannot be undone afterwards"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The changes of one run, in the order in which they would be made.

    It holds for the store as it was at `sequence`; every item is in it at most once.
    """

    store_id: str
    sequence: int
    planned_at: datetime
    policies: tuple[Policy, ...]
    changes: tuple[PlannedChange, ...]
    pinned: Mapping[str, int]
    """Items that a policy matched but did not claim since they are pinned, by policy."""
    warnings: tuple[str, ...] = ()
    forgets: Forgetting | None = None
    """History that is older than it is kept; it goes last, and undoing the run leaves it gone."""

    @property
    def bytes_freed(self) -> int:
        """About what the contents and the history would take less, together."""
        history = self.forgets.bytes_freed if self.forgets else 0
        return sum(change.bytes_freed for change in self.changes) + history

    @property
    def by_policy(self) -> Mapping[str, PolicyPlan]:
        """What each policy would do, in order; also those that would do nothing."""
        counts = {policy.name: [0, 0] for policy in self.policies}
        for change in self.changes:
            counts[change.policy][0] += 1
            counts[change.policy][1] += change.bytes_freed
        return {
            policy.name: PolicyPlan(
                policy=policy,
                count=counts[policy.name][0],
                bytes_freed=counts[policy.name][1],
                pinned=self.pinned.get(policy.name, 0),
            )
            for policy in self.policies
        }

    def without(
        self,
        items: Collection[str] = (),
        policies: Collection[str] = (),
        *,
        forgetting: bool = False,
    ) -> Plan:
        """Return the plan without these items, and without all that these policies would do.

        With `forgetting`, also without letting go of old history.

        An item that was to be merged into, or to become part of a summary with, one that is left
        out is done without it or left out as well.
        """
        items, policies = frozenset(items), frozenset(policies)
        kept = tuple(
            change
            for change in self.changes
            if change.policy not in policies
            and change.item_id not in items
            and items.isdisjoint(change.related)
        )
        if not forgetting or self.forgets is None:
            return replace(self, changes=kept)
        warnings = tuple(text for text in self.warnings if text != self.forgets.warning)
        return replace(self, changes=kept, forgets=None, warnings=warnings)

    def to_json(self) -> bytes:
        """Return the plan as JSON: of the same store and policies always the same bytes."""
        numbers = {policy.name: number for number, policy in enumerate(self.policies)}
        return orjson.dumps(
            {
                "store_id": self.store_id,
                "sequence": self.sequence,
                "policies": [
                    {"name": policy.name, "when": policy.when, "do": policy.do}
                    for policy in self.policies
                ],
                "changes": [_change_row(change, numbers) for change in self.changes],
                "pinned": dict(self.pinned),
                "warnings": list(self.warnings),
                "forgets": _forgetting_row(self.forgets),
            }
        )


def _change_row(change: PlannedChange, numbers: Mapping[str, int]) -> list[Any]:
    return [
        change.item_id,
        numbers[change.policy],
        change.action,
        change.reason,
        change.bytes_freed,
        list(change.related),
        change.similarity,
    ]


def _forgetting_row(forgets: Forgetting | None) -> list[int] | None:
    if forgets is None:
        return None
    until = to_microseconds(forgets.until)
    return [forgets.first, forgets.through, forgets.changes, until, forgets.bytes_freed]


def _forgetting_of(row: list[int] | None) -> Forgetting | None:
    if row is None:
        return None
    first, through, changes, until, bytes_freed = row
    return Forgetting(
        first=first,
        through=through,
        changes=changes,
        until=to_datetime(until),
        bytes_freed=bytes_freed,
    )


def pack_plan(plan: Plan) -> bytes:
    """Return a plan with the time it was made, as it is kept while it is carried out."""
    return orjson.dumps([to_microseconds(plan.planned_at), orjson.Fragment(plan.to_json())])


def unpack_plan(data: bytes) -> Plan:
    """Return a plan that was kept."""
    planned_at, fields = orjson.loads(data)
    policies = tuple(Policy(**policy) for policy in fields["policies"])
    return Plan(
        store_id=fields["store_id"],
        sequence=fields["sequence"],
        planned_at=to_datetime(planned_at),
        policies=policies,
        changes=tuple(_change_of(row, policies) for row in fields["changes"]),
        pinned=fields["pinned"],
        warnings=tuple(fields["warnings"]),
        forgets=_forgetting_of(fields.get("forgets")),
    )


def _change_of(row: list[Any], policies: tuple[Policy, ...]) -> PlannedChange:
    item_id, number, action, reason, bytes_freed, related, similarity = row
    return PlannedChange(
        item_id=item_id,
        policy=policies[number].name,
        action=action,
        reason=reason,
        bytes_freed=bytes_freed,
        related=tuple(related),
        similarity=similarity,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One carrying-out of a plan.

    `state` is `running`, `done`, `undone`, or `interrupted`: a crash fell into it, and it can be
    resumed or undone. Its own of the changes from `first_sequence` to `last_sequence` are one
    batch. `ended_at` of a run that goes on is when it was last seen at work.
    """

    id: int
    state: str
    started_at: datetime
    ended_at: datetime | None
    planned: int
    done: int
    first_sequence: int | None
    last_sequence: int | None
    by_policy: Mapping[str, int]
    """Changes planned, by policy."""
    forgotten: int
    """Changes of the log that were older than history is kept, and are gone."""
    bytes_before: int
    """Of the file, when the run began; None of `bytes_after` until it ended."""
    bytes_after: int | None


def batches(changes: Iterable[PlannedChange], size: int) -> Iterable[list[PlannedChange]]:
    """Split changes into runs of about `size`; what belongs to one summary stays together."""
    batch: list[PlannedChange] = []
    for change in changes:
        joined = bool(batch) and change.action == "consolidate" == batch[-1].action
        if len(batch) >= size and not (joined and batch[-1].related == change.related):
            yield batch
            batch = []
        batch.append(change)
    if batch:
        yield batch
