"""What a stretch of text is for; each role is a component class, so themes decide its look.

A `Piece` is `(text, Role)`, a `Line` is a tuple of pieces. The component class of a role is
`role--<value>`, on every widget that derives from `RoleView`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias


class Role(StrEnum):
    """The part that a stretch of text plays."""

    PLAIN = "plain"
    DIM = "dim"
    STRONG = "strong"
    ACCENT = "accent"
    KEY = "key"
    STRING = "string"
    NUMBER = "number"
    LITERAL = "literal"
    PUNCTUATION = "punctuation"
    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    ERROR = "error"
    HEADING = "heading"
    CODE = "code"
    LINK = "link"
    QUOTE = "quote"


Piece: TypeAlias = tuple[str, Role]
Line: TypeAlias = tuple[Piece, ...]

ROLE_CLASSES = frozenset(f"role--{role.value}" for role in Role)

_LOOKS = {
    Role.DIM: ("$foreground-muted", "dim"),
    Role.STRONG: ("$foreground", "bold"),
    Role.ACCENT: ("$text-accent", ""),
    Role.KEY: ("$text-primary", ""),
    Role.STRING: ("$text-success", ""),
    Role.NUMBER: ("$text-warning", ""),
    Role.LITERAL: ("$text-secondary", "italic"),
    Role.PUNCTUATION: ("$foreground-muted", "dim"),
    Role.GOOD: ("$text-success", ""),
    Role.WARNING: ("$text-warning", ""),
    Role.BAD: ("$text-error", "bold"),
    Role.ADDED: ("$text-success", ""),
    Role.REMOVED: ("$text-error", ""),
    Role.CHANGED: ("$text-warning", ""),
    Role.ERROR: ("$text-error", "bold"),
    Role.HEADING: ("$text-primary", "bold"),
    Role.CODE: ("$text-accent", ""),
    Role.LINK: ("$text-secondary", "underline"),
    Role.QUOTE: ("$foreground-muted", "italic"),
}


def role_css(widget: str) -> str:
    """Return the default look of all roles in a widget; weight and dimness tell without colours."""
    rules = []
    for role, (color, text_style) in _LOOKS.items():
        # Muted colours say it where there are colours; where there are none, the attribute does.
        attribute = "" if text_style == "dim" else text_style
        style = f" text-style: {attribute};" if attribute else ""
        rules.append(f"    & > .role--{role.value} {{ color: {color};{style} }}")
        if text_style == "dim":
            rules.append(
                f"    &:ansi > .role--{role.value} {{ color: ansi_default; text-style: dim; }}"
            )
    body = "\n".join(rules)
    return f"{widget} {{\n{body}\n}}\n"
