"""On a terminal: stored text acts on nothing, tables fit, progress shows and goes away."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import orjson
import pytest

from engine import open_store
from engine.transfer import TransferProgress
from inspector.cli.progress import progress_text

ROOT = Path(__file__).parents[2]

HOSTILE = (
    "\x1b]0;owned\x07 \x1b]52;c;b3duZWQ=\x07 \x1b[2J \x9b31m \x90q\x9c \x07 \r\x08 \x7f "
    "\u202e\u2066\u200b\ufeff \U000e0041 [/nope] [@click=app.quit]x[/]"
)
STYLES = re.compile(rb"\x1b\[[0-9;]*m|\r\x1b\[2K|\r\n")


def in_terminal(*arguments: object, columns: int = 100) -> tuple[int, bytes]:
    """Run the command line on a terminal of its own; return exit code and all that it was sent."""
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color"}
    environment.pop("COLUMNS", None)
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen(
        [sys.executable, "-m", "inspector", *map(str, arguments)],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env=environment,
    )
    os.close(terminal)
    sent = b""
    # Linux reports the end of a terminal as an error.
    with contextlib.suppress(OSError):
        while part := os.read(controller, 65_536):
            sent += part
    os.close(controller)
    return process.wait(), sent


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """Return a store with hostile text in every field."""
    path = tmp_path / "hostile.db"

    async def fill() -> None:
        async with open_store(path, actor=f"actor {HOSTILE}"[:60]) as memories:
            for name, content in (("text", HOSTILE), ("json", {HOSTILE: [HOSTILE]})):
                await memories.put(
                    f"{name} {HOSTILE}",
                    content,
                    agent=f"a {HOSTILE}",
                    kind=f"k {HOSTILE}",
                    tags={f"t {HOSTILE}"},
                    metadata={HOSTILE: HOSTILE},
                    session_id=f"s {HOSTILE}",
                )
            await memories.put("plain", f"findme {HOSTILE}")

    asyncio.run(fill())
    return path


@pytest.mark.parametrize(
    "words",
    [
        ["query"],
        ["query", "", "--json"],
        ["query", "", "--limit", "0"],
        ["search", "findme"],
        ["search", "findme", "--json"],
        ["get", "plain"],
        ["get", f"text {HOSTILE}"],
        ["get", f"json {HOSTILE}"],
        ["get", f"json {HOSTILE}", "--json"],
        ["get", f"absent {HOSTILE}"],
        ["history", f"text {HOSTILE}"],
        ["history", f"text {HOSTILE}", "--json"],
        ["export", "-"],
        ["export", "-", "--format", "csv"],
        ["query", f'tier:"{HOSTILE}"'],
    ],
    ids=lambda words: " ".join(words).partition("\x1b")[0],
)
def test_stored_text_never_acts_on_a_terminal(hostile: Path, words: list[str]) -> None:
    """No control character reaches the terminal but line ends and the command's own styles."""
    name, *more = words
    _, sent = in_terminal(name, hostile, *more)
    assert len(sent) > 10
    left = STYLES.sub(b"", sent).decode()
    found = [character for character in left if not character.isprintable() and character != "\n"]
    assert found == []
    assert "Traceback" not in left


def test_json_on_a_terminal_is_still_exact(hostile: Path) -> None:
    """Escapes change how it is written, not what it says."""
    code, sent = in_terminal("get", hostile, "plain", "--json")
    assert code == 0, sent
    assert orjson.loads(sent)["content"] == f"findme {HOSTILE}"


def test_raw_bytes_are_refused_on_a_terminal(hostile: Path) -> None:
    """`--raw` and compressed exports ask for a file or a pipe."""
    code, sent = in_terminal("get", hostile, "plain", "--raw")
    assert code == 2
    assert b"pipe" in sent
    code, sent = in_terminal("export", hostile, "-", "--format", "jsonl.zst")
    assert code == 2


def test_a_table_fits_the_terminal(tmp_path: Path) -> None:
    """No row is wider than the terminal, and columns line up under their headings."""
    path = tmp_path / "wide.db"

    async def fill() -> None:
        async with open_store(path) as memories:
            await memories.put("id" * 100, "長い" * 300, agent="a" * 100, tags={"t" * 100})
            await memories.put("short", "text")

    asyncio.run(fill())
    from rich.cells import cell_len

    for columns in (80, 132):
        code, sent = in_terminal("query", path, columns=columns)
        assert code == 0, sent
        lines = STYLES.sub(b"\n", sent).decode().split("\n")
        lines = [line for line in lines if line]
        assert len(lines) == 3
        assert lines[0].startswith("id")
        assert max(cell_len(line) for line in lines) <= columns


def test_progress_is_shown_and_cleared(tmp_path: Path) -> None:
    """A terminal sees how far the work is; at the end only the result is left."""
    code, sent = in_terminal("sample", tmp_path / "s.db", "--items", 2_500)
    assert code == 0
    assert b"writing" in sent
    last = sent.rpartition(b"\x1b[2K")[2]
    assert last.startswith(b"made ")


def test_progress_says_how_far_how_fast_and_how_long() -> None:
    """A known total gives a bar and the time left; an unknown one the amount and the rate."""
    half = TransferProgress(stage="write", done=5_000, total=10_000, unit="items")
    assert progress_text(half, 2.5) == (
        "writing ############------------  50%  5,000 of 10,000 items  2,000/s  0:02 left"
    )
    unknown = TransferProgress(stage="write", done=5_000, total=None, unit="items")
    assert progress_text(unknown, 2.5) == "writing 5,000 items  2,000/s"
    bytes_read = TransferProgress(stage="check", done=1_500_000, total=3_000_000, unit="bytes")
    assert progress_text(bytes_read, 0).startswith("checking ####")
