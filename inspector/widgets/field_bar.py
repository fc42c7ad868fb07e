"""A query bar as a line of a form: what it suggests is the same, Esc and the arrows are the form's.

`FieldBar(...)` as `QueryBar(...)`; down and up go to the neighbouring line when there is nothing
suggested to go through.
"""

from __future__ import annotations

from inspector.widgets.query_bar import QueryBar


class FieldBar(QueryBar):
    """One line of a form."""

    DEFAULT_CSS = """
    FieldBar {
        background: transparent;
        #query-prompt { display: none; }
        & > #query-note { padding: 0; height: auto; min-height: 1; display: block; }
    }
    """

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave Esc to the form unless there are suggestions to close."""
        if action == "leave":
            return bool(self.suggestions.display)
        return super().check_action(action, parameters)

    def action_step(self, by: int) -> None:
        """Go through the suggestions, or to the neighbouring line."""
        if self.suggestions.display and (by > 0 or self.suggestions.entered):
            self.suggestions.step(by)
        elif by > 0:
            self.screen.focus_next()
        else:
            self.screen.focus_previous()
