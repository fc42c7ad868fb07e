"""The top line: which store, how many items, whether it is live, and the screens there are."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from inspector import display, formatting

NAME_CELLS_MAX = 40


class Light(Enum):
    """Whether the store is followed: a glyph and a word, so that no colour is needed."""

    OPENING = ("○", "opening", "$foreground-muted")
    LIVE = ("●", "live", "$success")
    PAUSED = ("○", "not live", "$warning")
    READ_ONLY = ("◌", "read-only", "$warning")
    FAILED = ("✗", "failed", "$error")


class StoreHeader(Widget):
    """One line; the screens at the right are clickable."""

    DEFAULT_CSS = """
    StoreHeader {
        dock: top;
        height: 1;
        background: $panel;
        color: $foreground;
        text-wrap: nowrap;
    }
    """

    count: reactive[int | None] = reactive(None)
    light: reactive[Light] = reactive(Light.OPENING)

    class ModeClicked(Message):
        """A screen's name was clicked."""

        def __init__(self, mode: str) -> None:
            super().__init__()
            self.mode = mode

    def __init__(
        self,
        store_name: str,
        *,
        modes: Sequence[tuple[str, str]] = (),
        id: str | None = None,  # noqa: A002
    ) -> None:
        super().__init__(id=id)
        self._store_name = display.visible_line(store_name, NAME_CELLS_MAX)
        self._modes = modes

    def name_store(self, name: str) -> None:
        """Say which store it is, if another one was opened instead."""
        self._store_name = display.visible_line(name, NAME_CELLS_MAX)

    def render(self) -> Content:
        """Return the line: facts at the left, screens at the right as far as there is room."""
        glyph, word, colour = self.light.value
        facts = Content.assemble(
            (" ◆ ", "$primary bold"),
            ("memory-inspector", "bold") if self.size.width >= 100 else "",
            "  " if self.size.width >= 100 else "",
            (self._store_name, "$accent bold"),
            "  ",
            (f"{glyph} {word}", colour),
            "  ",
            "" if self.count is None else f"{formatting.count(self.count)} items",
        )
        screens = self._screens()
        gap = self.size.width - facts.cell_length - screens.cell_length
        return Content.assemble(facts, " " * gap, screens) if gap > 1 else facts

    def _screens(self) -> Content:
        current = self.app.current_mode
        parts: list[Content | tuple[str, str]] = []
        for number, (mode, title) in enumerate(self._modes, start=1):
            style = "bold $primary" if mode == current else "$foreground-muted"
            parts.append((f" {number} {title} ", style))
        return Content.assemble(*parts)

    def on_click(self, event: events.Click) -> None:
        """Switch to the screen whose name was clicked."""
        screens = self._screens()
        column = self.size.width - screens.cell_length
        for number, (mode, title) in enumerate(self._modes, start=1):
            width = len(f" {number} {title} ")
            if column <= event.x < column + width:
                self.post_message(self.ModeClicked(mode))
            column += width
