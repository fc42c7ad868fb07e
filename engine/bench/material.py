"""What to ask for, drawn from the store itself with a seed: ids, names, times, words, texts."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from engine.backends.sqlite.connection import connect_reader
from engine.backends.sqlite.driver import translated
from engine.clock import to_microseconds
from engine.errors import StoreError
from engine.models import Facets
from engine.store import MemoryStore
from engine.text import COMMON_WORDS, query_words

T = TypeVar("T")

ITEMS_MIN = 50
SAMPLED_ITEMS = 4_000
HOT_ITEMS = 2_000
AGENT_ITEMS = 20_000
"""How many items the agent that is searched should have."""
TAGS_MAX = 20_000
POPULAR_TAGS = 20
TEXT_CHARS = 500
QUESTION_WORDS = 8
WORD_CHARS_MIN = 3

# Parts of the items that have a word.
RARE_MAX = 0.001
MIDDLING = (0.003, 0.03)
COMMON = (0.03, 0.1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Words of the store by how many of its items have them."""

    rare: Sequence[str]
    middling: Sequence[str]
    common: Sequence[str]
    very_common: Sequence[str]
    questions: Sequence[str]
    """Eight words in a row, as somebody wrote them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What the measurements draw from."""

    facets: Facets
    hot_ids: Sequence[str]
    created_from: int
    created_to: int
    popular_tags: Sequence[str]
    rare_tags: Sequence[str]
    words: Words
    texts: Sequence[str]

    @property
    def searched_agent(self) -> str:
        """The agent whose number of items is nearest to 20,000."""
        agents = self.facets.agents
        return min(agents, key=lambda agent: abs(agents[agent] - AGENT_ITEMS))


async def gather(store: MemoryStore, path: Path, rng: random.Random) -> Material:
    """Look at the store and return what to ask of it.

    Raises:
        StoreError: it holds too little.
    """
    facets = await store.facets(tags_max=TAGS_MAX)
    if facets.total < ITEMS_MIN:
        raise StoreError(
            f"{facets.total} items are too few to measure",
            hint="measure a generated store instead: --size 100000",
        )
    ids = _draw_ids(path, rng, SAMPLED_ITEMS)
    contents = [item.content for item in await store.get_many(ids)]
    texts = [content for content in contents if isinstance(content, str)]
    oldest = (await store.query("", order_by="created_at", limit=1)).items[0]
    newest = (await store.query("", order_by="-created_at", limit=1)).items[0]
    tags = sorted(facets.tags, key=lambda tag: -facets.tags[tag])
    few = max(2, facets.total // 5_000)
    return Material(
        facets=facets,
        hot_ids=rng.sample(ids, min(HOT_ITEMS, len(ids))),
        created_from=to_microseconds(oldest.created_at),
        created_to=to_microseconds(newest.created_at),
        popular_tags=tags[:POPULAR_TAGS],
        rare_tags=[tag for tag in tags if facets.tags[tag] <= few] or tags[-POPULAR_TAGS:],
        words=_words(texts, rng),
        texts=_long_texts(texts, rng),
    )


def _draw_ids(path: Path, rng: random.Random, number: int) -> list[str]:
    connection = connect_reader(path, immutable=False, busy_timeout_seconds=5.0)
    with closing(connection), translated():
        (last,) = connection.execute("SELECT max(item_key) FROM items").fetchone()
        found: dict[str, None] = {}
        for _ in range(number):
            row = connection.execute(
                "SELECT id FROM items WHERE item_key >= ? LIMIT 1", (rng.randint(1, last),)
            ).fetchone()
            found[row[0]] = None
    return list(found)


_WORD = re.compile(r"[^\W\d_]+")


def words_in(text: str) -> list[str]:
    """Return the words of a text that somebody might search for; of scripts without spaces, two
    characters at a time."""
    found: list[str] = []
    for run in _WORD.findall(text):
        if run.isascii():
            if len(run) >= WORD_CHARS_MIN and not any(c.isupper() for c in run[1:]):
                found.append(run.lower())
        else:
            found.extend(query_words(run)[:1])
    return [word if word.isascii() else word[:2] for word in found]


def _words(texts: Sequence[str], rng: random.Random) -> Words:
    have: Counter[str] = Counter()
    questions: list[str] = []
    for text in texts:
        words = words_in(text)
        have.update(set(words))
        if len(words) >= QUESTION_WORDS:
            begin = rng.randrange(len(words) - QUESTION_WORDS + 1)
            questions.append(" ".join(words[begin : begin + QUESTION_WORDS]))
    total = max(len(texts), 1)
    telling = sorted(word for word in have if word not in COMMON_WORDS)
    share = {word: have[word] / total for word in telling}

    def between(low: float, high: float) -> list[str]:
        return [word for word in telling if low <= share[word] < high]

    def seen_once() -> list[str]:
        return [word for word in telling if have[word] == 1]

    anything = telling or ["memory", "store", "agent"]
    return Words(
        rare=between(0.0, RARE_MAX) or seen_once() or anything,
        middling=between(*MIDDLING) or anything,
        common=between(*COMMON) or anything,
        very_common=between(COMMON[1], 2.0) or between(*COMMON) or anything,
        questions=questions or [" ".join(rng.choices(anything, k=QUESTION_WORDS))],
    )


def _long_texts(texts: Sequence[str], rng: random.Random) -> list[str]:
    """Return texts of about 500 bytes, put together from those of the store."""
    source = [text for text in texts if text.strip()] or ["the user asked about the store"]
    made = []
    for _ in range(min(2_000, max(200, len(source)))):
        parts: list[str] = []
        while sum(len(part) + 1 for part in parts) < TEXT_CHARS:
            parts.append(rng.choice(source)[: TEXT_CHARS // 2])
        made.append("\n".join(parts)[:TEXT_CHARS])
    return made


def weighted(counts: dict[T, int], rng: random.Random) -> Callable[[], T]:
    """Return a function that draws a name as often as items have it."""
    names, weights = list(counts), list(counts.values())
    return lambda: rng.choices(names, weights)[0]


def new_record(number: int, material: Material, rng: random.Random, prefix: str) -> dict[str, Any]:
    """Return an item to put: a text of 500 bytes, three tags, metadata."""
    return {
        "id": f"{prefix}/{number:08}",
        "content": rng.choice(material.texts),
        "agent": rng.choice(list(material.facets.agents)),
        "kind": "episodic",
        "importance": round(rng.random(), 2),
        "tags": rng.sample(material.popular_tags, min(3, len(material.popular_tags))),
        "metadata": {"source": "bench", "number": number},
    }
