"""Policies as the screens see and change them; every change can be taken back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine import Filter, MemoryStore, Policy
    from engine.lifecycle.policies import Action


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyChange:
    """What a policy was and what it became, each with its place in the order; None for nothing."""

    before: Policy | None
    after: Policy | None
    place_before: int
    place_after: int

    def reversed(self) -> PolicyChange:
        """Return the change that takes this one back."""
        return PolicyChange(
            before=self.after,
            after=self.before,
            place_before=self.place_after,
            place_after=self.place_before,
        )


class PoliciesGateway:
    """The policies of an open store."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def policies(self) -> list[Policy]:
        """Return the policies of the store, in order."""
        return await self._store.lifecycle.policies()

    async def save(self, policy: Policy, *, instead_of: str = "") -> PolicyChange:
        """Keep a policy in the place of another, or as the last.

        Raises:
            InvalidPolicyError: it cannot be kept, or its name is another's.
        """
        known = await self.policies()
        names = [other.name for other in known]
        place = names.index(instead_of) if instead_of in names else len(known)
        before = known[place] if place < len(known) else None
        return await self._make(
            known,
            PolicyChange(before=before, after=policy, place_before=place, place_after=place),
        )

    async def toggle(self, name: str) -> PolicyChange | None:
        """Switch a policy on or off; one that is gone meanwhile stays gone."""
        known = await self.policies()
        for place, policy in enumerate(known):
            if policy.name == name:
                other = replace(policy, enabled=not policy.enabled)
                change = PolicyChange(
                    before=policy, after=other, place_before=place, place_after=place
                )
                return await self._make(known, change)
        return None

    async def remove(self, name: str) -> PolicyChange:
        """Forget a policy.

        Raises:
            PolicyNotFoundError: there is none of this name.
        """
        known = await self.policies()
        await self._store.lifecycle.remove(name)
        place = [policy.name for policy in known].index(name)
        return PolicyChange(before=known[place], after=None, place_before=place, place_after=place)

    async def shift(self, name: str, by: int) -> PolicyChange | None:
        """Move a policy up or down among the others, not beyond the ends."""
        known = await self.policies()
        names = [policy.name for policy in known]
        if name not in names:
            return None
        at = names.index(name)
        to = min(max(at + by, 0), len(known) - 1)
        if to == at:
            return None
        change = PolicyChange(before=known[at], after=known[at], place_before=at, place_after=to)
        return await self._make(known, change)

    async def take_back(self, change: PolicyChange) -> PolicyChange | None:
        """Have a policy as it was before a change, and where it was; return that change.

        None if it is no longer what the change made of it, or another has its name now: somebody
        else changed it, and it stays as it is.

        Raises:
            InvalidPolicyError: it cannot be kept beside what there is now.
        """
        known = await self.policies()
        back = change.reversed()
        if back.before is not None and back.before not in known:
            return None
        others = {policy.name for policy in known if policy != back.before}
        if back.after is not None and back.after.name in others:
            return None
        if back.before is not None and back.place_before == back.place_after:
            # It was not moved by that, and stays where it may have been moved to since.
            place = known.index(back.before)
            back = replace(back, place_before=place, place_after=place)
        return await self._make(known, back)

    async def _make(self, known: list[Policy], change: PolicyChange) -> PolicyChange:
        """Make a change to the policies there are, and keep them."""
        kept = [policy for policy in known if policy != change.before]
        if change.after is not None:
            kept.insert(change.place_after, change.after)
        await self._store.lifecycle.replace(kept)
        return change

    # What is typed -------------------------------------------------------------------------

    def check_condition(self, text: str) -> Filter | None:
        """Return the query that a condition is; None if it is a registered function.

        Raises:
            InvalidFilterError: it does not parse; the error says where.
            InvalidPolicyError: it names no function that is registered.
        """
        from engine import Policy, parse
        from engine.lifecycle.policies import python_name

        if python_name(text, key="when") is None:
            return parse(text)
        self._store.lifecycle.check(Policy(name="new", when=text, do="archive"))
        return None

    def check_action(self, text: str) -> Action:
        """Return what the text of an action asks for.

        Raises:
            InvalidPolicyError: it is no action, or names no function that is registered.
        """
        from engine import Policy
        from engine.lifecycle.policies import Verb, parse_action

        action = parse_action(text)
        if action.verb is Verb.PYTHON:
            self._store.lifecycle.check(Policy(name="new", when="", do=text))
        return action
