"""One action on many items: those that are marked, or everything that a query matches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

from inspector import display, editing, formatting
from inspector.screens.ask import Ask
from inspector.screens.dialogs import Choose, Confirm
from inspector.screens.working import Progress, carry_through

if TYPE_CHECKING:
    from inspector.app import InspectorApp
    from inspector.gateway import Filter, Gateway, Sequences
    from inspector.screens.changing import Changing

Result = tuple[int, "Sequences | None"]

ACTIONS: tuple[tuple[str, str], ...] = (
    ("add_tags", "Add tags…"),
    ("remove_tags", "Remove tags…"),
    ("tier", "Set the tier…"),
    ("kind", "Set the kind…"),
    ("importance", "Set the importance…"),
    ("agent", "Set the agent…"),
    ("export", "Export to a file…"),
    ("delete", "Delete…"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The items of a bulk action: by id, or all that `query` matches when `ids` is None."""

    count: int
    sample: Sequence[str]
    ids: Sequence[str] | None = None
    query: Filter | None = None

    @property
    def words(self) -> str:
        """The count in words: `3,412 items`."""
        return f"{formatting.count(self.count)} item{'' if self.count == 1 else 's'}"

    def as_query(self) -> Filter:
        """Return the query that gives exactly these items."""
        from inspector.gateway import EVERYTHING, Compare, Field, Operator, Or

        if self.ids is not None:
            return Or(tuple(Compare(Field.ID, Operator.EQ, item_id) for item_id in self.ids))
        return EVERYTHING if self.query is None else self.query


class Bulk:
    """Asks what to do and with what, names count and sample, does it in one transaction."""

    def __init__(self, app: InspectorApp, gateway: Gateway, changing: Changing) -> None:
        self._app = app
        self._gateway = gateway
        self._changing = changing

    async def run(self, target: Target) -> str:
        """Ask and act; return the name of the action that was carried out, or empty."""
        choices = ACTIONS if not self._gateway.read_only else [ACTIONS[6]]
        action = await self._app.push_screen_wait(Choose(f"{target.words} marked", choices))
        if action is None or action == "export":
            return action or ""
        fields = {} if action == "delete" else await self._fields(action, target)
        if fields is None or not await self._confirmed(action, fields, target):
            return ""
        return action if await self._carry_out(action, fields, target) else ""

    async def _fields(self, action: str, target: Target) -> dict[str, Any] | None:
        """Ask for the value of an action; None if the person changed their mind."""
        from inspector.gateway import Tier

        title = f"{dict(ACTIONS)[action].rstrip('…')} · {target.words}"
        if action == "tier":
            options = [(tier.label, tier.label) for tier in Tier]
            chosen = await self._app.push_screen_wait(Choose(title, options))
            return None if chosen is None else {"tier": Tier[chosen.upper()]}
        answer = await self._app.push_screen_wait(self._question(action, title))
        if answer is None:
            return None
        if action == "importance":
            return {"importance": editing.importance_of(answer)}
        if action in ("add_tags", "remove_tags"):
            return {action: tuple(sorted(editing.tags_of(answer)))}
        return {action: editing.name_of(answer, field=action)}

    def _question(self, action: str, title: str) -> Ask:
        if action == "importance":
            return Ask(title, note="from 0 to 1", check=editing.importance_of)
        if action in ("add_tags", "remove_tags"):
            return Ask(
                title,
                note="separated by spaces; Tab completes",
                completer=self._changing.completer("tag"),
                many=True,
                check=_some_tags,
            )
        return Ask(
            title,
            note="Tab completes",
            completer=self._changing.completer(action),
            check=lambda text: editing.name_of(text, field=action),
        )

    async def _confirmed(self, action: str, fields: Mapping[str, Any], target: Target) -> bool:
        rest = target.count - len(target.sample)
        lines = [f"• {item_id}" for item_id in target.sample]
        if rest > 0:
            lines.append(f"… and {formatting.count(rest)} more")
        deletes = action == "delete"
        question = Confirm(
            f"{_what(action, fields)} · {target.words}?",
            lines=lines,
            note="One step of undo (u) takes it back.",
            yes=f"Delete {target.words}" if deletes else f"Change {target.words}",
            no="No",
            dangerous=deletes,
        )
        answer = await self._app.push_screen_wait(question)
        return bool(answer)

    async def _carry_out(self, action: str, fields: Mapping[str, Any], target: Target) -> bool:
        """Do it; False if the person cancelled it."""
        started = perf_counter()
        what = _what(action, fields)
        aim = target.ids if target.ids is not None else target.as_query()

        async def write(progress: Progress) -> Result:
            if action == "delete":
                return await self._gateway.delete_many(aim, progress)
            return await self._gateway.update_many(aim, fields, progress)

        result = await carry_through(self._app, what, write)
        if result is None:
            self._app.toast(f"{what}: cancelled, nothing was changed.", severity="warning")
            return False
        count, changes = result
        took = formatting.duration_ms((perf_counter() - started) * 1000)
        number = f"{formatting.count(count)} item{'' if count == 1 else 's'}"
        self._changing.done(f"{what}, {number}", changes, f"{what}: {number}, {took}")
        return True


def _some_tags(text: str) -> None:
    if not editing.tags_of(text):
        raise editing.EditError("type at least one tag", field="tags")


def _what(action: str, fields: Mapping[str, Any]) -> str:
    if action == "delete":
        return "Delete"
    value = fields[action]
    if action in ("add_tags", "remove_tags"):
        words = display.visible_line(" ".join(value), 40)
        return f"{'Add' if action == 'add_tags' else 'Remove'} {words}"
    shown = value.label if action == "tier" else str(value)
    return f"Set {action} to {display.visible_line(shown, 40)}"
