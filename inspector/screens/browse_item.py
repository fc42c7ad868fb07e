"""The item half of the Browse screen: what is under the cursor, its links and its history."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from textual import on, work

from inspector.gateway import HISTORY_PAGE, PREVIEW_BYTES_MAX
from inspector.screens.browse_list import BrowseList
from inspector.widgets.item_pane import ItemPane
from inspector.widgets.item_table import ItemTable

if TYPE_CHECKING:
    from inspector.gateway import Change

DETAIL_PAUSE_SECONDS = 0.04


class BrowseItem(BrowseList):
    """Follows the cursor with the item pane."""

    def __init__(self) -> None:
        super().__init__()
        self._detail_id: str | None = None
        self._changes: list[Change] = []
        self._change_at: int | None = None
        self._part_bytes = 0

    # The item ------------------------------------------------------------------------------

    @property
    def shown_id(self) -> str | None:
        """The item in the pane."""
        return self._detail_id

    @on(ItemTable.Highlighted)
    def _row_highlighted(self, event: ItemTable.Highlighted) -> None:
        event.stop()
        self.refresh_bindings()
        if not self.is_connected:
            return
        if event.key is None:
            self.workers.cancel_group(self, "detail")
            self._detail_id = None
            self.pane.show_nothing()
        elif event.row is not None:
            self.show_item(event.row.id, pause=DETAIL_PAUSE_SECONDS)
        else:
            self._show_key(event.key)

    @work(exclusive=True, group="detail", exit_on_error=False)
    async def _show_key(self, key: int) -> None:
        """Show an item whose row has not been fetched yet."""
        await asyncio.sleep(DETAIL_PAUSE_SECONDS)
        rows = await self.gateway.previews([key])
        if key in rows:
            await self._show(rows[key].id)

    @work(exclusive=True, group="detail", exit_on_error=False)
    async def show_item(self, item_id: str, *, pause: float) -> None:
        """Show an item in the pane; while the cursor runs, only where it stops is fetched."""
        await asyncio.sleep(pause)
        await self._show(item_id)

    async def _show(self, item_id: str) -> None:
        from inspector.gateway import EngineError

        same = item_id == self._detail_id
        self._detail_id = item_id
        self._part_bytes = PREVIEW_BYTES_MAX
        try:
            detail = await self.gateway.detail(item_id)
        except EngineError as error:
            self.pane.show_problem(item_id, error.message, error.hint)
        else:
            if detail is None:
                self.pane.show_deleted(item_id)
            else:
                self.pane.show_detail(detail, now=self.inspector.now(), same_item=same)
        self._changes = await self.gateway.history(item_id)
        self._show_history()
        self.refresh_bindings()

    def _show_history(self) -> None:
        first_is_creation = bool(self._changes) and not self._changes[0].before
        more = len(self._changes) >= HISTORY_PAGE and not first_is_creation
        self.pane.show_history(self._changes, more=more)

    @on(ItemTable.Selected)
    def _row_selected(self, event: ItemTable.Selected) -> None:
        event.stop()
        self.set_shown("item", shown=True)
        self.call_after_refresh(self.pane.focus_view)

    @on(ItemPane.LinkOpened)
    def _link_opened(self, event: ItemPane.LinkOpened) -> None:
        event.stop()
        self._jump(event.item_id)

    def open_item(self, item_id: str) -> None:
        """Go to an item and show it."""
        self.set_shown("item", shown=True)
        self._jump(item_id)

    @work(exclusive=True, group="jump", exit_on_error=False)
    async def _jump(self, item_id: str) -> None:
        """Go to an item: in the list if it is there, otherwise by a query of its own."""
        from inspector import query_text

        key = await self.gateway.key_of(item_id)
        if key is None:
            self.inspector.toast(f"{item_id} has been deleted.", severity="warning")
        elif not self.table.move_to(key):
            text = query_text.for_id(item_id)
            self.bar.set_value(text, notify=False)
            self._go(text)

    @on(ItemPane.ChangeHighlighted)
    def _change_highlighted(self, event: ItemPane.ChangeHighlighted) -> None:
        event.stop()
        self._change_at = event.sequence
        self.refresh_bindings()

    @on(ItemPane.TabChanged)
    def _tab_changed(self, event: ItemPane.TabChanged) -> None:
        event.stop()
        self.refresh_bindings()

    @on(ItemPane.ChangeOpened)
    @work(exclusive=True, group="dialog", exit_on_error=False)
    async def _change_opened(self, event: ItemPane.ChangeOpened) -> None:
        from inspector.screens.change import ChangeScreen

        change = next((c for c in self._changes if c.sequence == event.sequence), None)
        if change is None:
            return
        screen = ChangeScreen(change, writable=not self.gateway.read_only)
        if await self.app.push_screen_wait(screen) == "revert":
            await self.revert(change.sequence)

    @on(ItemPane.OlderRequested)
    @work(exclusive=True, group="history", exit_on_error=False)
    async def _older_requested(self) -> None:
        if self._detail_id is None or not self._changes:
            return
        before = self._changes[0].sequence
        older = await self.gateway.history(self._detail_id, before=before)
        self._changes = [*older, *self._changes]
        self._show_history()

    @on(ItemPane.MoreContentRequested)
    @work(exclusive=True, group="content", exit_on_error=False)
    async def _more_content(self) -> None:
        """Show twice as much of a large content."""
        if self._detail_id is None:
            return
        self._part_bytes *= 2
        item = await self.gateway.item(self._detail_id)
        if item is not None:
            self.pane.show_content(await self.gateway.content_part(item, self._part_bytes))
