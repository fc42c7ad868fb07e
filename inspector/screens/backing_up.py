"""Making backups, proving them, thinning them out and copying them: asks, does, and says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, cast

from inspector import formatting, retention_text
from inspector.editing import EditError
from inspector.failures import Failure
from inspector.gateway import VerifyReport
from inspector.screens.ask import Ask
from inspector.screens.dialogs import Choose
from inspector.screens.pruning import PruneScreen
from inspector.screens.working import carry_stages

if TYPE_CHECKING:
    from inspector.app import InspectorApp
    from inspector.density import Density
    from inspector.gateway import Backup, Gateway, Kind
    from inspector.gateway.backups import Shelf

STAGES: Mapping[str, tuple[str, str]] = {
    "copy": ("copying", "bytes"),
    "compress": ("compressing", "bytes"),
    "changes": ("reading changes", "changes"),
    "restore": ("restoring it to prove it", "bytes"),
    "check": ("checking what came of it", "steps"),
    "digest": ("comparing items", "items"),
    "rewind": ("going back", "changes"),
    "prune": ("deleting", "backups"),
}
"""What the engine calls the parts of its work, in words, and in what they are counted."""

TIME_FORMATS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%H:%M:%S", "%H:%M")


class BackingUp:
    """Works through the gateway; its methods wait for dialogs, so they run in a worker."""

    def __init__(self, app: InspectorApp, gateway: Gateway) -> None:
        self._app = app
        self._gateway = gateway

    async def create(self) -> Backup | None:
        """Make a backup of the kind that is chosen; None if none was made."""
        kind = await self._app.push_screen_wait(
            Choose(
                "Which kind of backup?",
                [
                    ("incremental", "Incremental: what changed since"),
                    ("full", "Full: all of the store, a new chain"),
                ],
            )
        )
        if kind is None:
            return None
        made = await carry_stages(
            self._app,
            f"Making {'an incremental' if kind == 'incremental' else 'a full'} backup",
            lambda tell: self._gateway.backups.create(cast("Kind", kind), tell),
            names=STAGES,
        )
        if made is None:
            self._app.toast("Cancelled; no backup was made.", severity="warning")
            return None
        size = formatting.byte_size(made.size_bytes)
        text = f"Made a backup: {made.kind}, {size}, verified"
        if made.manifest.reason:
            text += f" (full, since {made.manifest.reason})"
        self._app.toast(text)
        return made

    async def verify(self, backups: Sequence[Backup]) -> list[VerifyReport]:
        """Prove backups, and say what came of it; nothing if the person cancelled it."""
        many = len(backups) > 1
        reports = await carry_stages(
            self._app,
            f"Verifying {len(backups)} backups" if many else f"Verifying {backups[0].name}",
            lambda tell: self._gateway.backups.verify(backups, tell),
            names=STAGES,
        )
        if reports is None:
            self._app.toast("Cancelled; verifying changes nothing.", severity="warning")
            return []
        bad = [report for report in reports if not report.ok]
        if bad:
            finding = bad[0].findings[0]
            more = f" ({len(bad)} of {len(reports)} backups are damaged)" if many else ""
            await self._app.show_failure(
                Failure(
                    what=f"The backup {bad[0].name} cannot be restored{more}",
                    why=finding.what,
                    hint=finding.hint,
                )
            )
        elif many:
            self._app.toast(f"All {len(reports)} backups of the chain were restored and are whole.")
        else:
            self._app.toast("The backup was restored and is whole.")
        return reports

    async def prune(self, shelf: Shelf) -> None:
        """Ask for rules, show what they would delete, and delete it if that is wanted."""
        rules = retention_text.USUAL
        while True:
            answer = await self._app.push_screen_wait(
                Ask(
                    "Which backups to keep?",
                    value=rules,
                    note="The newest of so many days, weeks and months that have one, and the "
                    "last ones.\nNothing is deleted yet: it is shown first.",
                    check=retention_text.parse,
                )
            )
            if answer is None:
                return
            rules = answer
            plan = await self._gateway.backups.plan_prune(retention_text.parse(rules))
            screen = PruneScreen(
                plan, {kept.backup.name: kept.backup for kept in shelf.kept}, now=self._app.now()
            )
            # Esc in the plan leads back to the rules.
            if await self._app.push_screen_wait(screen):
                break
        done = await carry_stages(
            self._app,
            f"Deleting {len(plan.delete)} backups",
            lambda tell: self._gateway.backups.prune(plan, tell),
            names=STAGES,
        )
        if done is None:
            self._app.toast("Cancelled; what was not deleted yet is whole.", severity="warning")
        else:
            freed = formatting.byte_size(plan.freed_bytes)
            self._app.toast(f"Deleted {len(plan.delete)} backups, {freed}")

    async def copy(self, backup: Backup) -> None:
        """Copy a backup, and what it builds on, to where the person says."""
        target = await self._app.push_screen_wait(
            Ask(
                "Copy the backup to",
                note="A directory, or a URL such as s3://bucket/agent (with the extra 'remote'). "
                "What it builds on goes with it, and all of it is read back.",
                check=_checked_target,
            )
        )
        if target is None:
            return
        target = _checked_target(target)
        copied = await carry_stages(
            self._app,
            "Copying elsewhere",
            lambda tell: self._gateway.backups.copy(backup, target, tell),
            names=STAGES,
        )
        if copied is None:
            self._app.toast(
                "Cancelled; what was not copied whole is no backup there.", severity="warning"
            )
        else:
            self._app.toast(f"Copied {copied.name} to {target}, and read it back")

    async def ask_moment(self, density: Density) -> int | None:
        """Return the change that is asked for, by its number or by a time; None for none."""
        now = self._app.now()
        answer = await self._app.push_screen_wait(
            Ask(
                "Go to",
                note="A change by its number, or a time in UTC: 2026-01-31 10:22, or 10:22 today.",
                check=lambda text: _checked_moment(text, density, now),
            )
        )
        if answer is None:
            return None
        moment = _checked_moment(answer, density, now)
        if isinstance(moment, int):
            return moment
        return await self._gateway.backups.sequence_at(moment, density)


def _checked_target(text: str) -> str:
    target = text.strip()
    if not target:
        raise EditError("say where to", field="target")
    return target


def _checked_moment(text: str, density: Density, now: datetime) -> int | datetime:
    """Return the sequence or the time that a text means."""
    text = text.strip().removesuffix("UTC").strip()
    number = text.replace(",", "")
    if number.isdecimal() and len(number) < 19:
        return _checked_sequence(int(number), density)
    at = _as_time(text, now)
    if at < density.oldest.at:
        oldest = formatting.exact_time(density.oldest.at)
        raise EditError(f"the change log goes back to {oldest}", field="moment")
    return at


def _checked_sequence(sequence: int, density: Density) -> int:
    first, last = density.oldest.sequence, density.newest.sequence
    if not first <= sequence <= last:
        reach = f"{formatting.count(first)} to {formatting.count(last)}"
        raise EditError(f"the change log goes from {reach}", field="moment")
    return sequence


def _as_time(text: str, now: datetime) -> datetime:
    for form in TIME_FORMATS:
        try:
            at = datetime.strptime(text, form).replace(tzinfo=now.tzinfo)
        except ValueError:
            continue
        return at if "%Y" in form else at.replace(year=now.year, month=now.month, day=now.day)
    raise EditError("this is neither a number nor a time", field="moment")
