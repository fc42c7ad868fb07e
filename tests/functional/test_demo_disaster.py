"""`demo disaster`: what it says happened did, and nothing that was acknowledged is lost."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from inspector.cli import main

Capture = pytest.CaptureFixture[str]


def test_nothing_acknowledged_is_lost_in_a_disaster(tmp_path: Path, capsys: Capture) -> None:
    """Killed, damaged, salvaged and filled from backups: every memory reads as it was written."""
    store = tmp_path / "demo.db"
    assert main(["demo", "disaster", str(store), "--json"]) == 0
    told = orjson.loads(capsys.readouterr().out)
    assert told["lost"] == 0
    assert told["intact"] == told["acknowledged"] >= 900
    assert told["lost_at_first"] == told["filled"] > 0
    assert main(["doctor", str(store)]) in (0, 1)
    assert main(["doctor", str(store.with_name("demo.db.damaged"))]) == 2
    capsys.readouterr()

    assert main(["demo", "disaster", str(store)]) == 1
    assert "exists already" in capsys.readouterr().err
