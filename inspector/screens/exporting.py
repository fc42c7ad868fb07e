"""Writing what the list shows to a file: which file, how far it is, how it ended."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from inspector import formatting
from inspector.editing import EditError
from inspector.screens.ask import Ask
from inspector.screens.dialogs import Confirm
from inspector.screens.working import Progress, carry_through

if TYPE_CHECKING:
    from inspector.app import InspectorApp
    from inspector.gateway import Filter, Gateway, TransferProgress, TransferReport

SUFFIXES = (".jsonl", ".jsonl.zst", ".csv")


class Exporting:
    """Asks for a file and writes it; the file appears whole or not at all."""

    def __init__(self, app: InspectorApp, gateway: Gateway) -> None:
        self._app = app
        self._gateway = gateway

    async def run(self, query: Filter | str, count: int) -> None:
        """Export what `query` matches."""
        answer = await self._app.push_screen_wait(
            Ask(
                f"Export {formatting.count(count)} items to",
                value="memories.jsonl",
                note=".jsonl and .jsonl.zst can be imported again; .csv is for spreadsheets",
                check=_checked_path,
            )
        )
        if answer is None:
            return
        path = _checked_path(answer)
        if path.exists() and not await self._may_replace(path):
            return
        await self._write(query, path)

    async def _may_replace(self, path: Path) -> bool:
        question = Confirm(
            "Replace the file?",
            lines=[str(path)],
            note="A file with this name exists.",
            yes="Replace",
            dangerous=True,
        )
        answer = await self._app.push_screen_wait(question)
        return bool(answer)

    async def _write(self, query: Filter | str, path: Path) -> None:
        async def export(progress: Progress) -> TransferReport:
            def told(transfer: TransferProgress) -> None:
                progress(transfer.done, transfer.total)

            return await self._gateway.export(path, query, told)

        report = await carry_through(self._app, f"Exporting to {path.name}", export)
        if report is None:
            self._app.toast("Cancelled; no file was written.", severity="warning")
            return
        size = formatting.byte_size(report.bytes)
        self._app.toast(f"Exported {formatting.count(report.items)} items, {size}, to {path}")


def _checked_path(text: str) -> Path:
    path = Path(text.strip()).expanduser()
    if not path.name.endswith(SUFFIXES):
        raise EditError(f"the name must end in {' or '.join(SUFFIXES)}", field="file")
    if not path.parent.is_dir():
        raise EditError(f"there is no directory {path.parent}", field="file")
    if path.is_dir():
        raise EditError("this is a directory", field="file")
    return path
