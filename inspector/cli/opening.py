"""`open`: the inspector itself."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from inspector.cli.stores import STORE


@click.command("open")
@STORE
@click.option("--read-only", is_flag=True, help="Look, but change nothing.")
def open_(store: Path, read_only: bool) -> int:
    """Open the inspector on STORE.

    `memory-inspector STORE` does the same.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.ClickException(
            "the inspector needs a terminal; in scripts use query, search, get or export"
        )
    # Imported here: the other commands need no screen, and start in half the time without.
    from inspector.actions import action_ids
    from inspector.app import InspectorApp
    from inspector.settings import config_path, load_settings

    settings = load_settings(config_path(), action_ids=action_ids())
    app = InspectorApp(store, read_only=read_only, settings=settings)
    app.run()
    return app.return_code or 0


COMMANDS = (open_,)
