"""The `memory-inspector` command: its subcommands, and the one place where errors end."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import metadata

import click

from inspector.cli import (
    backups,
    benching,
    demo,
    doctor,
    lifecycle,
    moving,
    opening,
    reading,
    restoring,
    showing,
    tiers,
)
from inspector.cli.failing import FAILED, report

INTERRUPTED = 130
"""What a shell reports for a command that Ctrl-C ended."""


class _Root(click.Group):
    """A group whose first word may be a store in place of a command: then it is opened."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `open` before what is neither a command nor an option of the group."""
        own = {name for parameter in self.params for name in parameter.opts}
        if args and args[0] not in self.commands and args[0] not in own | {"--help", "-h"}:
            self._refuse_misspelt(ctx, args[0])
            args = ["open", *args]
        return super().parse_args(ctx, args)

    def _refuse_misspelt(self, ctx: click.Context, word: str) -> None:
        if os.sep in word or "." in word or os.path.lexists(word):
            return
        close = get_close_matches(word, self.commands, n=1)
        if close:
            raise click.UsageError(
                f"There is no command or store {word!r}. Did you mean {close[0]!r}?",
                ctx,
            )


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        click.echo(f"memory-inspector {_version()}")
        ctx.exit()


def _version() -> str:
    try:
        return metadata.version("agent-memory-inspector")
    except metadata.PackageNotFoundError:
        return "(run from its sources, not installed)"


@click.group(
    cls=_Root,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Examples:
  memory-inspector sample sample.db              make a store of sample memories
  memory-inspector sample.db                     look at it
  memory-inspector query sample.db 'tier:working importance>=0.7'
  memory-inspector search sample.db preferred language
  memory-inspector export sample.db all.jsonl.zst
  memory-inspector import other.db all.jsonl.zst
  memory-inspector lifecycle plan sample.db      what its policies would do
  memory-inspector backup create sample.db       whole or incremental, proven
  memory-inspector doctor sample.db              what is wrong with it
  memory-inspector open -- -odd.db               a name that begins with a dash
""",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
def root() -> None:
    """Browse, search and edit an AI agent's memory.

    `memory-inspector STORE` opens the inspector on a store; the commands below do one thing each.
    """


for _command in (
    *opening.COMMANDS,
    *reading.COMMANDS,
    *showing.COMMANDS,
    *moving.COMMANDS,
    *lifecycle.COMMANDS,
    *backups.COMMANDS,
    *restoring.COMMANDS,
    *tiers.COMMANDS,
    *doctor.COMMANDS,
    *benching.COMMANDS,
    *demo.COMMANDS,
):
    root.add_command(_command)


def _discard_unwritable() -> None:
    """Let what is still buffered go nowhere, if it cannot be written where it should.

    Python would complain about it when it exits, and end with a code of its own.
    """
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code; whatever goes wrong, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A terminal that cannot show a character must not end the command.
            stream.reconfigure(errors="backslashreplace")
    try:
        code = root.main(
            list(arguments) if arguments is not None else None,
            prog_name="memory-inspector",
            standalone_mode=False,
        )
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader went away, as `head` does. (While a command runs, click sees to this.)
        _discard_unwritable()
        return FAILED
    except ImportError as error:
        click.echo(f"error: the installation is incomplete: {error}", err=True)
        click.echo("hint: install it again (in a checkout: make install)", err=True)
        return FAILED
    except Exception as error:  # noqa: BLE001 - the outermost boundary: nobody is left to handle it
        code = report(error)
        _discard_unwritable()
        return code
    return code if isinstance(code, int) else 0
