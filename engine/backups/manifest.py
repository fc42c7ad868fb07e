"""Manifests: what a backup says of itself, checked field by field before it is believed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from functools import cache
from hashlib import blake2b
from importlib import metadata
from typing import Any, Final, Literal, TypeAlias

import orjson

from engine.clock import to_datetime
from engine.errors import InvalidBackupError

Kind: TypeAlias = Literal["full", "incremental"]

FORMAT: Final = 1
"""Of manifests and artefacts; one that is not known here is refused."""
MANIFEST_BYTES_MAX: Final = 65_536
BACKUP_BYTES_MAX: Final = 1 << 46
NUMBER_MAX: Final = (1 << 63) - 1
TEXT_MAX: Final = 500

NAME: Final = re.compile(r"[0-9a-z][0-9a-z._-]{0,119}")
_HEX: Final = re.compile(r"[0-9a-f]{64}")
_STORE_ID: Final = re.compile(r"[0-9a-f]{1,64}")
_TABLE: Final = re.compile(r"[a-z_]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One backup: times in UTC microseconds, sizes in bytes, digests in hexadecimal.

    A full backup holds the store at `sequence`, an incremental one what happened after
    `first_sequence` up to it. `chain` is the name of the full one, `parent` of the one before.
    """

    name: str
    kind: Kind
    store_id: str
    lineage: str
    """Of the store's history: another one after the store was set back to an earlier state."""
    chain: str
    parent: str | None
    parent_digest: str | None
    first_sequence: int
    sequence: int
    oldest: int
    """The first change that the change log had, 0 if it had none."""
    first_at: int
    """When the change after `first_sequence` was made; of a full backup, the store's creation."""
    created_at: int
    counts: Mapping[str, int]
    """Rows by table."""
    bytes: int
    raw_bytes: int
    """Before compression."""
    digest: str
    """BLAKE2b-256 of the artefact."""
    item_digest: str
    """Of all items at `sequence`, see `procedures/digests.py`."""
    next_key: int
    """Row keys from here on were given out after this backup."""
    message_key: int
    """The newest message."""
    anchor: str
    """BLAKE2b-256 of the change with `sequence`: the history that this backup belongs to."""
    schema_version: int
    engine_version: str
    reason: str
    """Why this is a full backup although an incremental one was asked for; or nothing."""


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= TEXT_MAX


def _is_hex(value: Any) -> bool:
    return isinstance(value, str) and _HEX.fullmatch(value) is not None


def is_name(value: Any) -> bool:
    """Return whether this may be the name of a backup: it leads out of no directory."""
    return isinstance(value, str) and NAME.fullmatch(value) is not None


def _is_number(value: Any, most: int = NUMBER_MAX) -> bool:
    return type(value) is int and 0 <= value <= most


def _is_counts(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and len(value) <= 100
        and all(_TABLE.fullmatch(name) and _is_number(count) for name, count in value.items())
    )


_CHECKS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "name": is_name,
    "kind": lambda value: value in ("full", "incremental"),
    "store_id": lambda value: isinstance(value, str) and bool(_STORE_ID.fullmatch(value)),
    "lineage": _is_text,
    "chain": is_name,
    "parent": lambda value: value is None or is_name(value),
    "parent_digest": lambda value: value is None or _is_hex(value),
    "first_sequence": _is_number,
    "sequence": _is_number,
    "oldest": _is_number,
    "first_at": _is_number,
    "created_at": _is_number,
    "counts": _is_counts,
    "bytes": lambda value: _is_number(value, BACKUP_BYTES_MAX),
    "raw_bytes": lambda value: _is_number(value, BACKUP_BYTES_MAX),
    "digest": _is_hex,
    "item_digest": _is_hex,
    "next_key": _is_number,
    "message_key": _is_number,
    "anchor": _is_hex,
    "schema_version": lambda value: _is_number(value, 1_000_000),
    "engine_version": _is_text,
    "reason": _is_text,
}


