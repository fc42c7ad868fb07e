"""Commands that move memories between stores and files: export, import, sample."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import click

from inspector import formatting
from inspector.cli import output
from inspector.cli.progress import ProgressLine
from inspector.cli.stores import STORE, making, reading, run, writing

if TYPE_CHECKING:
    from engine.transfer import TransferReport

FORMATS = ("jsonl", "jsonl.zst", "csv")
FILE = click.Path(path_type=Path, allow_dash=True)
STANDARD_STREAM = Path("-")


@click.command(short_help="Write memories to a file.")
@STORE
@click.argument("destination", metavar="OUT", type=FILE)
@click.option("--where", default="", metavar="QUERY", help="Only the items that match.")
@click.option("--format", "format_", type=click.Choice(FORMATS), help="By default as OUT ends.")
@click.option("--force", is_flag=True, help="Replace OUT if it exists.")
@click.option("--skip-corrupt", is_flag=True, help="Leave damaged items out instead of stopping.")
def export(
    store: Path,
    destination: Path,
    *,
    where: str,
    format_: str | None,
    force: bool,
    skip_corrupt: bool,
) -> None:
    """Write the memories of STORE to OUT, - for standard output.

    .jsonl and .jsonl.zst hold everything and can be imported again. .csv is for spreadsheets:
    items alone, with cells that would run as formulas made text.

    \b
    Examples:
      memory-inspector export agent.db agent.jsonl.zst
      memory-inspector export agent.db atlas.csv --where agent:atlas
      memory-inspector export agent.db - --where 'created<1d' | jq .content
    """

    async def work() -> None:
        from engine.transfer import Format, export_store

        chosen = None if format_ is None else Format(format_)
        target: Path | BinaryIO = destination
        if destination == STANDARD_STREAM:
            target = _standard_output(format_)
        async with reading(store) as memories:
            with ProgressLine() as progress:
                report = await export_store(
                    memories,
                    target,
                    where=where,
                    format=chosen,
                    overwrite=force,
                    skip_corrupt=skip_corrupt,
                    progress=progress,
                )
        if destination != STANDARD_STREAM:
            size = formatting.byte_size(report.bytes)
            output.print_text(f"exported {_moved(report)} to {destination} ({size})")

    run(work())


def _standard_output(format_: str | None) -> BinaryIO:
    stream = sys.stdout.buffer
    if not output.to_terminal():
        return stream
    if format_ == "jsonl.zst":
        raise click.UsageError("compressed bytes are not for a terminal: send them to a file")
    return cast("BinaryIO", output.TerminalGuard(stream, json_lines=format_ != "csv"))


def _moved(report: TransferReport) -> str:
    counts = {
        "item": report.items,
        "association": report.associations,
        "session": report.sessions,
        "message": report.messages,
    }
    parts = [_plural(number, word) for word, number in counts.items() if number or word == "item"]
    return ", ".join(parts)


def _plural(number: int, word: str) -> str:
    return f"{formatting.count(number)} {word}{'' if number == 1 else 's'}"


@click.command("import", short_help="Add memories from files.")
@STORE
@click.argument("files", metavar="FILE...", type=FILE, nargs=-1, required=True)
@click.option(
    "--on-conflict",
    type=click.Choice(["error", "skip", "replace"]),
    default="error",
    show_default=True,
    help="What to do with items that STORE has already.",
)
@click.option("--check", is_flag=True, help="Only look at the files; write nothing.")
def import_(store: Path, files: tuple[Path, ...], *, on_conflict: str, check: bool) -> None:
    """Add the memories in FILE (JSON Lines, plain or .zst; - for standard input) to STORE.

    STORE is made if it is not there. Every line is checked before the first is written: a file
    with a fault changes nothing. A line is an object with at least "content":

    \b
      {"id": "user/name", "content": "Ada", "agent": "atlas", "kind": "semantic", "tags": ["user"]}

    \b
    Examples:
      memory-inspector import agent.db agent.jsonl.zst
      memory-inspector import agent.db notes.jsonl --check
      zcat notes.jsonl.gz | memory-inspector import agent.db - --on-conflict skip
    """

    async def work() -> None:
        from engine.transfer import OnConflict, import_file

        async with writing(store, keep=not check) as memories:
            for file in files:
                source: Path | BinaryIO = file
                if file == STANDARD_STREAM:
                    source = sys.stdin.buffer
                with ProgressLine() as progress:
                    report = await import_file(
                        memories,
                        source,
                        on_conflict=OnConflict(on_conflict),
                        check_only=check,
                        progress=progress,
                    )
                verb = "checked" if check else "imported"
                skipped = f", {report.skipped:,} were there already" if report.skipped else ""
                output.print_text(f"{verb} {_moved(report)} from {file}{skipped}")

    run(work())


@click.command(short_help="Make a store of sample memories.")
@STORE
@click.option("--items", type=click.IntRange(1), help="Generate so many items.")
@click.option("--seed", default=0, show_default=True, help="The same seed makes the same items.")
def sample(store: Path, items: int | None, seed: int) -> None:
    """Make STORE, a new store of sample memories.

    Without --items it holds about 600 that were written by hand: three agents over two months.

    \b
    Examples:
      memory-inspector sample sample.db
      memory-inspector sample big.db --items 1000000
    """

    async def work() -> None:
        from engine.transfer import import_records

        async with making(store) as memories:
            with ProgressLine() as progress:
                report = await import_records(
                    memories, _sample_records(items, seed), total=items, progress=progress
                )
        output.print_text(f"made {store} with {_moved(report)}")

    run(work())


def _sample_records(items: int | None, seed: int) -> Any:
    from inspector import sample as samples

    if items is None:
        return samples.load_sample_records()
    return samples.generate(items, seed=seed, now=datetime.now(UTC))


COMMANDS = (export, import_, sample)
