"""What an action is: a key, a name, a place in the help, and when it can be done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum


class Group(Enum):
    """Under which heading the help lists an action."""

    FIND = "Find"
    LOOK = "Look"
    CHANGE = "Change"
    MANY = "Many at once"
    SHARE = "Copy and export"
    PLAN = "Plan and runs"
    POLICIES = "Policies"
    BACKUPS = "Backups"
    EDITOR = "Editor"
    APP = "App"


class Scope(Enum):
    """Which screen has the action."""

    APP = "app"
    BROWSE = "browse"
    EDIT = "edit"
    CONFLICT = "conflict"
    LIFECYCLE = "lifecycle"
    TRANSITIONS = "transitions"
    BACKUPS = "backups"


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
    table_focused: bool = False
    pane_focused: bool = False
    """The item pane has the focus."""
    change: bool = False
    """A change of the history is under the cursor."""
    policy: bool = False
    """A policy is under the cursor."""
    plan: bool = False
    """There is a plan with something to do."""
    can_leave_out: bool = False
    """What is under the cursor is part of a plan."""
    can_resume: bool = False
    """A run is under the cursor that a crash interrupted."""
    backup: bool = False
    """A backup is under the cursor."""
    backups: bool = False
    """There are backups."""
    restore_point: bool = False
    """A moment is chosen to which the store can be set back."""


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
    """The key works before what has the focus sees it, in text fields too."""
    in_palette: bool = True
    call: str = ""
    """What the key calls, where that is not the action of this id: `switch_mode('browse')`."""
