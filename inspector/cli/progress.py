"""One line on standard error: how far a transfer is, how fast, and how long it will take."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

from inspector.formatting import byte_size, count

if TYPE_CHECKING:
    from engine.transfer import TransferProgress

REDRAW_SECONDS = 0.1
BAR_CELLS = 24
_STAGES = {"check": "checking", "write": "writing"}


class ProgressLine:
    """Draws over one line of a terminal, and clears it at the end; silent anywhere else."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._shown = sys.stderr.isatty()
        self._clock = clock
        self._stage = ""
        self._began = self._drawn = clock()

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._draw("")

    def __call__(self, progress: TransferProgress) -> None:
        """Show `progress`, ten times a second at most."""
        now = self._clock()
        if progress.stage != self._stage:
            self._stage, self._began = progress.stage, now
        elif now - self._drawn < REDRAW_SECONDS:
            return
        self._drawn = now
        self._draw(progress_text(progress, now - self._began))

    def counting(self, stage: str, unit: str) -> Callable[[int, int], None]:
        """Return what a work can tell how much of it is done, and how much there is."""

        def tell(done: int, total: int) -> None:
            from engine.transfer import TransferProgress

            self(TransferProgress(stage=stage, done=done, total=total, unit=unit))

        return tell

    def clear(self) -> None:
        """Take the line away until there is more to say."""
        self._draw("")

    def _draw(self, text: str) -> None:
        if self._shown:
            sys.stderr.write(f"\r\x1b[2K{text}")
            sys.stderr.flush()


def progress_text(progress: TransferProgress, seconds: float) -> str:
    """Return a line such as `writing ####---- 50 %  5,000 of 10,000 items  4,000/s  0:01 left`."""
    amount = byte_size if progress.unit == "bytes" else count
    unit = "" if progress.unit == "bytes" else f" {progress.unit}"
    words = [_STAGES.get(progress.stage, progress.stage)]
    total = progress.total
    if total:
        part = min(progress.done / total, 1.0)
        filled = round(part * BAR_CELLS)
        words.append(f"{'#' * filled}{'-' * (BAR_CELLS - filled)} {part:4.0%} ")
        words.append(f"{amount(progress.done)} of {amount(total)}{unit} ")
    else:
        words.append(f"{amount(progress.done)}{unit} ")
    if seconds > 0 and progress.done:
        rate = progress.done / seconds
        words.append(f"{amount(round(rate))}/s ")
        if total:
            left = round(max(total - progress.done, 0) / rate)
            words.append(f"{left // 60}:{left % 60:02} left")
    return " ".join(words).rstrip()
