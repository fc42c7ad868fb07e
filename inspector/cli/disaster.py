"""`demo disaster`: a store is backed up, its writer killed, its file damaged, all comes back."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Final

from inspector.cli.disaster_writer import text_of

if TYPE_CHECKING:
    from asyncio.subprocess import Process

    from engine import MemoryStore

ITEMS: Final = 600
BEFORE_BACKUP: Final = 150
AFTER_BACKUP: Final = 150
"""Items that the agent has written when the second backup is made, and when it is killed."""
SPOILED_SHARE: Final = 0.05
PAGE_BYTES: Final = 4_096
READ_SECONDS_MAX: Final = 60.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a disaster cost: items acknowledged before it, and those that are there after it."""

    acknowledged: int
    spoiled_pages: int
    salvaged: int
    lost_at_first: int
    filled: int
    intact: int

    @property
    def lost(self) -> int:
        """Acknowledged items that did not come back."""
        return self.acknowledged - self.intact


async def play(path: Path, seed: int, say: Say) -> Outcome:
    """Play the disaster at `path`, where nothing is yet, telling each step; return what it cost.

    What is left there is the rescued store; beside it lie its backups, and the damaged file.
    """
    rng = random.Random(seed)  # noqa: S311 - a demonstration is to be repeatable
    known = await _make(path, seed)
    say(f"a store of {len(known):,} memories, {_size(path)}")
    await _back_up(path, "full", say)
    known.update(await _write_and_kill(path, say))
    say(f"opened again: {await _count_intact(path, known):,} of {len(known):,} are there")
    await _back_up(path, "incremental", say)
    pages = _spoil(path, rng)
    say(f"the disk goes bad: {pages} of its pages are overwritten with noise")
    await _say_diagnosis(path, say)
    return await _rescue(path, known, pages, say)


async def _make(path: Path, seed: int) -> dict[str, str]:
    from engine import open_store

    rng = random.Random(seed)  # noqa: S311
    known = {f"memory/{n:04}": text_of(rng.randrange(10**6)) for n in range(ITEMS)}
    async with open_store(path, actor="demo") as store:
        await store.put_many(
            {"id": name, "content": text, "agent": rng.choice(("atlas", "sage")), "tags": ["early"]}
            for name, text in known.items()
        )
    return known


async def _back_up(path: Path, kind: str, say: Say) -> None:
    from engine import open_store

    began = perf_counter()
    async with open_store(path, create=False, actor="demo") as store:
        made = await store.backups.create(kind="full" if kind == "full" else "incremental")
    say(
        f"{'a full' if kind == 'full' else 'an incremental'} backup, proven by restoring it: "
        f"{made.manifest.bytes / 1e3:,.0f} kB in {perf_counter() - began:.1f} s"
    )


async def _write_and_kill(path: Path, say: Say) -> dict[str, str]:
    """Let an agent write, back up meanwhile, and kill it in the middle; return what it was told."""
    acknowledged: dict[str, str] = {}
    async with _agent(path) as agent:
        say("an agent writes, each item acknowledged once it is on disk")
        await _read(agent, acknowledged, BEFORE_BACKUP)
        await _back_up(path, "incremental", say)
        await _read(agent, acknowledged, len(acknowledged) + AFTER_BACKUP)
        agent.send_signal(signal.SIGKILL)
        await _read(agent, acknowledged, None)
        say(f"kill -9 in the middle of writing, after {len(acknowledged):,} acknowledgements")
    return acknowledged


@contextlib.asynccontextmanager
async def _agent(path: Path) -> AsyncIterator[Process]:
    agent = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "inspector.cli.disaster_writer",
        os.fspath(path),
        stdout=asyncio.subprocess.PIPE,
        env=dict(os.environ),
    )
    try:
        yield agent
    finally:
        with contextlib.suppress(ProcessLookupError):
            agent.kill()
        await agent.wait()


