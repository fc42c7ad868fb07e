"""The real command in a real terminal: tmux types, and reads what is on the screen."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import open_store

SECONDS = 30.0
LOOKS = 3

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")


class Terminal:
    """A terminal of its own, 120 columns by 40 lines."""

    def __init__(self, folder: Path) -> None:
        self._socket = f"inspector-{uuid.uuid4().hex}"
        self._environment = {
            **os.environ,
            "HOME": str(folder),
            "XDG_STATE_HOME": str(folder / "state"),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "TEXTUAL_ANIMATIONS": "none",
        }

    def tmux(self, *arguments: str) -> str:
        command = ["tmux", "-L", self._socket, "-f", "/dev/null", *arguments]
        done = subprocess.run(
            command, env=self._environment, capture_output=True, text=True, check=False
        )
        return done.stdout

    def start(self, *command: str) -> None:
        # The shell stays and says how the program ended.
        line = f"{shlex.join(command)}; echo ended with $?; exec sleep 600"
        self.tmux("new-session", "-d", "-x", "120", "-y", "40", "sh", "-c", line)

    def type(self, *keys: str) -> None:
        self.tmux("send-keys", *keys)

    def write(self, text: str) -> None:
        self.tmux("send-keys", "-l", text)

    def screen(self) -> str:
        return self.tmux("capture-pane", "-p")

    def wait_for(self, text: str, *, gone: bool = False) -> str:
        """Return the screen once it shows `text` (or no longer does), and stays so."""
        end = time.monotonic() + SECONDS
        holds = 0
        while time.monotonic() < end:
            screen = self.screen()
            holds = holds + 1 if (text in screen) is not gone else 0
            # Half of a frame may lack anything.
            if holds >= LOOKS:
                return screen
            time.sleep(0.05)
        raise AssertionError(f"{text!r} {'stayed' if gone else 'never came'}:\n{self.screen()}")


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path)
    yield terminal
    terminal.tmux("kill-server")


HOSTILE = (
    "plain \x1b]0;owned\x07 \x1b]52;c;b3duZWQ=\x07 \x1b[2J [/nope] "
    "[@click=app.bell]x[/] \u202egnp.exe"
)


async def fill(path: Path) -> None:
    async with open_store(path, actor="seed") as store:
        await store.put("notes/first", "the quick brown fox", agent="atlas", tags={"animal"})
        await store.put("notes/second", "a lazy dog", agent="atlas")
        await store.put("notes/hostile", HOSTILE, agent=f"a{HOSTILE}", tags={HOSTILE})


async def tags_of(path: Path, item_id: str) -> frozenset[str]:
    async with open_store(path, read_only=True) as store:
        item = await store.peek(item_id)
        assert item is not None
        return item.tags


def test_a_person_finds_tags_and_leaves(terminal: Terminal, tmp_path: Path) -> None:
    """Opening, filtering, tagging, undoing and quitting work in a terminal as for a person."""
    path = tmp_path / "agent.db"
    asyncio.run(fill(path))
    terminal.start(sys.executable, "-m", "inspector", "open", str(path))
    terminal.wait_for("3 items")
    terminal.type("/")
    terminal.write("quick fox")
    terminal.wait_for("1 item ·")
    terminal.type("Enter")
    terminal.wait_for("the quick brown fox")
    terminal.type("t")
    terminal.wait_for("Tags of")
    terminal.tmux("resize-window", "-x", "80", "-y", "24")
    terminal.wait_for("memory-inspector", gone=True)
    terminal.wait_for("Tags of")
    terminal.type("Escape")
    terminal.wait_for("Tags of", gone=True)
    terminal.type("d")
    terminal.wait_for("Delete 1 item?")
    terminal.type("y")
    terminal.wait_for("0 items")
    terminal.type("u")
    terminal.wait_for("Undone")
    terminal.type("C-q")
    terminal.wait_for("ended with 0")
    assert asyncio.run(tags_of(path, "notes/first")) == {"animal"}


def test_stored_text_never_reaches_the_terminal(terminal: Terminal, tmp_path: Path) -> None:
    """A memory full of escape sequences changes neither the title nor the clipboard."""
    path = tmp_path / "agent.db"
    asyncio.run(fill(path))
    terminal.start(sys.executable, "-m", "inspector", "open", str(path))
    title = terminal.tmux("display-message", "-p", "#{pane_title}")
    screen = terminal.wait_for("notes/hostile")
    assert "notes/first" in screen, "a stored sequence cleared the screen"
    for key in ("Enter", ">", ">", ">", "?"):
        terminal.type(key)
    terminal.wait_for("Help")
    terminal.type("C-q")
    terminal.wait_for("ended with 0")
    assert terminal.tmux("show-buffer") == ""
    assert "owned" not in terminal.tmux("display-message", "-p", "#{pane_title}")
    assert title == terminal.tmux("display-message", "-p", "#{pane_title}")
