"""A slider over time: how dense changes were, which backups there are, and one moment chosen.

`TimelineView()`; `show(density, marks)` with `BackupMark(sequence, glyph)`. Reactive: `position`,
a sequence: the store as it was after that change. Properties: `here`, `neighbours`. Messages:
`Moved(sequence)`, `Chosen(sequence)` (Enter, double click).

Heights grow with the logarithm of the number of changes, so that a large import hides nothing.

Keys: h l left right, with shift ten times as far; , . by one change; [ ] to backups; g G home end;
+ - how much time is in sight; enter.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from inspector import formatting
from inspector.density import Density, Sight, Span, look
from inspector.widgets.role_view import RoleView
from inspector.widgets.roles import Line, Piece, Role
from inspector.widgets.wrapping import line_cells

CHART_LINES = 4
LARGE_STEP = 10
_EIGHTHS = " ▁▂▃▄▅▆▇█"
_CURSOR = "▲"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupMark:
    """Where a backup is on the line, and how it is drawn."""

    sequence: int
    glyph: str


class TimelineView(RoleView):
    """Changes over time, and a moment among them."""

    HELP = """\
How many changes were made when, and the moment that would be restored: `▲`. The left and right
arrows go to the neighbouring column that has changes, with shift ten columns; `,` and `.` go by
one change; `[` and `]` to the previous and the next backup (`◆` full, `◇` incremental). `+` and
`-` show less or more time. Enter restores; what is right of the moment would be taken back. The
slider can be dragged with the mouse, and a double click restores.

