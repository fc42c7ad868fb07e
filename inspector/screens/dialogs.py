"""Small windows over a screen: a question, a choice from a list, a failure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Generic, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, OptionList, Static
from textual.widgets.option_list import Option

from inspector import display
from inspector.failures import Failure

ResultT = TypeVar("ResultT")


class Dialog(ModalScreen[ResultT | None], Generic[ResultT]):
    """A framed window with a title; Esc and a click beside it close it with nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel", id="dialog.cancel"),
    ]

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title

    def frame(self, *, classes: str = "") -> Vertical:
        """Return the window, to be filled."""
        window = Vertical(classes=f"dialog {classes}")
        window.border_title = display.content_line(self._title, 70)
        return window

    @property
    def unsaved(self) -> bool:
        """True if something was typed that would be lost."""
        return False

    def action_cancel(self) -> None:
        """Close without a result."""
        self.dismiss(None)


class Confirm(Dialog[bool]):
    """Asks before something that is hard to see the end of; No has the focus."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes", id="confirm.yes"),
        Binding("n", "answer(False)", "No", id="confirm.no"),
        Binding("left,h,right,l", "switch", "Other button", show=False),
    ]

    def __init__(
        self,
        title: str,
        *,
        lines: Sequence[str] = (),
        warnings: Sequence[str] = (),
        note: str = "",
        yes: str = "Yes",
        no: str = "No",
        dangerous: bool = False,
    ) -> None:
        super().__init__(title)
        self._lines = lines
        self._warnings = warnings
        self._note = note
        self._yes = yes
        self._no = no
        self._dangerous = dangerous

    def compose(self) -> ComposeResult:
        """Lay out the sample, the note and the two buttons."""
        with self.frame(classes="-danger" if self._dangerous else ""):
            with VerticalScroll(can_focus=False, classes="body"):
                yield from self._compose_body()
            if self._note:
                yield Static(display.content(self._note), classes="note")
            with Horizontal(classes="buttons"):
                yield Button(
                    Content(self._yes),
                    id="yes",
                    variant="error" if self._dangerous else "primary",
                )
                yield Button(Content(self._no), id="no")

    def _compose_body(self) -> ComposeResult:
        for line in self._lines:
            yield Static(display.content_line(line, 66), classes="sample")
        for warning in self._warnings:
            text = display.visible(warning)
            yield Static(Content.assemble(("! warning  ", "$text-warning bold"), text))

    def on_mount(self) -> None:
        """Give No the focus: Enter alone never does harm."""
        self.query_one("#no", Button).focus()

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")

    def action_answer(self, yes: bool) -> None:
        """Close with an answer."""
        self.dismiss(yes)

    def action_switch(self) -> None:
        """Move to the other button."""
        self.focus_next(Button)

    def action_cancel(self) -> None:
        """Close as No."""
        self.dismiss(False)


class Discard(Confirm):
    """Asks before something typed is thrown away."""

    def __init__(self, title: str) -> None:
        super().__init__(
            title,
            lines=["What you typed is not in the store."],
            yes="Discard",
            no="Keep editing",
            dangerous=True,
        )


class FailurePanel(Dialog[None]):
    """Says what went wrong, why, and what to do."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,q", "cancel", "Close", show=False),
    ]

    def __init__(self, failure: Failure, *, title: str = "That did not work") -> None:
        super().__init__(title)
        self._failure = failure

    def compose(self) -> ComposeResult:
        """Lay out what, why and the hint."""
        with self.frame(classes="-failure"):
            yield from failure_lines(self._failure)
            with Horizontal(classes="buttons"):
                yield Button(Content("Close"), id="close")

    @on(Button.Pressed)
    def _pressed(self) -> None:
        self.dismiss(None)


def failure_lines(failure: Failure) -> ComposeResult:
    """Return the widgets that show a failure."""
    what = display.visible(failure.what)
    yield Static(Content.assemble(("✗ ", "$error bold"), (what, "bold")), classes="what")
    if failure.why:
        yield Static(display.content(failure.why), classes="why")
    if failure.hint:
        hint = display.visible(failure.hint)
        yield Static(Content.assemble(("→ ", "$accent"), hint), classes="hint")


class Choose(Dialog[str]):
    """A list to choose from; gives the id of what was chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "move(1)", "Down", show=False),
        Binding("k", "move(-1)", "Up", show=False),
        Binding("g", "move(-1000)", "First", show=False),
        Binding("G", "move(1000)", "Last", show=False),
    ]

    def __init__(
        self,
        title: str,
        options: Sequence[tuple[str, str]],
        *,
        current: str = "",
        about: Sequence[str] = (),
        wide: bool = False,
    ) -> None:
        super().__init__(title)
        self._options = options
        self._current = current
        self._about = about
        self._wide = wide or bool(about)

    def compose(self) -> ComposeResult:
        """Lay out the list."""
        with self.frame(classes="" if self._wide else "-choose"):
            for line in self._about:
                yield Static(display.content(line))
            yield OptionList(
                *(
                    Option(display.content_line(label, 64), id=name)
                    for name, label in self._options
                ),
                markup=False,
            )

    def on_mount(self) -> None:
        """Put the cursor on what is chosen now."""
        choices = self.query_one(OptionList)
        names = [name for name, _ in self._options]
        choices.highlighted = names.index(self._current) if self._current in names else 0
        choices.focus()

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option.id)

    def action_move(self, step: int) -> None:
        """Move the cursor, not beyond the ends."""
        choices = self.query_one(OptionList)
        target = (choices.highlighted or 0) + step
        choices.highlighted = min(max(target, 0), len(self._options) - 1)


class Busy(ModalScreen[None]):
    """Shown while something long runs; Esc asks it to stop, where it can."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "stop", "Cancel", id="busy.cancel"),
    ]

    def __init__(self, title: str, *, cancellable: bool) -> None:
        super().__init__()
        self._title = title
        self._cancellable = cancellable
        self.stopped = False

    def compose(self) -> ComposeResult:
        """Lay out the title and a line that says how far it is."""
        with Vertical(classes="dialog -busy") as window:
            yield Static(Content("working…"), id="progress")
            yield Static(
                Content(
                    "Esc cancels; nothing is left half done"
                    if self._cancellable
                    else "all of it happens, or nothing"
                ),
                classes="note",
            )
        window.border_title = display.content_line(self._title, 70)

    def show_progress(self, text: str) -> None:
        """Say how far it is."""
        for line in self.query("#progress").results(Static):
            line.update(Content(text))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to cancel only what can be cancelled."""
        return self._cancellable if action == "stop" else True

    def action_stop(self) -> None:
        """Ask whoever works to stop."""
        self.ask_to_stop()

    def ask_to_stop(self) -> bool:
        """Ask whoever works to stop; False if that was done already, or cannot be."""
        if self.stopped or not self._cancellable:
            return False
        self.stopped = True
        self.show_progress("stopping…")
        return True
