"""The limits of a store, named and in one place; each is enforced at the door."""

from __future__ import annotations

from dataclasses import dataclass

from engine.errors import LimitExceededError


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a store accepts. Sizes are in bytes of UTF-8 unless the name says otherwise."""

    content_bytes_max: int = 16 * 1024 * 1024
    metadata_bytes_max: int = 256 * 1024
    id_bytes_max: int = 1024
    name_bytes_max: int = 256
    """Of an agent, a kind, a tag, a relation, a session, an actor."""
    tags_max: int = 256
    query_chars_max: int = 10_000
    query_terms_max: int = 200
    query_seconds_max: float = 30.0

    def check_bytes(self, what: str, size: int, maximum: int, *, hint: str) -> None:
        """Raise `LimitExceededError` when `what` of `size` bytes is over `maximum`."""
        if size > maximum:
            raise LimitExceededError(
                f"{what} is {size:,} bytes; the limit is {maximum:,}", hint=hint
            )
