"""Procedures: generators that yield SQL and are sent rows. All logic that touches data is one."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from typing import Any, NamedTuple, TypeAlias, TypeVar

Result = TypeVar("Result")

Row: TypeAlias = tuple[Any, ...]
Rows: TypeAlias = list[Row]


class Statement(NamedTuple):
    """One SQL text and the values bound to it; its rows are sent back."""

    sql: str
    values: Sequence[Any] = ()


class Many(NamedTuple):
    """One SQL text run for each of many rows of values; no rows come back."""

    sql: str
    values: Iterable[Sequence[Any]]


Procedure: TypeAlias = Generator["Statement | Many", Rows, Result]
"""Yields statements, is sent the rows of each, returns its result. Does no I/O itself."""
