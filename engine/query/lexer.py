"""From text to tokens; any text whatever has tokens, and what is wrong with them is the parser's.

What counts as a field, so that people can paste what they like:

- A known name (`tier`, `created_at`, `metadata.x`, in any case) before an operator is always one.
  Around `<`, `>`, `=` and `!=` there may be spaces; after `:` there are none.
- A name that looks like a field is an error with a suggestion instead of a search that finds
  nothing: two or more lower-case letters and underscores, or a likely misspelling of a known name,
  before `:` and a value (`foo:bar`, `Teir:x`, `meta.source:chat`), before `=` and a value
  (`foo=bar`), or before `<` or `>` and a digit (`score>3`).
- Everything else is text to search for: `http://x`, `C:\\x`, `12:30`, `std::vector`, `TODO:x`,
  `note: text`, `x=5`, `vector<int>`, `->`, `example.com:80`.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple

from engine.query.fields import HAS, INDEX, METADATA, NAMES, closest, closest_name

QUOTED = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
KEY = r'[^\s"().:=<>!,]*+'
PATH = rf"(?:\.(?:{QUOTED}|{KEY}))"
SYMBOL = r"(?:[<>]=?|!=|==?)(?![<>=])"

SPACE = re.compile(r"\s*")
TERM = re.compile(
    rf"""(?P<open>\() | (?P<close>\)) | (?P<phrase>{QUOTED})(?P<star>\**) | (?P<unclosed>".*)
    | (?P<minus>-+(?=[^\s)>\-]))
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*+)(?P<path>{PATH}*+)
      (?: (?P<colon>:)(?P<after>{SYMBOL})? (?![<>=]) | (?P<spaces>\s*+)(?P<symbol>{SYMBOL}) )
    """,
    re.VERBOSE | re.DOTALL,
)
WORD = re.compile(r'[^\s"()]+')
VALUE = re.compile(
    rf'(?P<quoted>{QUOTED})(?P<star>\**)|(?P<unclosed>".*)|(?P<bare>[^\s"(),]+)', re.DOTALL
)
HAS_METADATA = re.compile(rf"{METADATA}{PATH}++", re.IGNORECASE)
JUNK = re.compile(r"[^\s)]+")
STRAY = re.compile(r"(?:[<>]=?|!=|==?)(?:[0-9].*)?")
PATH_PART = re.compile(rf"\.(?:({QUOTED})|({KEY}))", re.DOTALL)
ESCAPE = re.compile(r'\\([\\"])')
FIELD_LIKE = re.compile(r"[a-z_]{2,}")

NOT_IN_BARE_WORDS = "-<>=!"
"""A word that begins so is searched for as a phrase: unquoted it could join what is before it."""


class TokenKind(Enum):
    """What a token is."""

    OPEN = "("
    CLOSE = ")"
    AND = "and"
    OR = "or"
    NOT = "not"
    MINUS = "-"
    WORD = "word"
    PHRASE = "phrase"
    FIELD = "field"
    UNKNOWN = "unknown field"
    OPERATOR = "operator"
    VALUE = "value"
    COMMA = ","
    JUNK = "junk"
    """What is stuck to the end of a value."""
    STRAY = "stray operator"


PATHED = frozenset({METADATA, INDEX})
"""The names that a path may follow."""

KEYWORDS = {"and": TokenKind.AND, "or": TokenKind.OR, "not": TokenKind.NOT}


class Token(NamedTuple):
    """A piece of the text from `start` to `end`, and what it says without quotes and escapes."""

    kind: TokenKind
    start: int
    end: int
    text: str
    path: str = ""
    """Of a FIELD: the path of metadata or an index as written, from its first dot."""
    quoted: bool = False
    star: bool = False
    closed: bool = True


def tokenize(text: str) -> list[Token]:
    """Return the tokens of `text`, which may be anything; spaces are left out."""
    tokens: list[Token] = []
    position = _skip(text, 0)
    while position < len(text):
        position = _skip(text, _read_term(text, position, tokens))
    return tokens


def unquote(text: str) -> str:
    r"""Return what a quoted text says; the escapes are `\"` and `\\`."""
    inner = text[1:-1]
    return ESCAPE.sub(r"\1", inner) if "\\" in inner else inner


def quote(text: str) -> str:
    """Return `text` in quotes, so that `unquote` gives it back."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def split_path(path: str) -> tuple[str, ...] | None:
    """Return the keys of a path such as `.a."odd key"`, or None if a key is missing."""
    keys = []
    for quoted, bare in PATH_PART.findall(path):
        if not quoted and not bare:
            return None
        keys.append(unquote(quoted) if quoted else bare)
    return tuple(keys)


def is_bare_word(text: str, *, prefix: bool = False) -> bool:
    """Return whether `text` written without quotes is one free word, wherever it stands."""
    written = f"{text}*" if prefix else text
    if not WORD.fullmatch(text) or text[0] in NOT_IN_BARE_WORDS or text[-1] == "*":
        return False
    tokens = tokenize(written)
    return len(tokens) == 1 and tokens[0].kind is TokenKind.WORD


