"""`backup` on the command line: what it makes, prints, refuses, and with what exit code."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import orjson
import pytest

from engine import open_store
from inspector.cli import main

Capture = pytest.CaptureFixture[str]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store of a few items."""
    path = tmp_path / "agent.db"
    put(path, *[f"i{n}" for n in range(20)])
    return path


def put(path: Path, *ids: str) -> None:
    async def work() -> None:
        async with open_store(path) as memories:
            await memories.put_many([{"id": item_id, "content": item_id * 50} for item_id in ids])

    asyncio.run(work())


def run(capsys: Capture, *arguments: Any, code: int = 0) -> list[Any]:
    """Return what a command prints as JSON, line by line."""
    assert main([str(argument) for argument in arguments]) == code
    return [orjson.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_backup_is_made_listed_and_verified(store: Path, capsys: Capture) -> None:
    """Full, then incremental; both are listed with what they hold, and prove to be whole."""
    (full,) = run(capsys, "backup", "create", store, "--json")
    put(store, "later")
    (step,) = run(capsys, "backup", "create", store, "--kind", "incremental", "--json")

    assert (full["kind"], full["items"], full["sequence"]) == ("full", 20, 20)
    assert (step["kind"], step["parent"], step["items"]) == ("incremental", full["backup"], 21)
    assert full["verified_at"] is not None
    assert run(capsys, "backup", "list", store, "--json") == [full, step]
    reports = run(capsys, "backup", "verify", store, "--all", "--json")
    assert [report["ok"] for report in reports] == [True, True]


def test_without_the_store_backups_are_listed_verified_and_pruned(
    store: Path, capsys: Capture
) -> None:
    """The store may be what was lost."""
    for _ in range(2):
        run(capsys, "backup", "create", store, "--json")
    store.unlink()

    assert len(run(capsys, "backup", "list", store, "--json")) == 2
    assert run(capsys, "backup", "verify", store, "--json")[0]["ok"]
    (plan,) = run(capsys, "backup", "prune", store, "--keep-last", "1", "--json")
    assert not plan["done"]
    assert len(run(capsys, "backup", "list", store, "--json")) == 2
    (done,) = run(capsys, "backup", "prune", store, "--keep-last", "1", "--yes", "--json")
    assert done["delete"] == plan["delete"]
    (left,) = run(capsys, "backup", "list", store, "--json")
    assert [left["backup"]] == list(done["keep"])


def test_a_damaged_backup_is_said_and_is_an_error(store: Path, capsys: Capture) -> None:
    """The exit code of `verify` and `list` tells a script, the lines tell a person."""
    (made,) = run(capsys, "backup", "create", store, "--json")
    artefact = Path(f"{store}.backups") / f"{made['backup']}.zst"
    artefact.write_bytes(artefact.read_bytes()[:-9])

    assert main(["backup", "verify", str(store)]) == 1
    printed = capsys.readouterr().out
    assert "NOT OK" in printed
    assert "hint:" in printed

    artefact.with_suffix(".json").write_bytes(b"\x1b]0;evil\x07")
    assert main(["backup", "list", str(store)]) == 1
    printed = capsys.readouterr().out
    assert "error" in printed
    assert "\x1b" not in printed


def test_what_cannot_be_is_told_with_a_hint(store: Path, tmp_path: Path, capsys: Capture) -> None:
    """No backups, no rule, no such name, no such store: what it is, and what to do."""
    for arguments in (
        ("list", store),
        ("verify", store, "nothing"),
        ("create", tmp_path / "missing.db"),
    ):
        assert main(["backup", *map(str, arguments)]) == 1
        assert "hint:" in capsys.readouterr().err
    run(capsys, "backup", "create", store, "--json")
    for arguments in (("verify", store, "nothing"), ("prune", store)):
        assert main(["backup", *map(str, arguments)]) == 1
        assert "hint:" in capsys.readouterr().err
    assert main(["backup", "create", str(store), "--once"]) == 2
    assert main(["backup", "create", str(store), "--kind", "full", "--every", "1h"]) == 2


def test_a_copy_elsewhere_is_a_directory_of_backups(
    store: Path, tmp_path: Path, capsys: Capture
) -> None:
    """What `--copy-to` wrote is listed and verified where it is."""
    there = tmp_path / "there"
    here = tmp_path / "here"
    (made,) = run(
        capsys, "backup", "create", store, "--directory", here, "--copy-to", there, "--json"
    )
    (copy,) = run(capsys, "backup", "list", store, "--directory", there, "--json")
    assert copy["backup"] == made["backup"]
    assert copy["verified_at"] is None
    assert run(capsys, "backup", "verify", store, "--directory", there, "--json")[0]["ok"]
    assert not Path(f"{store}.backups").exists()


def test_every_so_often_with_once_is_for_cron(store: Path, capsys: Capture) -> None:
    """What is due is made, and what is not is not; the reason is said."""
    assert main(["backup", "create", str(store), "--every", "6h", "--once"]) == 0
    printed = capsys.readouterr().out
    assert "due: there is no backup yet" in printed
    assert "made" in printed
    assert main(["backup", "create", str(store), "--every", "6h", "--once"]) == 0
    assert capsys.readouterr().out == ""
    put(store, "more")
    assert main(["backup", "create", str(store), "--changes", "1", "--once"]) == 0
    assert "1 change since" in capsys.readouterr().out


def test_staying_ends_with_a_signal(store: Path) -> None:
    """SIGTERM ends it as if it were done, with the backup made and nothing left over."""
    process = subprocess.Popen(
        [sys.executable, "-m", "inspector", "backup", "create", str(store), "--every", "6h"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    try:
        assert "due" in process.stdout.readline()
        assert "made" in process.stdout.readline()
        # It sleeps now, or is about to.
        process.send_signal(signal.SIGTERM)
        begun = time.monotonic()
        rest, _ = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    assert "ended" in rest
    assert time.monotonic() - begun < 20
    assert len(list(Path(f"{store}.backups").iterdir())) == 3
