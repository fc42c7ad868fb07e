"""What changed between two mappings or two texts, as rows of before and after. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inspector.display import visible
from inspector.widgets.json_lines import json_lines, json_source
from inspector.widgets.roles import Line, Piece, Role
from inspector.widgets.wrapping import line_cells, safe_line, wrap_line

COMPARED_LINES_MAX = 2000
"""Longer texts are shown one after the other: comparing takes the square of their length."""
CONTEXT_LINES = 3

_MISSING = object()
_SAME, _ADDED, _REMOVED = " ", "+", "-"
_ROLES = {_SAME: Role.DIM, _ADDED: Role.ADDED, _REMOVED: Role.REMOVED}


@dataclass(frozen=True, slots=True)
class DiffRow:
    """Lines that face each other; `sign` is of what is on a side that has any."""

    before: Line | None
    after: Line | None
    changed: bool
    title: bool = False


def mapping_rows(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> list[DiffRow]:
    """Return the fields that differ, each under a title; a missing mapping has no fields."""
    old, new = before or {}, after or {}
    rows: list[DiffRow] = []
    same = 0
    for field in dict.fromkeys((*old, *new)):
        old_value, new_value = old.get(field, _MISSING), new.get(field, _MISSING)
        if old_value == new_value and type(old_value) is type(new_value):
            same += 1
            continue
        rows += _field_rows(field, old_value, new_value)
    if same:
        text = f"  {same} field{'' if same == 1 else 's'} unchanged"
        rows.append(DiffRow(((text, Role.DIM),), None, changed=False, title=True))
    elif not rows:
        rows.append(DiffRow((("  nothing to compare", Role.DIM),), None, False, title=True))
    return rows


def _field_rows(field: str, old: Any, new: Any) -> Iterator[DiffRow]:
    if old is _MISSING:
        glyph, role = "+ ", Role.ADDED
    elif new is _MISSING:
        glyph, role = "- ", Role.REMOVED
    else:
        glyph, role = "~ ", Role.CHANGED
    yield DiffRow(((glyph, role), (field, Role.STRONG)), None, changed=True, title=True)
    yield from line_rows(_value_lines(old), _value_lines(new))


def _value_lines(value: Any) -> list[Line]:
    """Return a value of a field as lines: text as text, the rest as JSON."""
    if value is _MISSING:
        return []
    if isinstance(value, str):
        return [((line, Role.PLAIN),) for line in visible(value).split("\n")]
    if isinstance(value, (set, frozenset)):
        value = sorted(value)
    try:
        return json_lines(json_source(value))
    except (TypeError, ValueError):
        # Bytes, times and other values that JSON has no word for.
        text = repr(value) if isinstance(value, bytes) else str(value)
        return [((text, Role.PLAIN),)]


def text_rows(before: str, after: str) -> list[DiffRow]:
    """Return two texts line by line, long stretches without a change left out."""
    rows = list(line_rows(_text_lines(before), _text_lines(after)))
    return _with_gaps(rows)


def _text_lines(text: str) -> list[Line]:
    return [((line, Role.PLAIN),) for line in visible(text).split("\n")]


def line_rows(before: Sequence[Line], after: Sequence[Line]) -> Iterator[DiffRow]:
    """Yield two lists of lines, facing each other where they are the same."""
    if len(before) + len(after) > COMPARED_LINES_MAX:
        yield from _facing(before, ())
        yield from _facing((), after)
        return
    matcher = difflib.SequenceMatcher(None, list(before), list(after), autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            for line in before[i1:i2]:
                yield DiffRow(line, line, changed=False)
        else:
            yield from _facing(before[i1:i2], after[j1:j2])


def _facing(before: Sequence[Line], after: Sequence[Line]) -> Iterator[DiffRow]:
    for index in range(max(len(before), len(after))):
        yield DiffRow(
            before[index] if index < len(before) else None,
            after[index] if index < len(after) else None,
            changed=True,
        )


def _with_gaps(rows: list[DiffRow]) -> list[DiffRow]:
    """Return rows without those that are far from any change."""
    near = bytearray(len(rows))
    for index, row in enumerate(rows):
        if row.changed:
            first = max(0, index - CONTEXT_LINES)
            last = min(len(rows), index + CONTEXT_LINES + 1)
            near[first:last] = b"\x01" * (last - first)
    kept: list[DiffRow] = []
    skipped = 0
    for index, row in enumerate(rows):
        if near[index]:
            kept += _gap(skipped)
            skipped = 0
            kept.append(row)
        else:
            skipped += 1
    return kept + _gap(skipped)


def _gap(lines: int) -> list[DiffRow]:
    if not lines:
        return []
    text = f"  ⋮ {lines} line{'' if lines == 1 else 's'} the same"
    return [DiffRow(((text, Role.DIM),), None, changed=False, title=True)]


# Laying out --------------------------------------------------------------------------------


def unified(rows: Sequence[DiffRow], width: int) -> list[Line]:
    """Return rows one below the other: what was before, then what is after."""
    lines: list[Line] = []
    pending: list[Line] = []
    for row in rows:
        if row.changed and not row.title:
            if row.before is not None:
                lines += _signed(_REMOVED, row.before, width)
            if row.after is not None:
                pending += _signed(_ADDED, row.after, width)
            continue
        lines += pending
        pending = []
        if row.before is not None:
            lines += [row.before] if row.title else _signed(_SAME, row.before, width)
    return lines + pending


def side_by_side(rows: Sequence[DiffRow], width: int) -> list[Line]:
    """Return rows with before at the left and after at the right."""
    half = (width - 3) // 2
    lines: list[Line] = []
    for row in rows:
        if row.title:
            lines.append(row.before or ())
            continue
        left = _signed(_REMOVED if row.changed else _SAME, row.before, half)
        right = _signed(_ADDED if row.changed else _SAME, row.after, half)
        for index in range(max(len(left), len(right))):
            left_line = left[index] if index < len(left) else ()
            right_line = right[index] if index < len(right) else ()
            padding: Piece = (" " * max(0, half - line_cells(left_line)), Role.PLAIN)
            lines.append((*left_line, padding, (" │ ", Role.DIM), *right_line))
    return lines


def _signed(sign: str, line: Line | None, width: int) -> list[Line]:
    """Return a line wrapped to `width`, with its sign in front of its first part."""
    if line is None:
        return []
    role = _ROLES[sign]
    # One colour for a changed line: what it is matters more than what it is made of.
    text = tuple((text, role) for text, _ in safe_line(line))
    wrapped = wrap_line(text, max(4, width - 4))
    return [
        ((f"  {sign if index == 0 else ' '} ", role), *part) for index, part in enumerate(wrapped)
    ]
