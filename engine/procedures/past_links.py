"""What links were at a sequence, told from the changes that came after it; see `pasts`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

import orjson

from engine.procedures.base import Procedure, Statement
from engine.procedures.names import json_values

LinkKey: TypeAlias = tuple[str, str, str]
"""Source, relation and target."""


class LinkState(NamedTuple):
    """How strong a link is and since when (microseconds); both None where there is none."""

    strength: float | None
    created_at: int | None


NO_LINK: Final = LinkState(None, None)
LINKS_PAGE: Final = 2_000
_LINKS_SINCE: Final = (
    "SELECT sequence, before -> '$.associations' FROM changes WHERE sequence > ? "
    "AND sequence <= ? AND operation IN (3, 5) AND before -> '$.associations' IS NOT NULL "
    "ORDER BY sequence LIMIT ?"
)


def links_since(after: int, through: int) -> Procedure[dict[LinkKey, LinkState]]:
    """Return every link that the changes of a stretch of the log mention, as it was before them."""
    found: dict[LinkKey, LinkState] = {}
    while True:
        rows = yield Statement(_LINKS_SINCE, (after, through, LINKS_PAGE))
        for _, text in rows:
            for link in orjson.loads(text):
                key = (link["source"], link["relation"], link["target"])
                found.setdefault(key, LinkState(link["strength"], link["created_at"]))
        if len(rows) < LINKS_PAGE:
            return found
        after = rows[-1][0]


_LIVE_LINKS: Final = (
    "SELECT e.key, l.strength, l.created_at FROM json_each(?) e "
    "JOIN items s ON s.id = e.value ->> 0 JOIN relations r ON r.name = e.value ->> 1 "
    "JOIN items t ON t.id = e.value ->> 2 JOIN associations l ON l.source_key = s.item_key "
    "AND l.relation_key = r.relation_key AND l.target_key = t.item_key"
)


def load_link_states(keys: Sequence[LinkKey]) -> Procedure[dict[LinkKey, LinkState]]:
    """Return those of these links that there are."""
    found: dict[LinkKey, LinkState] = {}
    for start in range(0, len(keys), LINKS_PAGE):
        page = keys[start : start + LINKS_PAGE]
        rows = yield Statement(_LIVE_LINKS, (json_values(page),))
        found.update({page[at]: LinkState(strength, created) for at, strength, created in rows})
    return found
