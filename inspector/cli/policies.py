"""Commands of `lifecycle` about what the policies of a store are, and files of policies."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inspector.cli import output
from inspector.cli.stores import STORE, changing, reading, run

if TYPE_CHECKING:
    from engine import InvalidPolicyError, Policy

STANDARD_STREAM = Path("-")
POLICY_COLUMNS = (("policy", 32), ("", 3), ("do", 24), ("when", 0))
_HEADER = re.compile(r"^[ \t]*\[\[[ \t]*policy[ \t]*\]\]", re.MULTILINE)


@click.command(short_help="Print the policies of a store.")
@STORE
@click.option("--toml", is_flag=True, help="As `lifecycle import` and other stores take them.")
def policies(store: Path, *, toml: bool) -> None:
    """Print the policies of STORE in their order.

    \b
    Examples:
      memory-inspector lifecycle policies agent.db
      memory-inspector lifecycle policies agent.db --toml > policies.toml
    """

    async def work() -> list[Policy]:
        async with reading(store) as memories:
            return await memories.lifecycle.policies()

    known = run(work())
    if toml:
        from engine import dump_policies

        click.echo(dump_policies(known), nl=False)
    elif known:
        output.Table(POLICY_COLUMNS).print_rows(_policy_row(policy) for policy in known)
    elif output.to_terminal():
        click.echo("no policies", err=True)


def _policy_row(policy: Policy) -> Sequence[str]:
    return (policy.name, "on" if policy.enabled else "off", policy.do, policy.when or "everything")


@click.command("import", short_help="Give a store the policies of a file.")
@STORE
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, allow_dash=True))
def import_(store: Path, file: Path) -> None:
    """Give STORE the policies in FILE (TOML; - for standard input) in place of those it has.

    All or none: a file with a fault changes nothing. Nothing is done to any item before the next
    `lifecycle apply` or `lifecycle run`.

    \b
      [[policy]]
      name = "archive_old_low_importance"
      when = "idle>30d importance<0.3 -tier:archive"
      do = "archive"
    """
    wanted = read_policies(file)

    async def work() -> int:
        async with changing(store) as memories:
            before = await memories.lifecycle.policies()
            await memories.lifecycle.replace(wanted)
        return len(before)

    before = run(work())
    output.print_text(f"{store} has {_counted(len(wanted))}, in place of {before:,}")


def _counted(number: int) -> str:
    return f"{number:,} {'policy' if number == 1 else 'policies'}"


def read_policies(file: Path) -> list[Policy]:
    """Return the policies of a file.

    Raises:
        InvalidPolicyError: one of them cannot be kept; the error says which, and in which line.
    """
    from engine import InvalidPolicyError, load_policies

    data = sys.stdin.buffer.read() if file == STANDARD_STREAM else file.read_bytes()
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InvalidPolicyError(
            f"{file}, line {line}: it is not UTF-8 text", hint="save it as UTF-8", line=line
        ) from error
    try:
        return load_policies(text)
    except InvalidPolicyError as error:
        raise _with_line(error, file, text) from error


def _with_line(error: InvalidPolicyError, file: Path, text: str) -> InvalidPolicyError:
    """Return the error with the name of the file, and the line at fault if it can be told."""
    from engine import InvalidPolicyError

    line = error.line or _faulty_line(error, text)
    return InvalidPolicyError(
        f"{file}, line {line}: {error.message}" if line else f"{file}: {error.message}",
        hint=error.hint,
        policy=error.policy,
        key=error.key,
        line=line,
        text=error.text,
        position=error.position,
        length=error.length,
    )


def _faulty_line(error: InvalidPolicyError, text: str) -> int | None:
    """Return in which line the fault is: that of the key, or where the policy begins."""
    found: tuple[int, str] | None = None
    for line, block in _blocks(text):
        if _is_faulty(block, error):
            # Of two with the same name the later one is at fault, of others the first.
            found = (line, block)
            if error.key != "name":
                break
    if found is None:
        return None
    line, block = found
    key = re.search(rf"^[ \t]*{re.escape(error.key)}[ \t]*=", block, re.MULTILINE)
    return line + (block.count("\n", 0, key.start()) if error.key and key else 0)


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    """Yield each policy of a file as text, and the line in which it begins."""
    starts = [match.start() for match in _HEADER.finditer(text)]
    for start, end in pairwise([*starts, len(text)]):
        yield text.count("\n", 0, start) + 1, text[start:end]


def _is_faulty(block: str, error: InvalidPolicyError) -> bool:
    from engine import InvalidPolicyError, load_policies

    try:
        (policy,) = load_policies(block)
    except InvalidPolicyError as own:
        return (own.policy, own.key) == (error.policy, error.key)
    except ValueError:
        return False
    return error.key == "name" and policy.name == error.policy


COMMANDS = (policies, import_)
