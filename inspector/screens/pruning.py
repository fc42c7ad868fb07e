"""What a pruning would delete, and what it keeps and why; deletes nothing itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from inspector import formatting
from inspector.backup_lines import prune_lines
from inspector.screens.dialogs import Dialog
from inspector.widgets.footer import ActionFooter
from inspector.widgets.line_view import LineView

if TYPE_CHECKING:
    from inspector.gateway import Backup, PrunePlan


NOTE = (
    "What others build on stays, and so does the newest verified one. "
    "A deleted backup does not come back."
)


class PruneScreen(Dialog[bool]):
    """Shows a plan to prune; gives True if it is to be carried out."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "cancel", "Back to the rules", id="prune.back"),
        Binding("D", "delete", "Delete them", id="prune.delete"),
    ]

    def __init__(self, plan: PrunePlan, backups: Mapping[str, Backup], *, now: datetime) -> None:
        super().__init__("Prune: nothing is deleted yet")
        self._plan = plan
        self._backups = backups
        self._now = now

    def compose(self) -> ComposeResult:
        """Lay out the sum and the list."""
        plan = self._plan
        total = len(plan.delete) + len(plan.keep)
        with self.frame(classes="-large"):
            yield Static(
                Content.assemble(
                    (f"{len(plan.delete)} of {total} backups", "bold"),
                    f" would be deleted, {formatting.byte_size(plan.freed_bytes)} freed.\n",
                    (NOTE, "$foreground-muted"),
                ),
                classes="facts",
            )
            yield LineView(id="prune-lines")
            yield ActionFooter()

    def on_mount(self) -> None:
        """Fill the list."""
        view = self.query_one(LineView)
        view.set_lines(prune_lines(self._plan, self._backups, now=self._now))
        view.focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to delete only where there is something to delete."""
        return bool(self._plan.delete) if action == "delete" else True

    def action_delete(self) -> None:
        """Close, for the plan to be carried out."""
        self.dismiss(True)
