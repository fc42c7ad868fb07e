"""The form of a policy: what is typed is checked at once, and what it matches is counted."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Input, Label, Static

from inspector import display, formatting
from inspector.gateway.policies import PolicyChange
from inspector.screens.dialogs import Dialog, Discard
from inspector.screens.policy_words import action_suggestions, in_words
from inspector.widgets.field_bar import FieldBar
from inspector.widgets.footer import ActionFooter
from inspector.widgets.query_bar import QueryBar, Suggestion
from inspector.widgets.query_input import QueryInput
from inspector.widgets.roles import Role

if TYPE_CHECKING:
    from inspector.gateway import Filter, Gateway, InvalidPolicyError, Policy

COUNT_PAUSE_SECONDS = 0.12
NEW_ACTION = "archive"


class PolicyForm(Dialog[PolicyChange]):
    """Edits a policy, or writes a new one; gives what was changed by that."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "save", "Save", priority=True, id="policy.save"),
        Binding("escape", "cancel", "Close", id="policy.close"),
    ]

    def __init__(self, gateway: Gateway, policy: Policy | None) -> None:
        super().__init__("New policy" if policy is None else "Edit policy")
        self._gateway = gateway
        self._policy = policy
        self._start = ("", "", NEW_ACTION)
        if policy is not None:
            self._start = (policy.name, policy.when, policy.do)

    # Layout --------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """Lay out the three lines, what is said about each, and the buttons."""
        name, when, do = self._start
        with self.frame(classes="-policy"):
            with Horizontal(classes="policy-row"):
                yield Label(Content("name"), classes="label")
                yield QueryInput(value=name, id="policy-name")
            yield Static(id="name-note", classes="policy-note", markup=False)
            with Horizontal(classes="policy-row"):
                yield Label(Content("when"), classes="label")
                with Vertical(classes="policy-field"):
                    yield FieldBar(
                        when,
                        placeholder="empty is everything; Tab completes",
                        highlight=_highlighted,
                        complete=self._complete_condition,
                        id="policy-when",
                    )
            with Horizontal(classes="policy-row"):
                yield Label(Content("do"), classes="label")
                with Vertical(classes="policy-field"):
                    yield FieldBar(do, complete=self._complete_action, id="policy-do")
            yield Static(id="policy-problem", markup=False)
            with Horizontal(classes="buttons"):
                yield Button(Content("Save"), id="save", variant="primary")
                yield Button(Content("Close"), id="close")
            yield ActionFooter()

    def on_mount(self) -> None:
        """Begin where there is something to write, and check what is there."""
        if self._policy is None:
            self.query_one("#policy-name", QueryInput).focus()
        else:
            self.query_one("#policy-when", FieldBar).focus()
        self._check_action()
        self._check_condition()

    # What is typed -------------------------------------------------------------------------

    def _values(self) -> tuple[str, str, str]:
        return (
            self.query_one("#policy-name", QueryInput).value,
            self.query_one("#policy-when", FieldBar).value,
            self.query_one("#policy-do", FieldBar).value,
        )

    @property
    def unsaved(self) -> bool:
        """True if something was typed that is not in the store."""
        return self._values() != self._start

    async def _complete_condition(self, text: str, cursor: int) -> Sequence[Suggestion]:
        from inspector.query_help import suggestions

        return await suggestions(self._gateway, text, cursor)

    async def _complete_action(self, text: str, cursor: int) -> Sequence[Suggestion]:
        return await action_suggestions(self._gateway, text, cursor)

    @on(QueryBar.QueryChanged)
    def _bar_changed(self, event: QueryBar.QueryChanged) -> None:
        event.stop()
        self._complain("")
        if event.submitted:
            self.action_save()
        elif event.bar.id == "policy-when":
            self._check_condition()
        else:
            self._check_action()

    @on(Input.Changed, "#policy-name")
    def _name_changed(self) -> None:
        self._complain("")

    @on(Input.Submitted, "#policy-name")
    def _name_submitted(self) -> None:
        self.action_save()

    def _check_action(self) -> None:
        from inspector.gateway import InvalidPolicyError

        bar = self.query_one("#policy-do", FieldBar)
        try:
            action = self._gateway.lifecycle.check_action(bar.value)
        except InvalidPolicyError as error:
            bar.show_error(error.message, error.hint, error.position, error.length)
        else:
            bar.clear_error()
            bar.note = in_words(action)

    @work(exclusive=True, group="count", exit_on_error=False)
    async def _check_condition(self) -> None:
        """Say what is wrong with the condition, or how many items it matches now."""
        from inspector.gateway import EngineError, InvalidFilterError, InvalidPolicyError

        bar = self.query_one("#policy-when", FieldBar)
        bar.note = "…"
        await asyncio.sleep(COUNT_PAUSE_SECONDS)
        try:
            query = self._gateway.lifecycle.check_condition(bar.value)
            bar.note = await self._matched(query)
        except (InvalidFilterError, InvalidPolicyError) as error:
            bar.show_error(error.message, error.hint, error.position, error.length)
        except EngineError as error:
            bar.show_error(error.message, error.hint)

    async def _matched(self, query: Filter | None) -> str:
        """Return in words what a condition matches now."""
        if query is None:
            return "✓ a registered function; the plan says what it matches"
        total = (await self._gateway.refresh_info()).items
        count = await self._gateway.count(query)
        share = formatting.share(count, total)
        sign = "! every item:" if total and count == total else "✓ now"
        return f"{sign} {formatting.count(count)} of {formatting.count(total)} items ({share})"

    # Saving --------------------------------------------------------------------------------

    @work(exclusive=True, group="save", exit_on_error=False)
    async def action_save(self) -> None:
        """Keep the policy; what is wrong is said where it is."""
        from inspector.gateway import EngineError, InvalidPolicyError, Policy

        name, when, do = self._values()
        enabled = self._policy is None or self._policy.enabled
        policy = Policy(name=name, when=when.strip(), do=do.strip(), enabled=enabled)
        replaced = self._policy.name if self._policy else ""
        try:
            change = await self._gateway.lifecycle.save(policy, instead_of=replaced)
        except InvalidPolicyError as error:
            self._show_fault(error)
        except EngineError as error:
            self._complain(error.message, error.hint)
        else:
            self.dismiss(change)

    def _show_fault(self, error: InvalidPolicyError) -> None:
        """Put the cursor into the line that is wrong, and say what is."""
        if error.key in ("when", "do"):
            # What is wrong with it is said beneath it already.
            self.query_one(f"#policy-{error.key}", FieldBar).focus()
            return
        self._complain(error.message, error.hint)
        self.query_one("#policy-name", QueryInput).focus()

    def _complain(self, what: str, hint: str = "") -> None:
        parts: list[Content | tuple[str, str]] = []
        if what:
            parts.append(Content.assemble(("✗ ", "$error bold"), display.content_line(what, 300)))
        if hint:
            parts.append(Content.assemble(("\n→ ", "$accent"), display.content_line(hint, 300)))
        self.query_one("#policy-problem", Static).update(Content.assemble(*parts))

    @on(Button.Pressed, "#save")
    def _save_pressed(self) -> None:
        self.action_save()

    @on(Button.Pressed, "#close")
    def _close_pressed(self) -> None:
        self.action_cancel()

    def action_cancel(self) -> None:
        """Close; ask first when something would be lost."""
        self._leave()

    @work(group="leave", exclusive=True, exit_on_error=False)
    async def _leave(self) -> None:
        if self.unsaved and not await self.app.push_screen_wait(Discard("Close without saving?")):
            return
        self.dismiss(None)


def _highlighted(text: str) -> Sequence[tuple[int, int, Role]]:
    from inspector.query_help import highlighted

    return highlighted(text)
