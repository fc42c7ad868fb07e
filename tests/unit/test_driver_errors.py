"""The driver's errors become the engine's, and the version gate knows the safe SQLites."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

import engine
from engine import (
    CorruptStoreError,
    EngineError,
    LimitExceededError,
    NotAStoreError,
    QueryInterruptedError,
    ReadOnlyStoreError,
    StorageError,
    StorageFullError,
    StoreBusyError,
)
from engine.backends.sqlite.driver import (
    driver,
    has_wal_reset_bug,
    run_procedure,
    translate,
    translated,
)
from engine.procedures.base import Procedure, Statement


@pytest.mark.parametrize(
    ("version", "bad"),
    [
        ((3, 6, 23), False),
        ((3, 7, 0), True),
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 45, 0), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 0), True),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 53, 4), False),
    ],
)
def test_the_versions_that_can_lose_commits_are_known(
    version: tuple[int, int, int], *, bad: bool
) -> None:
    """Fixed in 3.51.3 and in the patch releases 3.50.7 and 3.44.6."""
    assert has_wal_reset_bug(version) is bad


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (5, StoreBusyError),
        (261, StoreBusyError),
        (6, StoreBusyError),
        (8, ReadOnlyStoreError),
        (1544, ReadOnlyStoreError),
        (9, QueryInterruptedError),
        (10, StorageError),
        (778, StorageError),
        (11, CorruptStoreError),
        (267, CorruptStoreError),
        (13, StorageFullError),
        (14, StorageError),
        (18, LimitExceededError),
        (26, NotAStoreError),
        (1, EngineError),
        (None, EngineError),
    ],
)
def test_result_codes_have_their_errors(code: int | None, kind: type[EngineError]) -> None:
    """Extended codes count as their primary one; an unknown code is still one of ours."""
    error = driver.OperationalError("x")
    error.sqlite_errorcode = code
    assert type(translate(error)) is kind or kind is EngineError


def test_the_cause_is_kept(tmp_path: Path) -> None:
    """The driver's own error is the cause of ours."""
    (tmp_path / "x").write_bytes(b"no database at all" * 90)
    with (
        closing(driver.connect(tmp_path / "x")) as connection,
        pytest.raises(NotAStoreError) as caught,
        translated(),
    ):
        connection.execute("SELECT * FROM t")
    assert isinstance(caught.value.__cause__, driver.Error)


ERRORS = [getattr(engine, name) for name in engine.__all__ if name.endswith("Error")]


@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_has_one_root(kind: type[BaseException]) -> None:
    """Whoever catches EngineError catches them all, and each says what it is."""
    assert issubclass(kind, EngineError)
    assert kind.__doc__


@pytest.mark.parametrize(
    ("kind", "standard"),
    [
        ("ItemNotFoundError", LookupError),
        ("ChangeNotFoundError", LookupError),
        ("InvalidItemError", ValueError),
        ("InvalidFilterError", ValueError),
        ("StoreNotFoundError", FileNotFoundError),
        ("ReadOnlyStoreError", PermissionError),
        ("StoreBusyError", TimeoutError),
        ("StorageFullError", OSError),
        ("QueryTimeoutError", TimeoutError),
        ("TransferError", ValueError),
    ],
)
def test_errors_are_what_a_caller_expects(kind: str, standard: type[BaseException]) -> None:
    """Each mixes in the standard class that fits."""
    assert issubclass(getattr(engine, kind), standard)


def test_what_can_be_tried_again_says_so() -> None:
    """Only errors that may pass by themselves are retryable."""
    retryable = {kind.__name__ for kind in ERRORS if kind.retryable}
    assert retryable == {"StoreBusyError", "StorageFullError"}


def test_text_that_is_none_is_damage() -> None:
    """Bytes that are no Unicode, in the file or in what SQLite says of it, never escape as such."""
    with pytest.raises(CorruptStoreError) as caught, translated():
        b"\xcd(".decode()
    assert caught.value.hint
    with closing(driver.connect(":memory:")) as connection, pytest.raises(CorruptStoreError):
        run_procedure(connection, _select_no_text())


def _select_no_text() -> Procedure[None]:
    yield Statement("SELECT CAST(x'cd28' AS TEXT)")
