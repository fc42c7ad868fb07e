"""The bottom line: the keys that work now, the most useful first, as many as fit."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.binding import Binding
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget

from inspector.actions import ACTIONS, binding_id

RANK_OF_OTHERS = 35
"""Keys of a widget itself, between the actions on an item and those on the list."""

_RANKS = {binding_id(action): action.rank for action in ACTIONS}


@dataclass(frozen=True, slots=True)
class _Entry:
    key: str
    shown_key: str
    label: str
    rank: int

    @property
    def cells(self) -> int:
        return len(self.shown_key) + len(self.label) + 3


class ActionFooter(Widget):
    """Derived from the bindings that are active: what cannot be done now is not offered."""

    DEFAULT_CSS = """
    ActionFooter {
        dock: bottom;
        height: 1;
        background: $panel;
        color: $foreground;
        text-wrap: nowrap;
    }
    """

    ALWAYS = ("app.help", "app.command_palette")
    """Kept at the end, however little room there is: they lead to everything else."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._entries: list[_Entry] = []
        self._places: list[tuple[int, int, str]] = []

    def on_mount(self) -> None:
        """Follow the screen's bindings."""
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_updated)

    def _bindings_updated(self, screen: Screen[object]) -> None:
        if not self.is_attached or screen is not self.screen:
            return
        entries = self._current_entries(screen)
        if entries != self._entries:
            self._entries = entries
            self.refresh()

    def _current_entries(self, screen: Screen[object]) -> list[_Entry]:
        entries: dict[str, _Entry] = {}
        for active in screen.active_bindings.values():
            binding = active.binding
            if not binding.show or not active.enabled or not binding.description:
                continue
            name = binding.id or binding.action
            entries.setdefault(name, self._entry(binding))
        return sorted(entries.values(), key=lambda entry: entry.rank)

    def _entry(self, binding: Binding) -> _Entry:
        return _Entry(
            key=binding.key,
            shown_key=self.app.get_key_display(binding),
            label=binding.description,
            rank=_RANKS.get(binding.id or "", RANK_OF_OTHERS),
        )

    def render(self) -> Content:
        """Return as many keys as fit, the ones that lead further always among them."""
        last_rank = min(_RANKS[name] for name in self.ALWAYS)
        always = [entry for entry in self._entries if entry.rank >= last_rank]
        room = self.size.width - 1 - sum(entry.cells for entry in always)
        chosen: list[_Entry] = []
        for entry in self._entries:
            if entry.rank < last_rank and entry.cells <= room:
                room -= entry.cells
                chosen.append(entry)
        return self._line([*chosen, *always])

    def _line(self, entries: list[_Entry]) -> Content:
        parts: list[str | tuple[str, str]] = [" "]
        self._places = []
        column = 1
        for entry in entries:
            parts += [(entry.shown_key, "bold $accent"), f" {entry.label}  "]
            self._places.append((column, column + entry.cells - 2, entry.key))
            column += entry.cells
        return Content.assemble(*parts)

    def on_click(self, event: events.Click) -> None:
        """Press the key that was clicked."""
        for start, end, key in self._places:
            if start <= event.x < end:
                self.app.simulate_key(key)
