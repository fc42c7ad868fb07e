"""A summary made of a text's own sentences: those that hold most of what is said often.

No model and no chance: the same texts give the same summary, in every process.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from typing import Final

from engine.text import ALONE, COMMON_WORDS, stem

SENTENCES_READ_MAX: Final = 2_000
CHARS_READ_MAX: Final = 2_000_000
"""Of all texts together: a text without sentences must not be read to its end."""
SENTENCE_CHARS_MAX: Final = 2_000
WORD_CHARS_MAX: Final = 64
"""Longer is no word but data; it says as much by its beginning."""
ALIKE: Final = 0.7
"""Two sentences that share this much of their words say the same."""
WORDS_FEW: Final = 4
WORDS_MANY: Final = 40

# Tags, and what begins a heading, a quotation or a point of a list.
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,200}>")
_LEADING = re.compile(r"^(?:#{1,6}|[-*+>•]|\d{1,3}[.)])\s+")
# Begins with the first of a run and gives none back: a million dots are gone through once.
_END = re.compile(r"""(?<![.!?…])[.!?…]++["'”’)\]]*+(?=\s)|[。！？｡]++[」』”’）】]*+|[\r\n]++""")
_COMPLETE = re.compile(r"""[.!?…。！？｡]["'”’)\]」』）】]*$""")
_UNSPACED_END = re.compile(r"[。！？｡][」』”’）】]*$")
_BEFORE_DOT = re.compile(r"(?:^|[^\w.])([\w.]{1,6})$")
_ABBREVIATIONS: Final = frozenset(
    "e.g i.e etc vs cf dr mr mrs ms prof st no fig approx incl".split()  # noqa: SIM905
)
_WORD = re.compile(rf"[{ALONE}]+|[^\W_{ALONE}]+")
_UNSPACED = re.compile(f"[{ALONE}]")
_GRAMMAR = re.compile("[\u3041-\u309f]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sentence:
    text: str
    position: int
    words: tuple[str, ...]


def summarise(texts: Sequence[str], *, sentences_max: int = 7, chars_max: int = 1_200) -> str:
    """Return the sentences that say most of `texts`, in their order, within both limits.

    Any text has a summary, be it markup, a single word or symbols; that of nothing is empty.
    """
    if sentences_max < 1 or chars_max < 1:
        return ""
    sentences = _sentences(texts)
    counts = Counter(word for sentence in sentences for word in sentence.words)
    scores = [_score(sentence, counts) for sentence in sentences]
    # The better first, the earlier of equals.
    order = sorted(range(len(sentences)), key=lambda number: (-scores[number], number))
    chosen: list[int] = []
    for number in order:
        if len(chosen) == sentences_max:
            break
        if any(_alike(sentences[number], sentences[other]) for other in chosen):
            continue
        if len(_joined(sentences, [*chosen, number])) <= chars_max:
            chosen.append(number)
    if not chosen and order:
        return _clipped(sentences[order[0]].text, chars_max)
    return _joined(sentences, chosen)


def _sentences(texts: Sequence[str]) -> list[_Sentence]:
    """Return the sentences that are considered, as many of each text as there is room for."""
    # Of more texts than sentences, every second, third and so on: none is preferred for its place.
    step = -(-len(texts) // SENTENCES_READ_MAX) or 1
    read = texts[::step]
    found: list[_Sentence] = []
    for number, text in enumerate(read):
        # What one text leaves of its share is there for those that follow.
        left = len(read) - number
        share = (SENTENCES_READ_MAX - len(found)) // left
        for position, sentence in enumerate(_split(text[: CHARS_READ_MAX // len(read)], share)):
            words = tuple(dict.fromkeys(_words(sentence)))
            found.append(_Sentence(text=sentence, position=position, words=words))
    return found


def _split(text: str, count_max: int) -> Iterator[str]:
    """Yield up to `count_max` sentences of a text, spaces made one and markup left out."""
    text = _TAG.sub(" ", text)
    count = 0
    begin = 0
    for end in _ends(text):
        sentence = _clean(text[begin:end])
        begin = end
        if not sentence:
            continue
        if count == count_max:
            return
        count += 1
        yield sentence


def _ends(text: str) -> Iterator[int]:
    """Yield where sentences end: a dot after an abbreviation or an initial ends none."""
    for match in _END.finditer(text):
        begin = match.start()
        if match.group() == "." and _is_abbreviated(text[max(0, begin - 8) : begin]):
            continue
        yield match.end()
    yield len(text)


def _is_abbreviated(before: str) -> bool:
    found = _BEFORE_DOT.search(before)
    if found is None:
        return False
    word = found[1]
    return word.lower() in _ABBREVIATIONS or (len(word) == 1 and word.isupper() and word != "I")


def _clean(sentence: str) -> str:
    # Cut before the work: there may be megabytes without an end.
    sentence = " ".join(sentence[: 2 * SENTENCE_CHARS_MAX].split())
    return _clipped(_LEADING.sub("", sentence), SENTENCE_CHARS_MAX)


def _clipped(text: str, chars_max: int) -> str:
    return text if len(text) <= chars_max else f"{text[: chars_max - 1].rstrip()}…"


def _words(sentence: str) -> Iterator[str]:
    """Yield the words that carry meaning, as stems; of a script without spaces, pairs."""
    for match in _WORD.finditer(sentence.casefold()):
        word = match.group()
        if _UNSPACED.match(word):
            yield from _pairs(word)
        elif word not in COMMON_WORDS:
            yield stem(word[:WORD_CHARS_MAX])


def _pairs(run: str) -> Iterator[str]:
    """Yield the pairs of neighbours in a run of characters, but those of Japanese grammar."""
    if len(run) == 1:
        yield run
    for first, second in pairwise(run):
        if not _GRAMMAR.fullmatch(first + second):
            yield first + second


def _score(sentence: _Sentence, counts: Counter[str]) -> float:
    """Return how much of what is said often a sentence says, for its length and its place."""
    count = len(sentence.words)
    if not count:
        return 0.0
    # Whole numbers are summed: their sum does not depend on an order.
    said = sum(counts[word] for word in sentence.words)
    length = min(1.0, count / WORDS_FEW) * min(1.0, WORDS_MANY / count)
    # Texts tend to begin with what they are about.
    place = 1 + 0.3 / (1 + sentence.position)
    return said / sqrt(count) * length * place


def _alike(left: _Sentence, right: _Sentence) -> bool:
    """Return whether two sentences say nearly the same."""
    if left.text == right.text:
        return True
    common = len(set(left.words) & set(right.words))
    return common > 0 and common >= ALIKE * (len(left.words) + len(right.words) - common)


def _joined(sentences: Sequence[_Sentence], chosen: Sequence[int]) -> str:
    """Return the chosen sentences in their order; one without an end has a line of its own."""
    parts: list[str] = []
    for number in sorted(chosen):
        text = sentences[number].text
        parts.append(text)
        if not _COMPLETE.search(text):
            parts.append("\n")
        elif not _UNSPACED_END.search(text):
            parts.append(" ")
    return "".join(parts).rstrip()
