"""What the person chose: a config file they write, and the state that the app remembers.

The config is TOML and is only read; an unknown key is an error that names the file and the line.
The state is JSON in the platform's state directory, written whole or not at all, mode 0600.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

APP_NAME = "memory-inspector"
QUERY_HISTORY_MAX = 100
STORES_MAX = 50


class SettingsError(Exception):
    """The config file cannot be used; the message names the file and the line."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The config file as values; every one has a default, so that no file is needed."""

    theme: str = ""
    """A Textual theme; empty for the one used last."""
    editor: str = ""
    """The command that opens a file; empty for $VISUAL or $EDITOR."""
    actor: str = ""
    """Who the history says made a change; empty for the user's name."""
    live: bool = True
    """Whether what other processes write appears by itself."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Keys by action id, several separated by commas."""


def config_path() -> Path:
    """Return where the config file is looked for."""
    from platformdirs import user_config_path

    return user_config_path(APP_NAME, appauthor=False) / "config.toml"


def state_directory() -> Path:
    """Return the directory of the state and of the log."""
    from platformdirs import user_state_path

    return user_state_path(APP_NAME, appauthor=False)


def load_settings(path: Path, *, action_ids: frozenset[str]) -> Settings:
    """Return the settings in the file at `path`, or the defaults if there is none.

    Raises:
        SettingsError: the file is not TOML, or has a key or a value that means nothing.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not TOML: {error}") from error
    return _checked(path, text, values, action_ids)


_TYPES: Mapping[str, type] = {"theme": str, "editor": str, "actor": str, "live": bool, "keys": dict}


def _checked(path: Path, text: str, values: dict[str, Any], action_ids: frozenset[str]) -> Settings:
    for name, value in values.items():
        expected = _TYPES.get(name)
        if expected is None:
            raise SettingsError(
                f"{path}, line {_line_of(text, name)}: unknown key {name!r}",
                hint=f"the keys are {', '.join(_TYPES)}",
            )
        if not isinstance(value, expected):
            raise SettingsError(
                f"{path}, line {_line_of(text, name)}: {name} must be a {_WORDS[expected]}"
            )
    for action_id, key in values.get("keys", {}).items():
        line = _line_of(text, action_id)
        if action_id not in action_ids:
            raise SettingsError(
                f"{path}, line {line}: no action is called {action_id!r}",
                hint=f"the actions are {', '.join(sorted(action_ids))}",
            )
        if not isinstance(key, str) or not key.strip():
            raise SettingsError(f"{path}, line {line}: the key of {action_id} must be a string")
    return Settings(**values)


_WORDS: Mapping[type, str] = {str: "string", bool: "true or false", dict: "table"}


def _line_of(text: str, name: str) -> int:
    """Return the line that defines `name`: tomllib keeps no positions."""
    pattern = re.compile(rf"""^\s*(?:\[\s*)?["']?{re.escape(name)}["']?\s*(?:=|\]|\.)""")
    for number, line in enumerate(text.splitlines(), start=1):
        if pattern.match(line):
            return number
    return 1


class State:
    """What the app remembers between runs: theme, layout and, per store, its queries.

    A state file that is damaged counts as absent: it holds nothing that cannot be chosen again.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / "state.json"
        self._values: dict[str, Any] = _read_object(self._path)

    @property
    def theme(self) -> str:
        """The theme used last, or empty."""
        theme = self._values.get("theme", "")
        return theme if isinstance(theme, str) else ""

    def set_theme(self, theme: str) -> None:
        """Remember `theme`."""
        self._change(("theme",), theme)

    def layout(self, name: str, default: bool) -> bool:
        """Return whether the part of the screen called `name` was shown."""
        shown = _object(self._values, "layout").get(name, default)
        return shown if isinstance(shown, bool) else default

    def set_layout(self, name: str, shown: bool) -> None:
        """Remember whether the part called `name` is shown."""
        self._change(("layout", name), shown)

    def queries(self, store_id: str) -> list[str]:
        """Return the queries that were entered on this store, oldest first."""
        queries = _object(_object(self._values, "stores"), store_id).get("queries", [])
        return [query for query in queries if isinstance(query, str)]

    def add_query(self, store_id: str, query: str) -> list[str]:
        """Remember that `query` was entered on this store; return the queries so far."""
        queries = [known for known in self.queries(store_id) if known != query]
        queries = [*queries, query][-QUERY_HISTORY_MAX:]
        self._change(("stores", store_id, "queries"), queries)
        return queries

    def order(self, store_id: str, default: str) -> str:
        """Return the order that this store's items were last seen in."""
        order = _object(_object(self._values, "stores"), store_id).get("order", default)
        return order if isinstance(order, str) else default

    def set_order(self, store_id: str, order: str) -> None:
        """Remember the order of this store's items."""
        self._change(("stores", store_id, "order"), order)

    def _change(self, path: tuple[str, ...], value: Any) -> None:
        # Read again first: another inspector may have written since this one started.
        values = _read_object(self._path)
        place = values
        for name in path[:-1]:
            inner = place.get(name)
            if not isinstance(inner, dict):
                inner = place[name] = {}
            place = inner
        place.pop(path[-1], None)
        place[path[-1]] = value
        _keep_newest(values, path)
        self._values = values
        write_atomically(self._path, json.dumps(values, ensure_ascii=True, indent=1))


def _keep_newest(values: dict[str, Any], path: tuple[str, ...]) -> None:
    """Move the store in `path` to the end of the stores, and drop the oldest over the limit."""
    stores = values.get("stores")
    if path[0] != "stores" or not isinstance(stores, dict):
        return
    stores[path[1]] = stores.pop(path[1])
    for store_id in list(stores)[:-STORES_MAX]:
        del stores[store_id]


def _object(values: dict[str, Any], name: str) -> dict[str, Any]:
    value = values.get(name)
    return value if isinstance(value, dict) else {}


def _read_object(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}


def write_atomically(path: Path, text: str) -> None:
    """Make the file at `path` hold `text`, whole or not at all, readable by its owner only.

    Raises:
        OSError: the directory cannot be written.
    """
    make_private_directory(path.parent)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def make_private_directory(directory: Path) -> None:
    """Make `directory`, and those above it, readable by their owner only if they are new."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)


def _sync_directory(directory: Path) -> None:
    # The rename itself must survive a power cut, not only the file's bytes.
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
