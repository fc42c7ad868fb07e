"""The Lifecycle screen: policies, what they would do, doing it, and taking it back."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, ClassVar

from textual import on, work
from textual.binding import BindingType

from inspector.action import Scope, Situation
from inspector.actions import bindings_of
from inspector.gateway import PlannedChange, Run
from inspector.lifecycle_lines import HISTORY
from inspector.screens.lifecycle_board import ITEMS, PLAN, RUNS
from inspector.screens.lifecycle_policies import LifecyclePolicies
from inspector.screens.running import Running
from inspector.widgets.change_list import ChangeList
from inspector.widgets.line_list import LineList

TABS = (PLAN, ITEMS, RUNS)


class LifecycleScreen(LifecyclePolicies):
    """Policies at the left; the plan, its items and past runs at the right."""

    TITLE = "Lifecycle"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of(Scope.LIFECYCLE)]
    AUTO_FOCUS = "#policies"

    def __init__(self) -> None:
        super().__init__()
        self._last_run: Run | None = None
        self._depth_at_run = 0
        """How many changes of policies were made before the last run."""

    def connected(self) -> None:
        """Show the store, and allow its policies to be carried out."""
        self._runner = Running(self.inspector, self.gateway)
        super().connected()

    # What is under the cursor --------------------------------------------------------------

    def planned_change(self) -> PlannedChange | None:
        """Return the change under the cursor, if one is."""
        return self.change_list.change if self.change_list.has_focus else None

    def run_under_cursor(self) -> Run | None:
        """Return the past run under the cursor, or the one that just ended."""
        if self.run_list.has_focus:
            key = self.run_list.cursor_key
            return next((run for run in self.runs if run.id == key), None)
        return self._last_run

    def situation(self) -> Situation:
        """Return what decides whether an action can be done now."""
        if not self.is_connected:
            return Situation()
        name, run, change = self.policy_name(), self.run_under_cursor(), self.planned_change()
        planned = self.proposal is not None and bool(self.proposal.changes.get(name))
        return Situation(
            writable=not self.gateway.read_only,
            policy=any(policy.name == name for policy in self.policies),
            plan=self._has_something_to_do(),
            item=change is not None,
            can_leave_out=change is not None or planned or self._on_history(),
            can_undo=self._undoes_policy() or _can_take_back(run),
            can_redo=self.policy_changes.journal.can_redo and not self.run_list.has_focus,
            can_resume=run is not None and run.state == "interrupted",
            can_go_back=self.maximized is not None or not self.policy_list.has_focus,
        )

    def _has_something_to_do(self) -> bool:
        forgets = self.proposal is not None and self.proposal.forgets is not None
        return forgets or any(total.count for total in self.totals.values())

    def _on_history(self) -> bool:
        return self.plan_list.has_focus and self.plan_list.cursor_key == HISTORY

    def _undoes_policy(self) -> bool:
        """Return whether what would be undone is a change of a policy, and not a run."""
        if self.run_list.has_focus:
            return False
        depth = self.policy_changes.journal.depth
        run_is_newest = _can_take_back(self._last_run) and depth <= self._depth_at_run
        return depth > 0 and not run_is_newest

    # Looking -------------------------------------------------------------------------------

    @on(LineList.Selected, "#policies, #plan")
    def _policy_opened(self, event: LineList.Selected) -> None:
        event.stop()
        if event.key == HISTORY:
            self.inspector.toast("x leaves old history out, or takes it in again.")
            return
        name = event.key if isinstance(event.key, str) else ""
        if self.proposal is None:
            self.inspector.toast("There is no plan yet: p makes one.")
        elif name not in self.proposal.changes:
            self.inspector.toast("The plan was made without this policy: p makes a new one.")
        else:
            self.opened = name
            self.show_changes()
            self.go_to(ITEMS)

    @on(ChangeList.Opened)
    def _change_opened(self, event: ChangeList.Opened) -> None:
        event.stop()
        self._compare(event.change)

    def action_compare(self) -> None:
        """Show the item under the cursor before and after."""
        change = self.planned_change()
        if change is not None:
            self._compare(change)

    def _in_dialog(self, work_to_do: Coroutine[Any, Any, object]) -> None:
        """Do something in a worker: it may ask something."""
        self.run_worker(work_to_do, group="dialog", exclusive=True, exit_on_error=False)

    def _compare(self, change: PlannedChange) -> None:
        if self.proposal is not None:
            self._in_dialog(self._runner.compare(change, self.proposal.plan))

    def action_other_side(self) -> None:
        """Go to the other side."""
        if self.policy_list.has_focus:
            self.go_to(self.tab)
        else:
            self.go_to_policies()

    def action_show_runs(self) -> None:
        """Show past runs."""
        self.reload()
        self.go_to(RUNS)

    def action_transitions(self) -> None:
        """Show the moves between tiers."""
        from inspector.screens.transitions import TransitionsScreen

        self.app.push_screen(TransitionsScreen())

    def action_next_tab(self) -> None:
        """Show the next tab."""
        self._step_tab(1)

    def action_previous_tab(self) -> None:
        """Show the previous tab."""
        self._step_tab(-1)

    def _step_tab(self, by: int) -> None:
        if self.policy_list.has_focus:
            self.go_to(self.tab)
        else:
            self.go_to(TABS[(TABS.index(self.tab) + by) % len(TABS)])

    def action_zoom(self) -> None:
        """Give the whole screen to what has the focus, or take it back."""
        if self.maximized is not None:
            self.minimize()
        elif self.focused is not None:
            self.maximize(self.focused, container=False)

    def action_step_back(self) -> None:
        """Go one step back."""
        if self.maximized is not None:
            self.minimize()
        elif self.policy_list.has_focus:
            return
        elif self.tab == PLAN:
            self.go_to_policies()
        else:
            self.go_to(PLAN)

    # The plan ------------------------------------------------------------------------------

    @work(exclusive=True, group="dialog", exit_on_error=False)
    async def action_make_plan(self) -> None:
        """Show what the enabled policies would do now."""
        proposal = await self._runner.plan()
        if proposal is not None:
            await self.propose(proposal)
            await self.load()
            self.go_to(PLAN)

    @work(exclusive=True, group="leave out", exit_on_error=False)
    async def action_leave_out(self) -> None:
        """Leave the item or policy under the cursor out of the plan, or take it in again."""
        proposal, change = self.proposal, self.planned_change()
        if proposal is None:
            return
        if change is not None:
            await self.propose(proposal.with_item_toggled(change.item_id))
        elif self._on_history():
            await self.propose(proposal.with_history_toggled())
        elif self.policy_name() in proposal.changes:
            await self.propose(proposal.with_policy_toggled(self.policy_name()))

    @work(exclusive=True, group="dialog", exit_on_error=False)
    async def action_apply(self) -> None:
        """Make exactly the changes of the plan, after a question."""
        if self.proposal is None:
            return
        ended = await self._runner.apply(self.proposal)
        if ended is not None:
            self._note_run(ended.run)
            await self.propose(None)
            self.show_result(ended.run, took=ended.took)
            self.go_to(PLAN)
        await self.load()

    def _note_run(self, run: Run) -> None:
        self._last_run = run
        self._depth_at_run = self.policy_changes.journal.depth

    def action_undo(self) -> None:
        """Take back the newest change of a policy, or all of a run."""
        if self._undoes_policy():
            self.change_in_turn(self.policy_changes.undo())
        else:
            self._undo_run()

    @work(exclusive=True, group="dialog", exit_on_error=False)
    async def _undo_run(self) -> None:
        run = self.run_under_cursor()
        if run is not None:
            await self._after(await self._runner.undo(run))

    @work(exclusive=True, group="dialog", exit_on_error=False)
    async def action_resume(self) -> None:
        """Go on with a run that was interrupted."""
        run = self.run_under_cursor()
        if run is not None:
            await self._after(await self._runner.resume(run))

    async def _after(self, run: Run | None) -> None:
        """Show how a run stands now."""
        if run is not None and (self._last_run is None or run.id == self._last_run.id):
            self._last_run = run
        if run is not None and self.proposal is None:
            self.show_result(run, took="")
        await self.load()


def _can_take_back(run: Run | None) -> bool:
    return run is not None and run.state in ("done", "interrupted", "failed")
