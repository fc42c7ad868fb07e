"""Content to bytes and back: JSON first, text and bytes as they are, compressed where it pays."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import orjson

from engine.compression import decompress_bounded, zstd
from engine.errors import (
    CorruptItemError,
    InvalidContentError,
    InvalidItemError,
    LimitExceededError,
)
from engine.limits import Limits
from engine.models import CODECS, Codec

COMPRESS_FROM_BYTES: Final = 1_024
COMPRESS_LEVEL: Final = 3
COMPRESS_KEEP: Final = 0.9
"""A compressed form is kept when it is at most this part of the plain one."""

PREVIEW_CHARS: Final = 160
JSON_OPTIONS: Final = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME


class Encoded(NamedTuple):
    """Content as it is stored; `size_bytes` and `digest` are of the uncompressed bytes.

    A tuple, since one is made for every item written.
    """

    codec: Codec
    data: bytes
    size_bytes: int
    digest: bytes
    preview: str | None
    """The beginning as text, for compressed content alone: the rest shows its own."""
    readable: Any = None
    """The text, or the JSON value as it reads back; None for bytes."""


@dataclass(frozen=True, slots=True)
class PickledContent:
    """A pickled object that was not loaded; `opcodes()` says what loading would do."""

    data: bytes

    def opcodes(self, limit: int = 1_000) -> list[str]:
        """Return up to `limit` lines, one per opcode, without running any."""
        from engine import pickle_codec

        return pickle_codec.opcodes(self.data, limit)


def encode(content: Any, limits: Limits, *, allow_pickle: bool = False) -> Encoded:
    """Return `content` in its stored form, such that `decode` gives back an equal value.

    Raises:
        InvalidContentError: it is not JSON, text or bytes, or JSON cannot hold it exactly.
        LimitExceededError: it is over `limits.content_bytes_max`.
    """
    codec, raw, readable = _to_bytes(content, allow_pickle=allow_pickle)
    if len(raw) > limits.content_bytes_max:
        raise LimitExceededError(
            f"content is {len(raw):,} bytes; the limit is {limits.content_bytes_max:,}",
            hint="store a reference to it, or raise content_bytes_max",
        )
    digest = content_digest(codec, raw)
    if len(raw) < COMPRESS_FROM_BYTES:
        return Encoded(codec, raw, len(raw), digest, None, readable)
    packed = zstd.compress(raw, COMPRESS_LEVEL)
    if len(packed) > len(raw) * COMPRESS_KEEP:
        return Encoded(codec, raw, len(raw), digest, None, readable)
    preview = preview_of(codec, raw)
    return Encoded(CODECS[codec | 16], packed, len(raw), digest, preview, readable)


def decode(codec: int, data: bytes, size: int, digest: bytes, *, item_id: str) -> Any:
    """Return the content of a stored form; a pickle comes back as `PickledContent`.

    Content that is packed against others comes unpacked already, see `procedures.contents`.

    Raises:
        CorruptItemError: the bytes are not the ones that were stored.
    """
    raw = unpack(codec, data, size, digest, item_id=item_id)
    base = codec & 15
    if base == Codec.TEXT:
        return raw.decode()
    if base == Codec.JSON:
        return orjson.loads(raw)
    return PickledContent(raw) if base == Codec.PICKLE else raw


def unpack(codec: int, data: bytes, size: int, digest: bytes, *, item_id: str) -> bytes:
    """Return the uncompressed bytes of a stored form, proven by its digest.

    Raises:
        CorruptItemError: they are not the bytes that were stored.
    """
    try:
        raw = decompress_bounded(data, size) if 16 <= codec < 32 else data
    except ValueError as error:
        raise _corrupt(item_id, str(error)) from error
    if content_digest(codec & 15, raw) != digest:
        raise _corrupt(item_id, "its bytes do not match their hash")
    return raw


def content_digest(codec: int, raw: bytes) -> bytes:
    """Return the 128-bit BLAKE2b of uncompressed content, keyed by what kind of bytes they are."""
    return blake2b(raw, digest_size=16, person=_PERSONS[codec]).digest()


_PERSONS: Final = tuple(bytes([codec]) for codec in range(16))


def preview_of(codec: Codec, raw: bytes) -> str:
    """Return the first characters of uncompressed content as a person would read them."""
    if codec is Codec.BYTES:
        return f"bytes {raw[:32].hex(' ')}"
    if codec is Codec.PICKLE:
        return "pickled Python object"
    # Four bytes a character at most; a character cut in half at the end is dropped.
    return raw[: PREVIEW_CHARS * 4].decode(errors="ignore")[:PREVIEW_CHARS]


def encode_metadata(metadata: Any, limits: Limits) -> str | None:
    """Return a metadata object as JSON text, None for an empty one.

    Raises:
        InvalidItemError: it is not an object of JSON values with text keys.
    """
    if not metadata:
        return None
    if not isinstance(metadata, dict):
        metadata = dict(metadata)
    raw, _ = dump_json(metadata, what="metadata")
    limits.check_bytes(
        "metadata", len(raw), limits.metadata_bytes_max, hint="put large values into the content"
    )
    return raw.decode()


def dump_json(value: Any, *, what: str) -> tuple[bytes, Any]:
    """Return `value` as JSON that reads back equal, and what it reads back as.

    orjson alone turns NaN into null and takes tuples, enums and UUIDs for what they are not, so
    the result is read back and compared.

    Raises:
        InvalidContentError: it has no exact JSON form.
    """
    try:
        # Wrapped, so that there is room below orjson's limit of nesting: the change log, exports
        # and the clipboard put the value into objects of their own.
        wrapped = orjson.dumps([[[[value]]]], option=JSON_OPTIONS)
        raw = wrapped[4:-4]
        back = orjson.loads(raw)
        same = back == value
    except (orjson.JSONEncodeError, orjson.JSONDecodeError, RecursionError) as error:
        raise InvalidContentError(f"{what} is not JSON: {error}", hint=_JSON_HINT) from error
    if not same:
        raise InvalidContentError(f"{what} would not read back the same from JSON", hint=_JSON_HINT)
    return raw, back


_JSON_HINT: Final = (
    "use null, true, false, finite numbers (64-bit integers), text without lone surrogates, "
    "lists (not tuples) and objects with text keys"
)


def _to_bytes(content: Any, *, allow_pickle: bool) -> tuple[Codec, bytes, Any]:
    if type(content) is str:
        try:
            return Codec.TEXT, content.encode(), content
        except UnicodeEncodeError as error:
            raise InvalidContentError(
                f"content has a lone surrogate at character {error.start}",
                hint="it is not Unicode text; store it as bytes",
            ) from error
    if isinstance(content, (bytes, bytearray, memoryview)):
        return Codec.BYTES, bytes(content), None
    if isinstance(content, PickledContent):
        return Codec.PICKLE, content.data, None
    try:
        raw, back = dump_json(content, what="content")
        return Codec.JSON, raw, back
    except InvalidItemError:
        if not allow_pickle:
            raise
    from engine import pickle_codec

    return Codec.PICKLE, pickle_codec.dump(content), None


def _corrupt(item_id: str, what: str) -> CorruptItemError:
    return CorruptItemError(
        f"{item_id!r} is damaged: {what}",
        hint="its history may hold an earlier version; other items are not affected",
    )
