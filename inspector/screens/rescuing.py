"""Saving a store that cannot be used: which backup, where to, what happened then.

Everything goes to a new file first. Only a file that is whole gets the store's own name, and only
if the person says so; the damaged file is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from inspector import display, rescue_lines
from inspector.gateway import EngineError
from inspector.screens.ask import Ask, checked_new_file
from inspector.screens.backing_up import STAGES
from inspector.screens.dialogs import Choose, Confirm
from inspector.screens.differing import TypeName
from inspector.screens.working import carry_stages

if TYPE_CHECKING:
    from inspector.app import InspectorApp
    from inspector.gateway import Backup, FillReport, SalvageReport
    from inspector.gateway.rescue import RescueGateway

SALVAGE_STAGES: Mapping[str, tuple[str, str]] = {
    **STAGES,
    "copying": ("copying the damaged file", "bytes"),
}


class Rescuing:
    """Asks, saves and says so; its methods wait for dialogs, so they run in a worker."""

    def __init__(self, app: InspectorApp, rescue: RescueGateway, *, may_replace: bool) -> None:
        self._app = app
        self._rescue = rescue
        self._may_replace = may_replace

    # Restoring -----------------------------------------------------------------------------

    async def restore(self, backups: Sequence[Backup]) -> Path | None:
        """Restore a backup that is chosen; return the store to open then, None for none."""
        while True:
            backup = await self._choose_backup(backups)
            if backup is None:
                return None
            target = await self._ask_file("restored")
            if target is None:
                continue
            report = await carry_stages(
                self._app,
                f"Restoring into {target.name}",
                partial(self._rescue.restore, backup, target),
                names=STAGES,
            )
            if report is None:
                self._app.say_cancelled(target)
                return None
            lines = [f"{report.items:,} items are restored, as of the backup."]
            return await self._say_where(target, lines)

    async def _choose_backup(self, backups: Sequence[Backup]) -> Backup | None:
        shown = backups[: rescue_lines.BACKUPS_MAX]
        now = self._app.now()
        name = await self._app.push_screen_wait(
            Choose(
                "Which backup?",
                [(str(n), rescue_lines.backup_text(b, now=now)) for n, b in enumerate(shown)],
                wide=True,
            )
        )
        return None if name is None else shown[int(name)]

    # Salvage -------------------------------------------------------------------------------

    async def salvage(self, backups: Sequence[Backup]) -> Path | None:
        """Save what is readable; return the store to open then, None for none."""
        out = await self._ask_file("saved")
        if out is None:
            return None
        report = await carry_stages(
            self._app,
            f"Saving what is readable into {out.name}",
            lambda tell: self._rescue.salvage(out, tell),
            names=SALVAGE_STAGES,
        )
        if report is None:
            self._app.say_cancelled(out)
            return None
        filled = await self._fill(out, report, backups)
        return await self._say_where(out, rescue_lines.salvage_lines(report, filled))

    async def _fill(
        self, out: Path, report: SalvageReport, backups: Sequence[Backup]
    ) -> FillReport | None:
        """Offer to take what is lost from the newest backup."""
        if not report.lost or not backups:
            return None
        newest = backups[0]
        question = Confirm(
            "Take what is lost from the backups?",
            lines=[
                *rescue_lines.salvage_lines(report, None),
                f"The newest backup, {rescue_lines.backup_text(newest, now=self._app.now())}",
            ],
            note="What was saved stays as it is; only what is missing is taken.",
            yes="Take it",
            no="No",
        )
        if not await self._app.push_screen_wait(question):
            return None
        try:
            return await carry_stages(
                self._app,
                "Filling in from the backups",
                lambda tell: self._rescue.fill(out, tell),
                names=SALVAGE_STAGES,
            )
        except EngineError as error:
            # What was saved is saved, and the person is told where.
            self._app.report(error)
            return None

    # Where to ------------------------------------------------------------------------------

    async def _ask_file(self, word: str) -> Path | None:
        """Return the new file; where the store is missing, that is the store itself."""
        store = self._rescue.path
        names = (store, store.with_name(f"{store.name}-wal"))
        missing = self._may_replace and not any(path.exists() for path in names)
        answer = await self._app.push_screen_wait(
            Ask(
                "Into which new file?",
                value=display.escape_for_editing(
                    str(store if missing else _free_name(store, word))
                ),
                note="It appears whole or not at all. "
                + ("This is the store's own name." if missing else "The damaged file stays."),
                check=checked_new_file,
            )
        )
        return None if answer is None else checked_new_file(answer)

    async def _say_where(self, made: Path, lines: list[str]) -> Path | None:
        """Say what was saved; return what to open: the new file, or the store in its place."""
        store = self._rescue.path
        if not self._may_replace:
            question = Confirm(
                "Saved",
                lines=[*lines, str(made)],
                note="To work with it, open it: memory-inspector FILE",
                yes="Well",
                no="Close",
            )
            await self._app.push_screen_wait(question)
            return None
        if made == store:
            self._app.toast(" ".join(lines))
            return store
        while True:
            chosen = await self._app.push_screen_wait(
                Choose(
                    "Saved. What now?",
                    [
                        ("open", f"Open {display.visible_line(made.name, 40)}"),
                        ("replace", f"Give it the place of {display.visible_line(store.name, 30)}"),
                        ("leave", "Neither, for now"),
                    ],
                    about=lines,
                )
            )
            if chosen in (None, "leave"):
                self._app.toast(f"Saved as {made}")
                return None
            if chosen == "open":
                return made
            if await self._replace(made):
                return store

    async def _replace(self, made: Path) -> bool:
        """Give the rescued file the store's name, after its name was typed."""
        store = self._rescue.path
        question = TypeName(
            "Replace the damaged store?",
            store.name,
            lines=[
                f"{made.name} becomes {store.name}.",
                "The damaged file, and its journal, are kept in a directory beside it.",
                "Programs that still have the damaged file open must be ended first.",
            ],
            warnings=[],
            note=f"Type {store.name} and press Enter.",
        )
        if not await self._app.push_screen_wait(question):
            return False
        kept = await self._rescue.replace(made)
        if kept is not None:
            self._app.toast(f"The damaged file is kept in {kept.name}")
        return True


def _free_name(store: Path, word: str) -> Path:
    """Return a name beside the store that nothing has."""
    number = 0
    while True:
        suffix = f"-{word}" if not number else f"-{word}-{number}"
        path = store.with_name(f"{store.stem}{suffix}{store.suffix}")
        if not any(path.with_name(f"{path.name}{end}").exists() for end in ("", "-wal")):
            return path
        number += 1
