"""Editing in the person's own editor: a private temporary file, gone afterwards."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from textual.app import App, SuspendNotSupported

FALLBACKS = ("nano", "vim", "vi", "notepad.exe")


class EditorError(Exception):
    """The editor could not be started, or said that it failed; nothing was changed."""


def editor_command(chosen: str = "") -> list[str]:
    """Return the editor's command: the config's, $VISUAL, $EDITOR, or one that is installed.

    Raises:
        EditorError: there is none.
    """
    command = chosen or os.environ.get("VISUAL") or os.environ.get("EDITOR") or ""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise EditorError(f"the editor's command {command!r} has an open quote") from error
    if words:
        return words
    for name in FALLBACKS:
        path = shutil.which(name)
        if path:
            return [path]
    raise EditorError("no editor was found: set $EDITOR, or `editor` in the config file")


def edit_outside(app: App[Any], text: str, *, json: bool, command: str = "") -> str | None:
    """Return the text as it was saved in the editor, or None if it is unchanged.

    The app is suspended meanwhile. The file is readable by its owner only and removed afterwards.

    Raises:
        EditorError: the editor could not be started or failed, or the text is not UTF-8.
    """
    words = editor_command(command)
    with tempfile.TemporaryDirectory(prefix="memory-") as directory:
        path = Path(directory) / ("content.json" if json else "content.md")
        data = text.encode("utf-8")
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        try:
            with app.suspend():
                # The command is the user's own choice; no shell is involved.
                subprocess.run([*words, str(path)], check=True)  # noqa: S603
        except SuspendNotSupported as error:
            raise EditorError("this terminal cannot be handed to an editor") from error
        except OSError as error:
            raise EditorError(f"{words[0]} cannot be started: {error.strerror}") from error
        except subprocess.CalledProcessError as error:
            raise EditorError(
                f"{words[0]} ended with {error.returncode}; kept as it was"
            ) from error
        edited = path.read_bytes()
    if edited == data:
        return None
    # Most editors end a file with a line break that the content did not have.
    if edited.endswith(b"\n") and not data.endswith(b"\n"):
        edited = edited[:-1]
    if edited == data:
        return None
    try:
        return edited.decode("utf-8")
    except UnicodeDecodeError as error:
        raise EditorError("the editor saved something that is not UTF-8; kept as it was") from error
