"""`backup`: making backups, looking at them, proving them, thinning them out."""

from __future__ import annotations

import asyncio
import shlex
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from inspector import formatting
from inspector.cli import output
from inspector.cli.backup_lines import (
    BACKUP_COLUMNS,
    backup_record,
    backup_row,
    finding_record,
    made_text,
    print_findings,
    print_prune_plan,
    prune_record,
    report_record,
)
from inspector.cli.progress import ProgressLine
from inspector.cli.scheduling import RETRY, duration, is_passing, say, stay
from inspector.cli.stores import AS_JSON, STORE, changing, run

if TYPE_CHECKING:
    from engine import Backup, MemoryStore, VerifyReport
    from engine.backups import Catalogue, Kind, PrunePlan

F = TypeVar("F", bound=Callable[..., Any])

FOUND = 1
"""The exit code when something is wrong with backups."""
LOOK_SECONDS = 30.0
_UNITS = {
    "copy": "bytes",
    "compress": "bytes",
    "restore": "bytes",
    "rewind": "changes",
    "digest": "items",
}

DIRECTORY = click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Where the backups are; by default STORE.backups.",
)


@click.group(short_help="Backups: making, listing, proving and thinning them out.")
def backup() -> None:
    """Keep backups of a store: made while it is in use, and proven by restoring them.

    They are in STORE.backups unless told otherwise. To list, verify and prune them the store
    itself is not needed.

    \b
    Examples:
      memory-inspector backup create agent.db
      memory-inspector backup create agent.db --kind incremental --every 6h
      memory-inspector backup list agent.db
      memory-inspector backup verify agent.db --all
      memory-inspector backup prune agent.db --keep-last 10 --keep-daily 7
    """


def _duration_or_none(
    ctx: click.Context, parameter: click.Parameter, text: str | None
) -> timedelta | None:
    return None if text is None else duration(ctx, parameter, text)


@backup.command(short_help="Make a backup, now or every so often.")
@STORE
@AS_JSON
@click.option(
    "--kind",
    type=click.Choice(("full", "incremental")),
    help="By default full; with --every, incremental.",
)
@DIRECTORY
@click.option("--copy-to", metavar="URL", help="Copy it there as well: a path, s3://..., ...")
@click.option("--no-verify", is_flag=True, help="Do not restore it to prove that it can be.")
@click.option(
    "--every",
    callback=_duration_or_none,
    metavar="TIME",
    help="Stay, and make one whenever the last is so old: 30m, 6h, 1d.",
)
@click.option(
    "--changes",
    type=click.IntRange(1),
    metavar="N",
    help="Stay, and make one whenever there were so many changes.",
)
@click.option("--once", is_flag=True, help="With --every: make the one that is due, and end.")
def create(
    store: Path,
    *,
    as_json: bool,
    kind: str | None,
    directory: Path | None,
    copy_to: str | None,
    no_verify: bool,
    every: timedelta | None,
    changes: int | None,
    once: bool,
) -> None:
    """Make a backup of STORE, while agents write to it.

    It is restored to a temporary place to prove that it can be, and only then has a name. With
    --every or --changes this stays until Ctrl-C or SIGTERM; what was missed is made up for once.

    \b
    Examples:
      memory-inspector backup create agent.db
      memory-inspector backup create agent.db --kind incremental --copy-to s3://bucket/agent
      memory-inspector backup create agent.db --every 6h --once      (for cron)
    """
    maker = _Maker(directory, copy_to, verify=not no_verify, as_json=as_json)
    if every is None and changes is None:
        if once:
            raise click.UsageError("--once says what to do with --every or --changes")

        async def work() -> None:
            async with changing(store) as memories:
                await maker.make(memories, cast("Kind", kind or "full"))

        run(work())
        return
    if kind == "full":
        raise click.UsageError("what is made every so often is incremental where it can be")
    hours = None if every is None else every / timedelta(hours=1)
    run(stay(store, lambda memories: maker.keep_going(memories, hours, changes, once=once)))


class _Maker:
    """Makes backups, copies them elsewhere, and says so."""

    def __init__(
        self, directory: Path | None, copy_to: str | None, *, verify: bool, as_json: bool
    ) -> None:
        self._directory = directory
        self._copy_to = copy_to
        self._verify = verify
        self._as_json = as_json

    async def make(self, memories: MemoryStore, kind: Kind) -> None:
        """Make one backup."""
        self._choose(memories)
        with ProgressLine() as progress:
            tell = telling(progress)
            made = await memories.backups.create(kind=kind, verify=self._verify, progress=tell)
            if self._copy_to is not None:
                await memories.backups.copy(made, self._copy_to, progress=tell)
        if self._as_json:
            output.print_json(backup_record(made))
            sys.stdout.flush()
        else:
            say(made_text(made, self._copy_to))

    def _choose(self, memories: MemoryStore) -> None:
        if self._directory is not None:
            memories.backups.use_directory(self._directory)

    async def keep_going(
        self, memories: MemoryStore, hours: float | None, changes: int | None, *, once: bool
    ) -> None:
        """Make what is due, and sleep until something may be due again.

        Raises:
            EngineError: it could not be made, and there is no use in trying again.
        """
        from engine import EngineError

        self._choose(memories)
        while True:
            wait = LOOK_SECONDS
            try:
                due = await memories.backups.due(hours=hours, changes=changes)
                if due is not None:
                    self._say_why(due.reason, due.missed)
                    await self.make(memories, "incremental")
            except EngineError as error:
                if once or not is_passing(error):
                    raise
                click.echo(f"put off: {error.message}", err=True)
                wait = RETRY.total_seconds()
            if once:
                return
            await asyncio.sleep(wait)

    def _say_why(self, reason: str, missed: int) -> None:
        if missed > 0:
            noun = "backup was" if missed == 1 else "backups were"
            reason += f"; {formatting.count(missed)} {noun} missed, one makes up for it"
        if not self._as_json:
            say(f"due: {reason}")


