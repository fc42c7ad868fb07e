"""How the app tells people something: in passing, as a failure, on the clipboard, by its keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from textual.app import App
from textual.notifications import SeverityLevel
from textual.worker import Worker, WorkerState

from inspector import display, formatting
from inspector.action import Scope
from inspector.actions import bindings_of
from inspector.failures import Failure, describe
from inspector.screens.dialogs import FailurePanel

T = TypeVar("T")

COPY_CHARS_MAX = 1_000_000
"""Terminals cut or drop a longer clipboard sequence."""

EXIT_UNEXPECTED = 70
"""What sysexits.h calls an internal error."""


class TellingApp(App[None]):
    """An app whose words are harmless, and whose failures say what to do."""

    def toast(self, message: str, *, severity: SeverityLevel = "information") -> None:
        """Say something in passing; stored text in it is made visible."""
        self.notify(display.visible_line(message, 300), severity=severity, markup=False)

    def say_cancelled(self, target: Path) -> None:
        """Say that the file was not made; or that it was, before anybody could stop it."""
        if target.exists():
            self.toast(f"It was finished already: {target} is whole.", severity="warning")
        else:
            self.toast("Cancelled; no file was written.", severity="warning")

    def report(self, error: BaseException) -> None:
        """Show an error as a panel: what, why, and what to do."""
        self.run_worker(self.show_failure(describe(error)), group="report", exit_on_error=False)

    async def show_failure(self, failure: Failure) -> None:
        """Show a failure and wait until it is read."""
        await self.push_screen_wait(FailurePanel(failure))

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Say what went wrong in a worker of the app itself."""
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self.report(event.worker.error)

    def _handle_exception(self, error: Exception) -> None:
        """End with a plain message: Textual's own traceback would print memories."""
        self._return_code = EXIT_UNEXPECTED
        if self._exception is None:
            self._exception = error
            self._exception_event.set()
        failure = describe(error)
        self._exit_renderables.append(
            display.rich_text(f"memory-inspector: {failure.what} ({failure.why}); {failure.hint}\n")
        )
        self._close_messages_no_wait()

    def copy(self, what: str, text: str) -> None:
        """Put the original text on the clipboard and say how, since a terminal may refuse it."""
        if len(text) > COPY_CHARS_MAX:
            size = formatting.count(len(text))
            self.toast(
                f"{size} characters are too many for a clipboard; x exports them.",
                severity="warning",
            )
            return
        self.copy_to_clipboard(text)
        size = formatting.count(len(text))
        self.toast(f"Copied the {what}, {size} characters, through the terminal (OSC 52)")

    def remember(self, change: Callable[[], T], otherwise: T) -> T:
        """Keep something for the next run; if the state cannot be written, say so once."""
        try:
            return change()
        except OSError as error:
            reason = error.strerror or "the system refused"
            self.toast(f"Not remembered for the next run: {reason}", severity="warning")
            return otherwise

    def key_of(self, name: str) -> str:
        """Return the key that an action has now, for a message."""
        for active in self.screen.active_bindings.values():
            if active.binding.id == name:
                return self.get_key_display(active.binding)
        return next(
            self.get_key_display(binding)
            for scope in Scope
            for binding in bindings_of(scope)
            if binding.id == name
        )
