"""The columns of the item list, and the orders it can have."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from inspector import formatting
from inspector.widgets.item_table import Column
from inspector.widgets.roles import Role

if TYPE_CHECKING:
    from inspector.gateway import Preview

DEFAULT_ORDER = "-created_at"

ORDERS: tuple[tuple[str, str], ...] = (
    ("-created_at", "created, newest first"),
    ("created_at", "created, oldest first"),
    ("-updated_at", "updated, newest first"),
    ("updated_at", "updated, oldest first"),
    ("-last_accessed_at", "last used, newest first"),
    ("last_accessed_at", "last used, oldest first"),
    ("-importance", "importance, highest first"),
    ("importance", "importance, lowest first"),
    ("-access_count", "accesses, most first"),
    ("-size_bytes", "size, largest first"),
    ("size_bytes", "size, smallest first"),
    ("id", "id, A to Z"),
    ("-id", "id, Z to A"),
    ("agent", "agent, A to Z"),
    ("kind", "kind, A to Z"),
    ("tier", "tier, working first"),
    ("-tier", "tier, archive first"),
)

_TIERS = ("working", "short", "long", "archive")
_TIER_ROLES = (Role.GOOD, Role.ACCENT, Role.PLAIN, Role.DIM)
_IMPORTANT = 0.8
_UNIMPORTANT = 0.3


def item_columns(now: Callable[[], datetime]) -> list[Column]:
    """Return the columns; times are told relative to `now()`."""
    return [
        Column(
            name="id",
            title="id",
            width=16,
            flex=0.5,
            elide="middle",
            sort="id",
            render=lambda row: (row.id, Role.STRONG),
        ),
        Column(
            name="kind",
            title="kind",
            width=10,
            shows_from=66,
            sort="kind",
            render=lambda row: (row.kind, Role.PLAIN),
        ),
        Column(name="tier", title="tier", width=7, shows_from=44, sort="tier", render=_tier),
        Column(
            name="importance",
            title="imp",
            width=4,
            align="right",
            sort="importance",
            descending_first=True,
            render=_importance,
        ),
        Column(
            name="agent",
            title="agent",
            width=9,
            shows_from=104,
            sort="agent",
            render=lambda row: (row.agent, Role.PLAIN),
        ),
        Column(
            name="tags",
            title="tags",
            width=16,
            shows_from=88,
            render=lambda row: (" ".join(row.tags), Role.ACCENT),
        ),
        Column(
            name="created",
            title="created",
            width=8,
            align="right",
            shows_from=52,
            sort="created_at",
            descending_first=True,
            render=lambda row: (formatting.relative_time(row.created_at, now()), Role.DIM),
        ),
        Column(
            name="used",
            title="used",
            width=8,
            align="right",
            shows_from=118,
            sort="last_accessed_at",
            descending_first=True,
            render=lambda row: (formatting.relative_time(row.last_accessed_at, now()), Role.DIM),
        ),
        Column(
            name="preview",
            title="preview",
            width=12,
            flex=1,
            render=lambda row: (row.text, Role.PLAIN),
        ),
    ]


def _tier(row: Preview) -> tuple[str, Role]:
    return _TIERS[row.tier], _TIER_ROLES[row.tier]


def _importance(row: Preview) -> tuple[str, Role]:
    if row.importance >= _IMPORTANT:
        role = Role.WARNING
    else:
        role = Role.DIM if row.importance < _UNIMPORTANT else Role.NUMBER
    return formatting.number(row.importance), role
