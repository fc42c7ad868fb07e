"""Commands that show one thing in full: an item, its history, the store."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inspector import formatting
from inspector.cli import output
from inspector.cli.stores import AS_JSON, STORE, reading, run

if TYPE_CHECKING:
    from engine import Change, Item, MemoryStore

HISTORY_MAX = 100


@click.command(short_help="Print one item.")
@STORE
@click.argument("item_id", metavar="ID")
@AS_JSON
@click.option("--raw", is_flag=True, help="Only the content, exactly as stored; not to a terminal.")
def get(store: Path, item_id: str, *, as_json: bool, raw: bool) -> None:
    """Print one item of STORE; this does not count as an access.

    \b
    Examples:
      memory-inspector get agent.db user/preferences
      memory-inspector get agent.db user/photo --raw > photo.png
    """
    if raw and output.to_terminal():
        raise click.UsageError("--raw writes bytes as they are: send them to a file or a pipe")

    async def work() -> None:
        async with reading(store) as memories:
            item = await memories.peek(item_id)
            if item is None:
                raise _absent(item_id)
            if raw:
                await _copy_content(memories, item)
            elif as_json:
                from engine.transfer import item_record

                output.print_json(item_record(item))
            else:
                _print_item(item)

    run(work())


def _absent(item_id: str) -> Exception:
    from engine import ItemNotFoundError

    return ItemNotFoundError(
        f"there is no item {item_id!r}",
        hint="find its id with query or search; history shows what became of a deleted one",
    )


async def _copy_content(memories: MemoryStore, item: Item) -> None:
    sys.stdout.buffer.write(await memories.content_bytes(item.id, 0, item.size_bytes))
    sys.stdout.buffer.flush()


def _print_item(item: Item) -> None:
    output.print_facts(
        [
            ("id", item.id),
            ("agent", item.agent),
            ("kind", item.kind),
            ("tier", item.tier.label),
            ("importance", formatting.number(item.importance)),
            ("tags", " ".join(sorted(item.tags)) or "-"),
            ("session", item.session_id or "-"),
            ("created", formatting.exact_time(item.created_at)),
            ("updated", formatting.exact_time(item.updated_at)),
            (
                "accessed",
                f"{formatting.exact_time(item.last_accessed_at)}, {item.access_count} times",
            ),
            ("version", str(item.version)),
            ("content", f"{item.codec.label}, {formatting.byte_size(item.size_bytes)}"),
        ]
    )
    if item.metadata:
        click.echo(output.coloured("metadata", dim=True))
        output.print_text(json.dumps(dict(item.metadata), indent=2, ensure_ascii=False))
    click.echo()
    output.print_text(_readable(item.content))


def _readable(content: Any) -> str:
    if isinstance(content, str):
        return content
    if hasattr(content, "opcodes"):
        return "\n".join(["(a pickled Python object, which was not loaded)", *content.opcodes(200)])
    if isinstance(content, bytes):
        return output.summary(content)
    return json.dumps(content, indent=2, ensure_ascii=False)


@click.command(short_help="Print what happened to one item.")
@STORE
@click.argument("item_id", metavar="ID")
@AS_JSON
@click.option("--limit", default=HISTORY_MAX, show_default=True, type=click.IntRange(1))
def history(store: Path, item_id: str, *, as_json: bool, limit: int) -> None:
    """Print what happened to one item of STORE, oldest first; also when it is deleted."""

    async def work() -> None:
        async with reading(store) as memories:
            changes = await memories.history(item_id, limit=limit)
        if not changes:
            raise _absent(item_id)
        if as_json:
            for change in changes:
                output.print_json(change_record(change))
        else:
            columns = (
                ("change", 9),
                ("at", 23),
                ("actor", 16),
                ("what", 9),
                ("version", 7),
                ("fields", 0),
            )
            output.Table(columns).print_rows([_change_row(change) for change in changes])

    run(work())


def change_record(change: Change) -> dict[str, Any]:
    """Return a change as a JSON object."""
    return {
        "sequence": change.sequence,
        "at": output.json_time(change.at),
        "actor": change.actor,
        "operation": change.operation.name.lower(),
        "item_id": change.item_id,
        "version": change.version,
        "undoes": change.undoes,
        "before": dict(change.before),
        "after": dict(change.after),
    }


def _change_row(change: Change) -> Sequence[str]:
    fields = []
    for name in sorted(change.before.keys() | change.after.keys()):
        before, after = change.before.get(name), change.after.get(name)
        if not change.before or not change.after:
            fields.append(f"{name}={output.summary(after if change.after else before)}")
        else:
            fields.append(f"{name}: {output.summary(before)} -> {output.summary(after)}")
    what = change.operation.name.lower()
    return (
        str(change.sequence),
        formatting.exact_time(change.at),
        change.actor or "-",
        what if change.undoes is None else f"undo {change.undoes}",
        str(change.version),
        ", ".join(fields),
    )


@click.command(short_help="Print facts about a store.")
@STORE
@AS_JSON
def info(store: Path, *, as_json: bool) -> None:
    """Print facts about STORE: how many items, how large, which versions."""

    async def work() -> None:
        async with reading(store) as memories:
            facts = await memories.info()
        values: dict[str, Any] = {
            "path": facts.path,
            "store_id": facts.store_id,
            "schema_version": facts.schema_version,
            "created_at": output.json_time(facts.created_at),
            "items": facts.items,
            "sequence": facts.sequence,
            "file_bytes": facts.file_bytes,
            "wal_bytes": facts.wal_bytes,
            "sqlite_version": facts.sqlite_version,
            "driver": facts.driver,
        }
        if as_json:
            output.print_json(values)
            return
        shown = values | {
            "items": formatting.count(facts.items),
            "sequence": formatting.count(facts.sequence),
            "file_bytes": formatting.byte_size(facts.file_bytes),
            "wal_bytes": formatting.byte_size(facts.wal_bytes),
            "created_at": formatting.exact_time(facts.created_at),
        }
        output.print_facts(
            (name.removesuffix("_bytes").removesuffix("_at").replace("_", " "), str(value))
            for name, value in shown.items()
        )

    run(work())


COMMANDS = (get, history, info)
