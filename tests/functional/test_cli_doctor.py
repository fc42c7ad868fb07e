"""`doctor` on the command line: a table or JSON, an exit code for scripts, never a traceback."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path

import orjson
import pytest

from engine import open_store
from engine.backends.sqlite.driver import driver
from engine.doctor import REPAIRS
from inspector.cli import doctor, main

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Return a store of some items."""
    path = tmp_path / "agent.db"

    async def fill() -> None:
        async with open_store(path) as memories:
            await memories.put_many({"id": f"n/{n}", "content": f"text {n}"} for n in range(60))

    asyncio.run(fill())
    return path


def states(capsys: Capture) -> dict[str, str]:
    """Return the state of each check, from what was printed as JSON."""
    lines = capsys.readouterr().out.splitlines()
    return {line["check"]: line["state"] for line in map(orjson.loads, lines)}


def test_a_healthy_store_ends_with_0(store: Path, capsys: Capture) -> None:
    """A line for each check, and nothing on standard error."""
    assert main(["doctor", str(store)]) == doctor.HEALTHY
    out, err = capsys.readouterr()
    assert "hashes\tok\t60 contents match their hashes" in out
    assert err == ""


def test_warnings_end_with_1_and_damage_with_2(store: Path, capsys: Capture) -> None:
    """A script tells them apart; JSON has the same checks."""
    store.chmod(0o640)
    assert main(["doctor", str(store), "--json", "--quick"]) == doctor.DOUBTFUL
    assert states(capsys)["permissions"] == "warning"
    store.write_bytes(b"no store at all " * 100)
    assert main(["doctor", str(store), "--json"]) == doctor.DAMAGED
    assert states(capsys)["file"] == "damaged"


def test_fix_puts_right_what_it_names(store: Path, capsys: Capture) -> None:
    """What was repaired is said, and looked at again."""
    with closing(driver.connect(store, isolation_level=None)) as connection:
        connection.execute("UPDATE counts SET items = 0")
    assert main(["doctor", str(store)]) == doctor.DAMAGED
    capsys.readouterr()
    assert main(["doctor", str(store), "--fix", "counters"]) == doctor.HEALTHY
    out, err = capsys.readouterr()
    assert "counters: 1 put right" in out + err
    assert doctor.REPAIRS == REPAIRS


def test_hostile_evidence_is_shown_harmless(store: Path, capsys: Capture) -> None:
    """Ids with escape sequences are quoted in evidence; none reaches the terminal."""
    with closing(driver.connect(store, isolation_level=None)) as connection:
        connection.execute("UPDATE items SET id = char(27) || ']0;x' || char(7), hash = x'00'"
                           " WHERE item_key = 1")  # fmt: skip
    assert main(["doctor", str(store)]) == doctor.DAMAGED
    out, err = capsys.readouterr()
    assert "\x1b" not in out + err


@pytest.mark.parametrize("arguments", [[], ["--fix", "hashes"], ["--nonsense"]])
def test_wrong_words_are_told(store: Path, capsys: Capture, arguments: list[str]) -> None:
    """A missing store or an unknown repair is an error in words."""
    path = store if arguments else store.parent / "missing.db"
    assert main(["doctor", str(path), *arguments]) in (1, 2)
    assert "rror" in capsys.readouterr().err


def test_salvage_and_fill_from_bring_a_damaged_store_back(store: Path, capsys: Capture) -> None:
    """What is lost is named; from a restored backup it is filled in, now or later."""
    whole, out, later = (store.with_name(name) for name in ("whole.db", "out.db", "later.db"))
    whole.write_bytes(store.read_bytes())
    with closing(driver.connect(store, isolation_level=None)) as connection:
        connection.execute("UPDATE contents SET data = x'00' WHERE content_key = 7")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store.write_bytes(bytes(4_096) + store.read_bytes()[4_096:])

    assert main(["doctor", str(store), "--salvage", str(later)]) == doctor.DOUBTFUL
    assert "lost: n/6\n" in capsys.readouterr().out
    assert main(["doctor", str(later), "--fill-from", str(whole), "--json"]) == doctor.HEALTHY
    assert orjson.loads(capsys.readouterr().out)["filled"] == 1

    both = ["--salvage", str(out), "--fill-from", str(whole)]
    assert main(["doctor", str(store), *both]) == doctor.HEALTHY
    assert main(["doctor", str(out)]) == doctor.HEALTHY
    assert main(["doctor", str(store), "--salvage", str(out)]) == 1
    assert "exists already" in capsys.readouterr().err


def test_what_is_lost_is_filled_from_the_newest_backup(store: Path, capsys: Capture) -> None:
    """A folder of backups will do, and salvage says the command for the one beside the store."""
    assert main(["backup", "create", str(store)]) == 0
    with closing(driver.connect(store, isolation_level=None)) as connection:
        connection.execute("UPDATE contents SET data = x'00' WHERE content_key = 7")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    out = store.with_name("out.db")
    assert main(["doctor", str(store), "--salvage", str(out)]) == doctor.DOUBTFUL
    backups = store.with_name(f"{store.name}.backups")
    assert f"--fill-from {backups}" in capsys.readouterr().out
    assert main(["doctor", str(out), "--fill-from", str(backups)]) == doctor.HEALTHY
    empty = store.with_name("empty")
    empty.mkdir()
    assert main(["doctor", str(out), "--fill-from", str(empty)]) == 1
    assert "no backup of this store that can be restored" in capsys.readouterr().err
