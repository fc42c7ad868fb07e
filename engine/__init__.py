"""An async memory store for AI agents, in one SQLite file.

```python
async with open_store("agent.db") as store:
    await store.put("user/name", "Ada", agent="atlas", tags={"user"})
```
"""

from __future__ import annotations

from engine.backups.manifest import Backup as Backup
from engine.backups.verifying import VerifyReport as VerifyReport
from engine.clock import Clock as Clock
from engine.clock import system_clock as system_clock
from engine.differences import DifferenceCounts as DifferenceCounts
from engine.differences import ItemDifference as ItemDifference
from engine.differences import ItemSides as ItemSides
from engine.differences import LinkDifference as LinkDifference
from engine.differences import PastRestore as PastRestore
from engine.differences import RestorePoint as RestorePoint
from engine.differences import RestoreReport as RestoreReport
from engine.differences import StoreDifference as StoreDifference
from engine.differences import Timeline as Timeline
from engine.differences import TimelineBucket as TimelineBucket
from engine.drafts import UNCHANGED as UNCHANGED
from engine.errors import BackupNotFoundError as BackupNotFoundError
from engine.errors import BrokenChainError as BrokenChainError
from engine.errors import ChangeNotFoundError as ChangeNotFoundError
from engine.errors import CorruptBackupError as CorruptBackupError
from engine.errors import CorruptItemError as CorruptItemError
from engine.errors import CorruptStoreError as CorruptStoreError
from engine.errors import EngineError as EngineError
from engine.errors import IndexNotFoundError as IndexNotFoundError
from engine.errors import InvalidBackupError as InvalidBackupError
from engine.errors import InvalidContentError as InvalidContentError
from engine.errors import InvalidCursorError as InvalidCursorError
from engine.errors import InvalidFilterError as InvalidFilterError
from engine.errors import InvalidIndexError as InvalidIndexError
from engine.errors import InvalidItemError as InvalidItemError
from engine.errors import InvalidPolicyError as InvalidPolicyError
from engine.errors import InvalidSettingError as InvalidSettingError
from engine.errors import ItemNotFoundError as ItemNotFoundError
from engine.errors import LimitExceededError as LimitExceededError
from engine.errors import NotAStoreError as NotAStoreError
from engine.errors import PolicyNotFoundError as PolicyNotFoundError
from engine.errors import QueryInterruptedError as QueryInterruptedError
from engine.errors import QueryTimeoutError as QueryTimeoutError
from engine.errors import ReadOnlyStoreError as ReadOnlyStoreError
from engine.errors import RestorePointError as RestorePointError
from engine.errors import RunInUseError as RunInUseError
from engine.errors import RunNotFoundError as RunNotFoundError
from engine.errors import SchemaTooNewError as SchemaTooNewError
from engine.errors import StaleIndexError as StaleIndexError
from engine.errors import StalePlanError as StalePlanError
from engine.errors import StorageError as StorageError
from engine.errors import StorageFullError as StorageFullError
from engine.errors import StoreBusyError as StoreBusyError
from engine.errors import StoreClosedError as StoreClosedError
from engine.errors import StoreError as StoreError
from engine.errors import StoreInUseError as StoreInUseError
from engine.errors import StoreNotFoundError as StoreNotFoundError
from engine.errors import TransferError as TransferError
from engine.errors import UndoConflictError as UndoConflictError
from engine.errors import UnsafeContentError as UnsafeContentError
from engine.errors import UnsafePathError as UnsafePathError
from engine.errors import VersionConflictError as VersionConflictError
from engine.lifecycle.plan import BeforeAndAfter as BeforeAndAfter
from engine.lifecycle.plan import Forgetting as Forgetting
from engine.lifecycle.plan import Plan as Plan
from engine.lifecycle.plan import PlannedChange as PlannedChange
from engine.lifecycle.plan import PolicyPlan as PolicyPlan
from engine.lifecycle.plan import Run as Run
from engine.lifecycle.policies import DEFAULT_POLICIES as DEFAULT_POLICIES
from engine.lifecycle.policies import Policy as Policy
from engine.lifecycle.policies import dump_policies as dump_policies
from engine.lifecycle.policies import load_policies as load_policies
from engine.limits import Limits as Limits
from engine.models import KINDS as KINDS
from engine.models import TIERS as TIERS
from engine.models import Association as Association
from engine.models import BulkResult as BulkResult
from engine.models import Change as Change
from engine.models import ChangeNotice as ChangeNotice
from engine.models import Codec as Codec
from engine.models import CustomIndex as CustomIndex
from engine.models import Facets as Facets
from engine.models import FailedItem as FailedItem
from engine.models import Holder as Holder
from engine.models import IndexCheck as IndexCheck
from engine.models import Item as Item
from engine.models import Message as Message
from engine.models import Operation as Operation
from engine.models import Page as Page
from engine.models import Preview as Preview
from engine.models import RetentionScore as RetentionScore
from engine.models import SearchHit as SearchHit
from engine.models import SearchResult as SearchResult
from engine.models import Session as Session
from engine.models import StoreInfo as StoreInfo
from engine.models import Tier as Tier
from engine.models import TierCount as TierCount
from engine.models import TierFlow as TierFlow
from engine.models import TierSettings as TierSettings
from engine.models import TierStats as TierStats
from engine.models import Transition as Transition
from engine.query import parse as parse
from engine.query import parse_mongo as parse_mongo
from engine.query import to_text as to_text
from engine.query.filter import Filter as Filter
from engine.serialization import PickledContent as PickledContent
from engine.store import MemoryStore as MemoryStore
from engine.store import open_store as open_store

