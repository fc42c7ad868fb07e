"""One form for each tree, and the door at which a tree made by hand is checked."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from engine.errors import InvalidFilterError
from engine.models import Tier
from engine.query.comparisons import (
    compare_text,
    require_comparable,
    require_index_name,
    require_ordered_age,
    require_path,
)
from engine.query.fields import SORTS, Sort, require_text, shown
from engine.query.filter import (
    Age,
    And,
    Compare,
    Field,
    Filter,
    Has,
    HasMetadata,
    Indexed,
    Metadata,
    Not,
    Operator,
    Or,
    Part,
    Text,
)
from engine.query.lexer import is_bare_word
from engine.query.tree import all_of, any_of, negate
from engine.query.values import DURATION_MAX, INTEGER_MAX, INTEGER_MIN, TIME_MAX, TIME_MIN

TREE_DEPTH_MAX = 200
"""Levels of a tree made by hand; a text of 50 nested parentheses needs fewer."""


def normalise(tree: Filter) -> Filter:
    """Return the one form of `tree` that `parse` would give: checked, flat, without double Not.

    Raises:
        InvalidFilterError: a part of the tree says nothing, or is too deep.
    """
    return _normal(tree, 0)


def _normal(tree: Filter, depth: int) -> Filter:
    if depth > TREE_DEPTH_MAX:
        raise InvalidFilterError(
            f"the filter is nested more than {TREE_DEPTH_MAX} deep", hint="use a flatter filter"
        )
    if isinstance(tree, And):
        return all_of([_normal(child, depth + 1) for child in tree.children])
    if isinstance(tree, Or):
        return any_of([_normal(child, depth + 1) for child in tree.children])
    if isinstance(tree, Not):
        return negate(_normal(tree.child, depth + 1))
    return _checked(tree)


def _checked(leaf: Filter) -> Filter:
    if isinstance(leaf, Compare):
        _require(isinstance(leaf.field, Field) and isinstance(leaf.operator, Operator), leaf)
        return CHECKS[SORTS[leaf.field]](leaf)
    if isinstance(leaf, Text):
        return _checked_text(leaf)
    if isinstance(leaf, Metadata):
        return _checked_metadata(leaf)
    if isinstance(leaf, Indexed):
        return _checked_indexed(leaf)
    if isinstance(leaf, HasMetadata):
        _check_path(leaf.path)
        return leaf
    _require(isinstance(leaf, Has) and isinstance(leaf.part, Part), leaf)
    return leaf


def _require(holds: bool, leaf: object) -> None:
    if not holds:
        raise InvalidFilterError(
            f"{shown(leaf)} is not a filter", hint="see the values that each node can have"
        )


def _check_text(text: object, leaf: object) -> None:
    _require(isinstance(text, str), leaf)
    require_text("the value", str(text))


def _checked_text(leaf: Text) -> Filter:
    _check_text(leaf.text, leaf)
    _require(leaf.text != "", leaf)
    phrase = leaf.phrase or not is_bare_word(leaf.text, prefix=leaf.prefix)
    return Text(_plain(leaf.text), bool(phrase), bool(leaf.prefix))


def _checked_name(leaf: Compare) -> Filter:
    _check_text(leaf.value, leaf)
    if leaf.operator is Operator.PREFIX:
        return compare_text(leaf.field, Operator.EQ, _plain(leaf.value), prefix=True)
    return compare_text(leaf.field, leaf.operator, _plain(leaf.value))


def _checked_tier(leaf: Compare) -> Filter:
    known = leaf.operator in (Operator.EQ, Operator.NE)
    _require(known and isinstance(leaf.value, Tier), leaf)
    return leaf


def _checked_fraction(leaf: Compare) -> Filter:
    number = leaf.value
    _require(leaf.operator is not Operator.PREFIX and _is_number(number), leaf)
    _require(0 <= number <= 1, leaf)
    return Compare(leaf.field, leaf.operator, float(number))


def _checked_count(leaf: Compare) -> Filter:
    _require(leaf.operator is not Operator.PREFIX and _is_integer(leaf.value), leaf)
    _require(0 <= leaf.value <= INTEGER_MAX, leaf)
    return Compare(leaf.field, leaf.operator, int(leaf.value))


def _checked_time(leaf: Compare) -> Filter:
    _require(leaf.operator is not Operator.PREFIX, leaf)
    if isinstance(leaf.value, Age):
        return _checked_age(leaf)
    _require(_is_integer(leaf.value) and TIME_MIN <= leaf.value <= TIME_MAX, leaf)
    return leaf


def _checked_age(leaf: Compare) -> Filter:
    _require(leaf.operator is not Operator.PREFIX and isinstance(leaf.value, Age), leaf)
    require_ordered_age(leaf.field, leaf.operator)
    age = leaf.value.microseconds
    _require(_is_integer(age) and 0 <= age <= DURATION_MAX, leaf)
    return leaf


def _checked_metadata(leaf: Metadata) -> Filter:
    _check_path(leaf.path)
    value = _checked_scalar(leaf)
    if leaf.operator is Operator.PREFIX and not value:
        return HasMetadata(leaf.path)
    return Metadata(leaf.path, leaf.operator, value)


def _checked_indexed(leaf: Indexed) -> Filter:
    _check_text(leaf.name, leaf)
    name = require_index_name((str.__str__(leaf.name),))
    return Indexed(name, leaf.operator, _checked_scalar(leaf))


def _checked_scalar(leaf: Metadata | Indexed) -> Any:
    """Return the value of a leaf, one that JSON has and its operator can compare."""
    value = leaf.value
    if leaf.operator is Operator.PREFIX:
        _check_text(value, leaf)
        return _plain(value)
    _require(isinstance(leaf.operator, Operator), leaf)
    require_comparable(leaf.operator, value)
    if isinstance(value, str):
        _check_text(value, leaf)
    elif isinstance(value, int):
        _require(INTEGER_MIN <= value <= INTEGER_MAX, leaf)
    else:
        _require(value is None or _is_number(value), leaf)
    return _plain(value)


def _plain(value: Any) -> Any:
    # What is also an enumeration, or numpy's, would be written by its name.
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    return int(value) if isinstance(value, int) else float(value)


def _check_path(path: object) -> None:
    _require(isinstance(path, tuple), path)
    keys: tuple[Any, ...] = path if isinstance(path, tuple) else ()
    require_path(keys)
    for key in keys:
        _check_text(key, path)


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return _is_integer(value) or (isinstance(value, float) and math.isfinite(value))


CHECKS: dict[Sort, Callable[[Compare], Filter]] = {
    Sort.TEXT: _checked_name,
    Sort.TIER: _checked_tier,
    Sort.FRACTION: _checked_fraction,
    Sort.COUNT: _checked_count,
    Sort.SIZE: _checked_count,
    Sort.TIME: _checked_time,
    Sort.DURATION: _checked_age,
}
