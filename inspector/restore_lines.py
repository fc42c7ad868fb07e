"""What a restore would do and what it did, in words and lines. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from textual.content import Content

from inspector import display, formatting
from inspector.display import visible_line
from inspector.lifecycle_lines import changes_text, items_text
from inspector.widgets.line_list import ListEntry
from inspector.widgets.roles import Line, Piece, Role

if TYPE_CHECKING:
    from inspector.gateway import (
        DifferenceCounts,
        Holder,
        ItemDifference,
        RestorePoint,
        RestoreReport,
        StoreDifference,
    )
    from inspector.gateway.past import RestorePreview

ROWS_MAX = 5
"""Agents, and kinds, that are counted one by one."""
NAME_CELLS = 22
HOLDERS_MAX = 3

WORDS: Mapping[str, tuple[str, Role]] = {
    "added": ("+ comes back", Role.ADDED),
    "changed": ("~ as it was", Role.CHANGED),
    "moved": ("→ tier", Role.CHANGED),
    "removed": ("- goes away", Role.REMOVED),
}
"""What would become of an item, from what the engine calls it."""


def point_text(point: RestorePoint) -> str:
    """Return a restore point in words."""
    source = "" if point.backup is None else f", from the backup {point.backup}"
    when = formatting.exact_time(point.at)
    return f"change {formatting.count(point.sequence)} of {when}{source}"


def counts_text(counts: DifferenceCounts) -> str:
    """Return what would become of items in words: `3 come back, 1 goes away`."""
    parts = [
        f"{formatting.count(number)} {one if number == 1 else many}"
        for number, one, many in (
            (counts.added, "item comes back", "items come back"),
            (counts.changed, "becomes what it was", "become what they were"),
            (counts.moved, "changes its tier", "change their tier"),
            (counts.removed, "goes away", "go away"),
        )
        if number
    ]
    return ", ".join(parts) or "no item would be different"


def links_text(difference: StoreDifference) -> str:
    """Return what would become of associations, empty if nothing."""
    parts = [
        f"{formatting.count(number)} {word}"
        for number, word in (
            (difference.links_added, "come back"),
            (difference.links_changed, "change"),
            (difference.links_removed, "go away"),
        )
        if number
    ]
    return f"associations: {', '.join(parts)}" if parts else ""


def facts(preview: RestorePreview, *, now: datetime) -> Content:
    """Return the two lines above the items that differ."""
    difference = preview.difference
    point = difference.after
    taken = difference.before.sequence - point.sequence
    parts: list[Content | str | tuple[str, str]] = [
        display.content_line(point_text(point), 160, "bold"),
        (f"  {formatting.relative_time(point.at, now)}", "$foreground-muted"),
    ]
    if taken > 0:
        parts.append((f"  {changes_text(taken)} since", "$text-warning"))
    parts += ["\n", display.content_line(counts_text(difference.items))]
    links = links_text(difference)
    if links:
        parts.append(f"; {links}")
    return Content.assemble(*parts)


def difference_entries(preview: RestorePreview) -> list[ListEntry]:
    """Return what would be different: by agent, by kind, and item by item."""
    difference = preview.difference
    entries: list[ListEntry] = []
    if difference.is_empty:
        return [_text(0, (("  The store is what it was then: there is nothing to do.", Role.DIM),))]
    for title, counts in (("by agent", difference.by_agent), ("by kind", difference.by_kind)):
        entries += _table(title, counts)
    entries.append(_text("items", (("item by item", Role.HEADING),)))
    entries += [_item_entry(item) for item in preview.items]
    more = difference.items.total - len(preview.items)
    if more > 0:
        text = f"  … and {formatting.count(more)} more"
        entries.append(_text("more", ((text, Role.DIM),)))
    return entries


def _text(key: object, line: Line) -> ListEntry:
    return ListEntry(("text", key), line, selectable=False)


def _table(title: str, counts: Mapping[str, DifferenceCounts]) -> Iterator[ListEntry]:
    if not counts:
        return
    heads = f"{'back':>9}{'as it was':>11}{'tier':>9}{'away':>9}"
    heading: Line = ((f"{title:<{NAME_CELLS + 2}}", Role.HEADING), (heads, Role.DIM))
    yield _text(title, heading)
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1].total, pair[0]))
    for name, count in ordered[:ROWS_MAX]:
        label = formatting.align(visible_line(name), NAME_CELLS)
        yield _text(
            (title, name),
            (
                (f"  {label}", Role.ACCENT),
                _number(count.added, 9, Role.ADDED),
                _number(count.changed, 11, Role.CHANGED),
                _number(count.moved, 9, Role.CHANGED),
                _number(count.removed, 9, Role.REMOVED),
            ),
        )
    if len(ordered) > ROWS_MAX:
        yield _text((title, "more"), ((f"  … and {len(ordered) - ROWS_MAX} more", Role.DIM),))


def _number(number: int, cells: int, role: Role) -> Piece:
    text = formatting.count(number) if number else "-"
    return f"{text:>{cells}}", role if number else Role.DIM


def _item_entry(item: ItemDifference) -> ListEntry:
    word, role = WORDS[item.difference]
    what = ", ".join(item.fields)
    if item.difference == "moved" and item.tier_before and item.tier_after:
        what = f"{item.tier_before.label} → {item.tier_after.label}"
    line: Line = (
        (f"{word:<13}", role),
        (item.item_id, Role.STRONG),
        (f"  {item.agent} · {item.kind}", Role.ACCENT),
        (f"  {what}", Role.DIM),
    )
    return ListEntry(item.item_id, line)


# What will happen --------------------------------------------------------------------------


def scope_text(scope: str) -> str:
    """Return what is restored in words."""
    return f"only what matches {scope}, then or now" if scope else "everything"


def in_place_lines(preview: RestorePreview, store_name: str) -> list[str]:
    """Return what a restore in place will do, a sentence a line."""
    difference = preview.difference
    lines = [
        f"{store_name} becomes what it was after {point_text(difference.after)}.",
        f"Scope: {scope_text(preview.wish.scope)}.",
        f"{_sentence(counts_text(difference.items))}.",
    ]
    links = links_text(difference)
    if links:
        lines.append(f"{_sentence(links)}.")
    if not preview.wish.scope:
        lines.append("First a full backup of the store as it is now is made and verified.")
    lines.append("It is one step: all of it happens, or nothing. Undo takes it back.")
    return lines


def to_file_lines(preview: RestorePreview, target: str) -> list[str]:
    """Return what a restore into a new file will do."""
    return [
        f"A new store, {target}",
        f"as it was after {point_text(preview.difference.after)}.",
        f"Scope: {scope_text(preview.wish.scope)}.",
    ]


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def holder_lines(holders: Sequence[Holder], *, now: datetime) -> list[str]:
    """Return who else has the store open for writing."""
    lines = [
        f"{holder.program} (process {holder.process_id} on {holder.host}) has it open for "
        f"writing since {formatting.relative_time(holder.since, now)}"
        for holder in holders[:HOLDERS_MAX]
    ]
    if len(holders) > HOLDERS_MAX:
        lines.append(f"and {len(holders) - HOLDERS_MAX} more")
    return lines


# What happened -----------------------------------------------------------------------------


def result_lines(report: RestoreReport, store_name: str) -> list[str]:
    """Return what a restore did."""
    point = point_text(report.point)
    if report.target is not None:
        return [
            f"{items_text(report.items)} are in {report.target},",
            f"as of {point}.",
            f"{store_name} was not touched.",
        ]
    if report.first_sequence is None:
        return [f"Nothing differed from {point}: nothing was changed."]
    first, last = report.first_sequence, report.last_sequence or report.first_sequence
    lines = [
        f"{items_text(report.items)} of {store_name} are as of {point}:",
        f"changes {formatting.count(first)} to {formatting.count(last)}.",
    ]
    if report.safety_backup is not None:
        lines.append(f"The safety backup before it: {report.safety_backup}")
    return lines
