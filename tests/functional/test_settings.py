"""The config says what is wrong and where; the state is private, whole, and never in the way."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from inspector.actions import action_ids
from inspector.settings import QUERY_HISTORY_MAX, Settings, SettingsError, State, load_settings

IDS = action_ids()


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_no_config_gives_the_defaults(tmp_path: Path) -> None:
    """A newcomer writes none."""
    assert load_settings(tmp_path / "config.toml", action_ids=IDS) == Settings()


def test_a_config_is_read(tmp_path: Path) -> None:
    """Theme, editor and keys are taken from it."""
    path = write(
        tmp_path / "config.toml",
        'theme = "nord"\neditor = "vim -n"\nlive = false\n[keys]\n"browse.edit" = "ctrl+e"\n',
    )
    settings = load_settings(path, action_ids=IDS)
    assert (settings.theme, settings.editor, settings.live) == ("nord", "vim -n", False)
    assert settings.keys == {"browse.edit": "ctrl+e"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('theme = "nord"\ncolour = "red"\n', "line 2: unknown key 'colour'"),
        ("theme = 3\n", "line 1: theme must be a string"),
        ('[keys]\n"browse.fly" = "f"\n', "line 2: no action is called 'browse.fly'"),
        ('[keys]\n"browse.edit" = 4\n', "line 2: the key of browse.edit"),
        ("theme = \n", "is not TOML"),
    ],
)
def test_a_fault_in_the_config_names_file_and_line(tmp_path: Path, text: str, says: str) -> None:
    """Nobody has to search for it."""
    path = write(tmp_path / "config.toml", text)
    with pytest.raises(SettingsError) as caught:
        load_settings(path, action_ids=IDS)
    assert says in caught.value.message
    assert str(path) in caught.value.message


def test_the_state_is_for_its_owner_only_and_survives(tmp_path: Path) -> None:
    """What is remembered is there in the next run, and nobody else reads the queries."""
    directory = tmp_path / "state"
    state = State(directory)
    state.set_theme("nord")
    state.add_query("store-1", "tag:secret")
    state.set_layout("facets", False)
    again = State(directory)
    assert again.theme == "nord"
    assert again.queries("store-1") == ["tag:secret"]
    assert again.layout("facets", True) is False
    assert stat.S_IMODE((directory / "state.json").stat().st_mode) == 0o600
    assert [path.name for path in directory.iterdir()] == ["state.json"]


def test_two_runs_do_not_forget_for_each_other(tmp_path: Path) -> None:
    """Each reads what the other wrote before it writes."""
    first, second = State(tmp_path), State(tmp_path)
    first.add_query("a", "one")
    second.add_query("b", "two")
    assert State(tmp_path).queries("a") == ["one"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"theme": 3, "stores": [], "layout": 1}'])
def test_a_damaged_state_counts_as_none(tmp_path: Path, text: str) -> None:
    """The app starts, and writes a whole one."""
    write(tmp_path / "state.json", text)
    state = State(tmp_path)
    assert (state.theme, state.queries("a"), state.layout("item", True)) == ("", [], True)
    state.add_query("a", "one")
    assert json.loads((tmp_path / "state.json").read_text())["stores"]["a"]["queries"] == ["one"]


def test_queries_are_remembered_once_each_and_not_for_ever(tmp_path: Path) -> None:
    """The newest come last; the oldest are dropped."""
    state = State(tmp_path)
    for number in range(QUERY_HISTORY_MAX + 5):
        state.add_query("a", f"q{number}")
    queries = state.add_query("a", "q50")
    assert len(queries) == QUERY_HISTORY_MAX
    assert queries[-1] == "q50"
    assert queries.count("q50") == 1
