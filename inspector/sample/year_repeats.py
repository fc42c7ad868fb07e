"""What agents of a simulated year have had before, and how it comes back nearly the same."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

import orjson

from inspector.sample.year_texts import Project

Record: TypeAlias = dict[str, Any]
Content: TypeAlias = str | dict[str, Any]

TURN_CHARS = (60, 600)
TOOL_CHARS = (500, 6_000)
DOCUMENT_CHARS = (2_000, 12_000)
FACT_CHARS_MAX = 400

_NUMBER = re.compile(r"(?<![\d.])[1-9]\d+")
_CLOCK = re.compile(r"\b([01]\d|2[0-3]):([0-5]\d):([0-5]\d)")
_PATH = re.compile(r"(?:\w+/)+\w+\.\w+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A content that may come back, and what was known of it."""

    content: Content
    metadata: Record
    tags: tuple[str, ...]
    at: datetime


class Repeater:
    """Says again, in other words or with other numbers, what was said before."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._random = rng.random

    def again(self, project: Project, form: str, base: Said, at: datetime) -> Said:
        """Return nearly what there was: quoted, revised, put otherwise, or printed once more."""
        content = base.content
        metadata = dict(base.metadata)
        if isinstance(content, dict):
            text = orjson.dumps(content).decode()
            content = orjson.loads(self._reprinted(text, base.at, at, project))
        elif form == "turn":
            content = self._quoted(content, project)
        elif form == "fact":
            content = f"{content.rstrip('.')} ({project.word('when')}, {at:%Y-%m-%d %H:%M})."
        elif form == "tool":
            content = cut(self._reprinted(content, base.at, at, project), TOOL_CHARS[1], "\n")
        else:
            content = self._revised(content, form, project)
            if form == "document":
                metadata["revision"] += 1 + int(self._random() * 4)
        return Said(content=content, metadata=metadata, tags=base.tags, at=at)

    def _quoted(self, content: str, project: Project) -> str:
        """Return an answer to a turn, which is above it; the longest are quoted in part."""
        quote = cut(content, TURN_CHARS[1] - 80, " ").replace("\n", "\n> ")
        text = f"> {quote}\n\n{project.comment()}"
        if self._random() < 0.3:
            text = f"{text} {project.sentence()}"
        return cut(text, TURN_CHARS[1], " ")

    def _revised(self, content: str, form: str, project: Project) -> str:
        """Return the text with a few of its lines written anew."""
        rnd = self._random
        lines = content.split("\n")
        for _ in range(1 + int(rnd() * 3)):
            place = 2 + int(rnd() * (len(lines) - 2))
            if form == "procedure":
                lines[place] = f"{place - 3}. {project.sentence()}" if place > 3 else lines[place]
            elif rnd() < 0.6 or len(lines[place]) < 20:
                lines.insert(place, project.sentence())
            else:
                # A sentence more in a paragraph, or its first words otherwise.
                lines[place] = f"{lines[place]} {project.sentence()}"
        text = "\n".join(lines)
        if text == content:
            text = f"{text}\n{len(lines) - 3}. {project.sentence()}"
        return cut(text, DOCUMENT_CHARS[1], "\n")

    def _reprinted(self, text: str, then: datetime, at: datetime, project: Project) -> str:
        """Return an output as it looks at another time: times, some numbers and a path differ."""
        rng, rnd = self._rng, self._random
        text = text.replace(f"{then:%Y-%m-%d}", f"{at:%Y-%m-%d}")
        text = text.replace(f"{then:%b %d}", f"{at:%b %d}")
        shift = 1 + int(rnd() * 86_398)

        def later(found: re.Match[str]) -> str:
            hours, minutes, seconds = found.groups()
            moment = (int(hours) * 3_600 + int(minutes) * 60 + int(seconds) + shift) % 86_400
            rest, second = divmod(moment, 60)
            return f"{rest // 60:02d}:{rest % 60:02d}:{second:02d}"

        share = 0.02 + 0.2 * rnd() ** 2

        def other(found: re.Match[str]) -> str:
            digits = found[0]
            # The times have been moved already, and four digits may be the year of one.
            if rnd() > share or len(digits) > 12 or digits.startswith("20"):
                return digits
            return str(rng.randrange(10 ** (len(digits) - 1), 10 ** len(digits)))

        varied = _NUMBER.sub(other, _CLOCK.sub(later, text))
        path = _PATH.search(varied)
        if path is not None and rnd() < 0.3:
            moved = varied.replace(path[0], project.word("path"))
            varied = moved if TOOL_CHARS[0] <= len(moved) <= TOOL_CHARS[1] else varied
        if varied == text:
            share = 1.0
            varied = _NUMBER.sub(other, text)
        return varied


def cut(text: str, chars: int, end: str) -> str:
    """Return the text, or as much of it as fits and ends before `end`."""
    if len(text) <= chars:
        return text
    kept = text[:chars].rpartition(end)[0]
    # A line may be longer than all that came before it.
    return kept if len(kept) > chars // 2 else text[:chars]
