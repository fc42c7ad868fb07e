"""From the tree back to text: what a saved query, a bookmark or a policy shows."""

from __future__ import annotations

import re
from typing import Any

from engine.errors import InvalidFilterError
from engine.models import Tier
from engine.query.fields import INDEX, METADATA, SORTS, Sort
from engine.query.filter import (
    EVERYTHING,
    Age,
    And,
    Compare,
    Filter,
    Has,
    HasMetadata,
    Indexed,
    Metadata,
    Not,
    Operator,
    Or,
    Text,
)
from engine.query.lexer import quote
from engine.query.normal import normalise
from engine.query.parser import DEPTH_MAX
from engine.query.tree import NOTHING
from engine.query.values import (
    read_scalar,
    write_duration,
    write_instant,
    write_size,
    write_start,
)

BARE_VALUE = re.compile(r"""[^\s"(),'<>=!*][^\s"(),]*(?<!\*)""")
BARE_KEY = re.compile(r"[\w-]+")


def to_text(tree: Filter) -> str:
    """Return the text of which `parse` makes the normalised `tree`.

    The length is not limited, so the text of a very large tree may be over `query_chars_max`.

    Raises:
        InvalidFilterError: a part of the tree says nothing, or it is nested too deeply to write.
    """
    normal = normalise(tree)
    if normal == EVERYTHING:
        return ""
    return "-*" if normal == NOTHING else _write(normal, within=None, depth=0)


def quote_value(value: str) -> str:
    """Return `value` as it is written after `tag:`: in quotes if it has to be."""
    return value if BARE_VALUE.fullmatch(value) else quote(value)


def write_key(key: str) -> str:
    """Return a metadata key as it is written in a path: in quotes if it has to be."""
    return key if BARE_KEY.fullmatch(key) else quote(key)


def _write(tree: Filter, *, within: type[Filter] | None, depth: int) -> str:
    if isinstance(tree, Not):
        return f"-{_write(tree.child, within=Not, depth=depth)}"
    if not isinstance(tree, And | Or):
        return "".join(_write_leaf(tree))
    listed = _write_list(tree) if isinstance(tree, Or) else None
    if listed is not None:
        return listed
    grouped = within is Not or (within is And and isinstance(tree, Or))
    depth += grouped
    if depth > DEPTH_MAX:
        raise InvalidFilterError(
            f"the filter needs more than {DEPTH_MAX} nested parentheses",
            hint="use a flatter filter",
        )
    joined = (" or " if isinstance(tree, Or) else " ").join(
        _write(child, within=type(tree), depth=depth) for child in tree.children
    )
    return f"({joined})" if grouped else joined


def _write_list(tree: Or) -> str | None:
    """Return `tier:working,archive` if that is what the whole of `tree` says."""
    if any(isinstance(child, And | Or | Not | Text) for child in tree.children):
        return None
    written = [_write_leaf(child) for child in tree.children]
    head = written[0][0]
    if not head.endswith(":") or any(other != head for other, _ in written):
        return None
    return head + ",".join(value for _, value in written)


def _write_leaf(leaf: Filter) -> tuple[str, str]:
    """Return a leaf as its field with the operator, and its value."""
    if isinstance(leaf, Compare):
        head, value = leaf.field.value, _value_of(leaf)
    elif isinstance(leaf, Metadata):
        head, value = write_path(leaf.path), _write_scalar(leaf.value)
    elif isinstance(leaf, Indexed):
        head, value = f"{INDEX}.{leaf.name}", _write_scalar(leaf.value)
    elif isinstance(leaf, HasMetadata):
        return "has:", write_path(leaf.path)
    elif isinstance(leaf, Has):
        return "has:", leaf.part.value
    elif isinstance(leaf, Text):
        written = quote(leaf.text) if leaf.phrase else leaf.text
        return "", f"{written}*" if leaf.prefix else written
    else:
        raise TypeError(f"{type(leaf).__name__} is not a leaf")
    if leaf.operator is Operator.PREFIX:
        return f"{head}:", f"{quote_value(leaf.value)}*" if leaf.value else "*"
    return f"{head}{':' if leaf.operator is Operator.EQ else leaf.operator.value}", value


def write_path(path: tuple[str, ...]) -> str:
    """Return a metadata path as it is written: `metadata.a."odd key"`."""
    return ".".join((METADATA, *map(write_key, path)))


def _value_of(leaf: Compare) -> str:
    value: Any = leaf.value
    if isinstance(value, Tier):
        return value.label
    if isinstance(value, Age):
        return write_duration(value.microseconds)
    if isinstance(value, str):
        return quote_value(value)
    sort = SORTS[leaf.field]
    if sort is Sort.SIZE:
        return write_size(value)
    if sort is Sort.TIME:
        bare = leaf.operator in (Operator.GE, Operator.LT)
        return write_start(value) if bare else write_instant(value)
    return repr(value)


def _write_scalar(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if not isinstance(value, str):
        return repr(value)
    # A text that looks like a number would be read as one.
    return quote_value(value) if _reads_as(value) else quote(value)


def _reads_as(text: str) -> bool:
    try:
        return read_scalar(text) == text
    except InvalidFilterError:
        return False
