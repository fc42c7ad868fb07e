"""The policies of a store: kept, in order, as the texts that people wrote."""

from __future__ import annotations

from collections.abc import Sequence

from engine.lifecycle.policies import DEFAULT_POLICIES, Policy
from engine.procedures.base import Many, Procedure, Statement


def load_policies() -> Procedure[list[Policy]]:
    """Return the policies in order; those of a new store until somebody has changed them."""
    rows = yield Statement(
        "SELECT name, condition, action, enabled FROM policies ORDER BY position, name"
    )
    if not rows:
        edited = yield Statement("SELECT 1 FROM meta WHERE name = 'policies_edited'")
        return [] if edited else list(DEFAULT_POLICIES)
    return [
        Policy(name=name, when=when, do=do, enabled=bool(enabled))
        for name, when, do, enabled in rows
    ]


def save_policies(policies: Sequence[Policy]) -> Procedure[None]:
    """Keep these policies, in this order, in place of all there were."""
    yield Statement("DELETE FROM policies")
    if policies:
        yield Many(
            "INSERT INTO policies(name, position, condition, action, enabled) "
            "VALUES (?, ?, ?, ?, ?)",
            [
                (policy.name, position, policy.when, policy.do, int(policy.enabled))
                for position, policy in enumerate(policies)
            ],
        )
    yield Statement("INSERT INTO meta VALUES ('policies_edited', 1) ON CONFLICT DO NOTHING")
