"""The only place where stored text becomes something drawable; hostile text stops here.

Memories come from anywhere, so they may hold escape sequences that set a title or the clipboard,
bidirectional overrides that reorder what is read, and characters that show nothing at all.
`visible` and `visible_line` give such characters a shape; everything drawn goes through them,
either here (`content`, `rich_text`) or in a widget of `inspector.widgets`.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from rich.cells import get_character_cell_size

if TYPE_CHECKING:
    from rich.text import Text
    from textual.content import Content

TAB_CELLS = 4
LINE_CHARACTERS_MAX = 4096
"""More than any terminal shows in a row: what lies beyond is never looked at for a single line."""

_ELLIPSIS = "…"

# Written as code points: in the source they would be as invisible as on the screen.
_INVISIBLE_RANGES = (
    (0x00, 0x1F),  # C0, with ESC and BEL
    (0x7F, 0x9F),  # DEL and C1, with the one-character CSI and OSC
    (0xAD, 0xAD),  # soft hyphen
    (0x34F, 0x34F),  # combining grapheme joiner
    (0x600, 0x605),
    (0x61C, 0x61C),  # Arabic letter mark
    (0x6DD, 0x6DD),
    (0x70F, 0x70F),
    (0x890, 0x891),
    (0x8E2, 0x8E2),
    (0x115F, 0x1160),  # Hangul fillers
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),  # Mongolian selectors
    (0x200B, 0x200F),  # zero width, left-to-right and right-to-left marks
    (0x2028, 0x202E),  # separators, embeddings and overrides
    (0x2060, 0x206F),  # word joiner, isolates
    (0x3164, 0x3164),
    (0xD800, 0xDFFF),  # lone surrogates: no terminal encoding has them
    (0xFDD0, 0xFDEF),
    (0xFE00, 0xFE0F),  # variation selectors
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFFB),
    (0xFFFE, 0xFFFF),
    (0x110BD, 0x110BD),
    (0x110CD, 0x110CD),
    (0x13430, 0x1343F),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),  # tags and supplementary variation selectors: text hidden in text
)
_INVISIBLE = "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in _INVISIBLE_RANGES)
_COMBINING = (
    "\\u0300-\\u036f\\u0483-\\u0489\\u1ab0-\\u1aff\\u1dc0-\\u1dff\\u20d0-\\u20ff\\ufe20-\\ufe2f"
)
_MARKS_MAX = 4

_PICTOGRAPH = "[\\u203c-\\u3299\\U0001f000-\\U0001faff]"
_SELECTOR = "[\\ufe0e\\ufe0f]"

_UNSAFE = re.compile(
    # Between two pictographs a joiner only chooses a glyph that terminals measure differently, and
    # a selector after a visible character only its colour: both are left out, nothing is hidden.
    f"(?P<joiner>(?<={_PICTOGRAPH}){_SELECTOR}?\\u200d(?={_PICTOGRAPH}))"
    f"|(?P<selector>(?<=[#*0-9\\u00a9\\u00ae\\u203c-\\u3299\\U0001f000-\\U0001faff]){_SELECTOR})"
    f"|(?P<stack>(?<=[{_COMBINING}]{{{_MARKS_MAX}}})[{_COMBINING}]+)"
    f"|(?P<leading>(?:^|(?<=\\n))(?=[{_COMBINING}]))"
    f"|(?P<invisible>[{_INVISIBLE}])"
)
_ANY_UNSAFE = re.compile(f"[{_INVISIBLE}{_COMBINING}]")
_INVISIBLE_ONE = re.compile(f"[{_INVISIBLE}]")
_TEXT_WHITESPACE = str.maketrans("", "", "\n\t")


def _picture(character: str) -> str:
    """Return the printable stand-in of one invisible character."""
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    return f"⟨U+{code:04X}⟩"


def _replacement(match: re.Match[str]) -> str:
    """Return what is drawn in place of one unsafe stretch."""
    if match["invisible"] is not None:
        return _picture(match["invisible"])
    if match["leading"] is not None:
        return "◌"
    return ""


def is_clean(text: str) -> bool:
    """True if `text` can be drawn on one line as it is."""
    if text.isascii():
        return text.isprintable()
    return _ANY_UNSAFE.search(text) is None


def visible(text: str) -> str:
    """Return `text` with everything that would act on a terminal, or hide, made visible.

    Line breaks stay, tabs become spaces; the rest is printable.
    """
    if is_clean(text):
        return text
    if text.isascii() and text.translate(_TEXT_WHITESPACE).isprintable():
        return text.replace("\t", " " * TAB_CELLS)
    text = text.replace("\r\n", "\n").replace("\t", " " * TAB_CELLS)
    return "\n".join(_UNSAFE.sub(_replacement, line) for line in text.split("\n"))


def visible_line(text: str, cells_max: int | None = None) -> str:
    """Return `text` on one line of at most `cells_max` cells; a cut is marked with an ellipsis."""
    cut = len(text) > LINE_CHARACTERS_MAX
    if cut:
        text = text[:LINE_CHARACTERS_MAX]
    if not is_clean(text):
        text = text.replace("\r\n", "\n").replace("\n", "⏎").replace("\t", "⇥")
        text = _UNSAFE.sub(_replacement, text)
    if cells_max is None:
        return text + _ELLIPSIS if cut else text
    return elide(text, cells_max, force=cut)


def elide(text: str, cells_max: int, *, force: bool = False) -> str:
    """Return the beginning of visible `text` in at most `cells_max` cells, marking a cut."""
    if cells_max <= 0:
        return ""
    if text.isascii():
        fits = len(text) <= cells_max
        return text if fits and not force else text[: cells_max - 1] + _ELLIPSIS
    total_cells = 0
    kept = 0
    # Visible text has no joiners, so its width is the sum of its characters'.
    for index, character in enumerate(text):
        total_cells += get_character_cell_size(character)
        if total_cells > cells_max:
            return text[:kept] + _ELLIPSIS
        if total_cells < cells_max:
            kept = index + 1
    return text[:kept] + _ELLIPSIS if force else text


def visible_same_length(text: str) -> str:
    """Return `text` with each unsafe character replaced by exactly one printable one.

    For one-line editors, where the n-th character drawn must be the n-th character edited.
    """
    if is_clean(text):
        return text
    return _INVISIBLE_ONE.sub(_single, text)


def _single(match: re.Match[str]) -> str:
    """Return a one-character stand-in."""
    picture = _picture(match[0])
    return picture if len(picture) == 1 else "�"


def content(text: str, style: str = "") -> Content:
    """Return `text` for any place where Textual takes a visual: made visible, never markup."""
    from textual.content import Content

    return Content.styled(visible(text), style) if style else Content(visible(text))


def content_line(text: str, cells_max: int | None = None, style: str = "") -> Content:
    """Return `text` as one line of content: for titles, tooltips and toasts."""
    from textual.content import Content

    line = visible_line(text, cells_max)
    return Content.styled(line, style) if style else Content(line)


def rich_text(text: str, style: str = "") -> Text:
    """Return `text` for the few places that take a Rich text only: made visible, never markup."""
    from rich.text import Text

    return Text(visible(text), style=style, end="")


class EscapeError(ValueError):
    """An escape in edited text names no character; `position` is where it begins."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position


