"""The facets of a query: tiers, kinds, tags, agents, with counts; chosen ones are checked.

`FacetPanel(*, values_max=50)`; `show(groups, *, included=..., excluded=...)` with sets of
`(field, value)`. Messages: `FacetToggled(field, value, negate)`, `MoreRequested(field)`.

Keys: those of `CursorView`; Enter or space chooses, `-` excludes, left and right fold a group.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from inspector import formatting
from inspector.display import visible_line
from inspector.widgets import bars
from inspector.widgets.cursor_view import CursorView
from inspector.widgets.roles import Line, Role
from inspector.widgets.tier_fill import fill_line

if TYPE_CHECKING:
    from inspector.gateway.tiers import TierFill

VALUES_MAX = 50
_BAR_CELLS = 4
_BARS_FROM_CELLS = 26

Choice: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetValue:
    """One value of a field, how many items have it, and how many there is room for."""

    value: str
    count: int
    capacity: int | None = None
    label: str = ""
    fill: TierFill | None = None
    """Of a tier: how full it is, shown beneath its value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetGroup:
    """The values of one field; `total` says how many there are if not all are given."""

    field: str
    title: str
    values: tuple[FacetValue, ...]
    total: int | None = None


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of the panel: a title without a value, a value, or what was left out."""

    group: FacetGroup
    value: FacetValue | None = None
    left_out: int = 0
    fill: TierFill | None = None
    """This line only says how full the tier above it is; the cursor passes over it."""

    @property
    def identity(self) -> tuple[str, str | None, bool]:
        """What stays the same when the counts change."""
        return self.group.field, self.value.value if self.value else None, self.left_out > 0


class FacetPanel(CursorView):
    """What could be chosen to narrow the list."""

    HELP = """\
