"""What each text of the query language means, as exact trees."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from engine.clock import to_microseconds
from engine.models import Tier
from engine.query import (
    EVERYTHING,
    Age,
    And,
    Compare,
    Field,
    Filter,
    Has,
    HasMetadata,
    Metadata,
    Not,
    Operator,
    Or,
    Part,
    Text,
    parse,
)

DAY = 86_400_000_000
HOUR = 3_600_000_000
EQ, NE, GT, GE, LT, LE, PREFIX = Operator
NOTHING = Or(())


def at(*parts: int) -> int:
    """Return a moment in UTC microseconds."""
    padded = [*parts, 0, 0, 0, 0][:7]
    year, month, day, hour, minute, second, micro = padded
    return to_microseconds(datetime(year, month, day, hour, minute, second, micro, tzinfo=UTC))


def tag(value: str) -> Compare:
    """Return the filter of `tag:value`."""
    return Compare(Field.TAG, EQ, value)


def a_tier(value: Tier) -> Compare:
    """Return the filter of `tier:value`."""
    return Compare(Field.TIER, EQ, value)


def created(operator: Operator, value: int | Age) -> Compare:
    """Return a filter on when an item was made."""
    return Compare(Field.CREATED, operator, value)


def check(text: str, tree: Filter) -> None:
    """Compare by `repr` as well, since 1 equals True and 1.0."""
    parsed = parse(text)
    assert parsed == tree
    assert repr(parsed) == repr(tree)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("importance>=0.7", Compare(Field.IMPORTANCE, GE, 0.7)),
        ("importance:1", Compare(Field.IMPORTANCE, EQ, 1.0)),
        ("importance=.5", Compare(Field.IMPORTANCE, EQ, 0.5)),
        ("importance >= 0.7", Compare(Field.IMPORTANCE, GE, 0.7)),
        ("importance:>=0.7", Compare(Field.IMPORTANCE, GE, 0.7)),
        ("importance==0.7", Compare(Field.IMPORTANCE, EQ, 0.7)),
        ("IMPORTANCE<1e-1", Compare(Field.IMPORTANCE, LT, 0.1)),
        ("importance!=0", Compare(Field.IMPORTANCE, NE, 0.0)),
        ("accesses>3", Compare(Field.ACCESSES, GT, 3)),
        ("access_count>3", Compare(Field.ACCESSES, GT, 3)),
        ("version:1,2", Or((Compare(Field.VERSION, EQ, 1), Compare(Field.VERSION, EQ, 2)))),
        ("size>10kb", Compare(Field.SIZE, GT, 10 * 1024)),
        ("size<=1.5MB", Compare(Field.SIZE, LE, 3 * 512 * 1024)),
        ("size<2gib", Compare(Field.SIZE, LT, 2 * 1024**3)),
        ("size:7b", Compare(Field.SIZE, EQ, 7)),
        ("size_bytes:7", Compare(Field.SIZE, EQ, 7)),
        ("idle>7d", Compare(Field.IDLE, GT, Age(7 * DAY))),
        ("accessed<1h", Compare(Field.ACCESSED, LT, Age(HOUR))),
        ("updated>=1mo", Compare(Field.UPDATED, GE, Age(30 * DAY))),
        ("created<30d", created(LT, Age(30 * DAY))),
        ("created<1d12h", created(LT, Age(36 * HOUR))),
        ("created<1.5d", created(LT, Age(36 * HOUR))),
        ("created<1y1w1m1s1ms1us", created(LT, Age(372 * DAY + 61_001_001))),
    ],
)
def test_numbers_sizes_and_ages(text: str, tree: Filter) -> None:
    """Each field reads values of its own sort, and a duration on a time stays an age."""
    check(text, tree)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("created>=2026-01-31", created(GE, at(2026, 1, 31))),
        ("created>2026-01-31", created(GE, at(2026, 2, 1))),
        ("created<2026-01-31", created(LT, at(2026, 1, 31))),
        ("created<=2026-01-31", created(LT, at(2026, 2, 1))),
        (
            "created:2026-01-31",
            And((created(GE, at(2026, 1, 31)), created(LT, at(2026, 2, 1)))),
        ),
        (
            "created!=2026-01-31",
            Not(And((created(GE, at(2026, 1, 31)), created(LT, at(2026, 2, 1))))),
        ),
        ("created:2024-02", And((created(GE, at(2024, 2, 1)), created(LT, at(2024, 3, 1))))),
        ("created:2025-12", And((created(GE, at(2025, 12, 1)), created(LT, at(2026, 1, 1))))),
        ("created:2024", And((created(GE, at(2024, 1, 1)), created(LT, at(2025, 1, 1))))),
        ("created_at>=2026-01-31T10:00", created(GE, at(2026, 1, 31, 10))),
        ("created>=2026-01-31T10:00Z", created(GE, at(2026, 1, 31, 10))),
        ("created>=2026-01-31t10:00:05z", created(GE, at(2026, 1, 31, 10, 0, 5))),
        ("created>2026-01-31T10:00", created(GE, at(2026, 1, 31, 10, 1))),
        ("created>=2026-01-31T10:00+02:00", created(GE, at(2026, 1, 31, 8))),
        ("created>=2026-01-31T10:00-0530", created(GE, at(2026, 1, 31, 15, 30))),
        ('created>="2026-01-31 10:00"', created(GE, at(2026, 1, 31, 10))),
        ("created<=2026-01-31T10:00:00.5", created(LT, at(2026, 1, 31, 10, 0, 0, 600_000))),
        ("created:2026-01-31T10:00:00.000001Z", created(EQ, at(2026, 1, 31, 10, 0, 0, 1))),
        ("created>2026-01-31T10:00:00.0000019Z", created(GT, at(2026, 1, 31, 10, 0, 0, 1))),
        ("created<=9999", created(LE, at(9999, 12, 31, 23, 59, 59, 999_999))),
        ("created>9999-12-31", created(GT, at(9999, 12, 31, 23, 59, 59, 999_999))),
        ("created>=0001-01-01", created(GE, at(1, 1, 1))),
    ],
)
def test_a_time_is_the_whole_span_it_names(text: str, tree: Filter) -> None:
    """A day is compared as that whole day in UTC, a minute as that minute, six digits exactly."""
    check(text, tree)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("tier:working", a_tier(Tier.WORKING)),
        ("Tier:Working", a_tier(Tier.WORKING)),
        ("tier!=archive", Compare(Field.TIER, NE, Tier.ARCHIVE)),
        ("tier:working,short_term", Or((a_tier(Tier.WORKING), a_tier(Tier.SHORT_TERM)))),
        (
            "tag!=a,b",
            And((Compare(Field.TAG, NE, "a"), Compare(Field.TAG, NE, "b"))),
        ),
        ("tags:user", tag("user")),
        ("tag = user", tag("user")),
        ("kind:semantic", Compare(Field.KIND, EQ, "semantic")),
        ('agent:"my agent"', Compare(Field.AGENT, EQ, "my agent")),
        (r'agent:"a \"b\" \\ \n"', Compare(Field.AGENT, EQ, r'a "b" \ \n')),
        ('agent:"a,b",c', Or(tuple(Compare(Field.AGENT, EQ, v) for v in ("a,b", "c")))),
        ('agent:""', Compare(Field.AGENT, EQ, "")),
        ("session:run-1", Compare(Field.SESSION, EQ, "run-1")),
        ("session_id:run-1", Compare(Field.SESSION, EQ, "run-1")),
        ("id:user/*", Compare(Field.ID, PREFIX, "user/")),
        ('id:"user x"*', Compare(Field.ID, PREFIX, "user x")),
        ('id:"user*"', Compare(Field.ID, EQ, "user*")),
        ("id:a*b", Compare(Field.ID, EQ, "a*b")),
        ("id:/etc/x:1", Compare(Field.ID, EQ, "/etc/x:1")),
        ("id!=user/*", Not(Compare(Field.ID, PREFIX, "user/"))),
        ("tag:and", tag("and")),
        ("tag:-x", tag("-x")),
        ("tag:重要", tag("重要")),
        ("tag:*", Has(Part.TAGS)),
        ("session:*", Has(Part.SESSION)),
        ("session!=*", Not(Has(Part.SESSION))),
        ("agent:*", EVERYTHING),
        ("has:tags", Has(Part.TAGS)),
        ("has:Metadata", Has(Part.METADATA)),
        ("has:session,accesses", Or((Has(Part.SESSION), Has(Part.ACCESSES)))),
        ("has!=associations", Not(Has(Part.ASSOCIATIONS))),
    ],
)
def test_names_tiers_and_parts(text: str, tree: Filter) -> None:
    """Names are compared whole or by their beginning, one or several, quoted or not."""
    check(text, tree)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("metadata.source:chat", Metadata(("source",), EQ, "chat")),
        ("metadata.a.b:1", Metadata(("a", "b"), EQ, 1)),
        ("metadata.a:1.0", Metadata(("a",), EQ, 1.0)),
        ("metadata.a:-2e3", Metadata(("a",), EQ, -2000.0)),
        ('metadata.a:"1"', Metadata(("a",), EQ, "1")),
        ("metadata.a:007", Metadata(("a",), EQ, "007")),
        ("metadata.a:true", Metadata(("a",), EQ, True)),
        ("metadata.a:False", Metadata(("a",), EQ, False)),
        ("metadata.a!=null", Metadata(("a",), NE, None)),
        ('metadata.a:"null"', Metadata(("a",), EQ, "null")),
        ("metadata.score>=3", Metadata(("score",), GE, 3)),
        ("metadata.when < 2026-01-31", Metadata(("when",), LT, "2026-01-31")),
        ('metadata."odd key":x', Metadata(("odd key",), EQ, "x")),
        (r'metadata.a."b.\"c":x', Metadata(("a", 'b."c'), EQ, "x")),
        ('metadata."":x', Metadata(("",), EQ, "x")),
        ("metadata.my-key:x*", Metadata(("my-key",), PREFIX, "x")),
        ("metadata.键:值", Metadata(("键",), EQ, "值")),
        ("metadata.a:*", HasMetadata(("a",))),
        ("metadata.a:1,x", Or((Metadata(("a",), EQ, 1), Metadata(("a",), EQ, "x")))),
        ("metadata.a:9223372036854775807", Metadata(("a",), EQ, 2**63 - 1)),
        ("metadata.a:9223372036854775808", Metadata(("a",), EQ, float(2**63))),
        ("has:metadata.source", HasMetadata(("source",))),
        ('has:metadata."odd key".b', HasMetadata(("odd key", "b"))),
        ("-has:metadata.a", Not(HasMetadata(("a",)))),
    ],
)
def test_metadata(text: str, tree: Filter) -> None:
    """Metadata is compared as JSON: a bare number is a number, a quoted one is text."""
    check(text, tree)


A, B, C, D = (Text(letter) for letter in "abcd")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("", EVERYTHING),
        (" \t\n\u3000", EVERYTHING),
        ("*", EVERYTHING),
        ("-*", NOTHING),
        ("a *", A),
        ("a or *", EVERYTHING),
        ("a b", And((A, B))),
        ("a and b AND c", And((A, B, C))),
        ("a or b c", Or((A, And((B, C))))),
        ("(a or b) c", And((Or((A, B)), C))),
        ("a(b)c", And((A, B, C))),
        ("((a b) c)", And((A, B, C))),
        ("(a or (b Or c))", Or((A, B, C))),
        ("-a", Not(A)),
        ("--a", A),
        ("---a", Not(A)),
        ("not a", Not(A)),
        ("NOT not a", A),
        ("not -a", A),
        ("-(a or b)", Not(Or((A, B)))),
        ("not (a b) or c", Or((Not(And((A, B))), C))),
        ("-tag:old", Not(tag("old"))),
        ("-tag:x,y", Not(Or((tag("x"), tag("y"))))),
        ("(tag:a)", tag("a")),
        ("word*", Text("word", prefix=True)),
        ("and*", Text("and", prefix=True)),
        ('"and"', Text("and", phrase=True)),
        ('"preferred language"', Text("preferred language", phrase=True)),
        ('"preferred lang"*', Text("preferred lang", phrase=True, prefix=True)),
        (r'"say \"hi\""', Text('say "hi"', phrase=True)),
        ('"a""b"', And((Text("a", phrase=True), Text("b", phrase=True)))),
        ("用户 偏好*", And((Text("用户"), Text("偏好", prefix=True)))),
        ("ユーザーの好み", Text("ユーザーの好み")),
        (
            'tier:working importance>=0.7 tag:user -tag:old created<30d "preferred language"',
            And(
                (
                    a_tier(Tier.WORKING),
                    Compare(Field.IMPORTANCE, GE, 0.7),
                    tag("user"),
                    Not(tag("old")),
                    created(LT, Age(30 * DAY)),
                    Text("preferred language", phrase=True),
                )
            ),
        ),
    ],
)
def test_joining_words_and_phrases(text: str, tree: Filter) -> None:
    """Side by side is `and`, which binds tighter than `or`; negation binds tightest."""
    check(text, tree)


@pytest.mark.parametrize(
    "text",
    [
        *("http://x", "https://example.com/a?b=c&d=e", r"C:\x", "12:30", "std::vector", "TODO:x"),
        *("x=5", "vector<int>", "note:", "foo=", "a:b", "example.com:80", "user.name:x"),
        *("foo-bar", "don't", "a,b", "user@example.com", "x->y", "ValueError:x", "#tag"),
        *("importance", "metadata", "metadata.source", "tier.x:y", "{a:1}", "50%", "a\x00b", "🎉"),
    ],
)
def test_what_people_paste_is_text(text: str) -> None:
    """Addresses, paths, clock times and code are searched for as they are."""
    check(text, Text(text))
    check(f"tag:a {text} b", And((tag("a"), Text(text), B)))


@pytest.mark.parametrize("text", ["->", "=>", "<div>", "---", "!=x", "!x", "<<", "-->"])
def test_words_that_begin_like_operators_are_phrases(text: str) -> None:
    """They are text too, but quoted, so that they never join the word before them."""
    check(text, Text(text, phrase=True))
