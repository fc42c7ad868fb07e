"""The changes that this run of the app made, for undo and redo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

StepT = TypeVar("StepT")
"""What undo is told: the changes in the store's history, or what a policy was and became."""

ENTRIES_MAX = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry(Generic[StepT]):
    """One step of undo: what it was called, and the changes that it was."""

    label: str
    changes: StepT


class Journal(Generic[StepT]):
    """Two stacks: what can be undone and what can be made again."""

    def __init__(self) -> None:
        self._done: list[Entry[StepT]] = []
        self._undone: list[Entry[StepT]] = []

    @property
    def can_undo(self) -> bool:
        """True if there is something to take back."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """True if something taken back can be made again."""
        return bool(self._undone)

    @property
    def depth(self) -> int:
        """How many changes can be taken back."""
        return len(self._done)

    def record(self, label: str, changes: StepT) -> None:
        """Remember a new change; what was undone before it cannot be made again."""
        self._done.append(Entry(label=label, changes=changes))
        del self._done[:-ENTRIES_MAX]
        self._undone.clear()

    def next_undo(self) -> Entry[StepT] | None:
        """Return what would be undone, which stays until `undone` confirms it."""
        return self._done[-1] if self._done else None

    def next_redo(self) -> Entry[StepT] | None:
        """Return what would be made again, which stays until `redone` confirms it."""
        return self._undone[-1] if self._undone else None

    def undone(self, entry: Entry[StepT], changes: StepT) -> None:
        """Note that `entry` was taken back by `changes`."""
        self._done.remove(entry)
        self._undone.append(Entry(label=entry.label, changes=changes))

    def redone(self, entry: Entry[StepT], changes: StepT) -> None:
        """Note that `entry` was made again by `changes`."""
        self._undone.remove(entry)
        self._done.append(Entry(label=entry.label, changes=changes))

    def drop_undo(self) -> None:
        """Forget the newest change: the store refused to take it back."""
        self._done.pop()

    def drop_redo(self) -> None:
        """Forget what was undone last: the store refused to make it again."""
        self._undone.pop()
