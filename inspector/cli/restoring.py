"""`backup restore` and `diff`: how a store differs from what it was, and bringing that back."""

from __future__ import annotations

import re
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import click

from inspector import formatting
from inspector.cli import output
from inspector.cli.backups import DIRECTORY, backup, telling
from inspector.cli.progress import ProgressLine
from inspector.cli.restore_lines import (
    difference_record,
    item_record,
    link_record,
    point_text,
    print_difference,
    print_items,
    report_record,
)
from inspector.cli.scheduling import duration
from inspector.cli.stores import AS_JSON, STORE, changing, reading, run
from inspector.display import visible_line

if TYPE_CHECKING:
    from engine import RestoreReport, StoreDifference

_AGO = re.compile(r"\d.*[mhdw]", re.IGNORECASE)


def _moment(ctx: click.Context, parameter: click.Parameter, text: str | None) -> datetime | None:
    """Return a time given as ISO 8601 (local unless it says where), or as `2h`: so long ago."""
    if text is None:
        return None
    if _AGO.fullmatch(text.strip()):
        return datetime.now(UTC) - duration(ctx, parameter, text)
    try:
        return datetime.fromisoformat(text.strip()).astimezone()
    except (ValueError, OverflowError) as error:
        raise click.BadParameter(
            f"{text!r} is no time such as 2026-01-31T12:00 or 2h (ago)"
        ) from error


def _point(
    ctx: click.Context, parameter: click.Parameter, text: str | None
) -> int | datetime | None:
    """Return a sequence, or a time."""
    if text is not None and text.isdecimal() and len(text) < 19:
        return int(text)
    return _moment(ctx, parameter, text)


class _Wanted(TypedDict):
    sequence: int | None
    time: datetime | None
    backup: str | None
    scope: str


@backup.command(short_help="Bring back what was, into a new file or in place.")
@STORE
@click.option("--sequence", type=click.IntRange(0), metavar="N", help="As it was after change N.")
@click.option(
    "--time", "moment", callback=_moment, metavar="TIME", help="As it was then; 2h is 2 hours ago."
)
@click.option("--backup", "name", metavar="NAME", help="As it is in this backup.")
@click.option(
    "--target", type=click.Path(path_type=Path), metavar="FILE", help="Into this new file."
)
@click.option("--in-place", is_flag=True, help="Into STORE itself, as changes that can be undone.")
@click.option("--scope", default="", metavar="QUERY", help="Only what matches, then or now.")
@click.option("--dry-run", is_flag=True, help="Only say what would become different.")
@click.option("--force", is_flag=True, help="In place even while others write to STORE.")
@click.option("--yes", is_flag=True, help="In place without asking.")
@AS_JSON
@DIRECTORY
def restore(
    store: Path,
    *,
    sequence: int | None,
    moment: datetime | None,
    name: str | None,
    target: Path | None,
    in_place: bool,
    scope: str,
    dry_run: bool,
    force: bool,
    yes: bool,
    as_json: bool,
    directory: Path | None,
) -> None:
    """Bring back STORE as it was after a change, at a time, or in a backup.

    Into a FILE, STORE may be in use, damaged or gone: its backups are asked for what it cannot
    tell. In place, a backup is made first, everything becomes what it was in one step, and the
    history goes on: `undo` takes it back. A store that cannot be read is kept under another name.

    \b
    Examples:
      memory-inspector backup restore agent.db --time 2h --target old.db
      memory-inspector backup restore agent.db --sequence 1234 --in-place --dry-run
      memory-inspector backup restore agent.db --sequence 1234 --in-place --scope agent:atlas
      memory-inspector backup restore agent.db --backup NAME --target old.db
    """
    if sum(point is not None for point in (sequence, moment, name)) != 1:
        raise click.UsageError("say one point: --sequence, --time or --backup")
    if (target is None) is not in_place:
        raise click.UsageError("say where to: --target FILE or --in-place")
    wanted: _Wanted = {"sequence": sequence, "time": moment, "backup": name, "scope": scope}
    if dry_run:
        preview = run(_preview(store, directory, wanted))
        if as_json:
            output.print_json(difference_record(preview))
        else:
            print_difference(preview)
            output.print_text("nothing was restored: this was a dry run")
        return
    if target is not None:
        report = run(_to_file(store, target, directory, wanted))
    elif _is_readable(store):
        shown = None if yes else _ask(store, directory, wanted, as_json=as_json)
        report = run(_in_place(store, directory, wanted, shown, force=force))
    else:
        if scope:
            raise click.UsageError("the store cannot be read: it can only be restored as a whole")
        if not yes:
            _have_named(store, "it cannot be read, and is kept under another name")
        report = run(_in_place_of_unreadable(store, directory, wanted))
    if as_json:
        output.print_json(report_record(report))
    else:
        output.print_text(_report_text(store, report))


