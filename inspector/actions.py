"""Every action of the app in one table: the footer, the help and the palette are made from it.

A screen says what is the case (`Situation`); the table says what can be done then. Key overrides
of the config name an action by its id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

from textual.binding import Binding


class Group(Enum):
    """Under which heading the help lists an action."""

    FIND = "Find"
    LOOK = "Look"
    CHANGE = "Change"
    MANY = "Many at once"
    SHARE = "Copy and export"
    EDITOR = "Editor"
    APP = "App"


class Scope(Enum):
    """Which screen has the action."""

    APP = "app"
    BROWSE = "browse"
    EDIT = "edit"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What decides whether an action can be done now."""

    writable: bool = False
    item: bool = False
    """An item is under the cursor and has not been deleted."""
    items: bool = False
    """The list has items."""
    marks: int = 0
    can_undo: bool = False
    can_redo: bool = False
    can_go_back: bool = False
    can_go_forward: bool = False
    running: bool = False
    """Something runs that can be cancelled."""
    stale: bool = False
    """Others changed what is listed in a way that only a new query shows."""
    wide: bool = True
    table_focused: bool = False
    pane_focused: bool = False
    """The item pane has the focus."""
    change: bool = False
    """A change of the history is under the cursor."""
    modes: int = 1


def _always(_: Situation) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One thing that can be done. `rank` orders the footer; 0 keeps the action out of it."""

    id: str
    scope: Scope
    key: str
    label: str
    help: str
    group: Group
    valid: Callable[[Situation], bool] = _always
    rank: int = 0
    key_display: str | None = None
    priority: bool = False
    """The key works in text fields too."""
    in_palette: bool = True


def _changes_item(now: Situation) -> bool:
    return now.writable and now.item


ACTIONS: tuple[Action, ...] = (
    Action(
        id="find",
        scope=Scope.BROWSE,
        key="slash",
        label="Query",
        help="Type a query; results follow as you type",
        group=Group.FIND,
        rank=10,
    ),
    Action(
        id="query_back",
        scope=Scope.BROWSE,
        key="left_square_bracket",
        label="Back",
        help="Go back to the query before this one",
        group=Group.FIND,
        valid=lambda now: now.can_go_back,
        rank=65,
    ),
    Action(
        id="query_forward",
        scope=Scope.BROWSE,
        key="right_square_bracket",
        label="Forward",
        help="Go forward again",
        group=Group.FIND,
        valid=lambda now: now.can_go_forward,
        rank=66,
    ),
    Action(
        id="sort",
        scope=Scope.BROWSE,
        key="s",
        label="Sort",
        help="Choose the order of the list",
        group=Group.FIND,
        rank=60,
    ),
    Action(
        id="reload",
        scope=Scope.BROWSE,
        key="r",
        label="Refresh",
        help="Run the query again",
        group=Group.FIND,
        rank=67,
    ),
    Action(
        id="toggle_facets",
        scope=Scope.BROWSE,
        key="f",
        label="Facets",
        help="Show or hide tiers, kinds, tags and agents, to filter by",
        group=Group.LOOK,
        rank=50,
    ),
    Action(
        id="toggle_pane",
        scope=Scope.BROWSE,
        key="p",
        label="Item",
        help="Show or hide the item beside the list",
        group=Group.LOOK,
        rank=51,
        valid=lambda now: now.item or now.pane_focused,
    ),
    Action(
        id="previous_tab",
        scope=Scope.BROWSE,
        key="less_than_sign",
        label="Previous tab",
        help="Show the item's previous tab",
        group=Group.LOOK,
        valid=lambda now: now.item,
    ),
    Action(
        id="next_tab",
        scope=Scope.BROWSE,
        key="greater_than_sign",
        label="Next tab",
        help="Show the item's next tab: content, fields, links, history",
        group=Group.LOOK,
        valid=lambda now: now.item,
        rank=52,
    ),
    Action(
        id="zoom",
        scope=Scope.BROWSE,
        key="z",
        label="Zoom",
        help="Give the whole screen to what has the focus, and back",
        group=Group.LOOK,
        rank=53,
    ),
    Action(
        id="edit",
        scope=Scope.BROWSE,
        key="e",
        label="Edit",
        help="Edit the item's content and fields",
        group=Group.CHANGE,
        valid=_changes_item,
        rank=20,
    ),
    Action(
        id="edit_outside",
        scope=Scope.BROWSE,
        key="E",
        label="$EDITOR",
        help="Edit the content in your own editor ($VISUAL or $EDITOR)",
        group=Group.CHANGE,
        valid=_changes_item,
    ),
    Action(
        id="edit_tags",
        scope=Scope.BROWSE,
        key="t",
        label="Tags",
        help="Edit the item's tags",
        group=Group.CHANGE,
        valid=_changes_item,
        rank=21,
    ),
    Action(
        id="new",
        scope=Scope.BROWSE,
        key="n",
        label="New",
        help="Write a new item",
        group=Group.CHANGE,
        valid=lambda now: now.writable,
        rank=22,
    ),
    Action(
        id="delete",
        scope=Scope.BROWSE,
        key="d",
        label="Delete",
        help="Delete the item (asks first, can be undone)",
        group=Group.CHANGE,
        valid=_changes_item,
        rank=23,
    ),
    Action(
        id="revert",
        scope=Scope.BROWSE,
        key="R",
        label="Revert",
        help="Undo the change that is under the cursor in the history",
        group=Group.CHANGE,
        valid=lambda now: now.writable and now.change,
        rank=12,
    ),
    Action(
        id="undo",
        scope=Scope.BROWSE,
        key="u",
        label="Undo",
        help="Take back your latest change of this run",
        group=Group.CHANGE,
        valid=lambda now: now.writable and now.can_undo,
        rank=13,
    ),
    Action(
        id="redo",
        scope=Scope.BROWSE,
        key="ctrl+r",
        label="Redo",
        help="Make the change again that you took back",
        group=Group.CHANGE,
        valid=lambda now: now.writable and now.can_redo,
        rank=14,
    ),
    Action(
        id="mark",
        scope=Scope.BROWSE,
        key="space",
        label="Mark",
        help="Mark or unmark the item under the cursor",
        group=Group.MANY,
        valid=lambda now: now.items and now.table_focused,
        rank=30,
    ),
    Action(
        id="mark_all",
        scope=Scope.BROWSE,
        key="asterisk",
        label="Mark all",
        help="Mark everything that matches the query, or clear the marks",
        group=Group.MANY,
        valid=lambda now: now.items,
        rank=55,
    ),
    Action(
        id="bulk",
        scope=Scope.BROWSE,
        key="b",
        label="Bulk",
        help="Change, delete or export all marked items",
        group=Group.MANY,
        valid=lambda now: now.marks > 0,
        rank=11,
    ),
    Action(
        id="copy",
        scope=Scope.BROWSE,
        key="y",
        label="Copy",
        help="Copy the item's content to the clipboard",
        group=Group.SHARE,
        valid=lambda now: now.item,
        rank=54,
    ),
    Action(
        id="copy_json",
        scope=Scope.BROWSE,
        key="Y",
        label="Copy JSON",
        help="Copy the whole item as JSON to the clipboard",
        group=Group.SHARE,
        valid=lambda now: now.item,
    ),
    Action(
        id="export",
        scope=Scope.BROWSE,
        key="x",
        label="Export",
        help="Write what the query matches to a file (JSON Lines or CSV)",
        group=Group.SHARE,
        valid=lambda now: now.items,
        rank=56,
    ),
    Action(
        id="step_back",
        scope=Scope.BROWSE,
        key="escape",
        label="Back",
        help="Go one step back: cancel, leave, clear",
        group=Group.LOOK,
        in_palette=False,
    ),
    Action(
        id="save",
        scope=Scope.EDIT,
        key="ctrl+s",
        label="Save",
        help="Write the item to the store",
        group=Group.EDITOR,
        priority=True,
        rank=10,
    ),
    Action(
        id="outside",
        scope=Scope.EDIT,
        key="ctrl+o",
        label="$EDITOR",
        help="Continue in your own editor ($VISUAL or $EDITOR)",
        group=Group.EDITOR,
        priority=True,
        rank=20,
    ),
    Action(
        id="format_json",
        scope=Scope.EDIT,
        key="f8",
        label="Format",
        help="Check the JSON and indent it",
        group=Group.EDITOR,
        priority=True,
        rank=30,
    ),
    Action(
        id="leave",
        scope=Scope.EDIT,
        key="escape",
        label="Close",
        help="Close the editor (asks when something is not saved)",
        group=Group.EDITOR,
        rank=40,
        in_palette=False,
    ),
    Action(
        id="keep_mine",
        scope=Scope.CONFLICT,
        key="m",
        label="Keep mine",
        help="Write my text over theirs",
        group=Group.EDITOR,
        rank=10,
    ),
    Action(
        id="keep_theirs",
        scope=Scope.CONFLICT,
        key="t",
        label="Keep theirs",
        help="Leave the store as it is and drop my text",
        group=Group.EDITOR,
        rank=20,
    ),
    Action(
        id="merge",
        scope=Scope.CONFLICT,
        key="e",
        label="Edit a merge",
        help="Go on editing, with both texts",
        group=Group.EDITOR,
        rank=30,
    ),
    Action(
        id="leave",
        scope=Scope.CONFLICT,
        key="escape",
        label="Back to editing",
        help="Go back to my text as it was",
        group=Group.EDITOR,
        rank=40,
        in_palette=False,
    ),
    Action(
        id="help",
        scope=Scope.APP,
        key="question_mark,f1",
        label="Help",
        help="Show the keys that work here",
        group=Group.APP,
        key_display="?",
        rank=80,
    ),
    Action(
        id="command_palette",
        scope=Scope.APP,
        key="ctrl+p,colon",
        label="Palette",
        help="Find any action by name",
        group=Group.APP,
        key_display="^p",
        rank=81,
        in_palette=False,
    ),
    Action(
        id="change_theme",
        scope=Scope.APP,
        key="ctrl+t",
        label="Theme",
        help="Choose the colours",
        group=Group.APP,
    ),
    Action(
        id="quit",
        scope=Scope.APP,
        key="ctrl+q",
        label="Quit",
        help="Leave the inspector",
        group=Group.APP,
        rank=82,
        priority=True,
    ),
)

_BY_ID = {(action.scope, action.id): action for action in ACTIONS}


def find_action(scope: Scope, action_id: str) -> Action | None:
    """Return the action called `action_id` of a screen, or None if it has none."""
    return _BY_ID.get((scope, action_id))


def actions_of(scope: Scope) -> Iterator[Action]:
    """Yield a screen's actions in the order of the table."""
    return (action for action in ACTIONS if action.scope is scope)


def binding_id(action: Action) -> str:
    """Return what the config calls the action: `browse.edit`."""
    return f"{action.scope.value}.{action.id}"


def action_ids() -> frozenset[str]:
    """Return what the config may give keys to."""
    return frozenset(binding_id(action) for action in ACTIONS)


def bindings_of(scope: Scope) -> list[Binding]:
    """Return a screen's bindings, made from the table."""
    return [
        Binding(
            key=action.key,
            action=action.id,
            description=action.label,
            tooltip=action.help,
            show=action.rank > 0,
            key_display=action.key_display,
            priority=action.priority,
            id=binding_id(action),
        )
        for action in actions_of(scope)
    ]


def is_valid(scope: Scope, action_id: str, now: Situation) -> bool:
    """Return whether an action can be done now; True for what the table does not know."""
    action = find_action(scope, action_id)
    return action is None or action.valid(now)
