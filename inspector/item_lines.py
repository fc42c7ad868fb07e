"""An item in lines: what its tabs of fields, links and history say. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from textual.content import Content

from inspector import display, formatting
from inspector.transition_lines import reason_text
from inspector.widgets.line_list import ListEntry
from inspector.widgets.roles import Line, Piece, Role

if TYPE_CHECKING:
    from inspector.gateway import (
        Association,
        Change,
        Detail,
        Item,
        Preview,
        RetentionScore,
        Transition,
    )

OLDER = "older"
"""The key of the entry that asks for the history before what is shown."""

LABEL_CELLS = 15
METADATA_DEPTH_MAX = 8
METADATA_LINES_MAX = 500


def summary(item: Item) -> Content:
    """Return the one line under the item's id."""
    return Content.assemble(
        display.content_line(item.kind, 20),
        (" · ", "$foreground-muted"),
        item.tier.label,
        (" · ", "$foreground-muted"),
        formatting.number(item.importance),
        (" · ", "$foreground-muted"),
        f"v{item.version}",
    )


def field_lines(detail: Detail, *, now: datetime) -> list[Line]:
    """Return every field of an item with its exact value, and why it is in its tier."""
    item = detail.item
    lines = [
        *_section("Item"),
        _field("id", item.id),
        _field("agent", item.agent),
        _field("kind", item.kind),
        _field("tier", item.tier.label),
        _field("importance", formatting.number(item.importance, 4), Role.NUMBER),
        _tags(item),
        _field("session", item.session_id or "none", Role.PLAIN if item.session_id else Role.DIM),
        *_section("Times"),
        _time("created", item.created_at, now),
        _time("updated", item.updated_at, now),
        _time("last accessed", item.last_accessed_at, now),
        _field("accesses", formatting.count(item.access_count), Role.NUMBER),
        *_section("Retention"),
        *_retention(detail.score),
        *_section("Moves"),
        *_moves(detail.transitions, now),
        *_section("Storage"),
        _field("version", str(item.version), Role.NUMBER),
        _field("codec", item.codec.label),
        _size(item),
        _field("hash", item.content_hash.hex(), Role.DIM),
        *_section("Metadata"),
        *_metadata(item.metadata),
    ]
    return lines[1:]


def _section(title: str) -> tuple[Line, Line]:
    return (), ((title, Role.HEADING),)


def _field(label: str, value: str, role: Role = Role.PLAIN) -> Line:
    return ((f"{label:<{LABEL_CELLS}}", Role.KEY), (value, role))


def _tags(item: Item) -> Line:
    if not item.tags:
        return _field("tags", "none", Role.DIM)
    pieces = [(f"{'tags':<{LABEL_CELLS}}", Role.KEY)]
    for tag in sorted(item.tags):
        pieces += [(tag, Role.ACCENT), ("  ", Role.PLAIN)]
    return tuple(pieces)


def _time(label: str, at: datetime | None, now: datetime) -> Line:
    if at is None:
        return _field(label, "never", Role.DIM)
    return (
        *_field(label, formatting.exact_time(at)),
        (f"  {formatting.relative_time(at, now)}", Role.DIM),
    )


def _retention(score: RetentionScore | None) -> list[Line]:
    """Return why an item would stay and why it would go: the lowest of a full tier go first."""
    if score is None:
        return [(("unknown", Role.DIM),)]
    parts = (
        (score.importance, " importance"),
        (score.recency, " recency"),
        (score.frequency, " frequency"),
    )
    line: list[Piece] = []
    for value, word in parts:
        line += [(" + ", Role.PLAIN)] if line else []
        line += [(formatting.number(value), Role.NUMBER), (word, Role.PLAIN)]
    total = formatting.number(score.total)
    return [(*line, (" = ", Role.PLAIN), (total, Role.STRONG))]


def _moves(transitions: Sequence[Transition], now: datetime) -> list[Line]:
    if not transitions:
        return [(("none: it is where it was written", Role.DIM),)]
    return [
        (
            (move.from_tier.label, Role.PLAIN),
            (" → ", Role.DIM),
            (move.to_tier.label, Role.STRONG),
            (f"  {formatting.relative_time(move.at, now)}", Role.DIM),
            (f"  {reason_text(move)}", Role.ACCENT),
            (f"  at {formatting.number(move.score)}" if move.score is not None else "", Role.DIM),
        )
        for move in transitions
    ]


