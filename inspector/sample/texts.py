"""Contents of generated memories: sentences drawn from a large vocabulary as people's words are.

A pool of sentences is made once, and contents are put together from it. Words follow Zipf's law,
since it is the few very common words and the many rare ones that make a full-text index work hard.
"""

from __future__ import annotations

import base64
import random
import re
from collections.abc import Iterator
from itertools import accumulate, cycle
from typing import Any

from inspector.sample.words import (
    ADJECTIVES,
    CHINESE,
    DOUBLING,
    IRREGULAR,
    JAPANESE,
    NOUNS,
    OPENERS,
    PEOPLE,
    PREFIXES,
    TEMPLATES,
    VERBS,
)

POOL_MAX = 40_000
DRAWS = 1 << 16
"""Words drawn per part of speech; a power of two would show if two of them were read in step."""

CODE_WORDS = 24_000
COMPOUND_WORDS = 8_000

_BEFORE_VOWEL = re.compile(r"\b([Aa])(?= [aeio]|(?= u(?!s|ni)))")
"""An article that needs its n: `a` before a vowel that sounds like one."""

_OUTCOMES = ("ok", "failed", "retried", "skipped", "waiting")
_LEVELS = ("INFO", "INFO", "INFO", "WARN", "ERROR")


def zipf(
    rng: random.Random, words: tuple[str, ...] | list[str], draws: int, *, flatness: float = 2.7
) -> list[str]:
    """Draw words so that the one of rank r comes with a frequency of about 1/(r + flatness)."""
    weights = list(accumulate(1 / (rank + flatness) for rank in range(len(words))))
    return rng.choices(words, cum_weights=weights, k=draws)


def code_words(rng: random.Random) -> list[str]:
    """Return identifiers in both spellings, in an order that belongs to the seed."""
    words: dict[str, None] = {}
    while len(words) < CODE_WORDS:
        verb, noun, other = rng.choice(VERBS), rng.choice(NOUNS), rng.choice(NOUNS)
        words[f"{verb}{noun.title()}{other.title()}"] = None
        words[f"{verb}_{noun}"] = None
        words[f"{noun}_{other}_{_bend(verb, 'ed')}"] = None
    return list(words)


def compound_words(rng: random.Random) -> list[str]:
    """Return nouns of two parts, such as `queue-budget`."""
    words: dict[str, None] = {}
    while len(words) < COMPOUND_WORDS:
        words[f"{rng.choice(NOUNS)}-{rng.choice(NOUNS)}"] = None
    return list(words)


def derived_words() -> list[str]:
    """Return adjectives made from verbs: `unsealed`, `retryable`, `autoloading`."""
    endings = ("ed", "able", "ing")
    return [
        f"{prefix}{_bend(verb, end)}" for end in endings for prefix in PREFIXES for verb in VERBS
    ]


def _bend(verb: str, ending: str) -> str:
    if ending == "ed" and verb in IRREGULAR:
        return IRREGULAR[verb]
    if verb in DOUBLING:
        return verb + verb[-1] + ending
    if verb.endswith("e"):
        return verb[:-1] + ending
    if verb.endswith("y") and ending == "ed" and verb[-2] not in "aeiou":
        return verb[:-1] + "ied"
    return verb + ending


