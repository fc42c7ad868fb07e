"""Ranked full text in bounded time, whatever is asked.

SQLite's bm25() scores every match of every word: seconds for ordinary words at a million items.
Here each word contributes its newest matches up to a cap; items are ordered by the summed rarity
of the words they have, and the best few are read and scored with BM25 (Robertson & Zaragoza 2009,
k1 = 1.2, b = 0.75). Words too common to tell items apart are left out. The result says both.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from heapq import nsmallest
from typing import Final

from engine.models import Item, SearchHit, SearchResult
from engine.procedures.base import Procedure, Statement
from engine.procedures.items import load_items
from engine.procedures.names import json_values
from engine.procedures.selection import Reading, load_statistics, resolve_names
from engine.query.conditions import Condition, compile_filter
from engine.query.filter import And, Compare, Field, Filter, Operator
from engine.query.shape import conjuncts, scoped_match, shape_of
from engine.serialization import PickledContent
from engine.text import (
    BEGUN_CHARS_MIN,
    COMMON_WORDS,
    find_stems,
    is_beginning,
    is_begun,
    match_expression,
    query_words,
    searchable_text,
    words_of,
)

MATCHES_PER_WORD: Final = 1_000
SAMPLE: Final = 200
"""Newest matches from which a word's frequency is judged before more are fetched."""
COMMON_SHARE: Final = 0.1
"""A word in more than this part of the items is left out beside rarer ones."""
COMMON_MIN: Final = 50
"""A word in so few items is not common, however small the store."""
SCORED_MAX: Final = 36
SCORED_CHARS_MAX: Final = 4_000
SNIPPET_CHARS: Final = 160
K1: Final = 1.2
B: Final = 0.75
MEAN_WORDS: Final = 80


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a question: its FTS5 expression, its stems, the newest items that have it."""

    text: str
    expression: str
    stems: frozenset[str]
    prefix: bool
    keys: tuple[int, ...]
    frequency: float
    """Estimated number of items with the word, in the scope of the search."""
    capped: bool = False
    """Whether there are older items with the word that were not looked at."""


def search_items(
    reading: Reading, words: str, node: Filter, now: int, *, limit: int, prefix: bool
) -> Procedure[SearchResult]:
    """Return the items that answer `words` best among those that match the filter `node`."""
    asked = query_words(words)
    telling = [word for word in asked if word.casefold() not in COMMON_WORDS] or asked
    scope = yield from _scope(reading, node, now)
    found: list[Word] = []
    for position, text in enumerate(telling):
        last = prefix and text == asked[-1] and position == len(telling) - 1
        word = yield from _find_word(text, scope, prefix=last)
        if word is not None:
            found.append(word)
    common = max(COMMON_SHARE * scope.items, COMMON_MIN)
    kept = [word for word in found if word.frequency <= common]
    kept = kept or sorted(found, key=lambda word: word.frequency)[:3]
    complete: list[Word] = []
    for word in kept:
        complete.append((yield from _complete(word, scope)))
    hits = yield from _rank(reading, complete, scope, limit)
    return SearchResult(
        hits=tuple(hits),
        dropped_words=tuple(text for text in asked if text not in {word.text for word in kept}),
        capped=any(word.capped for word in complete),
    )


@dataclass(frozen=True, slots=True)
class Scope:
    """Where to search: one agent or all, how many items that is, and what else must hold."""

    agent: int | None
    items: int
    filter: Condition | None
    possible: bool


def _scope(reading: Reading, node: Filter, now: int) -> Procedure[Scope]:
    keys = yield from resolve_names(reading.names, node)
    statistics = yield from load_statistics(reading.statistics)
    shape = shape_of(node, keys, now)
    rest = tuple(
        part
        for part in conjuncts(node)
        if not (
            isinstance(part, Compare) and part.field is Field.AGENT and part.operator is Operator.EQ
        )
    )
    condition = compile_filter(And(rest), keys, now) if rest else None
    items = statistics.of(shape.agent, None, None)
    return Scope(shape.agent, max(items, 1), condition, not shape.impossible)


_NEWEST: Final = "SELECT rowid FROM items_text WHERE items_text MATCH ? ORDER BY rowid DESC LIMIT ?"


_OLDER: Final = (
    "SELECT rowid FROM items_text WHERE items_text MATCH ? AND rowid < ? "
    "ORDER BY rowid DESC LIMIT ?"
)


def _find_word(text: str, scope: Scope, *, prefix: bool) -> Procedure[Word | None]:
    """Look at the newest matches of a word; None if nothing has it."""
    prefix = prefix and is_beginning(text)
    expression = match_expression(text, prefix=prefix)
    if expression is None or not scope.possible:
        return None
    rows = yield Statement(_NEWEST, (scoped_match([expression], scope.agent), SAMPLE))
    if not rows:
        return None
    keys = tuple(key for (key,) in rows)
    stems = frozenset(found for found, _, _ in words_of(text))
    return Word(text, expression, stems, prefix, keys, _frequency(keys, SAMPLE, scope))


def _frequency(keys: tuple[int, ...], cap: int, scope: Scope) -> float:
    """Estimate how many items have a word: exact below the cap, else by how dense they lie."""
    if len(keys) < cap:
        return float(len(keys))
    # Row keys are spread over all agents; the newest key stands for the number of items.
    density = len(keys) / max(keys[0] - keys[-1], 1)
    return min(float(scope.items), max(density * keys[0], float(cap)))


def _complete(word: Word, scope: Scope) -> Procedure[Word]:
    """Fetch a word's matches up to the cap, those that pass the filter."""
    match = scoped_match([word.expression], scope.agent)
    keys = word.keys
    if len(keys) >= SAMPLE:
        rows = yield Statement(_OLDER, (match, keys[-1], MATCHES_PER_WORD - len(keys)))
        keys += tuple(key for (key,) in rows)
    capped = len(keys) >= MATCHES_PER_WORD
    if scope.filter is not None and keys:
        rows = yield Statement(
            "SELECT i.item_key FROM items i WHERE i.item_key IN "
            f"(SELECT value FROM json_each(?)) AND ({scope.filter.sql})",
            (json_values(keys), *scope.filter.values),
        )
        keys = tuple(key for (key,) in rows)
    frequency = _frequency(word.keys, SAMPLE, scope)
    return Word(word.text, word.expression, word.stems, word.prefix, keys, frequency, capped)


