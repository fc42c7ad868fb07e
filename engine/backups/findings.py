"""What is found wrong with backups: values that are collected and shown, not raised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Severity: TypeAlias = Literal["error", "warning", "note"]
"""`error`: something cannot be restored. `warning`: it can, but look. `note`: harmless."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was found, and what to do about it; `backup` names the one it is about."""

    severity: Severity
    what: str
    hint: str = ""
    backup: str | None = None
