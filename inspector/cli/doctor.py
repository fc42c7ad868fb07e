"""`doctor`: what is wrong with a store, repairing it in place, and saving what is readable."""

from __future__ import annotations

import asyncio
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inspector.cli import output
from inspector.cli.progress import ProgressLine
from inspector.cli.stores import AS_JSON, STORE, run
from inspector.display import visible_line

if TYPE_CHECKING:
    from engine.doctor import Check, Examination, FillReport

HEALTHY, DOUBTFUL, DAMAGED = 0, 1, 2
COLUMNS = (("check", 14), ("state", 8), ("evidence", 0))
LOST_SHOWN = 20
_SALVAGED = ("items", "changes", "missing_changes", "lost_pages", "lost_rows", "journal")
_COLOURS = {"ok": "green", "warning": "yellow", "unknown": "yellow", "damaged": "red"}
# Named here, since help is shown before the engine is loaded; a test compares.
REPAIRS = ("full-text", "counters", "tag-counters", "uses", "orphans", "permissions")


@click.command(short_help="What is wrong with a store; repair or save it.")
@STORE
@AS_JSON
@click.option("--quick", is_flag=True, help="Sample contents, and do not compare indexes.")
@click.option(
    "--fix",
    "fixes",
    metavar="CHECK",
    multiple=True,
    type=click.Choice(REPAIRS),
    help=f"Put right what a check found: {', '.join(REPAIRS)}.",
)
@click.option(
    "--salvage",
    "out",
    metavar="OUT",
    type=click.Path(path_type=Path),
    help="Save what is readable into the new store OUT; STORE stays as it is.",
)
@click.option(
    "--fill-from",
    "source",
    metavar="FILE|FOLDER",
    type=click.Path(path_type=Path),
    help="Then take what is lost from another store, or from the newest of a folder of backups.",
)
def doctor(
    store: Path,
    *,
    as_json: bool,
    quick: bool,
    fixes: tuple[str, ...],
    out: Path | None,
    source: Path | None,
) -> int:
    """Say of every part of STORE how it is. Looking changes nothing, and works on any file.

    Ends with 0 if all is well, 1 if there are warnings or checks that could not be made, 2 if
    something is damaged. With --salvage or --fill-from, with 0 if nothing is known to be lost, 1
    otherwise.

    \b
    Examples:
      memory-inspector doctor agent.db
      memory-inspector doctor agent.db --quick --json
      memory-inspector doctor agent.db --fix full-text --fix counters
      memory-inspector doctor agent.db --salvage saved.db
      memory-inspector doctor agent.db --salvage saved.db --fill-from agent.db.backups
      memory-inspector doctor saved.db --fill-from restored.db
    """
    if out is not None or source is not None:
        if fixes:
            raise click.UsageError("--fix repairs a store in place: use it alone")
        return _save(store, out, source, as_json=as_json)
    for check in fixes:
        _repair(store, check)
    examination = _examine(store, quick=quick)
    if as_json:
        for found in examination.checks:
            output.print_json(
                {
                    "check": found.name,
                    "state": found.state.value,
                    "evidence": found.evidence,
                    "hint": found.hint,
                }
            )
    else:
        print_examination(examination.checks)
    return exit_code(examination)


def _save(store: Path, out: Path | None, source: Path | None, *, as_json: bool) -> int:
    from engine.backups import default_directory
    from engine.doctor import salvage

    facts: dict[str, Any] = {}
    lost: tuple[str, ...] = ()
    complete = True
    with ProgressLine() as progress:
        if out is not None:
            report = run(salvage(store, out, progress=_telling(progress)))
            facts |= {name: getattr(report, name) for name in _SALVAGED}
            lost, complete = report.lost, report.complete
        if source is not None:
            filled = run(_fill(out or store, source, _telling(progress)))
            facts |= {"filled": len(filled.filled)}
            lost = filled.still_lost
            complete = not lost
    facts["lost"] = len(lost)
    if as_json:
        output.print_json({**facts, "lost_ids": list(lost)})
        return HEALTHY if complete else DOUBTFUL
    output.print_facts((name.replace("_", " "), _shown(value)) for name, value in facts.items())
    if lost:
        click.echo(f"lost: {visible_line(', '.join(lost[:LOST_SHOWN]))}")
        if len(lost) > LOST_SHOWN:
            click.echo(f"and {len(lost) - LOST_SHOWN:,} more (--json names all)")
        if source is None:
            backups = default_directory(store)
            source = backups if backups.is_dir() else Path("FILE")
            parts = ("memory-inspector", "doctor", str(out or store), "--fill-from", str(source))
            output.print_text(f"a backup may have them: {shlex.join(parts)}")
    return HEALTHY if complete else DOUBTFUL


async def _fill(path: Path, source: Path, progress: Callable[[str, int, int], None]) -> FillReport:
    """Fill a salvaged store from another, or from a folder of backups."""
    from engine.doctor import fill, fill_from_backups

    if await asyncio.to_thread(source.is_dir):
        return await fill_from_backups(path, source, progress=progress)
    return await fill(path, source, progress=progress)


def _shown(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def exit_code(examination: Examination) -> int:
    """Return what a script is told about a store."""
    codes = {"ok": HEALTHY, "damaged": DAMAGED}
    return codes.get(examination.state.value, DOUBTFUL)


def print_examination(checks: tuple[Check, ...]) -> None:
    """Print a line for each check, and what to do about those that are not ok."""
    table = output.Table(COLUMNS)
    table.print_rows([(check.name, check.state.value, check.evidence) for check in checks])
    if not output.to_terminal():
        return
    for check in checks:
        if check.hint:
            state = output.coloured(check.name, fg=_COLOURS[check.state.value])
            click.echo(f"{state}: {visible_line(check.hint)}")


def _examine(store: Path, *, quick: bool) -> Examination:
    from engine.doctor import examine

    with ProgressLine() as progress:
        return run(examine(store, quick=quick, progress=_telling(progress)))


def _repair(store: Path, check: str) -> None:
    from engine.doctor import repair

    with ProgressLine() as progress:
        done = run(repair(store, check, progress=_telling(progress)))
    click.echo(f"{done.check}: {done.repaired:,} put right", err=not sys.stdout.isatty())


def _telling(progress: ProgressLine) -> Callable[[str, int, int], None]:
    from engine.transfer import TransferProgress

    def tell(check: str, done: int, total: int) -> None:
        progress(TransferProgress(stage=check, done=done, total=total or None, unit=""))

    return tell


COMMANDS = (doctor,)
