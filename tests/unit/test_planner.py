"""Which index drives a query: chosen by counts, and really used by SQLite."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from kit import START, ManualClock

from engine import InvalidFilterError, Tier, open_store
from engine.backends.sqlite.driver import driver, run_procedure
from engine.procedures.items import NO_ACCESSES
from engine.procedures.names import Names
from engine.procedures.selection import Reading, StatisticsCache, make_plan
from engine.query.filter import (
    And,
    Compare,
    Field,
    Filter,
    Has,
    Indexed,
    Metadata,
    Not,
    Operator,
    Or,
    Part,
    Text,
)
from engine.query.plan import ORDERS, Order, Plan, parse_order
from engine.query.planner import plan
from engine.query.statistics import Statistics, sum_up

NOW = 1_769_860_800_000_000
DAY = 86_400_000_000


def is_(field: Field, value: Any) -> Compare:
    return Compare(field, Operator.EQ, value)


def any_of(field: Field, *values: Any) -> Or:
    return Or(tuple(is_(field, value) for value in values))


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A few thousand items of unequal agents, kinds, tiers and tags."""
    import asyncio

    path: Path = tmp_path_factory.mktemp("plans") / "memory.db"

    async def fill() -> None:
        async with open_store(path, clock=ManualClock()) as store:
            await store.put_many(
                {
                    "id": f"i{n:05}",
                    "content": f"common word{n % 500} {'seldom' if n % 1_000 == 7 else ''}",
                    "agent": "large" if n % 10 else f"small{n % 3}",
                    "kind": "semantic" if n % 20 else "seldom",
                    "tier": Tier.LONG_TERM if n % 50 else Tier.WORKING,
                    "importance": (n % 1_000) / 1_000,
                    "tags": {"all", f"t{n % 100}"} | ({"half"} if n % 2 else set()),
                    "session_id": f"s{n // 40}",
                    "metadata": {"project": f"p{n % 60}", "n": n},
                    "created_at": START - timedelta(minutes=6_000 - n),
                }
                for n in range(6_000)
            )
            await store.indexes.define("project", "metadata.project")
            await store.indexes.define("number", "metadata.n")

    asyncio.run(fill())
    with closing(driver.connect(path, isolation_level=None)) as connection:
        yield connection


def planned(connection: Any, node: Filter, order: str, limit: int | None) -> Plan:
    reading = Reading(Names(), StatisticsCache(), NO_ACCESSES)
    return run_procedure(
        connection, make_plan(reading, node, NOW, order=parse_order(order), limit=limit)
    )


def explained(connection: Any, chosen: Plan, limit: int | None) -> str:
    """Return SQLite's own account of how it runs the plan."""
    sql, values = chosen.listing() if limit is None else chosen.page(limit)
    return "\n".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values))


LARGE, SMALL = is_(Field.AGENT, "large"), is_(Field.AGENT, "small0")
RARE, HALF, ALL = is_(Field.TAG, "t7"), is_(Field.TAG, "half"), is_(Field.TAG, "all")

PROJECT = Metadata(("project",), Operator.EQ, "p7")
PROJECTS = Or((PROJECT, Metadata(("project",), Operator.EQ, "p8")))
ENTRIES = r"PRIMARY KEY \(index_key=\? AND value=\?"

