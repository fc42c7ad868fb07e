"""Two people changed one item: both versions side by side, and the choice."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Button, Static

from inspector import display, formatting
from inspector.action import Scope
from inspector.actions import bindings_of
from inspector.screens.dialogs import Dialog
from inspector.widgets.diff_view import DiffView

if TYPE_CHECKING:
    from inspector.gateway import Change, Item


class Resolution(Enum):
    """What to do with two versions."""

    MINE = "keep_mine"
    THEIRS = "keep_theirs"
    MERGE = "merge"


class ConflictScreen(Dialog[Resolution]):
    """Nothing is written until the person chooses."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of(Scope.CONFLICT)]

    def __init__(
        self, base: Item, mine: Mapping[str, Any], theirs: Item | None, change: Change | None
    ) -> None:
        super().__init__(f"{base.id} was changed by somebody else")
        self._base = base
        self._mine = mine
        self._theirs = theirs
        self._change = change

    def compose(self) -> ComposeResult:
        """Lay out who did what, the two versions and the choice."""
        with self.frame(classes="-large -conflict"):
            yield Static(self._facts(), classes="facts")
            yield DiffView(id="difference")
            with Horizontal(classes="buttons"):
                yield Button(Content("Keep mine (m)"), id="keep_mine")
                yield Button(Content("Keep theirs (t)"), id="keep_theirs")
                if self._theirs is not None:
                    yield Button(Content("Edit a merge (e)"), id="merge", variant="primary")

    def _facts(self) -> Content:
        change = self._change
        who = change.actor if change and change.actor else "somebody else"
        when = formatting.exact_time(change.at) if change else ""
        did = "deleted it" if self._theirs is None else f"saved version {self._theirs.version}"
        return Content.assemble(
            (display.visible_line(who, 40), "bold"),
            f" {did} ",
            (when, "$foreground-muted"),
            f"; you began with version {self._base.version}. Nothing has been written.",
            self._what_stays(),
        )

    def _what_stays(self) -> str:
        names = sorted(self._fields_they_changed() - {*self._mine})
        return f" Their {' and '.join(names)} will stay." if names else ""

    def on_mount(self) -> None:
        """Fill both sides; the button that loses nothing has the focus."""
        names = sorted(self._mine)
        theirs = {} if self._theirs is None else _fields_of(self._theirs, names)
        # Only what I changed: nothing else would be written over theirs.
        mine = _shown(self._mine)
        self.query_one(DiffView).show(theirs, mine, before_title="theirs", after_title="mine")
        safest = "#keep_theirs" if self._theirs is None else "#merge"
        self.query_one(safest, Button).focus()

    def _fields_they_changed(self) -> set[str]:
        if self._theirs is None:
            return set()
        return {
            name
            for name in ("content", "agent", "kind", "tier", "importance", "tags", "metadata")
            if getattr(self._theirs, name) != getattr(self._base, name)
        }

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A merge needs two texts."""
        return not (action == "merge" and self._theirs is None)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss(Resolution(event.button.id))

    def action_keep_mine(self) -> None:
        """Write my version over theirs."""
        self.dismiss(Resolution.MINE)

    def action_keep_theirs(self) -> None:
        """Drop my version."""
        self.dismiss(Resolution.THEIRS)

    def action_merge(self) -> None:
        """Go on editing with both texts."""
        self.dismiss(Resolution.MERGE)

    def action_leave(self) -> None:
        """Go back to my text as it was."""
        self.dismiss(None)


def _fields_of(item: Item, names: list[str]) -> dict[str, Any]:
    return _shown({name: getattr(item, name) for name in names})


def _shown(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return field values in the form that a history has them in."""
    shown = dict(fields)
    if "tags" in shown:
        shown["tags"] = sorted(shown["tags"])
    if "tier" in shown:
        shown["tier"] = shown["tier"].label
    if "metadata" in shown:
        shown["metadata"] = dict(shown["metadata"])
    return shown
