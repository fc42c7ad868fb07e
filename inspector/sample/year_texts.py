"""Prose of a simulated year: what people and agents say and write about a project.

What a project is about comes back again and again, as it does in a real memory.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from inspector.sample.year_forms import FORMS, STATEMENTS, Form
from inspector.sample.year_phrases import (
    ASKED,
    CELLS,
    NOUN_PHRASES,
    STATED,
    STEPS,
    TITLES,
    Shape,
    Slots,
    fill,
    hex_digits,
    shape_of,
)
from inspector.sample.year_words import COMMENTS, FACTS, NUMBERED, Field

MESSAGES = 1_200
STATEMENTS_MADE = 1_200
_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """The shapes of one tool's output."""

    form: Form
    head: list[Shape]
    body: list[Shape]
    middle: list[Shape]
    more: list[Shape]
    tail: list[Shape]


class Project:
    """What an agent works on for a while: its own names for things, and texts that use them."""

    def __init__(self, rng: random.Random, name: str, field: Field, words: Slots) -> None:
        self.name = name
        self.field = field
        self._rng = rng
        self._random = rng.random
        self.slots = slots = self._own(words)
        self._stated = _shapes(STATED, slots) + _shapes(NUMBERED, slots)[::3]
        self._asked = _shapes(ASKED, slots)
        self._titles = _shapes(TITLES, slots)
        self._facts = _shapes(FACTS, slots)
        self._steps = _shapes(STEPS, slots)
        self._cells = _shapes(CELLS, slots)
        self.outputs = {tool: _output(form, slots) for tool, form in FORMS.items()}

    def _own(self, words: Slots) -> dict[str, Sequence[str]]:
        """Return the words with a part of each list that belongs to this project."""
        rng = self._rng
        nouns = [noun for noun in dict.fromkeys(words["noun"]) if "-" not in noun]
        slots: dict[str, Sequence[str]] = dict(words)
        names = rng.sample(nouns, 110)
        terms = [fill(rng, [shape_of(NOUN_PHRASES[5], words)]) for _ in range(40)]
        phrases = [*rng.sample(words["np"], 4_000), *terms * 25]
        slots.update(
            project=[self.name],
            name=names,
            Name=[name.title() for name in names],
            code=rng.sample(words["code"], 420),
            np=phrases,
            Np=[text[0].upper() + text[1:] for text in phrases],
            person=rng.sample(words["person"], 40),
            company=rng.sample(words["company"], 12),
            place=rng.sample(words["place"], 9),
            path=[self._path(names) for _ in range(110)],
            host=[f"{rng.choice(names)}-{rng.randrange(1, 40):02d}" for _ in range(14)],
            service=[f"{rng.choice(names)}-{rng.choice(names)}" for _ in range(11)],
            user=[person.lower() for person in rng.sample(words["person"], 10)],
            ip=[
                f"10.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(256)}"
                for _ in range(240)
            ],
            url=[
                f"/{rng.choice(names)}/{rng.choice(names)}/{rng.randrange(10_000)}"
                for _ in range(300)
            ],
        )
        slots["CODE"] = [_CAPITAL.sub("_", code).upper() for code in slots["code"]]
        slots["msg"] = self._many(("{np} {vp}", "{name} {i}: {vp}"), slots, MESSAGES)
        slots["Msg"] = [text[0].upper() + text[1:] for text in slots["msg"]]
        slots["stmt"] = self._many(STATEMENTS, slots, STATEMENTS_MADE)
        slots["patch"] = [self._patch(slots["path"]) for _ in range(400)]
        return slots

    def _many(self, templates: Sequence[str], slots: Slots, count: int) -> list[str]:
        shapes = _shapes(templates, slots)
        return [fill(self._rng, shapes) for _ in range(count)]

    def _patch(self, paths: Sequence[str]) -> str:
        """Return the lines that begin the changes of a file."""
        rng = self._rng
        path = rng.choice(paths)
        before, after = hex_digits(rng, 7), hex_digits(rng, 7)
        return (
            f"diff --git a/{path} b/{path}\nindex {before}..{after} 100644\n"
            f"--- a/{path}\n+++ b/{path}"
        )

    def _path(self, names: Sequence[str]) -> str:
        rng = self._rng
        folders = "/".join(rng.sample(names, rng.randrange(1, 4)))
        ending = rng.choice(("py", "py", "py", "ts", "rs", "sql", "yaml", "md", "go"))
        return f"{folders}/{rng.choice(names)}_{rng.choice(names)}.{ending}"

    def word(self, slot: str) -> str:
        """Return one of the words of a slot."""
        pool = self.slots[slot]
        return pool[int(self._random() * len(pool))]

    def sentence(self) -> str:
        """Return one statement."""
        return fill(self._rng, self._stated)

    def title(self) -> str:
        """Return a title: of a session, a document, a procedure."""
        return fill(self._rng, self._titles)

    def fact(self) -> str:
        """Return something that is so, in a line."""
        text = fill(self._rng, self._facts)
        return text[0].upper() + text[1:]

    def turn(self, chars: int, *, asked: bool) -> str:
        """Return what one side of a conversation says, in about so many characters."""
        rnd, rng = self._random, self._rng
        parts: list[str] = []
        length = 0
        while length <= chars:
            question = rnd() < (0.6 if asked else 0.06)
            parts.append(fill(rng, self._asked if question else self._stated))
            length += len(parts[-1]) + 1
        if len(parts) > 3 and rnd() < 0.25:
            return f"{parts[0]}\n" + "\n".join(f"- {part}" for part in parts[1:])
        return " ".join(parts)

    def paragraph(self, sentences: int) -> str:
        """Return a paragraph of so many sentences."""
        rng, shapes = self._rng, self._stated
        return " ".join([fill(rng, shapes) for _ in range(sentences)])

    def procedure(self, chars: int) -> str:
        """Return numbered steps under a heading."""
        lines = [f"# {self.title()}", "", self.sentence(), ""]
        length = sum(map(len, lines))
        number = 0
        while length < chars:
            number += 1
            lines.append(f"{number}. {fill(self._rng, self._steps)}")
            length += len(lines[-1]) + 1
        return "\n".join(lines)

    def document(self, chars: int, day: str) -> str:
        """Return markdown with sections of prose, lists, code and tables."""
        lines = [f"# {self.title()}", "", f"_{self.word('person')} {self.word('surname')}, {day}_"]
        length = 0
        while length < chars:
            part = self._part(self._random())
            lines += ["", part]
            length += len(part) + 2
        return "\n".join(lines) + "\n"

    def _part(self, draw: float) -> str:
        rnd, rng = self._random, self._rng
        if draw < 0.62:
            return self.paragraph(2 + int(rnd() * 5))
        if draw < 0.78:
            return f"## {self.title()}\n\n{self.paragraph(1 + int(rnd() * 4))}"
        if draw < 0.88:
            return "\n".join([f"- {self.sentence()}" for _ in range(2 + int(rnd() * 5))])
        if draw < 0.94:
            code = "\n".join(self.word("stmt") for _ in range(3 + int(rnd() * 6)))
            return f"```\n{code}\n```"
        rows = [
            "| " + " | ".join([fill(rng, self._cells) for _ in range(3)]) + " |"
            for _ in range(2 + int(rnd() * 5))
        ]
        return f"| {self.word('name')} | {self.word('name')} | note |\n|---|---|---|\n" + "\n".join(
            rows
        )

    def comment(self) -> str:
        """Return a few words on something that was quoted."""
        return COMMENTS[int(self._random() * len(COMMENTS))]


def _shapes(templates: Sequence[str], slots: Slots) -> list[Shape]:
    return [shape_of(template, slots) for template in templates]


def _output(form: Form, slots: Slots) -> Output:
    return Output(
        form=form,
        head=_shapes(form.head, slots),
        body=_shapes(form.body, slots),
        middle=_shapes(form.middle, slots),
        more=_shapes(form.more, slots),
        tail=_shapes(form.tail, slots),
    )
