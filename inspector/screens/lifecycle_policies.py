"""The policies' half of the Lifecycle screen: what is done to the one under the cursor."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from textual import work

from inspector.screens.lifecycle_board import LifecycleBoard
from inspector.screens.policy_changes import PolicyChanges


class LifecyclePolicies(LifecycleBoard):
    """Changes policies, each change after the one before; carries none of them out."""

    def __init__(self) -> None:
        super().__init__()
        self._turn = asyncio.Lock()

    def connected(self) -> None:
        """Show the store, and allow its policies to be changed."""
        self.policy_changes = PolicyChanges(self.inspector, self.gateway)
        super().connected()

    def policy_name(self) -> str:
        """Return the policy under the cursor, on either side; empty if there is none."""
        if self.policy_list.has_focus:
            key = self.policy_list.cursor_key
        elif self.plan_list.has_focus:
            key = self.plan_list.cursor_key
        else:
            return ""
        return key if isinstance(key, str) else ""

    def action_toggle_policy(self) -> None:
        """Switch the policy under the cursor on or off."""
        self.change_in_turn(self.policy_changes.toggle(self.policy_name()))

    def action_policy_up(self) -> None:
        """Move the policy under the cursor up."""
        self.change_in_turn(self.policy_changes.shift(self.policy_name(), -1))

    def action_policy_down(self) -> None:
        """Move the policy under the cursor down."""
        self.change_in_turn(self.policy_changes.shift(self.policy_name(), 1))

    @work(group="policies", exit_on_error=False)
    async def change_in_turn(self, change: Coroutine[Any, Any, str | None]) -> None:
        """Change the policies, and show them; each change sees what the one before left."""
        async with self._turn:
            await self._show_saved(await change)

    @work(exclusive=True, group="dialog", exit_on_error=False)
    async def action_edit_policy(self) -> None:
        """Edit the policy under the cursor."""
        await self._show_saved(await self.policy_changes.edit(self.policy_name()))

    @work(exclusive=True, group="dialog", exit_on_error=False)
    async def action_new_policy(self) -> None:
        """Write a new policy."""
        await self._show_saved(await self.policy_changes.new())

    async def _show_saved(self, name: str | None) -> None:
        """Show the policies as they are now, with the cursor on one that changed."""
        await self.load()
        if name:
            self.policy_list.put_on(name)

    @work(exclusive=True, group="dialog", exit_on_error=False)
    async def action_delete_policy(self) -> None:
        """Delete the policy under the cursor after a question."""
        await self.policy_changes.delete(self.policy_name())
        await self.load()

    @work(exclusive=True, group="dialog", exit_on_error=False)
    async def action_keep_history(self) -> None:
        """Set for how long changes are kept, after a question."""
        await self.policy_changes.keep_history()

    def action_redo(self) -> None:
        """Make a change of a policy again."""
        self.change_in_turn(self.policy_changes.redo())
