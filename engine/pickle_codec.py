"""Pickled Python objects: the only module that imports pickle, and only when a store opted in.

Reading never runs a pickle: its opcodes are shown instead. Loading is for a store opened with
`allow_pickle=True`, by a program that trusts everybody who could write to the file.
"""

from __future__ import annotations

import pickle
import pickletools
from typing import Any

from engine.errors import InvalidContentError, UnsafeContentError


def dump(value: Any) -> bytes:
    """Return `value` pickled.

    Raises:
        InvalidContentError: Python cannot pickle it.
    """
    try:
        return pickle.dumps(value, protocol=5)
    except (pickle.PicklingError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidContentError(
            f"a {type(value).__name__} cannot be pickled: {error}",
            hint="store its data as JSON instead",
        ) from error


def load(data: bytes) -> Any:
    """Return the object of a pickle that the caller trusts.

    Raises:
        UnsafeContentError: the bytes are no pickle, or its classes are not importable here.
    """
    try:
        return pickle.loads(data)  # noqa: S301 - opted in for this store, see the module's text
    except Exception as error:
        raise UnsafeContentError(
            f"the pickle could not be loaded: {type(error).__name__}",
            hint="open the store without allow_pickle to look at its opcodes",
        ) from error


def opcodes(data: bytes, limit: int = 1_000) -> list[str]:
    """Return up to `limit` lines naming what the pickle would do, without doing any of it."""
    lines: list[str] = []
    try:
        for opcode, argument, position in pickletools.genops(data):
            if len(lines) >= limit:
                lines.append("...")
                break
            shown = "" if argument is None else f" {argument!r:.200}"
            lines.append(f"{position or 0:>6} {opcode.name}{shown}")
    except (ValueError, KeyError, IndexError) as error:
        lines.append(f"       not a complete pickle: {error}")
    return lines
