"""Content to bytes and back, exactly or not at all."""

from __future__ import annotations

import math
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Codec, CorruptItemError, InvalidContentError, LimitExceededError, Limits
from engine.compression import decompress_bounded, zstd
from engine.serialization import (
    PREVIEW_CHARS,
    Encoded,
    PickledContent,
    decode,
    encode,
    encode_metadata,
    preview_of,
    unpack,
)

LIMITS = Limits()
texts = st.text(st.characters(exclude_categories=["Cs"]))
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)
json_values = st.recursive(
    scalars,
    lambda below: st.lists(below, max_size=5) | st.dictionaries(texts, below, max_size=5),
    max_leaves=20,
)


def back(encoded: Encoded) -> Any:
    return decode(encoded.codec, encoded.data, encoded.size_bytes, encoded.digest, item_id="a")


def alike(left: Any, right: Any) -> bool:
    """Return whether two values are equal and of the same types all the way down."""
    if type(left) is not type(right):
        return False
    if isinstance(left, list):
        return len(left) == len(right) and all(map(alike, left, right))
    if isinstance(left, dict):
        return list(left) == list(right) and all(alike(left[key], right[key]) for key in left)
    if isinstance(left, float):
        return left == right and math.copysign(1, left) == math.copysign(1, right)
    return bool(left == right)


@settings(max_examples=300)
@given(json_values)
def test_json_comes_back_exactly(value: Any) -> None:
    """Values, types, order of keys and the sign of zero are kept."""
    assert alike(back(encode(value, LIMITS)), value)


@given(texts.map(lambda text: text * 200))
def test_text_comes_back_exactly(text: str) -> None:
    """Text of any Unicode is kept, compressed or not, and stored as itself."""
    encoded = encode(text, LIMITS)
    assert back(encoded) == text
    assert encoded.codec.base is Codec.TEXT
    assert encoded.size_bytes == len(text.encode())


@given(st.binary(max_size=3_000), st.integers(1, 5))
def test_bytes_come_back_exactly(data: bytes, times: int) -> None:
    """Bytes are kept, whichever way they are given."""
    for form in (data * times, bytearray(data * times), memoryview(data * times)):
        encoded = encode(form, LIMITS)
        assert back(encoded) == data * times
        assert encoded.codec.base is Codec.BYTES


@pytest.mark.parametrize(
    ("content", "codec"),
    [
        ("x" * 1_023, Codec.TEXT),
        ("x" * 1_024, Codec.TEXT_COMPRESSED),
        ({"a": "x" * 2_000}, Codec.JSON_COMPRESSED),
        (b"x" * 2_000, Codec.BYTES_COMPRESSED),
        (bytes(range(256)) * 4, Codec.BYTES_COMPRESSED),
        (zstd.compress(b"".join(bytes([n * n % 251]) for n in range(9_000))) + b"x", None),
        ("", Codec.TEXT),
        (None, Codec.JSON),
        (b"", Codec.BYTES),
    ],
)
def test_compression_where_it_pays(content: Any, codec: Codec | None) -> None:
    """From 1 KiB on, when it is a tenth smaller; each form says which it is."""
    encoded = encode(content, LIMITS)
    assert codec is None or encoded.codec is codec
    assert encoded.codec.compressed is (len(encoded.data) < encoded.size_bytes)
    assert (encoded.preview is not None) is encoded.codec.compressed
    assert back(encoded) == content


class Sub(dict[str, int]):
    pass


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), [-math.inf], {"a": float("nan")}, 2**64, -(2**63) - 1, (1,),
     [(1,)], {1: 2}, {None: 1}, {1, 2}, object(), "\ud800", ["\udfff"], {"\ud800": 1}, 1j, range(3),
     10**5_000],
    ids=range(18),
)  # fmt: skip
def test_what_would_not_come_back_is_refused(value: Any) -> None:
    """No value is silently made another."""
    with pytest.raises(InvalidContentError) as caught:
        encode(value, LIMITS)
    assert caught.value.hint


