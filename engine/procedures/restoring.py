"""Setting a live store back: as one more batch of changes, in the transaction of whoever runs it.

Nothing that was is taken out of the change log: what a restore does can be undone, sequences never
go back, and names and row keys stay what they are for every process that has the store open.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple, Protocol

import orjson

from engine.differences import ItemDifference, LinkDifference
from engine.errors import StalePlanError
from engine.models import Operation
from engine.procedures.base import Procedure, Statement
from engine.procedures.comparing import difference_of
from engine.procedures.items import Stored, find_item_keys, load_stored
from engine.procedures.links import load_links, set_link
from engine.procedures.names import Names, json_values
from engine.procedures.past_links import NO_LINK, LinkKey, LinkState, links_since, load_link_states
from engine.procedures.pasts import PAGE, Pair, Wanted, load_pairs, split_by_size, touched_items
from engine.procedures.points import require_reached
from engine.procedures.revisions import Author, Revision
from engine.procedures.writing import write_revisions

RESTORES: Final = "restores"
"""The name in `meta` of what was restored in place, oldest first."""
RESTORES_MAX: Final = 50


class PastStore(Protocol):
    """A store as it was, in a file of its own, of the items that are wanted."""

    def pages(self) -> Iterator[list[Stored]]:
        """Yield its items with their contents, in packings that need nothing else, by pages."""
        ...

    def missing(self, ids: Collection[str]) -> set[str]:
        """Return those of the ids that it has no item of."""
        ...

    def links(self, ids: Collection[str]) -> dict[LinkKey, LinkState]:
        """Return all its links from and to these items."""
        ...


class Restored(NamedTuple):
    """What a restore changed: how many items, and its first and last change (None: nothing)."""

    items: int
    first_sequence: int | None
    last_sequence: int | None


def restore_from_log(
    names: Names, sequence: int, author: Author, wanted: Wanted, expected: int | None
) -> Procedure[Restored]:
    """Make the items that are wanted what they were at a sequence, told from the change log.

    Raises:
        StalePlanError: the newest change is another than `expected` (None: whichever).
        RestorePointError: the log does not reach it any more.
        CorruptStoreError: the log contradicts the items.
    """
    newest, author = yield from _begin(author, expected)
    yield from require_reached(sequence)
    count = 0
    beyond = ""
    while page := (yield from touched_items(sequence, newest, beyond)):
        ids = list(wanted(page.changes))
        for part in (yield from split_by_size(ids, sequence)) if ids else ():
            pairs = yield from load_pairs(names, part, sequence, content=True)
            count += yield from _revise(names, pairs, author)
        beyond = page.last
    links = yield from links_since(sequence, newest)
    ends = set(wanted({end for source, _, target in links for end in (source, target)}))
    chosen = {key: state for key, state in links.items() if key[0] in ends or key[2] in ends}
    yield from _set_links(names, chosen, author)
    return (yield from _end(count, newest))


def restore_from_past(
    names: Names, past: PastStore, author: Author, wanted: Wanted, expected: int | None
) -> Procedure[Restored]:
    """Make the items that are wanted what they are in another file: for what the log has forgotten.

    Raises:
        StalePlanError: the newest change is another than `expected` (None: whichever).
    """
    newest, author = yield from _begin(author, expected)
    count = 0
    for page in past.pages():
        live = yield from load_stored(names, ids=[then.id for then in page], content=True)
        now = {stored.id: stored for stored in live}
        pairs = [Pair(now.get(then.id), then) for then in page]
        count += yield from _revise(names, pairs, author)
    after = 0
    while rows := (yield Statement(_LIVE, (after, PAGE))):
        after = rows[-1][0]
        doomed = past.missing(wanted([item_id for _, item_id in rows]))
        live = yield from load_stored(names, ids=doomed, content=True)
        count += yield from _revise(names, [Pair(stored, None) for stored in live], author)
    # What is linked here alone has to be seen too, so every item is looked at, when all are there.
    after = 0
    while rows := (yield Statement(_LIVE, (after, PAGE))):
        after = rows[-1][0]
        ids = wanted([item_id for _, item_id in rows])
        links = yield from _differing_links(past, ids)
        yield from _set_links(names, links, author)
    return (yield from _end(count, newest))


_LIVE: Final = "SELECT item_key, id FROM items WHERE item_key > ? ORDER BY item_key LIMIT ?"


def compare_with_past(
    names: Names, past: PastStore, wanted: Wanted
) -> Procedure[tuple[list[ItemDifference], list[LinkDifference]]]:
    """Return what `restore_from_past` would do: what differs, from what is to what was."""
    items: list[ItemDifference | None] = []
    links: dict[LinkKey, LinkDifference] = {}
    for page in past.pages():
        live = yield from load_stored(names, ids=[then.id for then in page], content=False)
        now = {stored.id: stored for stored in live}
        items += [difference_of(now.get(then.id), then, 0) for then in page]
        for key, state in past.links([then.id for then in page]).items():
            links[key] = _link_difference(key, None, state.strength)
    after = 0
    while rows := (yield Statement(_LIVE, (after, PAGE))):
        after = rows[-1][0]
        ids = wanted([item_id for _, item_id in rows])
        live = yield from load_stored(names, ids=past.missing(ids), content=False)
        items += [difference_of(stored, None, 0) for stored in live]
        for key, state in (yield from _live_links(ids)).items():
            then = links.get(key)
            strength = None if then is None else then.after
            links[key] = _link_difference(key, state.strength, strength)
    return (
        [found for found in items if found is not None],
        [found for found in links.values() if found.before != found.after],
    )


def _link_difference(key: LinkKey, before: float | None, after: float | None) -> LinkDifference:
    return LinkDifference(
        source_id=key[0], relation=key[1], target_id=key[2], before=before, after=after
    )


def _begin(author: Author, expected: int | None) -> Procedure[tuple[int, Author]]:
    """Return the newest change, and the author with the batch that the next one begins."""
    ((newest,),) = yield Statement("SELECT coalesce(max(sequence), 0) FROM changes")
    if expected is not None and newest != expected:
        raise StalePlanError(
            f"the store has changed since the preview ({newest - expected:,} changes)",
            hint="look at the preview again",
        )
    return newest, replace(author, batch=newest + 1)


def _end(count: int, newest: int) -> Procedure[Restored]:
    ((last,),) = yield Statement("SELECT coalesce(max(sequence), 0) FROM changes")
    return Restored(count, newest + 1, last) if last > newest else Restored(0, None, None)


def _revise(names: Names, pairs: Sequence[Pair], author: Author) -> Procedure[int]:
    """Make items what they were, each one version on; return how many changed."""
    revived = [then.id for now, then in pairs if now is None and then is not None]
    versions = (yield from _last_versions(revived)) if revived else {}
    revisions = []
    for now, then in pairs:
        if then is None:
            revisions.append(Revision(now, None))
            continue
        version = versions.get(then.id, 0) if now is None else now.version
        key = 0 if now is None else now.key
        then = then._replace(key=key, version=version + 1, updated_at=author.at)  # noqa: PLW2901
        revisions.append(Revision(now, then))
    doomed = [now.key for now, then, _ in revisions if now is not None and then is None]
    links = (yield from load_links(doomed)) if doomed else {}
    sequences = yield from write_revisions(names, revisions, author, links=links)
    return len(sequences)


def _last_versions(ids: Sequence[str]) -> Procedure[dict[str, int]]:
    """Return the version that each deleted item came to."""
    rows = yield Statement(
        "SELECT e.value, (SELECT version FROM changes x WHERE x.item_id = e.value "
        f"AND x.operation = {Operation.DELETE.value} ORDER BY x.sequence DESC LIMIT 1) "
        "FROM json_each(?) e",
        (json_values(ids),),
    )
    return {item_id: version for item_id, version in rows if version is not None}


def _set_links(names: Names, links: dict[LinkKey, LinkState], author: Author) -> Procedure[None]:
    """Make links what they were, where both their ends are there."""
    ends = {end for source, _, target in links for end in (source, target)}
    there = yield from find_item_keys(ends)
    live = yield from load_link_states(list(links))
    for key, state in links.items():
        source, relation, target = key
        now = live.get(key, NO_LINK)
        if now == state or source not in there or target not in there:
            continue
        if now.strength == state.strength:
            # Only its time is another: to be seen as a change it has to go first.
            yield from set_link(names, source, target, relation, None, author)
        yield from set_link(
            names, source, target, relation, state.strength, author, created_at=state.created_at
        )


def _differing_links(past: PastStore, ids: Collection[str]) -> Procedure[dict[LinkKey, LinkState]]:
    """Return the links of these items that are to be set, or to go, to be as they were."""
    now = yield from _live_links(ids)
    then = past.links(ids)
    return {key: then.get(key, NO_LINK) for key in sorted(now.keys() | then.keys())}


def _live_links(ids: Iterable[str]) -> Procedure[dict[LinkKey, LinkState]]:
    keys = yield from find_item_keys(ids)
    found = yield from load_links(keys.values())
    return links_of_logged(link for links in found.values() for link in links)


def links_of_logged(links: Iterable[dict[str, Any]]) -> dict[LinkKey, LinkState]:
    """Return links, as the change log has them, by their key."""
    return {
        (link["source"], link["relation"], link["target"]): LinkState(
            link["strength"], link["created_at"]
        )
        for link in links
    }


def note_restore(record: dict[str, Any]) -> Procedure[None]:
    """Keep in the store what was restored from where; the last 50 are kept."""
    records = (yield from list_restores())[1 - RESTORES_MAX :]
    yield Statement(
        "INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
        (RESTORES, orjson.dumps([*records, record]).decode()),
    )


def list_restores() -> Procedure[list[dict[str, Any]]]:
    """Return what was restored in place, oldest first."""
    rows = yield Statement("SELECT value FROM meta WHERE name = ?", (RESTORES,))
    records: list[dict[str, Any]] = orjson.loads(rows[0][0]) if rows else []
    return records
