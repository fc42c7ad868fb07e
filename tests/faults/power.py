"""Power failures, played back from a recording of everything that was done to files.

What was not synced when the power went may be there or not, each write on its own (p = 1/2).
Names are kept in order: of those given and taken since their folder was synced, some of the first.
"""

from __future__ import annotations

import random
import shutil
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

_HEAD = struct.Struct("<cIIqQ")
LEDGER = "ledger"


class Operation(NamedTuple):
    """One recorded call; names are relative to the folder ("" is the folder itself)."""

    kind: str
    name: str
    other: str
    offset: int
    data: bytes


def read_log(path: Path, folder: Path) -> Iterator[Operation]:
    """Yield what the shim has recorded, in order."""
    prefix = f"{folder}/"
    with path.open("rb") as log:
        while head := log.read(_HEAD.size):
            kind, first, second, offset, length = _HEAD.unpack(head)
            name, other = log.read(first).decode(), log.read(second).decode()
            yield Operation(
                kind.decode(),
                f"{name}/".removeprefix(prefix).removesuffix("/"),
                f"{other}/".removeprefix(prefix).removesuffix("/"),
                offset,
                log.read(length),
            )


@dataclass(slots=True)
class _File:
    """What is on disk of a file, and the writes and cuts that are not yet."""

    durable: bytearray = field(default_factory=bytearray)
    pending: list[Operation] = field(default_factory=list)

    def sync(self) -> None:
        for operation in self.pending:
            self._apply(operation)
        self.pending.clear()

    def lose_power(self, pick: random.Random) -> bytes:
        for operation in self.pending:
            if pick.random() < 0.5:
                self._apply(operation)
        return bytes(self.durable)

    def _apply(self, operation: Operation) -> None:
        end = operation.offset + len(operation.data)
        if operation.kind == "T":
            del self.durable[operation.offset :]
        if len(self.durable) < end:
            self.durable.extend(bytes(end - len(self.durable)))
        self.durable[operation.offset : end] = operation.data


class _Disk:
    """A folder: the names that are on disk, those that are in use, and what changed since."""

    def __init__(self) -> None:
        self.durable: dict[str, _File] = {}
        self.names: dict[str, _File] = {}
        self.since: list[tuple[str, _File | None]] = []
        self.folders = {""}

    def _sync_folder(self, folder: str) -> None:
        for name, file in self.since:
            if _folder_of(name) == folder:
                _rename(self.durable, name, file)
        self.since = [change for change in self.since if _folder_of(change[0]) != folder]

    def _set(self, name: str, file: _File | None) -> None:
        self.since.append((name, file))
        _rename(self.names, name, file)

    def do(self, operation: Operation) -> None:
        kind, name, other, _, _ = operation
        if kind == "S" and (name in self.folders):
            self._sync_folder(name)
        elif kind == "M":
            self.folders.add(name)
        elif kind == "D":
            self.folders.discard(name)
        elif kind == "U":
            self._set(name, None)
        elif kind in "RL":
            file = self.names.get(name) or _File()
            self._set(other, file)
            if kind == "R":
                self._set(name, None)
        else:
            if name not in self.names:
                self._set(name, _File())
            if kind == "S":
                self.names[name].sync()
            else:
                self.names[name].pending.append(operation)

    def lose_power(self, pick: random.Random) -> dict[str, bytes]:
        names = dict(self.durable)
        for name, file in self.since[: pick.randint(0, len(self.since))]:
            _rename(names, name, file)
        contents = {id(file): file.lose_power(pick) for file in names.values()}
        return {name: contents[id(file)] for name, file in names.items()}


def _folder_of(name: str) -> str:
    return name.rpartition("/")[0]


def _rename(names: dict[str, _File], name: str, file: _File | None) -> None:
    if file is None:
        names.pop(name, None)
    else:
        names[name] = file


def replay(
    prepared: Path, operations: Iterable[Operation], target: Path, pick: random.Random
) -> str:
    """Make in `target` what a power failure after the operations may leave; return the ledger."""
    shutil.copytree(prepared, target, dirs_exist_ok=True)
    disk = _Disk()
    for entry in target.rglob("*"):
        name = str(entry.relative_to(target))
        if entry.is_dir():
            disk.folders.add(name)
        else:
            disk.durable[name] = disk.names[name] = _File(bytearray(entry.read_bytes()))
    ledger = bytearray()
    for operation in operations:
        if operation.name == LEDGER:
            # Whoever was told knows it, whatever happens to the disk.
            ledger += operation.data
        else:
            disk.do(operation)
    left = disk.lose_power(pick)
    for entry in list(target.rglob("*")):
        if entry.is_file() and str(entry.relative_to(target)) not in left:
            entry.unlink()
    for name, content in left.items():
        (target / name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        (target / name).write_bytes(content)
        (target / name).chmod(0o600)
    return ledger.decode()
