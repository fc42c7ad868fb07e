"""The command line: the same engine as the app, for scripts and for one question at a time."""

from inspector.cli.root import main as main

__all__ = ["main"]
