"""The list of suggestions under the query bar. Never has the focus; the bar moves its cursor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from textual import events
from textual.message import Message
from textual.strip import Strip

from inspector import formatting
from inspector.display import visible_line
from inspector.widgets.cursor_view import CursorView
from inspector.widgets.roles import Line, Role
from inspector.widgets.wrapping import cells_of

ROWS_MAX = 8
_CELLS_MIN = 24
_CELLS_MAX = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A text that would replace what stands from `start` to `end`."""

    start: int
    end: int
    insert_text: str
    label: str
    count: int | None = None
    kind: str = ""


class SuggestionList(CursorView, can_focus=False):
    """What the word at the cursor could become."""

    ALLOW_SELECT = False

    DEFAULT_CSS = """
    SuggestionList {
        overlay: screen;
        constrain: inside inside;
        display: none;
        background: $panel;
        & > .view--cursor { background: $primary 45%; text-style: bold; }
        &:ansi > .view--cursor { text-style: reverse; }
        &:nocolor > .view--cursor { text-style: reverse; }
    }
    """

    class Chosen(Message):
        """A suggestion was clicked."""

        def __init__(self, suggestion: Suggestion) -> None:
            super().__init__()
            self.suggestion = suggestion

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._suggestions: Sequence[Suggestion] = ()
        self._entered = False

    @property
    def row_count(self) -> int:
        """How many suggestions there are."""
        return len(self._suggestions)

    @property
    def entered(self) -> bool:
        """Whether the cursor has been moved into the list."""
        return self._entered and self.display

    @property
    def current(self) -> Suggestion | None:
        """The suggestion that Tab would take."""
        if not self.display or not self._suggestions:
            return None
        return self._suggestions[self.cursor_row]

    def open(self, suggestions: Sequence[Suggestion], x: int) -> None:
        """Show suggestions from column `x` on; none closes the list."""
        self._suggestions = tuple(suggestions)
        self._entered = False
        self.display = bool(suggestions)
        if not suggestions:
            return
        cells = max(line_width for line_width in map(_width, suggestions))
        self.styles.width = min(max(cells, _CELLS_MIN), _CELLS_MAX)
        self.styles.height = min(len(suggestions), ROWS_MAX)
        self.styles.offset = (x, 0)
        self.rows_changed()
        self.put_cursor(0, 0)
        self.refresh()

    def close(self) -> None:
        """Hide the list."""
        self.open((), 0)

    def step(self, by: int) -> None:
        """Enter the list, move in it, or leave it at the top."""
        if not self._entered:
            self._entered = by > 0
        elif by < 0 and self.cursor_row == 0:
            self._entered = False
        else:
            self.cursor_row += by
        self.refresh()

    def row_clicked(self, row: int, x: int, event: events.Click) -> None:
        """Announce the suggestion that was clicked."""
        event.stop()
        self.post_message(self.Chosen(self._suggestions[row]))

    def render_row(self, row: int, width: int) -> Strip:
        """Draw one suggestion."""
        at_cursor = self._entered and row == self.cursor_row
        base = self.component_style("view--cursor") if at_cursor else self.rich_style
        return self.strip(
            _line(self._suggestions[row], "▸" if at_cursor else " ", width), width, base
        )


def _right(suggestion: Suggestion) -> str:
    """Return what stands at the right of a suggestion."""
    count = "" if suggestion.count is None else formatting.count(suggestion.count)
    return " ".join(part for part in (visible_line(suggestion.kind, 12), count) if part)


def _width(suggestion: Suggestion) -> int:
    return cells_of(visible_line(suggestion.label, _CELLS_MAX)) + len(_right(suggestion)) + 4


def _line(suggestion: Suggestion, glyph: str, width: int) -> Line:
    right = _right(suggestion)
    cells = max(1, width - len(right) - 3)
    label = formatting.align(visible_line(suggestion.label, cells), cells)
    return (glyph, Role.PLAIN), (label, Role.PLAIN), (f" {right} ", Role.DIM)
