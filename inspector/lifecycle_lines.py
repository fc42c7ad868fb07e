"""Policies, plans and runs in lines. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from inspector import formatting
from inspector.proposal import Proposal, Totals, total_of
from inspector.widgets.line_list import ListEntry
from inspector.widgets.roles import Line, Piece, Role

if TYPE_CHECKING:
    from inspector.gateway import Forgetting, Policy, Run

INDENT = "     "
"""Below a policy or a run, what belongs to it begins here."""

HISTORY = ("history", "forgets")
"""The key of the entry about history that would be let go of."""

STATES: Mapping[str, Piece] = {
    "done": ("✓ done", Role.GOOD),
    "undone": ("↶ undone", Role.DIM),
    "running": ("● running", Role.ACCENT),
    "interrupted": ("! interrupted", Role.WARNING),
    "failed": ("✗ failed", Role.BAD),
}
STATE_CELLS = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Situated:
    """A proposal with what happened since it was planned."""

    proposal: Proposal
    totals: Mapping[str, Totals]
    changes_since: int = 0
    policies_changed: bool = False


def items_text(number: int) -> str:
    """Return a count of items in words: `1 item`, `1,204 items`."""
    return f"{formatting.count(number)} item{'' if number == 1 else 's'}"


def changes_text(number: int) -> str:
    """Return a count of changes in words."""
    return f"{formatting.count(number)} change{'' if number == 1 else 's'}"


def freed_text(bytes_freed: int) -> str:
    """Return in words how much smaller what is stored would be."""
    return f"frees about {formatting.byte_size(bytes_freed)}" if bytes_freed else "frees nothing"


# Policies ----------------------------------------------------------------------------------


def policy_entries(
    policies: Sequence[Policy], totals: Mapping[str, Totals] | None
) -> list[ListEntry]:
    """Return the policies in order: on or off, name, condition, action, and what is planned."""
    entries: list[ListEntry] = []
    for number, policy in enumerate(policies):
        state: Piece = ("✓ on   ", Role.GOOD) if policy.enabled else ("○ off  ", Role.DIM)
        name_role = Role.STRONG if policy.enabled else Role.DIM
        entries.append(ListEntry(policy.name, (state, (policy.name, name_role))))
        for label, text in (("when", policy.when or "everything"), ("do", policy.do)):
            line: Line = ((f"{INDENT}{label:<6}", Role.KEY), (text, Role.PLAIN))
            entries.append(_below(policy.name, label, line))
        planned = _planned(policy, totals)
        entries.append(_below(policy.name, "plan", ((f"{INDENT}plan  ", Role.KEY), *planned)))
        if number < len(policies) - 1:
            entries.append(_below(policy.name, "gap", ()))
    return entries


def _below(name: object, what: str, line: Line) -> ListEntry:
    return ListEntry((name, what), line, selectable=False)


def _planned(policy: Policy, totals: Mapping[str, Totals] | None) -> Line:
    if totals is None:
        return (("no plan yet", Role.DIM),)
    planned = totals.get(policy.name)
    if planned is None:
        return (("not in it", Role.DIM),)
    if planned.left_out and not planned.count:
        return ((f"✗ left out, {items_text(planned.left_out)}", Role.WARNING),)
    amount = (items_text(planned.count), Role.NUMBER if planned.count else Role.DIM)
    return (
        (amount, (f", {planned.left_out} left out", Role.WARNING))
        if planned.left_out
        else (amount,)
    )


# The plan ----------------------------------------------------------------------------------


def no_plan_entries(*, writable: bool) -> list[ListEntry]:
    """Return what to say before there is a plan."""
    lines: list[Line] = [
        (("No plan yet", Role.HEADING),),
        (),
        (("p", Role.ACCENT), ("  shows what the policies that are on would do now.", Role.PLAIN)),
        (("   Nothing is changed by that.", Role.DIM),),
    ]
    if writable:
        lines += [
            (("a", Role.ACCENT), ("  then does exactly what is shown.", Role.PLAIN)),
            (("u", Role.ACCENT), ("  takes all of it back.", Role.PLAIN)),
        ]
    return _texts(lines)


def _texts(lines: Sequence[Line]) -> list[ListEntry]:
    return [ListEntry(("text", index), line, selectable=False) for index, line in enumerate(lines)]


def plan_entries(situated: Situated) -> list[ListEntry]:
    """Return a plan: its sum, its warnings, and what each policy would do."""
    plan = situated.proposal.plan
    warnings = _texts(
        [(("  ! warning  ", Role.WARNING), (text, Role.PLAIN)) for text in plan.warnings]
    )
    entries = [*_texts(list(_sum_lines(situated))), *warnings]
    for policy in plan.policies:
        entries.append(_below(policy.name, "gap", ()))
        entries += _planned_policy(policy, situated.totals[policy.name])
    if plan.forgets is not None:
        entries.append(_below(HISTORY, "gap", ()))
        entries += _forgotten(plan.forgets, out=situated.proposal.keeps_history)
    if not plan.policies:
        entries += _texts([(), (("  No policy is on: space switches one on.", Role.DIM),)])
    return entries


def _forgotten(forgets: Forgetting, *, out: bool) -> Iterator[ListEntry]:
    state: Piece = ("✗ left out  ", Role.WARNING) if out else ("", Role.PLAIN)
    yield ListEntry(HISTORY, (state, ("history", Role.DIM if out else Role.STRONG)))
    line: Line = (
        (INDENT, Role.PLAIN),
        ("forget", Role.ACCENT),
        (f"  {changes_text(forgets.changes)}", Role.DIM if out else Role.NUMBER),
        (f"  frees {formatting.byte_size(forgets.bytes_freed)}", Role.PLAIN),
        (f"  up to {formatting.exact_time(forgets.until)}", Role.DIM),
    )
    yield _below(HISTORY, "sum", line)


def _sum_lines(situated: Situated) -> Iterator[Line]:
    total = total_of(situated.totals)
    left_out = f", {formatting.count(total.left_out)} left out" if total.left_out else ""
    forgets = situated.proposal.forgets
    history = 0 if forgets is None else forgets.bytes_freed
    yield (
        (changes_text(total.count), Role.HEADING),
        (f", {freed_text(total.bytes_freed + history)}", Role.PLAIN),
        (left_out, Role.WARNING),
    )
    planned_at = formatting.exact_time(situated.proposal.plan.planned_at)
    yield ((f"planned {planned_at}; nothing is changed yet", Role.DIM),)
    if situated.changes_since:
        since = changes_text(situated.changes_since)
        yield (
            ("  ! note     ", Role.WARNING),
            (f"the store had {since} since; p plans again", Role.PLAIN),
        )
    if situated.policies_changed:
        yield (
            ("  ! note     ", Role.WARNING),
            ("the policies were changed since; p plans again", Role.PLAIN),
        )


def _planned_policy(policy: Policy, totals: Totals) -> Iterator[ListEntry]:
    out = bool(totals.left_out) and not totals.count
    name: Piece = (policy.name, Role.DIM if out or not totals.count else Role.STRONG)
    state: Piece = ("✗ left out  ", Role.WARNING) if out else ("", Role.PLAIN)
    yield ListEntry(policy.name, (state, name))
    parts: list[Piece] = [(policy.do, Role.ACCENT)]
    amount = totals.left_out if out else totals.count
    parts.append((f"  {items_text(amount)}", Role.NUMBER if totals.count else Role.DIM))
    if totals.bytes_freed:
        parts.append((f"  frees {formatting.byte_size(totals.bytes_freed)}", Role.PLAIN))
    if totals.left_out and not out:
        parts.append((f"  {formatting.count(totals.left_out)} left out", Role.WARNING))
    if totals.pinned:
        parts.append((f"  {formatting.count(totals.pinned)} pinned stay", Role.DIM))
    yield _below(policy.name, "sum", ((INDENT, Role.PLAIN), *parts))


# Runs --------------------------------------------------------------------------------------


def result_entries(run: Run, *, took: str, undo_key: str) -> list[ListEntry]:
    """Return what a run did that just ended."""
    by_policy: list[Line] = [
        ((f"{INDENT}{formatting.count(count):>9}  ", Role.NUMBER), (name, Role.PLAIN))
        for name, count in run.by_policy.items()
        if count
    ]
    lines: list[Line] = [
        (_state(run), (f"run {run.id}: ", Role.HEADING), _amount(run), (took, Role.DIM)),
        *by_policy,
        *_forgotten_by(run),
        ((INDENT, Role.PLAIN), ("file ", Role.KEY), *_file(run)),
        (),
    ]
    if run.state == "done":
        lines.append(((undo_key, Role.ACCENT), ("  takes all of it back", Role.PLAIN)))
    lines += [
        (("p", Role.ACCENT), ("  makes a new plan", Role.PLAIN)),
        (("r", Role.ACCENT), ("  lists past runs", Role.PLAIN)),
    ]
    return _texts(lines)


def _forgotten_by(run: Run) -> list[Line]:
    if not run.forgotten:
        return []
    amount: Piece = (f"{INDENT}{formatting.count(run.forgotten):>9}  ", Role.NUMBER)
    return [(amount, ("old changes forgotten, which nothing brings back", Role.DIM))]


def run_entries(runs: Sequence[Run], *, now: datetime) -> list[ListEntry]:
    """Return past runs, newest first: state, when, how much, the file before and after."""
    entries: list[ListEntry] = []
    for run in runs:
        when = formatting.relative_time(run.started_at, now)
        line: Line = (_state(run), (f"run {run.id}  ", Role.STRONG), (when, Role.DIM))
        entries.append(ListEntry(run.id, line))
        entries.append(
            _below(
                run.id,
                "done",
                ((INDENT, Role.PLAIN), _amount(run), ("   file ", Role.KEY), *_file(run)),
            )
        )
        entries.append(_below(run.id, "when", _when(run)))
        for name, count in run.by_policy.items():
            if count:
                amount: Piece = (f"{INDENT}{formatting.count(count):>9}  ", Role.NUMBER)
                entries.append(_below(run.id, name, (amount, (name, Role.DIM))))
        entries += [_below(run.id, "forgotten", line) for line in _forgotten_by(run)]
        entries.append(_below(run.id, "gap", ()))
    return entries[:-1]


def _state(run: Run) -> Piece:
    text, role = STATES.get(run.state, (run.state, Role.PLAIN))
    return f"{text:<{STATE_CELLS}}", role


def _amount(run: Run) -> Piece:
    if run.done == run.planned:
        return changes_text(run.planned), Role.NUMBER
    return f"{formatting.count(run.done)} of {changes_text(run.planned)}", Role.NUMBER


def _when(run: Run) -> Line:
    started = formatting.exact_time(run.started_at)
    ended = "" if run.ended_at is None else formatting.exact_time(run.ended_at)
    span = started if ended in ("", started) else f"{started} to {ended}"
    return ((f"{INDENT}{span}", Role.DIM),)


def _file(run: Run) -> tuple[Piece, ...]:
    before = formatting.byte_size(run.bytes_before)
    if run.bytes_after is None:
        return ((before, Role.PLAIN),)
    return ((f"{before} → {formatting.byte_size(run.bytes_after)}", Role.PLAIN),)
