"""The form of the editor: content in a text area, the fields beside it, and what was typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Paste
from textual.suggester import Suggester
from textual.widgets import Input, Label, Select, Static, TextArea

from inspector import display, editing
from inspector.editing import Draft, EditError, Form
from inspector.screens.dialogs import Dialog
from inspector.widgets.footer import ActionFooter

if TYPE_CHECKING:
    from inspector.gateway import Gateway, Item, Sequences


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What was written, for the list and for undo."""

    item: Item
    changes: Sequences | None
    label: str


class StoreSuggester(Suggester):
    """Completes a word from what the store has in a field."""

    def __init__(self, gateway: Gateway, field: str, *, last_word: bool = False) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._gateway = gateway
        self._field = field
        self._last_word = last_word

    async def get_suggestion(self, value: str) -> str | None:
        """Return `value` completed, or None if the store has nothing that begins so."""
        head, _, word = value.rpartition(" ") if self._last_word else ("", "", value)
        if not word:
            return None
        found = await self._gateway.complete(self._field, word, 1)
        # Only what can be typed as it is: an odd name would be taken for something else.
        if not found or not display.is_clean(found[0][0]) or " " in found[0][0]:
            return None
        return f"{head} {found[0][0]}" if head else found[0][0]


class ContentArea(TextArea):
    """A text area in which pasted control characters appear in their escaped form."""

    def on_paste(self, event: Paste) -> None:
        """Escape what is pasted; the text area's own handler comes after this one."""
        event.text = display.escape_for_editing(event.text.replace("\r\n", "\n"))


