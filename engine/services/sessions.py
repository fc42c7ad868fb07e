"""Recorded sessions and their messages."""

from __future__ import annotations

from collections.abc import Sequence

from engine.errors import InvalidItemError
from engine.models import SESSION_STATES, Message, Session
from engine.procedures import sessions
from engine.services.core import Core
from engine.validation import check_count, check_name, check_text


class SessionService(Core):
    """The part of a store that keeps sessions."""

    async def sessions(self) -> list[Session]:
        """Return the recorded sessions, the latest first."""
        return await self._backend.read(sessions.list_sessions, self._names)

    async def messages(self, session_id: str) -> list[Message]:
        """Return the messages of a session in order."""
        return await self._backend.read(sessions.list_messages, session_id)

    async def put_sessions(self, records: Sequence[Session]) -> None:
        """Record sessions; one that is known is replaced, its messages stay.

        Raises:
            InvalidItemError: a field of one cannot be stored; nothing was written.
        """
        for session in records:
            check_name("session", session.id, self.limits)
            check_name("agent", session.agent, self.limits)
            check_text("title", session.title, self.limits)
            if session.state not in SESSION_STATES:
                raise InvalidItemError(
                    f"state is {session.state!r:.60}",
                    hint=f"use one of {', '.join(SESSION_STATES)}",
                )
        metadata = [self._drafting.metadata(session.metadata) for session in records]
        await self._backend.write(sessions.put_sessions, self._names, list(records), metadata)

    async def put_messages(self, records: Sequence[Message]) -> None:
        """Record messages; one with a known session and ordinal is replaced."""
        for message in records:
            check_name("session", message.session_id, self.limits)
            check_count("ordinal", message.ordinal)
            check_name("role", message.role, self.limits)
            check_text("content", message.content, self.limits)
        await self._backend.write(sessions.put_messages, self._names, list(records))
