"""What full text sees of an item, and how words are matched: English, identifiers, CJK.

SQLite's tokenizers find no Chinese or Japanese and no part of `getUserName`, so the text is
prepared before it is indexed: characters of scripts without spaces become words of their own
(a query for several becomes a phrase), identifiers are split at their humps and kept whole as well.
The same preparation of the old content removes it from the index: it must stay a pure function
of the content. Change `TEXT_VERSION` with it.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

import snowballstemmer

TEXT_VERSION: Final = 1
INDEXED_CHARS_MAX: Final = 200_000
"""Of one item's text in the index; what follows is stored and shown, but not found."""

ALONE: Final = (
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303c\u3041-\u3096\u309d-\u309f"
    "\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u3131-\u318e\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\ua960-\ua97c\uac00-\ud7a3\ud7b0-\ud7fb\uf900-\ufaff\uff66-\uffdc"
    "\u2600-\u27bf\U0001f000-\U0001faff\U00020000-\U0003ffff"
)
"""Characters that are a word each: scripts written without spaces, and pictures."""

_ALONE = re.compile(f"([{ALONE}])")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
# Begins with the capital, so that the search skips from one to the next.
_HUMP_SOMEWHERE = re.compile(r"[A-Z](?:(?<=[a-z0-9][A-Z])|(?<=[A-Z][A-Z])(?=[a-z]))")
_HUMPED_WORD = re.compile(r"\b[A-Za-z0-9]*(?:[a-z0-9][A-Z]|[A-Z]{2}[a-z])[A-Za-z0-9]*\b")
_PLAIN = frozenset(string.ascii_letters + string.digits)
_PLAIN_RUN = re.compile(r"[A-Za-z0-9]*")
_WORD = re.compile(rf"[{ALONE}]|[^\W_]+", re.UNICODE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def searchable_text(item_id: str, content: Any) -> str:
    """Return what the full-text index is given for an item: its id and its content's words."""
    parts: list[str] = [item_id]
    _collect(content, parts)
    return prepare("\n".join(parts)[:INDEXED_CHARS_MAX])


def _collect(value: Any, parts: list[str]) -> None:
    """Append the texts of a JSON value, keys included; iteratively, since it may be deep."""
    stack = [value]
    while stack:
        value = stack.pop()
        if isinstance(value, str):
            parts.append(value)
        elif isinstance(value, dict):
            parts.extend(value)
            stack.extend(reversed(value.values()))
        elif isinstance(value, list):
            stack.extend(reversed(value))
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            parts.append(str(value))


def prepare(text: str) -> str:
    """Return `text` such that a tokenizer for spaced scripts finds all its words."""
    if not text.isascii():
        text = " ".join(_ALONE.split(unicodedata.normalize("NFKC", text)))
    humps = [match.start() for match in _HUMP_SOMEWHERE.finditer(text)]
    if not humps:
        return text
    split = " ".join([text[begin:end] for begin, end in pairwise((0, *humps, len(text)))])
    return f"{split}\n{' '.join(_humped_words(text, humps))}"


def _humped_words(text: str, humps: Iterable[int]) -> Iterator[str]:
    """Yield what `_HUMPED_WORD` finds, given where the humps are.

    A pattern that may begin anywhere tries everywhere, and that was a third of packing an item.
    """
    end = 0
    for hump in humps:
        if hump < end:
            continue
        begin, end = _run_around(text, hump)
        if not (_is_word(text[begin - 1 : begin]) or _is_word(text[end : end + 1])):
            yield text[begin:end]


def _is_word(character: str) -> bool:
    """Return whether a character is of a word as `\\b` has it; the edge of a text is not."""
    return character.isalnum() or character == "_"


def match_expression(text: str, *, prefix: bool = False) -> str | None:
    """Return an FTS5 expression that matches `text` as a phrase; None if it has no word.

    Every word is quoted, so that no input is a syntax error. An identifier matches split or whole.
    """
    phrase = _quoted(_split(text))
    if phrase is None:
        return None
    star = " *" if prefix else ""
    if prefix and text.isascii() and text.isalpha() and not _HUMPED_WORD.search(text):
        stems = [f'"{stem}"' for stem in _begun(text.lower())]
        return f"({' OR '.join([f'{phrase} *', *stems])})"
    whole = _quoted(_CONTROL.sub(" ", unicodedata.normalize("NFKC", text)))
    if _HUMPED_WORD.search(text) and whole != phrase:
        return f"({phrase}{star} OR {whole}{star})"
    return f"{phrase}{star}"


ENDING_MAX: Final = 5
BEGUN_CHARS_MIN: Final = 3
"""What is being typed is not taken for the beginning of a word, or of a stem, before this.

There is no index of beginnings (it was a ninth of a store): at a million items, to go through the
words that begin with two letters takes a third of a second.
"""


def is_beginning(text: str) -> bool:
    """Return whether enough of the last word of `text` is there to look for longer ones."""
    words = _WORD.findall(text)
    return bool(words) and len(words[-1]) >= BEGUN_CHARS_MIN


def _begun(word: str) -> list[str]:
    """Return the shorter beginnings of a word that may be the stem of what is being typed.

    `preferred` is indexed as `prefer`: on the way to it, `preferre` is the beginning of nothing.
    """
    return [
        word[:end]
        for end in range(len(word) - 1, max(BEGUN_CHARS_MIN - 1, len(word) - ENDING_MAX - 1), -1)
    ]


def is_begun(stem: str, typed: str) -> bool:
    """Return whether a word with this stem may be what `typed` is the beginning of."""
    return stem.startswith(typed) or stem in _begun(typed)


def _split(text: str) -> str:
    text = _CONTROL.sub(" ", unicodedata.normalize("NFKC", text))
    return _HUMP.sub(" ", _ALONE.sub(r" \1 ", text))


def _quoted(text: str) -> str | None:
    if _WORD.search(text) is None:
        return None
    return '"' + " ".join(text.replace('"', " ").split()) + '"'


def query_words(text: str) -> list[str]:
    """Return what a person typed as words to search for, each once and in order.

    A run of characters that are words of their own stays together: it is searched as a phrase.
    """
    text = _CONTROL.sub(" ", unicodedata.normalize("NFKC", text))
    runs = re.findall(rf"[{ALONE}]+|[^\s{ALONE}]+", text)
    return list(dict.fromkeys(run for run in runs if _WORD.search(run)))


def words_of(text: str) -> list[tuple[str, int, int]]:
    """Return the stem, start and end of every word of `text`, as the index would see it."""
    return [
        (stem, match.start() + begin, match.start() + end)
        for match in _WORD.finditer(text)
        for stem, begin, end in _analysed(match.group())
    ]


def find_stems(
    text: str, wanted: Iterable[str], is_wanted: Callable[[str], bool]
) -> list[tuple[str, int, int]]:
    """Return those of `words_of` whose stem is wanted.

    `wanted` are stems, or beginnings of stems, one of which each stem begins like that
    `is_wanted`. In ASCII text only words that hold such a beginning are looked at: to take every
    word apart was half the time of a search.
    """
    if not text.isascii():
        return [found for found in words_of(text) if is_wanted(found[0])]
    folded = text.lower()
    found: dict[int, list[tuple[str, int, int]]] = {}
    for head in {_head(stem) for stem in wanted}:
        at = folded.find(head)
        while at >= 0:
            begin, end = _run_around(text, at)
            if begin not in found:
                found[begin] = [
                    (stem, begin + first, begin + last)
                    for stem, first, last in _analysed(text[begin:end])
                    if is_wanted(stem)
                ]
            at = folded.find(head, max(end, at + 1))
    return [place for begin in sorted(found) for place in found[begin]]


def _head(stem: str) -> str:
    """Return what every word with this stem begins with: stemming changes no more than the end."""
    return stem[: 3 if len(stem) > 3 else 2]


def _run_around(text: str, at: int) -> tuple[int, int]:
    """Return where the run of letters and digits around a place begins and ends."""
    begin = at
    while begin > 0 and text[begin - 1] in _PLAIN:
        begin -= 1
    match = _PLAIN_RUN.match(text, at)
    return begin, at if match is None else match.end()


# Texts repeat their words: with what was worked out once, a page of results takes milliseconds.
@lru_cache(maxsize=65_536)
def _analysed(word: str) -> tuple[tuple[str, int, int], ...]:
    """Return stem, begin and end of the parts of an identifier, and of all of it."""
    parts = _HUMP.split(word)
    found = []
    begin = 0
    for part in parts:
        found.append((stem(part), begin, begin + len(part)))
        begin += len(part)
    if len(parts) > 1:
        found.append((stem(word), 0, begin))
    return tuple(found)


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """Return the Porter stem of one folded word, as SQLite's `porter` tokenizer makes it."""
    folded = "".join(
        character
        for character in unicodedata.normalize("NFKD", word.casefold())
        if not unicodedata.combining(character)
    )
    stemmed: str = _PORTER.stemWord(folded)
    return stemmed


_PORTER: Final = snowballstemmer.stemmer("porter")

COMMON_WORDS: Final = frozenset(
    """
    a about after all also am an and any are as at be been being but by can could did do does for
    from had has have he her his how i if in into is it its just me my no not of on or our she
    should so some than that the their them then there these they this to up us was we were what
    when where which who why will with would you your
    """.split()  # noqa: SIM905 - a list of ninety strings is hard to read
)
"""English words that tell items apart so rarely that a search of several words leaves them out."""
