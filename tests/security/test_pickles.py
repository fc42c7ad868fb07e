"""Pickled content is bytes to look at: nothing that reads a store ever loads it."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import InvalidContentError, MemoryStore, PickledContent


def reduce_of(module: str, name: str, *args: Any) -> bytes:
    """Return a pickle that calls a function when it is loaded."""
    body = b"c" + f"{module}\n{name}\n".encode() + b"("
    for arg in args:
        body += pickle.dumps(arg, protocol=0)[:-1]
    return body + b"tR."


PAYLOADS: list[bytes] = [
    reduce_of("os", "system", "touch /tmp/owned"),
    reduce_of("posix", "system", "id"),
    reduce_of("subprocess", "Popen", ["id"]),
    reduce_of("subprocess", "check_output", ["id"]),
    reduce_of("builtins", "exec", "import os; os.system('id')"),
    reduce_of("builtins", "eval", "__import__('os').system('id')"),
    reduce_of("builtins", "open", "/etc/passwd"),
    reduce_of("builtins", "__import__", "os"),
    reduce_of("builtins", "getattr", "x", "y"),
    reduce_of("importlib", "import_module", "os"),
    reduce_of("socket", "create_connection", ("127.0.0.1", 9)),
    reduce_of("urllib.request", "urlopen", "http://127.0.0.1:9"),
    reduce_of("shutil", "rmtree", "/tmp/owned"),
    reduce_of("runpy", "run_path", "/tmp/owned.py"),
    reduce_of("code", "interact"),
    reduce_of("pty", "spawn", "/bin/sh"),
    reduce_of("ctypes", "CDLL", "libc.so.6"),
    reduce_of("timeit", "timeit", "1"),
    reduce_of("pickle", "loads", b"cos\nsystem\n."),
    b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x02id\x85R.",
    b"cos\nsystem\n(S'id'\no.",
    b"(S'id'\nios\nsystem\n.",
    b"\x80\x02cbuiltins\neval\nq\x00X\x01\x00\x00\x001q\x01\x85q\x02Rq\x03.",
    b"(" * 10_000 + b"t" * 9_999 + b".",
    b"\x80\x04" + b"X\x00\x00\x00\x00\x94" * 5_000 + b".",
]

SCRIPT = """
import asyncio, base64, json, sys
WATCHED = {"pickle.find_class", "os.system", "subprocess.Popen", "socket.connect", "exec",
           "os.exec", "os.posix_spawn", "ctypes.dlopen", "pty.spawn", "shutil.rmtree",
           "urllib.Request"}
events = []
armed = False
def hook(event, args):
    # Importing a module of the standard library runs its code too: that has a file.
    imported = event == "exec" and args[0].co_filename.startswith("/")
    if armed and event in WATCHED and not imported:
        events.append(event)
sys.addaudithook(hook)
from engine import PickledContent, open_store
import engine.pickle_codec, pickletools

async def main(path, payloads):
    global armed
    async with open_store(path) as store:
        await store.put("warm", "up"); await store.search("up"); await store.query()
        armed = True
        for number, payload in enumerate(payloads):
            content = PickledContent(payload)
            item = await store.put(f"p{number}", content, metadata={"n": number}, tags=["t"])
            assert item.content == content
            read = await store.get(item.id)
            assert type(read.content) is PickledContent and read.content.data == payload
            read.content.opcodes(50); repr(read); read.content.opcodes()
            await store.update(item.id, content=PickledContent(payload + b"."), importance=0.9)
            await store.history(item.id)
            await store.content_bytes(item.id)
            await store.delete(item.id)
            await store.undo(await store.sequence())
        await store.query("has:tags"); await store.search("system posix os")
        await store.previews((await store.find_keys([f"p{n}" for n in range(30)])).values())
        [item async for item in store.iterate()]
        await store.bulk_update(query="", add_tags=["u"], agent="other")
        await store.flush()
    async with open_store(path, allow_pickle=True) as store:
        for number in range(len(payloads)):
            assert type((await store.get(f"p{number}")).content) is PickledContent
    armed = False

asyncio.run(main(sys.argv[1], [base64.b64decode(p) for p in json.load(sys.stdin)]))
print(json.dumps(events))
"""


def test_payloads_never_run(path: Path) -> None:
    """Storing, reading, listing, changing, undoing: no payload is loaded, by any of them."""
    assert len(PAYLOADS) == 25
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(path)],
        input=json.dumps([b64encode(payload).decode() for payload in PAYLOADS]),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.stdout.strip() == "[]", result.stderr


def test_the_watcher_can_see(path: Path) -> None:
    """The same hook does report a payload that is loaded."""
    script = (
        "import sys, pickle\nevents = []\n"
        "sys.addaudithook(lambda event, args: events.append(event))\n"
        "try:\n    pickle.loads(b'cos\\nsystem\\n(S\"true\"\\ntR.')\nexcept Exception: pass\n"
        "print('pickle.find_class' in events and 'os.system' in events)"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "True"


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_opcodes_are_told_in_bounded_length(payload: bytes) -> None:
    """What a payload would do is shown as lines, so many and so long at most."""
    lines = PickledContent(payload).opcodes(20)

    assert 0 < len(lines) <= 21
    assert all(len(line) < 300 for line in lines)


@settings(deadline=None, max_examples=300, database=None)
@given(data=st.binary(max_size=60))
def test_opcodes_of_anything_are_no_crash(data: bytes) -> None:
    """Any bytes can be looked at."""
    PickledContent(data).opcodes()


@settings(deadline=None, max_examples=100, database=None)
@given(
    value=st.recursive(
        st.integers() | st.text() | st.binary() | st.floats() | st.none(),
        lambda below: st.lists(below) | st.dictionaries(st.integers(), below) | st.tuples(below),
        max_leaves=10,
    )
)
def test_opcodes_of_real_pickles_are_complete(value: Any) -> None:
    """A whole pickle is told to its end."""
    assert "STOP" in PickledContent(pickle.dumps(value)).opcodes(100_000)[-1]


async def test_objects_that_cannot_be_pickled_are_refused(open_memory: Any) -> None:
    """With pickling allowed, what Python cannot pickle is still a typed error."""
    store: MemoryStore = await open_memory(allow_pickle=True)
    for value in (lambda: 0, (n for n in range(3)), sys):
        with pytest.raises(InvalidContentError):
            await store.put("a", value)
    assert b64decode(b64encode(b"x")) == b"x"
    assert await store.count() == 0
