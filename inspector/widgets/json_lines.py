"""JSON source as indented, coloured lines; also of a beginning that was cut anywhere. Pure.

It works on tokens, never on values: large numbers, duplicate keys and nesting of any depth are
shown as they are stored, and a cut or faulty text is shown as far as it goes.
"""

from __future__ import annotations

import json
import re
from typing import Any

from inspector.display import visible
from inspector.widgets.roles import Line, Piece, Role

_INDENT = "  "
_DEPTH_MAX = 24
"""Deeper levels are indented no further: the text shall stay in view."""
_INLINE_CHARACTERS_MAX = 60

_TOKEN = re.compile(
    r'(?P<string>"(?:[^"\\]|\\.)*"?)'
    r"|(?P<number>-?\d[0-9.eE+-]*)"
    r"|(?P<literal>true|false|null|NaN|-?Infinity)"
    r"|(?P<mark>[{}\[\],:])"
    r"|(?P<space>\s+)"
    r"|(?P<other>[^{}\[\],:\"\s]+|\S)",
    re.DOTALL,
)
_ROLES = {
    "string": Role.STRING,
    "number": Role.NUMBER,
    "literal": Role.LITERAL,
    "other": Role.PLAIN,
}
_CLOSING = {"{": "}", "[": "]"}

_Token = tuple[str, str]


def json_source(value: Any) -> str:
    """Return the JSON text of a value, in characters rather than escapes."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def json_lines(source: str) -> list[Line]:
    """Return JSON source, or its beginning, as lines."""
    tokens: list[_Token] = [
        (match.lastgroup or "other", match[0])
        for match in _TOKEN.finditer(visible(source))
        if match.lastgroup != "space"
    ]
    return _Printer(tokens).lines()


def source_lines(source: str, role: Role = Role.PLAIN) -> list[Line]:
    """Return text as it is, one line for each of its own."""
    return [((line, role),) for line in visible(source).split("\n")]


class _Printer:
    """Lays tokens out in lines."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._lines: list[Line] = []
        self._current: list[Piece] = []
        self._depth = 0

    def lines(self) -> list[Line]:
        """Return the lines of all tokens."""
        index = 0
        while index < len(self._tokens):
            index = self._step(index)
        if self._current:
            self._lines.append(tuple(self._current))
        return self._lines

    def _step(self, index: int) -> int:
        """Lay out one token, or a short list at once; return the index of the next."""
        kind, text = self._tokens[index]
        if kind != "mark":
            is_key = kind == "string" and self._mark_at(index + 1) == ":"
            self._add(text, Role.KEY if is_key else _ROLES[kind])
            return index + 1
        if text in _CLOSING:
            return self._open(index, text)
        if text in "}]":
            self._depth = max(0, self._depth - 1)
            self._break()
            self._add(text, Role.PUNCTUATION)
        elif text == ",":
            self._add(text, Role.PUNCTUATION)
            self._break()
        else:
            self._add(": ", Role.PUNCTUATION)
        return index + 1

    def _open(self, index: int, bracket: str) -> int:
        end = self._inline_end(index, _CLOSING[bracket])
        if end is None:
            self._add(bracket, Role.PUNCTUATION)
            self._depth += 1
            self._break()
            return index + 1
        for kind, text in self._tokens[index : end + 1]:
            spaced = ", " if text == "," else text
            self._add(spaced, Role.PUNCTUATION if kind == "mark" else _ROLES[kind])
        return end + 1

    def _inline_end(self, index: int, closing: str) -> int | None:
        """Return where a list ends that fits on one line: an empty object, or a few scalars."""
        characters = 0
        for position in range(index + 1, len(self._tokens)):
            kind, text = self._tokens[position]
            if kind == "mark" and text == closing:
                return position if closing == "]" or position == index + 1 else None
            characters += len(text) + 1
            nested = kind == "mark" and text != ","
            if nested or closing == "}" or characters > _INLINE_CHARACTERS_MAX:
                return None
        return None

    def _mark_at(self, index: int) -> str:
        if index >= len(self._tokens):
            return ""
        kind, text = self._tokens[index]
        return text if kind == "mark" else ""

    def _add(self, text: str, role: Role) -> None:
        if not self._current and self._depth:
            self._current.append((_INDENT * min(self._depth, _DEPTH_MAX), Role.PLAIN))
        self._current.append((text, role))

    def _break(self) -> None:
        if self._current:
            self._lines.append(tuple(self._current))
            self._current = []