def dump_manifest(manifest: Manifest) -> bytes:
    """Return a manifest as JSON, with the digest of itself inside."""
    return dump_sealed({"format": FORMAT, **asdict(manifest)})


def load_manifest(data: bytes, name: str) -> Manifest:
    """Return the manifest of the backup that is called `name`.

    Raises:
        InvalidBackupError: it is damaged, says what cannot be, or is of another or a newer make.
    """
    record = load_sealed(data)
    names = {field.name for field in fields(Manifest)}
    for key in sorted(names ^ record.keys()):
        what = "lacks" if key in names else "has an unknown"
        raise _invalid(f"the manifest {what} {key!r:.80}")
    for key, check in _CHECKS.items():
        if not check(record[key]):
            raise _invalid(f"the manifest has an impossible {key}")
    manifest = Manifest(**record)
    if manifest.name != name:
        raise _invalid(f"the manifest is of {manifest.name}, not of {name}")
    _check_whole(manifest)
    return manifest


def _check_whole(manifest: Manifest) -> None:
    """Refuse a manifest whose fields are possible each but not together."""
    full = manifest.kind == "full"
    if full != (manifest.parent is None) or full != (manifest.parent_digest is None):
        raise _invalid("the manifest does not agree with itself about what it builds on")
    if full != (manifest.chain == manifest.name) or manifest.parent == manifest.name:
        raise _invalid("the manifest does not agree with itself about its chain")
    if manifest.first_sequence > manifest.sequence or (full and manifest.first_sequence):
        raise _invalid("the manifest does not agree with itself about its sequences")


def dump_sealed(record: Mapping[str, Any]) -> bytes:
    """Return a record as JSON with its own digest as `seal`."""
    return orjson.dumps(
        {**record, "seal": _seal(record)}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    )


def load_sealed(data: bytes) -> dict[str, Any]:
    """Return a record without format and seal, both of which are right.

    Raises:
        InvalidBackupError: they are not, or it is no such record.
    """
    try:
        record = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise _invalid("the manifest is no JSON") from error
    if not isinstance(record, dict):
        raise _invalid("the manifest is no JSON object")
    version = record.get("format")
    if type(version) is int and version > FORMAT:
        raise InvalidBackupError(
            f"the manifest has format {version}; this engine knows up to {FORMAT}",
            hint="upgrade agent-memory-inspector",
        )
    if type(version) is not int or version != FORMAT:
        raise _invalid("the manifest does not say its format")
    seal = record.pop("seal", None)
    if seal != _seal(record):
        raise _invalid("the manifest does not match its own digest")
    del record["format"]
    return record


def _seal(record: Mapping[str, Any]) -> str:
    data = orjson.dumps(record, option=orjson.OPT_SORT_KEYS)
    return blake2b(data, digest_size=32).hexdigest()


def _invalid(what: str) -> InvalidBackupError:
    return InvalidBackupError(what, hint="it was changed or damaged; use another backup")


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A backup of a catalogue; `verified_at` is when it was last restored to prove it, or None."""

    manifest: Manifest
    verified_at: datetime | None = None
    is_there: bool = True
    """Whether its bytes are there, as many as the manifest says."""

    @property
    def name(self) -> str:
        """What it is called, in its directory."""
        return self.manifest.name

    @property
    def kind(self) -> Kind:
        """`full` or `incremental`."""
        return self.manifest.kind

    @property
    def sequence(self) -> int:
        """The newest change that is in it."""
        return self.manifest.sequence

    @property
    def created_at(self) -> datetime:
        """The moment of the snapshot."""
        return to_datetime(self.manifest.created_at)

    @property
    def size_bytes(self) -> int:
        """What its artefact takes."""
        return self.manifest.bytes


@cache
def engine_version() -> str:
    """Return the version of the package, as it is written into manifests."""
    try:
        return metadata.version("agent-memory-inspector")
    except metadata.PackageNotFoundError:
        return "unknown"
