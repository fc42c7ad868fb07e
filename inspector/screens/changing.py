"""What the person does to one item: edit, create, delete, tag, revert; and undo of all that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from inspector import display, editing
from inspector.editing import Draft, EditError, Form
from inspector.external_editor import EditorError, edit_outside
from inspector.failures import Failure
from inspector.gateway import Sequences
from inspector.journal import Entry, Journal
from inspector.screens.ask import Ask, Completer
from inspector.screens.dialogs import Confirm
from inspector.screens.edit import EditScreen
from inspector.screens.edit_form import Saved
from inspector.screens.working import carry_through

if TYPE_CHECKING:
    from inspector.app import InspectorApp
    from inspector.gateway import Gateway, Item


class Changing:
    """Asks what is needed, writes through the gateway and notes it for undo.

    Its methods wait for dialogs, so they run in a worker.
    """

    def __init__(self, app: InspectorApp, gateway: Gateway, journal: Journal[Sequences]) -> None:
        self._app = app
        self._gateway = gateway
        self._journal = journal

    # One item ------------------------------------------------------------------------------

    async def edit(self, item_id: str) -> None:
        """Open the editor on an item."""
        item = await self._existing(item_id)
        if item is not None:
            await self._open_editor(EditScreen(self._gateway, item, editor=self._editor))

    async def new(self, defaults: Mapping[str, str]) -> str | None:
        """Open the editor on a new item; return the id it got, if it was written."""
        screen = EditScreen(self._gateway, None, defaults=defaults, editor=self._editor)
        saved = await self._open_editor(screen)
        return saved.item.id if saved else None

    async def edit_outside(self, item_id: str) -> None:
        """Edit the content in the person's own editor and save it if it changed."""
        item = await self._existing(item_id)
        if item is None:
            return
        draft = editing.draft_of(item.content)
        if draft.form is Form.BYTES:
            self._app.toast("Bytes are not edited as text.", severity="warning")
            return
        try:
            text = edit_outside(
                self._app, draft.text, json=draft.form is Form.JSON, command=self._editor
            )
        except EditorError as error:
            await self._app.show_failure(Failure(what=str(error)))
            return
        if text is None:
            self._app.toast("Nothing was changed.")
        else:
            await self._save_text(item, Draft(form=draft.form, text=text))

    async def _save_text(self, item: Item, draft: Draft) -> None:
        """Save, or open the editor with the text if it cannot be saved as it is."""
        from inspector.gateway import VersionConflictError

        try:
            content = editing.content_of(draft)
            saved, changes = await self._gateway.update(
                item.id, version=item.version, content=content
            )
        except EditError as error:
            self._app.toast(str(error), severity="error")
        except VersionConflictError:
            self._app.toast("Somebody else changed it meanwhile.", severity="warning")
        else:
            self._note(Saved(item=saved, changes=changes, label=f"edit of {item.id}"))
            return
        await self._open_editor(EditScreen(self._gateway, item, draft=draft, editor=self._editor))

    async def edit_tags(self, item_id: str) -> None:
        """Ask for the tags of an item and write what changed."""
        item = await self._existing(item_id)
        if item is None:
            return
        answer = await self._app.push_screen_wait(
            Ask(
                f"Tags of {item_id}",
                value="".join(f"{tag} " for tag in [editing.tags_text(item.tags)] if tag),
                note="separated by spaces; Tab completes, Enter saves",
                completer=self.completer("tag"),
                many=True,
                check=editing.tags_of,
            )
        )
        if answer is None or editing.tags_of(answer) == item.tags:
            return
        saved, changes = await self._gateway.update(
            item_id, version=item.version, tags=editing.tags_of(answer)
        )
        self._note(Saved(item=saved, changes=changes, label=f"tags of {item_id}"))

    async def move(self, item_id: str, by: int) -> None:
        """Move an item up or down by tiers, not beyond the ends."""
        from inspector.gateway import Tier

        item = await self._existing(item_id)
        if item is None:
            return
        wanted = Tier(min(max(item.tier + by, Tier.WORKING), Tier.ARCHIVE))
        if wanted is item.tier:
            end = "up" if by < 0 else "down"
            self._app.toast(f"It is in {wanted.label}: no further {end}.")
            return
        moved, changes = await self._gateway.tiers.move(item, wanted)
        message = f"{item_id}: {item.tier.label} → {moved.tier.label}"
        if moved.tier is not wanted:
            message = f"{wanted.label} is full of what scores higher; {message}"
        self.done(f"move of {item_id}", changes, message)

    async def delete(self, item_id: str, preview: str) -> None:
        """Delete an item after a question."""
        question = Confirm(
            "Delete 1 item?",
            lines=[item_id, preview],
            note="u takes it back.",
            yes="Delete",
            no="No",
            dangerous=True,
        )
        if not await self._app.push_screen_wait(question):
            return
        count, changes = await self._gateway.delete(item_id)
        self.done(f"delete of {item_id}", changes, f"Deleted {count} item")

    async def revert(self, sequence: int) -> None:
        """Undo one change of the history, whoever made it."""
        await self._take_back(
            Entry(label=f"change {sequence}", changes=Sequences(first=sequence, last=sequence))
        )

    async def _existing(self, item_id: str) -> Item | None:
        item = await self._gateway.item(item_id)
        if item is None:
            self._app.toast(f"{item_id} has been deleted.", severity="warning")
        return item

    async def _open_editor(self, screen: EditScreen) -> Saved | None:
        saved = await self._app.push_screen_wait(screen)
        if saved is not None:
            self._note(saved)
        return saved

    def _note(self, saved: Saved) -> None:
        self.done(
            saved.label, saved.changes, f"Saved {saved.item.id}, version {saved.item.version}"
        )

    def done(self, label: str, changes: Sequences | None, message: str) -> None:
        """Note what was written for undo, and say so."""
        if changes is not None:
            self._journal.record(label, changes)
        self._app.refresh_bindings()
        self._app.toast(message if changes is None else f"{message} · u undoes")

    def completer(self, field: str) -> Completer:
        """Return what completes a word from the values of a field."""

        async def complete(prefix: str) -> list[tuple[str, int]]:
            return await self._gateway.complete(field, prefix)

        return complete

    @property
    def _editor(self) -> str:
        return self._app.settings.editor

    # Undo ----------------------------------------------------------------------------------

    async def undo(self) -> None:
        """Take back the newest own change."""
        entry = self._journal.next_undo()
        if entry is None:
            return
        changes = await self._undone(entry)
        if changes is None:
            self._journal.drop_undo()
        else:
            self._journal.undone(entry, changes)
            self._app.toast(f"Undone: {entry.label} · {self._app.key_of('browse.redo')} redoes")
        self._app.refresh_bindings()

    async def redo(self) -> None:
        """Make the change again that was taken back last."""
        entry = self._journal.next_redo()
        if entry is None:
            return
        changes = await self._undone(entry)
        if changes is None:
            self._journal.drop_redo()
        else:
            self._journal.redone(entry, changes)
            self._app.toast(f"Done again: {entry.label}")
        self._app.refresh_bindings()

    async def _take_back(self, entry: Entry[Sequences]) -> None:
        changes = await self._undone(entry)
        if changes is not None:
            self.done(f"undo of {entry.label}", changes, f"Undone: {entry.label}")

    async def _undone(self, entry: Entry[Sequences]) -> Sequences | None:
        """Undo an entry; None if later changes are in the way and shall stay."""
        from inspector.gateway import UndoConflictError

        try:
            return await self._take(entry, force=False)
        except UndoConflictError as error:
            question = Confirm(
                f"Undo {entry.label} all the same?",
                lines=[error.message],
                note=error.hint or "What was changed later would be overwritten.",
                yes="Overwrite",
                no="Leave it as it is",
                dangerous=True,
            )
            if not await self._app.push_screen_wait(question):
                return None
        return await self._take(entry, force=True)

    async def _take(self, entry: Entry[Sequences], *, force: bool) -> Sequences | None:
        # Not to be cancelled: of more changes than one transaction holds, a part would be left.
        return await carry_through(
            self._app,
            f"Undo {entry.label}",
            lambda _: self._gateway.undo(entry.changes, force=force),
            cancellable=False,
        )


def shown_value(text: str) -> str:
    """Return a stored value for a message."""
    return display.visible_line(text, 60)
