"""Base of the table: which items are listed, which is under the cursor, and their rows on demand.

The rows are item keys, given in chunks (`begin`, `extend`, `finish`) or at once (`set_keys`); what
they show comes from `fetch(keys)`, page by page, when they come into view. Derived classes draw
them, and hear in `rows_forgotten` what they must draw anew.
"""

from __future__ import annotations

from array import array
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from textual.message import Message
from textual.worker import Worker, WorkerState

from inspector.widgets.cursor_view import CursorView
from inspector.widgets.marks import find_key
from inspector.widgets.row_pages import RowCache

Fetch: TypeAlias = Callable[[Sequence[int]], Awaitable[Mapping[int, Any]]]

_PAGES_GROUP = "pages"


class TableMessage(Message):
    """Something that a table announces."""

    def __init__(self, table: ItemRows) -> None:
        super().__init__()
        self.table = table

    @property
    def control(self) -> ItemRows:
        """The table."""
        return self.table


class ItemRows(CursorView):
    """A list of items of any length, its cursor on an item rather than on a row."""

    class Highlighted(TableMessage):
        """Another item is under the cursor; `row` is None while it is not loaded."""

        def __init__(self, table: ItemRows, key: int | None, row: Any | None) -> None:
            super().__init__(table)
            self.key = key
            self.row = row

    class Selected(Highlighted):
        """An item was opened with Enter or a double click."""

    class NeedsRows(TableMessage):
        """The cursor is at the end of the rows known so far."""

        def __init__(self, table: ItemRows, row_count: int) -> None:
            super().__init__(table)
            self.row_count = row_count

    class FetchFailed(TableMessage):
        """Rows could not be fetched; `invalidate` tries again."""

        def __init__(self, table: ItemRows, error: BaseException) -> None:
            super().__init__(table)
            self.error = error

    def __init__(self, fetch: Fetch, *, page_rows: int, rows_cached: int, **options: Any) -> None:
        super().__init__(**options)
        self._fetch = fetch
        self._page_rows = page_rows
        self._keys = array("q")
        self._rows = RowCache(rows_cached)
        self._generation = 0
        self._complete = True
        self._replace_on_extend = False
        self._anchor: tuple[int, int] | None = None
        """The item the cursor shall return to, and its line on the screen."""
        self._announced: int | None = None
        self._queue: list[int] = []
        self._pending: set[int] = set()
        self._failed = False
        self._worker: Worker[None] | None = None

    def rows_forgotten(self, keys: Iterable[int] | None) -> None:
        """Hear that rows are others now; None: all of them."""

    def list_replaced(self) -> None:
        """Hear that the list is another one."""

    # Rows ----------------------------------------------------------------------------------

    @property
    def keys(self) -> array[int]:
        """The items in their order; not to be changed by others."""
        return self._keys

    @property
    def row_count(self) -> int:
        """How many items are listed so far."""
        return len(self._keys)

    @property
    def complete(self) -> bool:
        """Whether all items that there are have been listed."""
        return self._complete

    @property
    def pending(self) -> bool:
        """Whether rows are on their way."""
        return bool(self._pending)

    def begin(self, *, keep_cursor: bool = True) -> int:
        """Start a new list and return its number; the old rows stay until the first of the new."""
        self._generation += 1
        self._complete = False
        self._replace_on_extend = True
        key = self.cursor_key
        if not keep_cursor:
            self._anchor = None
        elif key is not None and self._anchor is None:
            self._anchor = (key, self.cursor_row - self.first_row_in_view)
        return self._generation

    def extend(self, generation: int, keys: array[int]) -> bool:
        """Add items to the list of that number; False if a newer one has begun."""
        if generation != self._generation:
            return False
        if self._replace_on_extend:
            self._replace(keys)
        else:
            start = len(self._keys)
            self._keys.extend(keys)
            self._find_anchor(start)
        self.rows_changed()
        return True

    def finish(self, generation: int) -> None:
        """Say that the list of that number is complete."""
        if generation != self._generation:
            return
        if self._replace_on_extend:
            self._replace(array("q"))
        self._complete = True
        self._anchor = None
        self.rows_changed()
        self._announce()

    def set_keys(self, keys: array[int], *, keep_cursor: bool = True) -> None:
        """Show these items, the cursor on the item where it was if that is among them."""
        generation = self.begin(keep_cursor=keep_cursor)
        self.extend(generation, keys)
        self.finish(generation)

    def insert(self, row: int, keys: array[int]) -> None:
        """Add items before a row; what is looked at does not move."""
        if not keys:
            return
        top, cursor = self.first_row_in_view, self.cursor_row
        was_empty = not self._keys
        self._keys = self._keys[:row] + keys + self._keys[row:]
        self._forget_pages()
        self.rows_changed()
        if was_empty:
            self._announce()
            return
        moved = cursor + len(keys) if row <= cursor else cursor
        # At the top one waits for what is new, so there it is let in; elsewhere the view stays.
        stays_at_top = top == 0 and moved < self.rows_in_view
        new_top = top + len(keys) if row <= top and not stays_at_top else top
        self.put_cursor(moved, moved - new_top)

    def prepend(self, keys: array[int]) -> None:
        """Add new items on top; what is looked at does not move."""
        self.insert(0, keys)

    def invalidate(self, keys: Iterable[int] | None = None) -> None:
        """Fetch these items again when they are in view (None: all); old text stays until then."""
        self._failed = False
        if keys is not None:
            keys = list(keys)
        self._rows.outdate(keys)
        self._forget_pages()
        self.rows_forgotten(keys)
        self.refresh()

    def _replace(self, keys: array[int]) -> None:
        self._replace_on_extend = False
        self._keys = keys[:]
        self._rows.outdate(None)
        self._failed = False
        self._forget_pages()
        self.rows_forgotten(None)
        self.list_replaced()
        self.rows_changed()
        if not self._find_anchor(0):
            self.put_cursor(0, 0)
        if self._anchor is None:
            self._announce()

    def _find_anchor(self, start: int) -> bool:
        """Put the cursor back on its item if that is among the rows from `start` on."""
        if self._anchor is None:
            return False
        key, screen_line = self._anchor
        row = find_key(self._keys, key, start)
        if row is None:
            return False
        self._anchor = None
        self.rows_changed()
        self.put_cursor(row, screen_line)
        self._announce()
        return True

    # Cursor --------------------------------------------------------------------------------

    @property
    def cursor_key(self) -> int | None:
        """The item under the cursor."""
        if self._anchor is not None:
            return self._anchor[0]
        return self._keys[self.cursor_row] if self._keys else None

    def move_to(self, key: int) -> bool:
        """Put the cursor on an item; False if it is not listed."""
        row = find_key(self._keys, key)
        if row is None:
            return False
        self._anchor = None
        self.cursor_row = row
        return True

    def row(self, key: int) -> Any | None:
        """Return what was fetched for an item, if it is there; also of one deleted since."""
        entry = self._rows.get(key)
        return None if entry is None else entry.row

    def is_deleted(self, key: int) -> bool:
        """Return whether an item is known to be gone."""
        entry = self._rows.get(key)
        return entry is not None and entry.deleted

    def visible_keys(self) -> array[int]:
        """Return the items on the screen."""
        top = self.first_row_in_view
        return self._keys[top : top + self.rows_in_view]

    def cursor_moved(self, old: int, new: int) -> None:
        """Announce the item, and ask for more at the end."""
        # Whoever moves the cursor no longer waits for it to return.
        self._anchor = None
        self._announce()
        if not self._complete and new == self.row_count - 1:
            self.post_message(self.NeedsRows(self, self.row_count))

    def row_chosen(self, row: int) -> None:
        """Announce that an item was opened."""
        key = self._keys[row]
        self.post_message(self.Selected(self, key, self.row(key)))

    def _announce(self) -> None:
        """Post `Highlighted` if another item is under the cursor than last time."""
        key = self.cursor_key
        if key == self._announced:
            return
        self._announced = key
        self.post_message(self.Highlighted(self, key, None if key is None else self.row(key)))

    # Fetching ------------------------------------------------------------------------------

    def _forget_pages(self) -> None:
        """Drop all requests: the pages are others now."""
        self._queue.clear()
        self._pending.clear()

    def _request(self, row: int) -> None:
        """Have the page of a row fetched, once."""
        page = row // self._page_rows
        if self._failed or page in self._pending or not self.is_attached:
            return
        self._pending.add(page)
        self._queue.append(page)
        if self._worker is None or self._worker.is_finished:
            self._worker = self.run_worker(
                self._fetch_pages(), group=_PAGES_GROUP, exit_on_error=False, exclusive=False
            )

    async def _fetch_pages(self) -> None:
        """Fetch what is in view, newest request first, until nothing is wanted."""
        while self._queue:
            page = self._queue.pop()
            wanted = self._wanted(page)
            if not wanted:
                self._pending.discard(page)
                continue
            self._rows.expect(wanted)
            self._rows.store(wanted, await self._fetch(wanted))
            self.rows_forgotten(wanted)
            self._pending.discard(page)
            self.refresh()
            if self.cursor_key in wanted:
                # Only now is there an item that something can be done with.
                self.refresh_bindings()
            self._prefetch(page)

    def _wanted(self, page: int) -> array[int]:
        """Return the items of a page to be fetched; none if it has been scrolled out of reach."""
        first = page * self._page_rows
        top = self.first_row_in_view
        near = self._page_rows
        if first > top + self.rows_in_view + near or first + self._page_rows < top - near:
            return array("q")
        keys = self._keys[first : first + self._page_rows]
        return array("q", (key for key in keys if not self._rows.is_fresh(key)))

    def _prefetch(self, page: int) -> None:
        """Queue the neighbours of a page in view, behind everything that is in view."""
        first_page = self.first_row_in_view // self._page_rows
        last_page = (self.first_row_in_view + self.rows_in_view) // self._page_rows
        if not first_page <= page <= last_page:
            return
        for neighbour in (page - 1, page + 1):
            if 0 <= neighbour * self._page_rows < self.row_count and neighbour not in self._pending:
                self._pending.add(neighbour)
                self._queue.insert(0, neighbour)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Announce that fetching failed; do not try again by ourselves."""
        if event.worker.group != _PAGES_GROUP or event.worker is not self._worker:
            return
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self._failed = True
            self.post_message(self.FetchFailed(self, event.worker.error))
        if event.state in {WorkerState.ERROR, WorkerState.CANCELLED}:
            self._forget_pages()
            self.refresh()
