"""Shown instead of a store that cannot be used: what happened, what is safe, what can be done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static
from textual.worker import Worker, WorkerState

from inspector import display, rescue_lines
from inspector.rescue_lines import DETAILS, LOOK, QUIT, RESTORE, SALVAGE
from inspector.screens.dialogs import Dialog
from inspector.screens.rescuing import Rescuing
from inspector.screens.working import Stages
from inspector.widgets.footer import ActionFooter
from inspector.widgets.line_list import LineList
from inspector.widgets.line_view import LineView
from inspector.widgets.roles import Role

if TYPE_CHECKING:
    from inspector.app import InspectorApp
    from inspector.gateway import Check
    from inspector.gateway.rescue import Plight, RescueGateway

EXIT_CODE = 1
LOOK_SECONDS = 0.2


class RecoveryScreen(Screen[None]):
    """Explains, and offers to open what can be read, to restore a backup, or to salvage."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "choose('look')", "Open", id="recovery.look"),
        Binding("r", "choose('restore')", "Restore", id="recovery.restore"),
        Binding("s", "choose('salvage')", "Save", id="recovery.salvage"),
        Binding("d", "choose('details')", "Details", id="recovery.details"),
        Binding("q,escape", "choose('quit')", "Quit", id="recovery.quit"),
    ]
    AUTO_FOCUS = "#recovery-choices"

    def __init__(self, rescue: RescueGateway, plight: Plight, *, is_open: bool = False) -> None:
        super().__init__()
        self._rescue = rescue
        self._plight = plight
        self._is_open = is_open
        """The store was opened before the damage was met: its file is not to be replaced."""
        self._checks: Sequence[Check] | None = None
        self._progress = Stages({})

    @property
    def inspector(self) -> InspectorApp:
        """The app, by its own type."""
        return cast("InspectorApp", self.app)

    def compose(self) -> ComposeResult:
        """Lay out the explanation above what can be done."""
        title = f" {display.visible_line(self._rescue.path.name, 50)} needs recovery"
        with Vertical(id="recovery"):
            yield Static(Content.styled(title, "bold $text-error"), id="recovery-title")
            yield LineView(id="recovery-facts")
            yield Static(Content.styled(" What you can do", "bold $primary"))
            yield LineList(id="recovery-choices")
        yield ActionFooter()

    def on_mount(self) -> None:
        """Say what is known, and look through the file."""
        choices = rescue_lines.choices(self._plight, is_open=self._is_open)
        options = self.query_one(LineList)
        options.show(choices, keep_cursor=False)
        options.styles.height = len(choices)
        self._say()
        if self._can(DETAILS):
            self.set_interval(LOOK_SECONDS, self._say_progress)
            self._examine()

    @work(exclusive=True, group="examine", exit_on_error=False)
    async def _examine(self) -> None:
        self._checks = await self._rescue.examine(self._progress.tell)
        self._say()

    def _say_progress(self) -> None:
        if self._checks is None:
            self._say()

    def _say(self) -> None:
        """Show the explanation."""
        lines = rescue_lines.plight_lines(
            self._plight,
            self._checks,
            store_name=self._rescue.path.name,
            now=self.inspector.now(),
            progress=f"looking through it: {self._progress.text()}",
        )
        self.query_one("#recovery-facts", LineView).set_lines(lines, keep_scroll=True)

    # Choosing ------------------------------------------------------------------------------

    def _can(self, name: str) -> bool:
        entries = rescue_lines.choices(self._plight, is_open=self._is_open)
        return any(entry.key == name for entry in entries)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what makes sense for this store."""
        if action == "choose":
            return self._can(str(parameters[0]))
        return True

    @on(LineList.Selected)
    def _selected(self, event: LineList.Selected) -> None:
        event.stop()
        self.action_choose(str(event.key))

    @work(exclusive=True, group="dialog", exit_on_error=False)
    async def action_choose(self, name: str) -> None:
        """Do what was chosen."""
        if name == QUIT and not self._is_open:
            self.app.exit(return_code=EXIT_CODE)
        elif name in (QUIT, LOOK) and self._is_open:
            self.dismiss(None)
        elif name == LOOK:
            self.inspector.open_again(self._rescue.path, read_only=True)
        elif name == DETAILS:
            await self.app.push_screen_wait(DetailsScreen(self._checks or ()))
        else:
            await self._save(name)

    async def _save(self, name: str) -> None:
        may_replace = not self._is_open and not self.inspector.looks_only
        rescuing = Rescuing(self.inspector, self._rescue, may_replace=may_replace)
        work_of = {RESTORE: rescuing.restore, SALVAGE: rescuing.salvage}
        saved = await work_of[name](self._plight.backups)
        if saved is not None and not self._is_open:
            self.inspector.open_again(saved)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Say what went wrong; the file is still as it was."""
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self.inspector.report(event.worker.error)


class DetailsScreen(Dialog[None]):
    """What a doctor says of every part of a store."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,d", "cancel", "Close", id="details.close"),
    ]

    def __init__(self, checks: Sequence[Check]) -> None:
        super().__init__("Every part of the store")
        self._checks = checks

    def compose(self) -> ComposeResult:
        """Lay out the list."""
        with self.frame(classes="-large"):
            yield LineView(id="details-lines")
            yield ActionFooter()

    def on_mount(self) -> None:
        """Fill the list."""
        view = self.query_one(LineView)
        lines = rescue_lines.check_lines(self._checks)
        view.set_lines(lines or [(("still looking through it…", Role.DIM),)])
        view.focus()
