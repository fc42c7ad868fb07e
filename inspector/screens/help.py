"""The keys that work here and now, by group; made from the bindings that are active."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from textual.app import App, ComposeResult
from textual.binding import ActiveBinding, Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from inspector.action import Group
from inspector.actions import ACTIONS, binding_id
from inspector.screens.dialogs import Dialog

_GROUPS = {binding_id(action): action.group for action in ACTIONS}
_HELP = {binding_id(action): action.help for action in ACTIONS}

HelpLine = tuple[str, str]
"""The keys, and what they do."""

QUERY_HELP: Sequence[HelpLine] = (
    ("python async", "items with both words"),
    ('"exact phrase"', "words in a row"),
    ("tier:working kind:semantic", "fields; also agent: tag: id: session:"),
    ("importance>=0.7 size>10kb", "comparisons; also accesses version"),
    ("created<30d idle>7d", "ages; also updated accessed, and dates: created>=2026-01-31"),
    ("metadata.source:chat", "a value in the metadata"),
    ("has:tags -tag:old", "presence, and a minus for not"),
    ("(a or b) and c", "alternatives and groups"),
)


def help_groups(
    app: App[Any], bindings: Iterable[ActiveBinding]
) -> list[tuple[str, list[HelpLine]]]:
    """Return the active keys by group: the focused widget's own first, then the table's."""
    groups: dict[str, dict[tuple[str, str], list[str]]] = {}
    for active in bindings:
        binding = active.binding
        # Without an id it is a key of Textual itself, such as scrolling by a column.
        if not active.enabled or not binding.description or not binding.id:
            continue
        name = binding.id or ""
        group = _GROUPS.get(name)
        title = group.value if group else (active.node.BINDING_GROUP_TITLE or "Here")
        text = _HELP.get(name) or binding.tooltip or binding.description
        keys = groups.setdefault(title, {}).setdefault((binding.action, text), [])
        shown = app.get_key_display(binding)
        if shown not in keys:
            keys.append(shown)
    order = {group.value: index for index, group in enumerate(Group, start=1)}
    return [
        (title, [(" ".join(keys), text) for (_, text), keys in lines.items()])
        for title, lines in sorted(groups.items(), key=lambda pair: order.get(pair[0], 0))
    ]


class HelpScreen(Dialog[None]):
    """Lists what the keys do for what has the focus."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1", "cancel", "Close", id="help.close"),
        Binding("j", "scroll(1)", "Down", show=False),
        Binding("k", "scroll(-1)", "Up", show=False),
    ]

    def __init__(
        self,
        groups: Sequence[tuple[str, Sequence[HelpLine]]],
        *,
        about: str = "",
        with_queries: bool = False,
    ) -> None:
        super().__init__("Help")
        self._groups = groups
        self._about = about
        self._with_queries = with_queries

    def compose(self) -> ComposeResult:
        """Lay out the groups one below the other."""
        with self.frame(classes="-large -help"), VerticalScroll(id="help-lines"):
            if self._about:
                yield Static(Content(_paragraphs(self._about)), classes="about")
            for title, lines in self._groups:
                yield from _group(title, lines)
            if self._with_queries:
                yield from _group("Queries", QUERY_HELP)

    def on_mount(self) -> None:
        """Let the keys scroll."""
        self.query_one("#help-lines").focus()

    def action_scroll(self, step: int) -> None:
        """Scroll by a line."""
        self.query_one("#help-lines").scroll_relative(y=step, animate=False)


def _paragraphs(text: str) -> str:
    """Return text that is written as Markdown in lines as plain paragraphs."""
    return "\n".join(
        " ".join(part.split()) for part in text.replace("`", "").split("\n\n") if part.strip()
    )


def _group(title: str, lines: Sequence[HelpLine]) -> ComposeResult:
    yield Static(Content.styled(title, "bold $primary"), classes="heading")
    cells = max(len(keys) for keys, _ in lines) + 2
    for keys, text in lines:
        yield Static(Content.assemble((f"  {keys:<{cells}}", "$accent"), text))
