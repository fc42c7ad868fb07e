"""What happened to a store that cannot be used, what is safe and what can be done. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from inspector import formatting
from inspector.gateway.rescue import Plight, Trouble
from inspector.lifecycle_lines import items_text
from inspector.widgets.line_list import ListEntry
from inspector.widgets.roles import Line, Piece, Role

if TYPE_CHECKING:
    from inspector.gateway import Backup, Check, FillReport, SalvageReport

BACKUPS_MAX = 200
"""Backups to choose from."""
DAMAGE_MAX = 3
"""Damaged parts that are named at once; the rest is in the details."""

LOOK, RESTORE, SALVAGE, DETAILS, QUIT = "look", "restore", "salvage", "details", "quit"

STATES: Mapping[str, Piece] = {
    "ok": ("✓ ok      ", Role.GOOD),
    "warning": ("! warning ", Role.WARNING),
    "unknown": ("? unknown ", Role.WARNING),
    "damaged": ("✗ damaged ", Role.BAD),
}


def backup_text(backup: Backup, *, now: datetime) -> str:
    """Return a backup in words: age, items, and up to which change."""
    age = formatting.relative_time(backup.created_at, now)
    items = items_text(backup.manifest.counts.get("items", 0))
    proven = "verified" if backup.verified_at is not None else "not verified"
    return f"{age}: {items}, up to change {formatting.count(backup.sequence)}, {proven}"


def plight_lines(
    plight: Plight,
    checks: Sequence[Check] | None,
    *,
    store_name: str,
    now: datetime,
    progress: str = "",
) -> list[Line]:
    """Return what happened, what is safe, and what would be lost."""
    lines: list[Line] = [(("What happened", Role.HEADING),), *_happened(plight, store_name)]
    if plight.trouble is not Trouble.MISSING:
        lines += _damage(checks, progress, known=plight.message)
    lines += [(), (("What is safe", Role.HEADING),), *_safe(plight, now)]
    lines += [(), (("What would be lost", Role.HEADING),), *_lost(plight)]
    return lines


def _plain(text: str, role: Role = Role.PLAIN) -> Line:
    return ((f"  {text}", role),)


def _happened(plight: Plight, store_name: str) -> Iterator[Line]:
    if plight.trouble is Trouble.MISSING:
        yield _plain(f"There is no file {store_name}, but the directory of its backups is there.")
        yield _plain("It was deleted, moved or renamed.", Role.DIM)
    elif plight.trouble is Trouble.NOT_A_STORE:
        yield _plain(f"The file {store_name} does not begin as a memory store does: its first")
        yield _plain("page is destroyed, or it is something else. It was left as it is.")
        yield _plain(plight.message, Role.DIM)
    else:
        yield _plain(f"The file {store_name} is damaged. It was left as it is.")
        yield _plain(plight.message, Role.BAD)


def _damage(checks: Sequence[Check] | None, progress: str, *, known: str) -> Iterator[Line]:
    if checks is None:
        yield _plain(progress or "looking through it…", Role.DIM)
        return
    damaged = [check for check in checks if check.state.value == "damaged"]
    named = [check for check in damaged if check.evidence != known]
    for check in named[:DAMAGE_MAX]:
        yield (("  ✗ ", Role.BAD), (f"{check.name}: ", Role.STRONG), (check.evidence, Role.PLAIN))
    if len(damaged) > DAMAGE_MAX:
        yield _plain(f"{len(damaged)} of {len(checks)} checks fail: d shows all", Role.DIM)
    if not damaged:
        yield _plain("A quick look finds nothing damaged: d shows what was looked at.", Role.DIM)


def _safe(plight: Plight, now: datetime) -> Iterator[Line]:
    if plight.backups:
        number = len(plight.backups)
        yield _plain(f"{number} backup{'' if number == 1 else 's'}; the newest from")
        yield _plain(backup_text(plight.backups[0], now=now), Role.GOOD)
    else:
        yield _plain("There is no backup that can be restored.", Role.WARNING)
    for finding in plight.findings[:2]:
        yield (("  ! ", Role.WARNING), (finding.what, Role.PLAIN))
    if plight.trouble is not Trouble.MISSING:
        yield _plain("What is readable can be saved: each item is proven by its hash.")


def _lost(plight: Plight) -> Iterator[Line]:
    if plight.backups:
        yield _plain("By restoring: what was written after that backup.")
    if plight.trouble is not Trouble.MISSING:
        rest = "; a backup fills in what it has" if plight.backups else ""
        yield _plain(f"By saving what is readable: what lies on damaged pages{rest}.")
    elif not plight.backups:
        yield _plain("Everything, unless the file turns up again.", Role.BAD)


def choices(plight: Plight, *, is_open: bool) -> list[ListEntry]:
    """Return what can be done, each with what it means."""
    rows: list[tuple[str, str, str]] = []
    if is_open:
        rows.append((LOOK, "Continue", "go on; what is damaged shows as an error"))
    elif plight.readable:
        rows.append((LOOK, "Open read-only", "look at what can be read; nothing is written"))
    if plight.backups:
        rows.append((RESTORE, "Restore a backup", "what was written after it is lost"))
    if plight.trouble is not Trouble.MISSING:
        rows.append((SALVAGE, "Save what is readable", "into a new file"))
        rows.append((DETAILS, "Details", "what a doctor says of every part"))
    rows.append((QUIT, "Quit", "change nothing"))
    return [
        ListEntry(name, ((f"{title:<23}", Role.STRONG), (meaning, Role.DIM)))
        for name, title, meaning in rows
    ]


def check_lines(checks: Sequence[Check]) -> list[Line]:
    """Return what a doctor says of every part."""
    lines: list[Line] = []
    for check in checks:
        state = STATES.get(check.state.value, STATES["unknown"])
        lines.append((state, (f"{check.name:<14}", Role.STRONG), (check.evidence, Role.PLAIN)))
        if check.hint:
            lines.append(((f"{'':<24}→ ", Role.ACCENT), (check.hint, Role.DIM)))
    return lines


def salvage_lines(report: SalvageReport, filled: FillReport | None) -> list[str]:
    """Return what was saved and what was not."""
    if not report.items and filled is None:
        return [
            "No item could be read: what was in the store is not in this file any more.",
            "A backup is the better way.",
        ]
    lines = [f"{items_text(report.items)} saved, each proven by its hash."]
    lost = report.lost if filled is None else filled.still_lost
    if filled is not None:
        lines.append(f"{items_text(len(filled.filled))} taken from the backup.")
    if lost:
        named = ", ".join(lost[:3])
        more = f" and {formatting.count(len(lost) - 3)} more" if len(lost) > 3 else ""
        lines.append(f"{items_text(len(lost))} lost: {named}{more}")
    elif report.lost_pages or report.lost_rows:
        lines.append("No item is known to be lost, but parts of the file could not be read.")
    else:
        lines.append("No item is known to be lost.")
    if report.missing_changes:
        lines.append(f"{formatting.count(report.missing_changes)} changes of the history are gone.")
    return lines
