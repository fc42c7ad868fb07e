"""What every full screen of the app has: header, footer, actions from the table, the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from inspector.action import Scope, Situation
from inspector.actions import is_valid
from inspector.widgets.footer import ActionFooter
from inspector.widgets.header import Light, StoreHeader

if TYPE_CHECKING:
    from inspector.app import InspectorApp
    from inspector.gateway import Gateway


class StoreScreen(Screen[None]):
    """A screen that shows a part of the store; `connected` is called once it is open."""

    SCOPE: ClassVar[Scope]
    # Not a ClassVar, since Textual does not declare it as one.
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012
        (0, "-medium"),
        (120, "-wide"),
    ]
    ALLOW_IN_MAXIMIZED_VIEW = "ActionFooter, StoreHeader"

    @property
    def inspector(self) -> InspectorApp:
        """The app, by its own type."""
        return cast("InspectorApp", self.app)

    @property
    def gateway(self) -> Gateway:
        """The open store; only after `connected`."""
        return self.inspector.gateway

    def compose(self) -> ComposeResult:
        """Lay out header, body and footer."""
        yield StoreHeader(self.inspector.store_name, modes=self.inspector.mode_titles)
        yield from self.compose_body()
        yield ActionFooter()

    def compose_body(self) -> ComposeResult:
        """Lay out what is between header and footer."""
        raise NotImplementedError

    def on_mount(self) -> None:
        """Take the store now if it is open, or when it is."""
        self.inspector.store_opened.subscribe(self, lambda _: self.connected())
        if self.inspector.is_open:
            self.connected()

    def show_header(self) -> None:
        """Say how many items there are, and whether they are followed."""
        header = self.query_one(StoreHeader)
        header.name_store(self.inspector.store_name)
        header.count = self.gateway.info.items
        if self.gateway.read_only:
            header.light = Light.READ_ONLY
        else:
            header.light = Light.LIVE if self.inspector.settings.live else Light.PAUSED

    def connected(self) -> None:
        """Begin to show the store."""
        raise NotImplementedError

    def situation(self) -> Situation:
        """Return what decides whether an action can be done now."""
        raise NotImplementedError

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Allow what the table of actions says can be done now."""
        return is_valid(self.SCOPE, action, self.situation())

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Say what went wrong in a worker: the one place where every error arrives."""
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self.inspector.report(event.worker.error)