def telling(progress: ProgressLine) -> Any:
    """Return what a backup or a restore tells its progress."""

    def tell(stage: str, done: int, total: int) -> None:
        progress.counting(stage, _UNITS.get(stage, "steps"))(done, total)

    return tell


def _catalogue(store: Path, directory: Path | None) -> Catalogue:
    """Return the backups of a store, which need not be there.

    Raises:
        BackupNotFoundError: there is no such directory.
    """
    from engine import BackupNotFoundError
    from engine.backups import default_directory, read_catalogue

    chosen = default_directory(store) if directory is None else directory
    if not chosen.is_dir():
        raise BackupNotFoundError(
            f"there are no backups at {chosen}",
            hint="memory-inspector backup create makes one; --directory looks elsewhere",
        )
    return read_catalogue(chosen)


@backup.command("list", short_help="Print the backups of a store.")
@STORE
@AS_JSON
@DIRECTORY
def list_(store: Path, *, as_json: bool, directory: Path | None) -> int:
    """Print the backups of STORE, oldest first; it may be missing or damaged itself.

    The exit code is 1 if something in the directory is wrong.
    """
    catalogue = _catalogue(store, directory)
    if as_json:
        for one in catalogue.backups:
            output.print_json(backup_record(one))
        for finding in catalogue.findings:
            output.print_json(finding_record(finding))
    else:
        now = datetime.now(UTC)
        rows = [backup_row(catalogue, one, now) for one in catalogue.backups]
        if rows:
            output.Table(BACKUP_COLUMNS).print_rows(rows)
        elif output.to_terminal():
            click.echo("no backups yet", err=True)
        print_findings(catalogue.findings)
    return FOUND if catalogue.findings else 0


@backup.command(short_help="Restore backups to a temporary place to prove them.")
@STORE
@click.argument("names", metavar="[BACKUP]...", nargs=-1)
@AS_JSON
@click.option("--all", "all_", is_flag=True, help="All backups, not only the newest.")
@DIRECTORY
def verify(
    store: Path, names: Sequence[str], *, as_json: bool, all_: bool, directory: Path | None
) -> int:
    """Prove that backups of STORE can be restored: by default the newest, with its chain.

    Each is restored to a temporary place, checked through and through, and compared with what it
    was. The exit code is 1 if anything is wrong.
    """
    from engine import BackupNotFoundError

    catalogue = _catalogue(store, directory)
    if not catalogue.backups and not catalogue.findings:
        raise BackupNotFoundError("there is no backup to verify", hint="make one first")
    chosen = catalogue.backups if all_ else catalogue.backups[-1:]
    if names:
        chosen = tuple(catalogue.find(name) for name in names)
    reports = run(_verify(catalogue, chosen))
    for report in reports:
        if as_json:
            output.print_json(report_record(report))
        else:
            print_findings(report.findings)
            output.print_text(f"{report.name}: {'ok' if report.ok else 'NOT OK'}")
    if as_json:
        for finding in catalogue.findings:
            output.print_json(finding_record(finding))
    else:
        print_findings(catalogue.findings)
    return 0 if all(report.ok for report in reports) and not catalogue.findings else FOUND


async def _verify(catalogue: Catalogue, chosen: Sequence[Backup]) -> list[VerifyReport]:
    from engine.backups import verify_backup

    with ProgressLine() as progress:
        tell = telling(progress)
        return [await verify_backup(catalogue, one, progress=tell) for one in chosen]


def _keep(name: str, what: str) -> Callable[[F], F]:
    return click.option(
        f"--keep-{name}", type=click.IntRange(0, 100_000), default=0, metavar="N", help=what
    )


@backup.command(short_help="Delete the backups that no rule keeps.")
@STORE
@_keep("last", "The newest N.")
@_keep("daily", "The newest of each of N days that have one.")
@_keep("weekly", "... of N weeks.")
@_keep("monthly", "... of N months.")
@click.option("--yes", is_flag=True, help="Do it; without this it is only shown.")
@AS_JSON
@DIRECTORY
def prune(
    store: Path,
    *,
    keep_last: int,
    keep_daily: int,
    keep_weekly: int,
    keep_monthly: int,
    yes: bool,
    as_json: bool,
    directory: Path | None,
) -> int:
    """Show which backups of STORE no rule keeps, and delete them with --yes.

    A chain is never broken, and the newest verified backup is never deleted.

    \b
    Examples:
      memory-inspector backup prune agent.db --keep-last 10 --keep-daily 7
      memory-inspector backup prune agent.db --keep-weekly 4 --keep-monthly 12 --yes
    """
    from engine.backups import Retention, plan_prune, prune_backups

    retention = Retention(
        last=keep_last, daily=keep_daily, weekly=keep_weekly, monthly=keep_monthly
    )
    catalogue = _catalogue(store, directory)
    plan: PrunePlan = plan_prune(catalogue, retention)
    if yes:
        run(prune_backups(plan))
    if as_json:
        output.print_json(prune_record(plan, done=yes))
    else:
        print_prune_plan(plan, done=yes)
        if plan.delete and not yes:
            path = shlex.quote(str(store))
            output.print_text(f"nothing was deleted: backup prune {path} ... --yes does it")
    return FOUND if catalogue.findings else 0


COMMANDS = (backup,)
