"""Associations between items."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Literal

from engine.models import Association
from engine.procedures import links
from engine.services.core import Core
from engine.validation import check_name, check_unit


class LinkService(Core):
    """The part of a store that is about associations."""

    async def associate(
        self,
        source_id: str,
        target_id: str,
        *,
        relation: str = "related",
        strength: float = 1.0,
        actor: str | None = None,
    ) -> Association:
        """Link one item to another, or give their link another strength (0..1).

        Raises:
            ItemNotFoundError: one of them does not exist.
            InvalidItemError: the strength is outside 0..1.
        """
        return await self._backend.write(
            links.associate,
            self._names,
            source_id,
            target_id,
            check_name("relation", relation, self.limits),
            check_unit("strength", strength),
            self._author(actor),
        )

    async def dissociate(
        self,
        source_id: str,
        target_id: str,
        *,
        relation: str | None = None,
        actor: str | None = None,
    ) -> int:
        """Remove the links from one item to another, of one relation or all; return how many."""
        return await self._backend.write(
            links.dissociate, self._names, source_id, target_id, relation, self._author(actor)
        )

    async def associations(
        self, item_id: str, *, direction: Literal["both", "out", "in"] = "both"
    ) -> list[Association]:
        """Return an item's links, outgoing first, the strongest of each first."""
        return await self._backend.read(
            links.list_links, item_id, outgoing=direction != "in", incoming=direction != "out"
        )

    async def import_associations(
        self, associations: Sequence[Association], *, actor: str | None = None
    ) -> int:
        """Set many links in one transaction; return how many.

        Raises:
            ItemNotFoundError: an end of one does not exist; nothing was written.
        """
        return await self._backend.write(
            links.import_links, self._names, list(associations), self._author(actor)
        )

    async def iterate_associations(self) -> AsyncGenerator[Association, None]:
        """Yield every link of the store."""
        after: tuple[int, int, int] | None = (0, 0, 0)
        while after is not None:
            page, after = await self._backend.read(links.scan_links, after, 1_000)
            for association in page:
                yield association