What the items of the list have in common. Enter chooses a value, again lets it go; `-` excludes
it; left and right fold a group.
"""
    ALLOW_SELECT = False

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "choose", "Choose", show=False, id="facets.choose"),
        Binding("minus,x", "exclude", "Exclude", show=False, id="facets.exclude"),
        Binding("left,h", "fold(True)", "Fold", show=False, id="facets.fold"),
        Binding("right,l", "fold(False)", "Unfold", show=False, id="facets.unfold"),
    ]

    class FacetToggled(Message):
        """A value was chosen, or excluded with `negate`; or let go if it was so before."""

        def __init__(self, panel: FacetPanel, field: str, value: str, *, negate: bool) -> None:
            super().__init__()
            self.panel = panel
            self.field = field
            self.value = value
            self.negate = negate

        @property
        def control(self) -> FacetPanel:
            """The panel."""
            return self.panel

    class MoreRequested(Message):
        """The values that were left out are wanted."""

        def __init__(self, panel: FacetPanel, field: str) -> None:
            super().__init__()
            self.panel = panel
            self.field = field

        @property
        def control(self) -> FacetPanel:
            """The panel."""
            return self.panel

    def __init__(self, *, values_max: int = VALUES_MAX, **options: Any) -> None:
        super().__init__(**options)
        self._values_max = values_max
        self._groups: Sequence[FacetGroup] = ()
        self._included: Set[Choice] = frozenset()
        self._excluded: Set[Choice] = frozenset()
        self._folded: set[str] = set()
        self._rows: list[_Row] = []

    @property
    def row_count(self) -> int:
        """How many lines there are."""
        return len(self._rows)

    @property
    def choice(self) -> Choice:
        """The field and the value under the cursor; empty where there is none."""
        value = self._rows[self.cursor_row].value if self._rows else None
        return ("", "") if value is None else (self._rows[self.cursor_row].group.field, value.value)

    def show(
        self,
        groups: Sequence[FacetGroup],
        *,
        included: Set[Choice] = frozenset(),
        excluded: Set[Choice] = frozenset(),
    ) -> None:
        """Show these facets; the cursor stays on its value."""
        self._groups = tuple(groups)
        self._included = included
        self._excluded = excluded
        self._build()

    def _build(self) -> None:
        identity = self._rows[self.cursor_row].identity if self._rows else None
        screen_line = self.cursor_row - self.first_row_in_view
        self._rows = [row for group in self._groups for row in self._rows_of(group)]
        self.rows_changed()
        for index, row in enumerate(self._rows):
            if row.identity == identity:
                self.put_cursor(index, screen_line)
                return
        self.put_cursor(self.cursor_row)

    def _rows_of(self, group: FacetGroup) -> Iterator[_Row]:
        yield _Row(group)
        if group.field in self._folded:
            return
        # What is chosen stays in sight, even if nothing has it: how else would one let it go?
        given = {value.value for value in group.values}
        for field, value in sorted(self._included | self._excluded):
            if field == group.field and value not in given:
                yield _Row(group, FacetValue(value=value, count=0))
        for facet in group.values[: self._values_max]:
            yield _Row(group, facet)
            if facet.fill is not None and facet.fill.says_something:
                yield _Row(group, facet, fill=facet.fill)
        left_out = max(group.total or 0, len(group.values)) - min(
            len(group.values), self._values_max
        )
        if left_out > 0:
            yield _Row(group, left_out=left_out)

    # Keys and mouse ------------------------------------------------------------------------

    def row_chosen(self, row: int) -> None:
        """Choose a value, fold a group, or ask for what was left out."""
        self._toggle(row, negate=False)

    def validate_cursor_row(self, row: int) -> int:
        """Keep the cursor on a row that exists, and off those that only say how full a tier is."""
        wanted = super().validate_cursor_row(row)
        if not self._rows or self._rows[wanted].fill is None:
            return wanted
        # Such a row has its value above it, and something below it or is the last.
        down = wanted > self.cursor_row and wanted + 1 < len(self._rows)
        return wanted + 1 if down else wanted - 1

    def row_clicked(self, row: int, x: int, event: events.Click) -> None:
        """Choose what was clicked; with shift, exclude it."""
        if self._rows[row].fill is not None:
            row -= 1
        self.cursor_row = row
        self._toggle(row, negate=event.shift)

    def action_exclude(self) -> None:
        """Exclude the value under the cursor."""
        if self._rows:
            self._toggle(self.cursor_row, negate=True)

    def action_fold(self, folded: bool) -> None:
        """Fold or unfold the group under the cursor."""
        if not self._rows:
            return
        field = self._rows[self.cursor_row].group.field
        if folded == (field in self._folded):
            return
        self._folded ^= {field}
        if folded:
            self.put_cursor(self._title_row(field))
        self._build()

    def _title_row(self, field: str) -> int:
        return next(index for index, row in enumerate(self._rows) if row.group.field == field)

    def _toggle(self, index: int, *, negate: bool) -> None:
        row = self._rows[index]
        if row.value is not None:
            self.post_message(
                self.FacetToggled(self, row.group.field, row.value.value, negate=negate)
            )
        elif row.left_out:
            self.post_message(self.MoreRequested(self, row.group.field))
        else:
            self.action_fold(row.group.field not in self._folded)

    # Drawing -------------------------------------------------------------------------------

    def render_row(self, row: int, width: int) -> Strip:
        """Draw one line of the panel."""
        at_cursor = row == self.cursor_row
        base = self.component_style("view--cursor") if at_cursor else self.rich_style
        glyph = "▸" if at_cursor and self.has_focus else " "
        return self.strip(self._line(self._rows[row], glyph, width), width, base)

    def _line(self, row: _Row, glyph: str, width: int) -> Line:
        if row.fill is not None:
            return fill_line(row.fill, width)
        if row.value is not None:
            return self._value_line(row.group, row.value, glyph, width)
        if row.left_out:
            return ((f"{glyph} +{formatting.count(row.left_out)} more", Role.DIM),)
        folded = row.group.field in self._folded
        amount = max(row.group.total or 0, len(row.group.values))
        right = f" {formatting.count(amount)}" if folded else ""
        title = formatting.align(visible_line(row.group.title), max(1, width - 2 - len(right)))
        return (
            (glyph, Role.PLAIN),
            ("▸" if folded else "▾", Role.DIM),
            (title, Role.HEADING),
            (right, Role.DIM),
        )

    def _value_line(self, group: FacetGroup, facet: FacetValue, glyph: str, width: int) -> Line:
        choice = (group.field, facet.value)
        check, role = " ", Role.PLAIN
        if choice in self._included:
            check, role = "✓", Role.GOOD
        elif choice in self._excluded:
            check, role = "✗", Role.BAD
        elif facet.count == 0:
            role = Role.DIM
        amount, meter = self._amount(group, facet, width)
        label_cells = max(4, width - 3 - len(amount) - len(meter))
        label = visible_line(facet.label or facet.value) or "(empty)"
        return (
            (glyph, Role.PLAIN),
            (check, role),
            (formatting.align(formatting.middle_elide(label, label_cells), label_cells), role),
            (f" {amount}", Role.NUMBER if facet.count else Role.DIM),
            (meter, Role.KEY),
        )

    def _amount(self, group: FacetGroup, facet: FacetValue, width: int) -> tuple[str, str]:
        """Return the count, and how full or how large a part that is."""
        if facet.capacity is not None:
            fill = facet.count / facet.capacity if facet.capacity else 1.0
            amount = f"{formatting.count(facet.count)}/{formatting.count(facet.capacity)}"
            return amount, f" {bars.shade(fill)}"
        # Values with and without a capacity line up in one group.
        spare = "  " if any(value.capacity is not None for value in group.values) else ""
        if spare:
            return formatting.count(facet.count), spare
        if width < _BARS_FROM_CELLS and group.field == "tier":
            total = sum(value.count for value in group.values)
            return formatting.count(facet.count), f" {bars.level(facet.count / max(total, 1))}"
        if width < _BARS_FROM_CELLS:
            return formatting.count(facet.count), ""
        largest = max((value.count for value in group.values), default=0)
        part = facet.count / largest if largest else 0.0
        return formatting.count(facet.count), " " + bars.bar(part, _BAR_CELLS)
