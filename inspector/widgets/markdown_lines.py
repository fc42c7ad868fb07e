"""Markdown as coloured lines: readable, without links to follow or images to load. Pure.

Not a full parser, on purpose: entities stay as they are written, so that nothing invisible can be
decoded into the screen, and every character of the source stays on it in its order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from inspector.display import visible
from inspector.widgets.roles import Line, Piece, Role

_INLINE_CHARACTERS_MAX = 4000
"""Longer lines are not searched for emphasis."""
_SAMPLE_CHARACTERS = 8192

_HEADING = re.compile(r" {0,3}(#{1,6})\s+(.*?)\s*#*\s*")
_FENCE = re.compile(r"\s{0,3}(```+|~~~+)\s*(.*)")
_BULLET = re.compile(r"(\s*)[-*+] +(?:\[([ xX])\] )?(.*)")
_NUMBERED = re.compile(r"(\s*)(\d{1,9}[.)]) +(.*)")
_QUOTE = re.compile(r"\s{0,3}> ?(.*)")
_RULE = re.compile(r"\s{0,3}(?:-[ -]{2,}|\*[ *]{2,}|_[ _]{2,})")
_TABLE_RULE = re.compile(r"\s*\|?[ :|-]*-[ :|-]*\|[ :|-]*")
_INLINE = re.compile(
    r"(?P<code>`[^`]{1,500}`)"
    r"|(?P<strong>\*\*[^*\s][^*]{0,500}\*\*|__[^_\s][^_]{0,500}__)"
    r"|(?P<emphasis>(?<![\w*])\*[^*\s][^*]{0,500}\*(?![\w*])|(?<!\w)_[^_\s][^_]{0,500}_(?!\w))"
    r"|!?\[(?P<label>[^\]]{0,200})\]\((?P<target>[^)\s]{0,500})[^)]{0,100}\)"
)
_SIGNS = (
    re.compile(r"^ {0,3}#{1,6} \S", re.MULTILINE),
    re.compile(r"^ {0,3}(?:```|~~~)", re.MULTILINE),
    re.compile(r"^\s*(?:[-*+]|\d{1,3}[.)]) \S.*\n(?:\s*(?:[-*+]|\d{1,3}[.)]) \S)", re.MULTILINE),
    re.compile(r"\*\*[^*\s][^*\n]{0,200}\*\*"),
    re.compile(r"\[[^\]\n]{1,200}\]\([^)\s]{1,500}\)"),
    re.compile(r"^> \S", re.MULTILINE),
)


def looks_like_markdown(text: str) -> bool:
    """Return whether text has the signs of Markdown."""
    sample = text[:_SAMPLE_CHARACTERS]
    return any(sign.search(sample) for sign in _SIGNS)


def markdown_lines(text: str) -> list[Line]:
    """Return Markdown as lines."""
    return list(_lines(visible(text)))


def _lines(text: str) -> Iterator[Line]:
    fence: str | None = None
    for line in text.split("\n"):
        match = _FENCE.fullmatch(line)
        if fence is not None:
            if match and match[1].startswith(fence) and not match[2]:
                fence = None
            else:
                yield ("│ ", Role.DIM), (line, Role.CODE)
        elif match:
            fence = match[1]
            if match[2]:
                yield ("│ ", Role.DIM), (match[2], Role.DIM)
        else:
            yield _block(line)


def _block(line: str) -> Line:
    """Return one line outside of code."""
    if match := _HEADING.fullmatch(line):
        level = len(match[1])
        return (("▌ " * (level == 1) + match[2], Role.HEADING if level < 4 else Role.STRONG),)
    if _RULE.fullmatch(line):
        return (("─" * 24, Role.DIM),)
    if match := _BULLET.fullmatch(line):
        box = {" ": "☐ ", "x": "☑ ", "X": "☑ "}.get(match[2] or "", "")
        return (match[1] + "  " + "• " + box, Role.ACCENT), *_inline(match[3])
    if match := _NUMBERED.fullmatch(line):
        return (f"{match[1]}  {match[2]} ", Role.ACCENT), *_inline(match[3])
    if match := _QUOTE.fullmatch(line):
        return ("▎ ", Role.DIM), (match[1], Role.QUOTE)
    if _TABLE_RULE.fullmatch(line):
        return ((line, Role.DIM),)
    return tuple(_inline(line))


def _inline(text: str) -> Iterator[Piece]:
    """Yield the pieces of a line of prose."""
    if len(text) > _INLINE_CHARACTERS_MAX:
        yield text, Role.PLAIN
        return
    position = 0
    for match in _INLINE.finditer(text):
        if match.start() > position:
            yield text[position : match.start()], Role.PLAIN
        yield from _styled(match)
        position = match.end()
    if position < len(text) or not text:
        yield text[position:], Role.PLAIN


def _styled(match: re.Match[str]) -> Iterator[Piece]:
    if match["code"]:
        yield match["code"][1:-1], Role.CODE
    elif match["strong"]:
        yield match["strong"][2:-2], Role.STRONG
    elif match["emphasis"]:
        yield match["emphasis"][1:-1], Role.LITERAL
    else:
        # The target is always shown: a label alone could say another.
        image = "image: " if match[0].startswith("!") else ""
        yield image + match["label"], Role.LINK
        yield f" ({match['target']})", Role.DIM
