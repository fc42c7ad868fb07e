"""What a summary says of texts, and that any text has one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.lifecycle.summary import summarise

ROOT = Path(__file__).parents[2]
FAILURE = (
    "The deployment of the billing service failed on Monday. The weather was fine. "
    "The billing service needs a database migration before every deployment."
)
REPAIR = (
    "Somebody made tea! A failed deployment of the billing service is rolled back by hand. "
    "Dr. Adams asked about it, e.g. on Friday."
)
NOTES = [FAILURE, REPAIR]


def test_what_is_said_often_is_kept_and_the_rest_left_out() -> None:
    """Sentences about what the texts are about win, and keep their order."""
    assert summarise(NOTES, sentences_max=3) == (
        "The deployment of the billing service failed on Monday. "
        "The billing service needs a database migration before every deployment. "
        "A failed deployment of the billing service is rolled back by hand."
    )


def test_short_texts_are_kept_whole() -> None:
    """With room for everything, nothing is left out, and abbreviations end no sentence."""
    assert summarise([REPAIR]) == REPAIR


def test_a_sentence_is_said_once() -> None:
    """Of nearly the same sentences, one is enough."""
    texts = [f"The user prefers short answers in the morning of day {day}." for day in range(9)]
    assert summarise(texts) == texts[0]


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        ("用户喜欢简短的回答。今天天气很好。", "用户喜欢简短的回答。今天天气很好。"),
        ("短い返事を好みます。会議は月曜日です！", "短い返事を好みます。会議は月曜日です！"),
        ("# Title\n\n- one point\n- another matter", "Title\none point\nanother matter"),
        ("<p>Marked <b>up</b> text.</p>", "Marked up text."),
        ("a < b and c > d", "a < b and c > d"),
        ("Version 3.14 is out. It runs.", "Version 3.14 is out. It runs."),
        ("", ""),
        (" \n\t ", ""),
        ("<br><br>", ""),
        ("!!! ??? ...", "!!! ??? ..."),
        ("\ud800", "\ud800"),
    ],
)
def test_sentences_of_any_kind_are_told_apart(text: str, summary: str) -> None:
    """Scripts without spaces, markup and symbols come out readable."""
    assert summarise([text]) == summary


def test_of_nothing_the_summary_is_empty() -> None:
    """Neither no texts nor no room is an error."""
    assert summarise([]) == ""
    assert summarise(NOTES, sentences_max=0) == ""
    assert summarise(NOTES, chars_max=0) == ""


def test_a_word_without_end_is_cut() -> None:
    """What has no sentence that fits is shown by its beginning."""
    assert summarise(["x" * 5_000_000], chars_max=10) == "xxxxxxxxx…"


@given(
    st.lists(st.text() | st.text(alphabet="ab 。.!\n<>#", max_size=200), max_size=12),
    st.integers(1, 8),
    st.integers(1, 300),
)
@settings(deadline=None)
def test_every_summary_keeps_its_limits(
    texts: list[str], sentences_max: int, chars_max: int
) -> None:
    """No text raises; the limits hold; a second summary is the same."""
    summary = summarise(texts, sentences_max=sentences_max, chars_max=chars_max)
    assert len(summary) <= chars_max
    assert summary == summarise(texts, sentences_max=sentences_max, chars_max=chars_max)


@given(st.permutations([f"Matter {word} is here." for word in ("red", "green", "blue", "grey")]))
def test_the_order_of_the_texts_is_kept(texts: list[str]) -> None:
    """A summary reads as the texts did."""
    summary = summarise(texts, sentences_max=2)
    places = [summary.find(text) for text in texts if text in summary]
    assert places == sorted(places)


@pytest.mark.parametrize(
    "texts",
    [
        ["Here is one more sentence about matters. " * 100_000],
        [f"Sentence {number} of text." for number in range(50_000)],
        ["." * 3_000_000],
        ["<a" * 1_500_000],
        ["\n" * 3_000_000],
        ['."' * 1_500_000],
        ["東" * 3_000_000],
        ["aB" * 1_500_000],
        ["e.g. " * 600_000],
    ],
    ids=["sentences", "texts", "dots", "tags", "lines", "quotes", "unspaced", "humps", "short"],
)
def test_the_work_is_bounded(texts: list[str]) -> None:
    """Megabytes of anything are summed up in seconds."""
    begun = time.process_time()
    summarise(texts)
    assert time.process_time() - begun < 5


def test_the_summary_is_the_same_in_every_process() -> None:
    """Nothing depends on the seed of Python's own hashes."""
    code = (
        "import sys\n"
        "from engine.lifecycle.summary import summarise\n"
        "notes = sys.argv[1:] * 3\n"
        "sys.stdout.buffer.write(summarise(notes, sentences_max=4).encode())"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", code, *NOTES],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout.decode()
        for seed in ("1", "2")
    }
    assert printed == {summarise(NOTES * 3, sentences_max=4)}
