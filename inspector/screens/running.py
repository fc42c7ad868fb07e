"""Plans and runs: making one, showing what it would do, carrying it out and taking it back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from inspector import formatting
from inspector.gateway import PlannedChange, Run
from inspector.lifecycle_lines import changes_text, freed_text, items_text
from inspector.proposal import Proposal, Totals, propose
from inspector.screens.dialogs import Confirm
from inspector.screens.planned import PlannedScreen
from inspector.screens.working import carry_through

if TYPE_CHECKING:
    from inspector.app import InspectorApp
    from inspector.gateway import Gateway, Plan

SAMPLE_MAX = 3
"""Items that the question names, and policies, and warnings: it must fit into 24 lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A run that ended, and in words how long it took."""

    run: Run
    took: str


class Running:
    """Asks before anything is changed; its methods wait for dialogs, so they run in a worker."""

    def __init__(self, app: InspectorApp, gateway: Gateway) -> None:
        self._app = app
        self._gateway = gateway

    # Plans ---------------------------------------------------------------------------------

    async def plan(self) -> Proposal | None:
        """Return what the enabled policies would do now; None if the person cancelled it."""
        plan = await carry_through(
            self._app, "Planning", self._gateway.lifecycle.plan, unit="steps"
        )
        if plan is None:
            self._app.toast("Cancelled; planning changes nothing.", severity="warning")
            return None
        return await asyncio.to_thread(propose, plan)

    async def compare(self, change: PlannedChange, plan: Plan) -> None:
        """Show an item before and after what is planned for it."""
        from inspector.gateway import StalePlanError

        try:
            found = await self._gateway.lifecycle.before_and_after(change, plan)
        except StalePlanError as error:
            self._app.toast(f"{error.message}: {error.hint}.", severity="warning")
        else:
            await self._app.push_screen_wait(PlannedScreen(change, found))

    # Carrying out --------------------------------------------------------------------------

    async def apply(self, proposal: Proposal) -> Ended | None:
        """Make exactly the changes of a plan after a question; None if nothing was done."""
        plan = await asyncio.to_thread(proposal.kept)
        if not plan.changes and plan.forgets is None:
            self._app.toast("The plan has nothing to do.")
            return None
        totals = await asyncio.to_thread(proposal.totals)
        if not await self._app.push_screen_wait(_question(plan, totals)):
            return None
        newest = await self._newest_run()
        started = perf_counter()
        run = await carry_through(
            self._app,
            f"Applying {changes_text(len(plan.changes))}",
            lambda progress: self._gateway.lifecycle.apply(plan, progress),
            unit="changes",
        )
        if run is None:
            await self._say_cancelled(newest)
            return None
        took = formatting.duration_ms((perf_counter() - started) * 1000)
        self._app.toast(f"Run {run.id}: {changes_text(run.done)} in {took}")
        return Ended(run=run, took=f" in {took}")

    async def _newest_run(self) -> int:
        runs = await self._gateway.lifecycle.runs(limit=1)
        return runs[0].id if runs else 0

    async def _say_cancelled(self, newest_before: int) -> None:
        """Say that all was taken back; or, if it could not be, where to see what is left."""
        runs = await self._gateway.lifecycle.runs(limit=1)
        if runs and runs[0].id > newest_before and runs[0].state != "undone":
            self._app.toast(
                f"Cancelled, but run {runs[0].id} could not be taken back whole: r shows it.",
                severity="error",
            )
        else:
            self._app.toast("Cancelled; everything was taken back.", severity="warning")

    async def undo(self, run: Run) -> Run | None:
        """Take back all of a run after a question; None if it was left as it is."""
        from inspector.gateway import UndoConflictError

        question = Confirm(
            f"Take back run {run.id}?",
            lines=_policy_lines(run.by_policy),
            note=f"{changes_text(run.done)} of {formatting.exact_time(run.started_at)}; deleted "
            "items come back from the history.",
            yes="Take back",
            no="No",
        )
        if not await self._app.push_screen_wait(question):
            return None
        try:
            return await self._taken_back(run, force=False)
        except UndoConflictError as error:
            again = Confirm(
                f"Take back run {run.id} all the same?",
                lines=[error.message],
                note=error.hint or "What was changed later would be overwritten.",
                yes="Overwrite",
                no="Leave it as it is",
                dangerous=True,
            )
            if not await self._app.push_screen_wait(again):
                return None
        return await self._taken_back(run, force=True)

    async def _taken_back(self, run: Run, *, force: bool) -> Run | None:
        # Not to be cancelled: of more changes than one transaction holds, a part would be left.
        undone = await carry_through(
            self._app,
            f"Taking back run {run.id}",
            lambda _: self._gateway.lifecycle.undo(run, force=force),
            cancellable=False,
        )
        if undone is not None:
            self._app.toast(f"Took back run {run.id}: everything is as it was before.")
        return undone

    async def resume(self, run: Run) -> Run | None:
        """Go on with a run that a crash interrupted; None if the person cancelled it."""
        left = run.planned - run.done
        question = Confirm(
            f"Go on with run {run.id}?",
            lines=_policy_lines(run.by_policy),
            note=f"{changes_text(left)} of {formatting.count(run.planned)} are left to do.",
            yes=f"Make {changes_text(left)}",
            no="No",
        )
        if not await self._app.push_screen_wait(question):
            return None
        ended = await carry_through(
            self._app,
            f"Going on with run {run.id}",
            lambda progress: self._gateway.lifecycle.resume(run, progress),
            unit="changes",
        )
        if ended is None:
            await self._say_cancelled(run.id - 1)
        else:
            self._app.toast(f"Run {run.id} is done.")
        return ended


def _question(plan: Plan, totals: Mapping[str, Totals]) -> Confirm:
    """Return the question before a plan is carried out: counts, a sample, warnings."""
    counts = {name: part.count for name, part in totals.items() if part.count}
    sample = [f"• {change.action}  {change.item_id}" for change in plan.changes[:SAMPLE_MAX]]
    if len(plan.changes) > SAMPLE_MAX:
        sample.append(f"… and {formatting.count(len(plan.changes) - SAMPLE_MAX)} more")
    warnings = list(plan.warnings[:SAMPLE_MAX])
    if len(plan.warnings) > SAMPLE_MAX:
        warnings.append(f"and {len(plan.warnings) - SAMPLE_MAX} more, in the plan")
    freed = freed_text(plan.bytes_freed)
    deletes = any(change.action == "delete" for change in plan.changes)
    except_history = "" if plan.forgets is None else ", but for the history"
    return Confirm(
        f"Apply the plan · {changes_text(len(plan.changes))}?",
        lines=[*_policy_lines(counts), *sample],
        warnings=warnings,
        note=f"It {freed}. Undo (u) takes all of it back in one step{except_history}.",
        yes=f"Apply {changes_text(len(plan.changes))}",
        no="No",
        dangerous=deletes or plan.forgets is not None,
    )


def _policy_lines(counts: Mapping[str, int]) -> list[str]:
    lines = [f"{items_text(count)}: {name}" for name, count in counts.items() if count]
    if len(lines) > SAMPLE_MAX:
        rest = len(lines) - SAMPLE_MAX
        return [*lines[:SAMPLE_MAX], f"… and {rest} more polic{'y' if rest == 1 else 'ies'}"]
    return lines
