"""The Transitions screen: every move of an item between tiers, by tier and by agent."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.getters import query_one

from inspector import editing
from inspector.action import Scope, Situation
from inspector.actions import bindings_of
from inspector.gateway.tiers import TransitionFilter, tier_of
from inspector.screens.ask import Ask
from inspector.screens.base import StoreScreen
from inspector.screens.dialogs import Choose
from inspector.transition_lines import empty_text, title_line, transition_columns
from inspector.transition_window import TransitionWindow
from inspector.widgets.roles import Line
from inspector.widgets.transition_list import TransitionList

if TYPE_CHECKING:
    from inspector.gateway import Tier

LOOK_SECONDS = 2.0
"""How often is looked whether there are new moves, while the screen is in sight."""
CLOCK_SECONDS = 30.0
"""How often it is told anew how long ago something was."""
ANY = "any"


class TransitionsScreen(StoreScreen):
    """Over the screen from which it was opened; Esc leads back there."""

    TITLE = "Transitions"
    SCOPE = Scope.TRANSITIONS
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of(Scope.TRANSITIONS)]
    AUTO_FOCUS = "#transitions"

    transition_list = query_one("#transitions", TransitionList)

    def __init__(self, wanted: TransitionFilter | None = None) -> None:
        super().__init__()
        self._wanted = wanted or TransitionFilter()
        self._window: TransitionWindow | None = None
        self._turn = asyncio.Lock()
        self._newer = 0

    def compose_body(self) -> ComposeResult:
        """Lay out the list."""
        yield TransitionList(transition_columns(self.inspector.now), id="transitions")

    def connected(self) -> None:
        """Show the newest moves."""
        self.show_header()
        self.show_only(self._wanted)
        self.set_interval(LOOK_SECONDS, self._look_if_shown)
        self.set_interval(CLOCK_SECONDS, self.transition_list.refresh)

    def situation(self) -> Situation:
        """Return what decides whether an action can be done now."""
        return Situation(item=self.is_mounted and self.transition_list.move is not None)

    # Showing -------------------------------------------------------------------------------

    @property
    def window(self) -> TransitionWindow:
        """What is at hand; only once the store is open."""
        if self._window is None:
            raise RuntimeError("the store is not open yet")
        return self._window

    def show_only(self, wanted: TransitionFilter) -> None:
        """Show the newest of the moves that are asked for."""
        self._wanted = wanted
        self._window = TransitionWindow(self.gateway.tiers, wanted)
        self._load(self.window.load_newest(), keep_place=False)

    @work(group="load", exit_on_error=False)
    async def _load(
        self, loading: Coroutine[Any, Any, None], *, keep_place: bool = True, last: bool = False
    ) -> None:
        """Have something else at hand, and show it; one after the other."""
        async with self._turn:
            await loading
            if not keep_place:
                self._newer = 0
            self._show(keep_place=keep_place, on_last=last)
        self.refresh_bindings()

    def _show(self, *, keep_place: bool, on_last: bool) -> None:
        self.transition_list.show(
            self._title(),
            self.window.moves,
            empty=empty_text(self._wanted),
            keep_place=keep_place,
            on_last=on_last,
        )

    def _title(self) -> Line:
        key = self.inspector.key_of("transitions.reload")
        return title_line(self._wanted, newer=self._newer, refresh_key=key)

    @on(TransitionList.MoreWanted)
    def _more_wanted(self, event: TransitionList.MoreWanted) -> None:
        event.stop()
        if self._turn.locked():
            # What is on its way asks again when it is there.
            return
        if event.older and self.window.has_older:
            self._load(self.window.load_older())
        elif not event.older and self.window.has_newer:
            self._load(self.window.load_newer())

    @on(TransitionList.EndWanted)
    def _end_wanted(self, event: TransitionList.EndWanted) -> None:
        event.stop()
        if event.oldest:
            if self.window.has_older:
                self._load(self.window.load_oldest(), keep_place=False, last=True)
            else:
                self.transition_list.put_on_last()
        elif self.window.has_newer:
            self._load(self.window.load_newest(), keep_place=False)
        else:
            self.transition_list.cursor_row = 0

    @on(TransitionList.Highlighted)
    def _highlighted(self, event: TransitionList.Highlighted) -> None:
        event.stop()
        self.refresh_bindings()

    def _look_if_shown(self) -> None:
        if self.is_current and not self._turn.locked():
            self._look()

    @work(group="look", exclusive=True, exit_on_error=False)
    async def _look(self) -> None:
        """Say how many moves have come since; they are not put under the cursor unasked."""
        newer = await self.window.count_newer()
        if newer != self._newer:
            self._newer = newer
            self.transition_list.set_title(self._title())

    # Actions -------------------------------------------------------------------------------

    @on(TransitionList.Opened)
    def _opened(self, event: TransitionList.Opened) -> None:
        event.stop()
        self._go_to(event.move.item_id)

    def action_open_item(self) -> None:
        """Go to the item under the cursor."""
        move = self.transition_list.move
        if move is not None:
            self._go_to(move.item_id)

    @work(exclusive=True, group="jump", exit_on_error=False)
    async def _go_to(self, item_id: str) -> None:
        if await self.gateway.key_of(item_id) is None:
            self.inspector.toast(f"{item_id} has been deleted.", severity="warning")
        else:
            self.inspector.open_item(item_id)

    def action_reload(self) -> None:
        """Show the newest moves."""
        self.show_only(self._wanted)

    def action_step_back(self) -> None:
        """Show all moves again, or leave."""
        if self._wanted == TransitionFilter():
            self.dismiss(None)
        else:
            self.show_only(TransitionFilter())

    @work(exclusive=True, group="dialog", exit_on_error=False)
    async def action_filter_entered(self) -> None:
        """Choose the tier into which the moves shall be."""
        chosen = await self._choose_tier("Moves into", self._wanted.entered)
        if chosen is not None:
            self.show_only(replace(self._wanted, entered=tier_of(chosen)))

    @work(exclusive=True, group="dialog", exit_on_error=False)
    async def action_filter_left(self) -> None:
        """Choose the tier out of which the moves shall be."""
        chosen = await self._choose_tier("Moves out of", self._wanted.left)
        if chosen is not None:
            self.show_only(replace(self._wanted, left=tier_of(chosen)))

    async def _choose_tier(self, title: str, current: Tier | None) -> str | None:
        from inspector.gateway import Tier

        choices = [(ANY, "any tier"), *((tier.label, tier.label) for tier in Tier)]
        now = ANY if current is None else current.label
        return await self.app.push_screen_wait(Choose(title, choices, current=now))

    @work(exclusive=True, group="dialog", exit_on_error=False)
    async def action_filter_agent(self) -> None:
        """Ask for the agent whose moves shall be shown."""

        async def complete(prefix: str) -> list[tuple[str, int]]:
            return await self.gateway.complete("agent", prefix)

        answer = await self.app.push_screen_wait(
            Ask(
                "Moves of the agent",
                note="Tab completes; nothing is every agent",
                completer=complete,
                check=_agent_of,
            )
        )
        if answer is not None:
            self.show_only(replace(self._wanted, agent=_agent_of(answer)))


def _agent_of(text: str) -> str:
    """Return the agent that was typed in its escaped form, or nothing.

    Raises:
        EditError: the escapes in it mean nothing.
    """
    return editing.name_of(text, field="agent") if text.strip() else ""
