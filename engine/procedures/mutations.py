"""Putting, updating, tagging and deleting items: each decides revisions and has them written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from engine.errors import ItemNotFoundError, LimitExceededError, VersionConflictError
from engine.models import BulkResult, Item
from engine.procedures.base import Procedure
from engine.procedures.items import Stored, item_of, load_stored
from engine.procedures.links import load_links
from engine.procedures.names import Names
from engine.procedures.revisions import Author, Revision, changed_fields
from engine.procedures.tiers import make_room
from engine.procedures.writing import write_revisions
from engine.serialization import Encoded

CHUNK: Final = 1_000
"""Items revised by one round of statements."""


class Draft(NamedTuple):
    """An item as it is to be put, checked and packed; None where the store decides."""

    id: str
    agent: str
    kind: str
    tier: int
    importance: float
    tags: frozenset[str]
    metadata: str | None
    session: str | None
    encoded: Encoded
    text: str
    """Its words for full text."""
    created_at: int | None = None
    updated_at: int | None = None
    last_accessed_at: int | None = None
    access_count: int = 0
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Edit:
    """What to change of an item; a field that is absent from `fields` stays.

    `fields` are columns of `Stored`; content is given as `encoded`.
    """

    fields: Mapping[str, Any]
    encoded: Encoded | None = None
    add_tags: frozenset[str] = frozenset()
    remove_tags: frozenset[str] = frozenset()
    tags_max: int = 256


def put_items(names: Names, drafts: Sequence[Draft], author: Author) -> Procedure[list[Item]]:
    """Put every draft, in order; an item that exists is replaced and keeps its creation time."""
    items: list[Item] = []
    for group in _groups(drafts):
        revisions, author = yield from _put_group(names, group, author)
        agents, tiers = {draft.agent for draft in group}, {draft.tier for draft in group}
        moved = yield from make_room(names, agents, tiers, author)
        items += [
            # What was packed a moment ago need not be unpacked again.
            item_of(_at_tier(revision.new, moved), draft.encoded.readable)
            for draft, revision in zip(group, revisions, strict=True)
            if revision.new
        ]
    return items


def _at_tier(state: Stored, moved: Mapping[str, int]) -> Stored:
    return state._replace(tier=moved[state.id]) if state.id in moved else state


def import_items(names: Names, drafts: Sequence[Draft], author: Author) -> Procedure[int]:
    """Put every draft like `put_items`; return how many, without reading them back."""
    for group in _groups(drafts):
        _, author = yield from _put_group(names, group, author)
    return len(drafts)


def _put_group(
    names: Names, group: list[Draft], author: Author
) -> Procedure[tuple[list[Revision], Author]]:
    """Put drafts with distinct ids; return what they became, and the author of the next ones.

    Each is a microsecond younger than the one before: a page of the newest would otherwise have
    to sort a whole batch of the same age.
    """
    existing = yield from load_stored(names, ids=[draft.id for draft in group], content=True)
    old = {stored.id: stored for stored in existing}
    revisions = [
        Revision(old.get(draft.id), _state(draft, old.get(draft.id), now))
        for now, draft in enumerate(group, start=author.at)
    ]
    sequences = yield from write_revisions(names, revisions, author)
    batch = author.batch or (sequences[0] if sequences else None)
    return revisions, replace(author, at=author.at + len(group), batch=batch)


def _groups(drafts: Sequence[Draft]) -> Iterator[list[Draft]]:
    """Split drafts into runs of limited size in which no id comes twice."""
    group: list[Draft] = []
    seen: set[str] = set()
    for draft in drafts:
        if draft.id in seen or len(group) == CHUNK:
            yield group
            group, seen = [], set()
        group.append(draft)
        seen.add(draft.id)
    if group:
        yield group


def _state(draft: Draft, old: Stored | None, now: int) -> Stored:
    encoded = draft.encoded
    created_at = draft.created_at
    if created_at is None:
        created_at = now if old is None else old.created_at
    version = draft.version or 1 if old is None else old.version + 1
    state = Stored(
        key=0 if old is None else old.key,
        id=draft.id,
        agent=draft.agent,
        kind=draft.kind,
        tier=draft.tier,
        importance=draft.importance,
        created_at=created_at,
        updated_at=now if draft.updated_at is None else draft.updated_at,
        version=version,
        session=draft.session,
        size_bytes=encoded.size_bytes,
        codec=encoded.codec,
        digest=encoded.digest,
        metadata=draft.metadata,
        preview=encoded.preview,
        tags=draft.tags,
        last_accessed_at=draft.last_accessed_at if old is None else old.last_accessed_at,
        access_count=draft.access_count if old is None else old.access_count,
        content_key=None,
        data=encoded.data,
        text=draft.text,
    )
    if old is not None and not changed_fields(old, state):
        return old
    return state


def edit_item(
    names: Names, item_id: str, edit: Edit, version: int | None, author: Author
) -> Procedure[Item]:
    """Change one item, if it still is at `version` (None: whichever).

    Raises:
        ItemNotFoundError: there is no such item.
        VersionConflictError: it is at another version.
    """
    old = yield from _load_one(names, item_id)
    if version is not None and old.version != version:
        raise VersionConflictError(item_id, expected=version, actual=old.version)
    new = _edited(old, edit, author.at)
    yield from write_revisions(names, [Revision(old, new)], author)
    moved: Mapping[str, int] = {}
    if new.tier != old.tier or new.agent != old.agent:
        moved = yield from make_room(names, {new.agent}, {new.tier}, author)
    return item_of(_at_tier(new, moved))


def _load_one(names: Names, item_id: str) -> Procedure[Stored]:
    rows = yield from load_stored(names, ids=[item_id], content=True)
    if not rows:
        raise ItemNotFoundError(f"there is no item {item_id!r}", hint="it may have been deleted")
    return rows[0]


def _edited(old: Stored, edit: Edit, now: int) -> Stored:
    """Return the state after an edit; the same object if nothing differs."""
    changes = dict(edit.fields)
    if edit.encoded is not None and edit.encoded.digest != old.digest:
        encoded = edit.encoded
        changes.update(
            size_bytes=encoded.size_bytes,
            codec=encoded.codec,
            digest=encoded.digest,
            preview=encoded.preview,
            content_key=None,
            data=encoded.data,
        )
    if edit.add_tags or edit.remove_tags:
        tags = (changes.get("tags", old.tags) | edit.add_tags) - edit.remove_tags
        if len(tags) > edit.tags_max and not tags <= old.tags:
            raise LimitExceededError(
                f"{old.id!r} would have {len(tags)} tags; the limit is {edit.tags_max}",
                hint="take some off first",
            )
        changes["tags"] = tags
    new = old._replace(**changes)
    if not changed_fields(old, new):
        return old
    return new._replace(version=old.version + 1, updated_at=now)


def edit_many(
    names: Names, keys: Iterable[int], edit: Edit, author: Author
) -> Procedure[BulkResult]:
    """Apply one edit to every item of these row keys."""

    def revise(old: Stored) -> Stored | None:
        return _edited(old, edit, author.at)

    # A new agent moves an item to another scope of the text index, which needs its words.
    content = "agent" in edit.fields
    return (yield from _revise_many(names, keys, revise, author, content=content))


def delete_many(names: Names, keys: Iterable[int], author: Author) -> Procedure[BulkResult]:
    """Delete every item of these row keys; history keeps what each was."""
    return (yield from _revise_many(names, keys, lambda _: None, author, content=True))


def _revise_many(
    names: Names,
    keys: Iterable[int],
    revise: Callable[[Stored], Stored | None],
    author: Author,
    *,
    content: bool,
) -> Procedure[BulkResult]:
    keys = list(keys)
    count, first, last = 0, author.batch, None
    for start in range(0, len(keys), CHUNK):
        chunk = keys[start : start + CHUNK]
        rows = yield from load_stored(names, keys=chunk, content=content)
        revisions = [Revision(old, revise(old)) for old in sorted(rows, key=lambda row: row.key)]
        deleted = [old.key for old, new, _ in revisions if old is not None and new is None]
        links = yield from load_links(deleted) if deleted else no_links()
        sequences = yield from write_revisions(
            names, revisions, replace(author, batch=first), links=links
        )
        if sequences:
            first, last = first or sequences[0], sequences[-1]
            count += len(sequences)
    return BulkResult(count=count, first_sequence=first if count else None, last_sequence=last)


def no_links() -> Procedure[dict[int, list[dict[str, Any]]]]:
    """Return no links, without a statement."""
    yield from ()
    return {}


def delete_item(names: Names, item_id: str, version: int | None, author: Author) -> Procedure[bool]:
    """Delete one item, if it still is at `version`; return whether it was there.

    Raises:
        VersionConflictError: it is at another version.
    """
    rows = yield from load_stored(names, ids=[item_id], content=True)
    if not rows:
        return False
    old = rows[0]
    if version is not None and old.version != version:
        raise VersionConflictError(item_id, expected=version, actual=old.version)
    links = yield from load_links([old.key])
    yield from write_revisions(names, [Revision(old, None)], author, links=links)
    return True
