"""What a restore would make different: counts, items, and each of them before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Input, Static
from textual.worker import Worker, WorkerState

from inspector import display, restore_lines
from inspector.screens.dialogs import Confirm, Dialog
from inspector.widgets.diff_view import DiffView
from inspector.widgets.footer import ActionFooter
from inspector.widgets.line_list import LineList

if TYPE_CHECKING:
    from inspector.app import InspectorApp
    from inspector.gateway import Gateway
    from inspector.gateway.past import RestorePreview, Sides


class DifferenceScreen(Dialog[bool]):
    """Shows what would be different; gives True to go on."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "cancel", "Back", id="difference.back"),
        Binding("c", "go_on", "Continue", id="difference.continue"),
        Binding("v", "compare", "Before/after", id="difference.compare"),
    ]

    def __init__(self, app: InspectorApp, gateway: Gateway, preview: RestorePreview) -> None:
        super().__init__("Restore: what would be different")
        self._inspector = app
        self._gateway = gateway
        self._preview = preview

    def compose(self) -> ComposeResult:
        """Lay out the facts and the list."""
        with self.frame(classes="-large"):
            yield Static(
                restore_lines.facts(self._preview, now=self._inspector.now()), classes="facts"
            )
            yield LineList(id="difference-items", empty="nothing differs")
            yield ActionFooter()

    def on_mount(self) -> None:
        """Fill the list."""
        items = self.query_one(LineList)
        items.show(restore_lines.difference_entries(self._preview))
        items.focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to go on only where there is something to do."""
        if action == "compare":
            return bool(self._preview.items)
        return True

    @on(LineList.Selected)
    def _opened(self, event: LineList.Selected) -> None:
        event.stop()
        self.action_compare()

    @work(exclusive=True, group="dialog", exit_on_error=False)
    async def action_compare(self) -> None:
        """Show the item under the cursor now and as it was."""
        key = self.query_one(LineList).cursor_key
        if isinstance(key, str):
            sides = await self._gateway.past.sides(self._preview, key)
            await self._inspector.push_screen_wait(SidesScreen(key, sides))

    def action_go_on(self) -> None:
        """Go on to what is to be restored."""
        self.dismiss(True)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Say what went wrong."""
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self._inspector.report(event.worker.error)


class SidesScreen(Dialog[None]):
    """One item as it is now, and as it was."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,v", "cancel", "Close", id="sides.close"),
    ]

    def __init__(self, item_id: str, sides: Sides) -> None:
        super().__init__(f"{item_id} now, and as it would be")
        self._sides = sides

    def compose(self) -> ComposeResult:
        """Lay out the difference."""
        with self.frame(classes="-large"):
            yield DiffView(id="difference")
            yield ActionFooter()

    def on_mount(self) -> None:
        """Fill the difference."""
        view = self.query_one(DiffView)
        sides = self._sides
        view.show(sides.before, sides.after, before_title="now", after_title="restored")
        view.focus()


class TypeName(Dialog[bool]):
    """Says what will happen to the store, and has its name typed before it does."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Back", id="type-name.back"),
    ]

    def __init__(
        self, title: str, name: str, *, lines: list[str], warnings: list[str], note: str
    ) -> None:
        super().__init__(title)
        self._store_name = name
        self._lines = lines
        self._warnings = warnings
        self._note = note

    def compose(self) -> ComposeResult:
        """Lay out what will happen, and the line to type in."""
        with self.frame(classes="-danger -type-name"):
            with VerticalScroll(can_focus=False, classes="body"):
                for line in self._lines:
                    yield Static(display.content(line))
                for warning in self._warnings:
                    text = display.visible(warning)
                    yield Static(Content.assemble(("! warning  ", "$text-warning bold"), text))
            yield Static(display.content(self._note), classes="note", id="note")
            yield Input(id="answer")
            yield ActionFooter()

    def on_mount(self) -> None:
        """Begin to type."""
        self.query_one(Input).focus()

    @on(Input.Changed)
    def _changed(self) -> None:
        self._say(self._note, wrong=False)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if event.value.strip() == display.escape_for_editing(self._store_name):
            self.dismiss(True)
        else:
            self._say("✗ this is not its name; nothing was restored", wrong=True)

    def _say(self, text: str, *, wrong: bool) -> None:
        note = self.query_one("#note", Static)
        note.set_class(wrong, "-error")
        note.update(display.content(text))


class ResultScreen(Confirm):
    """Says what a restore did; Undo takes it back where there is something to take back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("u", "answer(True)", "Undo", id="result.undo"),
    ]

    def __init__(self, lines: list[str], *, can_undo: bool) -> None:
        super().__init__(
            "Restored",
            lines=lines,
            note="u takes all of it back in one step." if can_undo else "",
            yes="Undo",
            no="Close",
        )
        self._can_undo = can_undo

    def on_mount(self) -> None:
        """Offer to undo only what can be undone; Close has the focus."""
        super().on_mount()
        self.query_one("#yes").display = self._can_undo

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to undo only what can be undone."""
        return self._can_undo or action != "answer" or parameters != (True,)

    def _compose_body(self) -> ComposeResult:
        for line in self._lines:
            yield Static(display.content(line))
