"""`lifecycle run`: the policies of a store carried out every so often, until it is told to end."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inspector import formatting
from inspector.cli import output
from inspector.cli.runs import run_text
from inspector.cli.stores import STORE, changing, run

if TYPE_CHECKING:
    from engine import EngineError, MemoryStore, Run

RETRY = timedelta(minutes=1)
"""Until it is tried again when the store moved on while a plan was made."""
LOOK_SECONDS = 300.0
"""At most so long is slept: a clock that was set, or a machine that slept, is noticed."""
EVERY_MIN = timedelta(minutes=1)
EVERY_MAX = timedelta(days=3_650)

_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s*([mhdw])", re.IGNORECASE)
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def duration(_ctx: click.Context, _parameter: click.Parameter, text: str) -> timedelta:
    """Return `6h` as a length of time."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise click.BadParameter(f"{text!r} is no length of time such as 30m, 6h or 1d")
    number, unit = float(match[1]), _UNITS[match[2].lower()]
    limit = EVERY_MAX / timedelta(**{unit: 1})
    if number > limit or timedelta(**{unit: number}) < EVERY_MIN:
        raise click.BadParameter(f"{text!r} is not from 1m to 3650d")
    return timedelta(**{unit: number})


@click.command("run", short_help="Carry the policies out every so often.")
@STORE
@click.option(
    "--every",
    callback=duration,
    default="6h",
    show_default=True,
    metavar="TIME",
    help="From the start of one run to that of the next: 30m, 6h, 1d.",
)
@click.option("--once", is_flag=True, help="Do what is due now, if anything is, and end.")
def run_(store: Path, *, every: timedelta, once: bool) -> None:
    """Carry the policies of STORE out now and then, without asking; each run can be undone.

    What was missed while this did not run is made up for once. Ctrl-C or SIGTERM ends it; a run
    that is under way then is taken back.

    \b
    Examples:
      memory-inspector lifecycle run agent.db --every 6h
      memory-inspector lifecycle run agent.db --every 1d --once      (for cron)
    """
    run(stay(store, lambda memories: _keep_going(memories, every, once=once)))


async def stay(store: Path, work: Callable[[MemoryStore], Awaitable[None]]) -> None:
    """Do work that does not end by itself; SIGTERM ends it as if it were done."""
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    terminated = False

    def terminate() -> None:
        nonlocal terminated
        terminated = True
        if task is not None:
            task.cancel()

    # Where there are no such signals, the process is ended without being asked.
    with contextlib.suppress(NotImplementedError):
        loop.add_signal_handler(signal.SIGTERM, terminate)
    try:
        async with changing(store) as memories:
            await work(memories)
    except asyncio.CancelledError:
        if not terminated:
            raise
        say("ended")


async def _keep_going(memories: MemoryStore, every: timedelta, *, once: bool) -> None:
    """Do what is due, and sleep until something is due again.

    Raises:
        EngineError: it could not be done, and there is no use in trying again.
    """
    from engine import EngineError

    said: datetime | None = None
    while True:
        try:
            due = await _do_what_is_due(memories, every)
        except EngineError as error:
            if once or not is_passing(error):
                raise
            say(f"put off: {error.message}")
            due = datetime.now(UTC) + RETRY
        if due != said:
            say(f"the next run is due at {formatting.exact_time(due)}")
        if once:
            return
        said = due
        left = (due - datetime.now(UTC)).total_seconds()
        await asyncio.sleep(min(max(left, 1.0), LOOK_SECONDS))


async def _do_what_is_due(memories: MemoryStore, every: timedelta) -> datetime:
    """Carry the policies out if that is due; return when it is due again."""
    last = await _last_run(memories)
    now = datetime.now(UTC)
    if last is not None and now - last.started_at >= 2 * every:
        missed = int((now - last.started_at) / every) - 1
        noun = "run was" if missed == 1 else "runs were"
        say(f"{formatting.count(missed)} {noun} missed since run {last.id}; one makes up for it")
    done = await memories.lifecycle.run_due(every / timedelta(hours=1))
    if done is not None:
        say(run_text(done))
        last = done
    return (now if last is None else last.started_at) + every


async def _last_run(memories: MemoryStore) -> Run | None:
    for one in await memories.lifecycle.runs():
        if one.state != "undone":
            return one
    return None


def is_passing(error: EngineError) -> bool:
    """Return whether there is use in trying again."""
    from engine import StalePlanError

    return error.retryable or isinstance(error, StalePlanError)


def say(text: str) -> None:
    """Print a line at once, also where nobody reads line by line."""
    output.print_text(text)
    sys.stdout.flush()


COMMANDS = (run_,)
