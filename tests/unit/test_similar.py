"""Which texts are found to be nearly the same, and that the same ones are found every time."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.lifecycle.similar import CHUNK_TEXTS, Group, find_groups

ROOT = Path(__file__).parents[2]
WORDS = [f"{first}{second}{third}" for first in "bdgklm" for second in "aeiou" for third in "nrst"]


def made_texts(count: int, *, seed: int = 7) -> tuple[list[tuple[int, str]], dict[int, int]]:
    """Return texts of a hundred words, and of each near-duplicate among them what it was."""
    chance = random.Random(seed)
    texts: list[list[str]] = []
    origins: dict[int, int] = {}
    for key in range(count):
        if key and chance.random() < 0.2:
            origin = chance.randrange(key)
            origin = origins.get(origin, origin)
            words = texts[origin].copy()
            words[chance.randrange(len(words))] = "changed"
            words[chance.randrange(len(words))] = "too"
            origins[key] = origin
        else:
            words = chance.choices(WORDS, k=100)
        texts.append(words)
    return [(key, " ".join(words)) for key, words in enumerate(texts)], origins


def shingles(text: str) -> set[tuple[str, ...]]:
    """Return what a text of spaced words is compared by, without any hash."""
    words = text.split()
    words += [""] * (3 - len(words))
    return {tuple(words[place : place + 3]) for place in range(len(words) - 2)}


def similarity(left: str, right: str) -> float:
    """Return the Jaccard similarity of two texts, worked out the plain way."""
    return len(shingles(left) & shingles(right)) / len(shingles(left) | shingles(right))


def pairs(groups: list[Group]) -> dict[int, int]:
    """Return the kept one of every member."""
    return {member: group.kept for group in groups for member, _ in group.members}


def test_near_duplicates_are_found_and_nothing_else() -> None:
    """Of thousands of texts, the changed copies join what they were made from."""
    texts, origins = made_texts(4_000)
    found = pairs(find_groups(texts))
    right = sum(origins.get(member) == kept for member, kept in found.items())
    assert right == len(found)
    assert right >= 0.99 * len(origins)


def test_the_earliest_is_kept_whatever_its_key() -> None:
    """The order of the texts is the order of preference; keys are only names."""
    text = "the same four words and more"
    assert find_groups([(9, text), (2, "other than the rest"), (5, text), (1, text)]) == [
        Group(kept=9, members=((5, 1.0), (1, 1.0)))
    ]


def test_nothing_is_chained() -> None:
    """What is like a member and unlike the kept one is no member."""
    words = [f"word{number}" for number in range(60)]
    first = " ".join(words[:50])
    second = " ".join(words[5:55])
    third = " ".join(words[10:60])
    assert similarity(second, third) >= 0.8 > similarity(first, third)
    groups = find_groups([(1, first), (2, second), (3, third)])
    assert pairs(groups) == {2: 1}


def test_a_text_joins_the_kept_one_most_like_it() -> None:
    """Of two kept texts that are like it, not simply the first."""
    words = [f"word{number}" for number in range(60)]
    texts = [" ".join(words[:50]), " ".join(words[9:59]), " ".join(words[6:56])]
    assert pairs(find_groups(list(enumerate(texts)), threshold=0.75)) == {2: 1}


@pytest.mark.parametrize(
    ("left", "right", "alike"),
    [
        ("", "", True),
        ("", "a", False),
        ("a", "a", True),
        ("a", "a a", False),
        ("two words", "two words", True),
        ("two words", "words two", False),
        ("!!!", "!!!", True),
        ("!!!", "???", False),
        ("One, two: THREE (four)!", "one two three four", True),
        ("\ud800", "\ud800", True),
        ("ｆｕｌｌ ｗｉｄｔｈ", "full width", True),
        (
            "ユーザーは短い返事を好みます。理由も書きます",
            "ユーザーは短い返事を好みます、理由も書きます",
            True,
        ),
        ("ユーザーは短い返事を好みます", "会議は毎週月曜日の朝にあります", False),
        ("用户喜欢简短的回答", "用户喜欢冗长的回答", False),
    ],
)
def test_short_and_odd_texts_are_compared(left: str, right: str, alike: bool) -> None:
    """A text of fewer words than a shingle is compared whole; scripts without spaces by letter."""
    assert bool(find_groups([(1, left), (2, right)])) is alike


@pytest.mark.parametrize("threshold", [0.49, 1.01, float("nan"), -1])
def test_a_threshold_out_of_range_is_refused(threshold: float) -> None:
    """Below a half, too many pairs would be missed to promise anything."""
    with pytest.raises(ValueError, match="threshold"):
        find_groups([], threshold=threshold)


def test_of_no_texts_there_are_no_groups() -> None:
    """An empty store is no special case."""
    assert find_groups([]) == []


@given(
    st.lists(st.lists(st.sampled_from("abcd"), max_size=8).map(" ".join), max_size=30),
    st.floats(0.5, 1.0),
)
@settings(deadline=None)
def test_every_member_is_as_similar_to_its_kept_one_as_it_says(
    texts: list[str], threshold: float
) -> None:
    """Similarities are exact and reach the threshold; each text is in one group, in order."""
    groups = find_groups(list(enumerate(texts)), threshold=threshold)
    for group in groups:
        for member, said in group.members:
            assert group.kept < member
            assert said == similarity(texts[group.kept], texts[member]) >= threshold
        assert list(group.members) == sorted(group.members)
    named = [key for group in groups for key in (group.kept, *(key for key, _ in group.members))]
    assert len(named) == len(set(named))
    assert [group.kept for group in groups] == sorted(group.kept for group in groups)


@given(st.lists(st.text(max_size=20), max_size=20))
@settings(deadline=None)
def test_equal_texts_are_always_found(texts: list[str]) -> None:
    """Whatever the characters, a second copy of everything is all members."""
    doubled = list(enumerate([*texts, *texts]))
    found = pairs(find_groups(doubled, threshold=1.0))
    assert set(range(len(texts), 2 * len(texts))) <= set(found)


def test_progress_ends_at_all_and_may_come_from_a_stream() -> None:
    """Of texts that come one by one, the report never goes back and ends complete."""
    texts, _ = made_texts(3_000)
    reports: list[tuple[int, int]] = []
    find_groups(iter(texts), progress=lambda *report: reports.append(report), expected=len(texts))
    assert len(reports) > 3
    assert reports == sorted(reports)
    assert reports[-1] == (6_000, 6_000)
    assert {total for _, total in reports} == {6_000}


def test_what_progress_raises_stops_the_search() -> None:
    """A search can be given up before all texts are read."""
    read = 0

    def stream() -> Iterator[tuple[int, str]]:
        nonlocal read
        for text in made_texts(3_000)[0]:
            read += 1
            yield text

    def stop(_done: int, _total: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        find_groups(stream(), progress=stop)
    assert read < 3_000


def test_many_nearly_equal_texts_are_one_group() -> None:
    """Thousands in one bucket are each compared with the kept one, not with each other."""
    words = [f"word{number}" for number in range(100)]
    count = 4 * CHUNK_TEXTS
    texts = [(key, " ".join([*words, f"end{key}"])) for key in range(count)]
    (group,) = find_groups(texts)
    assert group.kept == 0
    assert len(group.members) == count - 1


def test_the_groups_are_the_same_in_every_process() -> None:
    """Nothing depends on the seed of Python's own hashes."""
    code = (
        "import sys\n"
        "from engine.lifecycle.similar import find_groups\n"
        "print(find_groups(enumerate(sys.stdin.read().splitlines())))"
    )
    texts, _ = made_texts(500)
    printed = [
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            input="\n".join(text for _, text in texts),
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    ]
    assert printed == [str(find_groups(texts))] * 2


def test_numpy_is_loaded_by_the_first_search_only() -> None:
    """A program that never looks for near-duplicates does not wait for numpy."""
    code = "import sys, engine.lifecycle.similar; print('numpy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
