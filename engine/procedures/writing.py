"""The one way items change: revisions from what is stored to what shall be.

Everything that writes items (put, update, tag, bulk actions, delete, undo, import) says for each
item what it was and what it becomes. Rows, tags, full text, counts and the change log follow from
the difference, set by set, so that they cannot disagree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from engine.errors import CorruptItemError
from engine.models import Operation
from engine.procedures.base import Procedure, Row, Statement, TextChange
from engine.procedures.indexing import NEWEST_AND_INDEXED, Watched, maintain_indexes, watch_indexes
from engine.procedures.items import Stored
from engine.procedures.names import Names, ensure_keys
from engine.procedures.revisions import (
    UPDATED_AT_SET,
    Author,
    Revision,
    changed_fields,
    logged_fields,
    scope_of,
    text_of,
)
from engine.procedures.tables import Work, allocate_keys, bound, write_rows

BATCH_MAX: Final = 1_000
"""Items of one set of revisions that are a microsecond apart each."""


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
    ((last, indexed),) = yield Statement(NEWEST_AND_INDEXED)
    watched = (yield from watch_indexes()) if indexed else Watched()
    created = sum(1 for revision in revisions if revision.old is None)
    contents = sum(1 for revision in revisions if _brings_content(revision))
    # An item's first content has the item's key; what comes later has one of its own.
    next_key = yield from allocate_keys(created + contents) if created + contents else nothing()
    next_content = next_key + created
    newest = yield from _newest_creation() if created else nothing()
    work = Work()
    sequences = list(range(last + 1, last + 1 + len(revisions)))
    batch = author.batch if author.batch or len(revisions) == 1 else sequences[0]
    for sequence, revision in zip(sequences, revisions, strict=True):
        if revision.old is None and revision.new is not None:
            revision = Revision(None, Stored(next_key, *revision.new[1:]), revision.undoes)  # noqa: PLW2901
            next_key += 1
        content_key = _content_key(revision, next_content)
        next_content += content_key == next_content
        newest = _plan_order(work, revision, newest)
        _plan_content(work, revision, content_key)
        _plan_items(work, revision, keys, content_key)
        _plan_tags(work, revision, keys)
        _plan_text(work, revision, keys)
        at = _moment(revision, author)
        _plan_move(work, revision, sequence, author, at)
        watched.note(revision)
        before = _before(revision, links or {})
        work.changes.append(
            (sequence, at, actors[author.actor], *_change(revision, before, at), batch or 0)
        )
    yield from write_rows(work)
    yield from maintain_indexes(names, watched, sequences[-1])
    return sequences


def nothing() -> Procedure[int]:
    """Return 0 without a statement."""
    yield from ()
    return 0


def _is_idle(revision: Revision) -> bool:
    old, new = revision.old, revision.new
    return old is not None and new is not None and not changed_fields(old, new)


def _moment(revision: Revision, author: Author) -> int:
    """Return when a change is made: items of one batch are a microsecond apart, and it with them.

    So the change says when the item was last changed, which no before-image does.
    """
    new = revision.new
    if new is not None and 0 <= new.updated_at - author.at < BATCH_MAX:
        return new.updated_at
    return author.at


def _before(revision: Revision, links: dict[int, list[dict[str, Any]]]) -> dict[str, Any]:
    """Return what the change log keeps of the state that a revision ends."""
    old, new = revision.old, revision.new
    if old is None:
        return {}
    fields = logged_fields(old)
    if new is not None:
        fields["last_accessed_at"] = old.last_accessed_at
        return {name: fields[name] for name in changed_fields(old, new)}
    fields["updated_at"] = old.updated_at
    if old.last_accessed_at is not None:
        fields["last_accessed_at"] = old.last_accessed_at
        fields["access_count"] = old.access_count
    if old.key in links:
        fields["associations"] = links[old.key]
    return fields


def _change(revision: Revision, before: dict[str, Any], at: int) -> Row:
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
    content_key = old.content_key if old is not None and "content" in before else None
    if new is not None and new.updated_at != at:
        # Brought along from elsewhere.
        before = {**before, UPDATED_AT_SET: new.updated_at}
    return (
        operation.value,
        state.id,
        state.version if new is not None else state.version + 1,
        revision.undoes or 0,
        orjson.dumps(before).decode() if before else 0,
        content_key or 0,
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


def _is_new_content(revision: Revision) -> bool:
    old, new = revision.old, revision.new
    return new is not None and (old is None or old.digest != new.digest)


def _brings_content(revision: Revision) -> bool:
    """Return whether an item that exists gets a content that is not stored yet."""
    old, new = revision.old, revision.new
    return (
        old is not None
        and new is not None
        and new.content_key is None
        and _is_new_content(revision)
    )


def _content_key(revision: Revision, next_content: int) -> int | None:
    """Return where the content of what an item becomes is, or is to be; None for a deletion."""
    old, new = revision.old, revision.new
    if new is None:
        return None
    if old is not None and old.digest == new.digest:
        return old.content_key
    if new.content_key is not None:
        return new.content_key
    return new.key if old is None else next_content


def _plan_content(work: Work, revision: Revision, content_key: int | None) -> None:
    """Store a content that is new. What an item no longer holds, its change in the log holds."""
    new = revision.new
    if new is None or content_key is None or not _is_new_content(revision):
        return
    if new.content_key is not None:
        work.used.append((content_key,))
    elif new.data is None:
        raise ValueError(f"the content of {new.id!r} was not read")
    else:
        work.contents.append((content_key, int(new.codec), new.size_bytes, bound(new.data)))


def _plan_items(work: Work, revision: Revision, keys: _Keys, content_key: int | None) -> None:
    old, new = revision.old, revision.new
    if old is not None:
        work.counts[keys.agents[old.agent], keys.kinds[old.kind], old.tier] -= 1
    if new is None:
        if old is not None:
            work.delete.append((old.key,))
        return
    agent, kind = keys.agents[new.agent], keys.kinds[new.kind]
    work.counts[agent, kind, new.tier] += 1
    session = 0 if new.session is None else keys.sessions[new.session]
    row = (agent, kind, new.tier, new.importance, new.created_at, new.updated_at, new.version,
           session, new.size_bytes, bound(new.digest), new.metadata or 0,
           0 if new.preview is None else new.preview,
           content_key)  # fmt: skip
    if old is None:
        work.insert.append((new.key, new.id, *row))
        if new.last_accessed_at is not None:
            work.accessed.append((new.key, new.last_accessed_at, new.access_count))
        return
    work.update.append((*row, new.key))
    if old.last_accessed_at != new.last_accessed_at:
        if new.last_accessed_at is None:
            work.unread.append((new.key,))
        else:
            work.refreshed.append((new.key, new.last_accessed_at))


def _plan_move(work: Work, revision: Revision, sequence: int, author: Author, at: int) -> None:
    old, new = revision.old, revision.new
    if old is not None and new is not None and old.tier != new.tier:
        work.moves.append((author.at, sequence, old.tier, at, author.reason, old.key))


def _newest_creation() -> Procedure[int]:
    ((created_at,),) = yield Statement("SELECT coalesce(max(created_at), 0) FROM items")
    return int(created_at)


def _plan_order(work: Work, revision: Revision, newest: int) -> int:
    """Set apart an item that is older than those with smaller row keys; return the newest time."""
    old, new = revision.old, revision.new
    if new is None or (old is not None and old.created_at == new.created_at):
        return newest
    if old is not None or new.created_at < newest:
        work.strays.append((new.key,))
        return newest
    return new.created_at


def _plan_tags(work: Work, revision: Revision, keys: _Keys) -> None:
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


def _plan_text(work: Work, revision: Revision, keys: _Keys) -> None:
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
