"""`lifecycle plan`, and how a plan is printed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inspector import formatting
from inspector.cli import output
from inspector.cli.policies import read_policies
from inspector.cli.progress import ProgressLine
from inspector.cli.stores import AS_JSON, STORE, reading, run
from inspector.display import visible_line

if TYPE_CHECKING:
    from engine import Forgetting, Plan, PlannedChange, Policy, PolicyPlan

SAMPLES = 3
"""Items shown of each policy, unless told."""
RELATED_MAX = 5
PLAN_COLUMNS = (("policy", 40), ("items", 10), ("frees", 8), ("pinned", 8), ("do", 0))


@click.command(short_help="Print what the policies would do now.")
@STORE
@AS_JSON
@click.option(
    "--items",
    "samples",
    type=click.IntRange(0),
    default=SAMPLES,
    show_default=True,
    help="So many items of each policy are shown.",
)
@click.option(
    "--policies",
    "file",
    metavar="FILE.toml",
    type=click.Path(path_type=Path, allow_dash=True),
    help="Try these policies instead of the store's own.",
)
def plan(store: Path, *, as_json: bool, samples: int, file: Path | None) -> None:
    """Print what the policies of STORE would do now, policy by policy; it changes nothing.

    With --json, one object with every single change.

    \b
    Examples:
      memory-inspector lifecycle plan agent.db
      memory-inspector lifecycle plan agent.db --items 20 --policies docs/policies.toml
      memory-inspector lifecycle plan agent.db --json | jq '.changes[].item_id'
    """
    chosen = None if file is None else read_policies(file)

    async def work() -> Plan:
        async with reading(store) as memories:
            with ProgressLine() as progress:
                return await memories.lifecycle.plan(
                    chosen, progress=progress.counting("planning", "steps")
                )

    made = run(work())
    if as_json:
        output.print_json(plan_record(made))
    else:
        print_plan(made, samples)


def plan_record(made: Plan) -> dict[str, Any]:
    """Return a plan as a JSON object: of the same store and policies always the same."""
    return {
        "store_id": made.store_id,
        "sequence": made.sequence,
        "bytes_freed": made.bytes_freed,
        "policies": [
            {
                "name": part.policy.name,
                "when": part.policy.when,
                "do": part.policy.do,
                "count": part.count,
                "bytes_freed": part.bytes_freed,
                "pinned": part.pinned,
            }
            for part in made.by_policy.values()
        ],
        "warnings": list(made.warnings),
        "forgets": _forgetting_record(made.forgets),
        "changes": [
            {
                "item_id": change.item_id,
                "policy": change.policy,
                "action": change.action,
                "reason": change.reason,
                "bytes_freed": change.bytes_freed,
                "related": list(change.related),
                "similarity": change.similarity,
            }
            for change in made.changes
        ],
    }


def _forgetting_record(forgets: Forgetting | None) -> dict[str, Any] | None:
    if forgets is None:
        return None
    return {
        "first": forgets.first,
        "through": forgets.through,
        "changes": forgets.changes,
        "until": output.json_time(forgets.until),
        "bytes_freed": forgets.bytes_freed,
    }


def print_plan(made: Plan, samples: int = SAMPLES) -> None:
    """Print a plan for a person: counts, warnings, and some of the items of each policy."""
    parts = made.by_policy.values()
    output.Table(PLAN_COLUMNS).print_rows([_plan_row(part) for part in parts])
    for part in parts:
        if samples and part.count:
            _print_samples(made, part.policy, part.count, samples)
    for warning in made.warnings:
        click.echo(f"{output.coloured('warning:', fg='yellow')} {visible_line(warning)}")
    size = formatting.byte_size(made.bytes_freed)
    noun = "change" if len(made.changes) == 1 else "changes"
    click.echo(f"{formatting.count(len(made.changes))} {noun}, which free about {size}")


def _plan_row(part: PolicyPlan) -> Sequence[str]:
    return (
        part.policy.name,
        formatting.count(part.count),
        formatting.byte_size(part.bytes_freed),
        formatting.count(part.pinned),
        part.policy.do,
    )


def _print_samples(made: Plan, policy: Policy, count: int, samples: int) -> None:
    name = output.coloured(visible_line(policy.name), bold=True)
    click.echo(f"{name}: {visible_line(policy.do)}, {visible_line(policy.when or 'everything')}")
    changes = (change for change in made.changes if change.policy == policy.name)
    for change in islice(changes, samples):
        click.echo(f"    {_sample(change)}")
    if count > samples:
        click.echo(f"    and {formatting.count(count - samples)} more")


def _sample(change: PlannedChange) -> str:
    parts = [change.item_id, change.action]
    if change.related:
        parts.append(f"with {', '.join(change.related[:RELATED_MAX])}")
    if change.similarity is not None:
        parts.append(f"{change.similarity:.0%} alike")
    if change.bytes_freed:
        parts.append(f"frees {formatting.byte_size(change.bytes_freed)}")
    return visible_line(" · ".join(parts))


COMMANDS = (plan,)
