"""Generated memories of any number, in constant memory and the same ones for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from inspector.sample.texts import Texts, zipf
from inspector.sample.words import ADJECTIVES, AGENTS, NOUNS, POPULAR_TAGS

Record = dict[str, Any]

SPAN_SECONDS = 2 * 365 * 86_400
EPOCH_DAY = date(1970, 1, 1).toordinal()
BLOCK = 2_000
"""Items dealt to agents at a time; within a block each agent has its exact share."""

TWENTY_THOUSAND = 20_000
RECENT = 24
LANDMARKS = 512
"""Items of any age that later ones keep linking to: the hubs of the graph."""

WORKING_MAX = 80
NEAR_DUPLICATES = 0.20
EXACT_DUPLICATES = 0.01

_KINDS = ("episodic",) * 54 + ("semantic",) * 26 + ("declarative",) * 11 + ("procedural",) * 9
_RELATIONS = (
    *("related",) * 4,
    *("follows",) * 3,
    *("learned_from", "derived_from", "about") * 2,
    "contradicts",
)
_SOURCES = ("chat", "chat", "chat", "tool", "repo", "ticket", "mail", "logs", "meeting")
_LANGUAGES = ("python", "python", "sql", "rust", "en", "de", "zh", "ja")
_STATES = ("ended",) * 94 + ("interrupted",) * 4 + ("crashed",) * 2
_ROLES = ("user", "assistant", "tool", "assistant")


def generate(
    items: int, *, seed: int = 0, now: datetime, links_per_item: float = 0.5
) -> Iterator[Record]:
    """Yield the records of a memory with `items` items that ends at `now`.

    A session and its messages come before the first item that names it, an association after both
    of its ends, and items in order of time.

    Raises:
        ValueError: a negative number, or a `now` without a zone.
    """
    if items < 0 or links_per_item < 0:
        raise ValueError("items and links_per_item must not be negative")
    if now.tzinfo is None:
        raise ValueError("now must have a time zone")
    end = int(now.astimezone(UTC).timestamp())
    # A sample needs repeatable numbers, not unguessable ones.
    return _Generator(items, random.Random(seed), end, links_per_item).records()  # noqa: S311


def agent_sizes(items: int) -> list[int]:
    """Return how many items each agent has: skewed, and from 20,000 on two have just that many."""
    agents = min(len(AGENTS), 50, max(3, round(items**0.5 / 20)))
    weights = [(rank + 1) ** -0.6 for rank in range(agents)]
    scale = items / sum(weights)
    sizes = [int(weight * scale) for weight in weights]
    nearest = sorted(range(1, agents), key=lambda rank: abs(sizes[rank] - TWENTY_THOUSAND))
    for rank in nearest[:2]:
        if abs(sizes[rank] - TWENTY_THOUSAND) < TWENTY_THOUSAND // 10:
            sizes[rank] = TWENTY_THOUSAND
    sizes[0] += items - sum(sizes)
    return sizes


@cache
def _day_text(day: int) -> str:
    return date.fromordinal(EPOCH_DAY + day).isoformat()


def _time_text(seconds: float) -> str:
    day, second = divmod(int(seconds), 86_400)
    minute, second = divmod(second, 60)
    return f"{_day_text(day)}T{minute // 60:02d}:{minute % 60:02d}:{second:02d}Z"


@dataclass(slots=True)
class _Agent:
    name: str
    size: int
    project: str
    left: int = 0
    sessions: int = 0
    session_id: str = ""
    session_left: int = 0
    recent_ids: list[str] = field(default_factory=list)
    recent_texts: list[list[str]] = field(default_factory=list)

    def tier(self, draw: float) -> str:
        """The newest are close at hand, and the older the likelier in the archive."""
        if draw < 0.75 and self.left <= min(WORKING_MAX, self.size // 15):
            return "working"
        if draw < 0.9 and self.left <= self.size // 18 + 2:
            return "short_term"
        return "archive" if draw < 0.19 * self.left / self.size else "long_term"


class _Generator:
    def __init__(self, items: int, rng: random.Random, end: int, links_per_item: float) -> None:
        self._items = items
        self._rng = rng
        self._random = rng.random
        self._end = end
        self._start = end - SPAN_SECONDS
        self._links = links_per_item
        self._texts = Texts(rng, items=items)
        self._agents = [
            _Agent(name, size, f"{name}-{rng.choice(NOUNS)}", left=size)
            for name, size in zip(AGENTS, agent_sizes(items), strict=False)
        ]
        self._tags = [self._tag_set() for _ in range(8_191)]
        rare = [f"{adjective}-{noun}" for noun in dict.fromkeys(NOUNS) for adjective in ADJECTIVES]
        rng.shuffle(rare)
        self._rare_tags = zipf(rng, rare, 1 << 16)
        self._importance = [round(rng.betavariate(2.2, 2.8), 2) for _ in range(4_099)]
        self._accesses = [min(5_000, int(rng.paretovariate(1.1)) - 1) for _ in range(4_093)]
        self._landmarks: list[str] = []

    def _tag_set(self) -> list[str]:
        return [tag for tag, share in POPULAR_TAGS if self._random() < share]

    def records(self) -> Iterator[Record]:
        """Yield everything, in order of time."""
        step = SPAN_SECONDS / max(1, self._items)
        for number, agent in enumerate(self._deal()):
            at = self._start + int((number + self._random()) * step)
            if agent.session_left == 0:
                yield from self._session(agent, at)
            item = self._item(agent, number, at)
            yield item
            yield from self._associations(agent, item)
            self._remember(agent, item["id"], number)

    def _deal(self) -> Iterator[_Agent]:
        """Yield whose turn it is; every agent is spread evenly over the two years."""
        blocks = max(1, self._items // BLOCK)
        for block in range(blocks):
            turns = [
                agent
                for agent in self._agents
                for _ in range(
                    agent.size * (block + 1) // blocks - agent.size * block // blocks,
                )
            ]
            self._rng.shuffle(turns)
            yield from turns

    def _session(self, agent: _Agent, at: int) -> Iterator[Record]:
        """Yield a session with its messages, or nothing for a stretch of items without one."""
        rnd = self._random
        agent.session_left = 3 + int(rnd() * 12)
        agent.session_id = ""
        if rnd() > 0.4:
            return
        agent.sessions += 1
        agent.session_id = session_id = f"{agent.name}/session/{agent.sessions:06d}"
        last = agent.left <= agent.session_left
        length = min(self._end - at, 120 + int(rnd() * 5_400))
        yield {
            "type": "session",
            "id": session_id,
            "agent": agent.name,
            "title": self._texts.sentence(),
            "state": "open" if last else _STATES[int(rnd() * len(_STATES))],
            "started_at": _time_text(at),
            "ended_at": None if last else _time_text(at + length),
            "metadata": {"project": agent.project, "tokens": int(rnd() * 90_000)},
        }
        count = 3 + int(rnd() * 6)
        for ordinal in range(1, count + 1):
            yield {
                "type": "message",
                "session_id": session_id,
                "ordinal": ordinal,
                "role": _ROLES[(ordinal - 1) % 4],
                "content": self._texts.sentence(),
                "at": _time_text(at + length * (ordinal - 1) / count),
            }

    def _item(self, agent: _Agent, number: int, at: int) -> Record:
        rnd = self._random
        tier = agent.tier(rnd())
        kind = "working" if tier == "working" and rnd() < 0.7 else _KINDS[int(rnd() * 100)]
        created = _time_text(at)
        version = 1 if rnd() < 0.8 else 2 + int(rnd() * 5)
        accesses = self._accesses[int(rnd() * 4_093)]
        item_id = f"{agent.name}/{created[:10]}/{number:07d}"
        record: Record = {"id": item_id}
        self._fill(record, agent, kind, created)
        record["agent"] = agent.name
        record["kind"] = kind
        record["tier"] = tier
        record["importance"] = self._importance[int(rnd() * 4_099)]
        record["tags"] = self._item_tags()
        record["metadata"] = self._metadata(agent)
        if agent.session_id:
            record["session_id"] = agent.session_id
        record["created_at"] = created
        record["updated_at"] = created if version == 1 else self._later(at)
        record["last_accessed_at"] = self._later(at) if accesses else None
        record["access_count"] = accesses
        record["version"] = version
        agent.left -= 1
        agent.session_left -= 1
        return record

    def _later(self, at: int) -> str:
        draw = self._random()
        return _time_text(at + (self._end - at) * draw * draw)

    def _fill(self, record: Record, agent: _Agent, kind: str, created: str) -> None:
        """Put the content into `record`: mostly plain text, some of each other shape."""
        texts = self._texts
        draw = self._random()
        if draw < 0.03:
            record["content"] = texts.east_asian()
        elif draw < 0.035:
            record["content_base64"] = texts.base64_bytes()
        elif draw < 0.06:
            record["content"] = texts.log(created)
        else:
            sentences = self._sentences(agent, kind)
            if draw < 0.10:
                record["content"] = texts.markdown(sentences)
            elif draw < 0.22:
                record["content"] = texts.json_object(sentences)
            elif draw < 0.23:
                record["content"] = sentences
            else:
                record["content"] = " ".join(sentences)

    def _sentences(self, agent: _Agent, kind: str) -> list[str]:
        """Return new sentences, or what this agent has said lately, again or nearly so."""
        rnd, recent = self._random, agent.recent_texts
        draw = rnd()
        if recent and draw < NEAR_DUPLICATES:
            base = recent[int(rnd() * len(recent))]
            return base.copy() if draw < EXACT_DUPLICATES else self._texts.vary(base)
        sentences = self._texts.sentences(kind)
        if len(recent) < RECENT:
            recent.append(sentences)
        else:
            recent[int(rnd() * RECENT)] = sentences
        return sentences

    def _item_tags(self) -> list[str]:
        rnd = self._random
        tags = self._tags[int(rnd() * 8_191)].copy()
        if rnd() < 0.6:
            tags.append(self._rare_tags[int(rnd() * 65_536)])
        return tags

    def _metadata(self, agent: _Agent) -> Record:
        rnd = self._random
        metadata: Record = {"project": agent.project, "source": _SOURCES[int(rnd() * 9)]}
        draw = rnd()
        if draw < 0.25:
            metadata["language"] = _LANGUAGES[int(rnd() * 8)]
        elif draw < 0.40:
            metadata["ticket"] = f"LF-{1 + int(rnd() * 9_000)}"
        elif draw < 0.50:
            metadata["request"] = {"id": f"r-{int(rnd() * 1e9):x}", "ms": round(rnd() * 400, 1)}
        elif draw < 0.58:
            metadata["confidence"] = round(rnd(), 3)
        return metadata

    def _associations(self, agent: _Agent, item: Record) -> Iterator[Record]:
        """Yield links from a new item to earlier ones: mostly to recent ones of its agent."""
        rnd = self._random
        count = int(self._links + rnd())
        if not count or not agent.recent_ids:
            return
        seen: set[tuple[str, str]] = set()
        for _ in range(count):
            ids = self._landmarks if rnd() < 0.25 else agent.recent_ids
            target = ids[int(rnd() * len(ids))]
            relation = _RELATIONS[int(rnd() * len(_RELATIONS))]
            if (target, relation) in seen:
                continue
            seen.add((target, relation))
            yield {
                "type": "association",
                "source": item["id"],
                "target": target,
                "relation": relation,
                "strength": round(0.3 + 0.7 * rnd(), 2),
                "created_at": item["created_at"],
            }

    def _remember(self, agent: _Agent, item_id: str, number: int) -> None:
        """Let later items link to this one: for a while, and for ever if it becomes a landmark."""
        rnd, recent = self._random, agent.recent_ids
        if len(recent) < RECENT:
            recent.append(item_id)
        else:
            recent[int(rnd() * RECENT)] = item_id
        if number < LANDMARKS:
            self._landmarks.append(item_id)
        elif rnd() * number < LANDMARKS:
            self._landmarks[int(rnd() * LANDMARKS)] = item_id
