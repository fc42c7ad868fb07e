"""Base of the virtual views: draws lines of pieces, and lets nothing unsafe through.

`RoleView` knows how each `Role` looks in the current theme and makes strips of lines. Whoever
derives from it hands over raw text: `strip` is where it becomes visible and one line high.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.scroll_view import ScrollView
from textual.strip import Strip

from inspector.display import visible_line
from inspector.widgets.roles import ROLE_CLASSES, Piece, Role, role_css


@lru_cache(512)
def _foreground(style: Style) -> Style:
    """Return a style without its background, to be laid over the style of a row."""
    return Style(
        color=style.color,
        bold=style.bold,
        dim=style.dim,
        italic=style.italic,
        underline=style.underline,
        strike=style.strike,
        reverse=style.reverse,
    )


class RoleView(ScrollView, can_focus=True):
    """A scrolling view that draws lines made of pieces with roles."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *ROLE_CLASSES,
        "view--cursor",
        "view--header",
        "view--mark",
        "view--selection",
    }

    DEFAULT_CSS = (
        role_css("RoleView")
        + """
    RoleView {
        background: $background;
        color: $foreground;
        scrollbar-size-vertical: 1;
        scrollbar-size-horizontal: 1;
        overflow-x: hidden;
        overflow-y: auto;
        & > .view--cursor { background: $foreground 8%; }
        & > .view--header { color: $foreground-muted; text-style: bold; background: $surface; }
        & > .view--mark { color: $text-warning; text-style: bold; }
        & > .view--selection { background: $screen-selection-background; }
        &:focus > .view--cursor { background: $primary 35%; text-style: bold; }
        &:ansi { background: ansi_default; color: ansi_default; }
        &:ansi > .view--header {
            color: ansi_default; background: ansi_default; text-style: bold underline;
        }
        &:ansi > .view--cursor { background: ansi_default; text-style: bold; }
        &:ansi:focus > .view--cursor { background: ansi_default; text-style: reverse; }
        &:nocolor:focus > .view--cursor { text-style: reverse; }
    }
    """
    )

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._styles_cached: dict[str, Style] = {}

    def notify_style_update(self) -> None:
        """Forget computed styles: the theme, the focus or a class has changed."""
        super().notify_style_update()
        self._styles_cached.clear()

    def component_style(self, name: str) -> Style:
        """Return the full style of a component class."""
        style = self._styles_cached.get(name)
        if style is None:
            style = self._styles_cached[name] = self.get_component_rich_style(name)
        return style

    def role_style(self, role: Role) -> Style:
        """Return how a role looks, without a background."""
        name = f"role--{role.value}"
        style = self._styles_cached.get(name)
        if style is None:
            if role is Role.PLAIN:
                style = Style.null()
            else:
                style = _foreground(self.get_component_rich_style(name))
            self._styles_cached[name] = style
        return style

    def segments(self, line: Iterable[Piece], base: Style) -> list[Segment]:
        """Return the segments of a line, each text made visible."""
        return [Segment(visible_line(text), base + self.role_style(role)) for text, role in line]

    def strip(self, line: Iterable[Piece], width: int, base: Style, *, start: int = 0) -> Strip:
        """Return a line as a strip of exactly `width` cells, beginning at cell `start`."""
        return Strip(self.segments(line, base)).crop_extend(start, start + width, base)
