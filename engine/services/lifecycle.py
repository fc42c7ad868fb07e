"""`store.lifecycle`: policies, what they would do, doing it, and taking it back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Final

from engine.errors import (
    ChangeNotFoundError,
    EngineError,
    InvalidPolicyError,
    PolicyNotFoundError,
    RunInUseError,
    RunNotFoundError,
    StalePlanError,
)
from engine.lifecycle.plan import BeforeAndAfter, Plan, PlannedChange, Run, batches
from engine.lifecycle.policies import (
    CheckedPolicy,
    Policy,
    check_policy,
    python_name,
    require_distinct,
)
from engine.models import Item
from engine.procedures import (
    applying,
    candidates,
    lookup,
    planning,
    policies,
    previewing,
    runs,
)
from engine.services.core import Core
from engine.services.history import HistoryService
from engine.services.upkeep import Upkeep
from engine.validation import bounded

BATCH: Final = 1_000
"""Changes of one transaction; between two of them others have their turn to write."""
Progress = Callable[[int, int], None]
"""Told how much is done, and how much there is."""


def _silent(_done: int, _total: int) -> None:
    """Tell nobody."""


class Lifecycle(Upkeep):
    """The policies of a store. Nothing is done that was not planned, and shown, before."""

    def __init__(self, core: Core, history: HistoryService) -> None:
        super().__init__(core)
        self._history = history
        self._conditions: dict[str, candidates.Condition] = {}
        self._choices: dict[str, candidates.Choice] = {}

    # Policies ------------------------------------------------------------------------------

    def register_condition(self, name: str, condition: Callable[[Item], bool]) -> None:
        """Let policies of this opening say `python:NAME` as their condition.

        Raises:
            InvalidPolicyError: the name cannot be written so.
        """
        self._conditions[self._registered(name)] = condition

    def register_action(self, name: str, choose: Callable[[Item], str | None]) -> None:
        """Let policies of this opening say `python:NAME` as their action.

        `choose` is told an item while a plan is made, and returns what is to be done to it as
        the text of a built-in action, or None.

        Raises:
            InvalidPolicyError: the name cannot be written so.
        """
        self._choices[self._registered(name)] = choose

    def _registered(self, name: str) -> str:
        known = python_name(f"python:{name}", limits=self._core.limits)
        if known is None:
            raise InvalidPolicyError(f"{name!r} is no name", hint="use letters, digits, _ . -")
        return known

    async def policies(self) -> list[Policy]:
        """Return the policies of the store, in order."""
        return await self._backend.read(policies.load_policies)

    async def save(self, policy: Policy, *, position: int | None = None) -> None:
        """Keep a policy; one with its name is replaced, and stays where it is unless told.

        Raises:
            InvalidPolicyError: a part of it cannot be kept; the error says which.
        """
        known = await self.policies()
        names = [other.name for other in known]
        at = names.index(policy.name) if policy.name in names else len(known)
        rest = [other for other in known if other.name != policy.name]
        rest.insert(at if position is None else position, policy)
        await self.replace(rest)

    async def remove(self, name: str) -> None:
        """Forget a policy.

        Raises:
            PolicyNotFoundError: there is none of this name.
        """
        known = await self.policies()
        kept = [policy for policy in known if policy.name != name]
        if len(kept) == len(known):
            raise PolicyNotFoundError(
                f"there is no policy {name!r}", hint=f"there are {[p.name for p in known]}"
            )
        await self.replace(kept)

    async def replace(self, replacement: Iterable[Policy]) -> None:
        """Keep these policies, in this order, in place of all there were.

        Raises:
            InvalidPolicyError: one of them cannot be kept; nothing was changed.
        """
        wanted = list(replacement)
        require_distinct(wanted)
        for policy in wanted:
            # Whoever has registered the names may be another program.
            check_policy(policy, self._core.limits, None, None)
        await self._backend.write(policies.save_policies, wanted)

    def check(self, policy: Policy) -> CheckedPolicy:
        """Return what a policy means, as it could be planned now.

        Raises:
            InvalidPolicyError: a part of it is wrong, or a name in it is not registered.
        """
        return check_policy(policy, self._core.limits, self._conditions, self._choices)

    # Plans ---------------------------------------------------------------------------------

    async def plan(
        self, chosen: Iterable[Policy] | None = None, *, progress: Progress = _silent
    ) -> Plan:
        """Return what the policies would do now: by default the enabled ones of the store.

        It is told from one snapshot and changes nothing. A plan of the store's own policies also
        lets go of history that is older than it is kept.

        Raises:
            InvalidPolicyError: one of them is wrong, or a name in it is not registered.
        """
        wanted = await self.policies() if chosen is None else list(chosen)
        require_distinct(wanted)
        checked = [self.check(policy) for policy in wanted if policy.enabled]
        await self._core._accesses.flush()
        facts = await self._backend.read(lookup.store_facts)
        return await self._core._caught_up(
            lambda: self._backend.examine(
                planning.make_plan_of,
                self._core._reading,
                facts.store_id,
                checked,
                self._clock(),
                conditions=self._conditions,
                choices=self._choices,
                progress=_on_loop(progress),
                forget=chosen is None,
            )
        )

    async def preview(self, change: PlannedChange, *, plan: Plan | None = None) -> BeforeAndAfter:
        """Return a planned change's item as it is, and as the change would leave it.

        Told by the code that would make the change, of the store as it is now; nothing is changed.
        With the `plan` that the change is of, whatever `apply` would refuse is refused.

        Raises:
            StalePlanError: the item has moved on, or nothing is left to do.
        """
        await self._core._accesses.flush()
        facts = await self._backend.read(lookup.store_facts)
        return await self._backend.read(
            previewing.preview_change,
            self._names,
            self._core._accesses,
            facts.store_id,
            change,
            plan,
            self._clock(),
        )

    # Runs ----------------------------------------------------------------------------------

    async def apply(
        self, plan: Plan, *, actor: str | None = None, progress: Progress = _silent
    ) -> Run:
        """Make exactly the changes of a plan; `undo` takes all of them back.

        Each 1,000 changes are one transaction. When it fails or is cancelled, what was done is
        taken back; after a crash, `resume` or `undo` ends it.

        Raises:
            StalePlanError: the store has moved on; nothing was changed.
        """
        await self._core._accesses.flush()
        await self._train()
        facts = await self._backend.read(lookup.store_facts)
        file_bytes, _ = self._backend.file_bytes()
        run = await self._backend.write(
            applying.begin_run, plan, facts.store_id, self._clock(), file_bytes
        )
        return await self._carry_out(plan, run, actor, progress)

    async def resume(
        self, run: Run, *, actor: str | None = None, progress: Progress = _silent
    ) -> Run:
        """Go on with a run that a crash fell into.

        Raises:
            RunNotFoundError: nothing is left to do of it.
            RunInUseError: somebody else carries it out.
            StalePlanError: what is left to do is no longer as planned; it can be undone.
        """
        plan = await self._backend.read(runs.load_run_plan, run.id)
        run = await self._backend.read(runs.find_run, run.id)
        return await self._carry_out(plan, run, actor, progress)

    async def _carry_out(self, plan: Plan, run: Run, actor: str | None, progress: Progress) -> Run:
        writing: asyncio.Future[Run] | None = None
        try:
            progress(run.done, run.planned)
            for batch in batches(plan.changes[run.done :], BATCH):
                writing = asyncio.ensure_future(self._write_batch(plan, run, batch, actor))
                run = await asyncio.shield(writing)
                progress(run.done, run.planned)
            forgotten = await self._forget(plan)
            await self._tidy(plan)
        except RunInUseError:
            raise
        except BaseException:
            # What is being written when the caller goes away is part of what is taken back.
            if writing is not None:
                await asyncio.wait([writing])
                if writing.exception() is None:
                    run = writing.result()
            await asyncio.shield(self._take_back(run, actor))
            raise
        return await self._end(run, "done", forgotten)

    async def _write_batch(
        self, plan: Plan, run: Run, batch: Sequence[PlannedChange], actor: str | None
    ) -> Run:
        return await self._backend.write(
            applying.apply_batch,
            self._names,
            plan,
            run,
            batch,
            self._author(actor),
            self._core.limits,
        )

    async def _end(self, run: Run, state: str, forgotten: int = 0) -> Run:
        file_bytes, _ = self._backend.file_bytes()
        return await self._backend.write(
            runs.end_run, run.id, state, self._clock(), file_bytes, forgotten
        )

    async def _take_back(self, run: Run, actor: str | None) -> None:
        """Undo what a run that failed had done; if even that fails, it stays `interrupted`."""
        with suppress(EngineError):
            await self._undo_changes(run, force=True, actor=actor)
            await self._end(run, "undone")

    async def undo(self, run: Run, *, force: bool = False, actor: str | None = None) -> Run:
        """Take back everything a run changed; deleted items come back from history.

        Raises:
            RunNotFoundError: there is no such run.
            StalePlanError: it was undone before.
            UndoConflictError: a later change touched the same fields (unless `force`).
        """
        run = await self._backend.read(runs.find_run, run.id)
        if run.state == "undone":
            raise StalePlanError(
                f"run {run.id} was undone before", hint="apply a new plan to do it again"
            )
        try:
            await self._undo_changes(run, force=force, actor=actor)
        except ChangeNotFoundError as error:
            raise RunNotFoundError(
                f"the history of run {run.id} is not kept any more",
                hint="history is kept for as long as lifecycle.keep_history says",
            ) from error
        return await self._end(run, "undone")

    async def _undo_changes(self, run: Run, *, force: bool, actor: str | None) -> None:
        if run.first_sequence is not None and run.last_sequence is not None:
            await self._history.undo(
                run.first_sequence, run.last_sequence, force=force, actor=actor
            )

    async def find_run(self, run_id: int) -> Run:
        """Return the record of one run; one that fell silent is `interrupted`.

        Raises:
            RunNotFoundError: there is no such run.
        """
        return await self._backend.read(runs.find_run, bounded(run_id), self._clock())

    async def runs(self, *, limit: int = 50) -> list[Run]:
        """Return the newest runs, newest first."""
        return await self._backend.read(runs.list_runs, bounded(limit), self._clock())

    async def run_due(
        self, every_hours: float, *, actor: str | None = None, progress: Progress = _silent
    ) -> Run | None:
        """Plan and apply the store's policies if the last run is longer ago; None if it is not.

        A run that was missed, because nothing had the store open, is made up for once.
        """
        last = await self._backend.read(runs.last_run_at)
        if last is not None and self._clock() - last < every_hours * 3_600_000_000:
            return None
        return await self.apply(await self.plan(), actor=actor, progress=progress)


def _on_loop(progress: Progress) -> Progress:
    """Return a function for other threads that has `progress` told on this loop."""
    loop = asyncio.get_running_loop()

    def tell(done: int, total: int) -> None:
        loop.call_soon_threadsafe(progress, done, total)

    return tell
