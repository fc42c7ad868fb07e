"""Making a detached store be what it was at a sequence: its items, links, counts and change log.

What is not in the change log stays as it is: policies, settings, definitions of custom indexes,
recorded sessions. Of reads only the last is known, so that no item was read later than it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from engine.procedures.base import Many, Procedure, Row, Statement
from engine.procedures.increments import LINEAGE
from engine.procedures.indexing import load_definitions
from engine.procedures.items import find_item_keys
from engine.procedures.names import Names, ensure_keys
from engine.procedures.past_links import LinkKey, LinkState, links_since
from engine.procedures.pasts import Pair, load_pairs, split_by_size, touched_items
from engine.procedures.points import require_reached
from engine.procedures.replaying import drop_unused
from engine.procedures.revisions import Author, Revision, changed_fields
from engine.procedures.writing import write_revisions

ACTOR: Final = "restore"
"""Who writes the changes that a restore makes."""
LINKS_AT_A_TIME: Final = 5_000


class Rewinding(NamedTuple):
    """What is being rewound: to which sequence, from which, and what time it was then."""

    sequence: int
    newest: int
    at: int


def begin_rewinding(sequence: int) -> Procedure[Rewinding]:
    """Return what rewinding to a sequence has to do.

    Raises:
        RestorePointError: the change log does not reach it.
    """
    yield from require_reached(sequence)
    ((newest,),) = yield Statement("SELECT coalesce(max(sequence), 0) FROM changes")
    rows = yield Statement("SELECT at FROM changes WHERE sequence <= ? "
                           "ORDER BY sequence DESC LIMIT 1", (sequence,))  # fmt: skip
    if not rows:
        rows = yield Statement("SELECT value FROM meta WHERE name = 'created_at'")
    return Rewinding(sequence, newest, rows[0][0])


def rewind_page(names: Names, task: Rewinding, beyond: str) -> Procedure[tuple[str, int] | None]:
    """Make the next items, after the id `beyond`, what they were.

    Returns the last id and how many changes its page had; None after the last.

    Raises:
        CorruptStoreError: the log contradicts the items.
    """
    page = yield from touched_items(task.sequence, task.newest, beyond)
    if page is None:
        return None
    for ids in (yield from split_by_size(list(page.changes), task.sequence)):
        pairs = yield from load_pairs(names, ids, task.sequence, content=True)
        yield from _rewind(names, pairs, task)
    return page.last, sum(page.changes.values())


def _rewind(names: Names, pairs: list[Pair], task: Rewinding) -> Procedure[None]:
    revisions = [Revision(now, then) for now, then in pairs]
    yield from write_revisions(names, revisions, Author(ACTOR, task.at))
    # Changed and changed back: the same but for its version.
    made = [
        (then.version, then.updated_at, then.id)
        for now, then in pairs
        if now is not None and then is not None and not changed_fields(now, then)
    ]
    if made:
        yield Many("UPDATE items SET version = ?, updated_at = ? WHERE id = ?", made)


_UNLINK: Final = (
    "DELETE FROM associations WHERE source_key = ? AND relation_key = ? AND target_key = ?"
)
_LINK: Final = (
    "INSERT INTO associations(source_key, relation_key, target_key, strength, created_at) "
    "VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET strength = excluded.strength, "
    "created_at = excluded.created_at"
)


def rewind_links(names: Names, task: Rewinding) -> Procedure[None]:
    """Make the links what they were; the items are already."""
    mentioned = list((yield from links_since(task.sequence, task.newest)).items())
    for start in range(0, len(mentioned), LINKS_AT_A_TIME):
        yield from _set_links(names, mentioned[start : start + LINKS_AT_A_TIME])


def _set_links(names: Names, links: Iterable[tuple[LinkKey, LinkState]]) -> Procedure[None]:
    links = list(links)
    ids = {end for (source, _, target), _ in links for end in (source, target)}
    keys = yield from find_item_keys(ids)
    relations = yield from ensure_keys(names.relations, {key[1] for key, _ in links})
    gone: list[Row] = []
    there: list[Row] = []
    for (source, relation, target), state in links:
        if source not in keys or target not in keys:
            continue
        row = (keys[source], relations[relation], keys[target])
        if state.strength is None:
            gone.append(row)
        else:
            there.append((*row, *state))
    yield Many(_UNLINK, gone)
    yield Many(_LINK, there)


_RELEASE: Final = (
    "UPDATE contents SET uses = uses - x.number FROM (SELECT content_key AS key, "
    "count(*) AS number FROM changes WHERE sequence > ? AND content_key IS NOT NULL GROUP BY 1) x "
    "WHERE contents.content_key = x.key"
)
_CUT: Final = (
    "DELETE FROM transitions WHERE sequence > ?",
    "DELETE FROM changes WHERE sequence > ?",
    # What began later never was; what went on had come so far.
    "DELETE FROM runs WHERE first_sequence > ?",
    "UPDATE runs SET last_sequence = ?1 WHERE last_sequence > ?1",
)
_UNREAD: Final = (
    "UPDATE access SET last_accessed_at = ?1, recent = (SELECT nullif(json_group_array(value), "
    "'[]') FROM json_each(coalesce(recent, '[]')) WHERE value <= ?1) WHERE last_accessed_at > ?1"
)


def cut_log(names: Names, task: Rewinding) -> Procedure[None]:
    """End the change log at the sequence, and let go of what only the rest of it held."""
    yield Statement(_RELEASE, (task.sequence,))
    for sql in _CUT:
        yield Statement(sql, (task.sequence,))
    yield Statement("DELETE FROM runs WHERE first_sequence IS NULL AND started_at > ?", (task.at,))
    yield from drop_unused()
    yield Statement(_UNREAD, (task.at,))
    yield from _settle_indexes(names, task)


def _settle_indexes(names: Names, task: Rewinding) -> Procedure[None]:
    """Have indexes of functions that are not known here built anew: they have what came later."""
    for index in (yield from load_definitions()):
        if index.path is None and (index.name not in names.extractors or index.behind):
            yield Statement("DELETE FROM index_entries WHERE index_key = ?", (index.key,))
            yield Statement(
                "UPDATE custom_indexes SET built_key = -1, indexed_sequence = ? "
                "WHERE index_key = ?",
                (task.sequence, index.key),
            )
    yield Statement(
        "UPDATE custom_indexes SET indexed_sequence = ?1 WHERE indexed_sequence > ?1",
        (task.sequence,),
    )


def begin_lineage(token: str) -> Procedure[None]:
    """Say that a store goes on from here otherwise than the one it was taken from."""
    yield Statement(
        "INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
        (LINEAGE, token),
    )
