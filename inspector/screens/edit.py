"""The editor of an item: saves what was typed, and settles it with what others wrote meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.binding import BindingType
from textual.widgets import Input, Select, TextArea

from inspector import display, editing
from inspector.action import Scope
from inspector.actions import bindings_of
from inspector.editing import Draft, EditError, Form
from inspector.external_editor import EditorError, edit_outside
from inspector.screens.conflict import ConflictScreen, Resolution
from inspector.screens.dialogs import Discard
from inspector.screens.edit_form import EditForm, Saved

if TYPE_CHECKING:
    from inspector.gateway import Item

FIELDS = ("agent", "kind", "tier", "importance", "tags", "metadata")


class EditScreen(EditForm):
    """Edits one item, or writes a new one; nothing typed is lost without a question."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of(Scope.EDIT)]

    # Saving --------------------------------------------------------------------------------

    @work(exclusive=True, group="save", exit_on_error=False)
    async def action_save(self) -> None:
        """Write what was changed; ask if somebody else changed the item meanwhile."""
        from inspector.gateway import EngineError, ItemNotFoundError, VersionConflictError

        try:
            fields = self._changed_fields()
            await self._write(fields)
        except EditError as error:
            self._show_problem(str(error))
            self._go_to(error)
        except (VersionConflictError, ItemNotFoundError):
            await self._resolve(fields)
        except EngineError as error:
            self._show_problem(error.message, error.hint)

    async def _write(self, fields: dict[str, Any]) -> None:
        item = self._item
        if item is None:
            await self._create(fields)
            return
        if not fields:
            self.app.notify("Nothing was changed.", markup=False)
            self.dismiss(None)
            return
        saved, changes = await self._gateway.update(item.id, version=item.version, **fields)
        self.dismiss(Saved(item=saved, changes=changes, label=f"edit of {item.id}"))

    async def _create(self, fields: dict[str, Any]) -> None:
        item_id = display.unescape_from_editing(self._value("id").strip()) or None
        if item_id and await self._gateway.key_of(item_id) is not None:
            raise EditError("an item with this id exists; choose another", field="id")
        content = fields.pop("content")
        saved, changes = await self._gateway.put(item_id, content, **fields)
        self.dismiss(Saved(item=saved, changes=changes, label=f"new item {saved.id}"))

    async def _resolve(self, fields: dict[str, Any]) -> None:
        """Show both versions and do what the person chooses."""
        item = self._item
        if item is None:
            return
        theirs = await self._gateway.item(item.id)
        history = await self._gateway.history(item.id)
        screen = ConflictScreen(item, fields, theirs, history[-1] if history else None)
        choice = await self.app.push_screen_wait(screen)
        if choice is Resolution.MINE:
            await self._write_over(item, fields, theirs)
        elif choice is Resolution.THEIRS:
            self.dismiss(None)
        elif choice is Resolution.MERGE and theirs is not None:
            self._merge(theirs)

    async def _write_over(self, item: Item, fields: dict[str, Any], theirs: Item | None) -> None:
        from inspector.gateway import EngineError, ItemNotFoundError, VersionConflictError

        try:
            if theirs is not None:
                self._item = theirs
                await self._write(fields)
                return
            whole = {name: getattr(item, name) for name in (*FIELDS, "content", "session_id")}
            whole |= fields
            content = whole.pop("content")
            saved, changes = await self._gateway.put(item.id, content, **whole)
            self.dismiss(Saved(item=saved, changes=changes, label=f"edit of {item.id}"))
        except (VersionConflictError, ItemNotFoundError):
            await self._resolve(fields)
        except EngineError as error:
            self._show_problem(error.message, error.hint)

    def _merge(self, theirs: Item) -> None:
        """Continue on their version, with both contents in the text area where they differ."""
        before = self._start
        self._item = theirs
        draft = editing.draft_of(theirs.content)
        values = {
            "kind": display.escape_for_editing(theirs.kind),
            "agent": display.escape_for_editing(theirs.agent),
            "importance": f"{theirs.importance:g}",
            "tags": editing.tags_text(theirs.tags),
            "metadata": editing.metadata_text(theirs.metadata),
            "tier": theirs.tier.label,
            "form": draft.form.value,
            "id": "",
            "content": draft.text,
        }
        mine = self._values()
        for name in ("kind", "agent", "importance", "tags"):
            if mine[name] == before[name]:
                self.query_one(f"#{name}", Input).value = values[name]
        if mine["metadata"] == before["metadata"]:
            self.query_one("#metadata", TextArea).text = values["metadata"]
        if mine["tier"] == before["tier"]:
            self.query_one("#tier", Select).value = values["tier"]
        self._start = values
        self._merge_content(mine["content"], before["content"], draft)

    def _merge_content(self, mine: str, before: str, theirs: Draft) -> None:
        areas = self.query("#content")
        if not areas:
            return
        area = areas.first(TextArea)
        if mine == before:
            area.text = theirs.text
            self.query_one("#form", Select).value = theirs.form.value
        elif mine != theirs.text:
            area.text = editing.merge_text(mine, theirs.text)
            self._show_problem("both texts are here: keep what you want, delete the marks, save")
        area.focus()

    # Other actions -------------------------------------------------------------------------

    def action_format_json(self) -> None:
        """Check the JSON and indent it."""
        areas = self.query("#content")
        if not areas:
            return
        area = areas.first(TextArea)
        try:
            value = editing.content_of(Draft(form=Form.JSON, text=area.text))
        except EditError as error:
            self._show_problem(str(error))
            self._go_to(error)
            return
        text = value if isinstance(value, str) else editing.draft_of(value).text
        if text != area.text and not isinstance(value, str):
            area.text = text
        self._show_problem("")

    def action_outside(self) -> None:
        """Continue in the person's own editor; what is saved there comes back here."""
        if self._draft.form is Form.BYTES:
            return
        form = str(self.query_one("#form", Select).value)
        try:
            edited = edit_outside(
                self.app, self._content_text(), json=form == Form.JSON.value, command=self._editor
            )
        except EditorError as error:
            self._show_problem(str(error))
            return
        if edited is None:
            return
        areas = self.query("#content")
        if areas and len(edited) <= editing.INLINE_CHARS_MAX:
            areas.first(TextArea).text = edited
        else:
            self._draft = Draft(form=Form(form), text=edited)
            areas.remove()
            self._show_problem("the text from your editor is kept; ctrl+s saves it")

    @work(group="leave", exclusive=True, exit_on_error=False)
    async def action_leave(self) -> None:
        """Close; ask first when something would be lost."""
        if self.unsaved:
            discard = await self.app.push_screen_wait(Discard("Close without saving?"))
            if not discard:
                return
        self.dismiss(None)

    def action_cancel(self) -> None:
        """Close as Esc does."""
        self.action_leave()
