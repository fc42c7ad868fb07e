"""Checks of what a store says twice: counters and rows, references and what they refer to."""

from __future__ import annotations

from typing import Final

from engine.doctor.report import CheckState, Finding, fine
from engine.procedures.base import Procedure, Statement

PAGE_FINDINGS_MAX: Final = 100
SALVAGED: Final = "salvaged"
"""The row of `meta` that a salvaged store has: JSON, what could not be saved."""

FIX_HINT: Final = "repair it with doctor --fix {}"


def check_pages(quick: bool) -> Procedure[Finding]:
    """Walk every page; `quick` does not compare indexes with their tables."""
    sql = "PRAGMA quick_check(100)" if quick else "PRAGMA integrity_check(100)"
    rows = yield Statement(sql)
    # What is wrong with full text alone can be made anew from the items: see `check_words`.
    found = [str(text) for (text,) in rows if text != "ok" and not is_of_full_text(str(text))]
    if not found:
        ((pages,),) = yield Statement("PRAGMA page_count")
        return fine(f"{pages:,} pages are in order")
    more = "at least " if len(found) >= PAGE_FINDINGS_MAX else ""
    return Finding(
        CheckState.DAMAGED,
        f"{more}{len(found)} faults, the first: {found[0].splitlines()[-1]}",
        "restore it from a backup, or save what is readable with doctor --salvage",
    )


def is_of_full_text(fault: str) -> bool:
    """Return whether a fault that SQLite reports is one of the text index as such."""
    return fault.startswith("fts5:") or "FTS5" in fault


def check_foreign_keys() -> Procedure[Finding]:
    """Look for rows that refer to rows that are not there."""
    rows = yield Statement(
        'SELECT "table", parent, count(*) FROM pragma_foreign_key_check GROUP BY 1, 2'
    )
    if not rows:
        return fine("every reference has its row")
    (table, parent, _) = rows[0]
    total = sum(count for *_, count in rows)
    return Finding(
        CheckState.DAMAGED,
        f"{total:,} rows refer to nothing, the first of {table} to {parent}",
        FIX_HINT.format("orphans"),
    )


_COUNTERS: Final = """
    SELECT count(*) FROM (
        SELECT agent_key, kind_key, tier, sum(n) AS n FROM (
            SELECT agent_key, kind_key, tier, items AS n FROM counts UNION ALL
            SELECT agent_key, kind_key, tier, -count(*) FROM items GROUP BY 1, 2, 3)
        GROUP BY 1, 2, 3) WHERE n <> 0"""
_TAG_COUNTERS: Final = """
    SELECT count(*) FROM tags t
    WHERE t.items <> (SELECT count(*) FROM item_tags l WHERE l.tag_key = t.tag_key)"""
_USES: Final = """
    SELECT count(*) FROM contents c LEFT JOIN (
        SELECT key, count(*) AS n FROM (
            SELECT content_key AS key FROM items UNION ALL
            SELECT content_key FROM changes WHERE content_key IS NOT NULL UNION ALL
            SELECT base_key FROM contents WHERE base_key IS NOT NULL)
        GROUP BY key) u ON u.key = c.content_key
    WHERE c.uses <> coalesce(u.n, 0)"""


def check_counters() -> Procedure[Finding]:
    """Compare the number of items by agent, kind and tier with the items."""
    return (yield from _none_differs(_COUNTERS, "counters of agent, kind and tier", "counters"))


def check_tag_counters() -> Procedure[Finding]:
    """Compare the number of items of each tag with what carries it."""
    return (yield from _none_differs(_TAG_COUNTERS, "counters of tags", "tag-counters"))


def check_uses() -> Procedure[Finding]:
    """Compare how often contents say that they are referred to with how often they are."""
    return (yield from _none_differs(_USES, "counts of uses of contents", "uses"))


def _none_differs(sql: str, what: str, fix: str) -> Procedure[Finding]:
    ((wrong,),) = yield Statement(sql)
    if not wrong:
        return fine(f"all {what} are right")
    return Finding(CheckState.DAMAGED, f"{wrong:,} {what} are wrong", FIX_HINT.format(fix))


