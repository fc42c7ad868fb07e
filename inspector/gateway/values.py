"""What the gateway gives to the screens that the engine has no value of its own for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine import Association, Item, Preview, RetentionScore, Transition


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequences:
    """The changes, first to last, that one action of the person made."""

    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The beginning of an item's content, or all of it, in the form in which it is shown."""

    form: str
    """`json` (a value, or the beginning of its source), `text`, `bytes` or `opcodes`."""
    value: Any = None
    text: str | None = None
    data: bytes = b""
    opcodes: tuple[str, ...] = ()
    remaining_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """All that the item pane shows, except the history."""

    item: Item
    part: Part
    outgoing: tuple[Association, ...]
    incoming: tuple[Association, ...]
    neighbours: Mapping[str, Preview] = field(default_factory=dict)
    score: RetentionScore | None = None
    """Why the item is where it is; None if it went away meanwhile."""
    transitions: tuple[Transition, ...] = ()
    """Its last moves between tiers, newest first."""
