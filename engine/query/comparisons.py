"""From a field, an operator and a value to a piece of the tree; the text and Mongo forms share it.

The rules that make one piece say what the person meant: a day is compared as a whole, a `*` alone
means that there is something, and what makes no sense (`tier>=working`, `created=30d`) is refused.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.errors import InvalidFilterError
from engine.models import TIERS, Tier
from engine.query.fields import (
    INDEX,
    INDEX_NAME,
    SORTS,
    Sort,
    closest,
    closest_name,
    require_no_order,
    shown,
)
from engine.query.filter import (
    EVERYTHING,
    Age,
    Compare,
    Field,
    Filter,
    Has,
    HasMetadata,
    Indexed,
    Metadata,
    Operator,
    Part,
)
from engine.query.tree import all_of, negate
from engine.query.values import (
    DURATION,
    TIME_HINT,
    TIME_MAX,
    Span,
    read_count,
    read_duration,
    read_fraction,
    read_scalar,
    read_size,
    read_time,
)

METADATA_DEPTH_MAX = 32
"""Keys in one metadata path; deeper nesting cannot be asked for."""

PARTS = {part.value: part for part in Part}
HAS_SOMETHING: dict[Field, Filter] = {
    Field.TAG: Has(Part.TAGS),
    Field.SESSION: Has(Part.SESSION),
}
"""What `field:*` means where an item may have none; elsewhere it is everything."""


def compare_written(field: Field, operator: Operator, text: str, *, prefix: bool = False) -> Filter:
    """Return the filter for a value as it was written, without its quotes and final `*`.

    Raises:
        InvalidFilterError: the value is not one of this field, or the operator says nothing here.
    """
    sort = SORTS[field]
    if sort is Sort.TEXT:
        return compare_text(field, operator, text, prefix=prefix)
    if prefix:
        raise InvalidFilterError(
            f"{field.value} takes no *", hint="* works at the end of an id, agent, kind, tag, ..."
        )
    if sort is Sort.TIER:
        return compare_tier(operator, text)
    if sort is Sort.TIME:
        return compare_time(field, operator, _time_or_age(text))
    if sort is Sort.DURATION:
        return compare_time(field, operator, Age(read_duration(text)))
    if sort is Sort.FRACTION:
        return Compare(field, operator, read_fraction(text))
    return Compare(field, operator, read_size(text) if sort is Sort.SIZE else read_count(text))


def compare_text(field: Field, operator: Operator, text: str, *, prefix: bool = False) -> Filter:
    """Return the filter for a field of text; `prefix` means that its text only begins so."""
    require_operator(field, operator)
    if not prefix:
        return Compare(field, operator, text)
    begins = Compare(field, Operator.PREFIX, text) if text else HAS_SOMETHING.get(field, EVERYTHING)
    return negate(begins) if operator is Operator.NE else begins


def compare_tier(operator: Operator, label: str) -> Filter:
    """Return the filter for a tier by its label."""
    require_operator(Field.TIER, operator)
    try:
        return Compare(Field.TIER, operator, Tier[label.upper()])
    except KeyError:
        guess = closest(label.lower(), TIERS, cutoff=0.4)
        known = f"the tiers are {', '.join(TIERS)}"
        raise InvalidFilterError(
            f"there is no tier {shown(label)}",
            hint=f"did you mean {guess}? {known}" if guess else known,
        ) from None


def require_operator(field: Field, operator: Operator) -> None:
    """Raise `InvalidFilterError` for an order where the values of `field` have none."""
    if SORTS[field] is Sort.TIER:
        require_no_order("tier", operator, "list the tiers instead: tier:working,short_term")
    elif SORTS[field] is Sort.TEXT:
        name = field.value
        require_no_order(name, operator, f"write {name}:value, or {name}:start* for a beginning")


def compare_time(field: Field, operator: Operator, value: Age | Span) -> Filter:
    """Return the filter for a time: against an age, an instant, or a span as a whole."""
    if isinstance(value, Age):
        require_ordered_age(field, operator)
        return Compare(field, operator, value)
    if field is Field.IDLE:
        raise InvalidFilterError("idle is a duration", hint="write idle>7d, or accessed<2026-01-31")
    if value.end is None:
        return Compare(field, operator, value.start)
    at_start = {Operator.GE: Operator.GE, Operator.LT: Operator.LT}
    if operator in at_start:
        return Compare(field, operator, value.start)
    if operator in (Operator.GT, Operator.LE):
        return _at_end(field, operator, value.end)
    within = all_of(
        [Compare(field, Operator.GE, value.start), _at_end(field, Operator.LE, value.end)]
    )
    return negate(within) if operator is Operator.NE else within


def require_ordered_age(field: Field, operator: Operator) -> None:
    """Raise `InvalidFilterError` for an age that is to be exactly met, which no item ever is."""
    if operator in (Operator.EQ, Operator.NE):
        raise InvalidFilterError(
            f"{field.value} cannot be exactly a duration",
            hint=f"write {field.value}<7d for the last 7 days, {field.value}>7d for before them",
        )


def compare_metadata(
    path: tuple[str, ...],
    operator: Operator,
    text: str,
    *,
    quoted: bool = False,
    prefix: bool = False,
) -> Filter:
    """Return the filter for a metadata value as it was written; a quoted one is always text."""
    if not prefix:
        value = text if quoted else read_scalar(text)
        require_comparable(operator, value)
        return Metadata(path, operator, value)
    require_no_order("a value with *", operator, "leave out the *")
    begins = Metadata(path, Operator.PREFIX, text) if text else HasMetadata(path)
    return negate(begins) if operator is Operator.NE else begins


def compare_indexed(
    name: str, operator: Operator, text: str, *, quoted: bool = False, prefix: bool = False
) -> Filter:
    """Return the filter for a value in a custom index as it was written, like one of metadata."""
    if not prefix:
        value = text if quoted else read_scalar(text)
        require_comparable(operator, value)
        return Indexed(name, operator, value)
    require_no_order("a value with *", operator, "leave out the *")
    begins = Indexed(name, Operator.PREFIX, text)
    return negate(begins) if operator is Operator.NE else begins


def require_index_name(keys: Sequence[str] | None) -> str:
    """Return the name in `index.name`, given by its keys.

    Raises:
        InvalidFilterError: no index can be called that.
    """
    if keys is None or len(keys) != 1 or not INDEX_NAME.fullmatch(keys[0]):
        written = ".".join(keys or ())
        raise InvalidFilterError(
            f"no index is called {shown(written)}",
            hint="write index.name:value, with the name of a custom index",
        )
    return keys[0]


def require_comparable(operator: Operator, value: object) -> None:
    """Raise `InvalidFilterError` when `value` has no order and `operator` needs one."""
    if value is None or isinstance(value, bool):
        word = {None: "null", True: "true", False: "false"}[value]
        require_no_order(word, operator, f'write = or !=, or put it in quotes: "{word}"')


def require_path(path: Sequence[str]) -> None:
    """Raise `InvalidFilterError` when a metadata path is empty or too deep."""
    if not path:
        raise InvalidFilterError(
            "metadata needs a key", hint="write metadata.key:value, or has:metadata"
        )
    if len(path) > METADATA_DEPTH_MAX:
        raise InvalidFilterError(
            f"the metadata path has {len(path)} keys; the limit is {METADATA_DEPTH_MAX}",
            hint="ask for a key that is less deep",
        )


def has_part(word: str) -> Filter:
    """Return the filter for `has:word`.

    Raises:
        InvalidFilterError: an item has no such part.
    """
    part = PARTS.get(word.lower())
    if part is not None:
        return Has(part)
    guess = closest(word.lower(), PARTS)
    known = f"has: knows {', '.join(PARTS)} and metadata.key"
    raise InvalidFilterError(
        f"there is no has:{word}" if word.isidentifier() else f"there is no has: {shown(word)}",
        hint=f"did you mean {guess}? {known}" if guess else known,
    )


def unknown_field_hint(name: str) -> str:
    """Return what to do about a field name that does not exist, with a guess at what was meant."""
    if name.lower() == INDEX:
        return "write index.name:value; to search for the text itself, put it in quotes"
    guess = closest_name(name)
    if guess:
        return f"did you mean {guess}? To search for the text itself, put it in quotes"
    return f"for metadata write metadata.{name}; to search for the text itself, put it in quotes"


def _at_end(field: Field, operator: Operator, end: int) -> Compare:
    # The last span of the year 9999 has no instant after it to compare with.
    if end > TIME_MAX:
        return Compare(field, operator, TIME_MAX)
    return Compare(field, Operator.LT if operator is Operator.LE else Operator.GE, end)


def _time_or_age(text: str) -> Age | Span:
    if DURATION.fullmatch(text):
        return Age(read_duration(text))
    try:
        return read_time(text)
    except InvalidFilterError as error:
        if text[:1].isdigit():
            raise
        raise InvalidFilterError(
            f"{shown(text)} is neither a time nor a duration", hint=error.hint or TIME_HINT
        ) from None
