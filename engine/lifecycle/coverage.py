"""What can be said of a condition without a store: that it is everything, or the same as another.

Both answers are sure when they are yes, and may miss what needs more than a look at the tree.
"""

from __future__ import annotations

from collections.abc import Hashable

from engine.models import Tier
from engine.query import (
    Age,
    And,
    Compare,
    Field,
    Filter,
    Indexed,
    Metadata,
    Not,
    Operator,
    Or,
    normalise,
)

EQUALITY = frozenset({Operator.EQ, Operator.NE})
FROM_ZERO = frozenset({Field.IMPORTANCE, Field.ACCESSES, Field.SIZE, Field.VERSION, Field.IDLE})
"""The fields whose values begin at 0."""


def matches_everything(tree: Filter) -> bool:
    """Return whether `tree` holds for any item, as in ``, `importance>=0` or `a or -a`.

    Raises:
        InvalidFilterError: the tree is none that can be asked.
    """
    return _always(normalise(tree), True)


def condition_key(tree: Filter) -> Hashable:
    """Return a value that is equal for trees that ask the same in another order."""
    if isinstance(tree, And | Or):
        return type(tree), frozenset(condition_key(child) for child in tree.children)
    if isinstance(tree, Not):
        return Not, condition_key(tree.child)
    # In Python 1, 1.0 and True are equal, in metadata a truth value is not a number.
    return tree, isinstance(tree, Metadata | Indexed) and isinstance(tree.value, bool)


def _always(tree: Filter, answer: bool) -> bool:
    """Return whether `tree` surely gives `answer` for any item."""
    if isinstance(tree, Not):
        return _always(tree.child, not answer)
    if not isinstance(tree, And | Or):
        return isinstance(tree, Compare) and _always_compares(tree, answer)
    # "All of them hold" is always true if each is; it is never true if one is never true.
    each = isinstance(tree, And) is answer
    if each:
        return all(_always(child, answer) for child in tree.children)
    return any(_always(child, answer) for child in tree.children) or _leaves_nothing(tree, answer)


def _always_compares(leaf: Compare, answer: bool) -> bool:
    if leaf.field not in FROM_ZERO:
        return False
    value = leaf.value.microseconds if isinstance(leaf.value, Age) else leaf.value
    if value == 0 and leaf.operator is (Operator.GE if answer else Operator.LT):
        return True
    outside = Operator.LE if answer else Operator.GT
    return leaf.field is Field.IMPORTANCE and value == 1 and leaf.operator is outside


def _leaves_nothing(tree: And | Or, answer: bool) -> bool:
    """Return whether the children of `tree` give `answer` because one of them always must."""
    keys = {condition_key(child) for child in tree.children}
    if any(
        isinstance(child, Not) and condition_key(child.child) in keys for child in tree.children
    ):
        return True
    left = set(Tier)
    for child in tree.children:
        if isinstance(child, Compare) and child.field is Field.TIER and child.operator in EQUALITY:
            equal = (child.operator is Operator.EQ) is answer
            left &= set(Tier) - {child.value} if equal else {child.value}
    return not left
