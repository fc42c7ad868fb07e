"""`backup restore` and `diff` on the command line."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from engine import open_store
from inspector.cli import main

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store of two agents' items, of which one went mad after change 3."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    path = tmp_path / "agent.db"

    async def fill() -> None:
        async with open_store(path) as memories:
            await memories.put("a", "one", agent="atlas")
            await memories.put("b", "one", agent="bella")
            await memories.put("c\x1b[31m", "one", agent="bella")
            await memories.put("a", "mad", agent="atlas")
            await memories.put("b", "mad", agent="bella")
            await memories.put("d", "mad", agent="bella")

    asyncio.run(fill())
    return path


def contents(path: Path) -> dict[str, object]:
    """Return the contents of a store's items by id."""

    async def work() -> dict[str, object]:
        async with open_store(path, read_only=True, create=False) as memories:
            return {item.id: item.content async for item in memories.iterate()}

    return asyncio.run(work())


SANE = {"a": "one", "b": "one", "c\x1b[31m": "one"}


def test_diff_says_what_became_of_what(store: Path, capsys: Capture) -> None:
    """Counts and items, for people and as JSON, made harmless; a point that is none is told."""
    assert main(["diff", str(store), "3"]) == 0
    out = capsys.readouterr().out
    assert "1 added, 2 changed" in out
    assert "atlas 1" in out
    assert main(["diff", str(store), "0", "3", "--items", "--json"]) == 0
    first, *items = map(json.loads, capsys.readouterr().out.splitlines())
    assert first["items"] == {"added": 3, "changed": 0, "moved": 0, "removed": 0}
    assert [item["id"] for item in items] == list(SANE)
    assert main(["diff", str(store), "0", "--items"]) == 0
    assert "\x1b[31m" not in capsys.readouterr().out
    assert main(["diff", str(store), "99"]) == 1
    assert "goes from 0 to 6" in capsys.readouterr().err
    assert main(["diff", str(store), "yesterday"]) == 2


def test_a_dry_run_changes_nothing(store: Path, capsys: Capture) -> None:
    """It says what would become different, and makes no file."""
    target = store.with_name("old.db")
    point = ["--sequence", "3", "--dry-run"]
    assert main(["backup", "restore", str(store), *point, "--target", str(target)]) == 0
    assert main(["backup", "restore", str(store), *point, "--in-place", "--json"]) == 0
    out = capsys.readouterr().out
    assert "2 changed, 1 removed" in out
    assert json.loads(out.splitlines()[-1])["items"]["removed"] == 1
    assert not target.exists()
    assert contents(store)["a"] == "mad"


def test_in_place_asks_for_the_name_of_the_store(
    store: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another answer changes nothing; the right one or --yes restores, and says how to go back."""
    command = ["backup", "restore", str(store), "--sequence", "3", "--in-place"]
    monkeypatch.setattr("click.prompt", lambda *_, **__: "yes")
    assert main(command) == 1
    assert contents(store)["a"] == "mad"
    monkeypatch.setattr("click.prompt", lambda *_, **__: "agent.db")
    assert main(command) == 0
    out = capsys.readouterr().out
    assert contents(store) == SANE
    assert "--sequence 6 --in-place" in out
    assert main(["backup", "restore", str(store), "--sequence", "6", "--in-place", "--yes"]) == 0
    assert contents(store)["a"] == "mad"


def test_a_scope_goes_into_a_file(store: Path, capsys: Capture) -> None:
    """Only what matches is in it; the file is not written over."""
    target = store.with_name("old.db")
    command = ["backup", "restore", str(store), "--sequence", "3", "--target", str(target)]
    assert main([*command, "--scope", "agent:bella", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["items"] == 2
    assert contents(target).keys() == {"b", "c\x1b[31m"}
    assert main(command) == 1
    assert "exists already" in capsys.readouterr().err


def test_a_store_that_is_gone_or_damaged_comes_back_from_its_backups(
    store: Path, capsys: Capture
) -> None:
    """The store is not needed: neither whole nor at all."""
    assert main(["backup", "create", str(store)]) == 0
    with store.open("r+b") as file:
        file.seek(0)
        file.write(b"\xff" * 4_096)
    for number, damage in enumerate(("damaged", "gone")):
        if damage == "gone":
            store.unlink()
        target = store.with_name(f"back{number}.db")
        command = ["backup", "restore", str(store), "--sequence", "3", "--target", str(target)]
        assert main(command) == 0
        assert "in the backup" in capsys.readouterr().out
        assert contents(target) == SANE


def test_a_damaged_store_is_kept_aside(
    store: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In its place comes what a backup has; a journal of the old one is not played into it."""
    assert main(["backup", "create", str(store)]) == 0
    with store.open("r+b") as file:
        file.write(b"\xff" * 4_096)
    damaged = store.read_bytes()
    store.with_name("agent.db-wal").write_bytes(b"old journal")
    command = ["backup", "restore", str(store), "--sequence", "3", "--in-place"]
    assert main([*command, "--yes", "--scope", "agent:atlas"]) == 2
    monkeypatch.setattr("click.prompt", lambda *_, **__: "no")
    assert main(command) == 1
    monkeypatch.setattr("click.prompt", lambda *_, **__: "agent.db")
    assert main(command) == 0
    assert "is kept as" in capsys.readouterr().out
    assert contents(store) == SANE
    (aside,) = store.parent.glob("agent.db.damaged-????????")
    assert aside.read_bytes() == damaged
    assert Path(f"{aside}-wal").read_bytes() == b"old journal"
    # A second time it can be read, and is restored by changes.
    assert main([*command, "--yes"]) == 0
    assert len(list(store.parent.glob("agent.db.damaged-????????"))) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["--in-place"],
        ["--sequence", "3"],
        ["--sequence", "3", "--time", "2h", "--in-place"],
        ["--sequence", "3", "--in-place", "--target", "x.db"],
        ["--time", "soon", "--in-place"],
    ],
)
def test_half_a_question_is_refused(store: Path, arguments: list[str]) -> None:
    """One point and one place, or nothing happens."""
    assert main(["backup", "restore", str(store), *arguments]) == 2
    assert contents(store)["a"] == "mad"
