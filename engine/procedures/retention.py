"""The retention score: how much speaks for keeping an item close, in the one place that has it.

    importance + 0.3 / (1 + age / 24) + min(0.2 * accesses / max(1, age), 0.3)

with the age in hours since the last access, or since creation where there was none. The parts
are called importance, recency and frequency; the sum lies between 0 and 1.6.
"""

from __future__ import annotations

from typing import Final

NOW: Final = "(SELECT ? AS now) n"
"""Bound first: the moment in UTC microseconds as of which ages are told."""
SCORED: Final = f"{NOW} CROSS JOIN items i LEFT JOIN access a ON a.item_key = i.item_key"
"""What the parts are computed over, with `items i`."""

# A clock that was set back makes no item younger than new.
_AGE: Final = "max(0.0, (n.now - coalesce(a.last_accessed_at, i.created_at)) / 3600000000.0)"
IMPORTANCE: Final = "i.importance"
RECENCY: Final = f"(0.3 / (1.0 + {_AGE} / 24.0))"
FREQUENCY: Final = f"min(0.2 * coalesce(a.access_count, 0) / max(1.0, {_AGE}), 0.3)"
SCORE: Final = f"({IMPORTANCE} + {RECENCY} + {FREQUENCY})"