class EditForm(Dialog["Saved"]):
    """Shows an item, or a new one, to be edited; says what was typed, and what is wrong with it."""

    # Not a ClassVar, since Textual does not declare it as one.
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012
        (0, "-narrow"),
        (100, "-wide"),
    ]

    def __init__(
        self,
        gateway: Gateway,
        item: Item | None,
        *,
        draft: Draft | None = None,
        defaults: Mapping[str, str] | None = None,
        editor: str = "",
    ) -> None:
        super().__init__(f"Edit {item.id}" if item else "New item")
        self._gateway = gateway
        self._item = item
        self._editor = editor
        self._defaults = defaults or {}
        self._original = editing.draft_of(item.content) if item else Draft(form=Form.TEXT, text="")
        self._draft = draft or self._original
        self._start: dict[str, str] = {}

    # Layout --------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """Lay out the fields, the content, the line for problems and the footer."""
        with self.frame(classes="-large -editor"):
            with Horizontal(id="edit-body"):
                with Vertical(id="edit-fields"):
                    yield from self._compose_fields()
                with Vertical(id="edit-content"):
                    yield from self._compose_content()
            yield Static(id="problem", markup=False)
            yield ActionFooter()

    def _compose_fields(self) -> ComposeResult:
        from inspector.gateway import Tier

        item = self._item
        if item is None:
            yield from self._row("id", Input(placeholder="made if empty", id="id", compact=True))
        agent = item.agent if item else self._defaults.get("agent", "default")
        kind = item.kind if item else self._defaults.get("kind", "semantic")
        tier = item.tier.label if item else self._defaults.get("tier", Tier.LONG_TERM.label)
        yield from self._row(
            "tier",
            Select(
                [(choice.label, choice.label) for choice in Tier],
                value=tier,
                allow_blank=False,
                id="tier",
                compact=True,
            ),
        )
        yield from self._row("kind", self._input("kind", display.escape_for_editing(kind)))
        importance = f"{item.importance:g}" if item else "0.5"
        yield from self._row("importance", Input(importance, id="importance", compact=True))
        yield from self._row("agent", self._input("agent", display.escape_for_editing(agent)))
        tags = editing.tags_text(item.tags) if item else self._defaults.get("tags", "")
        yield from self._row("tags", self._input("tags", tags, field="tag", last_word=True))
        metadata = editing.metadata_text(item.metadata) if item else ""
        yield from self._row(
            "metadata", ContentArea(metadata, id="metadata", compact=True, placeholder="{}")
        )

    def _row(self, label: str, widget: Input | TextArea | Select[str]) -> ComposeResult:
        with Horizontal(classes=f"row -{label}"):
            yield Label(Content(label), classes="label")
            yield widget

    def _input(self, name: str, value: str, *, field: str = "", last_word: bool = False) -> Input:
        return Input(
            value,
            id=name,
            compact=True,
            select_on_focus=False,
            suggester=StoreSuggester(self._gateway, field or name, last_word=last_word),
        )

    def _compose_content(self) -> ComposeResult:
        editable = self._draft.form is not Form.BYTES and self._draft.inline
        with Horizontal(classes="row -form"):
            yield Label(Content("content"), classes="label")
            forms = [Form.BYTES] if self._draft.form is Form.BYTES else [Form.TEXT, Form.JSON]
            yield Select(
                [(form.value, form.value) for form in forms],
                value=self._draft.form.value,
                allow_blank=False,
                id="form",
                compact=True,
                disabled=not editable,
            )
        if editable:
            yield ContentArea(
                self._draft.text, id="content", show_line_numbers=True, tab_behavior="focus"
            )
        else:
            yield Static(self._why_not_editable(), id="content-note")

    def _why_not_editable(self) -> Content:
        if self._draft.form is Form.BYTES:
            return Content("Bytes are not edited as text. The fields can be changed.")
        return Content(
            f"{len(self._draft.text):,} characters are too many for this editor: "
            "ctrl+o opens them in yours. The fields can be changed here."
        )

    def on_mount(self) -> None:
        """Note how everything was, and begin in the content."""
        self._start = self._values()
        if self._draft is not self._original:
            self._start["content"] = self._original.text
        (self.query("#content") or self.query("#tags")).first().focus()

    # Reading the form ----------------------------------------------------------------------

    def _values(self) -> dict[str, str]:
        values = {name: self._value(name) for name in ("kind", "importance", "agent", "tags")}
        values["tier"] = str(self.query_one("#tier", Select).value)
        values["metadata"] = self.query_one("#metadata", TextArea).text
        values["form"] = str(self.query_one("#form", Select).value)
        values["id"] = "" if self._item else self._value("id")
        values["content"] = self._content_text()
        return values

    def _value(self, name: str) -> str:
        return self.query_one(f"#{name}", Input).value

    def _content_text(self) -> str:
        areas = self.query("#content")
        return areas.first(TextArea).text if areas else self._draft.text

    @property
    def unsaved(self) -> bool:
        """True if something was typed that is not in the store."""
        return self._values() != self._start

    def _changed_fields(self) -> dict[str, Any]:
        """Return what was changed, as the store takes it.

        Raises:
            EditError: something typed means nothing.
        """
        from inspector.gateway import Tier

        now = self._values()
        changed = {name for name in now if now[name] != self._start[name] or self._item is None}
        fields: dict[str, Any] = {}
        if changed & {"content", "form"} and now["form"] != Form.BYTES.value:
            fields["content"] = self._edited_content(now)
        if "tier" in changed:
            fields["tier"] = Tier[now["tier"].upper()]
        if "importance" in changed:
            fields["importance"] = editing.importance_of(now["importance"])
        for name in {"kind", "agent"} & changed:
            fields[name] = editing.name_of(now[name], field=name)
        if "tags" in changed:
            fields["tags"] = editing.tags_of(now["tags"])
        if "metadata" in changed:
            fields["metadata"] = editing.metadata_of(now["metadata"])
        return fields

    def _edited_content(self, now: Mapping[str, str]) -> Any:
        line = editing.unresolved_line(now["content"])
        if line is not None:
            raise EditError(
                "both texts are still here; keep one and delete the marks",
                field="content",
                line=line,
                column=1,
            )
        return editing.content_of(Draft(form=Form(now["form"]), text=now["content"]))

    # Saying what is wrong ------------------------------------------------------------------

    def _show_problem(self, what: str, hint: str = "") -> None:
        problem = self.query_one("#problem", Static)
        parts: list[Content | tuple[str, str]] = []
        if what:
            parts.append(Content.assemble(("✗ ", "$error bold"), display.content_line(what, 300)))
        if hint:
            parts.append(Content.assemble(("  → ", "$accent"), display.content_line(hint, 300)))
        problem.update(Content.assemble(*parts))

    def _go_to(self, error: EditError) -> None:
        """Put the cursor where the problem is."""
        widgets = self.query(f"#{error.field}")
        if not widgets:
            return
        widget = widgets.first()
        widget.focus()
        if isinstance(widget, TextArea) and error.line is not None:
            widget.move_cursor((error.line - 1, (error.column or 1) - 1), center=True)

    @on(Input.Changed)
    @on(TextArea.Changed)
    def _typed(self) -> None:
        title = self._title + (" ●" if self._start and self.unsaved else "")
        self.query_one(".dialog").border_title = display.content_line(title, 70)