async def _preview(store: Path, directory: Path | None, wanted: _Wanted) -> StoreDifference:
    async with reading(store) as memories:
        if directory is not None:
            memories.backups.use_directory(directory)
        with ProgressLine() as progress:
            return await memories.backups.preview_restore(**wanted, progress=telling(progress))


async def _to_file(
    store: Path, target: Path, directory: Path | None, wanted: _Wanted
) -> RestoreReport:
    from engine.backups import restore_file

    with ProgressLine() as progress:
        return await restore_file(
            store, target, directory=directory, progress=telling(progress), **wanted
        )


def _ask(store: Path, directory: Path | None, wanted: _Wanted, *, as_json: bool) -> StoreDifference:
    """Show what would happen, and have the store's file name typed; return what was shown."""
    preview = run(_preview(store, directory, wanted))
    if not as_json:
        print_difference(preview)
    _have_named(store, "all of this in one step, after a backup" if not wanted["scope"] else "")
    return preview


def _have_named(store: Path, what: str) -> None:
    """Have the store's file name typed before it is written to."""
    question = f"Type the store's file name ({visible_line(store.name)}) to restore it"
    if what:
        question += f" ({what})"
    typed = click.prompt(question, default="", show_default=False, err=True)
    if typed != store.name:
        raise click.ClickException("nothing was restored: that is not the store's file name")


def _is_readable(store: Path) -> bool:
    """Return whether a store is there, can be opened, and has its pages in order.

    Raises:
        StoreError: it cannot be opened, but is not damaged either.
    """
    from engine.backups.past import is_sound

    return is_sound(store)


async def _in_place_of_unreadable(
    store: Path, directory: Path | None, wanted: _Wanted
) -> RestoreReport:
    from engine.backups import restore_unreadable

    with ProgressLine() as progress:
        return await restore_unreadable(
            store,
            sequence=wanted["sequence"],
            time=wanted["time"],
            backup=wanted["backup"],
            directory=directory,
            progress=telling(progress),
        )


async def _in_place(
    store: Path,
    directory: Path | None,
    wanted: _Wanted,
    preview: StoreDifference | None,
    *,
    force: bool,
) -> RestoreReport:
    async with changing(store) as memories:
        if directory is not None:
            memories.backups.use_directory(directory)
        with ProgressLine() as progress:
            return await memories.backups.restore(
                **wanted, in_place=True, force=force, preview=preview, progress=telling(progress)
            )


def _report_text(store: Path, report: RestoreReport) -> str:
    items = f"{formatting.count(report.items)} item{'' if report.items == 1 else 's'}"
    point = point_text(report.point)
    if report.moved_aside is not None:
        return (
            f"restored {items} to {report.target}, as of {point}\n"
            f"what was there is kept as {report.moved_aside}"
        )
    if report.target is not None:
        return f"restored {items} to {report.target}, as of {point}"
    if report.first_sequence is None:
        return f"nothing differs from {point}: nothing was changed"
    text = f"restored {items} in {store.name} to {point}: "
    text += f"changes {report.first_sequence} to {report.last_sequence}"
    if report.safety_backup is not None:
        before = report.first_sequence - 1
        text += f"\nbefore that the backup {report.safety_backup} was made; to go back: "
        text += f"memory-inspector backup restore {shlex.quote(str(store))} "
        text += f"--sequence {before} --in-place"
    return text


@click.command(short_help="What differs between two points, or a point and now.")
@STORE
@click.argument("before", metavar="A", callback=_point)
@click.argument("after", metavar="[B]", required=False, callback=_point)
@click.option("--items", "all_", is_flag=True, help="Every item that differs, not only the first.")
@AS_JSON
def diff(
    store: Path,
    *,
    before: int | datetime,
    after: int | datetime | None,
    all_: bool,
    as_json: bool,
) -> None:
    """Say which items and associations of STORE differ between A and B, by default now.

    Points are changes (1234) or times (2026-01-31T12:00, or 2h for two hours ago). It is told from
    the change log, whatever the size of the store.

    \b
    Examples:
      memory-inspector diff agent.db 1234
      memory-inspector diff agent.db 2h 1h --items
    """

    async def work() -> None:
        async with reading(store) as memories:
            found = await memories.diff(before, after)
            if as_json:
                output.print_json(difference_record(found))
            else:
                print_difference(found, samples=not all_)
            if not all_:
                return
            batch: list[Any] = []
            async for item in memories.diff_items(found):
                if as_json:
                    output.print_json(item_record(item))
                else:
                    batch.append(item)
            print_items(batch)
            for link in await memories.diff_links(found):
                if as_json:
                    output.print_json(link_record(link))

    run(work())


COMMANDS = (diff,)
