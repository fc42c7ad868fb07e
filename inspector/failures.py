"""What the person is told when something fails: what, why and what to do, never a traceback.

A traceback shows memories (locals, messages), so details go to a log that only the owner reads.
"""

from __future__ import annotations

import os
import traceback
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from inspector.settings import SettingsError, make_private_directory, state_directory

LOG_BYTES_MAX = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Something that went wrong, in words for the person in front of the screen."""

    what: str
    why: str = ""
    hint: str = ""


def describe(error: BaseException, *, log_directory: Path | None = None) -> Failure:
    """Return what to say about `error`; details of an unexpected one are written to the log."""
    # Not imported at the top: the first frame is drawn before the engine is loaded.
    from inspector.gateway import EngineError

    if isinstance(error, EngineError):
        return Failure(what=error.message, why=_cause(error), hint=error.hint)
    if isinstance(error, SettingsError):
        return Failure(what=error.message, hint=error.hint)
    if isinstance(error, OSError):
        return Failure(what=error.strerror or str(error), why=str(error.filename or ""))
    log = write_log(error, log_directory or state_directory())
    return Failure(
        what="something unexpected went wrong in the inspector",
        why=type(error).__name__,
        hint=f"nothing was written; details are in {log}" if log else "nothing was written",
    )


def _cause(error: BaseException) -> str:
    cause = error.__cause__
    return "" if cause is None else f"{type(cause).__name__}: {cause}"


def write_log(error: BaseException, directory: Path) -> Path | None:
    """Add the traceback of `error`, without values, to the log; return its path, if written."""
    path = directory / "inspector.log"
    text = _without_values(error)
    try:
        make_private_directory(directory)
        if path.exists() and path.stat().st_size > LOG_BYTES_MAX:
            path.replace(path.with_suffix(".log.1"))
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"--- {datetime.now(UTC).isoformat()}\n{text}\n")
    except OSError:
        # The log is a help for later; that it cannot be written must not hide the failure itself.
        return None
    return path


def _without_values(error: BaseException) -> str:
    """Return where the error and its causes arose; their messages may quote memories."""
    parts: list[str] = []
    current: BaseException | None = error
    while current is not None:
        parts.append(f"{type(current).__module__}.{type(current).__qualname__}\n")
        parts.extend(traceback.format_tb(current.__traceback__))
        current = current.__cause__ or current.__context__
    return "".join(parts)
