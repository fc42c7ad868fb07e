"""A report as JSON, as text for a terminal, and as the table of the README."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from engine.bench.results import Bar, Measurement, Report


def as_record(report: Report) -> dict[str, Any]:
    """Return a report as JSON values; durations are in microseconds unless the name says more."""
    return {
        "store": {
            "name": report.source,
            "items": report.items,
            "file_bytes": report.file_bytes,
        },
        "run": {"quick": report.quick, "seed": report.seed, "seconds": report.seconds},
        "machine": asdict(report.machine),
        "measurements": [_measurement_record(row) for row in report.measurements],
        "missed": [row.name for row in report.missed],
    }


def _measurement_record(row: Measurement) -> dict[str, Any]:
    return {
        "name": row.name,
        "group": row.group,
        "what": row.what,
        "verdict": row.verdict,
        "timings_us": None if row.timings is None else asdict(row.timings),
        "bars": [{**asdict(bar), "met": bar.met} for bar in row.bars],
        "facts": dict(row.facts),
    }


def number(value: float) -> str:
    """Return a number with three significant digits, as people write it."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def describe_bar(bar: Bar) -> str:
    """Return what a bar asks for: `p50 <= 5 ms`."""
    sign = ">=" if bar.at_least else "<="
    space = "" if bar.unit in ("x", "/s") else " "
    return f"{bar.what} {sign} {bar.limit:,g}{space}{bar.unit}"


def _measured(bar: Bar) -> str:
    space = "" if bar.unit in ("x", "/s") else " "
    return f"{number(bar.value)}{space}{bar.unit}"


def describe_machine(report: Report) -> str:
    """Return one line about the machine and the store."""
    machine = report.machine
    return (
        f"{report.items:,} items, {report.file_bytes / 1e6:,.0f} MB; {machine.processors} "
        f"processors, {machine.system}, Python {machine.python}, SQLite {machine.sqlite} "
        f"({machine.driver}), fsync {machine.sync_microseconds:,.0f} us"
    )


def as_text(report: Report) -> str:
    """Return a report for people at a terminal."""
    lines = [describe_machine(report), ""]
    widest = max((len(row.what) for row in report.measurements), default=0)
    group = ""
    for row in report.measurements:
        if row.group != group:
            group = row.group
            lines.append(group)
        mark = {"ok": "ok    ", "missed": "MISSED", "reference": "      "}[row.verdict]
        lines.append(f"  {mark} {row.what:<{widest}}  {_durations(row)}")
        for bar in row.bars:
            sign = " " if bar.met else "!"
            lines.append(f"         {sign} {_measured(bar):>10}   {describe_bar(bar)}")
        if row.verdict == "missed" and row.facts:
            facts = ", ".join(f"{name} {value}" for name, value in row.facts.items())
            lines.append(f"           ({facts})")
    judged = [row for row in report.measurements if row.bars]
    lines += ["", f"{len(judged) - len(report.missed)} of {len(judged)} rows met their bars"]
    return "\n".join(lines)


def _durations(row: Measurement) -> str:
    timings = row.timings
    if timings is None:
        return ""
    return (
        f"p50 {number(timings.p50 / 1e3)}  p90 {number(timings.p90 / 1e3)}  "
        f"p99 {number(timings.p99 / 1e3)}  max {number(timings.maximum / 1e3)} ms  "
        f"{number(timings.per_second)}/s"
    )


def as_markdown(reports: Sequence[Report]) -> str:
    """Return the table of the README: one column of figures for each report."""
    header = " | ".join(f"{report.items:,} items" for report in reports)
    lines = [
        f"| what | bar | {header} |",
        f"|---|---|{'---|' * len(reports)}",
    ]
    for row in _judged(reports):
        bars = "; ".join(describe_bar(bar) for bar in row.bars)
        cells = " | ".join(_cell(row.name, report) for report in reports)
        lines.append(f"| {row.what} | {bars} | {cells} |")
    lines.append("")
    lines += [f"{describe_machine(report)}." for report in reports]
    return "\n".join(lines)


def _judged(reports: Sequence[Report]) -> Iterable[Measurement]:
    seen: dict[str, Measurement] = {}
    for report in reports:
        for row in report.measurements:
            if row.bars:
                seen.setdefault(row.name, row)
    return seen.values()


def _cell(name: str, report: Report) -> str:
    for row in report.measurements:
        if row.name == name:
            return "; ".join(
                _measured(bar) if bar.met else f"**{_measured(bar)}**" for bar in row.bars
            )
    return ""
