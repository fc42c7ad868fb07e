"""`demo`: what the store does over time, shown and measured."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inspector import formatting
from inspector.cli import output
from inspector.cli.progress import ProgressLine
from inspector.cli.stores import AS_JSON, STORE, check_free, publish, remove, run, temporary_name
from inspector.display import visible_line

if TYPE_CHECKING:
    from inspector.cli.year import Month
    from inspector.cli.year_compared import Compared

RETRIEVAL_MS_MAX = 10.0
TIERS = ("working", "short_term", "long_term", "archive")
COLUMNS = (
    ("month", 7),
    ("items", 8),
    *((tier, 10) for tier in TIERS),
    ("without", 8),
    ("with", 8),
    ("saving", 6),
    ("get without", 13),
    ("get with, ms", 13),
    ("search without", 13),
    ("search with", 0),
)


@click.group(short_help="Show what a store does over time.")
def demo() -> None:
    """Play something into a new store, and print what came of it."""


@demo.command(short_help="A year in a minute or two: how large, how fast.")
@STORE
@click.option("--items", default=12_000, show_default=True, type=click.IntRange(1, 10_000_000))
@click.option("--seed", default=1, show_default=True, help="The same seed plays the same year.")
@AS_JSON
@click.option("--keep", is_flag=True, help="Keep the store without lifecycle too, beside STORE.")
def year(store: Path, *, items: int, seed: int, as_json: bool, keep: bool) -> None:
    """Play a year of an agent's memory into STORE, a new store with lifecycle policies.

    The same days are played into a second store without any, to compare: what is stored and read
    is made up from the seed, and time is only counted. For each month: how many items there are,
    in which tiers, how large both files are, and how long reads and searches took (median/99 %).

    \b
    Examples:
      memory-inspector demo year year.db
      memory-inspector demo year year.db --items 2000 --json
      memory-inspector demo year year.db --keep      (keeps year-without.db as well)
    """
    other = store.with_name(f"{store.stem}-without{store.suffix}")
    check_free(store)
    if keep:
        check_free(other)
    with _made(store, other if keep else None) as (with_, without):
        months, compared = run(_play(items, seed, with_, without, as_json=as_json))
    if as_json:
        output.print_json(year_record(months, compared))
    else:
        _print_year(months, compared)
        kept = f" and {other}" if keep else ""
        output.print_text(f"made {store}{kept}")


@contextlib.contextmanager
def _made(store: Path, other: Path | None) -> Iterator[tuple[Path, Path]]:
    """Give names for two stores to be made, and publish them when they are complete."""
    names = temporary_name(store), temporary_name(store)
    try:
        yield names
        publish(names[0], store)
        if other is not None:
            publish(names[1], other)
    finally:
        for name in names:
            remove(name)


async def _play(
    items: int, seed: int, with_: Path, without: Path, *, as_json: bool
) -> tuple[list[Month], Compared]:
    from inspector.cli.year import play
    from inspector.cli.year_compared import compare

    months: list[Month] = []
    deleted: set[str] = set()
    table = output.Table(COLUMNS)
    with ProgressLine() as progress:
        tell = progress.counting("living", "days")
        async for month in play(items, seed, with_, without, deleted=deleted, progress=tell):
            months.append(month)
            if not as_json:
                # Over the line that says how far it is.
                progress.clear()
                table.print_rows([_month_row(month)])
        compared = await compare(
            with_, without, deleted=deleted, progress=progress.counting("comparing", "items")
        )
    return months, compared


def _month_row(month: Month) -> Sequence[str]:
    without, with_ = month.without, month.with_
    return (
        month.name,
        formatting.count(month.items),
        *(formatting.count(month.tiers.get(tier, 0)) for tier in TIERS),
        f"{without.bytes / 1e6:.2f} MB",
        f"{with_.bytes / 1e6:.2f} MB",
        f"{month.saving:.0%}",
        f"{without.get_p50_ms:.2f}/{without.get_p99_ms:.2f}",
        f"{with_.get_p50_ms:.2f}/{with_.get_p99_ms:.2f}",
        f"{without.search_p50_ms:.1f}/{without.search_p99_ms:.1f}",
        f"{with_.search_p50_ms:.1f}/{with_.search_p99_ms:.1f}",
    )


def _print_year(months: Sequence[Month], compared: Compared) -> None:
    last = months[-1]
    slowest = max(month.with_.get_p99_ms for month in months)
    under = "stayed under" if slowest < RETRIEVAL_MS_MAX else "did not stay under"
    archived = last.tiers.get("archive", 0)
    click.echo(
        f"after the year the store with lifecycle is {abs(last.saving):.0%} "
        f"{'smaller' if last.saving >= 0 else 'larger'}: "
        f"{last.with_.bytes / 1e6:.2f} MB instead of {last.without.bytes / 1e6:.2f} MB"
    )
    click.echo(
        f"retrieval {under} {RETRIEVAL_MS_MAX:.0f} ms: in the slowest month 99 % of the reads "
        f"took {slowest:.2f} ms or less"
    )
    click.echo(
        f"{formatting.count(archived)} of {formatting.count(last.items)} items are archived; "
        f"policies deleted {formatting.count(compared.deleted)} "
        f"and wrote {formatting.count(compared.summaries)} summaries"
    )
    click.echo(
        f"all {formatting.count(compared.same)} items that no policy deleted read the same, "
        "byte for byte, as in the store without lifecycle"
    )
    click.echo(
        f"their contents take {compared.bytes_with / 1e6:.2f} MB instead of "
        f"{compared.bytes_without / 1e6:.2f} MB"
    )


def year_record(months: Sequence[Month], compared: Compared) -> dict[str, Any]:
    """Return a year as a JSON object."""
    return {
        "months": [
            {
                "month": month.name,
                "items": month.items,
                "tiers": {tier: month.tiers.get(tier, 0) for tier in TIERS},
                "saving": round(month.saving, 4),
                "without": month.without.as_record(),
                "with": month.with_.as_record(),
            }
            for month in months
        ],
        "same": compared.same,
        "same_bytes_with": compared.bytes_with,
        "same_bytes_without": compared.bytes_without,
        "deleted": compared.deleted,
        "summaries": compared.summaries,
    }


@demo.command(short_help="A crash, a bad disk, and nothing lost.")
@STORE
@click.option("--seed", default=1, show_default=True, help="The same seed spoils the same pages.")
@AS_JSON
def disaster(store: Path, *, seed: int, as_json: bool) -> int:
    """Make STORE, back it up while an agent writes, kill the agent, damage the file, rescue it.

    Ends with 0 if every memory that was acknowledged is there at the end, byte for byte. The
    backups and the damaged file stay beside STORE, to be looked at.

    \b
    Examples:
      memory-inspector demo disaster demo.db
      memory-inspector doctor demo.db.damaged
    """
    from inspector.cli.disaster import play

    for path in (store, *(store.with_name(store.name + end) for end in (".backups", ".damaged"))):
        check_free(path)
    lines = itertools.count(1)

    def say(text: str) -> None:
        if not as_json:
            click.echo(f"{next(lines):>2}  {visible_line(text)}")

    outcome = run(play(store, seed, say))
    if as_json:
        output.print_json({**asdict(outcome), "lost": outcome.lost})
    else:
        click.echo(
            f"{formatting.count(outcome.intact)} of {formatting.count(outcome.acknowledged)} "
            "acknowledged memories are there, byte for byte"
        )
    return 0 if outcome.lost == 0 else 1


COMMANDS = (demo,)
