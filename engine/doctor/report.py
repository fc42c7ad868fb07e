"""What a doctor says of a store: one verdict for each thing that was looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

OnChecked: TypeAlias = Callable[[str, int, int], None]
"""Told the check at work, how much of it is done and how much there is (items, or changes)."""


class CheckState(StrEnum):
    """How a check ended; `UNKNOWN` when it could not be made."""

    OK = "ok"
    WARNING = "warning"
    DAMAGED = "damaged"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at: `evidence` says what was found, `hint` what to do about it.

    Evidence may quote what is stored: it is no safer to print than an item.
    """

    name: str
    state: CheckState
    evidence: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """All checks of one store, in the order in which they were made."""

    path: str
    quick: bool
    checks: tuple[Check, ...]

    @property
    def state(self) -> CheckState:
        """The worst there is; what could not be looked at is worse than a warning."""
        return max((check.state for check in self.checks), key=_SEVERITY.index)

    def check(self, name: str) -> Check:
        """Return the check of this name.

        Raises:
            KeyError: there was none.
        """
        for check in self.checks:
            if check.name == name:
                return check
        raise KeyError(name)


_SEVERITY = (CheckState.OK, CheckState.WARNING, CheckState.UNKNOWN, CheckState.DAMAGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """What `repair` did about one check: how many rows (or files) were put right."""

    check: str
    repaired: int


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of a check before it has its name."""

    state: CheckState
    evidence: str
    hint: str = ""


def fine(evidence: str) -> Finding:
    """Return that all is as it should be."""
    return Finding(CheckState.OK, evidence)


def some(names: list[str], total: int) -> str:
    """Return a few names for people, and how many more there are."""
    shown = ", ".join(names[:NAMED_MAX])
    return shown if total <= NAMED_MAX else f"{shown} and {total - NAMED_MAX:,} more"


NAMED_MAX = 5