async def _read(agent: Process, acknowledged: dict[str, str], until: int | None) -> None:
    """Note what the agent says until it has said so much, or no more."""
    if agent.stdout is None:
        raise RuntimeError("the agent has no output")
    async with asyncio.timeout(READ_SECONDS_MAX):
        while until is None or len(acknowledged) < until:
            line = await agent.stdout.readline()
            if not line.endswith(b"\n"):
                return
            name = line.decode().strip()
            acknowledged[name] = text_of(int(name.rpartition("/")[2]))


def _spoil(path: Path, rng: random.Random) -> int:
    """Overwrite some pages of the file; nobody has it open."""
    with path.open("r+b") as file:
        pages = path.stat().st_size // PAGE_BYTES
        # The first holds the header: without it nothing is worth opening, which is another story.
        spoiled = rng.sample(range(1, pages), max(1, int(pages * SPOILED_SHARE)))
        for page in spoiled:
            file.seek(page * PAGE_BYTES)
            file.write(rng.randbytes(PAGE_BYTES))
    return len(spoiled)


async def _say_diagnosis(path: Path, say: Say) -> None:
    from engine.doctor import CheckState, examine

    found = await examine(path)
    told = [
        check.name if check.state is CheckState.DAMAGED else f"{check.name}: {check.evidence}"
        for check in found.checks
        if check.state is found.state is not CheckState.OK
    ]
    say(f"doctor: {found.state.value}{': ' if told else ''}{', '.join(told)}")


async def _rescue(path: Path, known: dict[str, str], pages: int, say: Say) -> Outcome:
    """Salvage what is readable, fill its holes from the backup, and put it in place."""
    from engine.backups import default_directory, read_catalogue, restore_chain
    from engine.doctor import fill, salvage

    rescued = path.with_name(f"{path.name}.rescued")
    restored = path.with_name(f"{path.name}.restored")
    with _removed(rescued, restored):
        report = await salvage(path, rescued)
        say(f"salvage: {report.items:,} items are readable, {len(report.lost):,} are lost")
        catalogue = read_catalogue(default_directory(path))
        await restore_chain(catalogue, catalogue.backups[-1], restored)
        filled = await fill(rescued, restored)
        say(f"the newest backup has {len(filled.filled):,} of those: they are filled in")
        damaged = _put_in_place(rescued, path)
    say(f"the rescued store is in place, the damaged file beside it as {damaged.name}")
    await _say_diagnosis(path, say)
    return Outcome(
        acknowledged=len(known),
        spoiled_pages=pages,
        salvaged=report.items,
        lost_at_first=len(report.lost),
        filled=len(filled.filled),
        intact=await _count_intact(path, known),
    )


def _put_in_place(rescued: Path, path: Path) -> Path:
    """Move the damaged store aside, its journal with it; return where it is."""
    damaged = path.with_name(f"{path.name}.damaged")
    for suffix in ("-wal", "-shm", ""):
        with contextlib.suppress(FileNotFoundError):
            Path(f"{path}{suffix}").replace(f"{damaged}{suffix}")
    rescued.rename(path)
    return damaged


@contextlib.contextmanager
def _removed(*paths: Path) -> Iterator[None]:
    """Remove what is left of working files when the block ends."""
    try:
        yield
    finally:
        for path in paths:
            for suffix in ("", "-wal", "-shm", ".lock"):
                path.with_name(f"{path.name}{suffix}").unlink(missing_ok=True)


async def _count_intact(path: Path, known: dict[str, str]) -> int:
    from engine import open_store

    async with open_store(path, create=False, actor="demo") as store:
        return await _intact(store, known)


async def _intact(store: MemoryStore, known: dict[str, str]) -> int:
    count = 0
    for name, text in known.items():
        item = await store.peek(name)
        count += item is not None and item.content == text
    return count


def _size(path: Path) -> str:
    return f"{path.stat().st_size / 1e6:.1f} MB"
