"""The import contracts of pyproject.toml, proven at run time: what loading a part really loads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCREEN = {"textual", "rich", "click"}
DRIVERS = {"sqlite3", "_sqlite3", "aiosqlite", "pysqlite3"}
PICKLE = {"pickle", "pickletools"}

LOADED = """
import importlib, pathlib, sys
for name in sys.argv[1].split():
    importlib.import_module(name)
print(*sys.modules)
"""


def loaded_by(*names: str) -> set[str]:
    """Return the names of all modules that importing `names` loads, in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, " ".join(names)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def modules_in(package: str) -> list[str]:
    """Return the names of all modules of a package."""
    directory = ROOT.joinpath(*package.split("."))
    return [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in directory.rglob("*.py")
    ]


def test_the_engine_loads_no_screen_and_no_pickle() -> None:
    """A program that uses the engine as a library pays for no terminal, and gets no unpickler."""
    loaded = loaded_by("engine", "engine.transfer")
    assert not loaded & (SCREEN | PICKLE | {"inspector"})


def test_every_module_of_the_engine_stands_without_a_screen() -> None:
    """Not only what the package loads at first: no part of the engine needs a terminal."""
    loaded = loaded_by(*modules_in("engine"))
    assert not loaded & (SCREEN | {"inspector"})


def test_the_query_language_loads_no_driver() -> None:
    """Parsing and planning are pure: they can run where there is no database."""
    # The package `engine` itself loads the store; its modules alone must not need one.
    code = (
        "import sys, types; package = types.ModuleType('engine'); "
        "package.__path__ = ['engine']; sys.modules['engine'] = package; "
        "import engine.query, engine.query.planner, engine.procedures.items; "
        "print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not set(done.stdout.split()) & DRIVERS


@pytest.mark.parametrize("package", ["inspector.widgets", "inspector.cli"])
def test_parts_of_the_inspector_load_no_engine(package: str) -> None:
    """Widgets draw what they are given; the command line answers `--help` before any database."""
    loaded = loaded_by("inspector", *modules_in(package))
    assert not loaded & DRIVERS
    assert "engine" not in loaded


def test_the_command_line_starts_without_the_app() -> None:
    """`query` in a script does not wait for the screens to load."""
    assert "textual" not in loaded_by("inspector.cli", "inspector.__main__")
