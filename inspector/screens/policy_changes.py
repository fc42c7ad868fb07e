"""Changing policies: a form for one, and a question before one is deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspector import editing, formatting
from inspector.screens.ask import Ask
from inspector.screens.dialogs import Confirm
from inspector.screens.policy_form import PolicyForm

if TYPE_CHECKING:
    from inspector.app import InspectorApp
    from inspector.gateway import Gateway, Policy


class PolicyChanges:
    """Asks what is needed and writes through the gateway; its methods run in a worker."""

    def __init__(self, app: InspectorApp, gateway: Gateway) -> None:
        self._app = app
        self._gateway = gateway

    async def edit(self, name: str) -> str:
        """Open the form on a policy; return the name it has then, empty if nothing was saved."""
        policy = await self._find(name)
        return "" if policy is None else await self._fill_in(policy)

    async def new(self) -> str:
        """Open the form on a new policy; return its name, empty if nothing was saved."""
        return await self._fill_in(None)

    async def _fill_in(self, policy: Policy | None) -> str:
        saved = await self._app.push_screen_wait(PolicyForm(self._gateway, policy))
        if saved is None:
            return ""
        self._app.toast(f"Saved the policy {saved.name}")
        return saved.name

    async def delete(self, name: str) -> None:
        """Delete a policy after a question."""
        policy = await self._find(name)
        if policy is None:
            return
        question = Confirm(
            "Delete the policy?",
            lines=[policy.name, f"when {policy.when or 'everything'}", f"do   {policy.do}"],
            note="Items stay as they are. A policy does not come back by undo; space switches "
            "one off instead.",
            yes="Delete",
            no="No",
            dangerous=True,
        )
        if await self._app.push_screen_wait(question):
            await self._gateway.lifecycle.remove(policy.name)
            self._app.toast(f"Deleted the policy {policy.name}")

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
