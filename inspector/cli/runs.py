"""Commands of `lifecycle` that carry plans out, and take back what was done."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inspector import formatting
from inspector.cli import output
from inspector.cli.planning import print_plan
from inspector.cli.progress import ProgressLine
from inspector.cli.stores import AS_JSON, STORE, changing, reading, run

if TYPE_CHECKING:
    from engine import MemoryStore, Plan, Run

RUN_COLUMNS = (
    ("run", 6),
    ("state", 11),
    ("started", 23),
    ("took", 9),
    ("changes", 19),
    ("file", 18),
    ("policies", 0),
)
RUN = click.argument("run_id", metavar="RUN", type=click.IntRange(1, 2**63 - 1))


@click.command(short_help="Do what the policies ask for, after showing it.")
@STORE
@click.option("--yes", is_flag=True, help="Do not ask; for scripts.")
@click.option(
    "--without-policy", "policies", metavar="NAME", multiple=True, help="Leave a policy out."
)
@click.option("--without-item", "items", metavar="ID", multiple=True, help="Leave an item out.")
@click.option("--without-history", is_flag=True, help="Do not let go of old history this time.")
def apply(
    store: Path,
    *,
    yes: bool,
    policies: tuple[str, ...],
    items: tuple[str, ...],
    without_history: bool,
) -> None:
    """Plan what the policies of STORE ask for, show it, and do it when told yes.

    What is done is exactly what was shown, or nothing if the store has moved on; `lifecycle undo`
    takes all of it back, except old history that was let go of.

    \b
    Examples:
      memory-inspector lifecycle apply agent.db
      memory-inspector lifecycle apply agent.db --yes --without-policy delete_ancient_archives
    """
    if not yes and not sys.stdin.isatty():
        raise click.UsageError("there is no terminal to ask on: look at the plan, then use --yes")
    plan = run(_make_plan(store))
    _refuse_unknown(plan, policies, items)
    plan = plan.without(items=items, policies=policies, forgetting=without_history)
    print_plan(plan)
    if not plan.changes and plan.forgets is None:
        click.echo("nothing to do")
        return
    # Asked between two openings: nobody waits for the store while somebody thinks.
    if not yes and not click.confirm("apply this plan?", default=False):
        click.echo("nothing was changed")
        return

    async def work() -> Run:
        async with changing(store) as memories:
            with ProgressLine() as progress:
                return await memories.lifecycle.apply(
                    plan, progress=progress.counting("applying", "changes")
                )

    print_run(store, run(work()))


async def _make_plan(store: Path) -> Plan:
    async with reading(store) as memories:
        with ProgressLine() as progress:
            return await memories.lifecycle.plan(progress=progress.counting("planning", "steps"))


def _refuse_unknown(plan: Plan, policies: Sequence[str], items: Sequence[str]) -> None:
    """Refuse to leave out what is not in the plan: it may be a name that is not written right.

    Raises:
        PolicyNotFoundError: the first policy that is not in it.
        ItemNotFoundError: the first item that is not in it.
    """
    from engine import ItemNotFoundError, PolicyNotFoundError

    for name in policies:
        if name not in plan.by_policy:
            raise PolicyNotFoundError(
                f"the plan has no policy {name!r}", hint=f"it has {', '.join(plan.by_policy)}"
            )
    planned = {change.item_id for change in plan.changes}
    for item_id in items:
        if item_id not in planned:
            raise ItemNotFoundError(
                f"nothing is planned for {item_id!r}", hint="lifecycle plan --json lists all items"
            )


def print_run(store: Path, done: Run) -> None:
    """Print what a run did, and how to take it back."""
    output.print_text(run_text(done))
    path = shlex.quote(str(store))
    output.print_text(f"take it back: memory-inspector lifecycle undo {path} {done.id}")


def run_text(done: Run) -> str:
    """Return a line such as `run 3: done, 1,204 of 1,204 changes in 1.2 s; the file is 12 MB`."""
    text = f"run {done.id}: {done.state}, {_progress(done)} changes"
    if done.forgotten:
        text += f", {formatting.count(done.forgotten)} old changes forgotten"
    if done.ended_at is not None:
        text += f" in {_took(done)}"
    if done.bytes_after is not None:
        before = formatting.byte_size(done.bytes_before)
        text += f"; the file was {before} and is {formatting.byte_size(done.bytes_after)}"
    return text


def _progress(done: Run) -> str:
    return f"{formatting.count(done.done)} of {formatting.count(done.planned)}"


def _took(done: Run) -> str:
    if done.ended_at is None:
        return "-"
    seconds = (done.ended_at - done.started_at).total_seconds()
    # A clock may have been set back meanwhile.
    return formatting.duration_ms(max(0.0, seconds * 1e3))


@click.command(short_help="Print the past runs of a store.")
@STORE
@AS_JSON
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1))
def runs(store: Path, *, as_json: bool, limit: int) -> None:
    """Print the runs of STORE, newest first: when, how far, what came of it."""

    async def work() -> list[Run]:
        async with reading(store) as memories:
            return await memories.lifecycle.runs(limit=limit)

    found = run(work())
    if as_json:
        for one in found:
            output.print_json(run_record(one))
    elif found:
        output.Table(RUN_COLUMNS).print_rows([_run_row(one) for one in found])
    elif output.to_terminal():
        click.echo("no runs yet", err=True)


def _run_row(one: Run) -> Sequence[str]:
    after = "" if one.bytes_after is None else f" > {formatting.byte_size(one.bytes_after)}"
    counts = [f"{name} {count:,}" for name, count in one.by_policy.items() if count]
    return (
        str(one.id),
        one.state,
        formatting.exact_time(one.started_at),
        _took(one),
        _progress(one),
        f"{formatting.byte_size(one.bytes_before)}{after}",
        ", ".join(counts),
    )


def run_record(one: Run) -> dict[str, Any]:
    """Return a run as a JSON object."""
    return {
        "run": one.id,
        "state": one.state,
        "started_at": output.json_time(one.started_at),
        "ended_at": output.json_time(one.ended_at),
        "planned": one.planned,
        "done": one.done,
        "first_sequence": one.first_sequence,
        "last_sequence": one.last_sequence,
        "by_policy": dict(one.by_policy),
        "forgotten": one.forgotten,
        "bytes_before": one.bytes_before,
        "bytes_after": one.bytes_after,
    }


@click.command(short_help="Take back everything that a run did.")
@STORE
@RUN
@click.option("--force", is_flag=True, help="Also where something was changed again since.")
def undo(store: Path, run_id: int, *, force: bool) -> None:
    """Take back everything that RUN did to STORE; what it deleted comes back from history."""

    async def work() -> Run:
        async with changing(store) as memories:
            found = await _find(memories, run_id, force=force)
            return await memories.lifecycle.undo(found, force=force)

    output.print_text(run_text(run(work())))


@click.command(short_help="Go on with a run that a crash fell into.")
@STORE
@RUN
def resume(store: Path, run_id: int) -> None:
    """Do what is left to do of RUN, which a crash or a power failure fell into."""

    async def work() -> Run:
        async with changing(store) as memories:
            found = await _find(memories, run_id)
            with ProgressLine() as progress:
                return await memories.lifecycle.resume(
                    found, progress=progress.counting("applying", "changes")
                )

    print_run(store, run(work()))


async def _find(memories: MemoryStore, run_id: int, *, force: bool = False) -> Run:
    """Return a run that nobody is at work on.

    Raises:
        RunNotFoundError: there is no such run.
        StalePlanError: it goes on somewhere, and `force` does not say to go ahead anyway.
    """
    from engine import StalePlanError

    found = await memories.lifecycle.find_run(run_id)
    if found.state == "running" and not force:
        raise StalePlanError(
            f"run {run_id} was at work less than a minute ago",
            hint="if what carried it out has ended, wait a minute and try again",
        )
    return found


COMMANDS = (apply, runs, undo, resume)
