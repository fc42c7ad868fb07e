"""What can be typed at the cursor of a query, which need not parse yet."""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.models import KINDS, TIERS
from engine.query.fields import FIELDS, HAS, INDEX, METADATA, OFFERED_NAMES
from engine.query.filter import Field, Part
from engine.query.lexer import PATHED, Token, TokenKind, tokenize
from engine.query.parser import DEFAULT_LIMITS

REST_OF_NAME = re.compile(r"[A-Za-z0-9_]*:?")
REST_OF_PATH = re.compile(r'[^\s"():=<>!,]*')
REST_OF_VALUE = re.compile(r'[^\s"(),]*')
REST_OF_QUOTED = re.compile(r'[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
NAME_START = re.compile(r"[A-Za-z_]*")

WORDS = {
    Field.TIER: TIERS,
    Field.KIND: KINDS,
}
STORED = frozenset({Field.TAG, Field.AGENT, Field.KIND, Field.SESSION})
"""The fields whose values the store knows."""

HAS_WORDS = (*(part.value for part in Part if part is not Part.METADATA), METADATA)


@dataclass(frozen=True, slots=True)
class Completion:
    """What fits at the cursor: `text[start:end]` is to be replaced by one of the words.

    `kind` is `field`, `value` or `none`. A value has the name of its `field`; for `tag`, `agent`,
    `kind`, `session`, `metadata` (a path of keys) and `index` (a name) the store knows more words
    that begin with `prefix`, the part before the cursor without quotes. Insert those as
    `quote_value` writes them.
    """

    kind: str
    prefix: str
    start: int
    end: int
    words: tuple[str, ...] = ()
    field: str = ""


def complete(text: str, cursor: int) -> Completion:
    """Return what can be typed at `cursor`; any text and any cursor have an answer."""
    cursor = min(max(cursor, 0), len(text))
    nothing = Completion("none", "", cursor, cursor)
    if len(text) > DEFAULT_LIMITS.query_chars_max:
        return nothing
    before = tokenize(text[:cursor])
    last = before[-1] if before else None
    if last is None or last.end < cursor or last.kind in (TokenKind.OPEN, TokenKind.MINUS):
        return _field(text, "", cursor, cursor) if _is_between(last) else nothing
    if last.kind in (TokenKind.VALUE, TokenKind.OPERATOR, TokenKind.COMMA):
        return _value(text, before, cursor) or nothing
    if last.kind in (TokenKind.WORD, TokenKind.AND, TokenKind.OR, TokenKind.NOT):
        return _word(text, last, cursor) or nothing
    return nothing


def _is_between(last: Token | None) -> bool:
    return last is None or last.kind is not TokenKind.OPERATOR


def _word(text: str, last: Token, cursor: int) -> Completion | None:
    typed = text[last.start : cursor]
    if not typed.strip("-"):
        # A dash with nothing after it yet is a word to the lexer.
        return _field(text, "", cursor, cursor)
    for name in (METADATA, INDEX):
        if typed.lower().startswith(f"{name}."):
            return _path(text, last.start + len(name) + 1, cursor, name)
    if not NAME_START.fullmatch(typed):
        return None
    found = _field(text, typed, last.start, cursor)
    return found if found.words else None


def _field(text: str, typed: str, start: int, cursor: int) -> Completion:
    match = REST_OF_NAME.match(text, cursor) if typed else None
    words = tuple(
        f"{name}." if name in PATHED else f"{name}:"
        for name in (*OFFERED_NAMES, INDEX)
        if name.startswith(typed.lower())
    )
    return Completion("field", typed, start, match.end() if match else cursor, words)


def _path(text: str, start: int, cursor: int, field: str) -> Completion:
    match = REST_OF_PATH.match(text, cursor)
    end = match.end() if match else cursor
    return Completion("value", text[start:cursor], start, end, field=field)


def _value(text: str, before: list[Token], cursor: int) -> Completion | None:
    name = next(token for token in reversed(before) if token.kind in FIELD_KINDS)
    symbol = before[before.index(name) + 1].text
    last = before[-1]
    start = last.start if last.kind is TokenKind.VALUE else cursor
    if last.quoted and last.closed:
        return None
    if name.text == HAS:
        return _part(text, start, cursor)
    field = FIELDS.get(name.text)
    if field is None or symbol[0] in "<>" or not (field in STORED or field in WORDS):
        return None
    prefix = last.text if last.kind is TokenKind.VALUE else ""
    words = tuple(word for word in WORDS.get(field, ()) if word.startswith(prefix.lower()))
    end = _end_of_value(text, cursor, quoted=last.quoted)
    return Completion("value", prefix, start, end, words, field.value)


def _part(text: str, start: int, cursor: int) -> Completion | None:
    typed = text[start:cursor].lower()
    if typed.startswith(f"{METADATA}."):
        return _path(text, start + len(METADATA) + 1, cursor, METADATA)
    words = tuple(word for word in HAS_WORDS if word.startswith(typed))
    end = _end_of_value(text, cursor, quoted=False)
    return Completion("value", typed, start, end, words, HAS)


def _end_of_value(text: str, cursor: int, *, quoted: bool) -> int:
    match = (REST_OF_QUOTED if quoted else REST_OF_VALUE).match(text, cursor)
    return match.end() if match else cursor


FIELD_KINDS = frozenset({TokenKind.FIELD, TokenKind.UNKNOWN})
