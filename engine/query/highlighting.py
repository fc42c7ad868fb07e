"""The parts of a query that have a colour, while it is typed and after."""

from __future__ import annotations

from typing import TypeAlias

from engine.errors import InvalidFilterError
from engine.query.lexer import Token, TokenKind, tokenize
from engine.query.parser import DEFAULT_LIMITS, parse

Style: TypeAlias = tuple[int, int, str]

STYLES = {
    TokenKind.OPEN: "operator",
    TokenKind.CLOSE: "operator",
    TokenKind.AND: "keyword",
    TokenKind.OR: "keyword",
    TokenKind.NOT: "keyword",
    TokenKind.MINUS: "negation",
    TokenKind.WORD: "word",
    TokenKind.PHRASE: "phrase",
    TokenKind.FIELD: "field",
    TokenKind.UNKNOWN: "error",
    TokenKind.OPERATOR: "operator",
    TokenKind.VALUE: "value",
    TokenKind.COMMA: "operator",
    TokenKind.JUNK: "error",
    TokenKind.STRAY: "error",
}


def highlight(text: str) -> list[Style]:
    """Return the parts as (start, end, style) in order; what does not parse is an `error`.

    The styles are field, operator, value, phrase, word, keyword, negation and error. Any text
    has an answer; the part of it that is too long to parse is one error.
    """
    readable = text[: DEFAULT_LIMITS.query_chars_max]
    fault = _fault(readable)
    styles = [_style(token, fault) for token in tokenize(readable)]
    if len(text) > len(readable):
        styles.append((len(readable), len(text), "error"))
    return styles


def _style(token: Token, fault: tuple[int, int] | None) -> Style:
    wrong = fault is not None and token.start < fault[1] and token.end > fault[0]
    return token.start, token.end, "error" if wrong else STYLES[token.kind]


def _fault(text: str) -> tuple[int, int] | None:
    try:
        parse(text)
    except InvalidFilterError as error:
        start = error.position or 0
        return start, start + error.length
    return None