_EDIT_UNSAFE = re.compile(
    f"(?P<literal>\\\\+(?=u\\{{|(?![\\n\\t])[{_INVISIBLE}]))|(?P<invisible>(?![\\n\\t])[{_INVISIBLE}])"
)
_EDIT_ESCAPE = re.compile(
    r"(?<!\\)(?:(?P<even>(?:\\\\)+)(?=u\{)"
    r"|(?P<pairs>(?:\\\\)*)(?P<escape>\\u\{(?P<digits>[0-9a-fA-F]{0,8})(?P<closed>\}?)))"
)


def escape_for_editing(text: str) -> str:
    """Return `text` as an editor may show it: unsafe characters as `\\u{1b}`, tabs and breaks kept.

    `unescape_from_editing` gives the original back exactly. A backslash is doubled only before
    `u{` or before such a character, so that ordinary text looks the same.
    """
    if is_clean(text) and "\\u{" not in text:
        return text
    return _EDIT_UNSAFE.sub(_edit_escape, text)


def _edit_escape(match: re.Match[str]) -> str:
    """Return the escape of one unsafe character, or doubled backslashes."""
    if match["literal"] is not None:
        return match["literal"] * 2
    return f"\\u{{{ord(match['invisible']):x}}}"


def unescape_from_editing(text: str) -> str:
    """Return the text that `escape_for_editing` showed as `text`.

    Raises:
        EscapeError: `\\u{...}` holds no code point.
    """
    if "\\u{" not in text:
        return text
    return _EDIT_ESCAPE.sub(_edit_unescape, text)


def _edit_unescape(match: re.Match[str]) -> str:
    """Return what one escape, or a run of doubled backslashes, stands for."""
    if match["even"] is not None:
        return match["even"][::2]
    code = int(match["digits"] or "110000", 16)
    if not match["closed"] or code > sys.maxunicode:
        raise EscapeError(
            f"{match['escape']} is not a character: write \\u{{1b}}, or \\\\u{{ for that text",
            match.start("escape"),
        )
    return match["pairs"][::2] + chr(code)
