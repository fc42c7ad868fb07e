"""How the screens look: at 120 by 40 and at 80 by 24 cells, with nothing left to chance."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from browse_kit import fill, settle, type_text
from lifecycle_kit import write_policies
from textual.pilot import Pilot
from transitions_kit import move_about

from inspector.app import InspectorApp

pytest_plugins = ("browse_fixtures",)

WIDE, NARROW = (120, 40), (80, 24)
SIZES = pytest.mark.parametrize("size", [WIDE, NARROW], ids=["120x40", "80x24"])

Compare = Callable[..., bool]
MakeApp = Callable[..., InspectorApp]


@pytest.fixture
def seeded_store(store_path: Path) -> Path:
    """The seeded store, for tests that are not coroutines."""
    asyncio.run(fill(store_path))
    return store_path


def after(*keys: str) -> Callable[[Pilot[Any]], Awaitable[None]]:
    """Press keys, each when the one before has done all it does; `=text` types."""

    async def run(pilot: Pilot[Any]) -> None:
        await settle(pilot)
        for key in keys:
            if key.startswith("="):
                await type_text(pilot, key[1:])
            else:
                await pilot.press(key)
            await settle(pilot)
        # The time a query took differs from run to run.
        from inspector.widgets.query_bar import QueryBar

        for bar in pilot.app.screen_stack[0].query(QueryBar):
            bar.status = bar.status.split(" · ")[0]
        await settle(pilot)

    return run


@SIZES
def test_browse(
    snap_compare: Compare, seeded_store: Path, make_app: MakeApp, size: tuple[int, int]
) -> None:
    """The first screen that anybody sees."""
    assert snap_compare(make_app(seeded_store), terminal_size=size, run_before=after())


@SIZES
def test_browse_read_only(
    snap_compare: Compare, seeded_store: Path, make_app: MakeApp, size: tuple[int, int]
) -> None:
    """Read-only says so, and offers no change."""
    app = make_app(seeded_store, read_only=True)
    assert snap_compare(app, terminal_size=size, run_before=after("j"))


@SIZES
def test_query_with_completion(
    snap_compare: Compare, seeded_store: Path, make_app: MakeApp, size: tuple[int, int]
) -> None:
    """What could follow is offered while typing."""
    app = make_app(seeded_store)
    assert snap_compare(app, terminal_size=size, run_before=after("slash", "=agent:atlas tag:p"))


@SIZES
def test_fields(
    snap_compare: Compare, seeded_store: Path, make_app: MakeApp, size: tuple[int, int]
) -> None:
    """Every field with its exact value."""
    app = make_app(seeded_store)
    keys = ("enter", "greater_than_sign")
    assert snap_compare(app, terminal_size=size, run_before=after(*keys))


@SIZES
def test_edit(
    snap_compare: Compare, seeded_store: Path, make_app: MakeApp, size: tuple[int, int]
) -> None:
    """The editor."""
    assert snap_compare(make_app(seeded_store), terminal_size=size, run_before=after("e"))


@SIZES
def test_marks_and_bulk_question(
    snap_compare: Compare, seeded_store: Path, make_app: MakeApp, size: tuple[int, int]
) -> None:
    """Count, sample, and No as the default."""
    app = make_app(seeded_store)
    keys = ("space", "space", "b", "G", "enter")
    assert snap_compare(app, terminal_size=size, run_before=after(*keys))


@SIZES
def test_help(
    snap_compare: Compare, seeded_store: Path, make_app: MakeApp, size: tuple[int, int]
) -> None:
    """The keys that work for the list."""
    app = make_app(seeded_store)
    assert snap_compare(app, terminal_size=size, run_before=after("question_mark"))


@SIZES
def test_a_store_that_cannot_be_opened(
    snap_compare: Compare, make_app: MakeApp, size: tuple[int, int]
) -> None:
    """What, and what to do."""
    app = make_app(Path("/nonexistent/agent.db"))
    assert snap_compare(app, terminal_size=size, run_before=after())


def test_browse_without_colour(
    snap_compare: Compare,
    seeded_store: Path,
    make_app: MakeApp,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Everything is said by glyph and word too."""
    monkeypatch.setenv("NO_COLOR", "1")
    app = make_app(seeded_store)
    assert snap_compare(app, terminal_size=WIDE, run_before=after("j", "space"))


@pytest.fixture
def moved_store(seeded_store: Path) -> Path:
    """The seeded store with moves between tiers in its log."""
    asyncio.run(move_about(seeded_store))
    return seeded_store


@SIZES
@pytest.mark.parametrize(
    "keys",
    [
        pytest.param(("T", "j"), id="all"),
        pytest.param(("T", "i", "G", "enter"), id="into-archive"),
    ],
)
def test_transitions(
    snap_compare: Compare,
    moved_store: Path,
    make_app: MakeApp,
    size: tuple[int, int],
    keys: tuple[str, ...],
) -> None:
    """Every move between tiers: when, what, up or down, why, and the score."""
    assert snap_compare(make_app(moved_store), terminal_size=size, run_before=after(*keys))


@pytest.fixture
def ruled_store(seeded_store: Path) -> Path:
    """The seeded store with policies that have something to do."""
    asyncio.run(write_policies(seeded_store))
    return seeded_store


@SIZES
@pytest.mark.parametrize(
    "keys",
    [
        pytest.param(("2",), id="policies"),
        pytest.param(("2", "p"), id="plan"),
        pytest.param(("2", "p", "enter", "j", "x"), id="items"),
        pytest.param(("2", "p", "enter", "v"), id="before-after"),
        pytest.param(("2", "p", "a"), id="question"),
        pytest.param(("2", "e"), id="form"),
    ],
)
def test_lifecycle(
    snap_compare: Compare,
    ruled_store: Path,
    make_app: MakeApp,
    size: tuple[int, int],
    keys: tuple[str, ...],
) -> None:
    """Policies, what they would do, and the questions before that."""
    assert snap_compare(make_app(ruled_store), terminal_size=size, run_before=after(*keys))


@SIZES
@pytest.mark.parametrize(
    "keys",
    [
        pytest.param(("3", "left"), id="timeline"),
        pytest.param(("3", "tab"), id="list"),
        pytest.param(("3", "p", "enter"), id="prune"),
        pytest.param(("3", "left", "R"), id="difference"),
        pytest.param(("3", "left", "R", "enter"), id="before-after"),
        pytest.param(("3", "left", "R", "c", "enter", "j", "enter"), id="in-place"),
    ],
)
def test_backups(
    snap_compare: Compare,
    past: Path,
    make_app: MakeApp,
    size: tuple[int, int],
    keys: tuple[str, ...],
) -> None:
    """The timeline before a burst, the backups, pruning, and the steps of a restore."""
    assert snap_compare(make_app(past), terminal_size=size, run_before=after(*keys))


@SIZES
@pytest.mark.parametrize("trouble", ["missing", "damaged"])
def test_recovery(
    snap_compare: Compare, past: Path, make_app: MakeApp, size: tuple[int, int], trouble: str
) -> None:
    """What happened, what is safe, what would be lost, and what can be done."""
    if trouble == "missing":
        past.unlink()
    else:
        past.write_bytes(past.read_bytes()[:100_000])
    assert snap_compare(make_app(past), terminal_size=size, run_before=after())
