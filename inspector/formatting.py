"""Numbers, times, sizes and names as people read them; pure functions without a clock."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

from rich.cells import cell_len

from inspector.display import elide

_MINUTE_SECONDS = 60
_HOUR_SECONDS = 3600
_DAY_SECONDS = 86_400
_MONTH_DAYS = 30
_YEAR_DAYS = 365

_SIZE_UNITS = ("B", "kB", "MB", "GB", "TB")
_COUNT_UNITS = ("", "k", "M", "G")


def _age(seconds: float) -> str:
    """Return a length of time in its largest unit, rounded down."""
    if seconds < _MINUTE_SECONDS:
        return f"{int(seconds)}s"
    if seconds < _HOUR_SECONDS:
        return f"{int(seconds // _MINUTE_SECONDS)}m"
    if seconds < _DAY_SECONDS:
        return f"{int(seconds // _HOUR_SECONDS)}h"
    days = int(seconds // _DAY_SECONDS)
    if days < _MONTH_DAYS * 2:
        return f"{days}d"
    if days < _YEAR_DAYS * 2:
        return f"{days // _MONTH_DAYS}mo"
    return f"{days // _YEAR_DAYS}y"


def relative_time(at: datetime | None, now: datetime) -> str:
    """Return how long ago `at` was: `now`, `2m ago`, `in 3h`, `never` if there is no time."""
    if at is None:
        return "never"
    seconds = (now - at).total_seconds()
    # Clocks of two machines differ by a little: that is not the future.
    if -2 < seconds < 2:
        return "now"
    if seconds < 0:
        return f"in {_age(-seconds)}"
    return f"{_age(seconds)} ago"


def exact_time(at: datetime | None, zone: tzinfo = UTC) -> str:
    """Return `at` to the second with its zone: `2026-01-31 10:22:03 UTC`; `never` if none."""
    if at is None:
        return "never"
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %Z").rstrip()


def byte_size(size_bytes: int) -> str:
    """Return a size in decimal units: `87 B`, `1.2 kB`, `34 MB`."""
    size = float(size_bytes)
    for unit in _SIZE_UNITS:
        if size < 999.5 or unit == _SIZE_UNITS[-1]:
            break
        size /= 1000
    digits = 1 if unit != "B" and size < 9.95 else 0
    return f"{size:.{digits}f} {unit}"


def count(number: int) -> str:
    """Return a whole number with separators: `912,004`."""
    return f"{number:,}"


def short_count(number: int) -> str:
    """Return a whole number in at most five characters: `996`, `9.1k`, `912k`, `1.2M`."""
    size = float(number)
    for unit in _COUNT_UNITS:
        if abs(size) < 999.5 or unit == _COUNT_UNITS[-1]:
            break
        size /= 1000
    digits = 1 if unit and abs(size) < 9.95 else 0
    return f"{size:.{digits}f}{unit}"


def number(value: float, decimals: int = 2) -> str:
    """Return a number with a fixed count of decimals, so that columns line up."""
    return f"{value:.{decimals}f}"


def share(part: int, whole: int) -> str:
    """Return `part` of `whole` as a percentage: `12 %`, `<1 %`; `-` of nothing."""
    if whole <= 0:
        return "-"
    percent = 100 * part / whole
    if 0 < percent < 1:
        return "<1 %"
    return f"{percent:.0f} %"


def days_kept(days: float | None) -> str:
    """Return for how long something is kept: `for ever`, `for 90 days`."""
    return "for ever" if days is None else f"for {days:g} day{'' if days == 1 else 's'}"


def duration_ms(milliseconds: float) -> str:
    """Return a length of time: `0.4 ms`, `12 ms`, `1.3 s`, `2 min 5 s`, `3 d 4 h`."""
    if milliseconds < 9.95:
        return f"{milliseconds:.1f} ms"
    if milliseconds < 999.5:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), _MINUTE_SECONDS)
    if minutes < _HOUR_SECONDS // _MINUTE_SECONDS:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, _HOUR_SECONDS // _MINUTE_SECONDS)
    if hours < _DAY_SECONDS // _HOUR_SECONDS:
        return f"{hours} h {minutes} min"
    days, hours = divmod(hours, _DAY_SECONDS // _HOUR_SECONDS)
    return f"{days} d {hours} h"


def progress(done: int, total: int | None, seconds: float, *, unit: str = "items") -> str:
    """Return how far a work is: `30,000 of 90,000 items · 10,000/s · 6.0 s left`."""
    if not done or seconds <= 0:
        return f"{seconds:.0f} s so far"
    rate = done / seconds
    if unit == "bytes":
        words = [byte_size(done), f"{byte_size(round(rate))}/s"]
    else:
        words = [f"{count(done)} {unit}", f"{count(round(rate))}/s"]
    if total:
        words[0] = f"{count(done)} of {count(total)} {unit}"
        if unit == "bytes":
            words[0] = f"{byte_size(done)} of {byte_size(total)}"
        words.append(f"{duration_ms(max(total - done, 0) / rate * 1000)} left")
    return " · ".join(words)


def middle_elide(text: str, cells_max: int) -> str:
    """Return visible `text` in at most `cells_max` cells, leaving out its middle.

    Names differ at their end more often than in their middle, so the end gets the larger half.
    """
    if cells_max <= 0:
        return ""
    if cell_len(text) <= cells_max:
        return text
    if cells_max < 5:
        return elide(text, cells_max)
    head_cells = (cells_max - 1) // 2
    tail_cells = cells_max - 1 - head_cells
    return _head(text, head_cells) + "…" + _head(text[::-1], tail_cells)[::-1]


def _head(text: str, cells_max: int) -> str:
    """Return the longest beginning of `text` that fits."""
    total = 0
    for index, character in enumerate(text):
        total += cell_len(character)
        if total > cells_max:
            return text[:index]
    return text


def align(text: str, cells: int, side: str = "left") -> str:
    """Return visible `text` padded with spaces to exactly `cells` cells, cut if it is wider."""
    width = len(text) if text.isascii() else cell_len(text)
    if width > cells:
        text = elide(text, cells)
        width = cell_len(text)
    padding = " " * (cells - width)
    return padding + text if side == "right" else text + padding
