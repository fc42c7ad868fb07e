"""The query bar: colours what is typed, suggests what could follow, shows faults in place.

`QueryBar(value="", *, placeholder="", highlight=None, complete=None, history=())`. Reactive:
`status` (at the right), `note` (beneath). Properties: `value`, `history`. Methods: `set_value`,
`show_error`, `clear_error`. Messages: `QueryChanged(text, submitted)`, `Left()`.

Keys: those of `Input`; down and up go through suggestions and history, Tab takes a suggestion,
Enter takes the one under the cursor or submits, Esc closes, then leaves.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ClassVar, TypeAlias

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.getters import query_one
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Input, Static

from inspector.display import visible_line
from inspector.widgets.query_input import Highlight, QueryInput
from inspector.widgets.suggestions import Suggestion, SuggestionList

__all__ = ["Complete", "QueryBar", "Suggestion"]

Complete: TypeAlias = Callable[[str, int], Awaitable[Sequence[Suggestion]]]

_STATUS_SHARE = 2
"""The status gets at most this part of the bar: 2 is a half."""


class QueryBar(Vertical):
    """One line to say what the list shows."""

    HELP = """\
Type what the list shall show: words, `tier:working`, `importance>=0.7`, `tag:user`, `-tag:old`,
`created<30d`. Tab takes a suggestion; up and down go through what was asked before.
"""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "step(1)", "Next", show=False, id="query.down"),
        Binding("up", "step(-1)", "Previous", show=False, id="query.up"),
        Binding("tab", "accept", "Complete", show=False, id="query.accept"),
        Binding("ctrl+space,ctrl+@", "suggest", "Suggest", show=False, id="query.suggest"),
        Binding("escape", "leave", "Leave", show=False, id="query.leave"),
    ]

    DEFAULT_CSS = """
    QueryBar {
        height: auto;
        background: $surface;
        & > #query-line { height: 1; }
        #query-prompt { width: 2; color: $text-primary; text-style: bold; }
        & #query-input { width: 1fr; background: transparent; background-tint: transparent; }
        #query-status { width: auto; height: 1; padding: 0 1; color: $foreground-muted; }
        & > #query-note { height: 1; padding: 0 2; color: $foreground-muted; display: none; }
        &.-noted > #query-note { display: block; }
        &.-fault > #query-note { color: $text-error; }
        &:ansi { background: ansi_default; }
    }
    """

    status: reactive[str] = reactive("")
    note: reactive[str] = reactive("")

    input = query_one("#query-input", QueryInput)
    suggestions = query_one("#query-suggestions", SuggestionList)

    class QueryChanged(Message):
        """The text is another; or it was submitted with Enter."""

        def __init__(self, bar: QueryBar, text: str, *, submitted: bool) -> None:
            super().__init__()
            self.bar = bar
            self.text = text
            self.submitted = submitted

        @property
        def control(self) -> QueryBar:
            """The bar."""
            return self.bar

    class Left(Message):
        """The bar was left by key: the list should have the focus."""

        def __init__(self, bar: QueryBar) -> None:
            super().__init__()
            self.bar = bar

        @property
        def control(self) -> QueryBar:
            """The bar."""
            return self.bar

    def __init__(
        self,
        value: str = "",
        *,
        placeholder: str = "",
        highlight: Highlight | None = None,
        complete: Complete | None = None,
        history: Sequence[str] = (),
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.history = list(history)
        """What was asked before, oldest first; the screen adds to it."""
        self._initial_value = value
        self._placeholder = placeholder
        self._highlight = highlight
        self._complete = complete
        self._fault_text: Content | None = None
        self._history_index: int | None = None
        self._draft = ""

    def compose(self) -> ComposeResult:
        """Lay out the line, what is beneath it, and the suggestions over both."""
        with Horizontal(id="query-line"):
            yield Static("/", id="query-prompt", markup=False)
            yield QueryInput(
                self._highlight,
                value=self._initial_value,
                placeholder=self._placeholder,
                id="query-input",
            )
            yield Static(id="query-status", markup=False)
        yield SuggestionList(id="query-suggestions")
        yield Static(id="query-note", markup=False)

    # Text ----------------------------------------------------------------------------------

    @property
    def value(self) -> str:
        """The text."""
        return self.input.value if self.is_mounted else self._initial_value

    @value.setter
    def value(self, text: str) -> None:
        self.set_value(text)

    def set_value(self, text: str, *, notify: bool = True) -> None:
        """Replace the text, the cursor at its end; without `notify` nothing is posted."""
        self.suggestions.close()
        self.clear_error()
        if notify:
            self.input.value = text
        else:
            with self.prevent(Input.Changed):
                self.input.value = text
        self.input.cursor_position = len(text)

    def focus(self, scroll_visible: bool = True, from_app_focus: bool = False) -> QueryBar:
        """Give the focus to the line of text, before the next key arrives."""
        self.screen.set_focus(self.input, scroll_visible)
        return self

    # Faults, status ------------------------------------------------------------------------

    def show_error(
        self, message: str, hint: str = "", position: int | None = None, length: int = 1
    ) -> None:
        """Say beneath what is wrong and what to do, and underline where."""
        self.input.fault = None if position is None else (position, length)
        parts: list[Content | tuple[str, str]] = [("✗ ", "bold"), (visible_line(message), "bold")]
        if hint:
            parts.append((f"  {visible_line(hint)}", ""))
        self._fault_text = Content.assemble(*parts)
        self._update_note()

    def clear_error(self) -> None:
        """Take back what was said to be wrong."""
        self.input.fault = None
        self._fault_text = None
        self._update_note()

    def watch_status(self, status: str) -> None:
        """Show the status."""
        if self.is_mounted:
            self._update_status()

    def watch_note(self) -> None:
        """Show the note, unless there is an error to show."""
        if self.is_mounted:
            self._update_note()

    def on_mount(self) -> None:
        """Show what was said before there was a place for it."""
        self._update_status()
        self._update_note()

    def on_resize(self) -> None:
        """Cut the status to what the width allows."""
        self._update_status()

    def _update_status(self) -> None:
        cells = max(0, self.size.width // _STATUS_SHARE - 2)
        self.query_one("#query-status", Static).update(Content(visible_line(self.status, cells)))

    def _update_note(self) -> None:
        text = self._fault_text or Content(visible_line(self.note))
        self.query_one("#query-note", Static).update(text)
        self.set_class(bool(text.plain), "-noted")
        self.set_class(self._fault_text is not None, "-fault")

    # Suggestions ---------------------------------------------------------------------------

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self.clear_error()
        self.post_message(self.QueryChanged(self, event.value, submitted=False))
        if self.input.has_focus:
            self.action_suggest()

    def action_suggest(self) -> None:
        """Look for suggestions for the word at the cursor."""
        if self._complete is not None:
            self._suggest(self._complete)

    @work(exclusive=True, group="suggest", exit_on_error=False)
    async def _suggest(self, complete: Complete) -> None:
        text, cursor = self.input.value, self.input.cursor_position
        found = await complete(text, cursor)
        if self.input.value != text or not self.input.has_focus:
            return
        useful = [s for s in found if text[s.start : s.end] != s.insert_text]
        if not useful:
            self.suggestions.close()
            return
        word = self.input.cursor_screen_offset.x - (cursor - useful[0].start)
        self.suggestions.open(useful, max(0, word - self.region.x - 1))

    def _take(self, suggestion: Suggestion) -> None:
        text = self.input.value
        self.suggestions.close()
        self.input.value = (
            text[: suggestion.start] + suggestion.insert_text + text[suggestion.end :]
        )
        self.input.cursor_position = suggestion.start + len(suggestion.insert_text)

    @on(SuggestionList.Chosen)
    def _chosen(self, event: SuggestionList.Chosen) -> None:
        event.stop()
        self._take(event.suggestion)
        self.focus()

    # Keys ----------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave Tab to the screen unless there is something to take."""
        if action == "accept":
            return self.suggestions.current is not None
        return super().check_action(action, parameters)

    def action_accept(self) -> None:
        """Take the suggestion under the cursor, or the first."""
        suggestion = self.suggestions.current
        if suggestion is not None:
            self._take(suggestion)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        suggestion = self.suggestions.current
        if self.suggestions.entered and suggestion is not None:
            self._take(suggestion)
            return
        self.suggestions.close()
        self._history_index = None
        self.post_message(self.QueryChanged(self, event.value, submitted=True))

    def action_step(self, by: int) -> None:
        """Go down or up: in the suggestions, in the history, or out of the bar."""
        if self.suggestions.display and (by > 0 or self.suggestions.entered):
            self.suggestions.step(by)
        elif by > 0 and self._history_index is None:
            self.post_message(self.Left(self))
        else:
            self._step_history(by)

    def _step_history(self, by: int) -> None:
        if not self.history:
            return
        if self._history_index is None:
            self._draft = self.value
            self._history_index = len(self.history)
        index = max(0, self._history_index + by)
        if index >= len(self.history):
            self._history_index = None
            text = self._draft
        else:
            self._history_index = index
            text = self.history[index]
        with self.prevent(Input.Changed):
            self.set_value(text, notify=False)
        self.post_message(self.QueryChanged(self, text, submitted=False))

    def action_leave(self) -> None:
        """Close the suggestions; if there are none, leave the bar."""
        if self.suggestions.display:
            self.suggestions.close()
        else:
            self.post_message(self.Left(self))

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """Close the suggestions when the focus goes elsewhere."""
        self.suggestions.close()
