"""A line of tabs: the current one stands out by more than colour."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget


class TabStrip(Widget):
    """One line of names; a click or `step` chooses one."""

    DEFAULT_CSS = """
    TabStrip {
        height: 1;
        width: 1fr;
        text-wrap: nowrap;
    }
    """

    active: reactive[str] = reactive("")

    class Changed(Message):
        """Another tab was chosen."""

        def __init__(self, strip: TabStrip, name: str) -> None:
            super().__init__()
            self.strip = strip
            self.name = name

        @property
        def control(self) -> TabStrip:
            """The strip."""
            return self.strip

    def __init__(
        self,
        tabs: Sequence[tuple[str, str]],
        *,
        id: str | None = None,  # noqa: A002
    ) -> None:
        super().__init__(id=id)
        self._titles = dict(tabs)
        self.set_reactive(TabStrip.active, tabs[0][0])

    def set_title(self, name: str, title: str) -> None:
        """Change what a tab is called, for example to say how much is behind it."""
        if self._titles[name] != title:
            self._titles[name] = title
            self.refresh()

    def step(self, by: int) -> None:
        """Choose the next or the previous tab, around the ends."""
        names = list(self._titles)
        self.active = names[(names.index(self.active) + by) % len(names)]

    def watch_active(self, name: str) -> None:
        """Tell the owner."""
        if self.is_mounted:
            self.post_message(self.Changed(self, name))

    def render(self) -> Content:
        """Return the line."""
        parts: list[tuple[str, str]] = []
        for name, title in self._titles.items():
            if name == self.active:
                parts.append((f"▎{title} ", "bold underline $primary"))
            else:
                parts.append((f" {title} ", "$foreground-muted"))
        return Content.assemble(*parts)

    def on_click(self, event: events.Click) -> None:
        """Choose the tab that was clicked."""
        column = 0
        for name, title in self._titles.items():
            width = len(title) + 2
            if column <= event.x < column + width:
                self.active = name
            column += width
