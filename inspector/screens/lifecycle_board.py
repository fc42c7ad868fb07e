"""What the Lifecycle screen shows: policies at the left; plan, items and runs at the right."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual import events, on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.getters import query_one
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Static

from inspector import formatting, lifecycle_lines
from inspector.action import Scope
from inspector.proposal import Proposal, Totals
from inspector.screens.base import StoreScreen
from inspector.widgets.card_list import CardList
from inspector.widgets.change_list import ChangeList
from inspector.widgets.line_list import LineList, ListEntry
from inspector.widgets.roles import Line, Role
from inspector.widgets.tab_strip import TabStrip

if TYPE_CHECKING:
    from inspector.gateway import Policy, Run

PLAN, ITEMS, RUNS = "plan", "changes", "runs"
LOOK_SECONDS = 2.0
"""How often is looked whether the store has moved on, while the screen is in sight."""


class LifecycleBoard(StoreScreen):
    """Shows the policies of the store, a plan and the runs; changes nothing."""

    SCOPE = Scope.LIFECYCLE

    policy_list = query_one("#policies", CardList)
    plan_list = query_one("#plan", CardList)
    change_list = query_one("#changes", ChangeList)
    run_list = query_one("#runs", CardList)
    tabs = query_one("#lifecycle-tabs", TabStrip)

    def __init__(self) -> None:
        super().__init__()
        self.is_connected = False
        self.policies: Sequence[Policy] = ()
        self.runs: Sequence[Run] = ()
        self.proposal: Proposal | None = None
        self.totals: dict[str, Totals] = {}
        self.opened = ""
        """The policy of which the items are shown."""
        self._result: list[ListEntry] | None = None
        self._changes_since = 0
        self._policies_changed = False

    def compose_body(self) -> ComposeResult:
        """Lay out the two sides."""
        with Horizontal(id="lifecycle"):
            with Vertical(id="policy-side"):
                yield Static(Content.styled(" Policies, in order", "bold $primary"))
                yield CardList(id="policies", empty="no policies; n writes one")
            with Vertical(id="plan-side"):
                yield TabStrip(
                    [(PLAN, "Plan"), (ITEMS, "Items"), (RUNS, "Runs")], id="lifecycle-tabs"
                )
                with ContentSwitcher(initial=PLAN, id="lifecycle-views"):
                    yield CardList(id=PLAN)
                    yield ChangeList(id=ITEMS)
                    yield CardList(id=RUNS, empty="no policy has been carried out yet")

    def connected(self) -> None:
        """Show the policies and the runs."""
        self.is_connected = True
        self.show_header()
        self.show_plan()
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
        """Show policies, runs and counts as the store has them now."""
        await self.load()

    async def load(self) -> None:
        """Show policies, runs and counts as the store has them now."""
        self.policies = await self.gateway.lifecycle.policies()
        self.runs = await self.gateway.lifecycle.runs()
        await self.gateway.refresh_info()
        self.show_header()
        await self._look()
        self.show_policies()
        self.run_list.show(lifecycle_lines.run_entries(self.runs, now=self.inspector.now()))
        self.tabs.set_title(RUNS, f"Runs {len(self.runs)}" if self.runs else "Runs")
        self.refresh_bindings()

    def _look_if_shown(self) -> None:
        if self.proposal is not None and self.is_current:
            self.run_worker(self._look(), group="look", exclusive=True, exit_on_error=False)

    async def _look(self) -> None:
        """Find out whether the plan is still of what there is."""
        if self.proposal is None:
            return
        plan = self.proposal.plan
        since = await self.gateway.sequence() - plan.sequence
        changed = tuple(p for p in self.policies if p.enabled) != plan.policies
        if (since, changed) != (self._changes_since, self._policies_changed):
            self._changes_since, self._policies_changed = since, changed
            self.show_plan()

    # Showing -------------------------------------------------------------------------------

    def show_policies(self) -> None:
        """Show the policies, with what the plan has for each."""
        totals = None if self.proposal is None else self.totals
        self.policy_list.show(lifecycle_lines.policy_entries(self.policies, totals))

    def show_plan(self) -> None:
        """Show the plan, the run that it became, or how to make one."""
        if self.proposal is not None:
            situated = lifecycle_lines.Situated(
                proposal=self.proposal,
                totals=self.totals,
                changes_since=self._changes_since,
                policies_changed=self._policies_changed,
            )
            entries = lifecycle_lines.plan_entries(situated)
        elif self._result is not None:
            entries = self._result
        else:
            entries = lifecycle_lines.no_plan_entries(writable=not self.gateway.read_only)
        self.plan_list.show(entries)
        self.show_changes()

    def show_changes(self) -> None:
        """Show the items of the policy that was opened."""
        proposal = self.proposal
        if proposal is None or self.opened not in proposal.changes:
            self.change_list.show((), (), left_out=lambda _: False)
            self.tabs.set_title(ITEMS, "Items")
            return
        changes = proposal.changes[self.opened]
        title: Line = (
            ("  ", Role.PLAIN),
            (self.opened, Role.HEADING),
            (f"  {lifecycle_lines.items_text(len(changes))}", Role.NUMBER),
        )
        if self.opened in proposal.policies:
            title = (*title, ("  ✗ the policy is left out", Role.WARNING))
        self.change_list.show(title, changes, left_out=proposal.leaves_out)
        self.tabs.set_title(ITEMS, f"Items {formatting.count(len(changes))}")

    async def propose(self, proposal: Proposal | None) -> None:
        """Show this plan, with what is left out of it; or none."""
        plan = None if proposal is None else proposal.plan
        if self.proposal is None or self.proposal.plan is not plan:
            self._changes_since, self._policies_changed = 0, False
            self.opened = "" if proposal is None else _first_with_changes(proposal)
        self.proposal = proposal
        # Of many changes not on the loop: keys are pressed meanwhile.
        self.totals = {} if proposal is None else await asyncio.to_thread(proposal.totals)
        self._result = None
        self.show_plan()
        self.show_policies()
        self.refresh_bindings()

    def show_result(self, run: Run, *, took: str) -> None:
        """Show what a run did, where its plan was."""
        undo_key = self.inspector.key_of("lifecycle.undo")
        self._result = lifecycle_lines.result_entries(run, took=took, undo_key=undo_key)
        self.show_plan()

    # Sides and tabs ------------------------------------------------------------------------

    @property
    def tab(self) -> str:
        """The name of the tab that is shown."""
        return self.tabs.active

    def go_to(self, tab: str) -> None:
        """Show a tab of the right side and give it the focus."""
        self.add_class("-with-plan")
        self.tabs.active = tab
        self.query_one(ContentSwitcher).current = tab
        self.call_after_refresh(self._focus, self.query_one(f"#{tab}"))

    def go_to_policies(self) -> None:
        """Go to the left side."""
        self.remove_class("-with-plan")
        self.call_after_refresh(self._focus, self.policy_list)

    def _focus(self, widget: Widget) -> None:
        # The widget was hidden when it was asked for, so it could not have the focus before.
        self.set_focus(widget)
        self.refresh_bindings()

    @on(TabStrip.Changed)
    def _tab_changed(self, event: TabStrip.Changed) -> None:
        event.stop()
        self.go_to(event.name)

    @on(LineList.Highlighted)
    @on(ChangeList.Highlighted)
    def _cursor_moved(self) -> None:
        self.refresh_bindings()


def _first_with_changes(proposal: Proposal) -> str:
    names = list(proposal.changes)
    return next((name for name in names if proposal.changes[name]), names[0] if names else "")
