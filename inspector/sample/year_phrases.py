"""Phrases of a simulated year, of which all that is said and written is put together.

Sentences are put together from phrases, and phrases from words, so that hardly a sentence is there
twice; what a project is about comes back again and again, as it does in a real memory.
"""

from __future__ import annotations

import base64
import random
import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TypeAlias

from inspector.sample.texts import code_words, compound_words, zipf
from inspector.sample.words import ADJECTIVES, NOUNS, PEOPLE
from inspector.sample.year_forms import (
    BROWSERS,
    DAYS,
    METHODS,
    MONTHS,
    STATUSES,
)
from inspector.sample.year_words import (
    ASKS,
    COMPANIES,
    DO,
    GENERAL_NOUNS,
    JOINS,
    LEADS,
    PLACES,
    REQUESTS,
    SURNAMES,
    WHEN,
    Field,
)

Slots: TypeAlias = Mapping[str, Sequence[str]]
Shape: TypeAlias = tuple[str, list[Sequence[str]]]
"""A pattern for `%`, and what each of its gaps is drawn from."""

PHRASES = 8_000
NUMBERS = 8_192
_VOWEL = re.compile(r"[aeio](?!ne\b|u)|u(?!s|ni)")
_SLOT = re.compile(r"\{(\w+)(?::([<>])(\d+))?\}")

NOUN_PHRASES = (
    *("the {noun}",) * 5,
    *("the {adjective} {noun}",) * 5,
    *("{an_noun}",) * 3,
    *("{an_adjective} {noun}",) * 3,
    *("every {noun}", "no {noun}", "another {noun}", "the other {noun}", "this {noun}"),
    *("the {general} of the {noun}", "the {noun} of the {noun}", "the {adjective} {general}"),
    *("{person}'s {noun}", "{person}'s {adjective} {noun}", "our {noun}", "their {noun}"),
    *("the {noun} from {place}", "the {noun} for {company}", "the {compound}", "the {noun} {noun}"),
    *("the {noun} with the {adjective} {noun}", "what {person} calls {an_noun}"),
    *("the {noun} between {noun} and {noun}", "one {noun} in {number}", "the last {noun} but one"),
)
VERB_PHRASES = (
    *("{done} the {noun}",) * 6,
    *("{done} the {adjective} {noun}",) * 4,
    *("{done} {an_noun}",) * 3,
    *("was {done}", "was never {done}", "was {done} by {person}", "had to be {done} again") * 2,
    *("{happened}",) * 7,
    *("is {adjective}", "is still {adjective}", "looks {adjective}", "was too {adjective}"),
    *("needs {an_noun}", "depends on the {noun}", "has no {noun}", "belongs to the {noun}"),
    *("should be {done} {when}", "will be {done} {when}", "can only be {done} {when}"),
    *("is {done} whenever the {noun} is {adjective}", "is better than the {adjective} {noun}"),
    *("{done} both the {noun} and the {noun}", "explains the {adjective} {noun}"),
    *("was {done} for {company} {when}", "is as {adjective} as the {noun}", "is known in {place}"),
)
STATED = (
    *("{Np} {vp}.",) * 4,
    *("{Np} {vp} {when}.",) * 3,
    *("{lead} {np} {vp}.",) * 3,
    *("{Np} {vp}{join} {np} {vp}.",) * 6,
    *("{When}, {np} {vp}.",) * 2,
    *("{person} {done} {np}{join} {np} {vp}.",) * 2,
    *("{person} says that {np} {vp}.", "{person} and {person} {done} {np}."),
    *("I {done} {np} {when}.", "I {done} {np} and {done} {np}{join} {np} {vp}.") * 2,
    *("`{code}` {vp}.", "`{code}` {vp}{join} {np} {vp}.", "In `{path}`, {np} {vp}."),
    *("{company} {done} {np}{join} {np} {vp}.", "Without {np}, {np} {vp}."),
    *("That leaves {np}, {np} and {np}.", "Either {np} {vp} or {np} {vp}."),
    *("{Np}, {np} and {np} {vp}.", "It is {np} that {vp}."),
)
ASKED = (
    *("{ask} {np} {vp}?",) * 4,
    *("{ask} {np} {vp} {when}?",) * 2,
    *("{request} {do} {np}.",) * 3,
    *("{request} {do} {np} and {do} {np}{join} {np} {vp}.",) * 2,
    *("{request} {do} `{code}` in {path}{join} {np} {vp}.", "And {np}?", "Where is {np}?"),
    *("{person} asks for {np}; what shall I answer?", "Is {np} {adjective} or {adjective}?"),
)
TITLES = (
    "{Np}",
    "{Np} and {np}",
    "How {np} {vp}",
    "Notes on {np}",
    "{Np} for {company}",
    "Why {np} {vp}",
    "{person} {surname} on {np}",
    "Decision: {np} {vp}",
)
STEPS = (
    *("{Do} {np}.",) * 3,
    *("{Do} {np} before {np} {vp}.", "If {np} {vp}, {do} {np}.", "Wait until {np} {vp}."),
    *("Run `{code} --{name} {i}` and {do} {np}.", "{Do} `{path}`; {np} {vp}."),
    *("Ask {person} to {do} {np}.", "{Do} {np} on {host}, then {do} {np}."),
)
CELLS = ("{np}", "{adjective}", "{i}", "{f} ms", "{person}", "{when}", "`{code}`", "{d} %")


