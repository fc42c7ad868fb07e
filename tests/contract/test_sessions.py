"""Sessions and their messages, as records."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from kit import START

from engine import InvalidItemError, MemoryStore, Message, Session


def session(name: str, **fields: Any) -> Session:
    given: dict[str, Any] = {
        "id": name,
        "agent": "atlas",
        "title": f"about {name}",
        "state": "ended",
        "started_at": START,
        "ended_at": START + timedelta(hours=1),
        "metadata": {"model": "x"},
    }
    return Session(**{**given, **fields})


def message(ordinal: int, content: str = "hello", **fields: Any) -> Message:
    given: dict[str, Any] = {
        "session_id": "s1",
        "ordinal": ordinal,
        "role": "user",
        "content": content,
        "at": START + timedelta(seconds=ordinal % 1_000),
    }
    return Message(**{**given, **fields})


async def test_sessions_come_back_latest_first(store: MemoryStore) -> None:
    """What was recorded is read, in order of start."""
    old = session("old", started_at=START - timedelta(days=1))
    new = session("new", ended_at=None, state="open", metadata={})
    await store.put_sessions([old, new])

    assert await store.sessions() == [new, old]


async def test_a_session_recorded_again_is_replaced(store: MemoryStore) -> None:
    """The later record counts, and the messages stay."""
    await store.put_sessions([session("s1")])
    await store.put_messages([message(1)])
    crashed = session("s1", state="crashed", ended_at=None)
    await store.put_sessions([crashed])

    assert await store.sessions() == [crashed]
    assert await store.messages("s1") == [message(1)]


async def test_messages_come_in_order_and_replace_by_ordinal(store: MemoryStore) -> None:
    """Ordinals say where a message stands, whenever it was written."""
    await store.put_messages([message(2, "b"), message(1, "a"), message(3, "\0\x1b 東京")])
    await store.put_messages([message(2, "B", role="assistant"), message(1, session_id="s2")])

    assert [m.content for m in await store.messages("s1")] == ["a", "B", "\0\x1b 東京"]
    assert len(await store.messages("s2")) == 1
    assert await store.messages("no") == []


async def test_a_session_that_items_mention_is_not_described(store: MemoryStore) -> None:
    """An id alone, from an item or a message, is no session record until somebody describes it."""
    await store.put("a", "x", session_id="s1")
    await store.put_messages([message(1, session_id="s2")])
    assert await store.sessions() == []

    await store.put_sessions([session("s1")])
    assert [found.id for found in await store.sessions()] == ["s1"]
    item = await store.peek("a")
    assert item is not None
    assert item.session_id == "s1"


@pytest.mark.parametrize(
    "record",
    [
        session(""),
        session("\ud800"),
        session("s", agent=""),
        session("s", title="\ud800"),
        session("s", state="\udfff"),
        session("s", state="running"),
        message(1, role=""),
        session("s", started_at=START.replace(tzinfo=None)),
        session("s", metadata={"x": float("nan")}),
        session("s", metadata={"x": object()}),
        message(1, session_id="x" * 300),
        message(1, content="\ud800"),
        message(1, role="\ud800"),
        message(2**63, at=START),
        message(1, at=START.replace(tzinfo=None)),
    ],
    ids=range(15),
)
async def test_a_bad_record_is_refused(store: MemoryStore, record: Session | Message) -> None:
    """What cannot be kept is a typed error, and nothing of the same call is written."""
    if isinstance(record, Session):
        writing = store.put_sessions([session("good"), record])
    else:
        writing = store.put_messages([message(7, session_id="good"), record])
    with pytest.raises(InvalidItemError):
        await writing
    assert await store.sessions() == []
    assert await store.messages("good") == []
