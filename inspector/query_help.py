"""Help while a query is typed: colours for its parts, and what could come next."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from inspector.widgets.query_bar import Suggestion
from inspector.widgets.roles import Role

if TYPE_CHECKING:
    from inspector.gateway import Gateway

SUGGESTIONS_MAX = 20
STORED = frozenset({"tag", "agent", "kind", "session", "metadata"})
"""Places where the store knows what there is."""

_BARE = re.compile(r'[^\s"(),*]+')

_PARTS = re.compile(
    r"""(?P<string>"(?:[^"\\]|\\.)*"?)
    | (?P<key>-?[A-Za-z_]+(?:\.[^\s:<>=!()"]+)?)(?P<operator>\s*(?:>=|<=|!=|[:<>=]))
    | (?P<word>\b(?:and|or|not)\b)
    | (?P<punctuation>[()])
    | (?P<other>[^\s()"]+)""",
    re.VERBOSE | re.IGNORECASE,
)
_ROLES = {
    "string": Role.STRING,
    "key": Role.KEY,
    "word": Role.LITERAL,
    "punctuation": Role.PUNCTUATION,
}


def highlighted(text: str) -> list[tuple[int, int, Role]]:
    """Return the parts of a query that have a colour: (start, end, role)."""
    parts: list[tuple[int, int, Role]] = []
    for match in _PARTS.finditer(text):
        role = _ROLES.get(match.lastgroup or "")
        if match["key"] is not None:
            parts.append((*match.span("key"), Role.KEY))
            parts.append((*match.span("operator"), Role.PUNCTUATION))
        elif role is not None:
            parts.append((*match.span(), role))
    return parts


async def suggestions(gateway: Gateway, text: str, cursor: int) -> Sequence[Suggestion]:
    """Return what could stand at the cursor: words of the language, or values of the store."""
    place = gateway.completion(text, cursor)
    found = [
        Suggestion(start=place.start, end=place.end, insert_text=word, label=word, kind=place.kind)
        for word in place.words
    ]
    if place.kind in STORED:
        for value, count in await gateway.complete(place.kind, place.prefix, SUGGESTIONS_MAX):
            found.append(
                Suggestion(
                    start=place.start,
                    end=place.end,
                    insert_text=_written(value),
                    label=value,
                    count=count,
                    kind=place.kind,
                )
            )
    return found[:SUGGESTIONS_MAX]


def _written(value: str) -> str:
    """Return a value as it is written in a query: in quotes if it has to be."""
    if _BARE.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
