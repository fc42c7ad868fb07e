"""What goes wrong on the command line: a message, a hint, an exit code, never a traceback."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine import open_store
from inspector.cli import main, output

Capture = pytest.CaptureFixture[str]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Return a store of 3,000 items: more than a pipe holds."""
    path = tmp_path / "agent.db"

    async def fill() -> None:
        async with open_store(path) as memories:
            await memories.put_many({"id": f"n/{n}", "content": "x" * 200} for n in range(3_000))

    asyncio.run(fill())
    return path


def command(*arguments: object) -> list[str]:
    """Return the words that run the command line in a process of its own."""
    return [sys.executable, "-m", "inspector", *map(str, arguments)]


def environment() -> dict[str, str]:
    """Return an environment in which the package is found."""
    return os.environ | {"PYTHONPATH": str(ROOT)}


FOREIGN = {
    "text": b"just some text, long enough to be looked at" * 20,
    "zip": b"PK\x03\x04" + bytes(600),
    "picture": b"\x89PNG\r\n\x1a\n" + bytes(600),
    "cut database": b"SQLite format 3\x00" + bytes(50),
    "one byte": b"x",
}


@pytest.mark.parametrize("kind", FOREIGN)
@pytest.mark.parametrize("name", ["info", "query", "export", "import"])
def test_a_file_that_is_no_store_is_left_alone(
    tmp_path: Path, capsys: Capture, kind: str, name: str
) -> None:
    """The error says so with a hint, the exit code is 1, the file is untouched."""
    path = tmp_path / "foreign.db"
    path.write_bytes(FOREIGN[kind])
    (tmp_path / "x.jsonl").write_bytes(b'{"content": 1}\n')
    more = {"export": ["out.jsonl"], "import": [str(tmp_path / "x.jsonl")]}.get(name, [])
    assert main([name, str(path), *more]) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("error: ")
    assert "hint: " in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""
    assert path.read_bytes() == FOREIGN[kind]


@pytest.mark.parametrize("name", ["info", "query", "get", "history", "search", "export"])
def test_a_store_that_is_not_there_is_not_made(tmp_path: Path, capsys: Capture, name: str) -> None:
    """Looking at a misspelt name makes no empty store."""
    more = {"get": ["x"], "history": ["x"], "search": ["x"], "export": ["o.jsonl"]}.get(name, [])
    assert main([name, str(tmp_path / "nowhere.db"), *more]) == 1
    assert "error: " in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_query_that_does_not_parse_shows_where(store: Path, capsys: Capture) -> None:
    """Carets stand under the fault, and the hint suggests what was meant."""
    assert main(["query", str(store), "agent:atlas teir:working"]) == 1
    error, query, carets, *_ = capsys.readouterr().err.splitlines()
    assert error.startswith("error: ")
    assert query.strip() == "agent:atlas teir:working"
    assert carets.index("^") == query.index("teir")


def test_an_absent_item_is_an_error(store: Path, capsys: Capture) -> None:
    """Scripts see it by the exit code."""
    assert main(["get", str(store), "nothing"]) == 1
    assert "there is no item 'nothing'" in capsys.readouterr().err
    assert main(["history", str(store), "nothing"]) == 1


@pytest.mark.parametrize(
    "arguments",
    [["query"], ["query", "s.db", "--limit", "many"], ["export", "s.db"], ["--nonsense", "x", "y"]],
)
def test_wrong_usage_has_an_exit_code_of_its_own(arguments: list[str], capsys: Capture) -> None:
    """2 says that the command was not understood; how to use it goes to standard error."""
    assert main(arguments) == 2
    assert "Usage: memory-inspector" in capsys.readouterr().err


def test_a_misspelt_command_is_not_taken_for_a_store(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`exprot` is answered with `export`, unless there is a file of that name."""
    monkeypatch.chdir(tmp_path)
    assert main(["exprot", "x"]) == 2
    assert "Did you mean 'export'?" in capsys.readouterr().err


def test_a_system_error_is_said_once(store: Path, tmp_path: Path, capsys: Capture) -> None:
    """A directory that is not there is named in the person's words, not by an inner file."""
    assert main(["export", str(store), str(tmp_path / "nowhere" / "x.jsonl")]) == 1
    error = capsys.readouterr().err
    assert "No such file or directory" in error
    assert ".partial" not in error
    assert "Errno" not in error


def test_the_inspector_needs_a_terminal(store: Path, capsys: Capture) -> None:
    """In a pipe `open`, also when implied, says what to use instead."""
    assert main([str(store)]) == 1
    assert "needs a terminal" in capsys.readouterr().err


def test_a_defect_is_reported_without_a_traceback(
    store: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An error that nobody foresaw shows no memories; its details are in a private log."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def fail(_: object) -> None:
        raise ZeroDivisionError("secret memory")

    monkeypatch.setattr(output, "print_facts", fail)
    assert main(["info", str(store)]) == 1
    error = capsys.readouterr().err
    assert "Traceback" not in error
    assert "secret memory" not in error


def test_a_reader_that_goes_away_ends_the_command_quietly(store: Path) -> None:
    """`query | head` prints no complaint."""
    with subprocess.Popen(
        command("query", store, "--limit", 0, "--json"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 1


def test_a_full_disk_is_an_error(store: Path) -> None:
    """What cannot be written to standard output is said, not lost."""
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    for words in (("query", store, "--limit", 0), ("export", store, "-")):
        with full.open("wb") as target:
            done = subprocess.run(
                command(*words),
                stdout=target,
                stderr=subprocess.PIPE,
                env=environment(),
                check=False,
            )
        assert done.returncode == 1
        assert b"No space left" in done.stderr
        assert b"Traceback" not in done.stderr


def test_interrupting_an_import_leaves_no_store(tmp_path: Path) -> None:
    """Ctrl-C ends with 130, and what was being made is removed."""
    with subprocess.Popen(
        command("sample", tmp_path / "big.db", "--items", 1_000_000),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as process:
        assert process.stderr is not None
        while not any(tmp_path.glob(".*.partial")):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
        assert b"Traceback" not in process.stderr.read()
    assert list(tmp_path.iterdir()) == []


def test_help_and_version_need_no_store(capsys: Capture) -> None:
    """Both work anywhere; help has examples."""
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("memory-inspector ")
    assert main(["--help"]) == 0
    assert "memory-inspector query sample.db" in capsys.readouterr().out
    for name in ("open", "query", "search", "get", "history", "info", "export", "import", "sample"):
        assert main([name, "--help"]) == 0
        assert f"memory-inspector {name}" in capsys.readouterr().out
