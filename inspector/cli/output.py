"""What the command line prints: tables, lines for pipes, JSON; nothing that acts on a terminal."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, BinaryIO

import click

from inspector.display import is_clean, visible, visible_line
from inspector.formatting import align

SUMMARY_CHARACTERS = 500
LAST_CELLS_MIN = 20
CELLS_MIN = 4
_BEYOND_ASCII = re.compile(r"[^\x20-\x7e]")


def to_terminal() -> bool:
    """True if standard output is a terminal."""
    return sys.stdout.isatty()


def coloured(text: str, **style: Any) -> str:
    """Return `text` with a style where a terminal shows it and nobody asked for none."""
    plain = not to_terminal() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return text if plain else click.style(text, **style)


def print_text(text: str) -> None:
    """Print text of any length, made visible."""
    click.echo(visible(text))


def print_json(value: Any) -> None:
    """Print a JSON value on one line; in a terminal, odd characters are escaped."""
    import orjson

    line = orjson.dumps(value, option=orjson.OPT_PASSTHROUGH_DATACLASS).decode()
    if to_terminal():
        line = escaped(line)
    click.echo(line.encode() + b"\n", nl=False)


def json_time(at: datetime | None) -> str | None:
    """Return a moment as JSON has it: `2026-11-25T06:00:00Z`."""
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def escaped(line: str) -> str:
    r"""Return JSON text with every character that a terminal might act on as \uXXXX."""
    return _BEYOND_ASCII.sub(
        lambda match: match[0] if is_clean(match[0]) else _escape(match[0]), line
    )


def _escape(character: str) -> str:
    # json writes one character as a text of its own, with two escapes beyond the first plane.
    return json.dumps(character)[1:-1] if character != "\x7f" else "\\u007f"


def summary(content: Any) -> str:
    """Return the beginning of an item's content as text, not yet made visible."""
    if isinstance(content, str):
        return content[:SUMMARY_CHARACTERS]
    if isinstance(content, bytes):
        return f"({len(content):,} bytes) {content[:32].hex(' ')}"
    if hasattr(content, "opcodes"):
        return f"(pickled Python object, {len(content.data):,} bytes)"
    return json.dumps(content, ensure_ascii=False)[:SUMMARY_CHARACTERS]


def print_facts(facts: Iterable[tuple[str, str]]) -> None:
    """Print names and values, one to a line and aligned."""
    facts = list(facts)
    width = max((len(name) for name, _ in facts), default=0)
    for name, value in facts:
        click.echo(f"{coloured(name.ljust(width), dim=True)}  {visible_line(value)}")


class Table:
    """Rows printed as they come: aligned and cut to a terminal's width, or with tabs in a pipe.

    The last column takes what is left of the width; the others are as wide as the first rows
    need, up to their maximum.
    """

    def __init__(self, columns: Sequence[tuple[str, int]]) -> None:
        self._columns = columns
        self._aligned = to_terminal()
        self._width = shutil.get_terminal_size().columns
        self._widths: list[int] = []

    def print_rows(self, rows: Iterable[Sequence[str]]) -> None:
        """Print some rows; the first call decides how wide the columns are."""
        from rich.cells import cell_len

        shown = [[visible_line(cell) for cell in row] for row in rows]
        if not self._aligned:
            for row in shown:
                click.echo("\t".join(row))
            return
        if not self._widths:
            self._widths = [
                min(most, max([len(name), *(cell_len(row[index]) for row in shown)]))
                for index, (name, most) in enumerate(self._columns)
            ]
            self._shrink()
            names = self._line([name for name, _ in self._columns])
            click.echo(coloured(names, dim=True))
        for row in shown:
            click.echo(self._line(row))

    def _shrink(self) -> None:
        """Take from the widest columns until the last one has room to say something."""
        widths = self._widths
        room = self._width - 2 * (len(widths) - 1) - LAST_CELLS_MIN
        while sum(widths[:-1]) > room and max(widths[:-1]) > CELLS_MIN:
            widest = max(range(len(widths) - 1), key=widths.__getitem__)
            widths[widest] -= 1

    def _line(self, row: Sequence[str]) -> str:
        cells = [align(cell, width) for cell, width in zip(row[:-1], self._widths, strict=False)]
        left = self._width - sum(self._widths[:-1]) - 2 * len(cells)
        return "  ".join([*cells, align(row[-1], max(left, 10))]).rstrip()


class TerminalGuard:
    """A binary stream for exports to a terminal: text goes through it made harmless."""

    def __init__(self, stream: BinaryIO, *, json_lines: bool) -> None:
        self._stream = stream
        self._json_lines = json_lines

    def write(self, data: bytes) -> int:
        """Write whole lines of UTF-8."""
        text = data.decode(errors="replace")
        if self._json_lines:
            safe = "\n".join(escaped(line) for line in text.split("\n"))
        else:
            safe = visible(text.removeprefix("\ufeff"))
        self._stream.write(safe.encode())
        return len(data)

    def flush(self) -> None:
        """Send on what is buffered."""
        self._stream.flush()
