"""Backups, findings and plans as lines for people and as JSON objects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from inspector import formatting
from inspector.cli import output

if TYPE_CHECKING:
    from engine import Backup, VerifyReport
    from engine.backups import Catalogue, Finding, PrunePlan

BACKUP_COLUMNS = (
    ("backup", 60),
    ("kind", 11),
    ("age", 9),
    ("size", 8),
    ("changes", 21),
    ("verified", 10),
    ("chain", 0),
)


def made_text(made: Backup, copied_to: str | None) -> str:
    """Return a line such as `made NAME: incremental, changes 12 to 40, 1.2 MB, verified`."""
    text = f"made {made.name}: {made.kind}, {_changes(made)}, "
    text += formatting.byte_size(made.size_bytes)
    text += ", not verified" if made.verified_at is None else ", verified"
    if copied_to is not None:
        text += ", copied elsewhere"
    if made.manifest.reason:
        text += f" (full, since {made.manifest.reason})"
    return text


def _changes(one: Backup) -> str:
    newest = formatting.count(one.sequence)
    if one.kind == "full":
        return f"up to {newest}"
    return f"{formatting.count(one.manifest.first_sequence)} to {newest}"


def backup_row(catalogue: Catalogue, one: Backup, now: datetime) -> Sequence[str]:
    """Return a backup as a row of a table."""
    from engine import BrokenChainError

    try:
        chain = f"{len(catalogue.chain(one))} of {one.manifest.chain}"
    except BrokenChainError:
        chain = f"BROKEN: {one.manifest.parent} is not there"
    return (
        one.name,
        one.kind,
        formatting.relative_time(one.created_at, now),
        formatting.byte_size(one.size_bytes),
        _changes(one),
        formatting.relative_time(one.verified_at, now),
        chain,
    )


def print_findings(findings: Iterable[Finding]) -> None:
    """Print what is wrong, and what to do about it."""
    for finding in findings:
        about = "" if finding.backup is None else f" [{finding.backup}]"
        output.print_text(f"{finding.severity}{about}: {finding.what}")
        if finding.hint:
            output.print_text(f"  hint: {finding.hint}")


def print_prune_plan(plan: PrunePlan, *, done: bool) -> None:
    """Print what is kept and why, and what is deleted."""
    for name, reasons in plan.keep.items():
        output.print_text(f"keep    {name}  ({', '.join(reasons)})")
    for name in plan.delete:
        output.print_text(f"{'deleted' if done else 'delete '} {name}")
    verb = "freed" if done else "to free"
    count = formatting.count(len(plan.delete))
    output.print_text(f"{count} of {formatting.count(len(plan.keep) + len(plan.delete))} backups, "
                      f"{formatting.byte_size(plan.freed_bytes)} {verb}")  # fmt: skip


def backup_record(one: Backup) -> dict[str, Any]:
    """Return a backup as a JSON object."""
    manifest = one.manifest
    return {
        "backup": one.name,
        "kind": one.kind,
        "created_at": _json_time(one.created_at),
        "verified_at": _json_time(one.verified_at),
        "store_id": manifest.store_id,
        "chain": manifest.chain,
        "parent": manifest.parent,
        "first_sequence": manifest.first_sequence,
        "sequence": manifest.sequence,
        "items": manifest.counts.get("items"),
        "bytes": manifest.bytes,
        "reason": manifest.reason,
    }


def finding_record(finding: Finding) -> dict[str, Any]:
    """Return a finding as a JSON object."""
    return {
        "severity": finding.severity,
        "what": finding.what,
        "hint": finding.hint,
        "backup": finding.backup,
    }


def report_record(report: VerifyReport) -> dict[str, Any]:
    """Return what came of verifying a backup as a JSON object."""
    findings = [finding_record(finding) for finding in report.findings]
    return {"backup": report.name, "ok": report.ok, "findings": findings}


def prune_record(plan: PrunePlan, *, done: bool) -> dict[str, Any]:
    """Return a plan to prune as a JSON object."""
    return {
        "keep": {name: list(reasons) for name, reasons in plan.keep.items()},
        "delete": list(plan.delete),
        "freed_bytes": plan.freed_bytes,
        "done": done,
    }


def _json_time(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")