def _rank(
    reading: Reading, words: list[Word], scope: Scope, limit: int
) -> Procedure[list[SearchHit]]:
    rarity = {word.text: _rarity(word.frequency, scope.items) for word in words}
    sums: dict[int, float] = {}
    for word in words:
        for key in word.keys:
            sums[key] = sums.get(key, 0.0) + rarity[word.text]
    best = nsmallest(max(SCORED_MAX, limit), sums, key=lambda key: (-sums[key], -key))
    items = yield from load_items(reading.names, reading.accesses, best)
    wanted = Wanted.of(words)
    read = [_read(item, wanted) for item in items]
    scores = [_score(one, words, rarity) for one in read]
    order = nsmallest(limit, range(len(items)), key=lambda n: (-scores[n], n))
    return [_hit(read[n], scores[n]) for n in order]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The stems that a search asks for, whole or as beginnings."""

    whole: frozenset[str]
    begun: tuple[Word, ...]

    @classmethod
    def of(cls, words: Iterable[Word]) -> Wanted:
        """Return what these words ask for."""
        words = tuple(words)
        return cls(
            frozenset(stem for word in words for stem in word.stems),
            tuple(word for word in words if word.prefix),
        )

    @property
    def beginnings(self) -> frozenset[str]:
        """How the stems begin that are asked for; a stem may be shorter than what was typed."""
        return self.whole | {word.text.casefold()[:BEGUN_CHARS_MIN] for word in self.begun}

    def __call__(self, stem: str) -> bool:
        """Return whether a stem is one of them."""
        return stem in self.whole or any(_is_match(word, stem) for word in self.begun)


@dataclass(frozen=True, slots=True)
class _Read:
    """An item, the part of its text that is scored, and where in it what was asked for is."""

    item: Item
    text: str
    places: list[tuple[str, int, int]]
    stems: list[str]
    """Those of the places, and of the id."""
    length: int


def _read(item: Item, wanted: Wanted) -> _Read:
    text = _readable(item)[:SCORED_CHARS_MAX]
    places = find_stems(text, wanted.beginnings, wanted)
    in_id = find_stems(item.id, wanted.beginnings, wanted)
    stems = [stem for stem, _, _ in (*places, *in_id)]
    # In scripts without spaces a word is a character or two.
    length = len(text.split()) if text.isascii() else max(len(text.split()), len(text) // 2)
    return _Read(item, text, places, stems, length)


def _rarity(frequency: float, items: int) -> float:
    """Return BM25's inverse document frequency, never negative."""
    return math.log(1.0 + (max(items - frequency, 0.0) + 0.5) / (frequency + 0.5))


def _score(read: _Read, words: list[Word], rarity: dict[str, float]) -> float:
    length = 1.0 - B + B * read.length / MEAN_WORDS
    total = 0.0
    for word in words:
        if word.prefix:
            count = sum(_is_match(word, stem) for stem in read.stems)
        else:
            count = sum(stem in word.stems for stem in read.stems)
        # In a long text the word may stand behind the part that was looked at.
        count = count or len(read.text) // SCORED_CHARS_MAX
        total += rarity[word.text] * count * (K1 + 1.0) / (count + K1 * length)
    return total


def _hit(read: _Read, score: float) -> SearchHit:
    spans = sorted({(start, end) for _, start, end in read.places})
    snippet, highlights = _snippet(read.text, spans)
    return SearchHit(item=read.item, score=score, snippet=snippet, highlights=highlights)


def _is_match(word: Word, stem: str) -> bool:
    if stem in word.stems:
        return True
    return word.prefix and is_begun(stem, word.text.casefold())


def _readable(item: Item) -> str:
    content = item.content
    if isinstance(content, str):
        return content
    if isinstance(content, (bytes, PickledContent)):
        return ""
    return searchable_text("", content).lstrip("\n")


def _snippet(
    text: str, spans: Iterable[tuple[int, int]]
) -> tuple[str, tuple[tuple[int, int], ...]]:
    """Return the stretch of `text` with the most matches, and where in it they are."""
    spans = list(spans)
    begin = 0
    if spans and len(text) > SNIPPET_CHARS:
        starts = [max(0, start - 20) for start, _ in spans[:50]]
        begin = max(starts, key=lambda b: sum(b <= s and e <= b + SNIPPET_CHARS for s, e in spans))
    end = begin + SNIPPET_CHARS
    inside = tuple((s - begin, e - begin) for s, e in spans if s >= begin and e <= end)
    return text[begin:end], inside