def _size(item: Item) -> Line:
    line = _field("size", formatting.byte_size(item.size_bytes), Role.NUMBER)
    if item.stored_bytes == item.size_bytes:
        return line
    share = formatting.share(item.stored_bytes, item.size_bytes)
    return (*line, (f"  stored in {formatting.byte_size(item.stored_bytes)}, {share}", Role.DIM))


def _metadata(metadata: Mapping[str, Any]) -> list[Line]:
    if not metadata:
        return [(("none", Role.DIM),)]
    lines = list(_metadata_lines(metadata, 0))
    if len(lines) > METADATA_LINES_MAX:
        rest = len(lines) - METADATA_LINES_MAX
        return [*lines[:METADATA_LINES_MAX], ((f"… {rest} more; e shows all", Role.DIM),)]
    return lines


def _metadata_lines(value: Mapping[str, Any], depth: int) -> Iterator[Line]:
    indent = ("  " * depth, Role.PLAIN)
    for key, inner in value.items():
        if isinstance(inner, dict) and inner and depth < METADATA_DEPTH_MAX:
            yield (indent, (key, Role.KEY))
            yield from _metadata_lines(inner, depth + 1)
        else:
            yield (indent, (key, Role.KEY), ("  ", Role.PLAIN), _scalar(inner))


def _scalar(value: Any) -> tuple[str, Role]:
    import json

    if isinstance(value, str):
        return value, Role.STRING
    role = Role.LITERAL if value is None or isinstance(value, bool) else Role.NUMBER
    return json.dumps(value, ensure_ascii=False), role


# Links -------------------------------------------------------------------------------------


def link_entries(detail: Detail) -> list[ListEntry]:
    """Return the associations of an item, those that lead out first, strongest first."""
    entries: list[ListEntry] = []
    for title, links, outward in (
        ("Leads to", detail.outgoing, True),
        ("Comes from", detail.incoming, False),
    ):
        if not links:
            continue
        heading = f"{title} ({len(links)})"
        entries.append(ListEntry(title, ((heading, Role.HEADING),), selectable=False))
        for link in sorted(links, key=lambda link: (-link.strength, link.relation)):
            entries.append(_link_entry(link, detail.neighbours, outward=outward))
    return entries


def _link_entry(
    link: Association, neighbours: Mapping[str, Preview], *, outward: bool
) -> ListEntry:
    other = link.target_id if outward else link.source_id
    preview = neighbours.get(other)
    line: Line = (
        ("→ " if outward else "← ", Role.ACCENT),
        (link.relation, Role.KEY),
        (f" {formatting.number(link.strength)} ", Role.NUMBER),
        (other, Role.LINK),
        ("  ", Role.PLAIN),
        (preview.text if preview else "(gone)", Role.DIM),
    )
    return ListEntry((outward, link.relation, other), line)


# History -----------------------------------------------------------------------------------


def change_entries(changes: Sequence[Change], *, more: bool) -> list[ListEntry]:
    """Return the changes of an item, newest first, and an entry for older ones if any."""
    entries = [ListEntry(change.sequence, _change_line(change)) for change in reversed(changes)]
    if more:
        entries.append(ListEntry(OLDER, (("… older changes", Role.LINK),)))
    return entries


_OPERATION_ROLES = {"create": Role.ADDED, "delete": Role.REMOVED}


def _change_line(change: Change) -> Line:
    word = change.operation.name.lower()
    return (
        (f"v{change.version:<4}", Role.NUMBER),
        (f"{'undo' if change.undoes else word:<10}", _OPERATION_ROLES.get(word, Role.CHANGED)),
        (formatting.exact_time(change.at), Role.DIM),
        (f"  {change.actor or 'unknown'}", Role.PLAIN),
        (f"  {changed_fields(change)}", Role.DIM),
    )


def changed_fields(change: Change) -> str:
    """Return which fields a change touched, and to what if that is short."""
    names = sorted({*change.before, *change.after})
    words = []
    for name in names:
        value = change.after.get(name)
        if name not in ("content", "metadata") and isinstance(value, str | int | float):
            words.append(f"{name}={value}")
        else:
            words.append(name)
    return ", ".join(words)