SHAPES: dict[str, tuple[Filter, str, int | None, str]] = {
    "everything, newest": (And(()), "-created_at", 100, "USING .*INDEX items_created"),
    "everything, all": (And(()), "-created_at", None, "USING .*INDEX items_created"),
    "agent, newest": (SMALL, "-created_at", 100, r"INDEX items_agent \(agent_key=\?"),
    "agent and kind": (
        And((SMALL, is_(Field.KIND, "semantic"))),
        "-created_at",
        100,
        r"INDEX items_agent \(agent_key=\?",
    ),
    "seldom kind": (is_(Field.KIND, "seldom"), "-created_at", 100, r"INDEX items_kind \(kind_key="),
    "seldom tier": (is_(Field.TIER, Tier.WORKING), "-created_at", 100, r"INDEX items_tier \(tier="),
    "seldom tier of a large agent": (
        And((LARGE, is_(Field.TIER, Tier.WORKING))),
        "-created_at",
        None,
        r"INDEX items_tier \(tier=",
    ),
    "important": (
        Compare(Field.IMPORTANCE, Operator.GE, 0.995),
        "-importance",
        100,
        r"INDEX items_importance \(importance>",
    ),
    "most important": (And(()), "-importance", 100, "INDEX items_importance"),
    "by id": (And(()), "id", 100, "INDEX sqlite_autoindex_items_1"),
    "one id": (is_(Field.ID, "i00007"), "-created_at", 100, r"autoindex_items_1 \(id=\?"),
    "some ids": (any_of(Field.ID, "i00007", "i00009"), "-created_at", 100, r"autoindex_items_1"),
    "last updated": (And(()), "-updated_at", 100, "INDEX items_updated"),
    "session": (is_(Field.SESSION, "s3"), "-created_at", 100, r"INDEX items_session \(session_"),
    "seldom tag": (RARE, "-created_at", 100, r"USING PRIMARY KEY \(tag_key=\?"),
    "seldom tag of an agent": (
        And((LARGE, RARE)),
        "-created_at",
        100,
        r"INDEX item_tags_agent \(agent_key=\? AND tag_key=\?",
    ),
    "the seldom of two tags": (And((HALF, RARE)), "-created_at", 100, r"PRIMARY KEY \(tag_key=\?"),
    "any of two tags": (
        any_of(Field.TAG, "half", "t7"),
        "-created_at",
        100,
        r"PRIMARY KEY \(tag_key=\?",
    ),
    "seldom word": (Text("seldom"), "-created_at", 100, "f VIRTUAL TABLE INDEX"),
    "seldom word of an agent": (
        And((LARGE, Text("seldom"))),
        "-created_at",
        100,
        "f VIRTUAL TABLE",
    ),
    "seldom word, by size": (Text("seldom"), "size_bytes", 100, "f VIRTUAL TABLE INDEX"),
    "custom index": (PROJECT, "-created_at", 100, f"SEARCH i USING {ENTRIES}"),
    "custom index by name": (
        Indexed("project", Operator.EQ, "p7"),
        "-created_at",
        100,
        f"SEARCH i USING {ENTRIES}",
    ),
    "custom index of an agent": (And((LARGE, PROJECT)), "-created_at", 100, f"d USING {ENTRIES}"),
    "custom index, all": (And((LARGE, PROJECT)), "importance", None, f"d USING {ENTRIES}"),
    "custom index, lately": (
        And((PROJECT, Compare(Field.CREATED, Operator.GE, NOW - 3_600_000_000))),
        "-created_at",
        100,
        ENTRIES + r" AND created_at>\?",
    ),
    "custom index, any of two": (PROJECTS, "-created_at", 100, ENTRIES),
    "custom index, any of two, all": (PROJECTS, "size_bytes", None, ENTRIES),
    "custom index, from": (
        Metadata(("n",), Operator.GE, 5_950),
        "-created_at",
        None,
        r"d USING PRIMARY KEY \(index_key=\? AND value>\? AND value<\?",
    ),
    "custom index, begins": (
        Metadata(("project",), Operator.PREFIX, "p59"),
        "-created_at",
        None,
        r"d USING PRIMARY KEY \(index_key=\? AND value>\? AND value<\?",
    ),
    "lately": (
        Compare(Field.CREATED, Operator.GE, NOW - 3_600_000_000),
        "-created_at",
        None,
        "INDEX items_created",
    ),
}


@pytest.mark.parametrize(("node", "order", "limit", "expected"), SHAPES.values(), ids=SHAPES)
def test_sqlite_uses_the_index_that_was_meant(
    connection: Any, node: Filter, order: str, limit: int | None, expected: str
) -> None:
    """EXPLAIN QUERY PLAN names the index for each common shape of query."""
    import re

    chosen = planned(connection, node, order, limit)
    plan_text = explained(connection, chosen, limit)

    assert re.search(expected, plan_text), (chosen.path, plan_text)
    assert not re.search(r"SCAN i$", plan_text, re.MULTILINE), plan_text


IN_ORDER = ["everything, newest", "agent, newest", "seldom kind", "seldom tier", "by id",
            "last updated", "session", "seldom tag", "seldom tag of an agent", "most important",
            "the seldom of two tags", "important", "custom index", "custom index by name",
            "custom index of an agent", "custom index, lately"]  # fmt: skip


@pytest.mark.parametrize("name", IN_ORDER)
def test_pages_that_come_in_order_are_not_sorted(connection: Any, name: str) -> None:
    """Where an index has the order, a page is read from it; at most ties are sorted."""
    node, order, limit, _ = SHAPES[name]
    for asked in (order, order.removeprefix("-")):
        chosen = planned(connection, node, asked, limit)
        assert "USE TEMP B-TREE FOR ORDER BY" not in explained(connection, chosen, limit)


def test_the_seldom_tag_drives(connection: Any) -> None:
    """Of two tags the rarer is walked, whichever is named first."""
    (key,) = connection.execute("SELECT tag_key FROM tags WHERE name = 't7'").fetchone()
    for node in (And((HALF, RARE)), And((RARE, HALF)), And((ALL, RARE, HALF))):
        chosen = planned(connection, node, "-created_at", 100)
        assert chosen.path.startswith("item_tags")
        assert chosen.sources[0].where.values[0] == key


def test_a_common_word_is_not_what_drives(connection: Any) -> None:
    """A word that all items have is tested on the newest; a seldom one is listed."""
    common = planned(connection, And((Text("common"), SMALL)), "-created_at", 10)
    seldom = planned(connection, And((Text("seldom"), SMALL)), "-created_at", 10)

    assert seldom.path.startswith("items_text")
    assert common.sources


