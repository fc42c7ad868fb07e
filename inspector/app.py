"""The app: opens the store after the first frame, and holds what all screens share."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.binding import BindingType
from textual.screen import Screen
from textual.signal import Signal
from textual.widget import Widget

from inspector.action import Scope
from inspector.actions import bindings_of
from inspector.failures import describe
from inspector.journal import Journal
from inspector.modes import MODES as MODE_TABLE
from inspector.palette import ActionProvider
from inspector.screens.base import StoreScreen
from inspector.screens.browse import BrowseScreen
from inspector.screens.dialogs import Busy, Dialog, Discard
from inspector.screens.help import HelpScreen, help_groups
from inspector.settings import Settings, State, state_directory
from inspector.telling import TellingApp
from inspector.widgets.header import StoreHeader

if TYPE_CHECKING:
    from inspector.gateway import EngineError, Gateway, Sequences

SETTLED_SECONDS = 1.0
"""After this the screen has its widgets and the list its first rows."""
COLLECTOR_THRESHOLDS = (4_000, 6, 100)
"""Small young generations, since each is collected in one go: 20,000 objects took 10-24 ms."""


def _lifecycle_screen() -> Screen[Any]:
    from inspector.screens.lifecycle import LifecycleScreen

    return LifecycleScreen()


def _backups_screen() -> Screen[Any]:
    from inspector.screens.backups import BackupsScreen

    return BackupsScreen()


class InspectorApp(TellingApp):
    """Browses, searches and edits the store at `path`."""

    TITLE = "memory-inspector"
    CSS_PATH = Path(__file__).with_name("app.tcss")
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {
        "browse": BrowseScreen,
        # Loaded when they are first gone to: they are not part of the first frame.
        "lifecycle": _lifecycle_screen,
        "backups": _backups_screen,
    }
    DEFAULT_MODE = "browse"
    COMMANDS: ClassVar[set[Any]] = {ActionProvider}
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of(Scope.APP)]
    ENABLE_COMMAND_PALETTE = True

    def __init__(
        self,
        path: str | Path,
        *,
        read_only: bool = False,
        settings: Settings | None = None,
        state: State | None = None,
        clock: Callable[[], int] | None = None,
    ) -> None:
        super().__init__()
        self._path = Path(path)
        self._read_only = read_only
        self._clock = clock
        self._gateway: Gateway | None = None
        self._damage_known = False
        self.settings = settings or Settings()
        self.state = state or State(state_directory())
        self.journal: Journal[Sequences] = Journal()
        self.long_work: set[asyncio.Task[Any]] = set()
        """What must end, or be taken back, before the store is closed."""
        self.store_opened: Signal[None] = Signal(self, "store-opened")
        if self.settings.keys:
            self.set_keymap(self.settings.keys)

    # The store -----------------------------------------------------------------------------

    @property
    def store_name(self) -> str:
        """The file's name: the path would say more than a screenshot should."""
        return self._path.name

    @property
    def is_open(self) -> bool:
        """True once the store is open."""
        return self._gateway is not None

    @property
    def gateway(self) -> Gateway:
        """The open store; only after `store_opened`."""
        if self._gateway is None:
            raise RuntimeError("the store is not open yet")
        return self._gateway

    @property
    def mode_titles(self) -> Sequence[tuple[str, str]]:
        """The screens there are, in the order of their number keys."""
        return [(mode.name, mode.title) for mode in MODE_TABLE]

    def now(self) -> datetime:
        """Return the present moment, from the injected clock if there is one."""
        if self._clock is None:
            return datetime.now(UTC)
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=self._clock())

    def on_load(self) -> None:
        """Have tasks start in turn, on every Python.

        From 3.12 on Textual starts them eagerly, and the first mode's widgets are then mounted
        before there is a screen for them.
        """
        asyncio.get_running_loop().set_task_factory(None)

    def on_mount(self) -> None:
        """Choose the colours, and open the store once the first frame is drawn."""
        theme = self.settings.theme or self.state.theme
        if theme in self.available_themes:
            self.theme = theme
        self.watch(self, "theme", self._theme_chosen, init=False)
        self.call_after_refresh(self._open_store)

    @work(group="open", exit_on_error=False)
    async def _open_store(self) -> None:
        # Imported beside the loop: it takes a tenth of a second, and keys are pressed meanwhile.
        gateway = await asyncio.to_thread(_import_gateway)
        _spare_from_collection()
        try:
            self._gateway = await gateway.Gateway.open(
                self._path,
                read_only=self._read_only,
                actor=self.settings.actor,
                clock=self._clock,
            )
        except gateway.EngineError as error:
            await self._show_problem(error)
            return
        if self._gateway.read_only and not self._read_only:
            self.toast("This store cannot be written, so it is open read-only.", severity="warning")
        self.store_opened.publish(None)
        self.set_timer(SETTLED_SECONDS, _spare_from_collection)

    @property
    def looks_only(self) -> bool:
        """Whether the store was to be opened without a chance to write."""
        return self._read_only

    def open_again(self, path: Path, *, read_only: bool = False) -> None:
        """Open a store in the place of the one that could not be opened."""
        self._path, self._read_only = path, read_only or self._read_only
        self._return_code = 0
        while len(self.screen_stack) > 1:
            self.pop_screen()
        self._open_store()

    async def _show_problem(self, error: EngineError) -> None:
        from inspector.gateway.rescue import RescueGateway, may_be_rescued
        from inspector.screens.problem import ProblemScreen
        from inspector.screens.recovery import RecoveryScreen

        self._return_code = 1
        if may_be_rescued(error, self._path):
            rescue = RescueGateway(self._path, self._clock)
            await self.push_screen(RecoveryScreen(rescue, await rescue.assess(error)))
        else:
            await self.push_screen(ProblemScreen(describe(error), store_name=self.store_name))

    def report(self, error: BaseException) -> None:
        """Show an error; damage of the store as a whole leads to what can be done about it."""
        if self.is_open and _is_damage(error) and not self._damage_known:
            self._damage_known = True
            self.run_worker(self._show_damage(error), group="report", exit_on_error=False)
        else:
            super().report(error)

    async def _show_damage(self, error: BaseException) -> None:
        from inspector.gateway.rescue import RescueGateway
        from inspector.screens.recovery import RecoveryScreen

        rescue = RescueGateway(self._path, self._clock)
        plight = await rescue.assess(error)
        await self.push_screen(RecoveryScreen(rescue, plight, is_open=True))

    async def on_unmount(self) -> None:
        """Close the store, so that what was written behind is on disk."""
        if self.long_work:
            await asyncio.wait(self.long_work)
        if self._gateway is not None:
            await self._gateway.close()

    # Actions -------------------------------------------------------------------------------

    async def action_quit(self) -> None:
        """Leave; what was typed is not thrown away, and what runs is not cut off, unasked."""
        if isinstance(self.screen, Discard):
            return
        if isinstance(self.screen, Busy) and self.screen.ask_to_stop():
            self.toast("Stopping first; once more quits.", severity="warning")
        elif any(isinstance(screen, Dialog) and screen.unsaved for screen in self.screen_stack):
            self._quit_when_sure()
        else:
            self.exit()

    @work(group="leave", exit_on_error=False)
    async def _quit_when_sure(self) -> None:
        if await self.push_screen_wait(Discard("Quit without saving?")):
            self.exit()

    def action_help(self) -> None:
        """Show the keys that work for what has the focus."""
        if isinstance(self.screen, HelpScreen):
            return
        focused: Widget | None = self.screen.focused
        about = (focused.HELP or "") if focused is not None else ""
        self.push_screen(
            HelpScreen(
                help_groups(self, self.screen.active_bindings.values()),
                about=about.strip(),
                with_queries=isinstance(self.screen, BrowseScreen),
            )
        )

    def action_change_theme(self) -> None:
        """Choose the colours from a list, seeing each."""
        self.search_themes()

    def _theme_chosen(self, theme: str) -> None:
        self.remember(lambda: self.state.set_theme(theme), None)

    async def action_switch_mode(self, mode: str) -> None:
        """Go to a screen; what was opened over it is closed."""
        if mode == self.current_mode and isinstance(self.screen, StoreScreen):
            self._close_above()
        self.switch_mode(mode)

    def open_item(self, item_id: str) -> None:
        """Go to an item on the Browse screen, from wherever one is."""
        self._close_above()
        self.switch_mode("browse")
        self._close_above()
        screen = self.screen
        if isinstance(screen, BrowseScreen):
            screen.open_item(item_id)

    def _close_above(self) -> None:
        """Close the screens over the one that the mode begins with."""
        while len(self.screen_stack) > 1:
            self.pop_screen()

    def on_store_header_mode_clicked(self, event: StoreHeader.ModeClicked) -> None:
        """Switch to the screen that was clicked."""
        self.run_worker(self.action_switch_mode(event.mode), group="mode", exit_on_error=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keep single-letter keys of the app out of text fields."""
        if action == "command_palette" and not self.use_command_palette:
            return False
        return super().check_action(action, parameters)


def _is_damage(error: BaseException) -> bool:
    from inspector.gateway import CorruptStoreError

    return isinstance(error, CorruptStoreError)


def _spare_from_collection() -> None:
    """Keep what is there after the start out of garbage collections.

    A full collection looked at all modules and styles, and stopped the loop for 45-130 ms.
    """
    gc.freeze()
    gc.set_threshold(*COLLECTOR_THRESHOLDS)


def _import_gateway() -> Any:
    from inspector import gateway

    # On first use of any name the engine itself is imported.
    _ = gateway.EngineError
    return gateway