_TAG_IS_IN_ORDER: Final = (
    "EXISTS (SELECT 1 FROM tags t WHERE t.tag_key = item_tags.tag_key) "
    "AND EXISTS (SELECT 1 FROM items i WHERE i.item_key = item_tags.item_key "
    "AND i.created_at = item_tags.created_at AND i.agent_key = item_tags.agent_key)"
)
_LINK_IS_IN_ORDER: Final = (
    "EXISTS (SELECT 1 FROM items i WHERE i.item_key = associations.source_key) "
    "AND EXISTS (SELECT 1 FROM items i WHERE i.item_key = associations.target_key) "
    "AND EXISTS (SELECT 1 FROM relations r WHERE r.relation_key = associations.relation_key)"
)
_ENTRY_IS_IN_ORDER: Final = (
    "EXISTS (SELECT 1 FROM items i WHERE i.item_key = index_entries.item_key) "
    "AND EXISTS (SELECT 1 FROM custom_indexes x WHERE x.index_key = index_entries.index_key)"
)
_CONTENT_IS_REFERRED_TO: Final = (
    "content_key IN (SELECT content_key FROM items) "
    "OR content_key IN (SELECT content_key FROM changes WHERE content_key IS NOT NULL) "
    "OR content_key IN (SELECT base_key FROM contents WHERE base_key IS NOT NULL)"
)
_MESSAGE_IS_IN_ORDER: Final = (
    "EXISTS (SELECT 1 FROM sessions s WHERE s.session_key = messages.session_key)"
)
_OF_AN_ITEM: Final = "item_key IN (SELECT item_key FROM items)"
ORPHANS: Final = (
    ("tags", "item_tags", _TAG_IS_IN_ORDER),
    ("access statistics", "access", _OF_AN_ITEM),
    ("associations", "associations", _LINK_IS_IN_ORDER),
    ("marks of order", "strays", _OF_AN_ITEM),
    ("index entries", "index_entries", _ENTRY_IS_IN_ORDER),
    ("messages", "messages", _MESSAGE_IS_IN_ORDER),
    ("contents", "contents", _CONTENT_IS_REFERRED_TO),
)
"""What may be left of items that are gone: its name for people, the table, and which are not."""

_COUNT_ORPHANS: Final = tuple(
    (what, f"SELECT count(*) FROM {table} WHERE NOT ({in_order})")
    for what, table, in_order in ORPHANS
)
_CORRECT_TAGS: Final = (
    "INSERT OR REPLACE INTO item_tags(tag_key, created_at, item_key, agent_key) "
    "SELECT l.tag_key, i.created_at, l.item_key, i.agent_key FROM item_tags l "
    "JOIN items i USING (item_key) JOIN tags t USING (tag_key) "
    "WHERE (i.created_at, i.agent_key) <> (l.created_at, l.agent_key)"
)
"""An item keeps a tag whose copy of its time or agent is wrong."""
CLEAR_ORPHANS: Final = (
    _CORRECT_TAGS,
    *(f"DELETE FROM {table} WHERE NOT ({in_order})" for _, table, in_order in ORPHANS),
)


def check_orphans() -> Procedure[Finding]:
    """Look for tags, statistics, links, entries and contents that belong to nothing."""
    found: list[str] = []
    for what, sql in _COUNT_ORPHANS:
        ((count,),) = yield Statement(sql)
        if count:
            found.append(f"{count:,} {what}")
    if not found:
        return fine("nothing is left of items that are gone")
    return Finding(
        CheckState.DAMAGED, f"belong to nothing: {', '.join(found)}", FIX_HINT.format("orphans")
    )


def check_missing_contents() -> Procedure[Finding]:
    """Look for items whose content is not there at all."""
    ((missing,),) = yield Statement(
        "SELECT count(*) FROM items i WHERE NOT EXISTS "
        "(SELECT 1 FROM contents c WHERE c.content_key = i.content_key)"
    )
    if missing:
        return Finding(
            CheckState.DAMAGED,
            f"{missing:,} items have no content",
            "restore them from a backup, or save the rest with doctor --salvage",
        )
    return fine("every item has its content")


def check_sequences() -> Procedure[Finding]:
    """Look for changes that are missing from the log, and for numbers given twice."""
    ((count, first, last),) = yield Statement(
        "SELECT count(*), coalesce(min(sequence), 1), coalesce(max(sequence), 0) FROM changes"
    )
    missing = last - first + 1 - count
    if not missing:
        return fine(f"{count:,} changes, none missing")
    rows = yield Statement("SELECT 1 FROM meta WHERE name = ?", (SALVAGED,))
    if rows:
        return Finding(
            CheckState.WARNING,
            f"{missing:,} changes are missing: the store was salvaged",
            "their history is lost; a backup may have it",
        )
    return Finding(
        CheckState.DAMAGED,
        f"{missing:,} of {last - first + 1:,} changes are missing",
        "restore the store from a backup",
    )


def check_unfinished() -> Procedure[Finding]:
    """Look for runs and indexes that were interrupted, and for words known to be stale."""
    ((runs,),) = yield Statement("SELECT count(*) FROM runs WHERE state = 'running'")
    ((dropped,),) = yield Statement("SELECT count(*) FROM custom_indexes WHERE name IS NULL")
    ((building,),) = yield Statement(
        "SELECT count(*) FROM custom_indexes WHERE name IS NOT NULL AND built_key IS NOT NULL"
    )
    found = [
        f"{count} {what}"
        for count, what in (
            (runs, "lifecycle runs not ended"),
            (dropped, "custom indexes not wholly dropped"),
            (building, "custom indexes not wholly built"),
        )
        if count
    ]
    if not found:
        return fine("nothing was interrupted")
    return Finding(
        CheckState.WARNING,
        ", ".join(found),
        "resume or undo runs with `lifecycle`; indexes are carried on with when they are used",
    )
