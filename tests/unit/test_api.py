"""The public surface, pinned: what is exported, and how it is called.

A change here is a change for every user: make it on purpose, and say so in the changelog.
"""

from __future__ import annotations

import inspect
import re
import subprocess
import sys

import pytest

import engine
from engine import MemoryStore

EXPORTED = [
    "RestoreReport",
    "PastRestore",
    "DifferenceCounts",
    "ItemDifference",
    "ItemSides",
    "LinkDifference",
    "RestorePoint",
    "StoreDifference",
    "Timeline",
    "TimelineBucket",
    "RestorePointError",
    "StoreInUseError",
    "Holder",
    "Backup",
    "BackupNotFoundError",
    "BrokenChainError",
    "CorruptBackupError",
    "InvalidBackupError",
    "VerifyReport",
    "CustomIndex",
    "FailedItem",
    "IndexCheck",
    "IndexNotFoundError",
    "InvalidIndexError",
    "StaleIndexError",
    "KINDS",
    "TIERS",
    "UNCHANGED",
    "Association",
    "BeforeAndAfter",
    "BulkResult",
    "Change",
    "ChangeNotFoundError",
    "ChangeNotice",
    "Clock",
    "Codec",
    "CorruptItemError",
    "CorruptStoreError",
    "EngineError",
    "Facets",
    "Filter",
    "Forgetting",
    "InvalidContentError",
    "InvalidCursorError",
    "InvalidFilterError",
    "InvalidItemError",
    "Item",
    "ItemNotFoundError",
    "LimitExceededError",
    "Limits",
    "MemoryStore",
    "Message",
    "NotAStoreError",
    "Operation",
    "Page",
    "PickledContent",
    "Preview",
    "QueryInterruptedError",
    "QueryTimeoutError",
    "ReadOnlyStoreError",
    "SchemaTooNewError",
    "SearchHit",
    "SearchResult",
    "Session",
    "StorageError",
    "StorageFullError",
    "StoreBusyError",
    "StoreClosedError",
    "StoreError",
    "StoreInfo",
    "InvalidPolicyError",
    "PolicyNotFoundError",
    "StalePlanError",
    "RunInUseError",
    "RunNotFoundError",
    "Plan",
    "PlannedChange",
    "PolicyPlan",
    "Run",
    "DEFAULT_POLICIES",
    "Policy",
    "dump_policies",
    "load_policies",
    "InvalidSettingError",
    "RetentionScore",
    "TierCount",
    "TierFlow",
    "TierSettings",
    "TierStats",
    "Transition",
    "StoreNotFoundError",
    "Tier",
    "TransferError",
    "UndoConflictError",
    "UnsafeContentError",
    "UnsafePathError",
    "VersionConflictError",
    "open_store",
    "parse",
    "parse_mongo",
    "system_clock",
    "to_text",
]

