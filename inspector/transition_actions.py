"""What can be done on the Transitions screen."""

from __future__ import annotations

from inspector.action import Action, Group, Scope

TRANSITION_ACTIONS: tuple[Action, ...] = (
    Action(
        id="filter_entered",
        scope=Scope.TRANSITIONS,
        key="i",
        label="Into",
        help="Show only moves into one tier",
        group=Group.FIND,
        rank=10,
    ),
    Action(
        id="filter_left",
        scope=Scope.TRANSITIONS,
        key="o",
        label="Out of",
        help="Show only moves out of one tier",
        group=Group.FIND,
        rank=11,
    ),
    Action(
        id="filter_agent",
        scope=Scope.TRANSITIONS,
        key="a",
        label="Agent",
        help="Show only moves of the items of one agent",
        group=Group.FIND,
        rank=12,
    ),
    Action(
        id="reload",
        scope=Scope.TRANSITIONS,
        key="r",
        label="Refresh",
        help="Show the newest moves",
        group=Group.FIND,
        rank=20,
    ),
    Action(
        id="open_item",
        scope=Scope.TRANSITIONS,
        key="b",
        label="Browse",
        help="Go to the item under the cursor on the Browse screen, as Enter does",
        group=Group.LOOK,
        valid=lambda now: now.item,
        rank=13,
    ),
    Action(
        id="step_back",
        scope=Scope.TRANSITIONS,
        key="escape,q",
        label="Back",
        help="Go one step back: show all moves, leave",
        group=Group.LOOK,
        rank=14,
        key_display="esc",
        in_palette=False,
    ),
)
