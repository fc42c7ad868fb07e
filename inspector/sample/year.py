"""A simulated year of agents' memory: what is stored and what is read, day by day.

Everything is drawn from one seeded source, and time is only counted, so that the same arguments
give the same bytes wherever and whenever they are used.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import accumulate
from typing import Any

from inspector.sample.words import NOUNS
from inspector.sample.year_agents import Agent
from inspector.sample.year_phrases import Slots, field_slots, shared_slots
from inspector.sample.year_repeats import (
    DOCUMENT_CHARS,
    FACT_CHARS_MAX,
    TURN_CHARS,
    Content,
    Record,
    Repeater,
    Said,
    cut,
)
from inspector.sample.year_texts import Project
from inspector.sample.year_tools import Toolbox
from inspector.sample.year_words import FIELDS

MORNING = time(6, tzinfo=UTC)
WAKING_SECONDS = 17 * 3_600
NEAR_DUPLICATES = 0.20
EXACT_DUPLICATES = 0.04
PINNED = 0.012

SESSION_ITEMS = (10, 40)
PROJECTS_AT_ONCE = 3
ITEMS_PER_PROJECT = 20_000
PROJECTS_MAX = 40
RECENT = 48
"""Contents of each form that an agent may still come back to."""

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_FORMS = (
    *("turn",) * 105,
    *("tool",) * 54,
    *("document",) * 11,
    *("fact",) * 20,
    *("procedure",) * 10,
)
_KINDS = {
    "turn": "episodic",
    "tool": "episodic",
    "document": "declarative",
    "fact": "semantic",
    "procedure": "procedural",
}
_TIERS = {"turn": "working", "tool": "short_term"}


@dataclass(frozen=True, slots=True)
class Day:
    """What agents store on one day, in order of time, and the ids that they read on it."""

    at: datetime
    records: tuple[Record, ...]
    reads: tuple[str, ...]


def days(
    items: int,
    seed: int,
    *,
    start: datetime,
    days: int = 365,
    agents: Sequence[str] = ("atlas",),
) -> Iterator[Day]:
    """Yield the days from that of `start` on, which store `items` items among them.

    Raises:
        ValueError: a negative number of items, no day, no agent, or a `start` without a zone.
    """
    if items < 0 or days < 1 or not agents:
        raise ValueError("items must not be negative, and there must be a day and an agent")
    if start.tzinfo is None:
        raise ValueError("start must have a time zone")
    return (day for day, _ in _Year(items, seed, start, days, agents).days())


class _Year:
    """Makes the days one after another, each with what its records are: new, near, exact."""

    def __init__(
        self, items: int, seed: int, start: datetime, days: int, agents: Sequence[str]
    ) -> None:
        # A sample needs repeatable numbers, not unguessable ones.
        self._rng = rng = random.Random(seed)  # noqa: S311
        self._random = rng.random
        self._repeater = Repeater(rng)
        self._items = items
        self._first = datetime.combine(start.astimezone(UTC).date(), MORNING)
        self._made = 0
        self._agents = [Agent(name) for name in agents]
        self._weights = list(accumulate((rank + 1) ** -0.6 for rank in range(len(agents))))
        self._counts = self._shares(days)
        self._shared = shared_slots(rng)
        self._words: dict[str, Slots] = {}
        self._projects: list[tuple[Project, Toolbox]] = []
        self._makers: dict[str, Callable[[Agent, datetime], Said]] = {
            "turn": self._turn,
            "tool": self._tool,
            "document": self._document,
            "fact": self._fact,
            "procedure": self._procedure,
        }

    def _shares(self, days: int) -> list[int]:
        """Return how many items each day stores: fewer at weekends, and no day like another."""
        weights = [
            (0.35 if (self._first + timedelta(days=day)).weekday() > 4 else 1.0)
            * (0.5 + self._random())
            for day in range(days)
        ]
        total, done, counts = sum(weights), 0, list[int]()
        for reached in accumulate(weights):
            counts.append(round(self._items * reached / total) - done)
            done += counts[-1]
        return counts

    def days(self) -> Iterator[tuple[Day, list[str]]]:
        """Yield each day, and for each of its records `new`, `near` or `exact`."""
        rng = self._rng
        for number, count in enumerate(self._counts):
            at = self._first + timedelta(days=number)
            picked = rng.choices(self._agents, cum_weights=self._weights, k=count)
            entries: list[tuple[Record, str]] = []
            for agent in self._agents:
                today = sum(one is agent for one in picked) if len(self._agents) > 1 else count
                entries += [
                    self._entry(agent, moment) for moment in self._moments(agent, at, today)
                ]
            entries.sort(key=lambda entry: (entry[0]["created_at"], entry[0]["id"]))
            each = count / len(self._agents)
            reads = [read for agent in self._agents for read in agent.reads(rng, each)]
            rng.shuffle(reads)
            records = tuple([record for record, _ in entries])
            yield Day(at, records, tuple(reads)), [origin for _, origin in entries]

    def _moments(self, agent: Agent, at: datetime, count: int) -> list[datetime]:
        """Return the times of an agent's items: close together within a session."""
        rng, left = self._rng, agent.session_left
        reached = 0.0
        offsets: list[float] = []
        for _ in range(count):
            pause = left == 0
            left = (self._session_length() if pause else left) - 1
            reached += rng.expovariate(1) * (30 if pause else 1)
            offsets.append(reached)
        scale = WAKING_SECONDS / (reached + 5)
        return [at + timedelta(microseconds=int(offset * scale * 1e6)) for offset in offsets]

    def _session_length(self) -> int:
        low, high = SESSION_ITEMS
        return low + int(self._random() * (high - low + 1))

    def _begin(self, agent: Agent, at: datetime) -> None:
        """Start a session of the agent: mostly about the newest of the projects."""
        agent.session_left = self._session_length()
        agent.session_id = self._id(at)
        number = min(PROJECTS_MAX, PROJECTS_AT_ONCE + 1 + self._items // ITEMS_PER_PROJECT)
        progress = self._made / max(1, self._items)
        newest = PROJECTS_AT_ONCE - 1 + int(progress * (number - PROJECTS_AT_ONCE + 1))
        newest = min(number - 1, newest)
        agent.place = max(0, newest - int(self._rng.expovariate(0.8)))
        while len(self._projects) <= agent.place:
            self._projects.append(self._project())

    def _project(self) -> tuple[Project, Toolbox]:
        rng, line = self._rng, FIELDS[len(self._projects) % len(FIELDS)]
        if line.name not in self._words:
            self._words[line.name] = field_slots(rng, line, self._shared)
        name = f"{rng.choice(NOUNS)}-{rng.choice(NOUNS)}"
        project = Project(rng, name, line, self._words[line.name])
        return project, Toolbox(rng, project)

    def _id(self, at: datetime) -> str:
        """Return an id like those that the store gives: ordered by time, then random."""
        micros = int(at.timestamp()) * 1_000_000 + at.microsecond
        number = ((micros // 1_000) << 80) | ((micros % 1_000) << 70) | self._rng.getrandbits(70)
        return "".join([_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5)])

    def _entry(self, agent: Agent, at: datetime) -> tuple[Record, str]:
        rnd = self._random
        if agent.session_left == 0:
            self._begin(agent, at)
        agent.session_left -= 1
        self._made += 1
        form = _FORMS[int(rnd() * len(_FORMS))]
        said, origin = self._said(agent, form, at)
        pinned = rnd() < PINNED
        importance = round(self._importance(form, pinned=pinned), 2)
        record: Record = {
            "id": self._id(at),
            "content": said.content,
            "agent": agent.name,
            "kind": _KINDS[form],
            "tier": _TIERS.get(form, "long_term"),
            "importance": importance,
            "tags": [*said.tags, "pinned"] if pinned else [*said.tags],
            "metadata": dict(said.metadata),
            "session_id": agent.session_id,
            "created_at": at,
        }
        agent.ids.append(record["id"])
        agent.importances.append(importance)
        return record, origin

    def _importance(self, form: str, *, pinned: bool) -> float:
        rnd = self._random
        if pinned or rnd() < 0.03:
            return 0.82 + 0.18 * rnd()
        return (0.05 if form in _TIERS else 0.2) + 0.55 * rnd() ** 2

    def _said(self, agent: Agent, form: str, at: datetime) -> tuple[Said, str]:
        """Return something new, or what the agent has had lately, again or nearly so."""
        rnd = self._random
        recent = agent.recent.setdefault(form, [])
        draw = rnd()
        if recent and draw < NEAR_DUPLICATES + EXACT_DUPLICATES:
            base = recent[int(rnd() * len(recent))]
            if draw < EXACT_DUPLICATES:
                return base, "exact"
            project = self._projects[agent.place][0]
            return self._repeater.again(project, form, base, at), "near"
        said = self._makers[form](agent, at)
        if len(recent) < RECENT:
            recent.append(said)
        else:
            recent[int(rnd() * RECENT)] = said
        return said, "new"

    def _about(self, agent: Agent, at: datetime, content: Content, **more: Any) -> Said:
        project = self._projects[agent.place][0]
        tags = [project.field.name]
        if self._random() < 0.5:
            tags.append(project.name)
        if self._random() < 0.4:
            tags.append(project.word("name"))
        # A name may be that of the field as well, and a tag is there once.
        unique = tuple(dict.fromkeys(tags))
        metadata = {"project": project.name, **more}
        return Said(content=content, metadata=metadata, tags=unique, at=at)

    def _turn(self, agent: Agent, at: datetime) -> Said:
        agent.turns += 1
        asked = agent.turns % 2 == 1
        chars = TURN_CHARS[0] + 1 + int(self._random() ** 2 * 440)
        text = cut(self._projects[agent.place][0].turn(chars, asked=asked), TURN_CHARS[1], " ")
        return self._about(agent, at, text, role="user" if asked else "assistant")

    def _tool(self, agent: Agent, at: datetime) -> Said:
        toolbox = self._projects[agent.place][1]
        result = toolbox.call(560 + int(self._random() ** 2 * 4_700), at)
        took = round(self._random() ** 3 * 9_000, 1)
        return self._about(agent, at, result.content, tool=result.tool, took_ms=took)

    def _document(self, agent: Agent, at: datetime) -> Said:
        low, high = DOCUMENT_CHARS
        chars = low + 100 + int(self._random() ** 3 * (high - low - 1_000))
        project = self._projects[agent.place][0]
        text = cut(project.document(chars, f"{at:%Y-%m-%d}"), high - 600, "\n")
        return self._about(agent, at, text, path=project.word("path"), revision=1)

    def _fact(self, agent: Agent, at: datetime) -> Said:
        text = cut(self._projects[agent.place][0].fact(), FACT_CHARS_MAX - 60, " ")
        return self._about(agent, at, text, confidence=round(0.5 + self._random() / 2, 2))

    def _procedure(self, agent: Agent, at: datetime) -> Said:
        chars = 300 + int(self._random() ** 2 * 1_500)
        return self._about(agent, at, self._projects[agent.place][0].procedure(chars), runs=0)