class Texts:
    """Makes contents, one after another, from a seeded source of randomness."""

    def __init__(self, rng: random.Random, *, items: int) -> None:
        self._rng = rng
        self._random = rng.random
        self._code = zipf(rng, code_words(rng), DRAWS)
        self._people = zipf(rng, PEOPLE, 4_001, flatness=8)
        self._pool = list(self._sentences(min(POOL_MAX, max(2_000, items * 4))))
        self._size = len(self._pool)

    def _sentences(self, count: int) -> Iterator[str]:
        rng = self._rng
        verbs = zipf(rng, VERBS, DRAWS, flatness=6)
        # Lengths without a common factor, so that the same words seldom meet twice.
        nouns = cycle(zipf(rng, NOUNS, DRAWS + 7, flatness=12))
        adjectives = cycle(zipf(rng, ADJECTIVES, DRAWS - 5, flatness=6))
        derived = cycle(zipf(rng, derived_words(), DRAWS // 2 + 3))
        compounds = cycle(zipf(rng, compound_words(rng), DRAWS // 2 - 3))
        codes = cycle(self._code)
        people = cycle(self._people)
        plain = cycle(verbs)
        done = cycle([_bend(verb, "ed") for verb in verbs[5:]])
        doing = cycle([_bend(verb, "ing") for verb in verbs[11:]])
        numbers = cycle([str(int(10 ** (rng.random() * 4))) for _ in range(4_999)])
        slots = {
            "verb": plain,
            "verbed": done,
            "verbing": doing,
            "noun": nouns,
            "adjective": adjectives,
            "derived": derived,
            "compound": compounds,
            "code": codes,
            "person": people,
            "number": numbers,
        }
        shapes = [_shape(template) for template in TEMPLATES]
        for _ in range(count):
            pattern, names = rng.choice(shapes)
            text = pattern % tuple([next(slots[name]) for name in names])
            text = _BEFORE_VOWEL.sub(r"\1n", text)
            yield text[0].upper() + text[1:]

    def sentences(self, kind: str) -> list[str]:
        """Return the sentences of one plain text; the first one says what it is about."""
        rnd, pool, size = self._random, self._pool, self._size
        openers = OPENERS[kind]
        opener = openers[int(rnd() * len(openers))]
        code = self._code[int(rnd() * DRAWS)]
        first = f"{opener} {code} ({int(rnd() * 99_999)})."
        draw = rnd()
        # Mostly a few sentences, now and then many: the sizes of real notes have a long tail.
        count = 3 + int(draw * 6 + 14 * draw**6)
        return [first, *[pool[int(rnd() * size)] for _ in range(count)]]

    def vary(self, sentences: list[str]) -> list[str]:
        """Return nearly the same text: one sentence is another one, as when a thing is retold."""
        rnd = self._random
        copy = sentences.copy()
        copy[int(rnd() * len(copy))] = self._pool[int(rnd() * self._size)]
        return copy

    def sentence(self) -> str:
        """Return one sentence."""
        return self._pool[int(self._random() * self._size)]

    def person(self) -> str:
        """Return a first name."""
        return self._people[int(self._random() * len(self._people))]

    def east_asian(self) -> str:
        """Return a few clauses of Chinese or of Japanese, with a number to tell them apart."""
        rnd = self._random
        clauses = CHINESE if rnd() < 0.5 else JAPANESE
        picked = [clauses[int(rnd() * len(clauses))] for _ in range(2 + int(rnd() * 8))]
        return "。".join(picked) + f"（{int(rnd() * 99_999)}）。"

    def json_object(self, sentences: list[str]) -> dict[str, Any]:
        """Return structured content with numbers and a list in it."""
        rnd = self._random
        return {
            "summary": sentences[0],
            "outcome": _OUTCOMES[int(rnd() * 5)],
            "by": self.person(),
            "attempts": int(rnd() * 5) + 1,
            "seconds": round(rnd() * 90, 3),
            "details": sentences[1:],
        }

    def markdown(self, sentences: list[str]) -> str:
        """Return a document with headings, a list, a code block and a table."""
        rnd = self._random
        code = self._code[int(rnd() * DRAWS)]
        return (
            f"# {sentences[0]}\n\n{' '.join(sentences[1:3])}\n\n## Why\n\n- {self.sentence()}\n"
            f"- {self.sentence()}\n- {self.sentence()}\n\n```python\ndef {code}(limit: int = "
            f"{int(rnd() * 1000)}) -> bool:\n    return limit > {int(rnd() * 100)}\n```\n\n"
            f"| what | before | after |\n|---|---|---|\n| {code} | {int(rnd() * 900)} ms | "
            f"{int(rnd() * 90)} ms |\n\n{' '.join(sentences[3:])} {self.sentence()}\n"
        )

    def log(self, clock: str) -> str:
        """Return lines of a log that begin at `clock` (an ISO 8601 time)."""
        rnd, code = self._random, self._code
        return "\n".join(
            f"{clock} {_LEVELS[int(rnd() * 5)]} {code[int(rnd() * DRAWS)]}: {self.sentence()}"
            for _ in range(3 + int(rnd() * 6))
        )

    def base64_bytes(self) -> str:
        """Return a few hundred arbitrary bytes, as they are written in a file of records."""
        return base64.b64encode(self._rng.randbytes(64 + int(self._random() * 600))).decode()


def _shape(template: str) -> tuple[str, list[str]]:
    """Turn `{noun} of {noun}` into `%s of %s` and the names, which fills four times faster."""
    pattern, names = "", []
    for part in template.replace("%", "%%").split("{"):
        name, brace, rest = part.partition("}")
        if brace:
            names.append(name)
            pattern += "%s" + rest
        else:
            pattern += part
    return pattern, names
