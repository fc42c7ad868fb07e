"""Restoring, step by step: what differs, how much of it, where to; done only at the end.

Esc goes one step back, and beyond the first out of it. Nothing is written before the last step.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from inspector import display, query_text, restore_lines
from inspector.editing import EditError
from inspector.failures import describe
from inspector.gateway.past import RestorePreview, Wish, changes_of
from inspector.screens.ask import Ask, checked_new_file
from inspector.screens.backing_up import STAGES
from inspector.screens.changing import Changing
from inspector.screens.dialogs import Choose, Confirm
from inspector.screens.differing import DifferenceScreen, ResultScreen, TypeName
from inspector.screens.working import carry_stages

if TYPE_CHECKING:
    from inspector.app import InspectorApp
    from inspector.gateway import Gateway, RestoreReport

SCOPES = (
    ("all", "Everything"),
    ("agent", "The items of one agent"),
    ("session", "The items of one session"),
    ("query", "What matches a query"),
    ("id", "One item"),
)


@dataclass(frozen=True, slots=True)
class _Journey:
    """What has been decided so far."""

    wish: Wish
    preview: RestorePreview | None = None
    """Of the scope that is chosen."""
    scope_kind: str = "all"
    target: Path | None = None
    """The new file; None is in place."""


_Step = Callable[[_Journey], Awaitable["_Journey | None"]]
"""Returns what is decided then, or None to go one step back."""


class Restoring:
    """Asks step by step, and restores at the end; its methods run in a worker."""

    def __init__(self, app: InspectorApp, gateway: Gateway, changing: Changing) -> None:
        self._app = app
        self._gateway = gateway
        self._changing = changing

    async def run(self, wish: Wish, *, item_id: str = "") -> RestoreReport | None:
        """Lead through all steps; return what was restored, None if nothing was.

        With an `item_id` that item alone is offered first.
        """
        from inspector.gateway import StalePlanError

        journey = _Journey(wish=wish, scope_kind="id" if item_id else "all")
        self._item_id = item_id
        steps: tuple[_Step, ...] = (self._show_difference, self._ask_scope, self._ask_target)
        decided = [journey]
        while True:
            while len(decided) <= len(steps):
                found = await steps[len(decided) - 1](decided[-1])
                if found is not None:
                    decided.append(found)
                elif len(decided) == 1:
                    return None
                else:
                    decided.pop()
            try:
                report = await self._confirm_and_restore(decided[-1])
            except StalePlanError as error:
                # What differs by now is to be looked at before it is decided again.
                await self._app.show_failure(describe(error))
                del decided[1:]
                continue
            if report is not None:
                await self._show_result(report)
                return report
            decided.pop()

    # Steps ---------------------------------------------------------------------------------

    async def _show_difference(self, journey: _Journey) -> _Journey | None:
        preview = await self._preview(journey.wish)
        if preview is None:
            return None
        screen = DifferenceScreen(self._app, self._gateway, preview)
        if not await self._app.push_screen_wait(screen):
            return None
        return replace(journey, preview=preview)

    async def _preview(self, wish: Wish) -> RestorePreview | None:
        return await carry_stages(
            self._app,
            "Comparing",
            lambda tell: self._gateway.past.preview(wish, tell),
            names=STAGES,
        )

    async def _ask_scope(self, journey: _Journey) -> _Journey | None:
        while True:
            kind = await self._app.push_screen_wait(
                Choose("How much of it?", SCOPES, current=journey.scope_kind)
            )
            if kind is None:
                return None
            scope = "" if kind == "all" else await self._ask_query(kind)
            if scope is None:
                # Back from the value to the kinds of scopes.
                journey = replace(journey, scope_kind=kind)
                continue
            wish = journey.wish.within(scope)
            preview = journey.preview
            if preview is None or wish != preview.wish:
                preview = await self._preview(wish)
            if preview is not None:
                return replace(journey, wish=wish, preview=preview, scope_kind=kind)

    async def _ask_query(self, kind: str) -> str | None:
        """Return the query that is the scope; None for back."""
        answer = await self._app.push_screen_wait(
            Ask(
                f"Which {'query' if kind == 'query' else 'item' if kind == 'id' else kind}?",
                value=display.escape_for_editing(self._item_id) if kind == "id" else "",
                note="What matches it then or now is restored; the rest stays as it is.",
                completer=None if kind == "query" else self._changing.completer(kind),
                check=lambda text: self._checked_scope(kind, text),
            )
        )
        return None if answer is None else self._checked_scope(kind, answer)

    def _checked_scope(self, kind: str, text: str) -> str:
        from inspector.gateway import EngineError

        text = text.strip()
        if not text:
            raise EditError("say which", field="scope")
        try:
            value = display.unescape_from_editing(text)
        except display.EscapeError as error:
            raise EditError(str(error), field="scope") from error
        query = value if kind == "query" else query_text.for_value(kind, value)
        try:
            self._gateway.parse(query)
        except EngineError as error:
            raise EditError(error.message, field="scope") from error
        return query

    async def _ask_target(self, journey: _Journey) -> _Journey | None:
        while True:
            target = "file"
            if not self._gateway.read_only:
                chosen = await self._app.push_screen_wait(
                    Choose(
                        "Where to?",
                        [
                            ("file", "A new file; the store stays as it is"),
                            ("place", "In place; it can be undone"),
                        ],
                    )
                )
                if chosen is None:
                    return None
                target = chosen
            if target == "place":
                return replace(journey, target=None)
            path = await self._ask_path(journey)
            if path is not None:
                return replace(journey, target=path)
            if self._gateway.read_only:
                return None

    async def _ask_path(self, journey: _Journey) -> Path | None:
        store = Path(self._gateway.info.path)
        preview = journey.preview
        number = "old" if preview is None else f"at-{preview.difference.after.sequence}"
        proposed = store.with_name(f"{store.stem}-{number}{store.suffix}")
        answer = await self._app.push_screen_wait(
            Ask(
                "Restore into the new file",
                value=display.escape_for_editing(str(proposed)),
                note="It appears whole or not at all. The store itself is not touched.",
                check=checked_new_file,
            )
        )
        return None if answer is None else checked_new_file(answer)

    # The last step -------------------------------------------------------------------------

    async def _confirm_and_restore(self, journey: _Journey) -> RestoreReport | None:
        """Say what will happen, and do it if that is wanted; None goes one step back."""
        preview = journey.preview
        if preview is None:
            return None
        if journey.target is None:
            return await self._in_place(preview)
        target = journey.target
        question = Confirm(
            "Restore into a new file?",
            lines=restore_lines.to_file_lines(preview, str(target)),
            note=f"{self._app.store_name} is not touched.",
            yes="Restore",
            no="Back",
        )
        if not await self._app.push_screen_wait(question):
            return None
        report = await carry_stages(
            self._app,
            f"Restoring into {target.name}",
            lambda tell: self._gateway.past.restore_to(preview.wish, target, tell),
            names=STAGES,
        )
        if report is None:
            self._app.say_cancelled(target)
        return report

    async def _in_place(self, preview: RestorePreview) -> RestoreReport | None:
        if preview.difference.is_empty:
            self._app.toast("The store is what it was then: there is nothing to do.")
            return None
        name = self._app.store_name
        holders = await self._gateway.past.holders()
        warnings = restore_lines.holder_lines(holders, now=self._app.now())
        if holders:
            warnings.append("What they write afterwards comes on top of what is restored.")
        question = TypeName(
            "Restore in place?",
            name,
            lines=restore_lines.in_place_lines(preview, name),
            warnings=warnings,
            note=f"Type {name} and press Enter to restore it.",
        )
        if not await self._app.push_screen_wait(question):
            return None
        report = await carry_stages(
            self._app,
            f"Restoring {name}",
            lambda tell: self._gateway.past.restore_in_place(preview, tell, force=bool(holders)),
            names=STAGES,
        )
        if report is None:
            self._app.toast("Cancelled; the store is as it was.", severity="warning")
        return report

    async def _show_result(self, report: RestoreReport) -> None:
        changes = changes_of(report)
        label = f"restore to change {report.point.sequence}"
        if changes is not None:
            self._app.journal.record(label, changes)
        screen = ResultScreen(
            restore_lines.result_lines(report, self._app.store_name), can_undo=changes is not None
        )
        if await self._app.push_screen_wait(screen):
            await self._changing.undo()
