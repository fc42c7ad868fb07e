"""What an action makes of an item's row: told before it is done, and done, by the same code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.lifecycle.actions import Action, Verb
from engine.models import Tier
from engine.procedures.base import Procedure, Statement
from engine.procedures.items import Stored
from engine.procedures.names import json_values
from engine.procedures.revisions import changed_fields


def revised(old: Stored, action: Action, now: int, origins: Mapping[str, int]) -> Stored | None:
    """Return what an item becomes; the same if the action has nothing to do."""
    match action.verb:
        case Verb.DELETE:
            return None
        case Verb.ARCHIVE | Verb.MERGE | Verb.CONSOLIDATE:
            new = old._replace(tier=int(Tier.ARCHIVE))
        case Verb.RESTORE:
            new = old._replace(tier=origins.get(old.id, int(Tier.LONG_TERM)))
        case Verb.PROMOTE:
            new = old._replace(tier=max(0, old.tier - 1))
        case Verb.DEMOTE:
            new = old._replace(tier=min(int(Tier.ARCHIVE), old.tier + 1))
        case Verb.REFRESH:
            new = old._replace(last_accessed_at=now)
        case Verb.IMPORTANCE:
            new = old._replace(importance=float(action.argument or 0.0))
        case Verb.TAG:
            new = old._replace(tags=old.tags | {str(action.argument)})
        case Verb.UNTAG:
            new = old._replace(tags=old.tags - {str(action.argument)})
        case _:
            new = old
    return touched(old, new, now)


def touched(old: Stored, new: Stored, now: int) -> Stored:
    """Return the new state as a version of its own; the old one if nothing differs."""
    if not changed_fields(old, new):
        return old
    return new._replace(version=old.version + 1, updated_at=now)


def origins_of(ids: Sequence[str]) -> Procedure[dict[str, int]]:
    """Return the tier from which each item came to the archive, by id."""
    rows = yield Statement(
        "SELECT i.id, (SELECT t.from_tier FROM transitions t WHERE t.item_key = i.item_key "
        "AND t.to_tier = 3 ORDER BY t.sequence DESC LIMIT 1) FROM json_each(?) e "
        "CROSS JOIN items i ON i.id = e.value",
        (json_values(ids),),
    )
    return {item_id: tier for item_id, tier in rows if tier is not None}
