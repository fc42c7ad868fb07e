"""The content of an item: JSON, Markdown or text, bytes as a hex dump, pickles as opcodes.

`ContentView()`; `show_json(value, *, text=None, remaining_bytes=0)`, `show_text(text, *,
markdown=None, remaining_bytes=0)`, `show_bytes(data, *, remaining_bytes=0)`,
`show_opcodes(lines, *, remaining=0)`, `show_message(title, detail, hint, role)`, `clear()`.
Reactive: `view` ("rendered", "source"). Message: `MoreRequested(shown_bytes)`.

Keys: those of `LineView`; `r` switches between rendered and source, Enter loads more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal, TypeAlias

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive

from inspector import formatting
from inspector.widgets.hex_lines import HexLines, bytes_per_row
from inspector.widgets.json_lines import json_lines, json_source, source_lines
from inspector.widgets.line_view import LineView
from inspector.widgets.markdown_lines import looks_like_markdown, markdown_lines
from inspector.widgets.roles import Line, Role

PREVIEW_BYTES_MAX = 65_536
"""What is shown at first, and what each request for more adds."""

_Lines: TypeAlias = Callable[[int], Sequence[Line]]
"""Makes the lines for a width."""


class ContentView(LineView):
    """What an item holds."""

    HELP = """\
What the item holds. `r` shows it as it is stored; Enter loads more of what is long.
"""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "cycle_view", "Rendered or source", show=False, id="content.view"),
        Binding("enter", "more", "Load more", show=False, id="content.more"),
    ]

    view: reactive[Literal["rendered", "source"]] = reactive("rendered", init=False)

    class MoreRequested(Message):
        """More than the first `shown_bytes` is wanted."""

        def __init__(self, content_view: ContentView, shown_bytes: int) -> None:
            super().__init__()
            self.content_view = content_view
            self.shown_bytes = shown_bytes

        @property
        def control(self) -> ContentView:
            """The view."""
            return self.content_view

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._rendered: _Lines | None = None
        self._source: _Lines | None = None
        self._identity: object = None
        self._remaining = 0
        self._shown_bytes = 0
        self._asked_for_more = False

    # What to show --------------------------------------------------------------------------

    def show_json(self, value: Any, *, text: str | None = None, remaining_bytes: int = 0) -> None:
        """Show a JSON value; or its source, which may be a beginning, if `text` is given."""
        whole = text is None or (remaining_bytes == 0 and value is not None)
        source = json_source(value) if whole else text or ""
        stored = text if text is not None else source
        self._show(
            ("json", source, remaining_bytes),
            lambda width: json_lines(source),
            lambda width: source_lines(stored),
            shown_bytes=len(stored.encode("utf-8", "surrogatepass")),
            remaining=remaining_bytes,
        )

    def show_text(
        self, text: str, *, markdown: bool | None = None, remaining_bytes: int = 0
    ) -> None:
        """Show text, as Markdown if it is or looks so."""
        if markdown is None:
            markdown = looks_like_markdown(text)
        self._show(
            ("text", text, remaining_bytes),
            (lambda width: markdown_lines(text))
            if markdown
            else (lambda width: source_lines(text)),
            lambda width: source_lines(text),
            shown_bytes=len(text.encode("utf-8", "surrogatepass")),
            remaining=remaining_bytes,
        )

    def show_bytes(self, data: bytes, *, remaining_bytes: int = 0) -> None:
        """Show bytes as a hex dump."""
        more = self._more_line(remaining_bytes) if remaining_bytes else None
        self._show(
            ("bytes", data, remaining_bytes),
            lambda width: HexLines(data, bytes_per_row(width), more),
            None,
            shown_bytes=len(data),
            remaining=remaining_bytes,
        )

    def show_opcodes(self, lines: Sequence[str], *, remaining: int = 0) -> None:
        """Show what a pickle would do; it is never done."""
        head: tuple[Line, ...] = (
            (("Pickled Python object", Role.STRONG), (", shown as opcodes, not loaded", Role.DIM)),
            (),
        )
        body: list[Line] = [*head, *(_opcode(line) for line in lines)]
        self._show(
            ("opcodes", tuple(lines), remaining),
            lambda width: body,
            None,
            shown_bytes=0,
            remaining=remaining,
        )

    def show_message(
        self, title: str, detail: str = "", hint: str = "", role: Role = Role.DIM
    ) -> None:
        """Say something in place of content: what, why, and what to do."""
        lines: list[Line] = [(), ((title, Role.STRONG if role is Role.DIM else role),)]
        lines += source_lines(detail) if detail else []
        lines += source_lines(hint, Role.DIM) if hint else []
        self._show(
            ("message", title, detail, hint), lambda width: lines, None, shown_bytes=0, remaining=0
        )

    def clear(self) -> None:
        """Show nothing."""
        self._show(None, lambda width: (), None, shown_bytes=0, remaining=0)

    def _show(
        self,
        identity: object,
        rendered: _Lines,
        source: _Lines | None,
        *,
        shown_bytes: int,
        remaining: int,
    ) -> None:
        # The same again is not drawn again: what is scrolled to stays.
        if identity == self._identity and identity is not None:
            return
        self._identity = identity
        self._rendered = rendered
        self._source = source
        self._shown_bytes = shown_bytes
        self._remaining = remaining
        keep_scroll, self._asked_for_more = self._asked_for_more, False
        self.set_lines((), keep_scroll=keep_scroll)

    def _more_line(self, remaining: int) -> Line:
        return (
            ("… ", Role.DIM),
            (f"{formatting.byte_size(remaining)} more", Role.LINK),
            ("  Enter loads it", Role.DIM),
        )

    # Lines ---------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        """Make the lines of the current view for the current width."""
        make = self._source if self.view == "source" and self._source else self._rendered
        lines = make(self.scrollable_content_region.width) if make is not None else ()
        is_dump = isinstance(lines, HexLines)
        if self._remaining and not is_dump:
            lines = [*lines, self._more_line(self._remaining)]
        self._lines = lines
        # A dump has the width it has; everything else is broken to the screen.
        self.set_reactive(LineView.wrap, not is_dump)
        super()._lay_out()

    def _width_unwrapped(self) -> int:
        if isinstance(self._lines, HexLines):
            return self._lines.cells
        return super()._width_unwrapped()

    def watch_view(self) -> None:
        """Show the same content in the other way."""
        self._lay_out()

    def action_cycle_view(self) -> None:
        """Switch between rendered and source."""
        self.view = "source" if self.view == "rendered" else "rendered"

    # More ----------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what the content has."""
        if action == "more":
            return bool(self._remaining)
        if action == "cycle_view":
            return self._source is not None
        return super().check_action(action, parameters)

    def action_more(self) -> None:
        """Ask for more of the content."""
        if self._remaining:
            self._asked_for_more = True
            self.post_message(self.MoreRequested(self, self._shown_bytes))

    def on_click(self, event: events.Click) -> None:
        """Ask for more if the line that says so was clicked."""
        offset = event.get_content_offset(self)
        if offset is None or not self._remaining:
            return
        line = self.line_at(self.scroll_offset.y + offset.y)
        if line == len(self.lines) - 1:
            self.action_more()


def _opcode(line: str) -> Line:
    """Return one line of a disassembly, its name apart from its argument."""
    name, _, argument = line.partition(" ")
    return (name, Role.KEY), (f" {argument}" if argument else "", Role.PLAIN)