METHODS = {
    "at": "(self, *, sequence: int | None = None, time: datetime | None = None) -> View",
    "diff": "(self, before: Point, after: Point | None = None) -> StoreDifference",
    "diff_item": "(self, difference: StoreDifference, item_id: str) -> ItemSides",
    "diff_items": "(self, difference: StoreDifference) -> AsyncGenerator[ItemDifference, None]",
    "diff_links": "(self, difference: StoreDifference) -> list[LinkDifference]",
    "holders": "(self) -> list[Holder]",
    "timeline": "(self, buckets: int = 60) -> Timeline",
    "associate": "(self, source_id: str, target_id: str, *, relation: str = related, "
    "strength: float = 1.0, actor: str | None = None) -> Association",
    "associations": '(self, item_id: str, *, direction: "Literal[both, out, in]" = '
    "both) -> list[Association]",
    "bulk_delete": "(self, *, ids: Iterable[str] | None = None, query: Query | None = "
    "None, actor: str | None = None, progress: Progress | None = None) "
    "-> BulkResult",
    "bulk_update": "(self, *, ids: Iterable[str] | None = None, query: Query | None = "
    "None, agent: str | UnchangedType = <Unchanged.UNCHANGED: 0>, kind: "
    "str | UnchangedType = <Unchanged.UNCHANGED: 0>, tier: Tier | str | "
    "UnchangedType = <Unchanged.UNCHANGED: 0>, importance: float | "
    "UnchangedType = <Unchanged.UNCHANGED: 0>, add_tags: Iterable[str] "
    "= (), remove_tags: Iterable[str] = (), actor: str | None = None, "
    "progress: Progress | None = None) -> BulkResult",
    "changes": "(self, after: int = 0, *, limit: int = 1000) -> list[ChangeNotice]",
    "close": "(self) -> None",
    "complete": "(self, field: str, prefix: str, limit: int = 20) -> list[tuple[str, int]]",
    "content_bytes": "(self, item_id: str, start: int = 0, length: int = 65536) -> bytes",
    "count": "(self, query: Query = ) -> int",
    "delete": "(self, item_id: str, *, version: int | None = None, actor: str | "
    "None = None) -> bool",
    "dissociate": "(self, source_id: str, target_id: str, *, relation: str | None = "
    "None, actor: str | None = None) -> int",
    "facets": "(self, where: Query = , *, tags_max: int = 50) -> Facets",
    "find_keys": "(self, ids: Iterable[str]) -> dict[str, int]",
    "flush": "(self) -> None",
    "get": "(self, item_id: str) -> Item | None",
    "get_many": "(self, ids: Iterable[str]) -> list[Item]",
    "history": "(self, item_id: str, *, limit: int = 100, before: int | None = "
    "None) -> list[Change]",
    "import_associations": "(self, associations: Sequence[Association], *, actor: str | None = "
    "None) -> int",
    "import_items": "(self, records: Iterable[Mapping[str, Any]], *, actor: str | None "
    "= None) -> int",
    "info": "(self) -> StoreInfo",
    "iterate": "(self, query: Query = , *, order_by: str = created_at, "
    "skip_corrupt: bool = False) -> AsyncGenerator[Item, None]",
    "iterate_associations": "(self) -> AsyncGenerator[Association, None]",
    "limits": "property",
    "messages": "(self, session_id: str) -> list[Message]",
    "peek": "(self, item_id: str) -> Item | None",
    "previews": "(self, keys: Iterable[int]) -> dict[int, Preview]",
    "put": "(self, id: str | None, content: Any, *, agent: str = default, "
    "kind: str = semantic, tier: Tier | str = <Tier.LONG_TERM: 2>, "
    "importance: float = 0.5, tags: Iterable[str] = (), metadata: "
    "Mapping[str, Any] | None = None, session_id: str | None = None, "
    "created_at: Any = None, actor: str | None = None) -> Item",
    "put_many": "(self, records: Iterable[Mapping[str, Any]], *, actor: str | None "
    "= None) -> list[Item]",
    "put_messages": "(self, records: Sequence[Message]) -> None",
    "put_sessions": "(self, records: Sequence[Session]) -> None",
    "query": "(self, query: Query = , *, order_by: str = -created_at, limit: int "
    "= 100, after: str | None = None) -> Page",
    "read_only": "property",
    "scan": "(self, query: Query = , *, order_by: str = -created_at, first: int "
    "= 256, chunk: int = 8192) -> AsyncGenerator[array[int], None]",
    "search": "(self, words: str, *, where: Query = , limit: int = 20, prefix: "
    "bool = False) -> SearchResult",
    "sequence": "(self) -> int",
    "sessions": "(self) -> list[Session]",
    "tag": "(self, item_id: str, *tags: str, actor: str | None = None) -> Item",
    "undo": "(self, sequence: int, through: int | None = None, *, force: bool = "
    "False, actor: str | None = None) -> list[int]",
    "untag": "(self, item_id: str, *tags: str, actor: str | None = None) -> Item",
    "update": "(self, item_id: str, *, content: Any = <Unchanged.UNCHANGED: 0>, "
    "agent: str | UnchangedType = <Unchanged.UNCHANGED: 0>, kind: str | "
    "UnchangedType = <Unchanged.UNCHANGED: 0>, tier: Tier | str | "
    "UnchangedType = <Unchanged.UNCHANGED: 0>, importance: float | "
    "UnchangedType = <Unchanged.UNCHANGED: 0>, tags: Iterable[str] | "
    "UnchangedType = <Unchanged.UNCHANGED: 0>, metadata: Mapping[str, "
    "Any] | UnchangedType | None = <Unchanged.UNCHANGED: 0>, "
    "session_id: str | UnchangedType | None = <Unchanged.UNCHANGED: 0>, "
    "version: int | None = None, actor: str | None = None) -> Item",
    "watch": "(self, after: int | None = None) -> AsyncGenerator[ChangeNotice, None]",
}

OPEN_STORE = (
    '(path: str | os.PathLike[str], *, durability: "Literal[full, '
    'relaxed]" = full, read_only: bool = False, create: bool = True, '
    "actor: str = , clock: Clock = system_clock, limits: Limits | None "
    "= None, busy_timeout_seconds: float = 5.0, allow_pickle: bool = "
    "False, extractors: Mapping[str, Extractor] | None = None) -> _Opening"
)


def test_the_package_exports_this() -> None:
    """Nothing is exported by accident, nothing goes missing."""
    assert sorted(engine.__all__) == sorted(EXPORTED)
    assert engine.__all__ == sorted(set(engine.__all__), key=exported_order)


def exported_order(name: str) -> tuple[int, str]:
    """Constants, then classes, then functions, as ruff sorts them."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


@pytest.mark.parametrize("name", EXPORTED)
def test_every_export_is_there_and_documented(name: str) -> None:
    """Each name exists; classes and functions say what they promise."""
    value = getattr(engine, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        assert inspect.getdoc(value)


def test_the_store_has_these_methods() -> None:
    """No method comes or goes by accident."""
    assert sorted(name for name in dir(MemoryStore) if not name.startswith("_")) == sorted(METHODS)


@pytest.mark.parametrize("name", METHODS)
def test_methods_are_called_like_this(name: str) -> None:
    """Names, order and defaults of the parameters are kept, and each method has its promise."""
    method = inspect.getattr_static(MemoryStore, name)
    assert inspect.getdoc(method)
    if METHODS[name] == "property":
        assert isinstance(method, property)
    else:
        assert signature(method) == METHODS[name]


def test_a_store_is_opened_like_this() -> None:
    """Every option is by keyword, with its default."""
    assert signature(engine.open_store) == OPEN_STORE


def signature(function: object) -> str:
    """Return a signature without quotes and addresses, which say nothing to a caller."""
    text = str(inspect.signature(function))  # type: ignore[arg-type]
    return re.sub(r"<function (\w+) at \w+>", r"\1", text).replace("'", "")


def test_values_are_frozen_and_by_keyword() -> None:
    """No value can be changed after it was given."""
    names = (
        "Item Association Preview Change ChangeNotice Page SearchHit SearchResult Facets Session "
        "Message StoreInfo BulkResult Limits"
    )
    for name in names.split():
        value = getattr(engine, name)
        parameters = value.__dataclass_params__
        assert parameters.frozen, name
        assert all(field.kw_only for field in value.__dataclass_fields__.values()), name
        assert hasattr(value, "__slots__"), name


def test_star_import_gives_the_exports() -> None:
    """`from engine import *` is the public surface."""
    script = "from engine import *; import engine; print(set(engine.__all__) <= set(dir()))"
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "True"
