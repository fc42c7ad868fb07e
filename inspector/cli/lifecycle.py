"""`lifecycle`: policies, what they would do, doing it, and taking it back."""

from __future__ import annotations

import click

from inspector.cli import keeping, planning, policies, runs, scheduling


@click.group(short_help="Policies: what they would do, doing it, undoing it.")
def lifecycle() -> None:
    """Let policies look after a store: nothing is done that was not planned and shown before.

    \b
    Examples:
      memory-inspector lifecycle plan agent.db
      memory-inspector lifecycle apply agent.db
      memory-inspector lifecycle undo agent.db 3
      memory-inspector lifecycle run agent.db --every 6h
    """


for _command in (
    *policies.COMMANDS,
    *planning.COMMANDS,
    *runs.COMMANDS,
    *scheduling.COMMANDS,
    *keeping.COMMANDS,
):
    lifecycle.add_command(_command)

COMMANDS = (lifecycle,)
