"""The one-line editor of the query bar: coloured, and safe with whatever is pasted or inserted.

`QueryInput(highlight)`; reactive `fault`: the stretch `(position, length)` that is wrong. Each
character is drawn as exactly one printable character, so that the cursor stands where it edits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar, TypeAlias

from rich.cells import cell_len, get_character_cell_size
from rich.style import Style
from rich.text import Text
from textual.reactive import reactive
from textual.widgets import Input

from inspector.display import visible_same_length
from inspector.widgets.roles import ROLE_CLASSES, Role, role_css

Highlight: TypeAlias = Callable[[str], Iterable[tuple[int, int, Role]]]


class QueryInput(Input):
    """A line of text in the query language."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {*ROLE_CLASSES, "query--fault"}

    DEFAULT_CSS = (
        role_css("QueryInput")
        + """
    QueryInput {
        & > .query--fault { color: $text-error; text-style: underline bold; }
        &:ansi > .query--fault { color: ansi_red; text-style: underline bold; }
    }
    """
    )

    fault: reactive[tuple[int, int] | None] = reactive(None)

    def __init__(self, highlight: Highlight | None = None, **options: Any) -> None:
        # Before the rest: `Input` measures its value while it is made.
        self._highlight = highlight
        super().__init__(compact=True, select_on_focus=False, **options)

    def _component(self, name: str) -> Style:
        style = self.get_component_rich_style(name)
        return Style(
            color=style.color,
            bold=style.bold,
            dim=style.dim,
            italic=style.italic,
            underline=style.underline,
        )

    @property
    def _value(self) -> Text:
        """The value as it is drawn."""
        text = Text(visible_same_length(self.value), no_wrap=True, overflow="ignore", end="")
        # `Input` measures its first value before there are any styles to colour it with.
        if self._highlight is not None and self.is_mounted:
            for start, end, role in self._highlight(self.value):
                text.stylize(self._component(f"role--{role.value}"), start, end)
        if self.fault is not None:
            position, length = self.fault
            text.stylize(self._component("query--fault"), position, position + max(1, length))
        return text

    def _position_to_cell(self, position: int) -> int:
        """Return the cell where a character is drawn."""
        return cell_len(visible_same_length(self.value[:position]))

    def _cell_offset_to_index(self, offset: int) -> int:
        """Return the character that is drawn at a cell."""
        cell = 0
        target = offset + self.scroll_offset.x
        for index, character in enumerate(visible_same_length(self.value)):
            cell += get_character_cell_size(character)
            if target < cell:
                return index
        return len(self.value)
