"""`bench`: how fast a store and the app are on this machine, against the project's bars."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inspector import formatting
from inspector.cli import output
from inspector.cli.stores import run

if TYPE_CHECKING:
    from engine.bench import Measurement, Report, Settings

MISSED = 3
"""Exit code of `--check` when a bar was not met: not an error, and not success."""
ITEMS_MIN = 100
STARTS = 5
PRESSES = 60
PRESSES_QUICK = 8
CHILD_SECONDS_MAX = 300.0

START_SECONDS_MAX = 1.0
MEMORY_MB_MAX = 150.0
KEY_MS_MAX = 50.0
GROUPS = ("get", "query", "search", "put", "lifecycle", "backup", "app")

KEYS = {
    "scroll": "the list, scrolling line by line at the speed of a held key",
    "page": "the list, page by page",
    "jump": "the list, to its end and back to its beginning",
}


def _sizes(
    _ctx: click.Context, _parameter: click.Parameter, text: str | None
) -> tuple[int, ...] | None:
    """Return `100000,1000000` as numbers."""
    if text is None:
        return None
    try:
        sizes = tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is no list such as 100000,1000000") from error
    if min(sizes) < ITEMS_MIN:
        raise click.BadParameter(f"a store to measure has {ITEMS_MIN} items at least")
    return sizes


@click.command(short_help="Measure a store and the app on this machine.")
@click.argument("store", type=click.Path(path_type=Path), required=False)
@click.option(
    "--size",
    "sizes",
    callback=_sizes,
    metavar="N,N",
    help="Measure generated stores of so many items.",
)
@click.option("--items", type=click.IntRange(1), help="Items that each put_many row writes.")
@click.option("--quick", is_flag=True, help="A few seconds; shows little more than that it works.")
@click.option(
    "--only",
    type=click.Choice(GROUPS),
    multiple=True,
    help="Only these rows; may be given several times.",
)
@click.option("--seed", default=1, show_default=True, help="The same seed asks the same questions.")
@click.option(
    "--scratch",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Where the scratch copy goes; by default beside STORE.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per store.")
@click.option("--markdown", is_flag=True, help="The table of the README.")
@click.option("--check", is_flag=True, help=f"Exit with {MISSED} if a bar is missed.")
def bench(
    store: Path | None,
    *,
    sizes: tuple[int, ...] | None,
    items: int | None,
    quick: bool,
    only: tuple[str, ...],
    seed: int,
    scratch: Path | None,
    as_json: bool,
    markdown: bool,
    check: bool,
) -> int:
    """Measure a scratch copy of STORE, or generated stores of the sizes given.

    The store is only read; the copy is removed at the end. Ratios compare ways that take turns in
    the same run, so they hold on a busy machine too; durations do not.

    \b
    Examples:
      memory-inspector bench agent.db
      memory-inspector bench agent.db --json --quick
      memory-inspector bench --size 100000,1000000 --markdown
    """
    if (store is None) == (sizes is None):
        raise click.UsageError("give a STORE, or --size with numbers of items")
    from engine.bench import as_markdown, as_record, as_text

    groups = only or GROUPS

    async def work() -> list[Report]:
        from engine.bench import Settings

        settings = Settings(
            quick=quick,
            seed=seed,
            batch_items=items,
            groups=tuple(group for group in groups if group != "app"),
        )
        with_app = "app" in groups
        reports: list[Report] = []

        def keep(report: Report) -> None:
            reports.append(report)
            if as_json:
                # At once: the next store may take minutes.
                output.print_json(as_record(report))

        if store is not None:
            keep(await _measure_store(store, settings, scratch, with_app=with_app))
        for size in sizes or ():
            parent = scratch or Path()
            keep(await _measure_size(size, settings, parent, with_app=with_app))
        return reports

    reports = run(work())
    if markdown:
        output.print_text(as_markdown(reports))
    elif not as_json:
        output.print_text("\n\n".join(as_text(report) for report in reports))
    return MISSED if check and any(report.missed for report in reports) else 0


def _say(stage: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[2K{stage}")
        sys.stderr.flush()


async def _measure_store(
    store: Path, settings: Settings, scratch: Path | None, *, with_app: bool
) -> Report:
    from engine.bench import measure

    try:
        return await measure(
            store,
            settings,
            scratch=scratch,
            progress=lambda stage: _say(f"measuring {stage} …"),
            also=_also(settings) if with_app else None,
        )
    finally:
        _say("")


async def _measure_size(size: int, settings: Settings, parent: Path, *, with_app: bool) -> Report:
    """Generate a store of that size, measure it in place, and remove it."""
    from engine import open_store
    from engine.bench import measure_in_place, scratch_folder
    from engine.transfer import import_records
    from inspector import sample

    with scratch_folder(parent) as folder:
        path = folder / f"generated-{size}.db"
        _say(f"generating {formatting.count(size)} items …")
        async with open_store(path, durability="relaxed", actor="bench") as memories:
            records = sample.generate(size, seed=settings.seed, now=datetime.now(UTC))
            await import_records(memories, records, total=size)
        try:
            return await measure_in_place(
                path,
                settings,
                progress=lambda stage: _say(f"measuring {stage} …"),
                also=_also(settings) if with_app else None,
            )
        finally:
            _say("")


def _also(settings: Settings) -> Callable[[Path], Awaitable[list[Measurement]]]:
    async def measure_app(copy: Path) -> list[Measurement]:
        presses = PRESSES_QUICK if settings.quick else PRESSES
        found = [await _run_app(copy, presses)]
        for _ in range(0 if settings.quick else STARTS - 1):
            found.append(await _run_app(copy, 0))
        return _app_rows(found)

    return measure_app


async def _run_app(copy: Path, presses: int) -> dict[str, Any]:
    """Run the app in a process of its own, so that it is measured as it starts for people."""
    arguments = ["--began", repr(time.monotonic()), "--presses", str(presses), "--", str(copy)]
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "inspector.bench",
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        printed, said = await asyncio.wait_for(child.communicate(), CHILD_SECONDS_MAX)
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()
    if child.returncode != 0:
        reason = said.decode(errors="replace").strip().splitlines()[-1:] or ["no reason given"]
        raise click.ClickException(f"the app could not be measured: {reason[0]}")
    found: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return found


def _app_rows(runs: Sequence[dict[str, Any]]) -> list[Measurement]:
    from engine.bench import Bar, Measurement, Timings

    full = runs[0]
    starts = Timings.of([found["process_seconds"] for found in runs])
    inside = Timings.of([found["app_seconds"] for found in runs])
    megabytes = round(full["memory_bytes"] / 1e6, 1)
    rows = [
        Measurement(
            name="app.start",
            group="app",
            what="from the start of the process to a filled table",
            timings=starts,
            bars=(Bar(what="p50", value=starts.p50 / 1e6, limit=START_SECONDS_MAX, unit="s"),),
            facts={"from_the_app_s": round(inside.p50 / 1e6, 3)},
        ),
        Measurement(
            name="app.memory",
            group="app",
            what="memory of the app, at most, after all keys",
            bars=(Bar(what="at most", value=megabytes, limit=MEMORY_MB_MAX, unit="MB"),),
        ),
    ]
    for name, what in KEYS.items():
        keys = full[name]
        shown, filled = Timings.of(keys["shown"]), Timings.of(keys["filled"])
        lag = round(keys["lag"]["late"] * 1e3, 2)
        rows.append(
            Measurement(
                name=f"app.{name}",
                group="app",
                what=what,
                timings=shown,
                bars=(
                    Bar(
                        what="key to frame, p99", value=shown.p99 / 1e3, limit=KEY_MS_MAX, unit="ms"
                    ),
                    Bar(what="longest loop lag", value=lag, limit=KEY_MS_MAX, unit="ms"),
                ),
                facts={
                    "filled_p50_ms": round(filled.p50 / 1e3, 2),
                    "filled_max_ms": round(filled.maximum / 1e3, 2),
                    "busy_during_lag_ms": round(keys["lag"]["busy"] * 1e3, 2),
                    "idle_lag_ms": round(full["idle_lag"]["late"] * 1e3, 2),
                },
            )
        )
    return rows


COMMANDS = (bench,)
