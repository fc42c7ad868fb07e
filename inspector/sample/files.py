"""Reads the hand-written memory, from a checkout or from inside the installed package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

FILES = (
    "sessions.jsonl",
    "atlas.jsonl",
    "harbor.jsonl",
    "sage.jsonl",
    "wren.jsonl",
    "odd.jsonl",
    "associations.jsonl",
)
"""In the order of reading: sessions before the items that name them, associations last."""


def sample_directory() -> Path:
    """Return where the sample files are.

    Raises:
        FileNotFoundError: neither the package nor the checkout holds them.
    """
    package = Path(__file__).parents[1]
    for directory in (package / "sample_data", package.parent / "sample_data"):
        if (directory / FILES[0]).is_file():
            return directory
    raise FileNotFoundError(f"no sample_data directory in {package} or beside it")


def load_sample_records() -> Iterator[dict[str, Any]]:
    """Yield every record of the hand-written memory, each after those that it refers to."""
    directory = sample_directory()
    for name in FILES:
        with (directory / name).open("rb") as file:
            for line in file:
                yield orjson.loads(line)
