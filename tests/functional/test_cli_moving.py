"""export, import and sample: files and stores appear whole or not at all."""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from engine import open_store
from inspector.cli import main

Capture = pytest.CaptureFixture[str]


def count(store: Path, query: str = "") -> int:
    """Return how many items of a store match."""

    async def work() -> int:
        async with open_store(store, read_only=True, create=False) as memories:
            return await memories.count(query)

    return asyncio.run(work())


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    """Return a file of three items."""
    path = tmp_path / "three.jsonl"
    path.write_bytes(
        b"".join(
            orjson.dumps({"id": f"n/{n}", "content": f"text {n}", "agent": "atlas"}) + b"\n"
            for n in range(3)
        )
    )
    return path


def test_import_makes_a_store_and_export_gives_the_file_back(
    tmp_path: Path, lines: Path, capsys: Capture
) -> None:
    """A store is made where there is none, and holds what the file held."""
    store = tmp_path / "new.db"
    assert main(["import", str(store), str(lines)]) == 0
    assert "imported 3 items" in capsys.readouterr().out
    for name in ("out.jsonl", "out.jsonl.zst", "out.csv"):
        assert main(["export", str(store), str(tmp_path / name)]) == 0
    assert "exported 3 items" in capsys.readouterr().out
    assert main(["import", str(tmp_path / "again.db"), str(tmp_path / "out.jsonl.zst")]) == 0
    assert count(tmp_path / "again.db", "agent:atlas") == 3


def test_a_faulty_file_leaves_no_store(tmp_path: Path, lines: Path, capsys: Capture) -> None:
    """A store that was to be made for a file with a fault is not there afterwards."""
    with lines.open("ab") as file:
        file.write(b'{"content": NaN}\n')
    before = set(tmp_path.iterdir())
    assert main(["import", str(tmp_path / "new.db"), str(lines)]) == 1
    error = capsys.readouterr().err
    assert "line 4" in error
    assert "hint: JSON has no NaN" in error
    assert set(tmp_path.iterdir()) == before


def test_check_writes_nothing(tmp_path: Path, lines: Path, capsys: Capture) -> None:
    """`--check` neither makes a store nor adds to one."""
    before = set(tmp_path.iterdir())
    assert main(["import", str(tmp_path / "new.db"), str(lines), "--check"]) == 0
    assert "checked 3 items" in capsys.readouterr().out
    assert set(tmp_path.iterdir()) == before


def test_import_says_what_to_do_about_conflicts(
    tmp_path: Path, lines: Path, capsys: Capture
) -> None:
    """A second import stops, and says which options there are; with `skip` it is harmless."""
    store = tmp_path / "new.db"
    assert main(["import", str(store), str(lines)]) == 0
    assert main(["import", str(store), str(lines)]) == 1
    assert "on-conflict" in capsys.readouterr().err
    assert main(["import", str(store), str(lines), "--on-conflict", "skip"]) == 0
    assert "3 were there already" in capsys.readouterr().out


def test_standard_input_and_output(
    tmp_path: Path,
    lines: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    """A dash is standard input or output, so that commands can be joined."""
    store = tmp_path / "new.db"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines.read_bytes())))
    assert main(["import", str(store), "-"]) == 0
    capfdbinary.readouterr()
    assert main(["export", str(store), "-"]) == 0
    header, *items = capfdbinary.readouterr().out.splitlines()
    assert orjson.loads(header)["format"] == 1
    assert [orjson.loads(item)["id"] for item in items] == ["n/0", "n/1", "n/2"]


def test_export_replaces_only_when_forced(tmp_path: Path, lines: Path, capsys: Capture) -> None:
    """An existing file is an error with a hint, unless `--force`."""
    store = tmp_path / "new.db"
    assert main(["import", str(store), str(lines)]) == 0
    assert main(["export", str(store), str(lines)]) == 1
    assert "exists already" in capsys.readouterr().err
    assert main(["export", str(store), str(lines), "--force", "--where", "id:n/1"]) == 0
    assert len(lines.read_bytes().splitlines()) == 2


def test_the_hand_written_sample(tmp_path: Path, capsys: Capture) -> None:
    """Without a number, `sample` makes the store that `make run` opens."""
    assert main(["sample", str(tmp_path / "sample.db")]) == 0
    assert "made" in capsys.readouterr().out
    assert count(tmp_path / "sample.db") > 500
    assert main(["sample", str(tmp_path / "sample.db")]) == 1
    assert "exists already" in capsys.readouterr().err


def test_a_generated_sample_has_as_many_items_as_asked(tmp_path: Path) -> None:
    """`--items` is exact."""
    assert main(["sample", str(tmp_path / "big.db"), "--items", "321"]) == 0
    assert count(tmp_path / "big.db") == 321


def commands(name: str, file: str) -> list[list[str]]:
    """Return what makes, reads and writes out the store of this name."""
    return [
        ["import", "--", name, file],
        ["query", "--count", "--", name],
        ["export", "--", name, f"{name}.jsonl"],
    ]


@pytest.mark.parametrize(
    "name", ["-rf.db", "a b.db", "q?mode=memory.db", "x#y.db", "%41.db", "new\nline.db", "日記.db"]
)
def test_odd_names_are_names(
    tmp_path: Path, lines: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """Any file name is the same file for every command, also one that begins with a dash."""
    monkeypatch.chdir(tmp_path)
    for command in commands(name, lines.name):
        assert (main(command), capsys.readouterr().err) == (0, "")
    assert (tmp_path / name).is_file()
    assert (tmp_path / f"{name}.jsonl").is_file()


def test_odd_names_come_through_from_a_shell(tmp_path: Path, lines: Path) -> None:
    """The operating system gives the command the very name that was written."""
    name = "-rf q?mode=memory x#y %41 new\nline 日記.db"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    for command in commands(name, lines.name):
        done = subprocess.run(
            [sys.executable, "-m", "inspector", *command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / name).is_file()
    assert (tmp_path / f"{name}.jsonl").is_file()