@pytest.mark.parametrize(
    "node",
    [
        is_(Field.AGENT, "unknown"),
        And((LARGE, SMALL)),
        And((LARGE, is_(Field.TAG, "unknown"))),
        any_of(Field.TAG, "unknown", "neither"),
        And((is_(Field.TIER, Tier.WORKING), is_(Field.TIER, Tier.ARCHIVE))),
        And((is_(Field.SESSION, "unknown"), Text("common"))),
        And((is_(Field.KIND, "semantic"), is_(Field.KIND, "seldom"))),
    ],
)
def test_what_cannot_match_reads_nothing(connection: Any, node: Filter) -> None:
    """Unknown names and contradictions are answered without a look at the items."""
    chosen = planned(connection, node, "-created_at", 100)

    assert chosen.path == "nothing"
    sql, values = chosen.page(100)
    assert connection.execute(sql, values).fetchall() == []


@pytest.mark.parametrize("name", ORDERS)
def test_orders_are_parsed_both_ways(name: str) -> None:
    """A minus is descending; anything else is refused with a list of what there is."""
    assert parse_order(name) == Order(name, descending=False)
    assert parse_order(f"-{name}") == Order(name, descending=True)
    with pytest.raises(InvalidFilterError) as caught:
        parse_order(f"{name} ")
    assert name in caught.value.hint


def statistics(**fields: Any) -> Statistics:
    counts = [(1, 1, 2, 900_000), (1, 2, 0, 1_000), (2, 1, 2, 99_000)]
    return Statistics(sum_up(counts), NOW - 100 * DAY, NOW, **fields)


KEYS = {
    (Field.AGENT, "large"): 1,
    (Field.AGENT, "small0"): 2,
    (Field.KIND, "semantic"): 1,
    (Field.KIND, "seldom"): 2,
    (Field.TAG, "half"): 1,
    (Field.TAG, "t7"): 2,
}


@pytest.mark.parametrize(
    ("node", "order", "limit", "stats", "path"),
    [
        (And(()), "created_at", 100, {}, "items_created"),
        (LARGE, "created_at", 100, {}, "items_agent"),
        (And((LARGE, is_(Field.KIND, "seldom"))), "created_at", 100, {}, "items_kind"),
        (And((LARGE, is_(Field.TIER, Tier.WORKING))), "created_at", None, {}, "items_tier"),
        (
            And((SMALL, HALF)),
            "importance",
            None,
            {"tags": {1: 500_000}},
            "item_tags",
        ),
        (And((LARGE, RARE)), "importance", None, {"tags": {2: 50}}, "item_tags"),
        (Text("x"), "importance", 100, {"text_matches": 50}, "items_text"),
        (
            Compare(Field.IMPORTANCE, Operator.GE, 0.999),
            "updated_at",
            None,
            {},
            "items_importance",
        ),
        (
            And((Text("x"), RARE)),
            "importance",
            9,
            {"text_matches": 9_000, "tags": {2: 5}},
            "item_tags",
        ),
        (
            And((Text("x"), RARE)),
            "importance",
            9,
            {"text_matches": 5, "tags": {2: 9_000}},
            "items_text",
        ),
    ],
)
def test_the_cheapest_way_is_chosen_by_counts(
    node: Filter, order: str, limit: int | None, stats: dict[str, Any], path: str
) -> None:
    """At a million items the path follows from the numbers, without a database."""
    chosen = plan(
        node, KEYS, NOW, order=Order(order, True), limit=limit, statistics=statistics(**stats)
    )
    assert chosen.path == path


@pytest.mark.parametrize(
    "node",
    [
        And(()),
        LARGE,
        Text("x"),
        And((LARGE, RARE)),
        Not(LARGE),
        Has(Part.TAGS),
        any_of(Field.TAG, "t7"),
    ],
)
def test_sql_binds_every_value(node: Filter) -> None:
    """There are as many question marks as values, in pages, further pages, listings and counts."""
    stats = statistics(tags={1: 10, 2: 10}, text_matches=10)
    for order in ORDERS:
        paged = plan(node, KEYS, NOW, order=Order(order, False), limit=10, statistics=stats)
        listed = plan(node, KEYS, NOW, order=Order(order, False), limit=None, statistics=stats)
        for sql, values in (
            paged.page(10),
            paged.page(10, (5, 6)),
            listed.listing(),
            listed.listing((5, 6)),
            listed.count(),
        ):
            assert sql.count("?") == len(values)


def test_sums_are_over_every_choice() -> None:
    """Counts of any part of (agent, kind, tier) are sums of the rows."""
    rows = [(1, 1, 0, 5), (1, 2, 1, 7), (2, 1, 1, 11)]
    sums = Statistics(sum_up(rows))
    expected = Counter({(None, None, None): 23, (1, None, None): 12, (None, 1, None): 16,
                        (None, None, 1): 18, (1, 2, 1): 7, (2, 2, None): 0})  # fmt: skip
    for (agent, kind, tier), count in expected.items():
        assert sums.of(agent, kind, tier) == count
    assert sums.items == 23
