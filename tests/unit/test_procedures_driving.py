"""Procedures without a database: what they ask for, and what they make of the answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import orjson
import pytest

from engine import (
    ChangeNotFoundError,
    Codec,
    InvalidFilterError,
    ItemNotFoundError,
    Limits,
    Operation,
    Tier,
    VersionConflictError,
)
from engine.procedures import (
    history,
    items,
    links,
    lookup,
    mutations,
    names,
    reading,
    undo,
    writing,
)
from engine.procedures.base import Deferred, Many, Procedure, Statement, Step, TextChange
from engine.procedures.fulltext import write_text
from engine.procedures.items import Stored
from engine.procedures.mutations import Edit
from engine.procedures.names import Names
from engine.procedures.revisions import Author, Revision, changed_fields
from engine.serialization import encode

T = TypeVar("T")
AUTHOR = Author("ada", 1_000)


def drive(procedure: Procedure[T], *answers: Sequence[Any]) -> tuple[T, list[Step]]:
    """Run a procedure on given answers, one for each step; return its result and the steps."""
    left = list(answers)
    steps: list[Step] = []
    try:
        step = next(procedure)
        while True:
            steps.append(step)
            step = procedure.send(list(left.pop(0)) if left else [])
    except StopIteration as stop:
        assert not left, f"answers that nobody asked for: {left}"
        return stop.value, steps


def stored(**fields: Any) -> Stored:
    """Return an item as its row is."""
    encoded = encode(fields.pop("content", "text"), Limits())
    given: dict[str, Any] = {
        "key": 7,
        "id": "a",
        "agent": "atlas",
        "kind": "semantic",
        "tier": 2,
        "importance": 0.5,
        "created_at": 10,
        "updated_at": 20,
        "version": 3,
        "session": None,
        "size_bytes": encoded.size_bytes,
        "codec": encoded.codec,
        "digest": encoded.digest,
        "metadata": None,
        "preview": encoded.preview,
        "tags": frozenset({"t"}),
        "last_accessed_at": None,
        "access_count": 0,
        "content_key": 7,
        "data": encoded.data,
    }
    return Stored(**{**given, **fields})


def known(**tables: dict[int, str]) -> Names:
    """Return dictionaries that know these names already."""
    known_names = Names()
    for table, pairs in tables.items():
        getattr(known_names, table).learn(pairs.items())
    return known_names


def row_of(
    item: Stored, *, agent: int = 1, kind: int = 1, tags: str | None = "1"
) -> tuple[Any, ...]:
    """Return the row that the database has for an item."""
    return (
        item.key, item.id, agent, kind, item.tier, item.importance, item.created_at,
        item.updated_at, item.version, None, item.digest, item.metadata, item.preview, tags,
        item.last_accessed_at, item.access_count, item.content_key, len(item.data or b""),
        int(item.codec), item.size_bytes, None, None, item.data,
    )  # fmt: skip


ALL_KNOWN = {
    "agents": {1: "atlas"},
    "kinds": {1: "semantic"},
    "tags": {1: "t"},
    "actors": {1: "ada"},
}


class TestNames:
    """Names and the integers that stand for them."""

    def test_known_names_need_no_statement(self) -> None:
        """What was seen is not asked again."""
        found, steps = drive(names.ensure_keys(known(tags={1: "t"}).tags, {"t"}))
        assert (found, steps) == ({"t": 1}, [])

    def test_new_names_are_looked_up_and_then_added(self) -> None:
        """A name may exist without being known here; only what is absent is inserted."""
        dictionary = Names().tags
        found, steps = drive(names.ensure_keys(dictionary, {"old", "new"}), [(4, "old")], [(9,)])
        assert found == {"old": 4, "new": 9}
        assert len(steps) == 2

    def test_what_a_transaction_adds_is_known_when_it_commits(self) -> None:
        """After a rollback the name is not known, after a commit it is."""
        for committed in (True, False):
            dictionary = Names().tags
            drive(names.ensure_keys(dictionary, {"new"}), [], [(9,)])
            assert "new" not in dictionary.keys
            dictionary.settle(committed=committed)
            assert ("new" in dictionary.keys) is committed
            assert dictionary.fresh == {}

    def test_memory_of_names_is_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Beyond the limit the memory starts again, and the latest are known."""
        monkeypatch.setattr(names, "KNOWN_MAX", 3)
        dictionary = Names().tags
        for number in range(10):
            drive(names.load_names(dictionary, [number]), [(number, f"t{number}")])
        assert len(dictionary.names) <= 4
        assert dictionary.names[9] == "t9"

    def test_names_that_are_asked_for_together_stay_together(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Making room does not forget one of the names for the sake of the others."""
        monkeypatch.setattr(names, "KNOWN_MAX", 3)
        tags = Names().tags
        tags.learn([(number, f"t{number}") for number in range(4)])
        _, steps = drive(names.load_names(tags, [0, 9]), [(0, "t0"), (9, "t9")])
        assert steps == [Statement(tags.load, ("[0,9]",))]
        assert (tags.names[0], tags.names[9]) == ("t0", "t9")

        agents = Names().agents
        agents.learn([(number, f"a{number}") for number in range(4)])
        found, _ = drive(names.find_keys(agents, ["a0", "a9"]), [(0, "a0"), (9, "a9")])
        assert found == {"a0": 0, "a9": 9}

    def test_names_learnt_from_a_transaction_that_is_rolled_back_are_forgotten(self) -> None:
        """A transaction reads what it wrote itself; its integers are free again after it."""
        dictionary = Names().tags
        drive(names.ensure_keys(dictionary, {"new"}), [], [(7,)])
        drive(names.load_names(dictionary, [7]), [(7, "new")])
        dictionary.settle(committed=False)
        assert (dictionary.keys, dictionary.names, dictionary.fresh) == ({}, {}, {})


class TestReading:
    """Rows become items."""

    def test_a_row_becomes_an_item(self) -> None:
        """One statement is enough when all names are known."""
        item = stored(metadata='{"m":1}')
        found, steps = drive(
            items.find_item(known(**ALL_KNOWN), items.NO_ACCESSES, "a", small=False), [row_of(item)]
        )
        assert len(steps) == 1
        assert found is not None
        assert found.item is not None
        assert (found.key, found.item.content, found.item.agent) == (7, "text", "atlas")
        assert (found.item.tags, found.item.metadata) == (frozenset({"t"}), {"m": 1})

    def test_unknown_names_are_loaded(self) -> None:
        """Names that this process never saw are asked for."""
        found, steps = drive(
            items.find_item(Names(), items.NO_ACCESSES, "a", small=False),
            [row_of(stored())], [(1, "atlas")], [(1, "semantic")], [(1, "t")],
        )  # fmt: skip
        assert len(steps) == 4
        assert found is not None
        assert found.item is not None
        assert found.item.tags == frozenset({"t"})

    def test_large_content_is_left_for_another_thread(self) -> None:
        """A point read says that the item is there without reading its content."""
        row = (*row_of(stored())[:-1], None)
        found, _ = drive(items.find_item(Names(), items.NO_ACCESSES, "a", small=True), [row])
        assert found == items.Found(7, None)

    def test_pending_accesses_are_added(self) -> None:
        """Accesses that are not written yet count."""
        row = row_of(stored(access_count=2, last_accessed_at=5))
        found, _ = drive(
            items.find_item(known(**ALL_KNOWN), {7: (3, 9, ())}, "a", small=False), [row]
        )
        assert found is not None
        item = found.item
        assert item is not None
        assert item.access_count == 5
        assert item.last_accessed_at is not None
        assert item.last_accessed_at.microsecond == 9

    def test_items_come_in_the_order_asked_for(self) -> None:
        """Whatever order the rows have."""
        rows = [row_of(stored(key=key, id=f"i{key}")) for key in (3, 1, 2)]
        found, _ = drive(
            items.load_items(known(**ALL_KNOWN), items.NO_ACCESSES, [2, 9, 3, 1]), rows
        )
        assert [item.id for item in found] == ["i2", "i3", "i1"]


class TestWriting:
    """Revisions become rows, tags, counts, words and changes, all from one difference."""

    def written(self, revision: Revision, *answers: Sequence[Any]) -> list[Step]:
        _, steps = drive(
            writing.write_revisions(known(**ALL_KNOWN), [revision], AUTHOR), [(41, 0)], *answers
        )
        return steps

    def test_nothing_that_differs_is_nothing_to_do(self) -> None:
        """An idle revision yields no statement and no change."""
        same = stored()
        sequences, steps = drive(
            writing.write_revisions(Names(), [Revision(same, same._replace(version=9))], AUTHOR)
        )
        assert (sequences, steps) == ([], [])

    def test_an_update_writes_what_differs_and_logs_what_was(self) -> None:
        """The change row has the fields that changed, as they were before."""
        old = stored()
        new = old._replace(importance=0.9, tier=0, version=4, updated_at=AUTHOR.at)
        steps = self.written(Revision(old, new))
        (change,) = next(s for s in steps if isinstance(s, Many) and "INTO changes" in s.sql).values
        before = next(value for value in change if isinstance(value, str) and value.startswith("{"))

        assert change[0] == 42
        assert orjson.loads(before) == {"importance": 0.5, "tier": "long_term"}
        assert not any(isinstance(s, Deferred) for s in steps)
        counts = next(s for s in steps if isinstance(s, Many) and "INTO counts" in s.sql)
        assert sorted(tuple(row[:4]) for row in counts.values) == [(1, 1, 0, 1), (1, 1, 2, -1)]

    def test_new_content_changes_the_words(self) -> None:
        """Full text is told the old words, to take them out, and the new ones."""
        old, fresh = stored(), stored(content="other", content_key=None)
        steps = self.written(Revision(old, fresh._replace(version=4)), [(100,)])
        (deferred,) = [s for s in steps if isinstance(s, Deferred)]
        assert deferred.changes == [TextChange(7, ("a\ntext", "a1"), ("a\nother", "a1"))]
        (content,) = next(s for s in steps if isinstance(s, Many) and "contents" in s.sql).values
        assert content[1:] == (int(Codec.TEXT), 5, b"other")
        (change,) = next(s for s in steps if isinstance(s, Many) and "INTO changes" in s.sql).values
        assert change[-2] == 7

    def test_a_delete_takes_everything(self) -> None:
        """Tags, links, accesses and the row go; the content stays in the log."""
        steps = self.written(Revision(stored(), None))
        texts = [s.sql for s in steps if isinstance(s, (Statement, Many))]
        for table in ("item_tags", "associations", "access", "items", "strays", "index_entries"):
            assert any(sql.startswith(f"DELETE FROM {table} ") for sql in texts), table
        (change,) = next(s for s in steps if isinstance(s, Many) and "INTO changes" in s.sql).values
        assert Operation.DELETE.value in change
        assert change[-2] == 7

    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({}, []),
            ({"version": 9, "updated_at": 99, "access_count": 5}, []),
            ({"agent": "b"}, ["agent"]),
            ({"session": "s"}, ["session_id"]),
            ({"digest": b"x", "data": b"y"}, ["content"]),
            ({"tags": frozenset(), "created_at": 0}, ["tags", "created_at"]),
        ],
    )
    def test_a_difference_is_named(self, changes: dict[str, Any], expected: list[str]) -> None:
        """Fields that the store counts by itself are no difference."""
        assert changed_fields(stored(), stored()._replace(**changes)) == expected


class TestFullText:
    """What a transaction did to the words, in as few writes as there are."""

    def test_only_the_first_and_the_last_count(self) -> None:
        """Several changes of one row are one; a change and its reverse are none."""
        one, two = ("one", "a1"), ("two", "a1")
        _, steps = drive(
            write_text(
                [
                    TextChange(5, None, one),
                    TextChange(2, one, two),
                    TextChange(5, one, two),
                    TextChange(3, one, two),
                    TextChange(3, two, one),
                ]
            )
        )
        rows = [list(step.values) for step in steps if isinstance(step, Many)]
        assert rows == [[(2, "one", "a1")], [(2, "two", "a1"), (5, "two", "a1")]]

    def test_no_change_is_no_write(self) -> None:
        """Nothing to say, nothing said."""
        _, steps = drive(write_text([]))
        assert steps == []


class TestMutations:
    """Decisions that come before anything is written."""

    def test_an_absent_item_is_told(self) -> None:
        """The first answer decides."""
        with pytest.raises(ItemNotFoundError):
            drive(mutations.edit_item(Names(), "a", Edit({}), None, AUTHOR), [])

    def test_a_stale_version_is_told_before_anything_is_written(self) -> None:
        """Both versions are in the error."""
        procedure = mutations.edit_item(
            known(**ALL_KNOWN), "a", Edit({"importance": 0.9}), 2, AUTHOR
        )
        with pytest.raises(VersionConflictError, match="version 3, not 2"):
            drive(procedure, [row_of(stored())])

    def test_deleting_what_is_absent_is_false(self) -> None:
        """No row, no change."""
        done, steps = drive(mutations.delete_item(Names(), "a", None, AUTHOR), [])
        assert done is False
        assert len(steps) == 1

    def test_no_accesses_are_no_statement(self) -> None:
        """Writing nothing behind costs nothing."""
        _, steps = drive(reading.record_accesses(Names(), {}, AUTHOR))
        assert steps == []


class TestLogs:
    """The change log, read and taken back."""

    def test_undo_needs_its_change(self) -> None:
        """A sequence that is not in the log is told."""
        with pytest.raises(ChangeNotFoundError):
            drive(undo.find_undoing(5, 5), [])

    def test_the_newest_sequence_of_nothing_is_zero(self) -> None:
        """An empty log begins at 0."""
        assert drive(history.newest_sequence(), [(0,)])[0] == 0

    def test_notices_name_their_authors(self) -> None:
        """Rows of the log become values."""
        (notice,), _ = drive(
            history.list_changes(known(actors={1: "ada"}), 0, 10),
            [(1, 2_000_000, 1, Operation.TAG.value, "a", 3)],
        )
        assert (notice.sequence, notice.actor, notice.operation) == (1, "ada", Operation.TAG)
        assert notice.at.second == 2


class TestSmallOnes:
    """Links and lookups."""

    def test_links_of_nothing_are_none(self) -> None:
        """An absent item has no links, and only its key is asked for."""
        found, steps = drive(links.list_links("a", outgoing=True, incoming=True), [])
        assert found == []
        assert len(steps) == 1

    def test_completions_of_an_unknown_field_are_refused(self) -> None:
        """Nothing is asked of the database."""
        with pytest.raises(InvalidFilterError):
            drive(lookup.complete("content", "x", 5))

    def test_content_is_found_by_id(self) -> None:
        """The row says how it is packed."""
        row = (b"hash", int(Codec.TEXT), 1, None, None, b"x")
        found, _ = drive(items.load_content(Names(), "a"), [row])
        assert found == (Codec.TEXT, b"x", 1, b"hash")
        assert drive(items.load_content(Names(), "a"))[0] is None


def test_tiers_are_stored_by_number() -> None:
    """The numbers of the tiers are in files, and must not change."""
    assert {tier.label: tier.value for tier in Tier} == {
        "working": 0, "short_term": 1, "long_term": 2, "archive": 3,
    }  # fmt: skip
    assert [operation.value for operation in Operation] == [1, 2, 3, 4, 5]
    assert {codec.name: codec.value for codec in Codec} == {
        "JSON": 0, "TEXT": 1, "BYTES": 2, "PICKLE": 3, "JSON_COMPRESSED": 16, "TEXT_COMPRESSED": 17,
        "BYTES_COMPRESSED": 18, "PICKLE_COMPRESSED": 19, "JSON_DICTIONARY": 32,
        "TEXT_DICTIONARY": 33, "BYTES_DICTIONARY": 34, "PICKLE_DICTIONARY": 35, "JSON_DELTA": 48,
        "TEXT_DELTA": 49, "BYTES_DELTA": 50, "PICKLE_DELTA": 51,
    }  # fmt: skip
