"""A small app around one widget, and the look at what it draws."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from textual.app import App, ComposeResult
from textual.message import Message
from textual.pilot import Pilot
from textual.widget import Widget

HOSTILE = (
    "\x1b]0;owned\x07",
    "\x1b]52;c;b3duZWQ=\x1b\\",
    "\x1b[2J\x1b[31m",
    "\x9b31m\x9d0;owned\x9c",
    "a\rb\x08c\x00d\x7f",
    "user\u202etxt.exe\u2066x\u2069",
    "zero\u200bwidth\u200d\ufeff",
    "tags\U000e0041\U000e0042",
    "[/nope]",
    "[@click=app.bell]x[/]",
    "[link=https://x.test]y[/link]",
    "lone \ud800 surrogate",
    "line one\nline two\ttab\u2028three",
    "日本語 👩‍💻 ❤️ مرحبا",
    "Zalgo" + "\u0301" * 40,
    "x" * 5000,
)
_FORBIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


class WidgetApp(App[None]):
    """Shows widgets, keeps their messages."""

    def __init__(self, *widgets: Widget) -> None:
        super().__init__()
        self.shown = widgets
        self.messages: list[Message] = []

    def compose(self) -> ComposeResult:
        yield from self.shown

    def posted(self, kind: type[Message]) -> list[Any]:
        """Return the messages of exactly this class, oldest first."""
        return [message for message in self.messages if type(message) is kind]

    async def _on_message(self, message: Message) -> None:
        self.messages.append(message)
        await super()._on_message(message)


async def settle(pilot: Pilot[None], rounds: int = 3) -> None:
    """Wait until workers and what follows from them are done."""
    for _ in range(rounds):
        await pilot.pause()
        await pilot.app.workers.wait_for_complete()
    await pilot.pause()


def drawn_segments(app: App[None]) -> Iterator[tuple[str, Any]]:
    """Yield every text that the screen draws, with its style."""
    size = app.size
    for widget in app.screen.walk_children(Widget, with_self=True):
        if not widget.display or not widget.region.area:
            continue
        for y in range(widget.size.height):
            for segment in widget.render_line(y):
                yield segment.text, segment.style
    for strip in app.screen._compositor.render_strips(size):
        for segment in strip:
            yield segment.text, segment.style


def screen_text(app: App[None]) -> str:
    """Return the screen as text."""
    return "\n".join(
        strip.text.rstrip() for strip in app.screen._compositor.render_strips(app.size)
    )


def assert_harmless(app: App[None]) -> None:
    """Nothing that acts on a terminal is drawn, and nothing stored became live."""
    for text, style in drawn_segments(app):
        bad = [hex(ord(c)) for c in text if unicodedata.category(c) in _FORBIDDEN]
        assert bad == [], f"{bad} in {text!r}"
        if style is not None:
            assert style.link is None
            assert "@click" not in style.meta


def hostile_row(key: int) -> SimpleNamespace:
    """Return a row whose every field is hostile."""
    text = HOSTILE[key % len(HOSTILE)]
    return SimpleNamespace(id=text, kind=text, text=text)
