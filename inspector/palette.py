"""The command palette: every action that can be done now, from the table of actions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from textual.binding import ActiveBinding
from textual.command import DiscoveryHit, Hit, Hits, Provider

from inspector.action import Action
from inspector.actions import ACTIONS, binding_id


class ActionProvider(Provider):
    """Offers the actions of the screen beneath, with their keys."""

    def _actions(self) -> Iterator[tuple[Action, str, Callable[[], object]]]:
        active = {found.binding.id: found for found in self._active_bindings()}
        for action in ACTIONS:
            found = active.get(binding_id(action))
            if found is None or not found.enabled or not action.in_palette:
                continue
            key = self.app.get_key_display(found.binding)
            run = partial(self.app.run_action, found.binding.action, found.node)
            yield action, f"{action.label}  ({key})", run

    def _active_bindings(self) -> Iterator[ActiveBinding]:
        yield from self.screen.active_bindings.values()

    async def discover(self) -> Hits:
        """Yield everything that can be done now."""
        for action, title, run in self._actions():
            yield DiscoveryHit(title, run, text=action.label, help=action.help)

    async def search(self, query: str) -> Hits:
        """Yield what matches the words, best first."""
        matcher = self.matcher(query)
        for action, title, run in self._actions():
            score = max(matcher.match(title), matcher.match(action.help) * 0.9)
            if score > 0:
                yield Hit(score, matcher.highlight(title), run, text=action.label, help=action.help)
