"""Shown instead of a store that cannot be opened: what, why, and what to do."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Button

from inspector import display
from inspector.failures import Failure
from inspector.screens.dialogs import failure_lines

EXIT_CODE = 1


class ProblemScreen(Screen[None]):
    """The app can do nothing without a store: any of these keys ends it, with a non-zero code."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape,enter", "leave", "Quit", id="problem.quit"),
    ]

    def __init__(self, failure: Failure, *, store_name: str) -> None:
        super().__init__()
        self._failure = failure
        self._store_name = store_name

    def compose(self) -> ComposeResult:
        """Lay out the failure in the middle of the screen."""
        with Vertical(classes="dialog -failure") as window:
            yield from failure_lines(self._failure)
            with Horizontal(classes="buttons"):
                yield Button(Content("Quit"), id="quit")
        title = f"{display.visible_line(self._store_name, 50)} cannot be opened"
        window.border_title = Content(title)

    @on(Button.Pressed)
    def _pressed(self) -> None:
        self.action_leave()

    def action_leave(self) -> None:
        """End the app."""
        self.app.exit(return_code=EXIT_CODE)