__all__ = [
    "DEFAULT_POLICIES",
    "KINDS",
    "TIERS",
    "UNCHANGED",
    "Association",
    "Backup",
    "BackupNotFoundError",
    "BeforeAndAfter",
    "BrokenChainError",
    "BulkResult",
    "Change",
    "ChangeNotFoundError",
    "ChangeNotice",
    "Clock",
    "Codec",
    "CorruptBackupError",
    "CorruptItemError",
    "CorruptStoreError",
    "CustomIndex",
    "DifferenceCounts",
    "EngineError",
    "Facets",
    "FailedItem",
    "Filter",
    "Forgetting",
    "Holder",
    "IndexCheck",
    "IndexNotFoundError",
    "InvalidBackupError",
    "InvalidContentError",
    "InvalidCursorError",
    "InvalidFilterError",
    "InvalidIndexError",
    "InvalidItemError",
    "InvalidPolicyError",
    "InvalidSettingError",
    "Item",
    "ItemDifference",
    "ItemNotFoundError",
    "ItemSides",
    "LimitExceededError",
    "Limits",
    "LinkDifference",
    "MemoryStore",
    "Message",
    "NotAStoreError",
    "Operation",
    "Page",
    "PastRestore",
    "PickledContent",
    "Plan",
    "PlannedChange",
    "Policy",
    "PolicyNotFoundError",
    "PolicyPlan",
    "Preview",
    "QueryInterruptedError",
    "QueryTimeoutError",
    "ReadOnlyStoreError",
    "RestorePoint",
    "RestorePointError",
    "RestoreReport",
    "RetentionScore",
    "Run",
    "RunInUseError",
    "RunNotFoundError",
    "SchemaTooNewError",
    "SearchHit",
    "SearchResult",
    "Session",
    "StaleIndexError",
    "StalePlanError",
    "StorageError",
    "StorageFullError",
    "StoreBusyError",
    "StoreClosedError",
    "StoreDifference",
    "StoreError",
    "StoreInUseError",
    "StoreInfo",
    "StoreNotFoundError",
    "Tier",
    "TierCount",
    "TierFlow",
    "TierSettings",
    "TierStats",
    "Timeline",
    "TimelineBucket",
    "TransferError",
    "Transition",
    "UndoConflictError",
    "UnsafeContentError",
    "UnsafePathError",
    "VerifyReport",
    "VersionConflictError",
    "dump_policies",
    "load_policies",
    "open_store",
    "parse",
    "parse_mongo",
    "system_clock",
    "to_text",
]
