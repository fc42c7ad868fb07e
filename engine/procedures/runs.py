"""The records of runs: what was carried out, how far it came, and what is left to do."""

from __future__ import annotations

from typing import Final

import orjson

from engine.clock import to_datetime
from engine.compression import zstd
from engine.errors import RunNotFoundError
from engine.lifecycle.plan import Plan, Run, unpack_plan
from engine.procedures.base import Procedure, Row, Statement

SILENT_MICROSECONDS: Final = 60_000_000
"""A run that was not seen at work for so long was interrupted."""
_RUNS: Final = (
    "SELECT run_key, state, started_at, ended_at, planned, done, first_sequence, last_sequence, "
    "facts FROM runs"
)


def find_run(run_id: int, now: int | None = None) -> Procedure[Run]:
    """Return the record of a run; told what time it is, one that fell silent is `interrupted`.

    Raises:
        RunNotFoundError: there is no such run.
    """
    rows = yield Statement(f"{_RUNS} WHERE run_key = ?", (run_id,))
    if not rows:
        raise RunNotFoundError(f"there is no run {run_id}", hint="look at the list of runs")
    return _run(rows[0], now)


def list_runs(limit: int, now: int) -> Procedure[list[Run]]:
    """Return the newest runs, newest first; one that fell silent is `interrupted`."""
    rows = yield Statement(f"{_RUNS} ORDER BY run_key DESC LIMIT ?", (limit,))
    return [_run(row, now) for row in rows]


def _run(row: Row, now: int | None = None) -> Run:
    (key, state, started_at, ended_at, planned, done, first, last, facts) = row
    known = orjson.loads(facts)
    silent = now is not None and now - ended_at > SILENT_MICROSECONDS
    return Run(
        id=key,
        state="interrupted" if state == "running" and silent else state,
        started_at=to_datetime(started_at),
        ended_at=None if ended_at is None else to_datetime(ended_at),
        planned=planned,
        done=done,
        first_sequence=first,
        last_sequence=last,
        by_policy=known["by_policy"],
        forgotten=known.get("forgotten", 0),
        bytes_before=known["bytes_before"],
        bytes_after=known.get("bytes_after"),
    )


def load_run_plan(run_id: int) -> Procedure[Plan]:
    """Return the plan that a run carries out.

    Raises:
        RunNotFoundError: there is no such run, or nothing is left of it to do.
    """
    rows = yield Statement("SELECT plan FROM runs WHERE run_key = ?", (run_id,))
    if not rows or rows[0][0] is None:
        raise RunNotFoundError(
            f"there is nothing left to do of run {run_id}", hint="look at the list of runs"
        )
    return unpack_plan(zstd.decompress(rows[0][0]))


def end_run(
    run_id: int, state: str, now: int, bytes_after: int, forgotten: int = 0
) -> Procedure[Run]:
    """Say how a run ended; its plan is of no more use."""
    run = yield from find_run(run_id)
    facts = {
        "by_policy": dict(run.by_policy),
        "forgotten": run.forgotten + forgotten,
        "bytes_before": run.bytes_before,
        "bytes_after": bytes_after,
    }
    yield Statement(
        "UPDATE runs SET state = ?, ended_at = ?, facts = ?, plan = NULL WHERE run_key = ?",
        (state, now, orjson.dumps(facts).decode(), run_id),
    )
    return (yield from find_run(run_id))


def last_run_at() -> Procedure[int | None]:
    """Return when policies were last carried out, None if never; also when that was undone."""
    ((moment,),) = yield Statement("SELECT max(started_at) FROM runs")
    return None if moment is None else int(moment)


def vacuum_step(pages: int) -> Procedure[int]:
    """Give some pages that nothing uses back to the file system; return how many are left."""
    yield Statement(f"PRAGMA incremental_vacuum({int(pages)})")
    ((left,),) = yield Statement("PRAGMA freelist_count")
    return int(left)
