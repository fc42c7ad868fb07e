"""Rules about which backups to keep, as they are typed: `last 10 daily 7`. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from inspector.editing import EditError

if TYPE_CHECKING:
    from inspector.gateway import Retention

USUAL = "last 10 daily 7 weekly 4 monthly 12"
RULES = ("last", "daily", "weekly", "monthly")
_RULE = re.compile(r"([a-z]+)[ :=]+(\d{1,6})")


def parse(text: str) -> Retention:
    """Return the rules of a text such as `last 10 daily 7 weekly 4 monthly 12`.

    Raises:
        EditError: it is none, or nothing would be kept.
    """
    from inspector.gateway import EngineError, Retention

    rest = _RULE.sub("", text.lower()).replace(",", "").strip()
    numbers = {name: int(number) for name, number in _RULE.findall(text.lower())}
    unknown = [name for name in numbers if name not in RULES]
    if rest or unknown:
        raise EditError(f"write rules like: {USUAL}", field="rules")
    try:
        return Retention(**numbers)
    except EngineError as error:
        raise EditError(error.message, field="rules") from error
