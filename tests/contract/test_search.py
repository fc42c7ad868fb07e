"""Ranked full text: what it finds, in which order, and that nothing breaks it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kit import OpenMemory

from engine import MemoryStore
from engine.query.filter import Compare, Field, Operator

TEXTS: dict[str, Any] = {
    "lang": "The user's preferred language is Python",
    "cafe": "Meeting at the café in Zürich on Tuesday",
    "code": "call getUserName() and parse_http_response in HTTPServer",
    "japan": "東京タワーへ行きました。日本語を勉強する",
    "china": "他喜欢在北京喝茶",
    "korea": "서울에서 만나요",
    "json": {"favourite_colour": "teal", "pets": ["cat", {"name": "Möhre"}], "age": 42},
    "run": "She was running; he runs daily",
    "markup": "[bold]danger[/bold] \x1b[31m <script>",
    "emoji": "launch 🚀 party",
}


@pytest.fixture
async def library(store: MemoryStore) -> MemoryStore:
    """A store with one text of each sort, and filler that makes single words rare."""
    await store.put_many(
        {"id": f"filler/{n}", "content": f"nothing of note number {n}", "agent": "bella"}
        for n in range(60)
    )
    for name, content in TEXTS.items():
        await store.put(name, content, agent="atlas")
    return store


async def found(store: MemoryStore, words: str, **options: Any) -> list[str]:
    """Return the ids of the hits, best first."""
    return [hit.item.id for hit in await store.search(words, **options)]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("preferred language", "lang"),
        ("preference languages", "lang"),
        ("PYTHON", "lang"),
        ("cafe", "cafe"),
        ("CAFÉ", "cafe"),
        ("zurich", "cafe"),
        ("getUserName", "code"),
        ("getusername", "code"),
        ("user name", "code"),
        ("parse_http_response", "code"),
        ("response", "code"),
        ("HTTPServer", "code"),
        ("server", "code"),
        ("東", "japan"),
        ("東京", "japan"),
        ("日本語", "japan"),
        ("勉強", "japan"),
        ("タワー", "japan"),
        ("茶", "china"),
        ("北京", "china"),
        ("喜欢", "china"),
        ("서울", "korea"),
        ("teal", "json"),
        ("favourite", "json"),
        ("mohre", "json"),
        ("42", "json"),
        ("run", "run"),
        ("running", "run"),
        ("script", "markup"),
        ("🚀", "emoji"),
        ("filler/7", "filler/7"),
    ],
)
async def test_words_find_their_text(library: MemoryStore, words: str, expected: str) -> None:
    """Stems, accents either way, identifiers, keys of JSON, ids, and CJK from one character."""
    assert expected in await found(library, words)


@pytest.mark.parametrize("words", ["京東", "茶北", "languagepython", "zzz", "日本茶"])
async def test_words_that_are_not_there_find_nothing(library: MemoryStore, words: str) -> None:
    """Characters of scripts without spaces count in their order, not each on its own."""
    assert await found(library, words) == []


@pytest.mark.parametrize(
    ("typed", "expected"),
    [("pre", "lang"), ("Pyth", "lang"), ("zür", "cafe"), ("東", "japan"), ("launch p", "emoji")],
)
async def test_an_unfinished_word_finds(library: MemoryStore, typed: str, expected: str) -> None:
    """As one types, the last word may be unfinished."""
    assert expected in await found(library, typed, prefix=True)


@pytest.mark.parametrize("word", ["preferred", "language", "favourite", "meeting", "running"])
async def test_every_beginning_of_a_word_finds_it(library: MemoryStore, word: str) -> None:
    """From its third letter on, a hit does not vanish and come back while its word is typed."""
    (target,) = [name for name, text in TEXTS.items() if word in str(text).casefold()]
    lost = [
        word[:length]
        for length in range(3, len(word) + 1)
        if target not in await found(library, word[:length], prefix=True)
    ]
    assert lost == []


async def test_a_search_stays_within_its_filter(library: MemoryStore) -> None:
    """`where` narrows a search, by agent or anything else."""
    await library.put("other", "preferred language is Rust", agent="bella", tags={"t"})
    atlas = Compare(Field.AGENT, Operator.EQ, "atlas")
    tagged = Compare(Field.TAG, Operator.EQ, "t")

    assert set(await found(library, "language")) == {"lang", "other"}
    assert await found(library, "language", where=atlas) == ["lang"]
    assert await found(library, "language", where=tagged) == ["other"]
    assert await found(library, "language", where="agent:nobody") == []


async def test_an_item_that_moves_is_found_at_its_new_agent(library: MemoryStore) -> None:
    """Search within an agent follows the item to another agent."""
    await library.update("lang", agent="bella")
    await library.bulk_update(ids=["cafe"], agent="bella")

    assert await found(library, "python", where="agent:bella") == ["lang"]
    assert await found(library, "zurich", where="agent:bella") == ["cafe"]
    assert await found(library, "python", where="agent:atlas") == []


async def test_more_and_rarer_words_rank_higher(library: MemoryStore) -> None:
    """An item with both words is before one with either; a rare word tells more than a common."""
    await library.put("both", "zebra quartz")
    await library.put("one", "zebra zebra zebra")
    for n in range(5):
        await library.put(f"common{n}", f"quartz {n}")
    ids = await found(library, "zebra quartz", limit=50)

    assert ids[0] == "both"
    assert ids[1] == "one"
    assert len(ids) == 7


async def test_a_search_says_which_words_it_left_out(library: MemoryStore) -> None:
    """Words in most items are dropped beside rarer ones, and named."""
    result = await library.search("what is the nothing of Zürich")

    assert [hit.item.id for hit in result][:1] == ["cafe"]
    assert {"what", "is", "the", "nothing", "of"} <= set(result.dropped_words)
    assert "Zürich" not in result.dropped_words


async def test_common_words_alone_still_find(library: MemoryStore) -> None:
    """When there is nothing but common words, they are searched."""
    assert len(await found(library, "nothing", limit=100)) == 60
    assert len(await found(library, "of", limit=100)) >= 60


async def test_snippets_mark_what_matched(library: MemoryStore) -> None:
    """Highlights are spans of the snippet that hold the word."""
    await library.put("long", "lorem " * 400 + "the needle lies here " + "ipsum " * 400)
    for words, item_id in (("needle", "long"), ("language", "lang"), ("北京", "china")):
        (hit,) = [hit for hit in await library.search(words) if hit.item.id == item_id]
        assert hit.highlights
        assert len(hit.snippet) <= 200
        marked = "".join(hit.snippet[start:end] for start, end in hit.highlights)
        assert marked.casefold() == words


async def test_results_are_sequences(library: MemoryStore) -> None:
    """A result has a length, can be indexed and iterated, best first."""
    result = await library.search("user language cafe", limit=2)

    assert len(result) == 2
    assert result[0] is next(iter(result))
    assert result[0].score >= result[1].score > 0


async def test_only_the_newest_matches_of_a_common_word_are_ranked(open_memory: OpenMemory) -> None:
    """A word with very many matches answers from the newest, and says so."""
    store = await open_memory()
    await store.put_many({"id": f"i{n}", "content": "quartz here"} for n in range(2_500))
    result = await store.search("quartz", limit=5)

    assert result.capped
    assert len(result) == 5


@pytest.mark.parametrize(
    "words",
    ["", " ", '"', "'", '""', "*", "a*", "-", "(", ")", "AND", "OR", "NOT a", "NEAR(a b, 3)", "a:b",
     "text:a", "^a", "a AND", '"unbalanced', "{a b}:c", "\\", "\0", "\ud800", "%", "_", ";", "--",
     "scope:a1", '"a" "b', "a\"b'c", "\u202e", "🚀" * 50, "a" * 20_000, "a " * 5_000, "[/nope]"],
    ids=lambda words: ascii(words)[:15],
)  # fmt: skip
async def test_nothing_typed_is_a_syntax_error(library: MemoryStore, words: str) -> None:
    """Operators, quotes and rubbish are searched as words, or find nothing."""
    for prefix in (False, True):
        await library.search(words, prefix=prefix)
        await library.search(words, where="agent:atlas", prefix=prefix)


@settings(
    deadline=None,
    max_examples=200,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30))
def test_any_text_finds_itself(text: str) -> None:
    """Whatever Unicode is stored, its own words find it (checked by the index's own rules)."""
    from contextlib import closing

    from engine.backends.sqlite.driver import driver
    from engine.backends.sqlite.schema import SCHEMA
    from engine.text import match_expression, searchable_text

    (create,) = [sql for sql in SCHEMA if "items_text USING fts5" in sql]
    with closing(driver.connect(":memory:")) as connection:
        connection.execute(create)
        connection.execute(
            "INSERT INTO items_text(rowid, text, scope) VALUES (1, ?, 'a1')",
            (searchable_text("id", text),),
        )
        for word in text.split():
            expression = match_expression(word)
            if expression is None or not any(c.isalnum() for c in word):
                continue
            rows = connection.execute(
                "SELECT 1 FROM items_text WHERE items_text MATCH ?", (f"text : ({expression})",)
            ).fetchall()
            assert rows, (word, expression)


async def test_a_search_that_looked_at_some_matches_only_says_so(open_memory: OpenMemory) -> None:
    """Also where a filter leaves few of those that were looked at, or none."""
    store = await open_memory()
    await store.put_many({"id": f"i{n}", "content": "quartz here"} for n in range(1_500))
    result = await store.search("quartz", where="tier:archive")

    assert len(result) == 0
    assert result.capped


async def test_no_word_is_common_in_a_small_store(store: MemoryStore) -> None:
    """A word that two of three items have is looked for beside three others."""
    await store.put("1", "alpha beta gamma")
    await store.put("2", "alpha beta gamma")
    await store.put("3", "delta")
    result = await store.search("alpha beta gamma delta")

    assert {hit.item.id for hit in result} == {"1", "2", "3"}
    assert result.dropped_words == ()