def test_a_mapping_of_ones_own_is_kept_as_an_object() -> None:
    """A subclass of dict is stored by its value."""
    assert back(encode(Sub(a=1), LIMITS)) == {"a": 1}


def test_the_limit_is_of_the_plain_bytes() -> None:
    """How well it compresses does not matter."""
    small = Limits(content_bytes_max=2_000)
    assert encode("x" * 2_000, small).size_bytes == 2_000
    with pytest.raises(LimitExceededError, match="2,001"):
        encode("x" * 2_001, small)


@given(json_values, st.data())
def test_any_flipped_bit_is_found(value: Any, data: st.DataObject) -> None:
    """Damaged bytes, sizes, digests and codecs are errors, never another value."""
    encoded = encode({"pad": "x" * 1_500, "value": value}, LIMITS)
    raw = bytearray(encoded.data)
    position = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[position // 8] ^= 1 << (position % 8)
    try:
        found = decode(encoded.codec, bytes(raw), encoded.size_bytes, encoded.digest, item_id="a")
    except CorruptItemError as error:
        assert error.hint  # noqa: PT017 - either outcome is fine, a wrong value is not
    else:
        assert found == {"pad": "x" * 1_500, "value": value}


@pytest.mark.parametrize("codec", list(Codec))
def test_the_codec_is_part_of_the_hash(codec: Codec) -> None:
    """The same bytes under another codec are damage, not another reading of them."""
    encoded = encode("text", LIMITS)
    if codec.base is encoded.codec and not 16 <= codec < 32:
        # What is packed against others comes here unpacked.
        assert decode(codec, encoded.data, 4, encoded.digest, item_id="a") == "text"
        return
    with pytest.raises(CorruptItemError):
        decode(codec, encoded.data, encoded.size_bytes, encoded.digest, item_id="a")


def test_bombs_are_stopped_at_their_stated_size() -> None:
    """What unpacks to more or less than it says is refused after that many bytes."""
    bomb = zstd.compress(bytes(50_000_000))
    for size in (10, 49_999_999, 50_000_001):
        with pytest.raises(ValueError, match="unpacks"):
            decompress_bounded(bomb, size)
    with pytest.raises(CorruptItemError):
        unpack(Codec.TEXT_COMPRESSED, bomb, 10, b"\0" * 16, item_id="a")
    with pytest.raises(ValueError, match=r"."):
        decompress_bounded(b"no zstd", 7)


def test_pickles_stay_closed() -> None:
    """Pickled content is stored as its bytes and comes back as such."""
    content = PickledContent(b"cos\nsystem\n(S'true'\ntR.")
    encoded = encode(content, LIMITS)
    assert encoded.codec is Codec.PICKLE
    assert back(encoded) == content


@given(st.text(max_size=400))
def test_previews_are_beginnings(text: str) -> None:
    """A preview is the first characters, and no half of one."""
    raw = text.encode(errors="ignore")
    shown = preview_of(Codec.TEXT, raw[: PREVIEW_CHARS * 4])
    assert raw.decode().startswith(shown)
    assert len(shown) == min(len(raw.decode()), PREVIEW_CHARS)


@given(st.dictionaries(texts, json_values, max_size=5))
def test_metadata_comes_back_exactly(metadata: dict[str, Any]) -> None:
    """Metadata is JSON text; an empty object is nothing."""
    encoded = encode_metadata(metadata, LIMITS)
    assert (encoded is None) is (not metadata)
    assert encoded is None or alike(orjson.loads(encoded), metadata)


@pytest.mark.parametrize("codec", list(Codec))
def test_codecs_have_readable_names(codec: Codec) -> None:
    """The label says what and how packed; the base is without packing."""
    assert ("+" in codec.label) is codec.compressed
    assert len({codec.label for codec in Codec}) == len(Codec)
    assert codec.base.label in codec.label
    assert not codec.base.compressed
