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


def decompress_bounded(data: bytes, size: int) -> bytes:
    """Return the `size` bytes that `data` unpacks to.

    Raises:
        ValueError: it unpacks to fewer or more bytes, or is not Zstandard. A bomb is stopped
            one byte after `size`.
    """
    decompressor = zstd.ZstdDecompressor()
    try:
        raw: bytes = decompressor.decompress(data, max_length=size + 1)
    except zstd.ZstdError as error:
        raise ValueError(str(error)) from error
    if len(raw) != size:
        raise ValueError(f"unpacks to {len(raw)} bytes, not {size}")
    return raw
