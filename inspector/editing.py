"""What is edited, as text and back: content, tags, metadata and importance. Pure.

Text that could command a terminal is edited in its escaped form; what the person does not touch
is never written back, so that an item keeps its bytes.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from inspector.display import EscapeError, escape_for_editing, unescape_from_editing

INLINE_CHARS_MAX = 64 * 1024
"""A key press in a text area grows with the text: 490 ms at 159 kB."""

MINE = "<<<<<<< mine"
MIDDLE = "======="
THEIRS = ">>>>>>> theirs"


class Form(Enum):
    """How content is written down while it is edited."""

    TEXT = "text"
    JSON = "json"
    BYTES = "bytes"
    """Not as text: only the other fields can be edited."""


class EditError(ValueError):
    """What was typed means nothing; line and column (from 1) say where, if known."""

    def __init__(
        self, message: str, *, field: str, line: int | None = None, column: int | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.line = line
        self.column = column

    def __str__(self) -> str:
        if self.line is None:
            return f"{self.field}: {self.message}"
        return f"{self.field}, line {self.line}, column {self.column}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Content as it is edited."""

    form: Form
    text: str

    @property
    def inline(self) -> bool:
        """True if it is small enough for the text area."""
        return len(self.text) <= INLINE_CHARS_MAX


def draft_of(content: Any) -> Draft:
    """Return `content` in the form in which it is edited."""
    if isinstance(content, str):
        return Draft(form=Form.TEXT, text=escape_for_editing(content))
    if content is None or isinstance(content, bool | int | float | list | dict):
        source = json.dumps(content, ensure_ascii=False, indent=2)
        return Draft(form=Form.JSON, text=escape_for_editing(source))
    return Draft(form=Form.BYTES, text="")


def content_of(draft: Draft) -> Any:
    """Return the content that the draft stands for.

    Raises:
        EditError: it is not JSON, or has an escape that means nothing.
    """
    source = _unescaped(draft.text, field="content")
    return source if draft.form is Form.TEXT else json_of(source, field="content")


def _unescaped(text: str, *, field: str) -> str:
    try:
        return unescape_from_editing(text)
    except EscapeError as error:
        line, column = _place(text, error.position)
        raise EditError(
            "this escape means nothing", field=field, line=line, column=column
        ) from error


def json_of(source: str, *, field: str) -> Any:
    """Return the JSON value in `source`.

    Raises:
        EditError: it is not JSON; line and column are those of the escaped text.
    """
    try:
        # Not strict: a control character that was typed in its escaped form is meant.
        return json.loads(
            source,
            strict=False,
            parse_constant=_no_constant,
            object_pairs_hook=_object_without_duplicates,
        )
    except json.JSONDecodeError as error:
        line, column = _place(*_escaped_place(source, error.pos))
        raise EditError(error.msg, field=field, line=line, column=column) from error
    except RecursionError as error:
        raise EditError("nested too deeply", field=field) from error
    except ValueError as error:
        # Not JSON's own error: a number that JSON lacks, a key twice, too many digits.
        raise EditError(str(error), field=field) from error


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON value")


def _object_without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} is there twice")
    return value


def _escaped_place(source: str, position: int) -> tuple[str, int]:
    return escape_for_editing(source), len(escape_for_editing(source[:position]))


def _place(text: str, position: int) -> tuple[int, int]:
    before = text[:position]
    return before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1


def metadata_text(metadata: Any) -> str:
    """Return metadata as it is edited; nothing for an empty object."""
    if not metadata:
        return ""
    return escape_for_editing(json.dumps(dict(metadata), ensure_ascii=False, indent=2))


def metadata_of(text: str) -> dict[str, Any]:
    """Return the metadata that was typed.

    Raises:
        EditError: it is not a JSON object.
    """
    if not text.strip():
        return {}
    value = json_of(_unescaped(text, field="metadata"), field="metadata")
    if not isinstance(value, dict):
        raise EditError('must be a JSON object, such as {"source": "chat"}', field="metadata")
    return value


def importance_of(text: str) -> float:
    """Return the importance that was typed.

    Raises:
        EditError: it is not a number from 0 to 1.
    """
    try:
        value = float(text)
    except ValueError as error:
        raise EditError("must be a number from 0 to 1", field="importance") from error
    if not 0 <= value <= 1:
        raise EditError("must be from 0 to 1", field="importance")
    return value


def name_of(text: str, *, field: str) -> str:
    """Return a name (agent, kind, id) that was typed in its escaped form.

    Raises:
        EditError: it is empty.
    """
    name = _unescaped(text.strip(), field=field)
    if not name:
        raise EditError("must not be empty", field=field)
    return name


_PLAIN_TAG = re.compile(r'[^\s,"]+')
_NEXT_TAG = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))\s*,?')


def tags_text(tags: Iterable[str]) -> str:
    """Return tags as they are edited: separated by spaces, odd ones in double quotes."""
    return " ".join(_tag_text(tag) for tag in sorted(tags))


def _tag_text(tag: str) -> str:
    escaped = escape_for_editing(tag)
    if _PLAIN_TAG.fullmatch(escaped):
        return escaped
    return '"' + escaped.replace("\\", "\\\\").replace('"', '\\"') + '"'


def tags_of(text: str) -> frozenset[str]:
    """Return the tags that were typed, separated by spaces or commas.

    Raises:
        EditError: a quote is not closed.
    """
    tags: set[str] = set()
    position = 0
    stripped = text.rstrip()
    while position < len(stripped):
        match = _NEXT_TAG.match(stripped, position)
        if match is None:
            raise EditError('a double quote (") is not closed', field="tags")
        quoted, plain = match.groups()
        written = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        tag = _unescaped(written, field="tags")
        if tag:
            tags.add(tag)
        position = match.end()
    return frozenset(tags)


def merge_text(mine: str, theirs: str) -> str:
    """Return both texts in one, with marks around the lines in which they differ."""
    mine_lines, their_lines = mine.splitlines(), theirs.splitlines()
    merged: list[str] = []
    matcher = difflib.SequenceMatcher(a=mine_lines, b=their_lines, autojunk=False)
    for tag, mine_from, mine_to, their_from, their_to in matcher.get_opcodes():
        if tag == "equal":
            merged += mine_lines[mine_from:mine_to]
        else:
            merged += [
                MINE,
                *mine_lines[mine_from:mine_to],
                MIDDLE,
                *their_lines[their_from:their_to],
                THEIRS,
            ]
    return "\n".join(merged)


def unresolved_line(text: str) -> int | None:
    """Return the line (from 1) of a mark that `merge_text` made and that is still there."""
    for number, line in enumerate(text.splitlines(), start=1):
        if line in (MINE, THEIRS):
            return number
    return None


DAYS_MAX = 36_500


def days_of(text: str) -> float | None:
    """Return for how many days something is kept, None (of nothing) for ever.

    Raises:
        EditError: it is no number of days, less than one, or more than a century.
    """
    if not text.strip():
        return None
    try:
        days = float(text)
    except ValueError:
        raise EditError(f"{text.strip()!r} is no number", field="days") from None
    if not 1 <= days <= DAYS_MAX:
        raise EditError(f"use 1 to {DAYS_MAX:,}, or nothing for ever", field="days")
    return days
