"""The screens of the app that a number key leads to, in the order of their numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """A screen of its own that keeps its state: Textual's name of it, and what people read."""

    name: str
    title: str
    help: str


MODES: tuple[Mode, ...] = (
    Mode(name="browse", title="Browse", help="Go to the items of the store"),
    Mode(name="lifecycle", title="Lifecycle", help="Go to policies, plans and past runs"),
    Mode(name="backups", title="Backups", help="Go to backups, and to what the store was before"),
)
