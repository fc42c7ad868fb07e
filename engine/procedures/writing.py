"""The one way items change: revisions from what is stored to what shall be.

Everything that writes items (put, update, tag, bulk actions, delete, undo, import) says for each
item what it was and what it becomes. Rows, tags, full text, counts and the change log follow from
the difference, set by set, so that they cannot disagree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import orjson

from engine.errors import CorruptItemError
from engine.models import Operation, Tier
from engine.procedures.base import Deferred, Many, Procedure, Row, Statement, TextChange
from engine.procedures.items import Stored
from engine.procedures.names import Names, add_counts, ensure_keys, json_values
from engine.serialization import PickledContent, decode
from engine.text import searchable_text


class Revision(NamedTuple):
    """What an item was (None: absent) and what it becomes (None: deleted)."""

    old: Stored | None
    new: Stored | None
    undoes: int | None = None


@dataclass(frozen=True, slots=True)
class Author:
    """Who writes, when, and as part of which batch (the sequence of its first change)."""

    actor: str
    at: int
    batch: int | None = None


@dataclass(slots=True)
class _Work:
    """Rows to write, table by table, collected before anything is written."""

    insert: list[Row] = field(default_factory=list)
    update: list[Row] = field(default_factory=list)
    delete: list[Row] = field(default_factory=list)
    untag: list[Row] = field(default_factory=list)
    tag: list[Row] = field(default_factory=list)
    text: list[TextChange] = field(default_factory=list)
    accessed: list[Row] = field(default_factory=list)
    strays: list[Row] = field(default_factory=list)
    changes: list[Row] = field(default_factory=list)
    stale_text: bool = False
    counts: Counter[tuple[int, int, int]] = field(default_factory=Counter)
    tag_counts: Counter[int] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class _Keys:
    """The integers of all names that a set of revisions mentions."""

    agents: dict[str, int]
    kinds: dict[str, int]
    sessions: dict[str, int]
    tags: dict[str, int]


def write_revisions(
    names: Names,
    revisions: Sequence[Revision],
    author: Author,
    *,
    links: dict[int, list[dict[str, Any]]] | None = None,
) -> Procedure[list[int]]:
    """Make every revision true and log it; return the sequences of the changes, in order.

    The items are distinct. A revision that changes nothing is skipped and has no change. `links`
    are the associations, by row key, of items to be deleted: they are part of what is logged.
    """
    revisions = [revision for revision in revisions if not _is_idle(revision)]
    if not revisions:
        return []
    keys = yield from _ensure_all(names, revisions)
    actors = yield from ensure_keys(names.actors, {author.actor})
    ((last,),) = yield Statement("SELECT coalesce(max(sequence), 0) FROM changes")
    created = sum(1 for revision in revisions if revision.old is None)
    next_key = yield from _allocate(created) if created else nothing()
    newest = yield from _newest_creation() if created else nothing()
    work = _Work()
    sequences = list(range(last + 1, last + 1 + len(revisions)))
    batch = author.batch if author.batch or len(revisions) == 1 else sequences[0]
    for sequence, revision in zip(sequences, revisions, strict=True):
        if revision.old is None and revision.new is not None:
            revision = Revision(None, Stored(next_key, *revision.new[1:]), revision.undoes)  # noqa: PLW2901
            next_key += 1
        newest = _plan_order(work, revision, newest)
        _plan_items(work, revision, keys)
        _plan_tags(work, revision, keys)
        _plan_text(work, revision, keys)
        before = _before(revision, links or {})
        work.changes.append(
            (sequence, author.at, actors[author.actor], *_change(revision, before), batch)
        )
    yield from _execute(work)
    return sequences


def nothing() -> Procedure[int]:
    """Return 0 without a statement."""
    yield from ()
    return 0


def _is_idle(revision: Revision) -> bool:
    old, new = revision.old, revision.new
    return old is not None and new is not None and not changed_fields(old, new)


# Field of `Stored`: name in the change log. `data` stands for the content as a whole.
_LOGGED: Final = {
    "agent": "agent",
    "kind": "kind",
    "tier": "tier",
    "importance": "importance",
    "tags": "tags",
    "metadata": "metadata",
    "session": "session_id",
    "digest": "content",
    "created_at": "created_at",
}


LOGGED_FIELDS: Final = tuple(_LOGGED.values())


def changed_fields(old: Stored, new: Stored) -> list[str]:
    """Return the names, as in the change log, of the fields in which two states differ."""
    return [
        name for column, name in _LOGGED.items() if getattr(old, column) != getattr(new, column)
    ]


def logged_fields(stored: Stored) -> dict[str, Any]:
    """Return a state as the change log has it: public names, JSON values, content as a stub."""
    return {
        "agent": stored.agent,
        "kind": stored.kind,
        "tier": Tier(stored.tier).label,
        "importance": stored.importance,
        "tags": sorted(stored.tags),
        "metadata": orjson.loads(stored.metadata) if stored.metadata else {},
        "session_id": stored.session,
        "created_at": stored.created_at,
        "content": {"size": stored.size_bytes, "hash": stored.digest.hex()},
    }


def _before(revision: Revision, links: dict[int, list[dict[str, Any]]]) -> dict[str, Any]:
    """Return what the change log keeps of the state that a revision ends."""
    old, new = revision.old, revision.new
    if old is None:
        return {}
    fields = logged_fields(old)
    if new is not None:
        return {name: fields[name] for name in changed_fields(old, new)}
    fields["updated_at"] = old.updated_at
    if old.last_accessed_at is not None:
        fields["last_accessed_at"] = old.last_accessed_at
        fields["access_count"] = old.access_count
    if old.key in links:
        fields["associations"] = links[old.key]
    return fields


def _change(revision: Revision, before: dict[str, Any]) -> Row:
    """Return the columns of a change row between the actor and the batch."""
    old, new = revision.old, revision.new
    if old is None:
        operation = Operation.CREATE
    elif new is None:
        operation = Operation.DELETE
    else:
        operation = Operation.TAG if before.keys() == {"tags"} else Operation.UPDATE
    state = new or old
    if state is None:
        raise ValueError("a revision of nothing into nothing")
    content = "content" in before and old is not None
    return (
        operation.value,
        state.id,
        state.version if new is not None else state.version + 1,
        revision.undoes,
        orjson.dumps(before).decode() if before else None,
        int(old.codec) if content and old is not None else None,
        old.data if content and old is not None else None,
    )


def _ensure_all(names: Names, revisions: Sequence[Revision]) -> Procedure[_Keys]:
    states = list(_states(revisions))
    return _Keys(
        (yield from ensure_keys(names.agents, {s.agent for s in states})),
        (yield from ensure_keys(names.kinds, {s.kind for s in states})),
        (
            yield from ensure_keys(
                names.sessions, {s.session for s in states if s.session is not None}
            )
        ),
        (yield from ensure_keys(names.tags, {tag for s in states for tag in s.tags})),
    )


def _states(revisions: Iterable[Revision]) -> Iterator[Stored]:
    for revision in revisions:
        if revision.old is not None:
            yield revision.old
        if revision.new is not None:
            yield revision.new


def _allocate(count: int) -> Procedure[int]:
    """Return the first of `count` row keys that were never used before."""
    ((following,),) = yield Statement(
        "UPDATE meta SET value = value + ? WHERE name = 'next_item_key' RETURNING value", (count,)
    )
    return int(following) - count


def _plan_items(work: _Work, revision: Revision, keys: _Keys) -> None:
    old, new = revision.old, revision.new
    if old is not None:
        work.counts[keys.agents[old.agent], keys.kinds[old.kind], old.tier] -= 1
    if new is None:
        if old is not None:
            work.delete.append((old.key,))
        return
    agent, kind = keys.agents[new.agent], keys.kinds[new.kind]
    work.counts[agent, kind, new.tier] += 1
    session = None if new.session is None else keys.sessions[new.session]
    row = (agent, kind, new.tier, new.importance, new.created_at, new.updated_at, new.version,
           session, new.size_bytes, int(new.codec), new.digest, new.metadata,
           new.preview)  # fmt: skip
    if old is None:
        work.insert.append((new.key, new.id, *row, new.data))
        if new.last_accessed_at is not None:
            work.accessed.append((new.key, new.last_accessed_at, new.access_count))
    else:
        data = new.data if old.digest != new.digest else None
        work.update.append((*row, data, new.key))


def _newest_creation() -> Procedure[int]:
    ((created_at,),) = yield Statement("SELECT coalesce(max(created_at), 0) FROM items")
    return int(created_at)


def _plan_order(work: _Work, revision: Revision, newest: int) -> int:
    """Set apart an item that is older than those with smaller row keys; return the newest time."""
    old, new = revision.old, revision.new
    if new is None or (old is not None and old.created_at == new.created_at):
        return newest
    if old is not None or new.created_at < newest:
        work.strays.append((new.key,))
        return newest
    return new.created_at


def _plan_tags(work: _Work, revision: Revision, keys: _Keys) -> None:
    old, new = revision.old, revision.new
    before = old.tags if old else frozenset()
    after = new.tags if new else frozenset()
    moved = (
        old is not None
        and new is not None
        and (old.created_at, old.agent) != (new.created_at, new.agent)
    )
    for tag in before if moved else before - after:
        if old is not None:
            work.untag.append((keys.tags[tag], old.created_at, old.key))
            work.tag_counts[keys.tags[tag]] -= 1
    for tag in after if moved else after - before:
        if new is not None:
            agent = keys.agents[new.agent]
            work.tag.append((keys.tags[tag], new.created_at, new.key, agent))
            work.tag_counts[keys.tags[tag]] += 1


def _plan_text(work: _Work, revision: Revision, keys: _Keys) -> None:
    """Index by content and agent; the old words have to be named to be taken out."""
    old, new = revision.old, revision.new
    if old is not None and new is not None and old.digest == new.digest and old.agent == new.agent:
        return
    before = after = None
    key = 0
    if old is not None:
        key = old.key
        try:
            before = text_of(old), scope_of(keys.agents[old.agent])
        except CorruptItemError:
            # Its words are unknown. They stay behind under a row key that is never used again,
            # and the mark says that the index is worth rebuilding.
            work.stale_text = True
    if new is not None:
        key = new.key
        after = text_of(new), scope_of(keys.agents[new.agent])
    work.text.append(TextChange(key, before, after))


def text_of(stored: Stored) -> str:
    """Return the words that the full-text index has of an item whose content was read."""
    if stored.text is not None:
        return stored.text
    if stored.data is None:
        raise ValueError(f"the content of {stored.id!r} was not read")
    content = decode(stored.codec, stored.data, stored.size_bytes, stored.digest, item_id=stored.id)
    if isinstance(content, (bytes, PickledContent)):
        content = None
    return searchable_text(stored.id, content)


def scope_of(agent_key: int) -> str:
    """Return the word in the index's second column that limits a search to one agent."""
    return f"a{agent_key}"


