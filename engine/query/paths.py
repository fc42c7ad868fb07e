"""The ways by which a query can come by its candidates: one for each index that can answer it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from engine.query.filter import Filter
from engine.query.indexed import Use, join_tests
from engine.query.plan import Order
from engine.query.shape import Shape, answered_by_entries
from engine.query.sql import Condition
from engine.query.statistics import Statistics

MATCHES_MAX: Final = 20_000
"""Text matches are counted up to here; beyond, a word is tested row by row instead of listed."""


STRAYS_MAX: Final = 500
"""Items out of order that are looked at one by one; with more, the text index has no order."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A source of candidates, what it is told to give, and by what its rows come sorted."""

    source: str
    extra: Condition | None = None
    value: str | None = None
    key: str = "i.item_key"
    sort: str | None = None
    tags: frozenset[int] = frozenset()
    """The source itself makes these tags true, ..."""
    text: bool = False
    """... or the words, ..."""
    given: Filter | None = None
    """... or this very part of the filter."""


@dataclass(frozen=True, slots=True)
class Path:
    """One way to come by candidates: how many there are, and whether they come in order.

    With several branches, each gives its first rows and the first of all are taken; or, if they
    are to `meet`, those that all of them give.
    """

    name: str
    entries: float
    branches: tuple[Branch, ...]
    ordered: bool = False
    covered: bool = False
    meet: bool = False
    index: int | None = None
    """The custom index that it is."""


def all_paths(shape: Shape, order: Order, stats: Statistics, *, narrow: bool) -> Iterator[Path]:
    """Yield the ways that lead through the indexes every store has."""
    by_created = order.name == "created_at"
    share = stats.created_share(shape.created_from, shape.created_to)
    covered = shape.match is None and not (
        shape.tags or shape.any_tags or shape.other or shape.session or shape.ids or shape.uses
    )

    def walk(index: str, entries: float, *, ordered: bool, covers: bool = True) -> Path:
        branch = Branch(f"items i INDEXED BY {index}")
        return Path(index, entries, (branch,), ordered=ordered, covered=covered and covers)

    yield walk("items_created", stats.items * share, ordered=by_created)
    if shape.agent is not None:
        entries = stats.of(shape.agent, None, None) * share
        yield walk("items_agent", entries, ordered=by_created)
    if shape.tier is not None:
        entries = stats.of(None, None, shape.tier) * share
        yield walk("items_tier", entries, ordered=by_created)
    if shape.kind is not None:
        entries = stats.of(None, shape.kind, None) * share
        yield walk("items_kind", entries, ordered=by_created)
    if shape.importance_from is not None or order.name == "importance":
        entries = stats.items * (1.0 - (shape.importance_from or 0.0))
        yield walk("items_importance", entries, ordered=order.name == "importance")
    if order.name == "updated_at":
        yield walk("items_updated", stats.items, ordered=True, covers=False)
    if order.name == "id" or shape.ids:
        entries = 1 if shape.ids else stats.items
        yield walk("sqlite_autoindex_items_1", entries, ordered=order.name == "id", covers=False)
    if shape.session is not None:
        # Not INDEXED BY: SQLite refuses to be told a partial index where the rest is never true.
        branch = Branch("items i", Condition("i.session_key = ?", (shape.session,)))
        yield Path("items_session", 100, (branch,), ordered=by_created)
    yield from _tag_paths(shape, stats, by_created=by_created, narrow=narrow)
    yield from _text_paths(shape, stats, by_created=by_created)


def _tag_paths(
    shape: Shape, stats: Statistics, *, by_created: bool, narrow: bool
) -> Iterator[Path]:
    share = stats.created_share(shape.created_from, shape.created_to)
    if shape.agent is not None:
        share *= stats.of(shape.agent, None, None) / max(stats.items, 1)
    narrow = narrow and by_created
    branches = {
        tag: _tag_branch(tag, shape, by_created=by_created, narrow=narrow)
        for tag in (*shape.tags, *shape.any_tags)
    }
    for tag in shape.tags:
        entries = stats.tags.get(tag, 0) * share
        name = "item_tags_narrow" if narrow else "item_tags"
        alone = narrow and len(shape.tags) == 1
        yield Path(name, entries, (branches[tag],), ordered=by_created, covered=alone)
    if narrow and len(shape.tags) > 1:
        given = frozenset(shape.tags)
        meeting = tuple(replace(branches[tag], tags=given) for tag in shape.tags)
        entries = sum(stats.tags.get(tag, 0) for tag in shape.tags) * share
        yield Path("tags_met", entries, meeting, ordered=True, covered=True, meet=True)
    if shape.any_tags:
        entries = sum(stats.tags.get(tag, 0) for tag in shape.any_tags) * share
        if by_created:
            merged = tuple(branches[tag] for tag in shape.any_tags)
            yield Path("any_tags_merged", entries, merged, ordered=True, covered=narrow)
        keys = "[" + ",".join(map(str, shape.any_tags)) + "]"
        listed = Branch("items i NOT INDEXED", Condition(_ANY_TAG, (keys,)))
        yield Path("any_tags", entries, (listed,))


