"""Which backups to keep: rules as restic has them, decided before anything is deleted.

Of each day, week and month (in UTC) the newest backup stands for it. A chain is never broken, the
newest verified backup stays, and so does what cannot be restored and might yet be completed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from engine.backups.catalogue import Catalogue, in_order, read_catalogue
from engine.backups.manifest import Backup
from engine.backups.publishing import withdraw
from engine.backups.threads import Teller
from engine.errors import BrokenChainError, InvalidSettingError, StalePlanError

KEEP_MAX: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How many backups to keep of each kind of period; a rule of 0 keeps none by itself.

    Raises:
        InvalidSettingError: nothing would be kept, or a number is impossible.
    """

    last: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0

    def __post_init__(self) -> None:
        numbers = (self.last, self.daily, self.weekly, self.monthly)
        if any(type(n) is not int or not 0 <= n <= KEEP_MAX for n in numbers):
            raise InvalidSettingError(
                f"backups to keep are counted from 0 to {KEEP_MAX:,}", hint="give a whole number"
            )
        if not any(numbers):
            raise InvalidSettingError(
                "no rule says which backups to keep", hint="for example, keep the last 10"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class PrunePlan:
    """What a pruning would delete, newest first, and why it keeps the others."""

    directory: Path
    retention: Retention
    store_id: str | None
    keep: Mapping[str, tuple[str, ...]]
    """The reasons by name: `last`, `daily`, `weekly`, `monthly`, `newest verified`, ..."""
    delete: tuple[str, ...]
    freed_bytes: int


_Period = Callable[[datetime], Any]
_PERIODS: Final[Mapping[str, _Period]] = {
    "daily": lambda moment: moment.date(),
    "weekly": lambda moment: moment.isocalendar()[:2],
    "monthly": lambda moment: (moment.year, moment.month),
}


def plan_prune(
    catalogue: Catalogue, retention: Retention, *, store_id: str | None = None
) -> PrunePlan:
    """Return what a catalogue has too much of, by store; of one store alone if it is named."""
    keep: dict[str, tuple[str, ...]] = {}
    delete: list[Backup] = []
    for known in sorted({backup.manifest.store_id for backup in catalogue.backups}):
        if store_id not in (None, known):
            continue
        backups = _newest_first(catalogue.of_store(known))
        reasons = _reasons(catalogue, backups, retention)
        keep.update({backup.name: tuple(reasons[backup.name])
                     for backup in backups if reasons[backup.name]})  # fmt: skip
        delete += [backup for backup in backups if not reasons[backup.name]]
    return PrunePlan(
        directory=catalogue.directory,
        retention=retention,
        store_id=store_id,
        keep=keep,
        delete=tuple(backup.name for backup in _children_first(catalogue, delete)),
        freed_bytes=sum(backup.size_bytes for backup in delete),
    )


def _newest_first(backups: Iterable[Backup]) -> list[Backup]:
    return in_order(backups)[::-1]


def _children_first(catalogue: Catalogue, backups: Iterable[Backup]) -> list[Backup]:
    """Order so that nothing is deleted before what needs it, whatever the clocks said."""
    return sorted(
        _newest_first(backups), key=lambda backup: len(catalogue.chain(backup)), reverse=True
    )


def _reasons(
    catalogue: Catalogue, backups: Sequence[Backup], retention: Retention
) -> dict[str, list[str]]:
    """Return why each backup of one store is kept; nothing for those that are not."""
    reasons: dict[str, list[str]] = {backup.name: [] for backup in backups}
    chains: dict[str, Sequence[Backup]] = {}
    for backup in backups:
        try:
            chain = catalogue.chain(backup)
        except BrokenChainError:
            chain = ()
        if chain and all(link.is_there for link in chain):
            chains[backup.name] = chain
        else:
            reasons[backup.name].append("incomplete")
    whole = [backup for backup in backups if backup.name in chains]
    for backup in whole[: retention.last]:
        reasons[backup.name].append("last")
    for rule, period in _PERIODS.items():
        for backup in _newest_of_each(whole, period)[: getattr(retention, rule)]:
            reasons[backup.name].append(rule)
    verified = next((backup for backup in whole if backup.verified_at is not None), None)
    if verified is not None:
        reasons[verified.name].append("newest verified")
    for backup in whole:
        if reasons[backup.name] and reasons[backup.name] != ["needed"]:
            for link in chains[backup.name][:-1]:
                if "needed" not in reasons[link.name]:
                    reasons[link.name].append("needed")
    _keep_beginnings(backups, reasons)
    return reasons


def _newest_of_each(backups: Sequence[Backup], period: _Period) -> list[Backup]:
    first: dict[Any, Backup] = {}
    for backup in backups:
        first.setdefault(period(backup.created_at), backup)
    return list(first.values())


def _keep_beginnings(backups: Sequence[Backup], reasons: dict[str, list[str]]) -> None:
    """Keep what an incomplete backup builds on, as far as that is there."""
    by_name = {backup.name: backup for backup in backups}
    for backup in backups:
        seen = {backup.name}
        link = backup if "incomplete" in reasons[backup.name] else None
        while link is not None and link.manifest.parent not in seen | {None}:
            link = by_name.get(link.manifest.parent or "")
            if link is not None:
                seen.add(link.name)
                if not reasons[link.name]:
                    reasons[link.name].append("needed")


def carry_out(tell: Teller, plan: PrunePlan) -> PrunePlan:
    """Delete what a plan says, the newest of each chain first. Blocks.

    A crash leaves every backup that is not deleted whole.

    Raises:
        StalePlanError: something that is to be deleted is needed by now; nothing was deleted.
        StorageError: something could not be deleted; what came before is.
    """
    catalogue = read_catalogue(plan.directory)
    there = {backup.name for backup in catalogue.backups}
    now = plan_prune(catalogue, plan.retention, store_id=plan.store_id)
    for name in plan.delete:
        if name in there and name not in now.delete:
            raise StalePlanError(
                f"the backup {name} is to be kept by now", hint="make a new plan and look at it"
            )
    for number, name in enumerate(plan.delete):
        tell("prune", number, len(plan.delete))
        if name in there:
            withdraw(plan.directory, name)
    return plan
