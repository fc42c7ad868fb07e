"""When a backup is due: so many hours after the last one, or so many changes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from engine.backups.manifest import Backup
from engine.errors import InvalidSettingError

_HOUR: Final = 3_600_000_000
HOURS_MAX: Final = 1_000_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """Why a backup is due, and how many were missed since the last one."""

    reason: str
    missed: int


def check_schedule(hours: float | None, changes: int | None) -> None:
    """Refuse a schedule by which nothing would ever be due, or everything always.

    Raises:
        InvalidSettingError: it is one.
    """
    if hours is None and changes is None:
        raise InvalidSettingError(
            "a schedule says neither hours nor changes", hint="for example, hours=6"
        )
    if hours is not None and not 0 < hours <= HOURS_MAX:
        raise InvalidSettingError(
            f"hours is {hours}; it is more than 0 and at most {HOURS_MAX:,.0f}", hint="use 6"
        )
    if changes is not None and changes < 1:
        raise InvalidSettingError(f"changes is {changes}; it is at least 1", hint="use 10_000")


def find_due(
    backups: Iterable[Backup],
    *,
    now: int,
    sequence: int,
    hours: float | None,
    changes: int | None,
) -> Due | None:
    """Return why a backup of a store at `sequence` is due at `now` (UTC microseconds), if it is.

    A backup from the future says nothing: the clock was set back since.
    """
    known = [backup.manifest for backup in backups if backup.manifest.created_at <= now]
    if not known:
        return Due(reason="there is no backup yet", missed=0)
    newest = max(known, key=lambda manifest: manifest.created_at)
    if hours is not None:
        age = (now - newest.created_at) / _HOUR
        if age >= hours:
            return Due(
                reason=f"the last backup is {age:,.1f} hours old", missed=int(age / hours) - 1
            )
    made = sequence - newest.sequence
    if changes is not None and (made >= changes or made < 0):
        # Fewer than there were: the store was set back.
        noun = "change" if abs(made) == 1 else "changes"
        return Due(reason=f"{abs(made):,} {noun} since the last backup", missed=0)
    return None
