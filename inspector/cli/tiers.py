"""`tiers`: what is where, why it is there, and how much each tier holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inspector import formatting
from inspector.cli import output
from inspector.cli.stores import AS_JSON, STORE, changing, reading, run

if TYPE_CHECKING:
    from engine import BulkResult, RetentionScore, TierSettings, TierStats, Transition

DAY_SECONDS = 86_400
Setting = int | float | bool | None
WORDS: dict[str, Setting] = {"none": None, "unlimited": None, "true": True, "false": False}
STATS_COLUMNS = (
    ("agent", 24),
    ("tier", 10),
    ("items", 12),
    ("capacity", 12),
    ("full", 6),
    ("importance", 10),
    ("age", 8),
    ("bytes", 0),
)
TRANSITION_COLUMNS = (
    ("change", 9),
    ("at", 23),
    ("from", 10),
    ("to", 10),
    ("reason", 24),
    ("score", 5),
    ("id", 0),
)


@click.group(short_help="What is in which tier, and why.")
def tiers() -> None:
    """Look at the tiers of a store, and set how much they hold.

    \b
    Examples:
      memory-inspector tiers stats agent.db
      memory-inspector tiers set agent.db working=200 short_term=none
      memory-inspector tiers score agent.db user/preferences
    """


@tiers.command(short_help="Print what each agent has in each tier.")
@STORE
@AS_JSON
def stats(store: Path, *, as_json: bool) -> None:
    """Print for each agent of STORE what its tiers hold, and how full they are."""

    async def work() -> list[TierStats]:
        async with reading(store) as memories:
            return await memories.tiers.stats()

    found = run(work())
    if as_json:
        for one in found:
            output.print_json(stats_record(one))
    else:
        output.Table(STATS_COLUMNS).print_rows([_stats_row(one) for one in found])


def stats_record(one: TierStats) -> dict[str, Any]:
    """Return what is in a tier as a JSON object."""
    return {
        "agent": one.agent,
        "tier": one.tier.label,
        "count": one.count,
        "capacity": one.capacity,
        "utilisation": one.utilisation,
        "mean_importance": one.mean_importance,
        "mean_age_seconds": one.mean_age_seconds,
        "bytes": one.bytes,
    }


def _stats_row(one: TierStats) -> Sequence[str]:
    return (
        one.agent,
        one.tier.label,
        formatting.count(one.count),
        "unlimited" if one.capacity is None else formatting.count(one.capacity),
        "-" if one.capacity is None else formatting.share(one.count, one.capacity),
        formatting.number(one.mean_importance),
        f"{formatting.number(one.mean_age_seconds / DAY_SECONDS, 1)} d",
        formatting.byte_size(one.bytes),
    )


@tiers.command("set", short_help="Print the settings of the tiers, or change some.")
@STORE
@click.argument("settings", metavar="NAME=VALUE...", nargs=-1)
def set_(store: Path, settings: tuple[str, ...]) -> None:
    """Change settings of the tiers of STORE, and print all of them; without any, only print.

    A capacity (working, short_term, long_term) is a number of items for each agent, or none for
    any number. All or none are changed.

    \b
    Examples:
      memory-inspector tiers set agent.db working=200 short_term=none
      memory-inspector tiers set agent.db promote=false idle_hours=48
    """
    changes = dict(_read_setting(text) for text in settings)

    async def work() -> TierSettings:
        if not changes:
            async with reading(store) as memories:
                return await memories.tiers.settings()
        async with changing(store) as memories:
            return await memories.tiers.configure(**changes)

    known = asdict(run(work()))
    output.print_facts((name, _setting_text(value)) for name, value in known.items())


def _read_setting(text: str) -> tuple[str, Setting]:
    """Return the name and the value in `working=200`.

    Raises:
        BadParameter: it is something else.
    """
    name, equals, word = text.partition("=")
    if not equals or not name:
        raise click.BadParameter(f"{text!r} is not NAME=VALUE, such as working=200")
    if word.lower() in WORDS:
        return name, WORDS[word.lower()]
    for read in (int, float):
        try:
            return name, read(word)
        except ValueError:
            continue
    raise click.BadParameter(f"{text!r} has no number after the =, nor none, true or false")


def _setting_text(value: Setting) -> str:
    return "none" if value is None else str(value).lower()


@tiers.command(short_help="Move down what is idle.")
@STORE
def optimize(store: Path) -> None:
    """Move down one tier what was idle for long in the two closest tiers and seldom read."""

    async def work() -> BulkResult:
        async with changing(store) as memories:
            return await memories.tiers.optimize()

    count = run(work()).count
    click.echo(f"{formatting.count(count)} {'item' if count == 1 else 'items'} moved down")


@tiers.command(short_help="Print the moves between tiers.")
@STORE
@click.argument("item_id", metavar="[ID]", required=False)
@AS_JSON
@click.option("--agent", metavar="NAME", help="Only of the items that an agent has now.")
@click.option("--into", metavar="TIER", help="Only moves into a tier.")
@click.option("--out-of", metavar="TIER", help="Only moves out of a tier.")
@click.option(
    "--before",
    metavar="CHANGE",
    type=click.IntRange(0, 2**63 - 1),
    help="Only those before a change: the last one printed, for the next page.",
)
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1))
def transitions(
    store: Path,
    item_id: str | None,
    *,
    as_json: bool,
    agent: str | None,
    into: str | None,
    out_of: str | None,
    before: int | None,
    limit: int,
) -> None:
    """Print the newest moves between tiers, newest first; only those of the item ID if given.

    The reason is edit, undo, full (made room), idle, recalled, important, or a policy's name; the
    score is the retention score then.
    """

    async def work() -> list[Transition]:
        async with reading(store) as memories:
            return await memories.tiers.transitions(
                item_id, agent=agent, entered=into, left=out_of, before=before, limit=limit
            )

    found = run(work())
    if as_json:
        for one in found:
            output.print_json(transition_record(one))
    elif found:
        output.Table(TRANSITION_COLUMNS).print_rows([_transition_row(one) for one in found])
    elif output.to_terminal():
        click.echo("no moves", err=True)


def transition_record(one: Transition) -> dict[str, Any]:
    """Return a move as a JSON object."""
    return {
        "sequence": one.sequence,
        "item_id": one.item_id,
        "from": one.from_tier.label,
        "to": one.to_tier.label,
        "at": output.json_time(one.at),
        "reason": one.reason,
        "score": one.score,
    }


def _transition_row(one: Transition) -> Sequence[str]:
    return (
        str(one.sequence),
        formatting.exact_time(one.at),
        one.from_tier.label,
        one.to_tier.label,
        one.reason,
        "-" if one.score is None else formatting.number(one.score),
        one.item_id,
    )


@tiers.command(short_help="Print why an item is where it is.")
@STORE
@click.argument("item_id", metavar="ID")
@AS_JSON
def score(store: Path, item_id: str, *, as_json: bool) -> None:
    """Print the retention score of an item, part by part: the lowest of a full tier make room."""

    async def work() -> tuple[RetentionScore, str]:
        async with reading(store) as memories:
            parts = await memories.tiers.score(item_id)
            item = await memories.peek(item_id)
            return parts, "" if item is None else item.tier.label

    parts, tier = run(work())
    named = {
        "importance": parts.importance,
        "recency": parts.recency,
        "frequency": parts.frequency,
        "total": parts.total,
    }
    if as_json:
        output.print_json({"item_id": item_id, "tier": tier, **named})
        return
    facts = [(name, formatting.number(value, 3)) for name, value in named.items()]
    output.print_facts([("id", item_id), ("tier", tier or "-"), *facts])


COMMANDS = (tiers,)
