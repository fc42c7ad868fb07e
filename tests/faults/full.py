"""`make test-faults`: every fault in full, as a table; ends with 1 if anything did not hold.

    python tests/faults/full.py [--seed N] [--part P]

`--part 10` makes a tenth of the runs.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import secrets
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

from faults import harness, worker  # noqa: E402
from faults.harness import Attack, Harness  # noqa: E402

WORKLOADS = (
    "writes",
    "checkpoints",
    "lifecycle",
    "migration",
    "indexing",
    "salvaging",
    *(["backups", "restoring"] if worker.has_backups() else []),
)
SEEDED = ("no_transaction", "publish_in_place")
KILLS = 200
CALLS = 1_000
REFUSED = 40
IMAGES = 300
SEEDED_POINTS = 80


async def run_all(folder: Path, seed: int, part: int) -> list[tuple[Attack, bool]]:
    """Carry out everything; return each attack and whether it ended as it should."""
    results: list[tuple[Attack, bool]] = []

    def tell(attack: Attack, *, caught: bool = False) -> None:
        good = bool(attack.violations) is caught
        results.append((attack, good))
        verdict = f"{len(attack.violations)} violations" + (" (as it must)" if caught else "")
        print(
            f"{attack.kind:26} {attack.workload:17} {attack.runs:5} runs  {attack.seconds:6.1f} s"
            f"  {verdict}",
            flush=True,
        )
        for violation in attack.violations[:3] if not good else ():
            print(f"    {violation}")

    with Harness(folder) as faults:
        for workload in WORKLOADS:
            # Each on its own, so that one can be repeated with the same seed.
            pick = random.Random(f"{seed} {workload}")
            prepared = await harness.prepare(workload, folder)
            began = time.monotonic()
            calls = await harness.count_calls(faults, workload, prepared)
            seconds = time.monotonic() - began
            plans = {
                "SIGKILL at random times": harness.at_random_times(KILLS // part, pick, seconds),
                "SIGKILL at a call": harness.at_calls(harness.KILL, CALLS // part, pick, calls),
                "SIGKILL, half written": harness.at_calls(
                    harness.HALF, CALLS // part // 4, pick, calls
                ),
            }
            for what, number in harness.REFUSALS.items():
                for mode, often in ((harness.FAIL_ONCE, "once"), (harness.FAIL_ALWAYS, "for ever")):
                    plans[f"{what} {often}"] = harness.at_calls(
                        mode, REFUSED // part, pick, calls, number
                    )
            for kind, plan in plans.items():
                tell(await harness.attack(faults, kind, workload, prepared, plan))
        for workload in (*WORKLOADS, "relaxed"):
            pick = random.Random(f"{seed} {workload} power")
            prepared = folder / f"for-{workload}"
            if not prepared.exists():
                prepared = await harness.prepare(workload, folder)
            tell(await harness.power_loss(faults, workload, prepared, IMAGES // part, pick))
        for workload in SEEDED:
            prepared = await harness.prepare(workload, folder)
            pick = random.Random(f"{seed} {workload}")
            calls = harness.undisturbed(faults, workload, prepared).seen
            plan = harness.at_calls(harness.KILL, SEEDED_POINTS, pick, calls)
            attack = await harness.attack(faults, "seeded bug", workload, prepared, plan, enough=1)
            tell(attack, caught=True)
        prepared = await harness.prepare("unsynced", folder)
        pick = random.Random(f"{seed} unsynced")
        tell(
            await harness.power_loss(faults, "unsynced", prepared, max(IMAGES // part, 30), pick),
            caught=True,
        )
    return results


def main() -> int:
    """Run, and return the exit code."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seed", type=int, default=secrets.randbelow(2**32))
    options.add_argument("--part", type=int, default=1)
    chosen = options.parse_args()
    if harness.compiler() is None:
        print("no C compiler (cc), or no Linux: the faults cannot be made here", file=sys.stderr)
        return 1
    print(f"seed {chosen.seed}", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        results = asyncio.run(run_all(Path(folder), chosen.seed, chosen.part))
    bad = sum(not good for _, good in results)
    runs = sum(attack.runs for attack, _ in results)
    print(f"{runs:,} runs in {time.monotonic() - began:.0f} s, {bad} attacks did not end well")
    return min(bad, 1)


if __name__ == "__main__":
    sys.exit(main())
