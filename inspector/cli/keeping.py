"""`lifecycle history`: for how long a store keeps what its changes were."""

from __future__ import annotations

from pathlib import Path

import click

from inspector import formatting
from inspector.cli.stores import STORE, changing, reading, run

FOR_EVER = ("all", "forever")


def _days(_ctx: click.Context, _parameter: click.Parameter, text: str | None) -> float | str | None:
    """Return `90d` or `90` as a number of days, one of `FOR_EVER` as it is."""
    if text is None or text.lower() in FOR_EVER:
        return text
    try:
        return float(text.lower().removesuffix("d"))
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is no number of days such as 90d, and not 'all'"
        ) from None


@click.command(short_help="Print or set for how long changes are kept.")
@STORE
@click.option("--keep", callback=_days, metavar="DAYS", help="90d, or all for ever.")
def history(store: Path, *, keep: float | str | None) -> None:
    """Print for how long STORE keeps its change log, or set it.

    Changes are what undo, history and restore points are made of. Without a limit they grow for
    ever, with the contents of all that was deleted. What is older than the limit is let go of by
    the next run of the policies, whose plan shows it.

    \b
    Examples:
      memory-inspector lifecycle history agent.db
      memory-inspector lifecycle history agent.db --keep 90d
      memory-inspector lifecycle history agent.db --keep all
    """

    async def work() -> float | None:
        if keep is None:
            async with reading(store) as memories:
                return await memories.lifecycle.history_days()
        async with changing(store) as memories:
            await memories.lifecycle.keep_history(None if isinstance(keep, str) else keep)
            return await memories.lifecycle.history_days()

    click.echo(f"changes are kept {formatting.days_kept(run(work()))}")


COMMANDS = (history,)
