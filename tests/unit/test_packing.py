"""Packing against others: exact, bounded, and worth it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import lru_cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.compression import zstd
from engine.packing import LEVEL_HARD, SAMPLES_MIN, Trained, pack_delta, train, unpack_delta

TOPICS = ("parser", "queue", "invoice", "session", "backup", "index")


def text(number: int) -> bytes:
    """Return a short text much like the others."""
    topic = TOPICS[number % len(TOPICS)]
    return (
        f"The {topic} was checked {number} times before the {topic} number {number * 7} was "
        f"handed to the next agent, who found that the {topic} had changed since Tuesday."
    ).encode()


@lru_cache(maxsize=1)
def trained() -> Trained:
    """Return a dictionary for texts like these."""
    data = train([text(number) for number in range(600)], 8_192)
    assert data is not None
    assert len(data) <= 8_192
    return Trained(data)


@given(st.binary(max_size=3_000), st.sampled_from([3, 9, LEVEL_HARD]))
def test_any_bytes_come_back_from_a_dictionary(raw: bytes, level: int) -> None:
    """What was packed with a dictionary is unpacked with it, to the byte."""
    assert trained().unpack(trained().pack(raw, level), len(raw)) == raw


@given(st.binary(max_size=3_000), st.binary(max_size=3_000))
def test_any_bytes_come_back_from_a_difference(raw: bytes, base: bytes) -> None:
    """What was packed as a difference is unpacked with its base, to the byte."""
    assert unpack_delta(pack_delta(raw, base), base, len(raw)) == raw


def test_small_texts_pack_well() -> None:
    """A dictionary packs what zstd alone cannot; a revision of a text is a fraction of it."""
    new = text(4_242)
    assert len(trained().pack(new)) < 0.5 * len(zstd.compress(new, 9))
    document = b"\n".join(text(number) for number in range(40))
    assert len(pack_delta(document + b" And more.", document)) < 0.02 * len(document)


@pytest.mark.parametrize("wrong", [0, 1, 5, 10_000])
def test_another_size_is_refused(wrong: int) -> None:
    """Fewer or more bytes than were promised are an error, however many there are."""
    raw = text(1)
    packed, delta = trained().pack(raw), pack_delta(raw, text(2))
    with pytest.raises(ValueError, match="bytes"):
        trained().unpack(packed, wrong)
    with pytest.raises(ValueError, match="bytes"):
        unpack_delta(delta, text(2), wrong)


@given(st.binary(max_size=200))
def test_garbage_is_an_error_or_other_bytes(data: bytes) -> None:
    """Nothing but a ValueError comes out of bytes that nobody packed."""
    unpacks: tuple[Callable[[], bytes], ...] = (
        lambda: trained().unpack(data, 100),
        lambda: unpack_delta(data, b"base", 100),
    )
    for unpack in unpacks:
        with contextlib.suppress(ValueError):
            assert len(unpack()) == 100


def test_too_little_makes_no_dictionary() -> None:
    """Few, empty or unlike samples are told by None, not by an error."""
    assert train([]) is None
    assert train([b""] * 1_000) is None
    assert train([text(n) for n in range(SAMPLES_MIN - 1)]) is None
