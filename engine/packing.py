"""Packing contents against others: a dictionary trained on many, or the one it nearly repeats.

What is packed here has no header: a frame's is a function of the size, which is stored beside it,
so that it is left out and put back. On texts of 500 bytes that is 1-2 % of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from engine.compression import decompress_bounded, zstd

LEVEL: Final = 9
LEVEL_HARD: Final = 19
"""Six times as slow to pack as `LEVEL`, as quick to unpack, and a fifteenth smaller."""

PACKED_BYTES_MAX: Final = 1 << 25
"""Contents larger than the window that `decompress_bounded` allows are not packed."""

DICTIONARY_BYTES: Final = 65_536
SAMPLES_MIN: Final = 64
_DICTIONARY_BYTES_MIN: Final = 512
_SAMPLE_BYTES_MIN: Final = 8
_SAMPLE_BYTES_MAX: Final = 131_072
"""Training looks no further into a sample."""
_SAMPLES_PER_DICTIONARY_MAX: Final = 100
"""Bytes of samples for each byte of a dictionary: more take longer and teach nothing."""
_SAMPLES_PER_DICTIONARY_MIN: Final = 10
"""With fewer, a dictionary repeats its samples and helps with nothing else: it is made smaller."""

_RAW_BYTES_MIN: Final = 8
"""Zstandard takes no shorter bytes as a dictionary."""
_KEPT_BYTES_MAX: Final = 262_144
"""What a compressor that is kept may be given: it keeps the memory that this took."""
_WINDOW_BYTES: Final = 131_072
"""Below it every level sees the whole content and its base; above it the window is said."""

_MAGIC: Final = b"\x28\xb5\x2f\xfd"


def train(samples: Sequence[bytes], size_bytes: int = DICTIONARY_BYTES) -> bytes | None:
    """Return a dictionary of at most `size_bytes` for contents like these.

    None when they are too few, too small or too unlike each other to learn from. Of more samples
    than training profits from, as many are taken, evenly spread.
    """
    usable = _spread(
        [bytes(s[:_SAMPLE_BYTES_MAX]) for s in samples if len(s) >= _SAMPLE_BYTES_MIN],
        size_bytes * _SAMPLES_PER_DICTIONARY_MAX,
    )
    size = min(size_bytes, sum(map(len, usable)) // _SAMPLES_PER_DICTIONARY_MIN)
    if len(usable) < SAMPLES_MIN or size < _DICTIONARY_BYTES_MIN:
        return None
    try:
        data: bytes = zstd.train_dict(usable, size).dict_content
        Trained(data)
    except (zstd.ZstdError, ValueError):
        return None
    return data


def _spread(samples: Sequence[bytes], bytes_max: int) -> Sequence[bytes]:
    """Return samples of about `bytes_max` together, one from each stretch of equal size."""
    total = sum(map(len, samples))
    if total <= bytes_max:
        return samples
    wanted = max(1, len(samples) * bytes_max // total)
    return [samples[place * len(samples) // wanted] for place in range(wanted)]


class Trained:
    """A dictionary, loaded: packs and unpacks any number of contents, on any thread.

    Raises:
        ValueError: the bytes are not a dictionary.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        try:
            self._dictionary: Any = zstd.ZstdDict(data)
            # What only looks like a dictionary is refused here and not at the first content.
            zstd.ZstdDecompressor(zstd_dict=self._dictionary)
        except zstd.ZstdError as error:
            raise ValueError(f"not a Zstandard dictionary: {error}") from error
        self._compressors: dict[int, Any] = {}

    def pack(self, raw: bytes, level: int = LEVEL) -> bytes:
        """Return `raw` packed; the same bytes whenever it is packed.

        Raises:
            ValueError: it is over `PACKED_BYTES_MAX`.
        """
        if len(raw) > _KEPT_BYTES_MAX:
            return _pack(_compressor(level, len(raw), self._dictionary), raw)
        compressor = self._compressors.get(level)
        if compressor is None:
            # Digested: it is prepared once and not for every content.
            compressor = _compressor(level, 0, self._dictionary.as_digested_dict)
            self._compressors[level] = compressor
        return _pack(compressor, raw)

    def unpack(self, data: bytes, size: int) -> bytes:
        """Return the `size` bytes that were packed.

        Raises:
            ValueError: `data` is not what packing that many bytes gave.
        """
        return _unpack(data, size, self._dictionary)


def pack_delta(raw: bytes, base: bytes, level: int = LEVEL) -> bytes:
    """Return `raw` as what is not in `base`.

    Raises:
        ValueError: it is over `PACKED_BYTES_MAX`.
    """
    return _pack(_compressor(level, len(raw) + len(base), _prefix(base)), raw)


def unpack_delta(data: bytes, base: bytes, size: int) -> bytes:
    """Return the `size` bytes that were packed against `base`.

    Raises:
        ValueError: `data` is not what packing that many bytes against `base` gave.
    """
    return _unpack(data, size, _prefix(base))


def _prefix(base: bytes) -> Any:
    return zstd.ZstdDict(base, is_raw=True).as_prefix if len(base) >= _RAW_BYTES_MIN else None


def _compressor(level: int, window_bytes: int, dictionary: Any) -> Any:
    """Return a compressor that sees `window_bytes` back."""
    parameter = zstd.CompressionParameter
    options = {
        parameter.compression_level: level,
        parameter.content_size_flag: 1,
        parameter.checksum_flag: 0,
        parameter.dict_id_flag: 0,
    }
    if window_bytes > _WINDOW_BYTES:
        options[parameter.window_log] = min(window_bytes, PACKED_BYTES_MAX * 4 - 1).bit_length()
        options[parameter.enable_long_distance_matching] = 1
    return zstd.ZstdCompressor(options=options, zstd_dict=dictionary)


def _pack(compressor: Any, raw: bytes) -> bytes:
    header = _header(len(raw))
    frame: bytes = compressor.compress(raw, compressor.FLUSH_FRAME)
    if not frame.startswith(header):
        raise ValueError(f"Zstandard wrote {frame[:8].hex()} before {len(raw):,} bytes")
    return frame[len(header) :]


def _unpack(data: bytes, size: int, dictionary: Any) -> bytes:
    header = _header(size)
    try:
        return decompress_bounded(header + data, size, dictionary)
    except ValueError as error:
        raise ValueError(f"does not unpack to {size:,} bytes: {error}") from error


def _header(size: int) -> bytes:
    """Return how a frame of one segment begins, without checksum and name of a dictionary.

    Raises:
        ValueError: content of that size is not packed.
    """
    if not 0 <= size <= PACKED_BYTES_MAX:
        raise ValueError(f"{size:,} bytes are not packed; the limit is {PACKED_BYTES_MAX:,}")
    if size < 256:
        return _HEADER_BYTE + size.to_bytes(1, "little")
    if size < 65_792:
        return _HEADER_SHORT + (size - 256).to_bytes(2, "little")
    return _HEADER_LONG + size.to_bytes(4, "little")


# The flags of the descriptor: one segment, and in how many bytes its size is written.
_HEADER_BYTE: Final = _MAGIC + b"\x20"
_HEADER_SHORT: Final = _MAGIC + b"\x60"
_HEADER_LONG: Final = _MAGIC + b"\xa0"
