"""The Browse screen: facets at the left, the list in the middle, the item at the right."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on, work
from textual.binding import BindingType

from inspector import formatting
from inspector.action import Scope, Situation
from inspector.actions import bindings_of
from inspector.screens.browse_item import BrowseItem
from inspector.screens.columns import ORDERS
from inspector.widgets.item_pane import HISTORY
from inspector.widgets.item_table import ItemTable

if TYPE_CHECKING:
    from inspector.gateway import Preview


class BrowseScreen(BrowseItem):
    """Finds, shows and changes items."""

    TITLE = "Browse"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of(Scope.BROWSE)]
    AUTO_FOCUS = "#items"

    def connected(self) -> None:
        """Show the store, and allow it to be changed."""
        from inspector.screens.bulk import Bulk
        from inspector.screens.changing import Changing
        from inspector.screens.exporting import Exporting

        app = self.inspector
        self._changing = Changing(app, self.gateway, app.journal)
        self._bulk = Bulk(app, self.gateway, self._changing)
        self._exporting = Exporting(app, self.gateway)
        super().connected()

    async def revert(self, sequence: int) -> None:
        """Undo one change of an item's history."""
        await self._changing.revert(sequence)

    def situation(self) -> Situation:
        """Return what decides whether an action can be done now."""
        if not self.is_connected:
            return Situation()
        table, journal = self.table, self.inspector.journal
        return Situation(
            writable=not self.gateway.read_only,
            item=self.item_row() is not None,
            items=table.row_count > 0,
            marks=table.marked_count,
            can_undo=journal.can_undo,
            can_redo=journal.can_redo,
            can_go_back=self._trail.can_go_back,
            can_go_forward=self._trail.can_go_forward,
            table_focused=table.has_focus,
            pane_focused=self.pane.has_focus_within,
            change=self._change_in_sight(),
        )

    def _change_in_sight(self) -> bool:
        """Return whether one sees which change would be undone."""
        shown = bool(self.pane.display) and self.pane.tab == HISTORY
        return shown and self._change_at is not None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Allow what can be done now; in the query bar, letters are text."""
        if self.is_mounted and self.is_connected and self.bar.has_focus_within:
            return action == "step_back"
        return super().check_action(action, parameters)

    # Actions: find and look ----------------------------------------------------------------

    def action_find(self) -> None:
        """Put the cursor into the query bar."""
        self.bar.focus()

    def action_query_back(self) -> None:
        """Go back to the query before."""
        self._leave_place()
        self._return_to(self._trail.back())

    def action_query_forward(self) -> None:
        """Go forward again."""
        self._leave_place()
        self._return_to(self._trail.forward())

    def action_reload(self) -> None:
        """Run the query again."""
        self.table.invalidate()
        self._run_query(self._trail.here, keep_cursor=True)

    @on(ItemTable.SortRequested)
    def _sort_requested(self, event: ItemTable.SortRequested) -> None:
        event.stop()
        self._go(self._trail.here.query, order=event.order)

    @work(exclusive=True, group="dialog", exit_on_error=False)
    async def action_sort(self) -> None:
        """Choose the order from a list."""
        from inspector.screens.dialogs import Choose

        chosen = await self.app.push_screen_wait(
            Choose("Order of the list", ORDERS, current=self._trail.here.order)
        )
        if chosen:
            self._go(self._trail.here.query, order=chosen)

    def action_toggle_facets(self) -> None:
        """Show or hide the facets."""
        self.set_shown("facets", shown=not self.facets.display)

    def action_toggle_pane(self) -> None:
        """Show or hide the item."""
        self.set_shown("item", shown=not self.pane.display)

    def action_next_tab(self) -> None:
        """Show the item's next tab."""
        self._step_tab(1)

    def action_previous_tab(self) -> None:
        """Show the item's previous tab."""
        self._step_tab(-1)

    def _step_tab(self, by: int) -> None:
        if not self.pane.display:
            self.set_shown("item", shown=True)
        else:
            self.pane.step_tab(by)

    def action_transitions(self) -> None:
        """Show the moves between tiers: those into a tier, if one is under the cursor."""
        from inspector.gateway import Field
        from inspector.gateway.tiers import TransitionFilter, tier_of
        from inspector.screens.transitions import TransitionsScreen

        field, value = self.facets.choice if self.facets.has_focus else ("", "")
        entered = tier_of(value) if field == Field.TIER.value else None
        self.app.push_screen(TransitionsScreen(TransitionFilter(entered=entered)))

    def action_zoom(self) -> None:
        """Give the whole screen to what has the focus, or take it back."""
        if self.maximized is not None:
            self.minimize()
            return
        for part in (self.pane, self.facets):
            if part.has_focus_within:
                self.maximize(part, container=False)
                return
        self.maximize(self.table, container=False)

    def action_step_back(self) -> None:
        """Go one step back: cancel what runs, leave, unmark, clear the query."""
        if self.bar.has_focus_within:
            self.table.focus()
        elif self.busy:
            self.workers.cancel_group(self, "query")
        elif self.pane.has_focus_within or self.facets.has_focus_within:
            self.set_class(False, "-with-facets", "-with-item")
            self.table.focus()
            self.call_after_refresh(self.refresh_bindings)
        elif self.has_class("-with-facets") or self.has_class("-with-item"):
            self.set_class(False, "-with-facets", "-with-item")
            self.call_after_refresh(self.refresh_bindings)
        elif self.table.marked_count:
            self.table.clear_marks()
        elif self._trail.can_go_back:
            self.action_query_back()
        elif self.bar.value:
            self.bar.set_value("", notify=False)
            self._go("")

    # Actions: change -----------------------------------------------------------------------

    def _with_item(self, act: Callable[[Preview], Coroutine[Any, Any, None]]) -> None:
        """Run an action on the item under the cursor, in a worker: it may ask something."""
        row = self.item_row()
        if row is not None:
            self.run_worker(act(row), group="dialog", exclusive=True, exit_on_error=False)

    def action_edit(self) -> None:
        """Open the editor."""
        self._with_item(lambda row: self._changing.edit(row.id))

    def action_edit_outside(self) -> None:
        """Open the content in the person's own editor."""
        self._with_item(lambda row: self._changing.edit_outside(row.id))

    def action_edit_tags(self) -> None:
        """Edit the tags."""
        self._with_item(lambda row: self._changing.edit_tags(row.id))

    def action_tier_up(self) -> None:
        """Move the item one tier up."""
        self._with_item(lambda row: self._changing.move(row.id, -1))

    def action_tier_down(self) -> None:
        """Move the item one tier down."""
        self._with_item(lambda row: self._changing.move(row.id, 1))

    def action_delete(self) -> None:
        """Delete after a question."""
        self._with_item(lambda row: self._changing.delete(row.id, row.text))

    @work(exclusive=True, group="dialog", exit_on_error=False)
    async def action_new(self) -> None:
        """Write a new item, like the one under the cursor in agent, kind and tier."""
        row = self.item_row()
        defaults = {} if row is None else {"agent": row.agent, "kind": row.kind}
        item_id = await self._changing.new(defaults)
        if item_id is not None:
            self._go_to_new(item_id)

    @work(exclusive=True, group="jump", exit_on_error=False)
    async def _go_to_new(self, item_id: str) -> None:
        # The list learns of it as of any change, a moment after it was written.
        key = await self.gateway.key_of(item_id)
        for _ in range(20):
            if key is None or self.table.move_to(key):
                return
            await asyncio.sleep(0.05)

    @work(exclusive=True, group="dialog", exit_on_error=False)
    async def action_revert(self) -> None:
        """Undo the change under the cursor in the history."""
        if self._change_at is not None:
            await self._changing.revert(self._change_at)

    @work(exclusive=True, group="dialog", exit_on_error=False)
    async def action_restore_before(self) -> None:
        """Lead through a restore of what was before the change under the cursor."""
        from inspector.gateway.past import Wish
        from inspector.screens.restoring import Restoring

        sequence, item_id = self._change_at, self.shown_id
        if sequence is not None and item_id is not None:
            restoring = Restoring(self.inspector, self.gateway, self._changing)
            await restoring.run(Wish(sequence=sequence - 1), item_id=item_id)

    @work(exclusive=True, group="dialog", exit_on_error=False)
    async def action_undo(self) -> None:
        """Take back the newest own change."""
        await self._changing.undo()

    @work(exclusive=True, group="dialog", exit_on_error=False)
    async def action_redo(self) -> None:
        """Make it again."""
        await self._changing.redo()

    # Actions: many -------------------------------------------------------------------------

    @on(ItemTable.MarksChanged)
    def _marks_changed(self, event: ItemTable.MarksChanged) -> None:
        event.stop()
        self.bar.note = f"{formatting.count(event.count)} marked" if event.count else ""
        self.refresh_bindings()

    def action_mark(self) -> None:
        """Mark or unmark the item under the cursor."""
        self.table.action_toggle_mark()

    def action_mark_all(self) -> None:
        """Mark everything that matches, or nothing if it is marked already."""
        if self.table.marks.all_matching:
            self.table.clear_marks()
        else:
            self.table.mark_all()

    @work(exclusive=True, group="dialog", exit_on_error=False)
    async def action_bulk(self) -> None:
        """Do something with all that is marked."""
        from inspector.screens.marked import marked_target

        target = await marked_target(self.gateway, self.table, self.item_list.query_or_everything)
        done = await self._bulk.run(target)
        if done == "export":
            await self._exporting.run(target.as_query(), target.count)
        elif done:
            self.table.clear_marks()

    @work(exclusive=True, group="dialog", exit_on_error=False)
    async def action_export(self) -> None:
        """Write what the query matches to a file."""
        query = self.item_list.query_or_everything
        await self._exporting.run(query, await self.gateway.count(query))

    # Actions: copy -------------------------------------------------------------------------

    def action_copy(self) -> None:
        """Copy the content."""
        self._with_item(lambda row: self._copy(row.id, whole=False))

    def action_copy_json(self) -> None:
        """Copy the whole item as JSON."""
        self._with_item(lambda row: self._copy(row.id, whole=True))

    async def _copy(self, item_id: str, *, whole: bool) -> None:
        if whole:
            text = await self.gateway.record(item_id)
        else:
            text = await self.gateway.content_text(item_id)
        if text is None:
            self.inspector.toast(f"{item_id} has been deleted.", severity="warning")
        else:
            self.inspector.copy("item as JSON" if whole else "content", text)
