"""Commands that find items: query and search."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inspector import formatting
from inspector.cli import output
from inspector.cli.stores import AS_JSON, STORE, reading, run
from inspector.display import visible_line

if TYPE_CHECKING:
    from engine import Item, MemoryStore, SearchHit

ROWS = 256

ITEM_COLUMNS = (
    ("id", 40),
    ("tier", 10),
    ("kind", 12),
    ("agent", 14),
    ("imp", 4),
    ("tags", 24),
    ("created", 9),
    ("content", 0),
)


@click.command(short_help="Print the items that match a query.")
@STORE
@click.argument("query", default="")
@AS_JSON
@click.option("--limit", default=100, show_default=True, type=click.IntRange(0), help="0 for all.")
@click.option(
    "--order-by",
    default="-created_at",
    show_default=True,
    metavar="FIELD",
    help="created_at, updated_at, last_accessed_at, importance, access_count, size_bytes, id, "
    "agent, kind or tier; a dash in front for the largest first.",
)
@click.option("--count", is_flag=True, help="Print only how many items match.")
def query(
    store: Path, query: str, *, as_json: bool, limit: int, order_by: str, count: bool
) -> None:
    """Print the items of STORE that match QUERY; all of them without one.

    \b
    Examples:
      memory-inspector query agent.db 'tier:working importance>=0.7 tag:user -tag:old created<30d'
      memory-inspector query agent.db 'agent:atlas "preferred language"' --order-by=-importance
      memory-inspector query agent.db 'metadata.source:chat' --json --limit 0 | jq .content
    """

    async def work() -> None:
        async with reading(store) as memories:
            if count:
                click.echo(str(await memories.count(query)))
            elif limit == 0:
                async with aclosing(memories.iterate(query, order_by=order_by)) as items:
                    await _print_items(items, as_json=as_json)
            else:
                await _print_page(memories, query, order_by, limit, as_json=as_json)

    run(work())


async def _print_page(
    memories: MemoryStore, query: str, order_by: str, limit: int, *, as_json: bool
) -> None:
    page = await memories.query(query, order_by=order_by, limit=limit)

    async def items() -> AsyncIterator[Item]:
        for item in page.items:
            yield item

    await _print_items(items(), as_json=as_json)
    _note_dropped(page.dropped_words, capped=page.capped)
    if page.cursor is not None and sys.stderr.isatty():
        click.echo(f"only the first {limit:,} are shown; --limit 0 shows all", err=True)


async def _print_items(items: AsyncIterator[Item], *, as_json: bool) -> None:
    from engine.transfer import item_record

    now = datetime.now(UTC)
    table = output.Table(ITEM_COLUMNS)
    rows: list[Sequence[str]] = []
    async for item in items:
        if as_json:
            output.print_json(item_record(item))
            continue
        rows.append(_item_row(item, now))
        if len(rows) == ROWS:
            table.print_rows(rows)
            rows = []
    if rows:
        table.print_rows(rows)


def _item_row(item: Item, now: datetime) -> Sequence[str]:
    return (
        item.id,
        item.tier.label,
        item.kind,
        item.agent,
        formatting.number(item.importance),
        " ".join(sorted(item.tags)),
        formatting.relative_time(item.created_at, now),
        output.summary(item.content),
    )


def _note_dropped(words: Sequence[str], *, capped: bool) -> None:
    if words:
        shown = ", ".join(visible_line(word) for word in words)
        click.echo(f"left out, since they are in too many items: {shown}", err=True)
    if capped:
        click.echo("a very common word: only its newest matches were ranked", err=True)


@click.command(short_help="Print the items that fit words best.")
@STORE
@click.argument("words", nargs=-1, required=True)
@click.option("--where", default="", metavar="QUERY", help="Search only what matches this query.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1))
@AS_JSON
def search(store: Path, words: tuple[str, ...], *, where: str, limit: int, as_json: bool) -> None:
    """Print the items of STORE that fit WORDS best, best first.

    \b
    Examples:
      memory-inspector search agent.db preferred language
      memory-inspector search agent.db 記憶 --where 'agent:atlas tier:long_term'
    """

    async def work() -> None:
        async with reading(store) as memories:
            result = await memories.search(" ".join(words), where=where, limit=limit)
        for hit in result:
            _print_hit(hit, as_json=as_json)
        _note_dropped(result.dropped_words, capped=result.capped)

    run(work())


def _print_hit(hit: SearchHit, *, as_json: bool) -> None:
    from engine.transfer import item_record

    if as_json:
        output.print_json(
            {"score": hit.score, "snippet": hit.snippet, "item": item_record(hit.item)}
        )
        return
    item = hit.item
    about = f"{item.agent} · {item.kind} · {item.tier.label}"
    click.echo(f"{output.coloured(visible_line(item.id), bold=True)}  {visible_line(about)}")
    click.echo(f"    {_highlighted(hit)}")


def _highlighted(hit: SearchHit) -> str:
    """Return the snippet with its matches in bold, made visible piece by piece."""
    pieces = []
    at = 0
    for start, end in hit.highlights:
        pieces.append(visible_line(hit.snippet[at:start]))
        pieces.append(output.coloured(visible_line(hit.snippet[start:end]), bold=True, fg="yellow"))
        at = end
    return "".join(pieces) + visible_line(hit.snippet[at:])


COMMANDS = (query, search)
