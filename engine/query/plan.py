"""A plan: where a query's rows come from, and the SQL for its pages, listings and counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from engine.errors import InvalidFilterError
from engine.query.sql import Condition

ORDERS: Final = {
    "created_at": "i.created_at",
    "updated_at": "i.updated_at",
    "importance": "i.importance",
    "size_bytes": "i.size_bytes",
    "id": "i.id",
    "tier": "i.tier",
    "agent": "(SELECT name FROM agents n WHERE n.agent_key = i.agent_key)",
    "kind": "(SELECT name FROM kinds n WHERE n.kind_key = i.kind_key)",
    "last_accessed_at": "coalesce((SELECT a.last_accessed_at FROM access a "
    "WHERE a.item_key = i.item_key), 0)",
    "access_count": "coalesce((SELECT a.access_count FROM access a "
    "WHERE a.item_key = i.item_key), 0)",
}


@dataclass(frozen=True, slots=True)
class Order:
    """By what a query is sorted; ties go by row key in the same direction."""

    name: str
    descending: bool

    @property
    def direction(self) -> str:
        """SQL's word for it."""
        return "DESC" if self.descending else "ASC"


def parse_order(text: str) -> Order:
    """Return the order named by `created_at`, or `-created_at` for newest first.

    Raises:
        InvalidFilterError: there is no such order.
    """
    name = text.removeprefix("-")
    if name not in ORDERS:
        raise InvalidFilterError(
            f"cannot order by {name!r}", hint=f"use one of {', '.join(ORDERS)}, '-' for descending"
        )
    return Order(name, text.startswith("-"))


Values: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """A branch with everything it has to be tested for."""

    source: str
    where: Condition
    value: str
    key: str
    sort: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Where a query's rows come from; makes the SQL for pages, listings and counts."""

    path: str
    sources: tuple[Source, ...]
    order: Order
    meet: bool = False
    index: int | None = None

    def page(self, limit: int, after: tuple[Any, int] | None = None) -> tuple[str, Values]:
        """Return SQL for the first `limit` rows after a row, as (value it is sorted by, key)."""
        texts: list[str] = []
        values: list[Any] = []
        for source in self.sources:
            columns = f"{source.value} AS v, {source.key} AS k"
            if self.meet:
                text, bound = self._matching(source, columns, after)
            else:
                text, bound = self._select(source, columns, after)
                text, bound = f"{text} LIMIT ?", (*bound, limit)
            texts.append(text)
            values += bound
        if len(texts) == 1:
            return texts[0], tuple(values)
        sorting = f"ORDER BY v {self.order.direction}, k {self.order.direction} LIMIT ?"
        if self.meet:
            # Sorted lists that meet: SQLite walks them side by side and stops when it has enough.
            return f"{' INTERSECT '.join(texts)} {sorting}", (*values, limit)
        union = " UNION ".join(f"SELECT v, k FROM ({text})" for text in texts)
        return f"SELECT v, k FROM ({union}) {sorting}", (*values, limit)

    def listing(self, after: tuple[Any, int] | None = None) -> tuple[str, Values]:
        """Return SQL for the keys of all rows after a row."""
        return self._select(self.sources[0], self.sources[0].key, after)

    def select(self, columns: str, limit: int) -> tuple[str, Values]:
        """Return SQL for some columns of `items i` of the first `limit` rows."""
        sql, values = self._select(self.sources[0], columns, None)
        return f"{sql} LIMIT ?", (*values, limit)

    def count(self) -> tuple[str, Values]:
        """Return SQL for the number of rows."""
        (source,) = self.sources
        return f"SELECT count(*) FROM {source.source} WHERE {source.where.sql}", source.where.values

    def _select(
        self, source: Source, columns: str, after: tuple[Any, int] | None
    ) -> tuple[str, Values]:
        sql, values = self._matching(source, columns, after)
        direction = self.order.direction
        sorting = ", ".join(f"{part} {direction}" for part in source.sort.split("; "))
        return f"{sql} ORDER BY {sorting}", values

    def _matching(
        self, source: Source, columns: str, after: tuple[Any, int] | None
    ) -> tuple[str, Values]:
        where, values = source.where.sql, source.where.values
        if after is not None:
            comparison = "<" if self.order.descending else ">"
            where = f"({where}) AND ({source.value}, {source.key}) {comparison} (?, ?)"
            values = (*values, *after)
        return f"SELECT {columns} FROM {source.source} WHERE {where}", values
