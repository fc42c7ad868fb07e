"""Carrying out a plan, batch by batch: each is one transaction, and all are one entry to undo.

A batch does what the plan says to the items as the plan saw them, or nothing: whether they are
still the same is asked in the transaction that changes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Final

import orjson

from engine.clock import to_microseconds
from engine.compression import zstd
from engine.errors import RunInUseError, StalePlanError
from engine.lifecycle.actions import Action, Verb, parse_action
from engine.lifecycle.plan import Plan, PlannedChange, Run, pack_plan
from engine.lifecycle.summary import summarise
from engine.limits import Limits
from engine.models import Tier
from engine.procedures.base import Procedure, Row, Statement
from engine.procedures.items import Stored, load_stored
from engine.procedures.links import load_links, set_link
from engine.procedures.mutations import no_links
from engine.procedures.names import Names, json_values
from engine.procedures.outcomes import origins_of, revised, touched
from engine.procedures.repacking import pack_items, share_contents
from engine.procedures.revisions import Author, Revision, text_of
from engine.procedures.runs import find_run
from engine.procedures.tried import note_in_vain
from engine.procedures.writing import write_revisions
from engine.query import parse
from engine.query.conditions import walk
from engine.query.filter import Compare, Field
from engine.serialization import encode
from engine.text import searchable_text

MERGED_FROM: Final = "merged_from"
SUMMARISES: Final = "summarises"
BY_READING: Final = frozenset({Field.IDLE, Field.ACCESSES})
"""What a condition asks of an item that reading it changes."""


def begin_run(plan: Plan, store_id: str, now: int, file_bytes: int) -> Procedure[Run]:
    """Keep a plan that is about to be carried out, if the store is still as it was planned.

    Raises:
        StalePlanError: the plan is another store's, or its items have changed.
    """
    yield from refuse_foreign(plan, store_id)
    for start in range(0, len(plan.changes), 5_000):
        yield from refuse_stale(plan, plan.changes[start : start + 5_000], batch=-1)
    counts = {name: part.count for name, part in plan.by_policy.items()}
    facts = {"by_policy": counts, "bytes_before": file_bytes}
    ((key,),) = yield Statement(
        "INSERT INTO runs(started_at, ended_at, state, planned, done, facts, plan) "
        "VALUES (?, ?, 'running', ?, 0, ?, ?) RETURNING run_key",
        (now, now, len(plan.changes), orjson.dumps(facts).decode(), zstd.compress(pack_plan(plan))),
    )
    return (yield from find_run(key))


def refuse_foreign(plan: Plan, store_id: str) -> Procedure[None]:
    """Refuse a plan of another store, or of a past that is no longer known.

    Raises:
        StalePlanError: it is one.
    """
    if plan.store_id != store_id:
        raise StalePlanError("the plan is of another store", hint="make a plan of this store")
    ((oldest,),) = yield Statement("SELECT coalesce(min(sequence), 0) FROM changes")
    if plan.sequence + 1 < oldest:
        raise StalePlanError(
            "the plan is older than the history that is kept", hint="make a new plan"
        )


def refuse_stale(plan: Plan, changes: Sequence[PlannedChange], *, batch: int) -> Procedure[None]:
    """Refuse to act on items that somebody else changed since the plan was made.

    Raises:
        StalePlanError: which one.
    """
    ids = {change.item_id for change in changes}
    ids.update(other for change in changes for other in change.related)
    rows: list[Row] = yield Statement(
        "SELECT x.item_id, x.sequence FROM json_each(?) e CROSS JOIN changes x "
        "ON x.item_id = e.value AND x.sequence > ? WHERE x.batch IS NOT ? LIMIT 1",
        (json_values(sorted(ids)), plan.sequence, batch),
    )
    if rows:
        raise StalePlanError(
            f"{rows[0][0]!r} has changed since the plan was made (change {rows[0][1]})",
            hint="make a new plan",
        )
    when = {policy.name: policy.when for policy in plan.policies}
    by_reading = {name for name, text in when.items() if _asks_for_reading(text)}
    idle = sorted(change.item_id for change in changes if change.policy in by_reading)
    rows = yield Statement(
        "SELECT i.id FROM json_each(?) e CROSS JOIN items i ON i.id = e.value "
        "JOIN access a ON a.item_key = i.item_key WHERE a.last_accessed_at > ? LIMIT 1",
        (json_values(idle), to_microseconds(plan.planned_at)),
    )
    if rows:
        raise StalePlanError(
            f"{rows[0][0]!r} has been read since the plan was made", hint="make a new plan"
        )


def _asks_for_reading(text: str) -> bool:
    if text.startswith("python:"):
        return True
    return any(isinstance(part, Compare) and part.field in BY_READING for part in walk(parse(text)))


def apply_batch(
    names: Names,
    plan: Plan,
    run: Run,
    changes: Sequence[PlannedChange],
    author: Author,
    limits: Limits,
) -> Procedure[Run]:
    """Carry out the next changes of a run, and say so in its record.

    Raises:
        StalePlanError: an item has changed.
        RunInUseError: somebody else carries the run out as well, or has ended it.
    """
    ((last,),) = yield Statement("SELECT coalesce(max(sequence), 0) FROM changes")
    batch = run.first_sequence or last + 1
    rows = yield Statement(
        "UPDATE runs SET done = ?, ended_at = ?, first_sequence = ? "
        "WHERE run_key = ? AND done = ? AND state = 'running' RETURNING 1",
        (run.done + len(changes), author.at, batch, run.id, run.done),
    )
    if not rows:
        raise RunInUseError(
            f"run {run.id} has ended or goes on elsewhere", hint="look at the list of runs"
        )
    yield from refuse_stale(plan, changes, batch=batch)
    for (policy, text), group in groupby(changes, key=lambda c: (c.policy, c.action)):
        action = parse_action(text)
        doer = _DOERS.get(action.verb, _revise_each)
        mine = replace(author, batch=batch, reason=policy)
        yield from doer(names, list(group), action, mine, limits)
    ((now_last,),) = yield Statement("SELECT coalesce(max(sequence), 0) FROM changes")
    if now_last > last:
        yield Statement("UPDATE runs SET last_sequence = ? WHERE run_key = ?", (now_last, run.id))
    return (yield from find_run(run.id))


_Doer = Callable[[Names, list[PlannedChange], Action, Author, Limits], Procedure[None]]


def _revise_each(
    names: Names, changes: list[PlannedChange], action: Action, author: Author, _: Limits
) -> Procedure[None]:
    """Carry out an action that concerns each item by itself."""
    ids = [change.item_id for change in changes]
    if action.verb in (Verb.ARCHIVE, Verb.DELETE, Verb.COMPRESS):
        yield from pack_items(names, ids, now=author.at)
    if action.verb is Verb.COMPRESS:
        yield from note_in_vain(names, ids)
        return
    origins = (yield from origins_of(ids)) if action.verb is Verb.RESTORE else {}
    content = action.verb is Verb.DELETE
    stored = yield from load_stored(names, ids=ids, content=content)
    revisions = [
        Revision(old, revised(old, action, author.at, origins)) for old in _in_order(stored)
    ]
    doomed = [old.key for old, new, _ in revisions if old is not None and new is None]
    links = yield from load_links(doomed) if doomed else no_links()
    yield from write_revisions(names, revisions, author, links=links)


def _in_order(stored: Iterable[Stored]) -> list[Stored]:
    return sorted(stored, key=lambda item: item.key)


def _share(
    names: Names, changes: list[PlannedChange], _: Action, __: Author, ___: Limits
) -> Procedure[None]:
    """Have items with equal content share it."""
    yield from share_contents(names, [(change.item_id, change.related[0]) for change in changes])


def _merge(
    names: Names, changes: list[PlannedChange], action: Action, author: Author, _: Limits
) -> Procedure[None]:
    """Archive near-duplicates as differences from the kept one, which gets their tags."""
    ids = [change.item_id for change in changes]
    kept_of = {change.item_id: change.related[0] for change in changes}
    yield from pack_items(names, ids, bases=kept_of, now=author.at)
    stored = yield from load_stored(names, ids={*ids, *kept_of.values()}, content=False)
    by_id = {item.id: item for item in stored}
    tags: dict[str, set[str]] = {}
    for member, kept in kept_of.items():
        if member in by_id and kept in by_id:
            tags.setdefault(kept, set()).update(by_id[member].tags)
    revisions = []
    for old in _in_order(stored):
        new: Stored | None = old
        if old.id in kept_of:
            new = revised(old, action, author.at, {})
        elif old.id in tags:
            new = touched(old, old._replace(tags=old.tags | tags[old.id]), author.at)
        revisions.append(Revision(old, new))
    yield from write_revisions(names, revisions, author)
    for change in changes:
        if change.item_id in by_id and change.related[0] in by_id:
            yield from set_link(
                names, change.related[0], change.item_id, MERGED_FROM, change.similarity or 1.0,
                author,
            )  # fmt: skip


def _sum_up(
    names: Names, changes: list[PlannedChange], action: Action, author: Author, limits: Limits
) -> Procedure[None]:
    """Make one item of what the items of a session say, and archive them."""
    for summary_id, group in groupby(changes, key=lambda change: change.related[0]):
        ids = [change.item_id for change in group]
        stored = yield from load_stored(names, ids=ids, content=True)
        members = sorted(stored, key=lambda item: (item.created_at, item.key))
        if not members:
            continue
        summary = _summary(summary_id, members, author.at, limits)
        yield from pack_items(names, ids, now=author.at)
        packed = yield from load_stored(names, ids=ids, content=False)
        revisions = [
            Revision(old, revised(old, action, author.at, {})) for old in _in_order(packed)
        ]
        yield from write_revisions(names, [*revisions, Revision(None, summary)], author)
        for member in members:
            yield from set_link(names, summary_id, member.id, SUMMARISES, 1.0, author)


def _summary(item_id: str, members: Sequence[Stored], now: int, limits: Limits) -> Stored:
    texts = [text_of(member).removeprefix(f"{member.id}\n") for member in members]
    encoded = encode(summarise(texts) or f"{len(members)} items", limits)
    return Stored(
        key=0,
        id=item_id,
        agent=members[0].agent,
        kind="semantic",
        tier=int(Tier.LONG_TERM),
        importance=max(member.importance for member in members),
        created_at=now,
        updated_at=now,
        version=1,
        session=members[0].session,
        size_bytes=encoded.size_bytes,
        codec=encoded.codec,
        digest=encoded.digest,
        metadata=None,
        preview=encoded.preview,
        tags=frozenset(tag for member in members for tag in member.tags),
        last_accessed_at=None,
        access_count=0,
        content_key=None,
        data=encoded.data,
        text=searchable_text(item_id, encoded.readable),
    )


_DOERS: Final[Mapping[Verb, _Doer]] = {
    Verb.DEDUPLICATE: _share,
    Verb.MERGE: _merge,
    Verb.CONSOLIDATE: _sum_up,
}
