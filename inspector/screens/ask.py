"""A window that asks for one value: tags, a name, a number, a file."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from inspector import display, formatting
from inspector.editing import EditError
from inspector.screens.dialogs import Dialog

Completer = Callable[[str], Awaitable[list[tuple[str, int]]]]
"""Returns values that begin with a prefix, and how often each is used."""

SHOWN_MAX = 8


class Ask(Dialog[str]):
    """One line to type in, with completion from the store; gives the text that was typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "move(1)", "Next suggestion", show=False, priority=True),
        Binding("up", "move(-1)", "Previous suggestion", show=False, priority=True),
        Binding("tab", "accept", "Complete", show=False, priority=True),
    ]

    def __init__(
        self,
        title: str,
        *,
        value: str = "",
        note: str = "",
        completer: Completer | None = None,
        many: bool = False,
        check: Callable[[str], object] | None = None,
    ) -> None:
        super().__init__(title)
        self._value = value
        self._note = note
        self._completer = completer
        self._many = many
        self._check = check
        self._suggestions: list[str] = []

    def compose(self) -> ComposeResult:
        """Lay out the line, the suggestions and the note."""
        with self.frame(classes="-ask"):
            yield Input(self._value, id="answer", select_on_focus=not self._many)
            yield OptionList(id="suggestions", markup=False)
            yield Static(display.content(self._note), classes="note", id="note")

    def on_mount(self) -> None:
        """Put the cursor behind what is there."""
        field = self.query_one(Input)
        field.focus()
        if self._many:
            field.cursor_position = len(field.value)
        self.query_one(OptionList).can_focus = False
        self.query_one(OptionList).display = False

    @on(Input.Changed, "#answer")
    def _changed(self) -> None:
        self._complain("")
        if self._completer is not None:
            self._suggest()

    @work(exclusive=True, group="suggest", exit_on_error=False)
    async def _suggest(self) -> None:
        word = self._word()
        if self._completer is None or (self._many and not word):
            found = []
        else:
            found = [pair for pair in await self._completer(word) if pair[0] != word]
        choices = self.query_one(OptionList)
        self._suggestions = [value for value, _ in found[:SHOWN_MAX]]
        choices.clear_options()
        choices.add_options(
            Option(
                Content.assemble(
                    display.content_line(value, 40),
                    (f"  {formatting.count(n)}", "$foreground-muted"),
                )
            )
            for value, n in found[:SHOWN_MAX]
        )
        choices.display = bool(self._suggestions)
        choices.highlighted = None

    def _word(self) -> str:
        value = self.query_one(Input).value
        if not self._many:
            return value
        return value.rpartition(" ")[2].rpartition(",")[2]

    def action_move(self, step: int) -> None:
        """Move through the suggestions."""
        choices = self.query_one(OptionList)
        if not self._suggestions:
            return
        at = choices.highlighted
        last = len(self._suggestions) - 1
        if at is None:
            choices.highlighted = 0 if step > 0 else last
        else:
            choices.highlighted = min(max(at + step, 0), last)

    def action_accept(self) -> None:
        """Take the suggestion under the cursor, or the first."""
        if self._suggestions:
            self._take(self.query_one(OptionList).highlighted or 0)

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        self._take(event.option_index)

    def _take(self, index: int) -> None:
        from inspector.editing import tags_text

        field = self.query_one(Input)
        chosen = self._suggestions[index]
        if self._many:
            before = field.value[: len(field.value) - len(self._word())]
            field.value = f"{before}{tags_text([chosen])} "
        else:
            field.value = display.escape_for_editing(chosen)
        field.cursor_position = len(field.value)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        highlighted = self.query_one(OptionList).highlighted
        if self._suggestions and highlighted is not None:
            self._take(highlighted)
            return
        try:
            if self._check is not None:
                self._check(event.value)
        except EditError as error:
            self._complain(error.message)
            return
        self.dismiss(event.value)

    def _complain(self, message: str) -> None:
        note = self.query_one("#note", Static)
        note.set_class(bool(message), "-error")
        note.update(display.content(f"✗ {message}" if message else self._note))


def checked_new_file(text: str) -> Path:
    """Return the path of a file that is to be made.

    Raises:
        EditError: it exists, or there is no such directory.
    """
    try:
        path = Path(display.unescape_from_editing(text.strip())).expanduser()
    except display.EscapeError as error:
        raise EditError(str(error), field="file") from error
    if not text.strip() or not path.name:
        raise EditError("say which file", field="file")
    if not path.parent.is_dir():
        raise EditError(f"there is no directory {path.parent}", field="file")
    if path.exists() or path.is_symlink():
        raise EditError("this file exists; nothing is overwritten", field="file")
    if path.with_name(f"{path.name}-wal").exists():
        raise EditError("the journal of an old store lies at that name", field="file")
    return path