Heights grow with the logarithm of the number of changes.
"""
    BINDING_GROUP_TITLE = "Timeline"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "step(-1)", "Earlier", show=False, id="timeline.earlier"),
        Binding("right,l", "step(1)", "Later", show=False, id="timeline.later"),
        Binding("shift+left,H", "leap(-1)", "Much earlier", show=False, id="timeline.leap-back"),
        Binding("shift+right,L", "leap(1)", "Much later", show=False, id="timeline.leap"),
        Binding("comma", "change(-1)", "One change earlier", show=False, id="timeline.change-back"),
        Binding("full_stop", "change(1)", "One change later", show=False, id="timeline.change"),
        Binding("home,g", "oldest", "The oldest moment", show=False, id="timeline.oldest"),
        Binding("end,G", "newest", "Now", show=False, id="timeline.newest"),
        Binding(
            "left_square_bracket",
            "backup(-1)",
            "Previous backup",
            show=False,
            id="timeline.backup-back",
        ),
        Binding(
            "right_square_bracket", "backup(1)", "Next backup", show=False, id="timeline.backup"
        ),
        Binding("plus,equals_sign", "scale(2)", "Less time", show=False, id="timeline.closer"),
        Binding("minus", "scale(0.5)", "More time", show=False, id="timeline.farther"),
        Binding("enter", "choose", "Restore this", show=False, id="timeline.choose"),
    ]

    DEFAULT_CSS = f"""
    TimelineView {{
        height: {CHART_LINES + 2};
        overflow: hidden;
        &:focus {{ background: $primary 8%; }}
        &:ansi:focus {{ background: ansi_default; }}
    }}
    """

    position: reactive[int] = reactive(0, init=False)

    class Moved(Message):
        """Another moment is chosen."""

        def __init__(self, view: TimelineView, sequence: int) -> None:
            super().__init__()
            self.view = view
            self.sequence = sequence

        @property
        def control(self) -> TimelineView:
            """The view."""
            return self.view

    class Chosen(Moved):
        """The moment was opened with Enter or a double click."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._density: Density | None = None
        self._marks: Sequence[BackupMark] = ()
        self._scale = 1.0
        self._sight = Sight()
        self._dragging = False

    # What is shown -------------------------------------------------------------------------

    def show(self, density: Density, marks: Sequence[BackupMark]) -> None:
        """Show this; the moment stays, and at the newest one it goes along."""
        was_newest = self._density is None or self.position == self._density.newest.sequence
        self._density, self._marks = density, marks
        self.position = density.newest.sequence if was_newest else self.position
        self._lay_out()

    @property
    def here(self) -> Span | None:
        """The changes in the column of the moment; None if there are none at all."""
        return self._sight.columns[self._cursor] if self._sight.columns else None

    @property
    def neighbours(self) -> tuple[Span | None, Span | None]:
        """The nearest columns in sight, before and after that of the moment, that have changes."""
        return self._sight.nearest(self._cursor)

    @property
    def _cursor(self) -> int:
        """The column of the moment."""
        return self._sight.column_of(self.position)

    def _lay_out(self, *, centred: bool = False) -> None:
        """Join the spans in sight to columns, with the moment in their middle if that is asked."""
        if self._density is not None:
            self._sight = look(
                self._density,
                position=self.position,
                width=self.size.width,
                scale=self._scale,
                first=None if centred else self._sight.first,
            )
        self.refresh()

    def validate_position(self, position: int) -> int:
        """Keep the moment between the oldest and the newest."""
        if self._density is None:
            return position
        return max(self._density.oldest.sequence, min(position, self._density.newest.sequence))

    def watch_position(self, position: int) -> None:
        """Keep the moment in sight, and tell."""
        if self._scale > 1:
            self._lay_out()
        self.refresh()
        self.post_message(self.Moved(self, position))

    def on_resize(self, event: events.Resize) -> None:
        """Make as many columns as there is room for."""
        self._lay_out()

    # Drawing -------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """Draw one line: of the chart, of the backups, or of the times."""
        width, base = self.size.width, self.rich_style
        if not self._sight.columns:
            text = "  no changes yet" if y == CHART_LINES - 1 else ""
            return self.strip(((text, Role.DIM),), width, base)
        if y < CHART_LINES:
            return self.strip(self._chart_line(CHART_LINES - 1 - y), width, base)
        line = self._backup_line() if y == CHART_LINES else self._time_line(width)
        return self.strip(line, width, base)

    def _chart_line(self, level: int) -> Line:
        """Return the line `level` of the chart, from the bottom; what is undone is pale."""
        most = math.log1p(max(span.changes for span in self._sight.columns)) or 1.0
        cursor = self._cursor
        pieces: list[Piece] = []
        for number, span in enumerate(self._sight.columns):
            eighths = math.ceil(math.log1p(span.changes) / most * 8 * CHART_LINES)
            glyph = _EIGHTHS[max(0, min(8, eighths - 8 * level))]
            if number == cursor:
                pieces.append((glyph if glyph != " " else "│", Role.STRONG))
            else:
                pieces.append((glyph, Role.ACCENT if number < cursor else Role.DIM))
        return tuple(pieces)

    def _backup_line(self) -> Line:
        glyphs = ["─"] * len(self._sight.columns)
        for mark in self._marks:
            if self._sight.before <= mark.sequence <= self._sight.reached[-1]:
                at = self._sight.column_of(mark.sequence)
                # A full backup is not hidden by what was built on it.
                if glyphs[at] != "◆":
                    glyphs[at] = mark.glyph
        return tuple((g, Role.DIM if g == "─" else Role.STRONG) for g in glyphs)

    def _time_line(self, width: int) -> Line:
        first, last = self._sight.columns[0].start, self._sight.columns[-1].end
        left, right = formatting.exact_time(first), formatting.exact_time(last)
        cursor = self._cursor
        if line_cells(((left + right, Role.DIM),)) + 3 > width:
            left = right = ""
        text = list(left + " " * (width - len(left) - len(right)) + right)
        before, after = "".join(text[:cursor]), "".join(text[cursor + 1 :])
        return ((before, Role.DIM), (_CURSOR, Role.STRONG), (after, Role.DIM))

    # Keys and mouse ------------------------------------------------------------------------

    def _move_to_column(self, column: int) -> None:
        """Go to the end of a column that is in sight."""
        if self._sight.columns:
            self.position = self._sight.reached[max(0, min(column, len(self._sight.reached) - 1))]

    def action_step(self, by: int) -> None:
        """Go to the next column, or the previous, that has changes."""
        self._step(self._cursor + by, by)

    def action_leap(self, by: int) -> None:
        """Go some columns further."""
        self._step(self._cursor + by * LARGE_STEP, by)

    def _step(self, column: int, by: int) -> None:
        """Go to a column, and from there to one that is another moment."""
        last = len(self._sight.columns) - 1
        column = max(-1, min(column, last))
        while 0 <= column <= last and self._sight.reached[column] == self.position:
            column += by
        if not self._sight.columns:
            return
        if column > last:
            target = self.position
        else:
            target = self._sight.before if column < 0 else self._sight.reached[column]
        # Beyond what is in sight there may be more: one change brings it into sight.
        self.position = target if target != self.position else self.position + by

    def action_change(self, by: int) -> None:
        """Go by single changes."""
        self.position += by

    def action_oldest(self) -> None:
        """Go to the oldest moment."""
        if self._density is not None:
            self.position = self._density.oldest.sequence

    def action_newest(self) -> None:
        """Go to now."""
        if self._density is not None:
            self.position = self._density.newest.sequence

    def action_backup(self, by: int) -> None:
        """Go to the previous or the next backup."""
        sequences = sorted({mark.sequence for mark in self._marks})
        if by < 0:
            found = [sequence for sequence in sequences if sequence < self.position][-1:]
        else:
            found = [sequence for sequence in sequences if sequence > self.position][:1]
        if found:
            self.position = found[0]

    def action_scale(self, by: float) -> None:
        """Show less time or more."""
        most = len(self._density.spans) / max(1, self.size.width) if self._density else 1.0
        self._scale = max(1.0, min(self._scale * by, most))
        self._lay_out(centred=True)
        self.post_message(self.Moved(self, self.position))

    def action_choose(self) -> None:
        """Restore this moment."""
        if self._sight.columns:
            self.post_message(self.Chosen(self, self.position))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Take hold of the slider."""
        self._dragging = True
        self.capture_mouse()
        self._move_to_column(event.x)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Drag it."""
        if self._dragging:
            self._move_to_column(event.x)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Let it go."""
        self._dragging = False
        self.release_mouse()

    def on_click(self, event: events.Click) -> None:
        """Restore the moment that was clicked twice."""
        if event.chain == 2:
            self.action_choose()
