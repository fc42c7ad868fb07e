"""The item at the right: its content, fields, links and history, in tabs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import ContentSwitcher, Static

from inspector import display, formatting, item_lines
from inspector.widgets.content_view import ContentView
from inspector.widgets.line_list import LineList, ListEntry
from inspector.widgets.line_view import LineView
from inspector.widgets.roles import Role
from inspector.widgets.tab_strip import TabStrip

if TYPE_CHECKING:
    from inspector.gateway import Change, Detail, Part

CONTENT, FIELDS, LINKS, HISTORY = "content", "fields", "links", "history"


class ItemPane(Vertical):
    """Shows one item; fetches nothing and decides nothing."""

    BORDER_TITLE = "Item"

    class TabChanged(Message):
        """Another tab is shown."""

        def __init__(self, tab: str) -> None:
            super().__init__()
            self.tab = tab

    class LinkOpened(Message):
        """An associated item was chosen."""

        def __init__(self, item_id: str) -> None:
            super().__init__()
            self.item_id = item_id

    class ChangeOpened(Message):
        """A change of the history was chosen."""

        def __init__(self, sequence: int) -> None:
            super().__init__()
            self.sequence = sequence

    class ChangeHighlighted(Message):
        """Another change of the history is under the cursor, or none."""

        def __init__(self, sequence: int | None) -> None:
            super().__init__()
            self.sequence = sequence

    class OlderRequested(Message):
        """The history before what is shown is wanted."""

    class MoreContentRequested(Message):
        """Content after what is shown is wanted."""

        def __init__(self, shown_bytes: int) -> None:
            super().__init__()
            self.shown_bytes = shown_bytes

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._title = ""

    def compose(self) -> ComposeResult:
        """Lay out the title, the tabs and what they switch between."""
        yield Static(id="item-title", markup=False)
        yield Static(id="item-summary", markup=False)
        yield TabStrip(
            [(CONTENT, "Content"), (FIELDS, "Fields"), (LINKS, "Links"), (HISTORY, "History")],
            id="item-tabs",
        )
        with ContentSwitcher(initial=CONTENT, id="item-views"):
            yield ContentView(id=CONTENT)
            yield LineView(id=FIELDS)
            yield LineList(id=LINKS, empty="no links, in or out")
            yield LineList(id=HISTORY, empty="no history")

    @property
    def tab(self) -> str:
        """The name of the tab that is shown."""
        return self.query_one(TabStrip).active

    def step_tab(self, by: int) -> None:
        """Show the next or the previous tab."""
        had_focus = self.has_focus_within
        self.query_one(TabStrip).step(by)
        if had_focus:
            self.call_after_refresh(self.focus_view)

    def focus_view(self) -> None:
        """Give the focus to what the tab shows."""
        self.query_one(f"#{self.tab}").focus()

    # Showing -------------------------------------------------------------------------------

    def show_nothing(self) -> None:
        """Say that no item is chosen."""
        self._show_head("", Content(""))
        self.query_one(ContentView).show_message("No item", "Choose one in the list.")
        self.query_one(f"#{FIELDS}", LineView).set_lines([])
        self._show_links([], count=0)
        self.show_history([], more=False)

    def show_deleted(self, item_id: str) -> None:
        """Say that the item is gone; its history stays readable."""
        self._show_head(item_id, Content.styled("deleted", "$error"))
        self.query_one(ContentView).show_message(
            "Deleted", "This item is no longer in the store.", "The history keeps what it was."
        )
        self.query_one(f"#{FIELDS}", LineView).set_lines([])
        self._show_links([], count=0)

    def show_problem(self, item_id: str, what: str, hint: str) -> None:
        """Say why an item cannot be shown."""
        self._show_head(item_id, Content.styled("damaged", "$error"))
        self.query_one(ContentView).show_message(what, "", hint, Role.ERROR)

    def show_detail(self, detail: Detail, *, now: datetime, same_item: bool) -> None:
        """Show an item; if it is the one shown before, what is scrolled to stays in view."""
        item = detail.item
        self._show_head(item.id, item_lines.summary(item))
        self.query_one(f"#{FIELDS}", LineView).set_lines(
            item_lines.field_lines(detail, now=now), keep_scroll=same_item
        )
        self._show_links(
            item_lines.link_entries(detail),
            count=len(detail.outgoing) + len(detail.incoming),
            keep_cursor=same_item,
        )
        self.show_content(detail.part)

    def _show_links(
        self, entries: Sequence[ListEntry], *, count: int, keep_cursor: bool = False
    ) -> None:
        self.query_one(f"#{LINKS}", LineList).show(entries, keep_cursor=keep_cursor)
        self.query_one(TabStrip).set_title(LINKS, f"Links {count}" if count else "Links")

    def show_content(self, part: Part) -> None:
        """Show the beginning of the content, or all of it."""
        view = self.query_one(ContentView)
        if part.form == "json":
            view.show_json(part.value, text=part.text, remaining_bytes=part.remaining_bytes)
        elif part.form == "text":
            view.show_text(part.text or "", remaining_bytes=part.remaining_bytes)
        elif part.form == "bytes":
            view.show_bytes(part.data, remaining_bytes=part.remaining_bytes)
        else:
            view.show_opcodes(part.opcodes, remaining=part.remaining_bytes)

    def show_history(self, changes: Sequence[Change], *, more: bool) -> None:
        """Show the changes of the item, newest first."""
        entries = item_lines.change_entries(changes, more=more)
        self.query_one(f"#{HISTORY}", LineList).show(entries, keep_cursor=True)

    def _show_head(self, item_id: str, summary: Content) -> None:
        self._title = display.visible_line(item_id)
        self._fit_title()
        self.query_one("#item-summary", Static).update(summary)

    def _fit_title(self) -> None:
        """Show as much of the item's id as there is room for."""
        title = formatting.middle_elide(self._title, max(8, self.size.width - 2))
        self.query_one("#item-title", Static).update(Content.styled(title, "bold $accent"))

    def on_resize(self) -> None:
        """Use the room there is now."""
        self._fit_title()

    # Announcing ----------------------------------------------------------------------------

    @on(TabStrip.Changed)
    def _tab_changed(self, event: TabStrip.Changed) -> None:
        event.stop()
        self.query_one(ContentSwitcher).current = event.name
        self.post_message(self.TabChanged(event.name))

    @on(ContentView.MoreRequested)
    def _more_content(self, event: ContentView.MoreRequested) -> None:
        event.stop()
        self.post_message(self.MoreContentRequested(event.shown_bytes))

    @on(LineList.Selected, f"#{LINKS}")
    def _link_selected(self, event: LineList.Selected) -> None:
        event.stop()
        if isinstance(event.key, tuple):
            self.post_message(self.LinkOpened(event.key[-1]))

    @on(LineList.Selected, f"#{HISTORY}")
    def _change_selected(self, event: LineList.Selected) -> None:
        event.stop()
        if isinstance(event.key, int):
            self.post_message(self.ChangeOpened(event.key))
        elif event.key == item_lines.OLDER:
            self.post_message(self.OlderRequested())

    @on(LineList.Highlighted, f"#{HISTORY}")
    def _change_highlighted(self, event: LineList.Highlighted) -> None:
        event.stop()
        self.post_message(self.ChangeHighlighted(event.key if isinstance(event.key, int) else None))
