"""The list half of the Browse screen: layout, queries, facets, and what others change."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.getters import query_one
from textual.reactive import reactive
from textual.timer import Timer
from textual.worker import Worker

from inspector.action import Scope
from inspector.screens.base import StoreScreen
from inspector.screens.columns import DEFAULT_ORDER, ORDERS, item_columns
from inspector.screens.trail import Place, Trail
from inspector.widgets.facet_panel import FacetPanel
from inspector.widgets.header import StoreHeader
from inspector.widgets.item_pane import ItemPane
from inspector.widgets.item_table import ItemTable
from inspector.widgets.query_bar import QueryBar, Suggestion

if TYPE_CHECKING:
    from inspector.gateway import ChangeNotice, Filter, Preview
    from inspector.screens.item_list import ItemList, Standing

TYPING_PAUSE_SECONDS = 0.06
FAULT_PAUSE_SECONDS = 0.5
LIVE_PAUSE_SECONDS = 0.2
CATCH_UP_SECONDS = 1.0
COUNT_PAUSE_SECONDS = 0.3
FACETS_PAUSE_SECONDS = 0.1
CLOCK_SECONDS = 30
TAGS_MAX = 50


class BrowseList(StoreScreen):
    """Fills the list and the facets, and keeps them at what the store has."""

    SCOPE = Scope.BROWSE

    bar = query_one("#query", QueryBar)
    facets = query_one("#facets", FacetPanel)
    table = query_one("#items", ItemTable)
    pane = query_one("#item", ItemPane)
    header = query_one(StoreHeader)

    busy: reactive[bool] = reactive(False, bindings=True)

    def __init__(self) -> None:
        super().__init__()
        self._trail = Trail(Place(query="", order=DEFAULT_ORDER))
        self._notices: list[ChangeNotice] = []
        self._goal_key: int | None = None
        self._list: ItemList | None = None
        self._following = asyncio.Lock()
        self._catching_up: Timer | None = None
        self._rescan_due = False
        self._typing = False
        self._tags_max = TAGS_MAX

    @property
    def item_list(self) -> ItemList:
        """What keeps the table at the answer; only once the store is open."""
        if self._list is None:
            raise RuntimeError("the store is not open yet")
        return self._list

    @property
    def is_connected(self) -> bool:
        """True once the store is open."""
        return self._list is not None

    def item_row(self) -> Preview | None:
        """Return the row under the cursor, or None if there is none or it has been deleted."""
        key = self.table.cursor_key
        if key is None or self.table.is_deleted(key):
            return None
        row: Preview | None = self.table.row(key)
        return row

    def show_item(self, item_id: str, *, pause: float) -> Worker[None]:
        """Show an item in the pane, after a pause that a newer one cuts short."""
        raise NotImplementedError

    async def revert(self, sequence: int) -> None:
        """Undo one change of an item's history."""
        raise NotImplementedError

    @property
    def shown_id(self) -> str | None:
        """The item in the pane."""
        raise NotImplementedError

    # Layout --------------------------------------------------------------------------------

    def compose_body(self) -> ComposeResult:
        """Lay out the query bar and the three panes."""
        yield QueryBar(
            placeholder="filter: words, tier:working, importance>=0.7, tag:user, created<7d …",
            highlight=self._highlight,
            complete=self._complete,
            id="query",
        )
        with Horizontal(id="panes"):
            yield FacetPanel(id="facets")
            yield ItemTable(
                self._previews, item_columns(self.inspector.now), id="items", empty="no items"
            )
            yield ItemPane(id="item")

    def connected(self) -> None:
        """Show everything, newest first, and follow what changes."""
        from inspector.screens.item_list import ItemList

        self._list = ItemList(self.gateway, self.table, changed=self._standing_changed)
        self._restore()
        self.show_header()
        self._run_query(self._trail.here, keep_cursor=False)
        if self.inspector.settings.live:
            self._follow()
        self.set_interval(CLOCK_SECONDS, self.table.redraw)
        self.refresh_bindings()

    def _restore(self) -> None:
        """Take up layout, order and queries where the last run left them."""
        state, store_id = self.inspector.state, self.gateway.store_id
        self.set_class(not state.layout("facets", True), "-without-facets")
        self.set_class(not state.layout("item", True), "-without-item")
        order = state.order(store_id, DEFAULT_ORDER)
        known = order in {name for name, _ in ORDERS}
        self._trail = Trail(Place(query="", order=order if known else DEFAULT_ORDER))
        self.bar.history = state.queries(store_id)

    def set_shown(self, part: str, *, shown: bool) -> None:
        """Show or hide a pane; a narrow screen has room for one beside the list."""
        panel = self.facets if part == "facets" else self.pane
        if not shown and panel.has_focus_within:
            self.table.focus()
        if self.has_class("-wide"):
            self.set_class(not shown, f"-without-{part}")
            state = self.inspector.state
            self.inspector.remember(lambda: state.set_layout(part, shown), None)
        else:
            self.set_class(False, "-with-facets", "-with-item")
            self.set_class(shown, f"-with-{part}")
        if shown and part == "facets":
            self.call_after_refresh(self.facets.focus)
        # What can be done depends on what is in sight.
        self.call_after_refresh(self.refresh_bindings)

    # Query ---------------------------------------------------------------------------------

    @on(QueryBar.QueryChanged)
    def _query_changed(self, event: QueryBar.QueryChanged) -> None:
        event.stop()
        if not self.is_connected:
            return
        if event.submitted:
            if self._go(event.text):
                self.table.focus()
        else:
            self._leave_place()
            self._typing = True
            place = Place(query=event.text, order=self._trail.here.order)
            self._run_query(place, keep_cursor=True, typing=True)

    @on(QueryBar.Left)
    def _query_left(self, event: QueryBar.Left) -> None:
        event.stop()
        if self.is_connected and self.bar.value.strip() != self._trail.here.query:
            self._go(self.bar.value)
        self.table.focus()

    def _go(self, query: str, *, order: str = "") -> bool:
        """Run a query, and remember it for back and for the next run; False if it is faulty."""
        place = Place(query=query.strip(), order=order or self._trail.here.order)
        if self._parsed(place.query) is None:
            return False
        self._leave_place()
        self._typing = False
        self._trail.go(place)
        state, store_id = self.inspector.state, self.gateway.store_id
        if place.query:
            self.bar.history = self.inspector.remember(
                lambda: state.add_query(store_id, place.query), self.bar.history
            )
        if order:
            self.inspector.remember(lambda: state.set_order(store_id, order), None)
        self._run_query(place, keep_cursor=True)
        self.refresh_bindings()
        return True

    def _leave_place(self) -> None:
        """Remember the item under the cursor, unless the list is already one of half a query."""
        if not self._typing:
            self._trail.leave(self.table.cursor_key)

    def _parsed(self, text: str) -> Filter | None:
        """Return the query that a text stands for; None, and the fault is shown, if it has one."""
        from inspector.gateway import InvalidFilterError

        try:
            return self.gateway.parse(text)
        except InvalidFilterError as error:
            self.bar.show_error(error.message, error.hint, error.position, error.length)
            return None

    def _return_to(self, place: Place) -> None:
        self.bar.set_value(place.query, notify=False)
        self._typing = False
        self._goal_key = place.key
        self._run_query(place, keep_cursor=True)
        self.refresh_bindings()

    @work(exclusive=True, group="query", exit_on_error=False)
    async def _run_query(self, place: Place, *, keep_cursor: bool, typing: bool = False) -> None:
        """Fill the list; a newer query cancels this one, down to the SQL statement."""
        from inspector import query_text
        from inspector.gateway import InvalidFilterError

        if typing:
            await asyncio.sleep(TYPING_PAUSE_SECONDS)
        try:
            query = self.gateway.parse(place.query)
        except InvalidFilterError as error:
            # Half a word is not a mistake yet.
            await asyncio.sleep(FAULT_PAUSE_SECONDS if typing else 0)
            self.bar.show_error(error.message, error.hint, error.position, error.length)
            return
        self.bar.clear_error()
        if typing:
            query = query_text.as_typed(query, place.query)
        self.table.order = place.order
        self.table.clear_marks()
        self.busy = True
        try:
            await self._fill(query, place.order, keep_cursor=keep_cursor)
        finally:
            self.busy = False

    async def _fill(self, query: Filter, order: str, *, keep_cursor: bool) -> None:
        self._count_later(0 if keep_cursor is False else COUNT_PAUSE_SECONDS)
        self._show_facets(query)
        await self.item_list.run(query, order, keep_cursor=keep_cursor)
        if self._goal_key is not None:
            self.table.move_to(self._goal_key)
            self._goal_key = None

    @work(exclusive=True, group="count", exit_on_error=False)
    async def _count_later(self, pause: float) -> None:
        """Count what matches, unless the list is complete before that."""
        await asyncio.sleep(pause)
        if not self.item_list.standing.complete:
            await self.item_list.recount()

    def _standing_changed(self, standing: Standing) -> None:
        self.bar.status = standing.text()

    def _highlight(self, text: str) -> Sequence[tuple[int, int, Any]]:
        if not self.is_connected:
            return []
        from inspector.query_help import highlighted

        return highlighted(text)

    async def _complete(self, text: str, cursor: int) -> Sequence[Suggestion]:
        if not self.is_connected:
            return []
        from inspector.query_help import suggestions

        return await suggestions(self.gateway, text, cursor)

    async def _previews(self, keys: Sequence[int]) -> Any:
        return await self.gateway.previews(keys)

    # Facets --------------------------------------------------------------------------------

    @work(exclusive=True, group="facets", exit_on_error=False)
    async def _show_facets(self, query: Filter) -> None:
        from inspector.screens.facets import facet_groups, included_and_excluded

        await asyncio.sleep(FACETS_PAUSE_SECONDS)
        groups = await facet_groups(self.gateway, query, tags_max=self._tags_max)
        included, excluded = included_and_excluded(query)
        self.facets.show(groups, included=included, excluded=excluded)

    @on(FacetPanel.MoreRequested)
    def _more_facets(self, event: FacetPanel.MoreRequested) -> None:
        event.stop()
        self._tags_max *= 4
        self._show_facets(self.item_list.query_or_everything)

    @on(FacetPanel.FacetToggled)
    def _facet_toggled(self, event: FacetPanel.FacetToggled) -> None:
        from inspector import query_text

        event.stop()
        query = self._parsed(self.bar.value)
        if query is None:
            return
        text = query_text.toggled(query, event.field, event.value, negate=event.negate)
        self.bar.set_value(text, notify=False)
        self._go(text)

    # Following -----------------------------------------------------------------------------

    @work(exclusive=True, group="follow", exit_on_error=False)
    async def _follow(self) -> None:
        """Collect the changes that anybody makes; they are shown a moment later, together."""
        async with aclosing(self.gateway.watch()) as notices:
            async for notice in notices:
                self._notices.append(notice)
                if len(self._notices) == 1:
                    self.set_timer(LIVE_PAUSE_SECONDS, self._show_changes)

    @work(group="live", exit_on_error=False)
    async def _show_changes(self) -> None:
        # One after the other: a batch that is cancelled half-way would be lost.
        async with self._following:
            notices, self._notices = self._notices, []
            followed = await self.item_list.follow(notices)
        self._rescan_due = self._rescan_due or not followed
        self.header.count = (await self.gateway.refresh_info()).items
        if self.shown_id is not None and self.shown_id in {n.item_id for n in notices}:
            self.show_item(self.shown_id, pause=0)
        if self._catching_up is None:
            self._catching_up = self.set_timer(CATCH_UP_SECONDS, self._catch_up)
        self.refresh_bindings()

    @work(group="catch up", exit_on_error=False)
    async def _catch_up(self) -> None:
        """Do what is too much for every change: counts, facets, and the whole query again."""
        self._catching_up = None
        query = self.item_list.query
        if query is None:
            return
        if self._rescan_due:
            self._rescan_due = False
            await self.item_list.run(query, self.item_list.order, keep_cursor=True)
        else:
            await self.item_list.recount()
        self._show_facets(query)

    @on(ItemTable.FetchFailed)
    def _fetch_failed(self, event: ItemTable.FetchFailed) -> None:
        event.stop()
        self.inspector.report(event.error)
