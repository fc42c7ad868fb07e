"""One change of an item's history: who, when, and what was before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from inspector import display, formatting
from inspector.screens.dialogs import Dialog
from inspector.widgets.diff_view import DiffView
from inspector.widgets.footer import ActionFooter

if TYPE_CHECKING:
    from inspector.gateway import Change


class ChangeScreen(Dialog[str]):
    """Shows the difference; gives `revert` if that is what the person wants."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "cancel", "Close", id="change.close"),
        Binding("R", "revert", "Undo this change", id="change.revert"),
    ]

    def __init__(self, change: Change, *, writable: bool) -> None:
        super().__init__(f"Change {change.sequence} of {change.item_id}")
        self._change = change
        self._writable = writable

    def compose(self) -> ComposeResult:
        """Lay out the facts and the difference."""
        change = self._change
        word = change.operation.name.lower()
        with self.frame(classes="-large"):
            yield Static(
                Content.assemble(
                    (word, "bold"),
                    f"  version {change.version}  ",
                    (formatting.exact_time(change.at), "$foreground-muted"),
                    "  by ",
                    display.content_line(change.actor or "unknown", 40),
                    f"  (takes back change {change.undoes})" if change.undoes else "",
                ),
                classes="facts",
            )
            yield DiffView(id="difference")
            yield ActionFooter()

    def on_mount(self) -> None:
        """Fill the difference."""
        view = self.query_one(DiffView)
        view.show(self._change.before, self._change.after)
        view.focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to revert only where something can be written."""
        return self._writable if action == "revert" else True

    def action_revert(self) -> None:
        """Close and ask for this change to be undone."""
        self.dismiss("revert")
