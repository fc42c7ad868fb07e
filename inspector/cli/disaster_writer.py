"""An agent that writes until it is killed, and says of each item when it was acknowledged.

Run by `demo disaster` as a process of its own: `python -m inspector.cli.disaster_writer STORE`.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path


async def write(path: Path) -> None:
    """Put one item after another, and print the id of each once it is on disk."""
    from engine import open_store

    async with open_store(path, create=False, actor="agent") as store:
        number = 0
        while True:
            number += 1
            name = f"disaster/{number:06}"
            await store.put(name, text_of(number), agent="atlas", kind="episodic", tags={"late"})
            sys.stdout.write(f"{name}\n")
            sys.stdout.flush()


def text_of(number: int) -> str:
    """Return what the item of a number says, so that anybody can tell whether it still does."""
    return f"Step {number}: what the agent noted while nobody thought of backups. " * 5


if __name__ == "__main__":
    asyncio.run(write(Path(sys.argv[1])))
