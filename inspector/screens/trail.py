"""Where the person has been: queries with the item that was under the cursor, back and forward."""

from __future__ import annotations

from dataclasses import dataclass, replace

PLACES_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A query, its order, and the key of the item under the cursor."""

    query: str
    order: str
    key: int | None = None


class Trail:
    """A list of places and where in it one is, as in a web browser."""

    def __init__(self, start: Place) -> None:
        self._places = [start]
        self._at = 0

    @property
    def here(self) -> Place:
        """The current place."""
        return self._places[self._at]

    @property
    def can_go_back(self) -> bool:
        """True if there is a place before this one."""
        return self._at > 0

    @property
    def can_go_forward(self) -> bool:
        """True if one has gone back from somewhere."""
        return self._at < len(self._places) - 1

    def leave(self, key: int | None) -> None:
        """Remember which item was under the cursor here."""
        self._places[self._at] = replace(self.here, key=key)

    def go(self, place: Place) -> None:
        """Go to a new place; what was forward of here is forgotten."""
        if (place.query, place.order) == (self.here.query, self.here.order):
            return
        self._places = [*self._places[: self._at + 1], place][-PLACES_MAX:]
        self._at = len(self._places) - 1

    def back(self) -> Place:
        """Go one place back, if there is one."""
        self._at = max(self._at - 1, 0)
        return self.here

    def forward(self) -> Place:
        """Go one place forward, if there is one."""
        self._at = min(self._at + 1, len(self._places) - 1)
        return self.here
