"""The query language: from text to the tree.

    query   := all ("or" all)*
    all     := one ("and"? one)*
    one     := ("not" | "-")* ("(" query ")" | comparison | "phrase" | "phrase"* | word | word* | *)
    comparison := field operator value ("," value)*

`tier:working importance>=0.7 -tag:old created<30d "preferred language"`

Words and comparisons side by side must all hold; `or` binds less tightly. Keywords are `and`, `or`
and `not`, in any case. `field:a,b` is any of them, `field!=a,b` none of them; `field=a` is
`field:a`. A final `*` is a prefix, a `*` as the whole value means that there is one, and a `*`
alone is everything. In quotes nothing is special but `\\"` and `\\\\`. The module `lexer` says
which words before a colon are fields, `values` how durations, sizes and times are written.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.errors import InvalidFilterError
from engine.limits import Limits
from engine.query.comparisons import (
    compare_indexed,
    compare_metadata,
    compare_written,
    has_part,
    require_index_name,
    require_operator,
    require_path,
    unknown_field_hint,
)
from engine.query.fields import (
    FIELDS,
    HAS,
    INDEX,
    METADATA,
    OPERATORS,
    ORDERING,
    require_text,
    shown,
)
from engine.query.filter import EVERYTHING, Filter, HasMetadata, Operator, Text
from engine.query.lexer import NOT_IN_BARE_WORDS, Token, TokenKind, split_path, tokenize
from engine.query.tree import all_of, any_of, negate

DEPTH_MAX = 50
"""Parentheses in parentheses, and levels of a tree or mapping; more is refused, not a crash."""

DEFAULT_LIMITS = Limits()
QUOTE_HINT = 'to search for the text itself, put it in quotes: "..."'
HAS_HINT = "write has:tags, or has:metadata.key"
NEGATIONS = frozenset({TokenKind.NOT, TokenKind.MINUS})
ENDS = frozenset({TokenKind.CLOSE, TokenKind.OR})


def parse(text: str, *, limits: Limits = DEFAULT_LIMITS) -> Filter:
    """Return the tree for a query; an empty one is `EVERYTHING`, ages stay relative to now.

    Raises:
        InvalidFilterError: the text is no query; it knows where the fault is and what may help.
    """
    if len(text) > limits.query_chars_max:
        raise InvalidFilterError(
            f"the query is {len(text):,} characters; the limit is {limits.query_chars_max:,}",
            hint="use a shorter query",
            text=text,
            position=limits.query_chars_max,
            length=len(text) - limits.query_chars_max,
        )
    require_text("the query", text)
    return _Parser(text, limits.query_terms_max).query()


class _Parser:
    """Reads one text, once, from left to right."""

    def __init__(self, text: str, terms_max: int) -> None:
        self._text = text
        self._tokens = tokenize(text)
        self._at = 0
        self._depth = 0
        self._terms = 0
        self._terms_max = terms_max

    def query(self) -> Filter:
        if not self._tokens:
            return EVERYTHING
        tree = self._any()
        stray = self._peek()
        if stray is not None:
            raise self._fault(
                stray, "there is no open parenthesis here", "remove it, or " + QUOTE_HINT
            )
        return tree

    def _peek(self) -> Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _take(self, kind: TokenKind) -> Token | None:
        token = self._peek()
        if token is None or token.kind is not kind:
            return None
        self._at += 1
        return token

    def _fault(self, token: Token, message: str, hint: str) -> InvalidFilterError:
        return InvalidFilterError(
            message,
            hint=hint,
            text=self._text,
            position=token.start,
            length=token.end - token.start,
        )

    def _any(self) -> Filter:
        children = [self._all()]
        while self._take(TokenKind.OR):
            children.append(self._all())
        return any_of(children) if len(children) > 1 else children[0]

    def _all(self) -> Filter:
        children = [self._one()]
        while (token := self._peek()) is not None and token.kind not in ENDS:
            if token.kind is TokenKind.AND:
                self._at += 1
            children.append(self._one())
        return all_of(children) if len(children) > 1 else children[0]

    def _one(self) -> Filter:
        negative = False
        while (token := self._peek()) is not None and token.kind in NEGATIONS:
            # A run of dashes is one token; an even number of them takes itself back.
            negative ^= token.kind is TokenKind.NOT or len(token.text) % 2 == 1
            self._at += 1
        tree = self._primary()
        return negate(tree) if negative else tree

    def _primary(self) -> Filter:
        token = self._peek()
        if token is None or token.kind in ENDS or token.kind is TokenKind.AND:
            raise self._missing(token)
        self._at += 1
        kind = token.kind
        if kind is TokenKind.FIELD:
            return self._comparison(token)
        if kind is TokenKind.OPEN:
            return self._group(token)
        self._count(token)
        if kind is TokenKind.WORD:
            phrase = token.text[:1] in NOT_IN_BARE_WORDS
            return Text(token.text, phrase, token.star) if token.text else EVERYTHING
        if kind is TokenKind.PHRASE:
            return self._phrase(token)
        if kind is TokenKind.UNKNOWN:
            name = f"{token.text}{token.path}" if token.path else token.text
            raise self._fault(
                token, f"there is no field {shown(name)}", unknown_field_hint(token.text)
            )
        raise self._fault(
            token, f"{token.text} has no field before it", f"write field>=1; {QUOTE_HINT}"
        )

    def _missing(self, token: Token | None) -> InvalidFilterError:
        before = self._tokens[self._at - 1] if self._at else None
        if before is not None and before.kind is TokenKind.OPEN:
            return self._fault(before, "there is nothing in these parentheses", QUOTE_HINT)
        if before is not None:
            word = shown(self._text[before.start : before.end])
            return self._fault(before, f"nothing follows {word}", f"complete it; {QUOTE_HINT}")
        if token is None:  # pragma: no cover - a query without tokens is everything
            return InvalidFilterError("the query ends too early", text=self._text, position=0)
        word = shown(self._text[token.start : token.end])
        return self._fault(token, f"nothing comes before {word}", f"complete it; {QUOTE_HINT}")

    def _count(self, token: Token) -> None:
        self._terms += 1
        if self._terms > self._terms_max:
            raise self._fault(
                token, f"the query has more than {self._terms_max} terms", "use a shorter query"
            )

    def _group(self, opening: Token) -> Filter:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise self._fault(
                opening,
                f"parentheses are nested more than {DEPTH_MAX} deep",
                "use fewer parentheses",
            )
        tree = self._any()
        if self._take(TokenKind.CLOSE) is None:
            raise self._fault(opening, "this parenthesis is never closed", f"add ); {QUOTE_HINT}")
        self._depth -= 1
        return tree

    def _phrase(self, token: Token) -> Text:
        self._require_closed(token)
        if not token.text:
            raise self._fault(
                token, "there is nothing in these quotes", "write the words to search for"
            )
        return Text(token.text, phrase=True, prefix=token.star)

    def _require_closed(self, token: Token) -> None:
        if not token.closed:
            raise self._fault(token, "this quote is never closed", 'add " at the end')

    def _comparison(self, field: Token) -> Filter:
        symbol = self._take(TokenKind.OPERATOR) or field
        operator = OPERATORS[symbol.text]
        compare = self._comparer(field, symbol, operator)
        found = [self._value(field, symbol, compare)]
        while comma := self._take(TokenKind.COMMA):
            if operator not in (Operator.EQ, Operator.NE):
                raise self._fault(
                    comma,
                    f"{symbol.text} compares with one value, not a list",
                    "a list is field:a,b; numbers are written without commas",
                )
            found.append(self._value(field, comma, compare))
        junk = self._take(TokenKind.JUNK)
        if junk is not None:
            raise self._fault(
                junk, "this is stuck to the value before it", "add a space, or quote the value"
            )
        if len(found) == 1:
            return found[0]
        return all_of(found) if operator is Operator.NE else any_of(found)

    def _value(self, field: Token, before: Token, compare: Callable[[Token], Filter]) -> Filter:
        token = self._take(TokenKind.VALUE)
        if token is None:
            raise self._valueless(field, before)
        self._count(token)
        self._require_closed(token)
        if not token.quoted and token.text.startswith("'"):
            raise self._fault(
                token, "a value is quoted with \", not with '", 'write it like "this"'
            )
        try:
            return compare(token)
        except InvalidFilterError as error:
            raise self._fault(token, error.message, error.hint) from None

    def _valueless(self, field: Token, before: Token) -> InvalidFilterError:
        name = f"{field.text}{field.path}"
        if before.kind is TokenKind.COMMA:
            return self._fault(
                before, "nothing follows this comma", f"write {name}:a,b without spaces"
            )
        return self._fault(
            before,
            f"{shown(name)} has no value",
            f"write the value right after {before.text}, in quotes if it has spaces",
        )

    def _comparer(
        self, field: Token, symbol: Token, operator: Operator
    ) -> Callable[[Token], Filter]:
        if field.text == HAS:
            if operator in ORDERING:
                raise self._fault(symbol, f"has cannot be compared with {symbol.text}", HAS_HINT)
            return lambda token: self._has(operator, token)
        if field.text == METADATA:
            path = self._path(field, field.path)
            return lambda token: compare_metadata(
                path, operator, token.text, quoted=token.quoted, prefix=token.star
            )
        if field.text == INDEX:
            name = self._index(field)
            return lambda token: compare_indexed(
                name, operator, token.text, quoted=token.quoted, prefix=token.star
            )
        known = FIELDS[field.text]
        try:
            require_operator(known, operator)
        except InvalidFilterError as error:
            raise self._fault(symbol, error.message, error.hint) from None
        return lambda token: compare_written(known, operator, token.text, prefix=token.star)

    def _index(self, token: Token) -> str:
        try:
            return require_index_name(split_path(token.path))
        except InvalidFilterError as error:
            raise self._fault(token, error.message, error.hint) from None

    def _path(self, token: Token, written: str) -> tuple[str, ...]:
        path = split_path(written)
        if path is None:
            raise self._fault(
                token, "a key is missing in this metadata path", "write metadata.key:value"
            )
        try:
            require_path(path)
        except InvalidFilterError as error:
            raise self._fault(token, error.message, error.hint) from None
        return path

    def _has(self, operator: Operator, token: Token) -> Filter:
        found = HasMetadata(self._path(token, token.path)) if token.path else has_part(token.text)
        return negate(found) if operator is Operator.NE else found
