"""Writing the full-text index: what a transaction did to it, in as few writes as there are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from engine.procedures.base import Many, Procedure, Statement, TextChange

MERGE: Final = "INSERT INTO items_text(items_text, rank) VALUES ('merge', ?)"
MERGE_PAGES: Final = 16
"""Pages of the index merged with every commit. A large batch leaves more to merge than that: half
of its share is merged at once, and the rest while nobody writes."""
IDLE_MERGE_PAGES: Final = 500
"""Pages merged at a time while nobody writes: some milliseconds."""


def write_text(changes: Iterable[TextChange]) -> Procedure[None]:
    """Bring the index from before a transaction to after it.

    Only what a row had first and has last counts. In order of row key, since the index starts a
    new segment whenever the key goes down.
    """
    first: dict[int, tuple[str, str] | None] = {}
    last: dict[int, tuple[str, str] | None] = {}
    for change in changes:
        first.setdefault(change.key, change.old)
        last[change.key] = change.new
    changed = sorted(key for key in first if first[key] != last[key])
    gone = [(key, *old) for key in changed if (old := first[key]) is not None]
    added = [(key, *new) for key in changed if (new := last[key]) is not None]
    if gone:
        yield Many(
            "INSERT INTO items_text(items_text, rowid, text, scope) VALUES ('delete', ?, ?, ?)",
            gone,
        )
    if added:
        yield Many("INSERT INTO items_text(rowid, text, scope) VALUES (?, ?, ?)", added)
    if changed:
        yield Statement(MERGE, (MERGE_PAGES + len(changed) // 16,))
