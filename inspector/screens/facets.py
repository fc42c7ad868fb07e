"""The facets of a query: what could be chosen in each field, and how many items that gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from inspector.gateway import And, Facets, Field, Filter, Tier
from inspector.query_text import FACET_FIELDS, Choice, choices_of, without_field
from inspector.widgets.facet_panel import FacetGroup, FacetValue

if TYPE_CHECKING:
    from inspector.gateway import Gateway
    from inspector.gateway.tiers import TierFill

TITLES = {
    Field.TIER: "Tiers",
    Field.KIND: "Kinds",
    Field.TAG: "Tags",
    Field.AGENT: "Agents",
}


def included_and_excluded(query: Filter) -> tuple[frozenset[Choice], frozenset[Choice]]:
    """Return the facets that the query has chosen, and those it excludes."""
    choices = choices_of(query)
    return choices.included, choices.excluded


async def facet_groups(gateway: Gateway, query: Filter, *, tags_max: int) -> list[FacetGroup]:
    """Return the groups of facets.

    A field of which a value is chosen shows its other values as if none were, since choosing
    one of them widens the query; tags narrow it, so they are counted within it.
    """
    facets = await gateway.facets(query, tags_max=tags_max)
    chosen = choices_of(query).included
    agents = frozenset(value for field, value in chosen if field == Field.AGENT.value)
    fills = await gateway.tiers.fills(agents)
    groups: list[FacetGroup] = []
    for field in FACET_FIELDS:
        counted = facets
        wider = without_field(query, field)
        if field is not Field.TAG and wider != query and query != And(()):
            counted = await gateway.facets(wider, tags_max=1)
        groups.append(
            FacetGroup(
                field=field.value,
                title=TITLES[field],
                values=_tier_values(counted, fills)
                if field is Field.TIER
                else _values(field, counted),
            )
        )
    return groups


def _tier_values(facets: Facets, fills: Mapping[Tier, TierFill]) -> tuple[FacetValue, ...]:
    return tuple(
        FacetValue(value=tier.label, count=facets.tiers.get(tier, 0), fill=fills[tier])
        for tier in Tier
    )


def _values(field: Field, facets: Facets) -> tuple[FacetValue, ...]:
    counts: Mapping[str, int] = {
        Field.KIND: facets.kinds,
        Field.TAG: facets.tags,
        Field.AGENT: facets.agents,
    }[field]
    return tuple(FacetValue(value=value, count=count) for value, count in counts.items())
