"""What a planned change would make of its item, told without making it.

By the same code that would make it: `revised` says what becomes of the item's row, `packed_forms`
how its content would be stored.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from engine.clock import to_datetime
from engine.errors import StalePlanError
from engine.lifecycle.actions import Action, Verb, parse_action
from engine.lifecycle.plan import BeforeAndAfter, Plan, PlannedChange
from engine.models import CODECS, TIER_OF, Item
from engine.procedures.applying import refuse_foreign, refuse_stale
from engine.procedures.base import Procedure
from engine.procedures.items import Accesses, find_item, load_stored
from engine.procedures.names import Names
from engine.procedures.outcomes import origins_of, revised
from engine.procedures.repacking import packed_forms

_PACKING: Final = frozenset({Verb.ARCHIVE, Verb.COMPRESS, Verb.MERGE, Verb.CONSOLIDATE})


def preview_change(
    names: Names,
    accesses: Accesses,
    store_id: str,
    change: PlannedChange,
    plan: Plan | None,
    now: int,
) -> Procedure[BeforeAndAfter]:
    """Return a planned change's item as it is, and as the change would leave it.

    Raises:
        StalePlanError: the item is not as it was planned, or nothing is left to do.
        InvalidPolicyError: its action is none.
        CorruptItemError: the item is damaged.
    """
    action = parse_action(change.action)
    if plan is not None:
        yield from refuse_foreign(plan, store_id)
        yield from refuse_stale(plan, [change], batch=-1)
    before = yield from _present(names, accesses, change.item_id)
    if action.verb is Verb.DELETE:
        return BeforeAndAfter(before=before, after=None)
    if action.verb is Verb.DEDUPLICATE:
        after = yield from _sharing(names, accesses, before, change)
        return BeforeAndAfter(before=before, after=after)
    after = yield from _row_after(names, before, action, now)
    after = yield from _packed_after(names, accesses, after, change, action, now)
    if after == before:
        raise _nothing_left(change)
    return BeforeAndAfter(before=before, after=after)


def _nothing_left(change: PlannedChange) -> StalePlanError:
    return StalePlanError(
        f"nothing is left to do: {change.action} leaves {change.item_id!r} as it is",
        hint="make a new plan",
    )


def _present(names: Names, accesses: Accesses, item_id: str) -> Procedure[Item]:
    found = yield from find_item(names, accesses, item_id, small=False)
    if found is None or found.item is None:
        raise StalePlanError(f"{item_id!r} has been deleted", hint="make a new plan")
    return found.item


def _row_after(names: Names, item: Item, action: Action, now: int) -> Procedure[Item]:
    """Return an item with the fields that an action sets."""
    origins = (yield from origins_of([item.id])) if action.verb is Verb.RESTORE else {}
    (old,) = yield from load_stored(names, ids=[item.id], content=False)
    new = revised(old, action, now, origins)
    if new is None or new == old:
        return item
    return replace(
        item,
        tier=TIER_OF[new.tier],
        importance=new.importance,
        tags=new.tags,
        version=new.version,
        updated_at=to_datetime(new.updated_at),
        last_accessed_at=to_datetime(now) if action.verb is Verb.REFRESH else item.last_accessed_at,
    )


def _packed_after(
    names: Names,
    accesses: Accesses,
    item: Item,
    change: PlannedChange,
    action: Action,
    now: int,
) -> Procedure[Item]:
    """Return an item with its content packed as the action would pack it."""
    if action.verb not in _PACKING:
        return item
    bases = {}
    if action.verb is Verb.MERGE:
        kept = yield from _present(names, accesses, _kept_id(change))
        bases = {item.id: kept.id}
    for form in (yield from packed_forms(names, [item.id], bases=bases, now=now)):
        return replace(item, codec=CODECS[form.codec], stored_bytes=len(form.data))
    return item


def _sharing(
    names: Names, accesses: Accesses, item: Item, change: PlannedChange
) -> Procedure[Item]:
    """Return an item with the content of another that it would share."""
    kept = yield from _present(names, accesses, _kept_id(change))
    stored = yield from load_stored(names, ids=[item.id, kept.id], content=False)
    if kept.content_hash != item.content_hash or len({row.content_key for row in stored}) < 2:
        raise _nothing_left(change)
    return replace(item, codec=kept.codec, stored_bytes=kept.stored_bytes)


def _kept_id(change: PlannedChange) -> str:
    return change.related[0] if change.related else ""
