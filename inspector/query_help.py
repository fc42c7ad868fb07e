"""Help while a query is typed: colours for its parts, and what could come next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspector.gateway import complete_query, highlight_query, quote_value
from inspector.widgets.query_bar import Suggestion
from inspector.widgets.roles import Role

if TYPE_CHECKING:
    from inspector.gateway import Gateway

SUGGESTIONS_MAX = 20
STORED = frozenset({"tag", "agent", "kind", "session", "metadata"})
"""Fields of which the store knows the values (of metadata, the keys)."""

_ROLES = {
    "field": Role.KEY,
    "operator": Role.PUNCTUATION,
    "value": Role.STRING,
    "phrase": Role.STRING,
    "keyword": Role.LITERAL,
    "negation": Role.REMOVED,
    "error": Role.ERROR,
}


def highlighted(text: str) -> list[tuple[int, int, Role]]:
    """Return the parts of a query that have a colour: (start, end, role)."""
    parts = highlight_query(text)
    return [(start, end, _ROLES[style]) for start, end, style in parts if style in _ROLES]


async def suggestions(gateway: Gateway, text: str, cursor: int) -> list[Suggestion]:
    """Return what could stand at the cursor: words of the language, or values of the store."""
    place = complete_query(text, cursor)
    found = {
        word: Suggestion(
            start=place.start,
            end=place.end,
            insert_text=word,
            label=word,
            kind=place.field or place.kind,
        )
        for word in place.words
    }
    if place.field in STORED:
        known = await gateway.complete(place.field, place.prefix, SUGGESTIONS_MAX)
        stored = {value: count for value, count in known if value != place.prefix}
        found = {
            value: Suggestion(
                start=place.start,
                end=place.end,
                insert_text=quote_value(value),
                label=value,
                count=count,
                kind=place.field,
            )
            for value, count in stored.items()
        } | {word: found[word] for word in found if word not in stored}
    return list(found.values())[:SUGGESTIONS_MAX]
