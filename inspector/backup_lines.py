"""Backups, what is wrong with them, and the moment on the slider, in lines. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from inspector import formatting
from inspector.density import Moment, Span
from inspector.display import visible_line
from inspector.lifecycle_lines import changes_text
from inspector.widgets.line_list import ListEntry
from inspector.widgets.roles import Line, Piece, Role

if TYPE_CHECKING:
    from inspector.gateway import Backup, ChangeNotice, Finding, PrunePlan
    from inspector.gateway.backups import Around, Kept, Shelf

INDENT = "     "
ROWS_MAX = 6
"""Operations, and actors, that are named."""
NAME_CELLS = 14
LINKS_MAX = 3
"""Backups between the first and the last of a chain that are named."""

SEVERITIES: Mapping[str, Piece] = {
    "error": ("✗ damaged     ", Role.BAD),
    "warning": ("! warning     ", Role.WARNING),
    "note": ("• note        ", Role.DIM),
}
VERIFIED: Piece = ("✓ verified    ", Role.GOOD)
NOT_VERIFIED: Piece = ("? not verified", Role.WARNING)
INCOMPLETE: Piece = ("✗ incomplete  ", Role.BAD)

GLYPHS: Mapping[str, str] = {"full": "◆", "incremental": "◇"}


# Backups -----------------------------------------------------------------------------------


def backup_state(kept: Kept, faults: Mapping[str, str]) -> Piece:
    """Return in a glyph and a word how a backup is; `faults` is what was found, by name."""
    if kept.backup.name in faults:
        return SEVERITIES["error"]
    if kept.broken:
        return INCOMPLETE
    return NOT_VERIFIED if kept.backup.verified_at is None else VERIFIED


def backup_entries(
    shelf: Shelf, *, now: datetime, faults: Mapping[str, str], create_key: str
) -> list[ListEntry]:
    """Return the backups, newest first, and then what else is wrong or foreign beside them."""
    entries: list[ListEntry] = []
    for kept in shelf.kept:
        entries += _backup_card(kept, now, faults)
    for number, finding in enumerate(shelf.findings):
        entries += _finding_card(("finding", number), finding)
    for backup in shelf.foreign:
        entries += _foreign_card(backup)
    if not entries:
        return _texts(list(_no_backups(shelf, create_key)))
    return entries[:-1]


def _backup_card(kept: Kept, now: datetime, faults: Mapping[str, str]) -> Iterator[ListEntry]:
    backup = kept.backup
    yield ListEntry(
        backup.name,
        (
            backup_state(kept, faults),
            (f"  {GLYPHS[backup.kind]} {backup.kind:<11}  ", Role.STRONG),
            (f"{formatting.relative_time(backup.created_at, now):<9}", Role.PLAIN),
            (f"{formatting.byte_size(backup.size_bytes):>8}", Role.NUMBER),
        ),
    )
    yield _below(backup.name, "changes", "changes", _changes(backup))
    yield _below(backup.name, "chain", "chain", _chain(kept))
    yield _below(backup.name, "name", "name", ((backup.name, Role.DIM),))
    problem = faults.get(backup.name) or kept.broken
    if problem:
        yield _below(backup.name, "why", "problem", ((problem, Role.BAD),))
    if backup.manifest.reason:
        yield _below(backup.name, "note", "note", ((backup.manifest.reason, Role.DIM),))
    yield ListEntry((backup.name, "gap"), (), selectable=False)


def _below(key: object, what: str, label: str, line: Line) -> ListEntry:
    pieces = ((f"{INDENT}{label:<9}", Role.KEY), *line)
    return ListEntry((key, what), pieces, selectable=False)


def _changes(backup: Backup) -> Line:
    newest = formatting.count(backup.sequence)
    if backup.kind == "full":
        items = formatting.count(backup.manifest.counts.get("items", 0))
        return ((f"up to {newest}", Role.PLAIN), (f"  {items} items", Role.DIM))
    first = formatting.count(backup.manifest.first_sequence)
    return ((f"{first} to {newest}", Role.PLAIN),)


def _chain(kept: Kept) -> Line:
    if kept.broken:
        return (("broken", Role.BAD),)
    if len(kept.chain) == 1:
        return (("stands alone", Role.PLAIN),)
    first, *between, last = kept.chain
    links = [first, *([] if len(between) > LINKS_MAX else between), last]
    text = " → ".join(f"{GLYPHS[link.kind]} {formatting.count(link.sequence)}" for link in links)
    if len(between) > LINKS_MAX:
        text = text.replace(" → ", f" → {len(between)} more → ")
    return ((text, Role.PLAIN),)


def _finding_card(key: object, finding: Finding) -> Iterator[ListEntry]:
    state = SEVERITIES.get(finding.severity, SEVERITIES["warning"])
    yield ListEntry(key, (state, (f"  {finding.backup or 'not a backup'}", Role.STRONG)))
    yield _below(key, "what", "problem", ((finding.what, Role.PLAIN),))
    if finding.hint:
        yield _below(key, "hint", "→", ((finding.hint, Role.ACCENT),))
    yield ListEntry((key, "gap"), (), selectable=False)


def _foreign_card(backup: Backup) -> Iterator[ListEntry]:
    key = ("foreign", backup.name)
    yield ListEntry(key, (("• foreign     ", Role.WARNING), (f"  {backup.name}", Role.STRONG)))
    store = backup.manifest.store_id
    yield _below(key, "what", "problem", ((f"it is of another store, {store}", Role.PLAIN),))
    yield _below(key, "hint", "→", (("move it to that store's directory", Role.ACCENT),))
    yield ListEntry((key, "gap"), (), selectable=False)


def _no_backups(shelf: Shelf, create_key: str) -> Iterator[Line]:
    yield (("No backups yet", Role.HEADING),)
    yield (("They would be in ", Role.DIM), (shelf.directory, Role.DIM))
    yield ()
    if create_key:
        yield ((create_key, Role.ACCENT), ("  makes one, while agents write.", Role.PLAIN))
    yield (("The store's own log goes back as far as the slider does.", Role.DIM),)


def _texts(lines: Sequence[Line]) -> list[ListEntry]:
    return [ListEntry(("text", index), line, selectable=False) for index, line in enumerate(lines)]


# The moment --------------------------------------------------------------------------------


def moment_line(moment: Moment, newest: Moment, *, now: datetime, new_changes: int = 0) -> Line:
    """Return which moment it is, and what would be taken back to get there."""
    taken = newest.sequence - moment.sequence
    back = f"  {changes_text(taken)} since" if taken else "" if new_changes else "  now"
    line: Line = (
        (f" change {formatting.count(moment.sequence)}", Role.STRONG),
        (f" of {formatting.count(newest.sequence)}", Role.DIM),
        (f"  {formatting.exact_time(moment.at)}", Role.PLAIN),
        (f"  {formatting.relative_time(moment.at, now)}", Role.DIM),
        (back, Role.NUMBER),
    )
    if new_changes:
        line = (*line, (f"  {formatting.count(new_changes)} new - r to refresh", Role.WARNING))
    return line


def around_lines(
    around: Around,
    here: Span | None,
    neighbours: tuple[Span | None, Span | None],
    *,
    sums_first: bool,
) -> list[Line]:
    """Return what changed around a moment: by operation and actor, and one by one."""
    sums: list[Line] = []
    if here is not None:
        before, after = neighbours
        sums = list(_table((before or _nothing(here), here, after or _nothing(here))))
    single = list(_one_by_one(around))
    return [*sums, (), *single] if sums_first else [*single, (), *sums]


def _one_by_one(around: Around) -> Iterator[Line]:
    yield (("Change by change", Role.HEADING),)
    for notice in around.before:
        yield _notice(notice)
    yield (("▲ restores to here ", Role.STRONG), ("─" * 20, Role.DIM))
    for notice in around.after:
        yield _notice(notice)
    if not around.after:
        yield (("  nothing has changed since", Role.DIM),)


def _nothing(here: Span) -> Span:
    return Span(start=here.start, end=here.end)


def _table(spans: tuple[Span, Span, Span]) -> Iterator[Line]:
    """Yield counts before, in and after the column of the moment."""
    length = (spans[1].end - spans[1].start).total_seconds() * 1000
    yield (
        ("Around here", Role.HEADING),
        (f"  in spans of {formatting.duration_ms(length)}", Role.DIM),
    )
    yield ((f"  {'':<{NAME_CELLS}}{'before':>9}{'here':>9}{'after':>9}", Role.DIM),)
    yield _counts("changes", [span.changes for span in spans], Role.STRONG)
    for name in _largest(spans, "by_operation"):
        role = Role.REMOVED if name == "delete" else Role.PLAIN
        yield _counts(name, [span.by_operation.get(name, 0) for span in spans], role)
    for name in _largest(spans, "by_actor"):
        yield _counts(
            f"by {name or 'unknown'}", [span.by_actor.get(name, 0) for span in spans], Role.ACCENT
        )


def _largest(spans: Sequence[Span], what: str) -> list[str]:
    sums: dict[str, int] = {}
    for span in spans:
        for name, count in getattr(span, what).items():
            sums[name] = sums.get(name, 0) + count
    return sorted(sums, key=lambda name: (-sums[name], name))[:ROWS_MAX]


def _counts(name: str, counts: Sequence[int], role: Role) -> Line:
    label = formatting.align(visible_line(name), NAME_CELLS)
    numbers = "".join(f"{formatting.count(count) if count else '-':>9}" for count in counts)
    return ((f"  {label}", role), (numbers, Role.NUMBER))


def _notice(notice: ChangeNotice) -> Line:
    operation = notice.operation.name.lower()
    role = Role.REMOVED if operation == "delete" else Role.PLAIN
    return (
        (f"  {formatting.count(notice.sequence):>7}  ", Role.NUMBER),
        (f"{operation:<10}", role),
        (notice.item_id, Role.STRONG),
        (f"  by {notice.actor or 'unknown'}", Role.ACCENT),
        (f"  {notice.at:%H:%M:%S}", Role.DIM),
    )


# Pruning -----------------------------------------------------------------------------------


def prune_lines(plan: PrunePlan, backups: Mapping[str, Backup], *, now: datetime) -> list[Line]:
    """Return what a pruning would delete and what it would keep, and why."""
    lines: list[Line] = []
    for name in plan.delete:
        lines.append((("✗ delete  ", Role.REMOVED), *_named(name, backups, now)))
    for name, reasons in plan.keep.items():
        kept = (f"  {', '.join(reasons)}", Role.DIM)
        lines.append((("✓ keep    ", Role.GOOD), *_named(name, backups, now), kept))
    return lines


def _named(name: str, backups: Mapping[str, Backup], now: datetime) -> Line:
    backup = backups.get(name)
    if backup is None:
        return ((name, Role.STRONG),)
    age = formatting.relative_time(backup.created_at, now)
    size = formatting.byte_size(backup.size_bytes)
    return (
        (f"{GLYPHS[backup.kind]} {backup.kind:<11} ", Role.STRONG),
        (f"{age:<9}{size:>8}  ", Role.PLAIN),
        (name, Role.DIM),
    )
