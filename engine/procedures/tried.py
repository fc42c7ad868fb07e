"""Contents that packing was tried on in vain, so that a policy does not plan them in every run.

What packing leaves as it is looks like what was never packed. It is not marked, since that would be
a mark on every content: the store remembers the newest content that was tried in vain. Keys are
never used again, so what came later was not tried, and is planned as it is. What is older is tried
while planning, with the newest dictionary: it is what is left over, and mostly little. A run that
is undone, or a key that is gone, makes more to be tried and nothing wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from engine.models import Codec
from engine.procedures.base import Procedure, Rows, Statement
from engine.procedures.names import Names, json_values
from engine.procedures.repacking import newest_dictionary, packed_forms

TRIED_BYTES_MAX: Final = 8_000_000
"""Contents that are tried together while planning: a plan of a million keeps to its memory."""


def note_in_vain(names: Names, ids: Sequence[str]) -> Procedure[None]:
    """Remember that these items were packed: those that are not smaller were tried in vain."""
    below = yield from packable_below(names)
    yield Statement(
        "INSERT INTO meta SELECT 'packed_in_vain', max(i.content_key) FROM json_each(?) e "
        "CROSS JOIN items i ON i.id = e.value JOIN contents c ON c.content_key = i.content_key "
        "WHERE c.codec < ? HAVING count(*) > 0 "
        "ON CONFLICT DO UPDATE SET value = max(value, excluded.value)",
        (json_values(ids), below),
    )


def find_in_vain(names: Names, keys: Iterable[int], now: int) -> Procedure[frozenset[int]]:
    """Return those of these items that were packed before and would not get smaller now."""
    rows = yield Statement("SELECT value FROM meta WHERE name = 'packed_in_vain'")
    if not rows:
        return frozenset()
    below = yield from packable_below(names)
    rows = yield Statement(
        "SELECT i.item_key, i.id, c.size_bytes FROM json_each(?) e CROSS JOIN items i "
        "ON i.item_key = e.value JOIN contents c ON c.content_key = i.content_key "
        "WHERE i.content_key <= ? AND c.codec < ?",
        (json_values(keys), rows[0][0], below),
    )
    in_vain = {key for key, _, _ in rows}
    for ids in _by_bytes(rows):
        forms = yield from packed_forms(names, ids, now=now)
        in_vain.difference_update(form.holder.item_key for form in forms)
    return frozenset(in_vain)


def packable_below(names: Names) -> Procedure[int]:
    """Return the codec below which a content may get smaller by being packed."""
    trained = yield from newest_dictionary(names)
    return Codec.JSON_COMPRESSED if trained is None else Codec.JSON_DICTIONARY


def _by_bytes(rows: Rows) -> Iterator[list[str]]:
    """Yield ids of items in groups that are unpacked together."""
    group: list[str] = []
    total = 0
    for _, item_id, size in rows:
        if group and total + size > TRIED_BYTES_MAX:
            yield group
            group, total = [], 0
        group.append(item_id)
        total += size
    if group:
        yield group
