"""What the Backups screen shows: the timeline, the backups, what changed around a moment."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import TYPE_CHECKING

from textual import events, on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.getters import query_one
from textual.widget import Widget
from textual.widgets import Static

from inspector import backup_lines
from inspector.action import Scope
from inspector.screens.base import StoreScreen
from inspector.widgets.card_list import CardList
from inspector.widgets.line_list import LineList
from inspector.widgets.line_view import LineView
from inspector.widgets.timeline import BackupMark, TimelineView

if TYPE_CHECKING:
    from inspector.density import Density
    from inspector.gateway.backups import Kept, Shelf

LOOK_SECONDS = 2.0
"""How often is looked whether the store has moved on, while the screen is in sight."""
QUICK_SECONDS = 0.1
"""What takes longer to load is not loaded again unasked: it is only said that there is more."""
AROUND_PAUSE_SECONDS = 0.04
"""While the slider runs, only where it stops is read what changed there."""


class BackupsBoard(StoreScreen):
    """Shows the backups of the store, and its past; changes nothing."""

    SCOPE = Scope.BACKUPS

    timeline = query_one("#timeline", TimelineView)
    moment_view = query_one("#moment", LineView)
    backup_list = query_one("#backups", CardList)
    around_view = query_one("#around", LineView)

    def __init__(self) -> None:
        super().__init__()
        self.is_connected = False
        self.shelf: Shelf | None = None
        self.density: Density | None = None
        self.faults: dict[str, str] = {}
        """What verifying found, by the name of the backup, since the screen is open."""
        self._new_changes = 0
        self._loaded_in_seconds = 0.0

    def compose_body(self) -> ComposeResult:
        """Lay out the timeline above, the list and what changed beneath."""
        with Vertical(id="backup-screen"):
            yield TimelineView(id="timeline")
            yield LineView(id="moment", wrap=False)
            with Horizontal(id="backup-sides"):
                with Vertical(id="backup-side"):
                    yield Static(Content.styled(" Backups, newest first", "bold $primary"))
                    yield CardList(id="backups")
                with Vertical(id="around-side"):
                    yield LineView(id="around", wrap=False)

    def connected(self) -> None:
        """Show the backups and the timeline."""
        self.is_connected = True
        self.moment_view.can_focus = False
        self.show_header()
        self.reload()
        self.set_interval(LOOK_SECONDS, self._look_if_shown)
        self.refresh_bindings()

    @on(events.ScreenResume)
    def _resumed(self) -> None:
        if self.is_connected:
            self.reload()

    # Loading -------------------------------------------------------------------------------

    @work(exclusive=True, group="load", exit_on_error=False)
    async def reload(self) -> None:
        """Show backups and changes as they are now."""
        await self.load()

    async def load(self) -> None:
        """Show backups and changes as they are now."""
        started = perf_counter()
        self.shelf = await self.gateway.backups.shelf()
        self.density = await self.gateway.backups.density()
        self._loaded_in_seconds = perf_counter() - started
        self._new_changes = 0
        await self.gateway.refresh_info()
        self.show_header()
        self.show_backups()
        self.timeline.show(self.density, self._marks())
        self.show_around()
        self.refresh_bindings()

    def _marks(self) -> list[BackupMark]:
        if self.shelf is None:
            return []
        return [
            BackupMark(sequence=kept.backup.sequence, glyph=backup_lines.GLYPHS[kept.backup.kind])
            for kept in self.shelf.kept
        ]

    def _look_if_shown(self) -> None:
        if self.density is not None and self.is_current:
            self.run_worker(self._look(), group="look", exclusive=True, exit_on_error=False)

    async def _look(self) -> None:
        """Find out whether the store has moved on; what is quickly shown is shown at once."""
        if self.density is None:
            return
        new = await self.gateway.sequence() - self.density.newest.sequence
        if new == self._new_changes:
            return
        if self._loaded_in_seconds <= QUICK_SECONDS:
            self.reload()
        else:
            self._new_changes = new
            self.show_around()

    # Showing -------------------------------------------------------------------------------

    def show_backups(self) -> None:
        """Show the backups, and what is wrong beside them."""
        if self.shelf is None:
            return
        key = "" if self.gateway.read_only else self.inspector.key_of("backups.create")
        self.backup_list.show(
            backup_lines.backup_entries(
                self.shelf, now=self.inspector.now(), faults=self.faults, create_key=key
            )
        )

    @work(exclusive=True, group="around", exit_on_error=False)
    async def show_around(self) -> None:
        """Show the moment of the slider, and what changed around it."""
        await asyncio.sleep(AROUND_PAUSE_SECONDS)
        density = self.density
        if density is None:
            return
        around = await self.gateway.backups.around(self.timeline.position, density.oldest)
        moment = backup_lines.moment_line(
            around.moment,
            density.newest,
            now=self.inspector.now(),
            new_changes=self._new_changes,
        )
        self.moment_view.set_lines([moment])
        lines = backup_lines.around_lines(
            around,
            self.timeline.here,
            self.timeline.neighbours,
            # Where not all of it fits, the changes next to the moment matter most.
            sums_first=self.has_class("-wide"),
        )
        self.around_view.set_lines(lines, keep_scroll=True)

    @on(TimelineView.Moved)
    def _moved(self, event: TimelineView.Moved) -> None:
        event.stop()
        self.show_around()
        self.refresh_bindings()

    # What is under the cursor --------------------------------------------------------------

    def kept_under_cursor(self) -> Kept | None:
        """Return the backup under the cursor of the list, if the list is in sight."""
        key = self.backup_list.cursor_key
        in_sight = self.has_class("-wide") or self.has_class("-with-backups")
        if self.shelf is None or key is None or not in_sight:
            return None
        return next((kept for kept in self.shelf.kept if kept.backup.name == key), None)

    @on(LineList.Highlighted, "#backups")
    def _cursor_moved(self) -> None:
        self.refresh_bindings()

    # Sides ---------------------------------------------------------------------------------

    def go_to_backups(self) -> None:
        """Go to the list of backups."""
        self.add_class("-with-backups")
        self.call_after_refresh(self._focus, self.backup_list)

    def go_to_timeline(self) -> None:
        """Go to the timeline."""
        self.remove_class("-with-backups")
        self.call_after_refresh(self._focus, self.timeline)

    def _focus(self, widget: Widget) -> None:
        # The widget was hidden when it was asked for, so it could not have the focus before.
        self.set_focus(widget)
        self.refresh_bindings()
