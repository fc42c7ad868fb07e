"""Every action of the app in one table: the footer, the help and the palette are made from it.

A screen says what is the case (`Situation`); the table says what can be done then. Key overrides
of the config name an action by its id.
"""

from __future__ import annotations

from collections.abc import Iterator

from textual.binding import Binding

from inspector.action import Action, Group, Scope, Situation
from inspector.backup_actions import BACKUP_ACTIONS
from inspector.browse_actions import BROWSE_ACTIONS
from inspector.lifecycle_actions import LIFECYCLE_ACTIONS
from inspector.modes import MODES
from inspector.transition_actions import TRANSITION_ACTIONS

EDITOR_ACTIONS: tuple[Action, ...] = (
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
)

MODE_ACTIONS: tuple[Action, ...] = tuple(
    Action(
        id=f"mode_{mode.name}",
        scope=Scope.APP,
        key=str(number),
        label=mode.title,
        help=mode.help,
        group=Group.APP,
        call=f"switch_mode({mode.name!r})",
    )
    for number, mode in enumerate(MODES, start=1)
)

APP_ACTIONS: tuple[Action, ...] = (
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

ACTIONS: tuple[Action, ...] = (
    *BROWSE_ACTIONS,
    *LIFECYCLE_ACTIONS,
    *TRANSITION_ACTIONS,
    *BACKUP_ACTIONS,
    *EDITOR_ACTIONS,
    *MODE_ACTIONS,
    *APP_ACTIONS,
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
            action=action.call or action.id,
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
