"""A boolean SQL expression with its values, and how values are made fit to be bound."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

from engine.query.filter import Operator


@dataclass(frozen=True, slots=True)
class Condition:
    """A boolean SQL expression and the values for its question marks, in order."""

    sql: str
    values: tuple[Any, ...] = ()


TRUE: Final = Condition("1")
FALSE: Final = Condition("0")

SQL_OPERATOR: Final = {
    Operator.EQ: "=",
    Operator.NE: "<>",
    Operator.GT: ">",
    Operator.GE: ">=",
    Operator.LT: "<",
    Operator.LE: "<=",
}

INTEGER_MAX: Final = 2**63 - 1


def bindable(value: Any) -> Any:
    """Return a number that SQLite can compare with a column: whole ones have 64 bits."""
    if isinstance(value, int):
        return max(-INTEGER_MAX, min(value, INTEGER_MAX))
    return value


def json_number(value: Any) -> Any:
    """Return a value as SQLite reads it from JSON: beyond 64 bits a number is a float."""
    if isinstance(value, int) and not -INTEGER_MAX <= value <= INTEGER_MAX:
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    return value


def prefix_end(prefix: str) -> str | bytes:
    """Return the least value that sorts after every text that begins with `prefix`."""
    for position in range(len(prefix) - 1, -1, -1):
        code = ord(prefix[position])
        if code < 0x10FFFF:
            following = 0xE000 if code == 0xD7FF else code + 1
            return prefix[:position] + chr(following)
    # No text is greater than all of these, but every blob is.
    return b""
