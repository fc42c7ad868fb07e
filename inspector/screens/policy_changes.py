"""Changing policies: a form for one, a question before one is deleted, and undo of all that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspector import editing, formatting
from inspector.journal import Entry, Journal
from inspector.screens.ask import Ask
from inspector.screens.dialogs import Confirm
from inspector.screens.policy_form import PolicyForm

if TYPE_CHECKING:
    from inspector.app import InspectorApp
    from inspector.gateway import Gateway, Policy
    from inspector.gateway.policies import PolicyChange


class PolicyChanges:
    """Asks what is needed, writes through the gateway and notes it for undo.

    Its methods run in a worker.
    """

    def __init__(self, app: InspectorApp, gateway: Gateway) -> None:
        self._app = app
        self._gateway = gateway
        self.journal: Journal[PolicyChange] = Journal()

    async def edit(self, name: str) -> str:
        """Open the form on a policy; return the name it has then, empty if nothing was saved."""
        policy = await self._find(name)
        return "" if policy is None else await self._fill_in(policy)

    async def new(self) -> str:
        """Open the form on a new policy; return its name, empty if nothing was saved."""
        return await self._fill_in(None)

    async def _fill_in(self, policy: Policy | None) -> str:
        change = await self._app.push_screen_wait(PolicyForm(self._gateway, policy))
        if change is None or change.after is None:
            return ""
        name = change.after.name
        if change.before != change.after:
            self.journal.record(f"{'new policy' if policy is None else 'edit of'} {name}", change)
        self._app.toast(f"Saved the policy {name}")
        return name

    async def toggle(self, name: str) -> None:
        """Switch a policy on or off."""
        change = await self._gateway.lifecycle.toggle(name)
        if change is not None:
            self.journal.record(f"on/off of {name}", change)

    async def shift(self, name: str, by: int) -> None:
        """Move a policy up or down."""
        change = await self._gateway.lifecycle.shift(name, by)
        if change is not None:
            self.journal.record(f"move of {name}", change)

    async def delete(self, name: str) -> None:
        """Delete a policy after a question."""
        policy = await self._find(name)
        if policy is None:
            return
        question = Confirm(
            "Delete the policy?",
            lines=[policy.name, f"when {policy.when or 'everything'}", f"do   {policy.do}"],
            note="Items stay as they are. u brings the policy back until the inspector is left.",
            yes="Delete",
            no="No",
            dangerous=True,
        )
        if await self._app.push_screen_wait(question):
            change = await self._gateway.lifecycle.remove(policy.name)
            self.journal.record(f"delete of {name}", change)
            self._app.toast(f"Deleted the policy {policy.name} · u undoes")

    async def keep_history(self) -> None:
        """Ask for how many days changes are kept, and keep to that."""
        days = await self._gateway.lifecycle.history_days()
        answer = await self._app.push_screen_wait(
            Ask(
                "Keep changes for how many days?",
                value="" if days is None else f"{days:g}",
                note="Empty keeps them for ever. What is older goes with the next run, whose plan "
                "shows it; it can then no longer be undone or restored.",
                check=editing.days_of,
            )
        )
        if answer is None:
            return
        wanted = editing.days_of(answer)
        await self._gateway.lifecycle.keep_history(wanted)
        self._app.toast(f"Changes are kept {formatting.days_kept(wanted)}")

    async def _find(self, name: str) -> Policy | None:
        for policy in await self._gateway.lifecycle.policies():
            if policy.name == name:
                return policy
        self._app.toast("The policy is gone.", severity="warning")
        return None

    # Undo ----------------------------------------------------------------------------------

    async def undo(self) -> str:
        """Take back the newest change of a policy; return the name of one that it concerns."""
        entry = self.journal.next_undo()
        if entry is None:
            return ""
        back = await self._taken_back(entry)
        if back is None:
            self.journal.drop_undo()
            return ""
        self.journal.undone(entry, back)
        redo_key = self._app.key_of("lifecycle.redo")
        self._app.toast(f"Undone: {entry.label} · {redo_key} redoes")
        return _name_after(back)

    async def redo(self) -> str:
        """Make the change again that was taken back last; return the name of its policy."""
        entry = self.journal.next_redo()
        if entry is None:
            return ""
        again = await self._taken_back(entry)
        if again is None:
            self.journal.drop_redo()
            return ""
        self.journal.redone(entry, again)
        self._app.toast(f"Done again: {entry.label}")
        return _name_after(again)

    async def _taken_back(self, entry: Entry[PolicyChange]) -> PolicyChange | None:
        back = await self._gateway.lifecycle.take_back(entry.changes)
        if back is None:
            self._app.toast(
                f"Somebody else changed it since: {entry.label} stays.", severity="warning"
            )
        return back


def _name_after(change: PolicyChange) -> str:
    return "" if change.after is None else change.after.name
