"""Sessions and their messages, as records: written by import, read by whoever looks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import orjson

from engine.clock import to_datetime, to_microseconds
from engine.models import Message, Session
from engine.procedures.base import Many, Procedure, Statement
from engine.procedures.names import Names, ensure_keys, load_names

_PUT: Final = (
    "UPDATE sessions SET agent_key = ?, title = ?, state = ?, started_at = ?, ended_at = ?, "
    "metadata = ? WHERE session_key = ?"
)


def put_sessions(
    names: Names, sessions: Sequence[Session], metadata: Sequence[str | None]
) -> Procedure[None]:
    """Record sessions with their metadata as JSON; one that is known is replaced, messages stay."""
    agents = yield from ensure_keys(names.agents, {s.agent for s in sessions})
    keys = yield from ensure_keys(names.sessions, {s.id for s in sessions})
    yield Many(
        _PUT,
        [
            (
                agents[session.agent],
                session.title,
                session.state,
                to_microseconds(session.started_at),
                None if session.ended_at is None else to_microseconds(session.ended_at),
                packed,
                keys[session.id],
            )
            for session, packed in zip(sessions, metadata, strict=True)
        ],
    )


def put_messages(names: Names, messages: Sequence[Message]) -> Procedure[None]:
    """Record messages; one with a known session and ordinal is replaced."""
    keys = yield from ensure_keys(names.sessions, {m.session_id for m in messages})
    yield Many(
        # With a new key even in place of one that is there: incremental backups go by the key.
        "INSERT OR REPLACE INTO messages(session_key, ordinal, role, at, content) "
        "VALUES (?, ?, ?, ?, ?)",
        [
            (keys[m.session_id], m.ordinal, m.role, to_microseconds(m.at), m.content)
            for m in messages
        ],
    )


def list_sessions(names: Names) -> Procedure[list[Session]]:
    """Return the described sessions, the latest first."""
    rows = yield Statement(
        "SELECT name, agent_key, title, state, started_at, ended_at, metadata FROM sessions "
        "WHERE agent_key IS NOT NULL ORDER BY started_at DESC, session_key DESC"
    )
    yield from load_names(names.agents, {row[1] for row in rows})
    return [
        Session(
            id=name,
            agent=names.agents.names[agent],
            title=title,
            state=state,
            started_at=to_datetime(started),
            ended_at=None if ended is None else to_datetime(ended),
            metadata=orjson.loads(metadata) if metadata else {},
        )
        for name, agent, title, state, started, ended, metadata in rows
    ]


def list_messages(session_id: str) -> Procedure[list[Message]]:
    """Return the messages of a session in order."""
    rows = yield Statement(
        "SELECT m.ordinal, m.role, m.content, m.at FROM messages m JOIN sessions s "
        "ON s.session_key = m.session_key WHERE s.name = ? ORDER BY m.ordinal",
        (session_id,),
    )
    return [
        Message(
            session_id=session_id, ordinal=ordinal, role=role, content=content, at=to_datetime(at)
        )
        for ordinal, role, content, at in rows
    ]
