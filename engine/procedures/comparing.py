"""How a store differs between two points, told from the change log without making either."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from engine.differences import (
    Difference,
    DifferenceCounts,
    ItemDifference,
    ItemSides,
    LinkDifference,
)
from engine.models import TIER_OF, Item
from engine.procedures.base import Procedure, Statement
from engine.procedures.items import Stored, item_of
from engine.procedures.names import Names
from engine.procedures.past_links import NO_LINK, LinkKey, LinkState, links_since, load_link_states
from engine.procedures.pasts import Wanted, everything, load_pairs, touched_items
from engine.procedures.points import require_reached
from engine.procedures.revisions import changed_fields


def compare_page(
    names: Names, before: int, after: int, beyond: str, wanted: Wanted = everything
) -> Procedure[tuple[list[ItemDifference], str] | None]:
    """Return the next items, after the id `beyond`, that differ, and the last id; None at the end.

    Raises:
        RestorePointError: the log does not reach one of the points any more.
        CorruptStoreError: the log contradicts the items.
    """
    yield from require_reached(min(before, after))
    page = yield from touched_items(min(before, after), max(before, after), beyond)
    if page is None:
        return None
    ids = list(wanted(page.changes))
    states = []
    for sequence in (before, after):
        pairs = yield from load_pairs(names, ids, sequence, content=False)
        states.append({pair.then.id: pair.then for pair in pairs if pair.then is not None})
    differences = (
        difference_of(states[0].get(item_id), states[1].get(item_id), page.changes[item_id])
        for item_id in ids
    )
    return [found for found in differences if found is not None], page.last


def difference_of(
    before: Stored | None, after: Stored | None, changes: int
) -> ItemDifference | None:
    """Return how two states of an item differ; None if they do not."""
    state = after or before
    if state is None:
        return None
    fields: list[str] = []
    kind: Difference = "removed" if after is None else "added"
    if before is not None and after is not None:
        fields = changed_fields(before, after)
        if not fields:
            return None
        kind = "moved" if fields == ["tier"] else "changed"
    return ItemDifference(
        item_id=state.id,
        difference=kind,
        fields=tuple(fields),
        agent=state.agent,
        kind=state.kind,
        tier_before=None if before is None else TIER_OF[before.tier],
        tier_after=None if after is None else TIER_OF[after.tier],
        changes=changes,
    )


def compare_item(names: Names, item_id: str, before: int, after: int) -> Procedure[ItemSides]:
    """Return one item at two points, with its contents.

    Raises:
        RestorePointError: the log does not reach one of the points any more.
        CorruptItemError: its content at one of them is damaged.
        CorruptStoreError: the log contradicts the item.
    """
    yield from require_reached(min(before, after))
    sides: list[Item | None] = []
    for sequence in (before, after):
        pairs = yield from load_pairs(names, [item_id], sequence, content=True, whole=True)
        then = pairs[0].then if pairs else None
        sides.append(None if then is None else item_of(then))
    return ItemSides(before=sides[0], after=sides[1])


def compare_links(
    before: int, after: int, wanted: Wanted = everything
) -> Procedure[list[LinkDifference]]:
    """Return the links that differ, by source, relation and target.

    Raises:
        RestorePointError: the log does not reach one of the points any more.
    """
    yield from require_reached(min(before, after))
    ((newest,),) = yield Statement("SELECT coalesce(max(sequence), 0) FROM changes")
    touched = yield from links_since(min(before, after), max(before, after))
    chosen = _of_wanted(touched, wanted)
    sides: list[Mapping[LinkKey, LinkState]] = []
    live = yield from load_link_states(chosen)
    for sequence in (before, after):
        since = (yield from links_since(sequence, newest)) if sequence < newest else {}
        sides.append({**live, **since})
    return [
        LinkDifference(source_id=key[0], relation=key[1], target_id=key[2], before=old, after=new)
        for key in chosen
        for old, new in [tuple(side.get(key, NO_LINK).strength for side in sides)]
        if old != new
    ]


def _of_wanted(links: Iterable[LinkKey], wanted: Wanted) -> list[LinkKey]:
    links = sorted(links)
    if wanted is everything:
        return links
    ends = set(wanted({end for source, _, target in links for end in (source, target)}))
    return [link for link in links if link[0] in ends or link[2] in ends]


class Tally:
    """Counts differences as they come."""

    def __init__(self) -> None:
        self.items: Counter[str] = Counter()
        self.by_agent: dict[str, Counter[str]] = {}
        self.by_kind: dict[str, Counter[str]] = {}
        self.changes = 0

    def add(self, differences: Collection[ItemDifference]) -> None:
        """Count some."""
        for found in differences:
            self.items[found.difference] += 1
            self.by_agent.setdefault(found.agent, Counter())[found.difference] += 1
            self.by_kind.setdefault(found.kind, Counter())[found.difference] += 1
            self.changes += found.changes


def counts_of(counter: Counter[str]) -> DifferenceCounts:
    """Return a count of differences as a value."""
    return DifferenceCounts(**counter)


def counts_by(counters: Mapping[str, Counter[str]]) -> dict[str, DifferenceCounts]:
    """Return counts by name, most first."""
    return {
        name: counts_of(counter)
        for name, counter in sorted(counters.items(), key=lambda pair: (-pair[1].total(), pair[0]))
    }