_INSERT = (
    "INSERT INTO items(item_key, id, agent_key, kind_key, tier, importance, created_at, "
    "updated_at, version, session_key, size_bytes, codec, hash, metadata, preview, content) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_UPDATE = (
    "UPDATE items SET agent_key = ?, kind_key = ?, tier = ?, importance = ?, created_at = ?, "
    "updated_at = ?, version = ?, session_key = ?, size_bytes = ?, codec = ?, hash = ?, "
    "metadata = ?, preview = ?, content = coalesce(?, content) WHERE item_key = ?"
)
_CHANGE = (
    "INSERT INTO changes(sequence, at, actor_key, operation, item_id, version, undoes, before, "
    "codec, content, batch) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


def _execute(work: _Work) -> Procedure[None]:
    """Write the collected rows; children go before the items they belong to."""
    if work.untag:
        yield Many(
            "DELETE FROM item_tags WHERE tag_key = ? AND created_at = ? AND item_key = ?",
            work.untag,
        )
    if work.delete:
        keys = json_values(key for (key,) in work.delete)
        for sql in _DELETE_ITEMS:
            yield Statement(sql, (keys,))
    if work.insert:
        yield Many(_INSERT, work.insert)
    if work.update:
        yield Many(_UPDATE, work.update)
    if work.tag:
        yield Many(
            "INSERT INTO item_tags(tag_key, created_at, item_key, agent_key) VALUES (?, ?, ?, ?)",
            work.tag,
        )
    if work.accessed:
        yield Many(
            "INSERT INTO access(item_key, last_accessed_at, access_count) VALUES (?, ?, ?)",
            work.accessed,
        )
    if work.strays:
        yield Many("INSERT OR IGNORE INTO strays VALUES (?)", work.strays)
    yield from add_counts(work.counts)
    tag_counts = [(n, key) for key, n in work.tag_counts.items() if n]
    if tag_counts:
        yield Many("UPDATE tags SET items = items + ? WHERE tag_key = ?", tag_counts)
    if work.text:
        yield Deferred(work.text)
    if work.stale_text:
        yield Statement("INSERT INTO meta VALUES ('text_stale', 1) ON CONFLICT DO NOTHING")
    yield Many(_CHANGE, work.changes)


_DELETE_ITEMS: Final = tuple(
    f"DELETE FROM {table} WHERE {column} IN (SELECT value FROM json_each(?))"
    for table, column in (
        ("associations", "source_key"),
        ("associations", "target_key"),
        ("access", "item_key"),
        ("strays", "item_key"),
        ("items", "item_key"),
    )
)
