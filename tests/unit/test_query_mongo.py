"""The Mongo-like form gives the same tree as the text, or says what is wrong."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from engine.errors import InvalidFilterError
from engine.limits import Limits
from engine.models import Tier
from engine.query import (
    EVERYTHING,
    Age,
    Compare,
    Field,
    HasMetadata,
    Metadata,
    Operator,
    Or,
    Text,
    normalise,
    parse,
    parse_mongo,
    to_text,
)

SAME: list[tuple[dict[str, Any], str]] = [
    ({}, ""),
    (
        {"metadata.source": "chat", "importance": {"$gte": 0.5}},
        "metadata.source:chat importance>=0.5",
    ),
    ({"importance": 1}, "importance:1"),
    ({"importance": {"$gt": 0.1, "$lte": "0.9"}}, "importance>0.1 importance<=0.9"),
    ({"agent": "atlas", "kind": {"$ne": "semantic"}}, "agent:atlas kind!=semantic"),
    ({"id": "user/*"}, 'id:"user/*"'),
    ({"id": {"$prefix": "user/"}}, "id:user/*"),
    ({"session_id": "run"}, "session:run"),
    ({"tags": "x"}, "tag:x"),
    ({"tags": {"$contains": "x"}}, "tag:x"),
    ({"tag": {"$in": ["x", "y"]}}, "tag:x,y"),
    ({"tags": {"$in": {"y", "x"}}}, "tag:x,y"),
    ({"tags": {"$nin": ["x", "y"]}}, "tag!=x,y"),
    ({"tags": {"$in": []}}, "-*"),
    ({"tags": {"$nin": []}}, ""),
    ({"tags": {"$exists": True}}, "has:tags"),
    ({"session": {"$exists": False}}, "-has:session"),
    ({"last_accessed_at": {"$exists": True}}, "has:accesses"),
    ({"kind": {"$exists": True}}, ""),
    ({"kind": {"$exists": False}}, "-*"),
    ({"metadata": {"$exists": True}}, "has:metadata"),
    ({"metadata.a.b": {"$exists": True}}, "has:metadata.a.b"),
    ({"has": ["tags", "metadata.a"]}, "has:tags has:metadata.a"),
    ({"tier": "working"}, "tier:working"),
    ({"tier": {"$in": [Tier.WORKING, "archive"]}}, "tier:working,archive"),
    ({"created": {"$lt": "30d"}}, "created<30d"),
    ({"created_at": {"$lt": timedelta(days=30)}}, "created<30d"),
    ({"created_at": {"$gte": "2026-01-31"}}, "created>=2026-01-31"),
    ({"created_at": date(2026, 1, 31)}, "created:2026-01-31"),
    (
        {"updated_at": {"$gt": datetime(2026, 1, 31, tzinfo=UTC)}},
        "updated>2026-01-31T00:00:00.000000Z",
    ),
    ({"idle": {"$gt": "7d"}}, "idle>7d"),
    ({"access_count": {"$gt": 3}}, "accesses>3"),
    ({"size_bytes": {"$gt": "10kb"}, "version": 2}, "size>10kb version:2"),
    (
        {"metadata.n": 1, "metadata.t": True, "metadata.x": None},
        "metadata.n:1 metadata.t:true metadata.x:null",
    ),
    ({"metadata.n": "1"}, 'metadata.n:"1"'),
    ({"metadata.s": {"$prefix": "ch"}}, "metadata.s:ch*"),
    ({"metadata.list": {"$contains": "x"}}, "metadata.list:x"),
    ({"metadata": {"a": {"b.c": 1}, "d": {"$gt": 2}}}, 'metadata.a."b.c":1 metadata.d>2'),
    ({'metadata."b.c"': 1}, 'metadata."b.c":1'),
    ({"metadata.my key": 1}, 'metadata."my key":1'),
    ({"$text": 'two "words (x)'}, r'two "\"words" "(x)"'),
    ({"$text": "  "}, ""),
    ({"$and": [{"tag": "a"}, {"tag": "b"}]}, "tag:a tag:b"),
    ({"$or": [{"tag": "a"}, {"tag": "b", "kind": "c"}]}, "tag:a or tag:b kind:c"),
    ({"$nor": [{"tag": "a"}, {"kind": "b"}]}, "-(tag:a or kind:b)"),
    ({"$not": {"tag": "a", "kind": "b"}}, "-(tag:a kind:b)"),
    ({"importance": {"$not": {"$gte": 0.5}}}, "-importance>=0.5"),
    ({"tags": {"$not": {"$contains": "a"}}}, "-tag:a"),
    ({"$or": []}, "-*"),
]


@pytest.mark.parametrize(("mapping", "text"), SAME, ids=[text or "all" for _, text in SAME])
def test_a_mapping_is_the_same_tree_as_its_text(mapping: dict[str, Any], text: str) -> None:
    """Whichever way a query is written, one tree comes of it, and it can be written again."""
    tree = parse_mongo(mapping)
    assert repr(tree) == repr(parse(text))
    assert repr(normalise(tree)) == repr(tree)
    assert repr(parse(to_text(tree))) == repr(tree)


ENDLESS: dict[str, Any] = {}
ENDLESS["$and"] = [ENDLESS, ENDLESS]
ENDLESS_METADATA: dict[str, Any] = {}
ENDLESS_METADATA["a"] = ENDLESS_METADATA
ENDLESS_NOT: dict[str, Any] = {}
ENDLESS_NOT["$not"] = ENDLESS_NOT
MANY: dict[str, Any] = {}
for _ in range(40):
    MANY = {"$and": [MANY, MANY]}


@pytest.mark.parametrize(
    ("mapping", "message", "hint"),
    [
        ({"source": "chat"}, "no field 'source'", "metadata.source"),
        ({"importence": 1}, "no field", "did you mean importance?"),
        ({"a b": 1}, "no field 'a b'", "metadata.key"),
        ({1: 2}, "key 1 is not a string", "field"),
        ({"importance": {"$gtee": 1}}, "no operator '$gtee'", "did you mean $gte?"),
        ({"importance": {"gte": 1}}, "no operator 'gte'", "did you mean $gte?"),
        ({"$xor": []}, "no operator '$xor'", "$and"),
        ({"$or": {"tag": "a"}}, "$or takes a list", "$or"),
        ({"$and": ["a"]}, "'a' is not a mapping", "field"),
        ({"tags": ["a", "b"]}, "is a list", "$in"),
        ({"tags": 1}, "is not a filter", "values"),
        ({"tags": {}}, "empty condition", "$eq"),
        ({"tags": {"$exists": 1}}, "$exists takes True or False", "True"),
        ({"agent": {"$contains": "x"}}, "not a list", "$contains"),
        ({"agent": {"$gt": "x"}}, "agent cannot be compared with >", "agent:value"),
        ({"importance": True}, "is not a filter", "values"),
        ({"importance": float("nan")}, "is not a filter", "values"),
        ({"importance": 7}, "is not a filter", "values"),
        ({"importance": {"$prefix": "0"}}, "no $prefix", "text"),
        ({"version": 1.5}, "is not a filter", "values"),
        ({"version": 2**70}, "is not a filter", "values"),
        ({"tier": 0}, "0 is not a tier", "Tier"),
        ({"tier": "wrking"}, "no tier", "working"),
        ({"created": {"$gt": datetime(2026, 1, 1)}}, "no time zone", "aware"),  # noqa: DTZ001
        ({"created": {"$gt": 5}}, "cannot be compared with 5", "aware datetime"),
        ({"created": "7d"}, "exactly a duration", "created<7d"),
        ({"idle": {"$gt": date(2026, 1, 1)}}, "idle is a duration", "idle>7d"),
        ({"metadata": "x"}, "needs a key", "metadata.key"),
        ({"metadata": {}}, "empty mapping", "$exists"),
        ({"metadata..a": 1}, "key is missing", "metadata.key"),
        ({'metadata.a"b"': 1}, "key is missing", "metadata.key"),
        ({"metadata.a": {"b": {1: 2}}}, "key 1 is not a string", "field"),
        ({"metadata.a": 2**70}, "is not a filter", "values"),
        ({"metadata.a": float("inf")}, "is not a filter", "values"),
        ({"metadata.a": b"x"}, "is not a filter", "values"),
        ({"metadata.a": {"$gt": True}}, "true cannot be compared", "!="),
        ({"metadata." + ".".join("a" * 40): 1}, "40 keys; the limit is 32", "less deep"),
        ({"has": "tag"}, "no has:tag", "did you mean tags?"),
        ({"has": 1}, "takes a word", "tags"),
        ({"$text": 1}, "takes a string", "words"),
        ({"tag": "\ud800"}, "surrogate", "remove"),
        ({"tag": "x" * 10_001}, "10,001 characters", "shorter"),
        ({"tag": {"$in": ["x"] * 201}}, "more than 200 terms", "shorter"),
        (ENDLESS, "nested more than 50 deep", "flatter"),
        (ENDLESS_NOT, "nested more than 50 deep", "flatter"),
        ({"tag": ENDLESS_NOT}, "nested more than 50 deep", "flatter"),
        ({"metadata": ENDLESS_METADATA}, "nested more than 50 deep", "flatter"),
        (MANY, "more than 200 terms", "shorter"),
    ],
)
def test_a_wrong_mapping_is_refused(mapping: dict[str, Any], message: str, hint: str) -> None:
    """The error names the key or value, and nothing endless hangs or overflows the stack."""
    with pytest.raises(InvalidFilterError) as caught:
        parse_mongo(mapping)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_limits_are_those_given() -> None:
    """A caller with other limits has those."""
    with pytest.raises(InvalidFilterError, match="more than 1 terms"):
        parse_mongo({"tag": "a", "kind": "b"}, limits=Limits(query_terms_max=1))


@pytest.mark.parametrize(
    "leaf",
    [
        Text(""),
        Text("\ud800"),
        Compare(Field.TAG, Operator.EQ, 1),
        Compare(Field.TAG, Operator.LT, "x"),
        Compare(Field.TIER, Operator.GT, Tier.WORKING),
        Compare(Field.TIER, Operator.EQ, "working"),
        Compare(Field.IMPORTANCE, Operator.EQ, 1.5),
        Compare(Field.VERSION, Operator.EQ, -1),
        Compare(Field.SIZE, Operator.PREFIX, "1"),
        Compare(Field.CREATED, Operator.EQ, 2**62),
        Compare(Field.IDLE, Operator.GT, 5),
        Compare(Field.IDLE, Operator.GT, Age(-1)),
        Compare(Field.CREATED, Operator.EQ, Age(1)),
        Metadata((), Operator.EQ, 1),
        Metadata(("a",), Operator.EQ, [1]),
        Metadata(("a",), Operator.PREFIX, 1),
        HasMetadata(("\udfff",)),
        HasMetadata("ab"),  # type: ignore[arg-type]
        "tag:a",
    ],
)
def test_a_tree_made_by_hand_is_checked(leaf: Any) -> None:
    """What no text can say is refused before it can reach a database."""
    for tree in (leaf, Or((leaf, Text("a")))):
        with pytest.raises(InvalidFilterError):
            normalise(tree)
        with pytest.raises(InvalidFilterError):
            to_text(tree)


def test_everything_and_nothing_fold() -> None:
    """What always or never holds leaves nothing behind in a tree."""
    assert parse_mongo({"$or": [{}, {"tag": "a"}]}) == EVERYTHING
    assert parse_mongo({"$and": [{"tag": {"$in": []}}, {"tag": "a"}]}) == Or(())
