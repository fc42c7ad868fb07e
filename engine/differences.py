"""What is said of a store's past: restore points, how dense changes are, and how points differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

from engine.models import Item, Operation, Tier

Point: TypeAlias = "int | datetime"
"""A restore point: a sequence, or an aware time."""

Difference: TypeAlias = Literal["added", "changed", "moved", "removed"]
"""What became of an item; `moved` is one whose tier alone is another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestorePoint:
    """A moment to which a store can be set back: after a change, and when that was made.

    `backup` is the backup that reaches it, None while the store's own change log does.
    """

    sequence: int
    at: datetime
    backup: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineBucket:
    """The changes made in a span of time, `start` with and `end` without.

    The sequences are of the first and the last of them, None where there is none.
    """

    start: datetime
    end: datetime
    changes: int
    first_sequence: int | None
    last_sequence: int | None
    by_operation: Mapping[Operation, int]
    by_actor: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """How many changes were made when, in spans of equal length, oldest first."""

    oldest: RestorePoint
    newest: RestorePoint
    buckets: tuple[TimelineBucket, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemDifference:
    """An item that differs between two points; agent and kind are the later ones it has.

    `fields` are those that differ, by their names in the change log; none for one that was added or
    removed. `changes` is how often it changed in between.
    """

    item_id: str
    difference: Difference
    fields: tuple[str, ...]
    agent: str
    kind: str
    tier_before: Tier | None
    tier_after: Tier | None
    changes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkDifference:
    """An association that differs between two points; a strength of None: it is not there."""

    source_id: str
    target_id: str
    relation: str
    before: float | None
    after: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemSides:
    """One item at two points, None where it was not there."""

    before: Item | None
    after: Item | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceCounts:
    """How many items differ, and how."""

    added: int = 0
    changed: int = 0
    moved: int = 0
    removed: int = 0

    @property
    def total(self) -> int:
        """All items that differ."""
        return self.added + self.changed + self.moved + self.removed


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreDifference:
    """How a store differs between two points; what differs one by one is read page by page.

    `samples` are the first of the items that differ, in order of id.
    """

    before: RestorePoint
    after: RestorePoint
    items: DifferenceCounts
    by_agent: Mapping[str, DifferenceCounts]
    by_kind: Mapping[str, DifferenceCounts]
    links_added: int
    links_changed: int
    links_removed: int
    changes: int
    samples: tuple[ItemDifference, ...] = field(default=())

    @property
    def is_empty(self) -> bool:
        """Whether items and links are the same."""
        return not self.items.total and not (
            self.links_added + self.links_changed + self.links_removed
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreReport:
    """What a restore did. `point` is what was restored, `items` how many came, or were changed.

    In a new file, at `target`, there is nothing to undo. In place, `undo(first_sequence,
    last_sequence)` takes it back (both None when nothing differed), and `safety_backup` is the
    backup that was made before. `moved_aside` is where a store that could not be read is now.
    """

    point: RestorePoint
    scope: str
    items: int
    target: str | None = None
    first_sequence: int | None = None
    last_sequence: int | None = None
    safety_backup: str | None = None
    moved_aside: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRestore:
    """A restore in place that the store remembers: when, by whom, of what, and its changes."""

    at: datetime
    actor: str
    point: RestorePoint
    scope: str
    first_sequence: int
    last_sequence: int
    safety_backup: str | None
