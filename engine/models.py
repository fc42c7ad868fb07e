"""The frozen values that the engine takes and returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import Enum, IntEnum
from typing import Any, TypeAlias, TypeVar

Json: TypeAlias = "bool | int | float | str | list[Any] | dict[str, Any] | None"
Content: TypeAlias = "Json | bytes"
"""What an item holds: any JSON value, text or bytes (a Python object only with opt-in pickle)."""


class Tier(IntEnum):
    """Where an item lives, from closest to the agent to furthest; the number is what is stored."""

    WORKING = 0
    SHORT_TERM = 1
    LONG_TERM = 2
    ARCHIVE = 3

    @property
    def label(self) -> str:
        """The name used in queries, files and on screen: `working`, `short_term`, ..."""
        return self.name.lower()


class Codec(IntEnum):
    """How an item's content is stored: what its bytes are, and how they are packed.

    `COMPRESSED` is zstd alone, `DICTIONARY` zstd with a dictionary trained on the store, `DELTA`
    the difference from a content much like it.
    """

    JSON = 0
    TEXT = 1
    BYTES = 2
    PICKLE = 3
    JSON_COMPRESSED = 16
    TEXT_COMPRESSED = 17
    BYTES_COMPRESSED = 18
    PICKLE_COMPRESSED = 19
    JSON_DICTIONARY = 32
    TEXT_DICTIONARY = 33
    BYTES_DICTIONARY = 34
    PICKLE_DICTIONARY = 35
    JSON_DELTA = 48
    TEXT_DELTA = 49
    BYTES_DELTA = 50
    PICKLE_DELTA = 51

    @property
    def label(self) -> str:
        """For people: `json`, `json+zstd`, `json+dictionary` or `json+delta`."""
        return self.base.name.lower() + _PACKINGS[self >> 4]

    @property
    def base(self) -> Codec:
        """The codec without its packing."""
        return CODECS[self & 15]

    @property
    def compressed(self) -> bool:
        """True if the stored bytes are packed in any way."""
        return self >= 16


_PACKINGS = ("", "+zstd", "+dictionary", "+delta")

# Looking a member up by its number is ten times faster here than by calling the enum.
CODECS = {int(codec): codec for codec in Codec}
TIER_OF = tuple(Tier)


KINDS = ("episodic", "semantic", "procedural", "declarative", "working")
"""The kinds with a known meaning; any other word is a kind too."""

TIERS = tuple(tier.label for tier in Tier)


T = TypeVar("T")


def _set_slots_directly(cls: type[T]) -> type[T]:
    """Give a frozen dataclass with slots an `__init__` that fills them without a detour.

    The generated one calls `object.__setattr__` by name for every field. An item is made for
    every read, and that was a fifth of the time of one: 2.7 us against 1.0.
    """
    names = [field.name for field in fields(cls)]  # type: ignore[arg-type]
    body = "".join(f"\n    set_{name}(self, {name})" for name in names)
    scope = {f"set_{name}": getattr(cls, name).__set__ for name in names}
    exec(f"def __init__(self, *, {', '.join(names)}):{body}", scope)  # noqa: S102 - as dataclass
    setattr(cls, "__init__", scope["__init__"])  # noqa: B010 - mypy knows no such assignment
    return cls


@_set_slots_directly
@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One memory. Times are aware and in UTC; `size_bytes` is of the content before compression."""

    id: str
    content: Any
    agent: str
    kind: str
    tier: Tier
    importance: float
    tags: frozenset[str]
    metadata: Mapping[str, Any]
    session_id: str | None
    created_at: datetime
    updated_at: datetime
    last_accessed_at: datetime | None
    access_count: int
    version: int
    codec: Codec
    size_bytes: int
    stored_bytes: int
    content_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Association:
    """A directed, typed link between two items; `strength` is 0..1."""

    source_id: str
    target_id: str
    relation: str
    strength: float
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """An item as a row of a list: everything but the content, of which `text` is the beginning.

    `key` is the store's internal row number: stable while the item lives, never used again.
    `text` is as stored; it must be made harmless before it is drawn.
    """

    key: int
    id: str
    agent: str
    kind: str
    tier: Tier
    importance: float
    tags: tuple[str, ...]
    created_at: datetime
    updated_at: datetime
    last_accessed_at: datetime | None
    access_count: int
    size_bytes: int
    version: int
    codec: Codec
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkResult:
    """What a bulk action did; `undo(first_sequence, last_sequence)` takes it back.

    Both sequences are None when nothing matched or nothing differed.
    """

    count: int
    first_sequence: int | None
    last_sequence: int | None


