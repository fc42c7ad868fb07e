"""How the command line says what went wrong: what, where in a query, and what to do."""

from __future__ import annotations

import os

import click

from inspector.display import visible, visible_line
from inspector.failures import describe

DEBUG_VARIABLE = "MEMORY_INSPECTOR_DEBUG"
FAILED = 1


def report(error: Exception) -> int:
    """Print `error` and its hint for a person, and return the exit code.

    With MEMORY_INSPECTOR_DEBUG set, the error is raised on, traceback and all.
    """
    if os.environ.get(DEBUG_VARIABLE):
        raise error
    failure = describe(error)
    what = failure.what
    if isinstance(error, OSError) and not hasattr(error, "hint") and failure.why:
        # An error of the system itself: why is the name of the file.
        what = f"{what}: {failure.why}"
    click.echo(f"{click.style('error:', fg='red', bold=True)} {visible(what)}", err=True)
    text, position = getattr(error, "text", ""), getattr(error, "position", None)
    if isinstance(text, str) and text and isinstance(position, int):
        _point_at(text, position, getattr(error, "length", 1))
    if failure.hint:
        click.echo(f"{click.style('hint:', fg='cyan')} {visible(failure.hint)}", err=True)
    return FAILED


def _point_at(text: str, position: int, length: int) -> None:
    """Print the line of a query that is at fault, with carets under the fault."""
    from rich.cells import cell_len

    start = text.rfind("\n", 0, position) + 1
    line = text[start:].split("\n", 1)[0]
    before = cell_len(visible_line(line[: position - start]))
    fault = cell_len(visible_line(line[position - start : position - start + length]))
    click.echo(f"  {visible_line(line)}", err=True)
    click.echo(f"  {' ' * before}{'^' * max(fault, 1)}", err=True)
