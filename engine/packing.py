"""Packing contents against others: by a dictionary trained on the store, or as a difference.

Frames are bare: whoever stores one keeps its size, and its bytes are proven by a hash, so the
headers that zstd would add for that are left out. They are a tenth of a small text's frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from engine.compression import decompress_bounded, zstd

LEVEL: Final = 9
LEVEL_HARD: Final = 19
"""For what is seldom read: a little smaller, ten times slower to pack, as fast to unpack."""
DICTIONARY_BYTES: Final = 65_536
SAMPLES_MIN: Final = 64
WINDOW_LOG: Final = 25
"""32 MiB: a base is seen as a whole, up to the largest content."""

_PARAMETER: Final = zstd.CompressionParameter


def train(samples: Sequence[bytes], size_bytes: int = DICTIONARY_BYTES) -> bytes | None:
    """Return a dictionary of at most `size_bytes` for contents like these; None if they do not do.

    Too few samples, or samples with nothing in common, make none.
    """
    usable = [sample for sample in samples if len(sample) >= 8]
    if len(usable) < SAMPLES_MIN:
        return None
    try:
        trained: bytes = zstd.train_dict(usable, size_bytes).dict_content
    except (zstd.ZstdError, ValueError):
        return None
    return trained


class Trained:
    """A trained dictionary, ready to pack and unpack with."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._dictionary = zstd.ZstdDict(data)

    def pack(self, raw: bytes, level: int = LEVEL) -> bytes:
        """Return `raw` packed."""
        packed: bytes = zstd.compress(
            raw, options=_bare(level), zstd_dict=self._dictionary.as_digested_dict
        )
        return packed

    def unpack(self, data: bytes, size: int) -> bytes:
        """Return the `size` bytes that were packed.

        Raises:
            ValueError: it unpacks to something else, or not at all.
        """
        return decompress_bounded(data, size, self._dictionary)


def pack_delta(raw: bytes, base: bytes, level: int = LEVEL) -> bytes:
    """Return what `raw` has that `base` has not, packed."""
    options = {**_bare(level), _PARAMETER.window_log: WINDOW_LOG}
    packed: bytes = zstd.compress(raw, options=options, zstd_dict=_prefix(base))
    return packed


def unpack_delta(data: bytes, base: bytes, size: int) -> bytes:
    """Return the `size` bytes of which `data` is the difference from `base`.

    Raises:
        ValueError: it unpacks to something else, or not at all.
    """
    return decompress_bounded(data, size, _prefix(base))


def _prefix(base: bytes) -> Any:
    # A prefix of fewer than 8 bytes is refused; a base that short has nothing to share.
    return zstd.ZstdDict(base.ljust(8, b"\0"), is_raw=True).as_prefix


def _bare(level: int) -> dict[Any, int]:
    return {
        _PARAMETER.compression_level: level,
        _PARAMETER.content_size_flag: 0,
        _PARAMETER.checksum_flag: 0,
        _PARAMETER.dict_id_flag: 0,
    }
