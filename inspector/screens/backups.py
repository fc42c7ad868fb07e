"""The Backups screen: making backups, proving them, and going back to what the store was."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, ClassVar

from textual import on, work
from textual.binding import BindingType

from inspector.action import Scope, Situation
from inspector.actions import bindings_of
from inspector.gateway.past import Wish
from inspector.screens.backing_up import BackingUp
from inspector.screens.backups_board import BackupsBoard
from inspector.screens.changing import Changing
from inspector.screens.restoring import Restoring
from inspector.widgets.line_list import LineList
from inspector.widgets.timeline import TimelineView


class BackupsScreen(BackupsBoard):
    """A timeline with a slider; the backups at the left, what changed around it at the right."""

    TITLE = "Backups"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of(Scope.BACKUPS)]
    AUTO_FOCUS = "#timeline"

    def connected(self) -> None:
        """Show the store, and allow backups to be made of it."""
        app, gateway = self.inspector, self.gateway
        self._backing_up = BackingUp(app, gateway)
        self._restoring = Restoring(app, gateway, Changing(app, gateway, app.journal))
        super().connected()

    def situation(self) -> Situation:
        """Return what decides whether an action can be done now."""
        if not self.is_connected:
            return Situation()
        return Situation(
            writable=not self.gateway.read_only,
            backup=self.kept_under_cursor() is not None,
            backups=self.shelf is not None and bool(self.shelf.kept),
            restore_point=self._can_restore(),
            can_go_back=self.maximized is not None or not self.timeline.has_focus,
        )

    def _can_restore(self) -> bool:
        if self.backup_list.has_focus:
            return self.kept_under_cursor() is not None
        return self.density is not None and self.density.newest.sequence > 0

    # Looking -------------------------------------------------------------------------------

    def action_reload(self) -> None:
        """Show backups and changes as they are now."""
        self.reload()

    def action_other_side(self) -> None:
        """Go to the other side."""
        if self.timeline.has_focus:
            self.go_to_backups()
        else:
            self.go_to_timeline()

    def action_zoom(self) -> None:
        """Give the whole screen to what has the focus, or take it back."""
        if self.maximized is not None:
            self.minimize()
        elif self.focused is not None and self.focused is not self.timeline:
            self.maximize(self.focused, container=False)

    def action_step_back(self) -> None:
        """Go one step back."""
        if self.maximized is not None:
            self.minimize()
        else:
            self.go_to_timeline()

    @work(exclusive=True, group="dialog", exit_on_error=False)
    async def action_go_to(self) -> None:
        """Go to a change by its number, or to a time."""
        if self.density is None:
            return
        sequence = await self._backing_up.ask_moment(self.density)
        if sequence is not None:
            self.timeline.position = sequence
            self.go_to_timeline()

    @on(LineList.Selected, "#backups")
    def _backup_opened(self, event: LineList.Selected) -> None:
        event.stop()
        self.action_restore()

    @on(TimelineView.Chosen)
    def _moment_chosen(self, event: TimelineView.Chosen) -> None:
        event.stop()
        self.action_restore()

    # Restoring -----------------------------------------------------------------------------

    def _wish(self) -> Wish | None:
        """Return what would be restored: the backup under the cursor, or the moment."""
        if not self.backup_list.has_focus:
            return Wish(sequence=self.timeline.position)
        kept = self.kept_under_cursor()
        return None if kept is None else Wish(backup=kept.backup.name)

    @work(exclusive=True, group="dialog", exit_on_error=False)
    async def action_restore(self) -> None:
        """Lead through a restore; nothing is touched before its last step."""
        wish = self._wish()
        if wish is not None and await self._restoring.run(wish) is not None:
            await self.load()

    # Backups -------------------------------------------------------------------------------

    def _in_dialog(self, work_to_do: Coroutine[Any, Any, object]) -> None:
        """Do something in a worker: it may ask something."""
        self.run_worker(work_to_do, group="dialog", exclusive=True, exit_on_error=False)

    @work(exclusive=True, group="dialog", exit_on_error=False)
    async def action_create(self) -> None:
        """Make a backup."""
        made = await self._backing_up.create()
        await self.load()
        if made is not None:
            self.backup_list.put_on(made.name)
            self.go_to_backups()

    def action_verify(self) -> None:
        """Prove the backup under the cursor."""
        self._verify(chain=False)

    def action_verify_chain(self) -> None:
        """Prove every backup of the chain of the one under the cursor."""
        self._verify(chain=True)

    @work(exclusive=True, group="dialog", exit_on_error=False)
    async def _verify(self, *, chain: bool) -> None:
        kept = self.kept_under_cursor()
        if kept is None:
            return
        backups = kept.chain if chain and kept.chain else (kept.backup,)
        for report in await self._backing_up.verify(backups):
            self.faults.pop(report.name, None)
            if not report.ok:
                self.faults[report.name] = report.findings[0].what
        await self.load()

    @work(exclusive=True, group="dialog", exit_on_error=False)
    async def action_prune(self) -> None:
        """Show which backups no rule keeps, and delete them after a question."""
        if self.shelf is not None:
            await self._backing_up.prune(self.shelf)
            await self.load()

    def action_copy_elsewhere(self) -> None:
        """Copy the backup under the cursor to another place."""
        kept = self.kept_under_cursor()
        if kept is not None:
            self._in_dialog(self._backing_up.copy(kept.backup))
