"""Zstandard, from the standard library where it has it and from its backport elsewhere."""

from __future__ import annotations

import sys
from typing import Any

if sys.version_info >= (3, 14):  # pragma: no cover - depends on the interpreter
    from compression import zstd as _zstd
else:
    from backports import zstd as _zstd

zstd: Any = _zstd
"""The module, with the names of PEP 784."""


WINDOW_LOG_MAX = 25
"""Frames that ask for more memory than 32 MiB are refused; no content is larger."""
_OPTIONS = {zstd.DecompressionParameter.window_log_max: WINDOW_LOG_MAX}


def decompress_bounded(data: bytes, size: int, dictionary: Any = None) -> bytes:
    """Return the `size` bytes that `data` unpacks to, with the `ZstdDict` it was packed with.

    Raises:
        ValueError: it unpacks to fewer or more bytes, or is not Zstandard. A bomb is stopped
            one byte after `size`.
    """
    decompressor = zstd.ZstdDecompressor(zstd_dict=dictionary, options=_OPTIONS)
    try:
        raw: bytes = decompressor.decompress(data, max_length=size + 1)
    except zstd.ZstdError as error:
        raise ValueError(str(error)) from error
    if len(raw) != size:
        raise ValueError(f"unpacks to {len(raw)} bytes, not {size}")
    return raw