def shape_of(template: str, slots: Slots) -> Shape:
    """Turn `{np} of {noun}` into `%s of %s` and the two lists; unknown names stay as they are."""
    pools: list[Sequence[str]] = []

    def gap(found: re.Match[str]) -> str:
        name, side, width = found.groups()
        if name not in slots:
            return found[0].replace("%", "%%")
        pools.append(slots[name])
        return f"%{'-' if side == '<' else ''}{width or ''}s"

    return _SLOT.sub(gap, template.replace("%", "%%")), pools


def shared_slots(rng: random.Random) -> dict[str, Sequence[str]]:
    """Return what is the same for every project: numbers, times, addresses, names of people."""

    def many(make: partial[str], count: int = NUMBERS) -> list[str]:
        return [make() for _ in range(count)]

    rnd = rng.random
    return {
        "i": [str(int(10 ** (1 + rnd() * 4))) for _ in range(NUMBERS)],
        "number": [str(int(2 + 10 ** (rnd() * 3))) for _ in range(999)],
        "f": [f"{10 ** (rnd() * 4 - 1):.{int(1 + rnd() * 3)}f}" for _ in range(NUMBERS)],
        "l": [str(1 + int(rnd() ** 2 * 900)) for _ in range(1_999)],
        "d": [str(1 + int(rnd() * 30)) for _ in range(997)],
        "h": [f"{int(rnd() * 24):02d}" for _ in range(97)],
        "m": [f"{int(rnd() * 60):02d}" for _ in range(241)],
        "p": [str(1_024 + int(rnd() * 60_000)) for _ in range(61)],
        "hex7": many(partial(hex_digits, rng, 7)),
        "hex40": many(partial(hex_digits, rng, 40)),
        "uuid": many(partial(_uuid, rng)),
        "b64": [base64.b64encode(rng.randbytes(32)).decode().rstrip("=") for _ in range(2_048)],
        "letter": "abcdefgh",
        "method": METHODS,
        "status": STATUSES,
        "day": DAYS,
        "month": MONTHS,
        "browser": BROWSERS,
        "person": zipf(rng, PEOPLE, 4_001, flatness=8),
        "surname": SURNAMES,
        "company": zipf(rng, COMPANIES, 2_003, flatness=8),
        "place": PLACES,
        "when": WHEN,
        "When": [text[0].upper() + text[1:] for text in WHEN],
        "lead": LEADS,
        "join": [text if text[0] in ",;" else f" {text}" for text in JOINS],
        "ask": ASKS,
        "request": REQUESTS,
        "do": DO,
        "Do": [text.title() for text in DO],
        "code": code_words(rng),
        "compound": compound_words(rng),
    }


def hex_digits(rng: random.Random, digits: int) -> str:
    """Return so many hexadecimal digits."""
    return f"{rng.getrandbits(4 * digits):0{digits}x}"


def _uuid(rng: random.Random) -> str:
    text = hex_digits(rng, 32)
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


def field_slots(rng: random.Random, field: Field, shared: Slots) -> dict[str, Sequence[str]]:
    """Return the phrases of one line of work."""
    nouns = list(field.nouns)
    rng.shuffle(nouns)
    words: dict[str, Sequence[str]] = {
        **shared,
        # Two thirds of what is talked about belongs to the field, the rest is the same everywhere.
        "noun": [*zipf(rng, nouns, 6_000, flatness=25), *zipf(rng, NOUNS, 3_000, flatness=30)],
        "general": zipf(rng, GENERAL_NOUNS, 1_500, flatness=10),
        "adjective": [
            *zipf(rng, field.adjectives, 3_000, flatness=15),
            *zipf(rng, ADJECTIVES, 1_500, flatness=15),
        ],
        "done": zipf(rng, field.done, 4_000, flatness=15),
        "happened": field.happened,
    }
    words["an_noun"] = [_with_article(word) for word in words["noun"]]
    words["an_adjective"] = [_with_article(word) for word in words["adjective"]]
    words["np"] = _phrases(rng, NOUN_PHRASES, words)
    words["vp"] = _phrases(rng, VERB_PHRASES, words)
    return words


def _phrases(rng: random.Random, templates: Sequence[str], slots: Slots) -> list[str]:
    shapes = [shape_of(template, slots) for template in templates]
    return [fill(rng, shapes) for _ in range(PHRASES)]


def _with_article(word: str) -> str:
    return f"an {word}" if _VOWEL.match(word) else f"a {word}"


def fill(rng: random.Random, shapes: Sequence[Shape]) -> str:
    """Return one of the shapes with its gaps filled."""
    rnd = rng.random
    pattern, pools = shapes[int(rnd() * len(shapes))]
    return pattern % tuple([pool[int(rnd() * len(pool))] for pool in pools])