class Operation(Enum):
    """What a change did."""

    CREATE = 1
    UPDATE = 2
    DELETE = 3
    TAG = 4
    ASSOCIATE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One row of history. `before` and `after` hold only the fields that the change touched.

    Field names are those of `Item` (tags sorted, tiers by label, times as ISO 8601), and
    `associations`: a list of `{source, target, relation, strength}`. A field that is absent on
    one side did not exist there: `before` of a CREATE and `after` of a DELETE are empty.
    """

    sequence: int
    at: datetime
    actor: str
    operation: Operation
    item_id: str
    version: int
    undoes: int | None
    before: Mapping[str, Any]
    after: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeNotice:
    """One change as seen by `watch()`: what happened to which item, without the values."""

    sequence: int
    at: datetime
    actor: str
    operation: Operation
    item_id: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some of a query's items in order; `cursor` continues after them, None at the end."""

    items: tuple[Item, ...]
    cursor: str | None
    dropped_words: tuple[str, ...] = ()
    capped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchHit:
    """An item found by full text; `snippet` marks each match by (start, end) in `highlights`."""

    item: Item
    score: float
    snippet: str
    highlights: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """Ranked hits, best first, and what was left out to answer in bounded time.

    `dropped_words` were too common to tell items apart; with `capped`, only the newest matches
    of a common word were ranked.
    """

    hits: tuple[SearchHit, ...]
    dropped_words: tuple[str, ...] = ()
    capped: bool = False

    def __iter__(self) -> Any:
        return iter(self.hits)

    def __len__(self) -> int:
        return len(self.hits)

    def __getitem__(self, index: int) -> SearchHit:
        return self.hits[index]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facets:
    """Counts by value, most first (tiers from working to archive); `exact` is False when capped."""

    total: int
    tiers: Mapping[Tier, int]
    kinds: Mapping[str, int]
    tags: Mapping[str, int]
    agents: Mapping[str, int]
    exact: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class TierSettings:
    """How many items each tier holds for an agent, and when items move by themselves.

    A capacity of None is unlimited. The archive takes everything.
    """

    working: int | None = 100
    short_term: int | None = 1_000
    long_term: int | None = None
    demote_share: float = 0.1
    """Part of a full tier's capacity that makes room at once, the lowest by retention score."""
    promote: bool = True
    """Whether reading an item may move it up."""
    promote_accesses: int = 3
    promote_within_hours: float = 1.0
    promote_importance: float = 0.8
    promote_pause_minutes: float = 5.0
    """What had to make room is not moved up again for so long, however often it is read."""
    idle_hours: float = 24.0
    idle_accesses: int = 2
    """`optimize` moves down what was idle for so long with fewer accesses than this."""

    def capacity(self, tier: Tier) -> int | None:
        """Return how many items of one agent a tier holds, None for any number."""
        return (self.working, self.short_term, self.long_term, None)[tier]


@dataclass(frozen=True, slots=True, kw_only=True)
class TierStats:
    """What one agent has in one tier; `bytes` are of the contents as stored."""

    agent: str
    tier: Tier
    count: int
    capacity: int | None
    mean_importance: float
    mean_age_seconds: float
    bytes: int

    @property
    def utilisation(self) -> float | None:
        """Part of the capacity that is taken; None where there is no limit."""
        return None if self.capacity is None else self.count / max(1, self.capacity)


@dataclass(frozen=True, slots=True, kw_only=True)
class TierCount:
    """How many items one agent has in one tier; `capacity` is None where there is no limit."""

    agent: str
    tier: Tier
    count: int
    capacity: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TierFlow:
    """How many items came into a tier and left it in a span of time."""

    entered: int
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionScore:
    """What speaks for keeping an item close; see `engine/procedures/retention.py`."""

    importance: float
    recency: float
    frequency: float

    @property
    def total(self) -> float:
        """The sum of the parts, 0 to 1.6."""
        return self.importance + self.recency + self.frequency


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One move of an item between tiers; `sequence` is that of its change.

    `reason` is `edit`, `undo`, `full` (made room), `idle`, `recalled`, `important`, or the name
    of a policy; `score` is the retention score then.
    """

    sequence: int
    item_id: str
    from_tier: Tier
    to_tier: Tier
    at: datetime
    reason: str
    score: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedItem:
    """An item that a custom index leaves out, since its function had no answer, and why."""

    item_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomIndex:
    """A custom index; `state` is `ready`, `building`, or `stale` while it lacks changes of items.

    `path` is None where a Python function gives the values; `bytes` is an estimate.
    """

    name: str
    path: str | None
    created_at: datetime
    items: int
    """How many items have a value in it."""
    bytes: int
    uses: int
    """How many queries it drove."""
    state: str
    failed: int = 0
    failed_items: tuple[FailedItem, ...] = ()
    """The first 100 of those that failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexCheck:
    """What of a custom index disagrees with the items: both empty if nothing does.

    `missing` are items with a value that it lacks, `extra` those of which it has one too many; the
    first 1,000 of each.
    """

    name: str
    items: int
    missing: tuple[str, ...]
    extra: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether the index is what the items say."""
        return not self.missing and not self.extra


SESSION_STATES = ("ended", "interrupted", "crashed", "open")


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One agent run, as stored; `state` is one of `SESSION_STATES`."""

    id: str
    agent: str
    title: str
    state: str
    started_at: datetime
    ended_at: datetime | None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a session, by `ordinal` from 1."""

    session_id: str
    ordinal: int
    role: str
    content: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreInfo:
    """Facts about an open store."""

    path: str
    store_id: str
    schema_version: int
    created_at: datetime
    items: int
    sequence: int
    file_bytes: int
    wal_bytes: int
    read_only: bool
    durability: str
    sqlite_version: str
    driver: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A process that has a store open for writing: which, where, since when, and what it is."""

    process_id: int
    host: str
    program: str
    since: datetime
