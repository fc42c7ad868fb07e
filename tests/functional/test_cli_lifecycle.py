"""`lifecycle` and `tiers` on the command line: what they print, refuse, do and take back."""

from __future__ import annotations

import asyncio
import io
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from engine import Policy, open_store, system_clock
from inspector.cli import main

Capture = pytest.CaptureFixture[str]
ROOT = Path(__file__).parents[2]
DAY = 86_400_000_000
HOSTILE = "\x1b]0;owned\x07 \u202e evil"
TOML = """\
[[policy]]
name = "tag old"
when = "created>10d -tag:old"
do = "tag old"

[[policy]]
name = "archive the rest"
when = "-tier:archive -tag:old"
do = "archive"
"""


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Return a store of 40 items of 60 days ago and 10 new ones, one of each pinned."""
    path = tmp_path / "agent.db"

    async def fill() -> None:
        async with open_store(path, clock=lambda: system_clock() - 60 * DAY) as memories:
            await memories.put_many(
                {
                    "id": f"old/{number:02}",
                    "content": f"what was said then, number {number} " * 9,
                    "agent": "atlas",
                    "importance": 0.1,
                    "tags": ["pinned"] if number == 0 else [],
                }
                for number in range(40)
            )
        async with open_store(path) as memories:
            await memories.put_many(
                {"id": f"new/{number}", "content": "just now", "agent": "sage", "tier": "working"}
                for number in range(10)
            )

    asyncio.run(fill())
    return path


def run_json(capsys: Capture, *arguments: Any) -> list[Any]:
    """Return what a command prints as JSON, line by line."""
    assert main([str(argument) for argument in arguments]) == 0
    return [orjson.loads(line) for line in capsys.readouterr().out.splitlines()]


def tier_counts(capsys: Capture, store: Path) -> Mapping[str, int]:
    """Return how many items are in each tier."""
    counts: dict[str, int] = {}
    for row in run_json(capsys, "tiers", "stats", store, "--json"):
        counts[row["tier"]] = counts.get(row["tier"], 0) + row["count"]
    return counts


def refused(capsys: Capture, *arguments: Any, code: int = 1) -> str:
    """Return what a command that must fail says."""
    assert main([str(argument) for argument in arguments]) == code
    said = capsys.readouterr().err
    assert "Traceback" not in said
    return said


# Policies ----------------------------------------------------------------------------------------


def test_policies_are_listed_in_order(store: Path, capsys: Capture) -> None:
    """Each on a line: its name, whether it is on, what it does and to what."""
    assert main(["lifecycle", "policies", str(store)]) == 0
    first, *_ = lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert first.split("\t") == [
        "archive_old_low_importance",
        "on",
        "archive",
        "idle>30d importance<0.3 -tier:archive",
    ]


def test_exported_policies_can_be_imported(store: Path, tmp_path: Path, capsys: Capture) -> None:
    """What `--toml` prints is what `import` takes."""
    assert main(["lifecycle", "policies", str(store), "--toml"]) == 0
    text = capsys.readouterr().out
    file = tmp_path / "policies.toml"
    file.write_text(TOML)
    assert main(["lifecycle", "import", str(store), str(file)]) == 0
    assert "has 2 policies, in place of 3" in capsys.readouterr().out
    file.write_text(text)
    assert main(["lifecycle", "import", str(store), str(file)]) == 0
    capsys.readouterr()
    assert main(["lifecycle", "policies", str(store), "--toml"]) == 0
    assert capsys.readouterr().out == text


FAULTY = {
    "syntax": (TOML + "[[policy]\n", "line 10"),
    "unknown action": (TOML.replace('"archive"', '"archiv"'), "line 9: policy 'archive the rest'"),
    "unknown condition": (TOML.replace("created>10d", "createt>10d"), "line 3: policy 'tag old'"),
    "unknown key": (TOML + 'whem = ""\n', "line 10: policy 'archive the rest' has an unknown key"),
    "missing key": (
        TOML + '\n[[policy]]\nname = "x"\nwhen = ""\n',
        "line 11: policy 'x' has no do",
    ),
    "same name": (TOML.replace("archive the rest", "tag old"), "line 7: policies 1 and 2"),
    "no text": (TOML.replace('"tag old"', "7", 1), "line 2: policy 1, name"),
    "other table": ("[rules]\nx = 1\n", "there is no table 'rules'"),
}


@pytest.mark.parametrize("fault", FAULTY)
def test_a_faulty_file_changes_nothing(
    store: Path, tmp_path: Path, capsys: Capture, fault: str
) -> None:
    """The error names the file, the line and the policy; the store keeps what it had."""
    text, said = FAULTY[fault]
    file = tmp_path / "faulty.toml"
    file.write_text(text)
    assert said in refused(capsys, "lifecycle", "import", store, file)
    assert main(["lifecycle", "policies", str(store)]) == 0
    assert "delete_ancient_archives" in capsys.readouterr().out


def test_a_file_that_is_no_text_is_refused(store: Path, tmp_path: Path, capsys: Capture) -> None:
    """The line of the first wrong byte is named; a missing file is named too."""
    file = tmp_path / "binary.toml"
    file.write_bytes(b"\n\n\xff\xfe")
    assert "line 3: it is not UTF-8" in refused(capsys, "lifecycle", "import", store, file)
    assert "No such file" in refused(capsys, "lifecycle", "import", store, tmp_path / "absent")


@pytest.mark.parametrize(
    "words",
    [
        ["lifecycle", "policies"],
        ["lifecycle", "plan"],
        ["lifecycle", "runs"],
        ["lifecycle", "undo", "1"],
        ["lifecycle", "resume", "1"],
        ["lifecycle", "apply", "--yes"],
        ["lifecycle", "run", "--once"],
        ["tiers", "stats"],
        ["tiers", "set", "working=5"],
        ["tiers", "optimize"],
        ["tiers", "transitions"],
        ["tiers", "score", "x"],
    ],
    ids=" ".join,
)
def test_a_store_that_is_not_there_is_not_made(
    tmp_path: Path, capsys: Capture, words: list[str]
) -> None:
    """All of them say so, and none leaves a file behind."""
    group, name, *rest = words
    said = refused(capsys, group, name, tmp_path / "absent.db", *rest)
    assert "absent.db" in said
    assert list(tmp_path.iterdir()) == []


# Plans -------------------------------------------------------------------------------------------


def test_a_plan_shows_counts_samples_and_warnings(store: Path, capsys: Capture) -> None:
    """What would be done, to how many, and what is worth a warning; nothing is done."""
    before = run_json(capsys, "info", store, "--json")
    assert main(["lifecycle", "plan", str(store), "--items", "2"]) == 0
    text = capsys.readouterr().out
    assert "archive_old_low_importance\t39\t" in text
    assert "old/01 · archive" in text
    assert "old/03" not in text
    assert "and 37 more" in text
    assert "warning: archive_old_low_importance: would touch 39 of 50 items (78%)" in text
    assert "39 changes, which free about" in text
    assert run_json(capsys, "info", store, "--json") == before
    assert tier_counts(capsys, store).get("archive") is None


def test_a_plan_as_json_has_every_change(store: Path, capsys: Capture) -> None:
    """One object, the same each time: policies with their counts, and all of the changes."""
    (plan,) = run_json(capsys, "lifecycle", "plan", store, "--json")
    assert [part["count"] for part in plan["policies"]] == [39, 0, 0]
    assert plan["policies"][0]["pinned"] == 1
    assert {change["item_id"] for change in plan["changes"]} == {
        f"old/{number:02}" for number in range(1, 40)
    }
    assert plan["bytes_freed"] == sum(change["bytes_freed"] for change in plan["changes"])
    assert run_json(capsys, "lifecycle", "plan", store, "--json") == [plan]


def test_other_policies_can_be_tried(store: Path, tmp_path: Path, capsys: Capture) -> None:
    """`--policies` plans those of a file; the store keeps its own."""
    file = tmp_path / "policies.toml"
    file.write_text(TOML)
    (plan,) = run_json(capsys, "lifecycle", "plan", store, "--json", "--policies", file)
    assert [part["count"] for part in plan["policies"]] == [39, 10]
    assert main(["lifecycle", "policies", str(store)]) == 0
    assert "tag old" not in capsys.readouterr().out


# Runs --------------------------------------------------------------------------------------------


def test_what_was_applied_can_be_undone(store: Path, capsys: Capture) -> None:
    """Apply does what the plan says and tells how to undo it; undo brings everything back."""
    before = run_json(capsys, "query", store, "--json", "--limit", 0)
    assert main(["lifecycle", "apply", str(store), "--yes"]) == 0
    text = capsys.readouterr().out
    assert "run 1: done, 39 of 39 changes in" in text
    assert f"memory-inspector lifecycle undo {store} 1" in text
    assert tier_counts(capsys, store)["archive"] == 39
    (run,) = run_json(capsys, "lifecycle", "runs", store, "--json")
    assert (run["run"], run["state"], run["done"], run["planned"]) == (1, "done", 39, 39)
    assert main(["lifecycle", "undo", str(store), "1"]) == 0
    assert "run 1: undone" in capsys.readouterr().out
    after = run_json(capsys, "query", store, "--json", "--limit", 0)
    for one, two in zip(before, after, strict=True):
        for name in ("id", "content", "tier", "tags", "importance", "created_at"):
            assert one[name] == two[name]
    assert main(["lifecycle", "runs", str(store)]) == 0
    assert capsys.readouterr().out.split("\t")[:2] == ["1", "undone"]
    assert "undone before" in refused(capsys, "lifecycle", "undo", store, 1)


def test_policies_and_items_can_be_left_out(store: Path, capsys: Capture) -> None:
    """What is left out stays as it is; what is not in the plan is refused, not passed over."""
    said = refused(capsys, "lifecycle", "apply", store, "--yes", "--without-item", "new/1")
    assert "nothing is planned for 'new/1'" in said
    said = refused(capsys, "lifecycle", "apply", store, "--yes", "--without-policy", "nope")
    assert "the plan has no policy 'nope'" in said
    words = ["lifecycle", "apply", str(store), "--yes"]
    assert main([*words, "--without-policy", "archive_old_low_importance"]) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert main([*words, "--without-item", "old/01", "--without-item", "old/02"]) == 0
    capsys.readouterr()
    assert tier_counts(capsys, store)["archive"] == 37


def test_apply_needs_a_terminal_or_a_yes(
    store: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without either it is a wrong use, before anything is read."""
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert "--yes" in refused(capsys, "lifecycle", "apply", store, code=2)
    assert tier_counts(capsys, store).get("archive") is None


