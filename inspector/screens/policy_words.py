"""The actions of policies in words, and what could be typed as one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspector.editing import tags_text
from inspector.widgets.query_bar import Suggestion

if TYPE_CHECKING:
    from inspector.gateway import Action, Gateway

WORDS = {
    "archive": "move to the archive, packed",
    "restore": "move back to the tier it came from",
    "delete": "delete; undo brings it back",
    "refresh": "count as read now",
    "promote": "move one tier up",
    "demote": "move one tier down",
    "tag": "add the tag {}",
    "untag": "remove the tag {}",
    "importance": "set the importance to {}",
    "compress": "pack the content, nothing else",
    "deduplicate": "share equal contents",
    "merge": "archive near-duplicates from {} alike as differences",
    "consolidate": "sum a session up in one item, archive the rest",
    "python": "what the registered function {} says",
}
TAGS_MAX = 10


def in_words(action: Action) -> str:
    """Return what an action does."""
    argument = action.argument
    text = f"{argument:.0%}" if action.verb.value == "merge" else str(argument)
    return "✓ " + WORDS.get(action.verb.value, action.verb.value).format(text)


async def action_suggestions(gateway: Gateway, text: str, cursor: int) -> list[Suggestion]:
    """Return the actions that begin with what is typed; after `tag`, the tags of the store."""
    head, space, word = text[:cursor].lstrip().partition(" ")
    if space and head.lower() in ("tag", "untag"):
        found = await gateway.complete("tag", word, TAGS_MAX)
        start = cursor - len(word)
        return [
            Suggestion(
                start=start,
                end=cursor,
                insert_text=tags_text([tag]),
                label=tag,
                count=count,
                kind="tag",
            )
            for tag, count in found
        ]
    if space or not head:
        return []
    return [
        Suggestion(start=cursor - len(head), end=cursor, insert_text=verb, label=verb)
        for verb in WORDS
        if verb.startswith(head.lower()) and verb != "python"
    ]
