"""The only part of the app that talks to the engine; screens ask it and get plain values.

The engine is imported when a store is opened, not when the app is: the first frame is drawn
before that. Names of the engine that screens and widgets need are found here, on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inspector.gateway.opening import Gateway as Gateway
from inspector.gateway.opening import default_actor as default_actor
from inspector.gateway.reading import HISTORY_PAGE as HISTORY_PAGE
from inspector.gateway.reading import LIVE_IDS_MAX as LIVE_IDS_MAX
from inspector.gateway.reading import PREVIEW_BYTES_MAX as PREVIEW_BYTES_MAX
from inspector.gateway.values import Detail as Detail
from inspector.gateway.values import Part as Part
from inspector.gateway.values import Sequences as Sequences

if TYPE_CHECKING:
    from engine import (
        Association,
        Backup,
        BrokenChainError,
        BulkResult,
        Change,
        ChangeNotice,
        CorruptStoreError,
        DifferenceCounts,
        EngineError,
        Facets,
        Forgetting,
        Holder,
        InvalidFilterError,
        InvalidPolicyError,
        Item,
        ItemDifference,
        ItemNotFoundError,
        Operation,
        Plan,
        PlannedChange,
        Policy,
        Preview,
        ReadOnlyStoreError,
        RestorePoint,
        RestoreReport,
        RetentionScore,
        Run,
        StalePlanError,
        StoreDifference,
        StoreInfo,
        Tier,
        Transition,
        UndoConflictError,
        VerifyReport,
        VersionConflictError,
    )
    from engine.backups import Finding, Kind, PrunePlan, Retention
    from engine.doctor import Check, FillReport, SalvageReport
    from engine.lifecycle.policies import Action, Verb, parse_action
    from engine.query import (
        EVERYTHING,
        And,
        Compare,
        Field,
        Filter,
        Not,
        Operator,
        Or,
        Text,
        quote_value,
    )
    from engine.query import complete as complete_query
    from engine.query import highlight as highlight_query
    from engine.query import to_text as query_to_text
    from engine.transfer import TransferProgress, TransferReport
else:

    def __getattr__(name: str) -> Any:
        """Return a public name of the engine, importing it on first use."""
        import importlib

        for module_name in _ENGINE_MODULES:
            module = importlib.import_module(module_name)
            public = _RENAMED.get(name, name)
            if public in module.__all__:
                return getattr(module, public)
        raise AttributeError(name)


_ENGINE_MODULES = (
    "engine",
    "engine.query",
    "engine.lifecycle.policies",
    "engine.transfer",
    "engine.backups",
    "engine.doctor",
)
_RENAMED = {
    "complete_query": "complete",
    "highlight_query": "highlight",
    "query_to_text": "to_text",
}
"""Names that would say too little here."""

__all__ = [
    "EVERYTHING",
    "Action",
    "And",
    "Association",
    "Backup",
    "BrokenChainError",
    "BulkResult",
    "Change",
    "ChangeNotice",
    "Check",
    "Compare",
    "CorruptStoreError",
    "Detail",
    "DifferenceCounts",
    "EngineError",
    "Facets",
    "Field",
    "FillReport",
    "Filter",
    "Finding",
    "Forgetting",
    "Gateway",
    "Holder",
    "InvalidFilterError",
    "InvalidPolicyError",
    "Item",
    "ItemDifference",
    "ItemNotFoundError",
    "Kind",
    "Not",
    "Operation",
    "Operator",
    "Or",
    "Part",
    "Plan",
    "PlannedChange",
    "Policy",
    "Preview",
    "PrunePlan",
    "ReadOnlyStoreError",
    "RestorePoint",
    "RestoreReport",
    "Retention",
    "RetentionScore",
    "Run",
    "SalvageReport",
    "Sequences",
    "StalePlanError",
    "StoreDifference",
    "StoreInfo",
    "Text",
    "Tier",
    "TransferProgress",
    "TransferReport",
    "Transition",
    "UndoConflictError",
    "Verb",
    "VerifyReport",
    "VersionConflictError",
    "complete_query",
    "highlight_query",
    "parse_action",
    "query_to_text",
    "quote_value",
]