_ANY_TAG: Final = (
    "i.item_key IN (SELECT g.item_key FROM item_tags g "
    "WHERE g.tag_key IN (SELECT value FROM json_each(?)))"
)


def _tag_branch(tag: int, shape: Shape, *, by_created: bool, narrow: bool) -> Branch:
    """Return the source that is a tag's own list, or its list in an agent, in order of creation."""
    alias = "i" if narrow else "d"
    table = f"item_tags {alias}"
    tests = [(f"{alias}.tag_key = ?", tag)]
    if shape.agent is not None:
        table += " INDEXED BY item_tags_agent"
        tests.append((f"{alias}.agent_key = ?", shape.agent))
    if shape.created_from is not None:
        tests.append((f"{alias}.created_at >= ?", shape.created_from))
    if shape.created_to is not None:
        tests.append((f"{alias}.created_at <= ?", shape.created_to))
    extra = Condition(" AND ".join(sql for sql, _ in tests), tuple(value for _, value in tests))
    if narrow:
        return Branch(table, extra, tags=frozenset({tag}))
    source = f"{table} CROSS JOIN items i ON i.item_key = d.item_key"
    if not by_created:
        return Branch(source, extra, tags=frozenset({tag}))
    return Branch(source, extra, value="d.created_at", key="d.item_key", tags=frozenset({tag}))


def index_paths(
    node: Filter, shape: Shape, order: Order, stats: Statistics, *, narrow: bool
) -> Iterator[Path]:
    """Yield the ways that lead through a custom index."""
    by_created = order.name == "created_at"
    share = stats.created_share(shape.created_from, shape.created_to)
    for use in shape.uses:
        probe = use.probe
        entries = float(stats.entries.get(probe, 0))
        alone = narrow and by_created and answered_by_entries(node, use)
        if probe.equal and (len(probe.tests) == 1 or by_created):
            branches = tuple(
                _entry_branch(use, test, shape, by_created=by_created, narrow=alone)
                for test in probe.tests
            )
            name = "index_entries" if len(branches) == 1 else "any_entries_merged"
            yield Path(
                f"{name}_narrow" if alone else name,
                entries * share,
                branches,
                ordered=by_created,
                covered=alone,
                index=probe.index_key,
            )
        if not probe.equal or len(probe.tests) > 1:
            # An item that has several of the values is found once.
            tests = join_tests("d.index_key = ?", probe.index_key, probe.tests)
            listed = Condition(
                f"i.item_key IN (SELECT d.item_key FROM index_entries d WHERE {tests.sql})",
                tests.values,
            )
            given = use.part if use.exact else None
            branch = Branch("items i NOT INDEXED", listed, given=given)
            yield Path("any_entries", entries, (branch,), index=probe.index_key)


def _entry_branch(
    use: Use, test: Condition, shape: Shape, *, by_created: bool, narrow: bool
) -> Branch:
    """Return the source that is an index's list of one value, in order of creation."""
    alias = "i" if narrow else "d"
    tests = [
        Condition(f"{alias}.index_key = ?", (use.probe.index_key,)),
        test,
    ]
    if shape.created_from is not None:
        tests.append(Condition(f"{alias}.created_at >= ?", (shape.created_from,)))
    if shape.created_to is not None:
        tests.append(Condition(f"{alias}.created_at <= ?", (shape.created_to,)))
    extra = Condition(
        " AND ".join(part.sql for part in tests),
        tuple(value for part in tests for value in part.values),
    )
    # With several values an item is found by one of them; each is what its branch gives.
    given = use.part
    if narrow:
        return Branch("index_entries i", extra, given=given)
    source = "index_entries d CROSS JOIN items i ON i.item_key = d.item_key"
    if not by_created:
        return Branch(source, extra, given=given)
    return Branch(source, extra, value="d.created_at", key="d.item_key", given=given)


STRAYS: Final = Branch("strays s CROSS JOIN items i ON i.item_key = s.item_key")


def _text_paths(shape: Shape, stats: Statistics, *, by_created: bool) -> Iterator[Path]:
    if shape.match is None:
        return
    matches = Condition("f.items_text MATCH ?", (shape.match,))
    source = "items_text f CROSS JOIN items i ON i.item_key = f.rowid"
    # Beyond the limit the number was not counted; a tenth of everything is a word's usual most.
    many = stats.text_matches > MATCHES_MAX
    entries = max(stats.text_matches, stats.items / 10) if many else stats.text_matches
    yield Path("items_text", entries, (Branch(source, matches, text=True),))
    if by_created and stats.strays <= STRAYS_MAX:
        in_order = Condition(
            "f.items_text MATCH ? AND f.rowid NOT IN (SELECT item_key FROM strays)",
            (shape.match,),
        )
        newest = Branch(source, in_order if stats.strays else matches, sort="f.rowid", text=True)
        branches = (newest, STRAYS) if stats.strays else (newest,)
        yield Path("items_text_in_order", entries, branches, ordered=True)
