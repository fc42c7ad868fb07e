"""Moves between tiers in words, lines and columns. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from inspector import formatting
from inspector.widgets.columns import Column
from inspector.widgets.roles import Line, Piece, Role

if TYPE_CHECKING:
    from inspector.gateway import Transition
    from inspector.gateway.tiers import TransitionFilter

_REASONS: Mapping[str, str] = {
    "edit": "moved by hand",
    "undo": "undone",
    "full": "made room",
    "idle": "idle",
    "recalled": "often read",
    "important": "important",
}
"""Why an item was moved; any other reason is the name of a policy."""


def reason_text(move: Transition) -> str:
    """Return why an item was moved, in words."""
    return _REASONS.get(move.reason, move.reason)


def transition_columns(now: Callable[[], datetime]) -> list[Column]:
    """Return the columns of the list of moves; times are told relative to `now()`."""
    return [
        Column(
            name="at",
            title="when",
            width=8,
            align="right",
            render=lambda move: (formatting.relative_time(move.at, now()), Role.DIM),
        ),
        Column(
            name="id",
            title="item",
            width=16,
            flex=0.5,
            elide="middle",
            render=lambda move: (move.item_id, Role.STRONG),
        ),
        Column(name="move", title="  from → to", width=24, render=_way),
        Column(
            name="reason",
            title="because",
            width=13,
            flex=0.3,
            render=lambda move: (reason_text(move), Role.ACCENT),
        ),
        Column(
            name="score",
            title="score",
            width=5,
            align="right",
            shows_from=60,
            render=_score,
        ),
    ]


def _way(move: Transition) -> tuple[str, Role]:
    """Return from where to where, and whether that is up or down."""
    words = f"{move.from_tier.label} → {move.to_tier.label}"
    if move.to_tier < move.from_tier:
        return f"▲ {words}", Role.GOOD
    return f"▼ {words}", Role.PLAIN


def _score(move: Transition) -> tuple[str, Role]:
    if move.score is None:
        return "-", Role.DIM
    return formatting.number(move.score), Role.NUMBER


def title_line(wanted: TransitionFilter, *, newer: int, refresh_key: str) -> Line:
    """Return which moves are shown, and how many have come since."""
    pieces: list[Piece] = [("  Transitions", Role.HEADING), (", newest first", Role.DIM)]
    for word, value in _chosen(wanted):
        pieces += [(f"  {word} ", Role.KEY), (value, Role.ACCENT)]
    if newer:
        amount = f"{formatting.count(newer)} new"
        pieces += [(f"  {amount}, {refresh_key} refreshes", Role.WARNING)]
    return tuple(pieces)


def _chosen(wanted: TransitionFilter) -> Iterator[tuple[str, str]]:
    if wanted.left is not None:
        yield "out of", wanted.left.label
    if wanted.entered is not None:
        yield "into", wanted.entered.label
    if wanted.agent:
        yield "agent", wanted.agent


def empty_text(wanted: TransitionFilter) -> str:
    """Return what to say where there is no move."""
    if any(_chosen(wanted)):
        return "no such move; Esc shows all"
    return "nothing has been moved between tiers yet"