@pytest.mark.parametrize(("answer", "archived"), [("n", 0), ("", 0), ("y", 39)])
def test_apply_asks_on_a_terminal(store: Path, capsys: Capture, answer: str, archived: int) -> None:
    """The plan is shown first; only a yes does it."""
    controller, terminal = pty.openpty()
    os.write(controller, f"{answer}\n".encode())
    process = subprocess.run(
        [sys.executable, "-m", "inspector", "lifecycle", "apply", str(store)],
        stdin=terminal,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    os.close(controller)
    os.close(terminal)
    assert process.stdout.index("39 changes") < process.stdout.index("apply this plan? [y/N]")
    assert ("nothing was changed" in process.stdout) == (archived == 0)
    assert tier_counts(capsys, store).get("archive", 0) == archived


def test_runs_that_are_not_there_are_refused(store: Path, capsys: Capture) -> None:
    """By `undo` and `resume` alike, also numbers that no run can have."""
    assert "there is no run 7" in refused(capsys, "lifecycle", "undo", store, 7)
    assert "there is no run 7" in refused(capsys, "lifecycle", "resume", store, 7)
    refused(capsys, "lifecycle", "undo", store, 0, code=2)
    refused(capsys, "lifecycle", "undo", store, 2**80, code=2)
    assert main(["lifecycle", "apply", str(store), "--yes"]) == 0
    capsys.readouterr()
    assert "nothing left to do" in refused(capsys, "lifecycle", "resume", store, 1)


def test_undo_does_not_overwrite_later_changes(store: Path, capsys: Capture) -> None:
    """Somebody moved an item since: undo says so, and `--force` goes ahead."""
    assert main(["lifecycle", "apply", str(store), "--yes"]) == 0

    async def move() -> None:
        async with open_store(store) as memories:
            await memories.tiers.move("old/05", "working")

    asyncio.run(move())
    capsys.readouterr()
    assert "old/05" in refused(capsys, "lifecycle", "undo", store, 1)
    assert main(["lifecycle", "undo", str(store), "1", "--force"]) == 0
    capsys.readouterr()
    assert "archive" not in tier_counts(capsys, store)


# The scheduler -----------------------------------------------------------------------------------


def test_run_once_does_what_is_due(store: Path, capsys: Capture) -> None:
    """The first time everything, and then nothing until it is due again."""
    assert main(["lifecycle", "run", str(store), "--once", "--every", "2h"]) == 0
    text = capsys.readouterr().out
    assert "run 1: done, 39 of 39 changes" in text
    assert "the next run is due at " in text
    assert main(["lifecycle", "run", str(store), "--once", "--every", "2h"]) == 0
    text = capsys.readouterr().out
    assert "run " not in text.replace("the next run is due at ", "")
    assert len(run_json(capsys, "lifecycle", "runs", store, "--json")) == 1


def test_missed_runs_are_made_up_for_once(store: Path, capsys: Capture) -> None:
    """After ten days a daily run is made once, and it is said how many were missed."""

    async def long_ago() -> None:
        async with open_store(store, clock=lambda: system_clock() - 10 * DAY) as memories:
            await memories.lifecycle.apply(await memories.lifecycle.plan([]))

    asyncio.run(long_ago())
    assert main(["lifecycle", "run", str(store), "--once", "--every", "1d"]) == 0
    assert "9 runs were missed since run 1; one makes up for it" in capsys.readouterr().out
    assert len(run_json(capsys, "lifecycle", "runs", store, "--json")) == 2


@pytest.mark.parametrize(
    "text", ["", "6", "h", "0h", "59s", "-1h", "1e9h", "999999999w", "6 years"]
)
def test_a_length_of_time_that_makes_no_sense_is_refused(
    store: Path, capsys: Capture, text: str
) -> None:
    """It is a wrong use, and nothing is done."""
    refused(capsys, "lifecycle", "run", store, f"--every={text}", "--once", code=2)
    assert run_json(capsys, "lifecycle", "runs", store, "--json") == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_the_scheduler(store: Path, number: int, code: int) -> None:
    """SIGTERM is a good end and Ctrl-C an interruption; the store is closed either way."""
    process = subprocess.Popen(
        [sys.executable, "-m", "inspector", "lifecycle", "run", str(store)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("run 1: done, 39 of 39")
    assert process.stdout.readline().startswith("the next run is due at")
    began = time.process_time()
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert process.returncode == code
    assert "Traceback" not in err
    assert out == ("ended\n" if code == 0 else "")
    assert time.process_time() - began < 5
    assert not Path(f"{store}-wal").exists()


# Tiers -------------------------------------------------------------------------------------------


def test_stats_tell_what_each_agent_has(store: Path, capsys: Capture) -> None:
    """Count, capacity and how full it is, by agent and tier."""
    rows = run_json(capsys, "tiers", "stats", store, "--json")
    assert [(row["agent"], row["tier"], row["count"]) for row in rows] == [
        ("atlas", "long_term", 40),
        ("sage", "working", 10),
    ]
    assert rows[1]["capacity"] == 100
    assert rows[1]["utilisation"] == 0.1
    assert main(["tiers", "stats", str(store)]) == 0
    first, second = (line.split("\t") for line in capsys.readouterr().out.splitlines())
    assert first[:5] == ["atlas", "long_term", "40", "unlimited", "-"]
    assert second[:5] == ["sage", "working", "10", "100", "10 %"]


def test_settings_are_changed_together_or_not_at_all(store: Path, capsys: Capture) -> None:
    """Names and values are those of `TierSettings`; without any, they are only shown."""
    assert main(["tiers", "set", str(store), "working=200", "short_term=none", "promote=no"]) == 2
    assert main(["tiers", "set", str(store), "working=200", "capacity=3"]) == 1
    assert main(["tiers", "set", str(store), "working=0"]) == 1
    assert main(["tiers", "set", str(store), "idle_hours=nan"]) == 1
    assert main(["tiers", "set", str(store), "working"]) == 2
    said = capsys.readouterr().err
    assert "there is no setting 'capacity'" in said
    assert "Traceback" not in said
    assert main(["tiers", "set", str(store)]) == 0
    shown = dict(line.split() for line in capsys.readouterr().out.splitlines())
    assert (shown["working"], shown["short_term"]) == ("100", "1000")
    assert main(["tiers", "set", str(store), "working=200", "short_term=none"]) == 0
    shown = dict(line.split() for line in capsys.readouterr().out.splitlines())
    assert (shown["working"], shown["short_term"]) == ("200", "none")


def test_optimizing_moves_down_and_says_why(store: Path, capsys: Capture) -> None:
    """What was idle for days goes down a tier; its transitions and its score explain it."""

    async def put() -> None:
        async with open_store(store, clock=lambda: system_clock() - 3 * DAY) as memories:
            await memories.put("idle", "x", agent="atlas", tier="working")

    asyncio.run(put())
    assert main(["tiers", "optimize", str(store)]) == 0
    assert capsys.readouterr().out == "1 item moved down\n"
    (move,) = run_json(capsys, "tiers", "transitions", store, "idle", "--json")
    assert (move["from"], move["to"], move["reason"]) == ("working", "short_term", "idle")
    assert run_json(capsys, "tiers", "transitions", store, "--json") == [move]
    chosen = ("--into", move["to"], "--out-of", move["from"], "--json")
    assert run_json(capsys, "tiers", "transitions", store, *chosen) == [move]
    older = ("--before", str(move["sequence"]), "--json")
    assert run_json(capsys, "tiers", "transitions", store, *older) == []
    assert main(["tiers", "transitions", str(store), "--into", "attic"]) != 0
    assert "attic" in capsys.readouterr().err
    assert main(["tiers", "transitions", str(store)]) == 0
    assert capsys.readouterr().out.rstrip().endswith("\tidle")
    (score,) = run_json(capsys, "tiers", "score", store, "idle", "--json")
    assert score["total"] == pytest.approx(
        score["importance"] + score["recency"] + score["frequency"]
    )
    assert score["tier"] == "short_term"
    assert main(["tiers", "score", str(store), "idle"]) == 0
    assert "importance  0.500" in capsys.readouterr().out
    assert "there is no item 'absent'" in refused(capsys, "tiers", "score", store, "absent")


# Hostile names -----------------------------------------------------------------------------------


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """Return a store in which an agent, an item and a policy have hostile names."""
    path = tmp_path / "hostile.db"

    async def fill() -> None:
        async with open_store(path) as memories:
            await memories.put(
                f"item {HOSTILE}", "x" * 99, agent=f"agent {HOSTILE}", tier="working"
            )
            policy = Policy(name="policy \u202e evil", when="", do=f"tag \u202e{HOSTILE[-4:]}")
            await memories.lifecycle.replace([policy])

    asyncio.run(fill())
    return path


@pytest.mark.parametrize(
    "words",
    [
        ["lifecycle", "policies"],
        ["lifecycle", "policies", "--toml"],
        ["lifecycle", "plan"],
        ["lifecycle", "apply", "--yes"],
        ["lifecycle", "apply", "--yes", "--without-policy", HOSTILE],
        ["lifecycle", "apply", "--yes", "--without-item", HOSTILE],
        ["lifecycle", "run", "--once"],
        ["lifecycle", "run", "--once", "--every", HOSTILE],
        ["tiers", "stats"],
        ["tiers", "score", f"item {HOSTILE}"],
        ["tiers", "score", HOSTILE],
        ["tiers", "set", f"{HOSTILE}=1"],
        ["tiers", "set", HOSTILE],
    ],
    ids=lambda words: " ".join(words).partition("\x1b")[0],
)
def test_stored_names_never_act_on_a_terminal(
    hostile: Path, capsys: Capture, words: list[str]
) -> None:
    """No control character and no override reaches the terminal, whatever is printed."""
    group, name, *rest = words
    main([group, name, str(hostile), *rest])
    main(["lifecycle", "runs", str(hostile)])
    main(["tiers", "transitions", str(hostile)])
    shown = capsys.readouterr()
    text = shown.out + shown.err
    assert text
    assert "Traceback" not in text
    assert [mark for mark in text if not mark.isprintable() and mark not in "\n\t"] == []


def test_history_is_kept_as_told_and_let_go_of_when_shown(store: Path, capsys: Capture) -> None:
    """The setting, the warning in the plan, the run that does it, and the record of it."""
    assert main(["lifecycle", "history", str(store)]) == 0
    assert capsys.readouterr().out == "changes are kept for ever\n"
    assert main(["lifecycle", "history", str(store), "--keep", "30d"]) == 0
    assert capsys.readouterr().out == "changes are kept for 30 days\n"

    assert main(["lifecycle", "plan", str(store)]) == 0
    assert "cannot be undone afterwards" in capsys.readouterr().out
    assert main(["lifecycle", "apply", str(store), "--yes"]) == 0
    assert "40 old changes forgotten" in capsys.readouterr().out
    assert main(["lifecycle", "runs", str(store), "--json"]) == 0
    assert orjson.loads(capsys.readouterr().out)["forgotten"] == 40

    assert main(["lifecycle", "history", str(store), "--keep", "all"]) == 0
    assert main(["lifecycle", "history", str(store), "--keep", "soon"]) == 2
    assert main(["lifecycle", "history", str(store), "--keep", "0"]) != 0
    assert "Traceback" not in capsys.readouterr().err
