"""Differences and restores as lines for people and as JSON objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from inspector import formatting
from inspector.cli import output

if TYPE_CHECKING:
    from engine import (
        DifferenceCounts,
        ItemDifference,
        LinkDifference,
        RestorePoint,
        RestoreReport,
        StoreDifference,
    )

ITEM_COLUMNS = (("item", 40), ("what", 8), ("agent", 20), ("kind", 12), ("fields", 0))
NAMES_MAX = 5


def point_text(point: RestorePoint) -> str:
    """Return `change 1,234 (2026-01-31 12:00:00 UTC)`, and which backup has it."""
    text = f"change {formatting.count(point.sequence)} ({formatting.exact_time(point.at)})"
    return text if point.backup is None else f"{text} in the backup {point.backup}"


def print_difference(found: StoreDifference, *, samples: bool = True) -> None:
    """Print how two points differ: counts, by agent and kind, and the first items."""
    facts = [("from", point_text(found.before)), ("to", point_text(found.after))]
    if found.is_empty:
        facts.append(("items", "nothing differs"))
    else:
        facts.append(("items", _counts_text(found.items)))
        facts.append(("associations", _links_text(found)))
        facts.append(("by agent", _by_text(found.by_agent)))
        facts.append(("by kind", _by_text(found.by_kind)))
    output.print_facts(facts)
    if samples:
        print_items(found.samples)
        more = found.items.total - len(found.samples)
        if more > 0:
            output.print_text(f"... and {formatting.count(more)} more")


def print_items(items: Sequence[ItemDifference]) -> None:
    """Print items that differ as a table."""
    if items:
        output.Table(ITEM_COLUMNS).print_rows([_row(item) for item in items])


def _row(item: ItemDifference) -> Sequence[str]:
    fields = ", ".join(item.fields)
    if item.difference == "moved" and item.tier_before is not None and item.tier_after is not None:
        fields = f"{item.tier_before.label} to {item.tier_after.label}"
    return item.item_id, item.difference, item.agent, item.kind, fields


def _counts_text(counts: DifferenceCounts) -> str:
    parts = (
        ("added", counts.added),
        ("changed", counts.changed),
        ("moved", counts.moved),
        ("removed", counts.removed),
    )
    return ", ".join(f"{formatting.count(n)} {word}" for word, n in parts if n) or "none"


def _links_text(found: StoreDifference) -> str:
    parts = (
        ("added", found.links_added),
        ("changed", found.links_changed),
        ("removed", found.links_removed),
    )
    return ", ".join(f"{formatting.count(n)} {word}" for word, n in parts if n) or "none"


def _by_text(counts: Mapping[str, DifferenceCounts]) -> str:
    shown = [f"{name} {formatting.count(c.total)}" for name, c in list(counts.items())[:NAMES_MAX]]
    if len(counts) > NAMES_MAX:
        shown.append(f"{len(counts) - NAMES_MAX} more")
    return ", ".join(shown)


def _point_record(point: RestorePoint) -> dict[str, Any]:
    return {"sequence": point.sequence, "at": point.at.isoformat(), "backup": point.backup}


def _counts_record(counts: DifferenceCounts) -> dict[str, int]:
    return {
        "added": counts.added,
        "changed": counts.changed,
        "moved": counts.moved,
        "removed": counts.removed,
    }


def difference_record(found: StoreDifference) -> dict[str, Any]:
    """Return a difference as a JSON object."""
    return {
        "from": _point_record(found.before),
        "to": _point_record(found.after),
        "items": _counts_record(found.items),
        "by_agent": {name: _counts_record(c) for name, c in found.by_agent.items()},
        "by_kind": {name: _counts_record(c) for name, c in found.by_kind.items()},
        "associations": {
            "added": found.links_added,
            "changed": found.links_changed,
            "removed": found.links_removed,
        },
        "changes": found.changes,
        "samples": [item_record(item) for item in found.samples],
    }


def item_record(item: ItemDifference) -> dict[str, Any]:
    """Return an item that differs as a JSON object."""
    return {
        "id": item.item_id,
        "difference": item.difference,
        "fields": list(item.fields),
        "agent": item.agent,
        "kind": item.kind,
        "tier_before": None if item.tier_before is None else item.tier_before.label,
        "tier_after": None if item.tier_after is None else item.tier_after.label,
        "changes": item.changes,
    }


def link_record(link: LinkDifference) -> dict[str, Any]:
    """Return an association that differs as a JSON object."""
    return {
        "source": link.source_id,
        "target": link.target_id,
        "relation": link.relation,
        "before": link.before,
        "after": link.after,
    }


def report_record(report: RestoreReport) -> dict[str, Any]:
    """Return what a restore did as a JSON object."""
    return {
        "point": _point_record(report.point),
        "scope": report.scope,
        "items": report.items,
        "target": report.target,
        "first_sequence": report.first_sequence,
        "last_sequence": report.last_sequence,
        "safety_backup": report.safety_backup,
        "moved_aside": report.moved_aside,
    }