def _skip(text: str, position: int) -> int:
    match = SPACE.match(text, position)
    return match.end() if match else position


def _read_term(text: str, position: int, tokens: list[Token]) -> int:
    match = TERM.match(text, position)
    kind = match.lastgroup if match else None
    if match is None or (match["name"] is not None and not _is_field(text, match)):
        return _read_word(text, position, tokens)
    if match["name"] is not None:
        return _read_comparison(text, match, tokens)
    end = match.end()
    if kind == "open":
        tokens.append(Token(TokenKind.OPEN, position, end, "("))
    elif kind == "close":
        tokens.append(Token(TokenKind.CLOSE, position, end, ")"))
    elif kind == "minus":
        tokens.append(Token(TokenKind.MINUS, position, end, match["minus"]))
    else:
        tokens.append(_quoted_token(TokenKind.PHRASE, match, match["phrase"]))
    return end


def _read_word(text: str, position: int, tokens: list[Token]) -> int:
    match = WORD.match(text, position)
    if match is None:  # pragma: no cover - the other characters have tokens of their own
        return position + 1
    word, end = match[0], match.end()
    kind = TokenKind.WORD
    if len(word) <= 3 and word.lower() in KEYWORDS:
        kind = KEYWORDS[word.lower()]
    elif word[0] in "<>=!" and STRAY.fullmatch(word):
        kind = TokenKind.STRAY
    star = word[-1] == "*"
    tokens.append(Token(kind, position, end, word.rstrip("*") if star else word, star=star))
    return end


def _quoted_token(kind: TokenKind, match: re.Match[str], quoted: str | None) -> Token:
    if quoted is None:
        inner = match["unclosed"][1:]
        return Token(kind, match.start(), match.end(), inner, quoted=True, closed=False)
    return Token(
        kind, match.start(), match.end(), unquote(quoted), quoted=True, star=bool(match["star"])
    )


def _is_field(text: str, match: re.Match[str]) -> bool:
    name, path = match["name"], match["path"]
    lowered = name.lower()
    if path:
        # Other dotted names are host names, modules and file names far more often than fields.
        return lowered in PATHED or closest(lowered, [METADATA]) is not None
    return lowered in NAMES or _looks_like_field(text, match, name)


def _looks_like_field(text: str, match: re.Match[str], name: str) -> bool:
    following = text[match.end() : match.end() + 1]
    if match["spaces"] or len(name) < 2:
        return bool(match["spaces"]) and _is_misspelt(name)
    if not following or following.isspace() or following in ")/\\:":
        return False
    if match["symbol"] and match["symbol"][0] in "<>" and not following.isdigit():
        return _is_misspelt(name)
    return FIELD_LIKE.fullmatch(name) is not None or _is_misspelt(name)


def _is_misspelt(name: str) -> bool:
    return closest_name(name, 0.75) is not None


def _read_comparison(text: str, match: re.Match[str], tokens: list[Token]) -> int:
    name, path = match["name"].lower(), match["path"]
    known = name in PATHED if path else name in NAMES
    kind = TokenKind.FIELD if known else TokenKind.UNKNOWN
    end_of_name = match.end("path")
    tokens.append(
        Token(kind, match.start(), end_of_name, match["name"] if not known else name, path)
    )
    symbol = match["after"] or match["colon"] or match["symbol"]
    start_of_operator = end_of_name + len(match["spaces"] or "")
    tokens.append(Token(TokenKind.OPERATOR, start_of_operator, match.end(), symbol))
    position = match.end() if symbol == ":" else _skip(text, match.end())
    return _read_values(text, position, name, tokens)


def _read_values(text: str, position: int, name: str, tokens: list[Token]) -> int:
    while True:
        end = _read_value(text, position, name, tokens)
        if end == position or not text.startswith(",", end):
            break
        tokens.append(Token(TokenKind.COMMA, end, end + 1, ","))
        position = end + 1
    junk = JUNK.match(text, end) if end > position else None
    if junk is None:
        return end
    tokens.append(Token(TokenKind.JUNK, end, junk.end(), junk[0]))
    return junk.end()


def _read_value(text: str, position: int, name: str, tokens: list[Token]) -> int:
    match = HAS_METADATA.match(text, position) if name == HAS else None
    if match is not None:
        path = match[0][len(METADATA) :]
        tokens.append(Token(TokenKind.VALUE, position, match.end(), match[0], path))
        return match.end()
    match = VALUE.match(text, position)
    if match is None:
        return position
    bare = match["bare"]
    if bare is None:
        tokens.append(_quoted_token(TokenKind.VALUE, match, match["quoted"]))
    else:
        star = bare[-1] == "*"
        shorn = bare.rstrip("*") if star else bare
        tokens.append(Token(TokenKind.VALUE, position, match.end(), shorn, star=star))
    return match.end()
