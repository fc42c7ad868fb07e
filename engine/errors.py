"""Every error the engine raises, under one root, each with a hint for the person who meets it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.models import Holder


class EngineError(Exception):
    """Root of all errors of the engine: what happened, and in `hint` what to do next."""

    retryable = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message


class ItemNotFoundError(EngineError, LookupError):
    """No item has this id."""


class ChangeNotFoundError(EngineError, LookupError):
    """The change log has no change with this sequence."""


class InvalidItemError(EngineError, ValueError):
    """A field of an item has a value that cannot be stored."""


class InvalidContentError(InvalidItemError):
    """The content cannot be stored exactly: not JSON, text or bytes, or not finite."""


class LimitExceededError(InvalidItemError):
    """A value is larger than its limit; the message says which and how large."""


class InvalidFilterError(EngineError, ValueError):
    """A query does not parse; `position` is the offset of the fault in `text`, if known."""

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        text: str = "",
        position: int | None = None,
        length: int = 1,
    ) -> None:
        super().__init__(message, hint=hint)
        self.text = text
        self.position = position
        self.length = length


class InvalidSettingError(EngineError, ValueError):
    """A setting does not exist, or cannot have such a value."""


class InvalidCursorError(EngineError, ValueError):
    """A page cursor is malformed or belongs to another query."""


class VersionConflictError(EngineError):
    """Somebody else changed the item first; both versions are known, nothing was written."""

    def __init__(self, item_id: str, *, expected: int, actual: int) -> None:
        super().__init__(
            f"{item_id!r} is at version {actual}, not {expected}",
            hint="read the item again and repeat the change on what is there now",
        )
        self.item_id = item_id
        self.expected = expected
        self.actual = actual


class UndoConflictError(EngineError):
    """A later change touched what this undo would put back; nothing was written."""

    def __init__(self, message: str, *, sequence: int, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.sequence = sequence


class InvalidPolicyError(EngineError, ValueError):
    """A policy that cannot be kept; what is known of `policy`, `key` and `line` says which part.

    `position` is the offset of the fault in `text`, the condition or the action as written.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        policy: str = "",
        key: str = "",
        line: int | None = None,
        text: str = "",
        position: int | None = None,
        length: int = 1,
    ) -> None:
        super().__init__(message, hint=hint)
        self.policy = policy
        self.key = key
        self.line = line
        self.text = text
        self.position = position
        self.length = length


class PolicyNotFoundError(EngineError, LookupError):
    """The store has no policy of this name."""


class StalePlanError(EngineError):
    """The store changed after the plan was made; nothing was applied."""


class RunInUseError(StalePlanError):
    """Somebody else carries the run out, or has ended it; theirs was left alone."""


class RunNotFoundError(EngineError, LookupError):
    """The store knows no run with this id."""


class InvalidIndexError(EngineError, ValueError):
    """A custom index cannot be called or defined like that, or exists with another definition."""


class IndexNotFoundError(EngineError, LookupError):
    """The store has no custom index of this name."""


class StaleIndexError(EngineError):
    """A custom index does not have all items, and cannot be brought up to date from here."""

    def __init__(self, message: str, *, name: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.name = name


class UnsafeContentError(EngineError):
    """Content that would run code when it is read; it was left as bytes."""


class CorruptItemError(EngineError):
    """The stored content of one item does not match its hash; the rest of the store is intact."""


class StoreError(EngineError):
    """Root of what can go wrong with a store as a whole."""


class StoreNotFoundError(StoreError, FileNotFoundError):
    """There is no file at this path, and it was not to be created."""


class NotAStoreError(StoreError, ValueError):
    """The file is not a memory store; it was left untouched."""


class SchemaTooNewError(StoreError):
    """The store was written by a newer version of the engine; it was left untouched."""


class CorruptStoreError(StoreError):
    """The database file is damaged or cut short."""


class StoreBusyError(StoreError, TimeoutError):
    """Another process held the store for longer than the time-out; nothing was written."""

    retryable = True


class StoreClosedError(StoreError):
    """The store was closed, or belongs to a process that forked."""


class StorageFullError(StoreError, OSError):
    """The disk, or the file's limit, is full; nothing was written."""

    retryable = True


class StorageError(StoreError, OSError):
    """The operating system refused to read or write the store."""


class ReadOnlyStoreError(StoreError, PermissionError):
    """The store is open read-only, or the file cannot be written."""


class UnsafePathError(StoreError, ValueError):
    """The path is a link, a device or something else that must not be opened as a store."""


class StoreInUseError(StoreError):
    """Others have the store open for writing; `holders` says who. Nothing was changed."""

    def __init__(self, message: str, *, holders: Sequence[Holder] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.holders = tuple(holders)


class RestorePointError(EngineError, LookupError):
    """Neither the change log nor a backup reaches this point; those between two others they do."""

    def __init__(
        self,
        message: str,
        *,
        oldest: int | None = None,
        newest: int | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.oldest = oldest
        self.newest = newest


class QueryTimeoutError(EngineError, TimeoutError):
    """A query ran longer than its time limit and was stopped."""


class QueryInterruptedError(EngineError):
    """A query was stopped because its answer is no longer wanted."""


class TransferError(EngineError, ValueError):
    """A file to import is not what it should be; `line` is where."""

    def __init__(self, message: str, *, hint: str = "", line: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.line = line


class BackupNotFoundError(EngineError, LookupError):
    """The directory has no backup of this name."""


class InvalidBackupError(EngineError, ValueError):
    """A manifest that says what cannot be, or was written by a newer engine."""


class CorruptBackupError(EngineError):
    """A backup is missing, cut short or not the bytes that were written; nothing was touched."""


class BrokenChainError(CorruptBackupError):
    """A backup that another one builds on is missing, damaged or not the one it was."""
