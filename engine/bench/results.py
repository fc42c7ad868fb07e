"""What a benchmark finds: durations, the bars they are held against, what was measured where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from engine.bench.machine import Machine

Unit: TypeAlias = Literal["ms", "s", "x", "/s", "MB"]
Fact: TypeAlias = str | int | float


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """How long the calls of one row took, in microseconds, and how many came through a second."""

    calls: int
    p50: float
    p90: float
    p99: float
    p999: float
    maximum: float
    per_second: float

    @classmethod
    def of(cls, seconds: Sequence[float], *, wall_seconds: float | None = None) -> Timings:
        """Return the summary of durations; `wall_seconds` when the calls ran side by side.

        Raises:
            ValueError: there are none.
        """
        if not seconds:
            raise ValueError("no call was timed")
        ordered = sorted(seconds)
        total = sum(ordered) if wall_seconds is None else wall_seconds
        return cls(
            calls=len(ordered),
            p50=_microseconds(ordered, 0.5),
            p90=_microseconds(ordered, 0.9),
            p99=_microseconds(ordered, 0.99),
            p999=_microseconds(ordered, 0.999),
            maximum=round(ordered[-1] * 1e6, 1),
            per_second=round(len(ordered) / max(total, 1e-9), 1),
        )


def _microseconds(ordered: Sequence[float], share: float) -> float:
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1e6, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A number that was measured and what it should be at most, or at least."""

    what: str
    value: float
    limit: float
    unit: Unit
    at_least: bool = False

    @property
    def met(self) -> bool:
        """True if the number is on the right side."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One row of the report; a row without bars is there to compare with."""

    name: str
    group: str
    what: str
    timings: Timings | None = None
    bars: tuple[Bar, ...] = ()
    facts: dict[str, Fact] = field(default_factory=dict)

    @property
    def verdict(self) -> Literal["ok", "missed", "reference"]:
        """Whether all bars are met."""
        if not self.bars:
            return "reference"
        return "ok" if all(bar.met for bar in self.bars) else "missed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All rows of one run over one store."""

    source: str
    items: int
    file_bytes: int
    quick: bool
    seed: int
    seconds: float
    machine: Machine
    measurements: tuple[Measurement, ...]

    @property
    def missed(self) -> tuple[Measurement, ...]:
        """The rows with a bar that was not met."""
        return tuple(row for row in self.measurements if row.verdict == "missed")
