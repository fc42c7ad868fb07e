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


class TextChange(NamedTuple):
    """What full text had of a row before and has after: (text, scope), None for nothing."""

    key: int
    old: tuple[str, str] | None
    new: tuple[str, str] | None


class Deferred(NamedTuple):
    """Changes to full text, made by the backend just before it commits; no rows come back.

    The index writes a segment whenever it is touched between other statements, so a group of
    writes costs a third when its words go in together at the end.
    """

    changes: list[TextChange]


Step: TypeAlias = Statement | Many | Deferred

Procedure: TypeAlias = Generator[Step, Rows, Result]
"""Yields statements, is sent the rows of each, returns its result. Does no I/O itself."""
