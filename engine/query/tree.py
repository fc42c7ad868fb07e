"""The three ways to join filters, each simple in, simple out: no nesting that says nothing."""

from __future__ import annotations

from collections.abc import Iterable

from engine.query.filter import EVERYTHING, And, Filter, Not, Or

NOTHING = Or(())
"""The filter that no item passes, written `-*`."""


def all_of(children: Iterable[Filter]) -> Filter:
    """Return the simplest filter that holds when all of the simple `children` hold."""
    kept: list[Filter] = []
    for child in children:
        if isinstance(child, And):
            kept.extend(child.children)
        elif child == NOTHING:
            return NOTHING
        else:
            kept.append(child)
    return kept[0] if len(kept) == 1 else And(tuple(kept))


def any_of(children: Iterable[Filter]) -> Filter:
    """Return the simplest filter that holds when one of the simple `children` holds."""
    kept: list[Filter] = []
    for child in children:
        if isinstance(child, Or):
            kept.extend(child.children)
        elif child == EVERYTHING:
            return EVERYTHING
        else:
            kept.append(child)
    return kept[0] if len(kept) == 1 else Or(tuple(kept))


def negate(child: Filter) -> Filter:
    """Return the simplest filter that holds when the simple `child` does not."""
    if isinstance(child, Not):
        return child.child
    if child == EVERYTHING:
        return NOTHING
    if child == NOTHING:
        return EVERYTHING
    return Not(child)
