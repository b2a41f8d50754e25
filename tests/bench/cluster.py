"""What a cluster costs: `python -m tests.bench.cluster [ANSWERS] [ROUNDS]`, 120 and 3 without.

The bank of right and wrong answers to a few exercises, each answer a student's, is graded by the
command with this machine's processors and by the command with a Dask cluster on this machine: a
worker of one thread for each processor, so that both judge the same number of answers at a time.
The two take turns, and the ratio is taken round by round. Each run begins with an empty store; its
time is that of the whole command, with reading, comparing courses and writing. The workers are up.

The exit code is 1 when a verdict of a cluster was another one, which it may be where the machine
was too busy for a check.
"""

from __future__ import annotations

import csv
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from labsupport.grading.running import EACH, at_once
from tests.cli.watched import environment
from tests.grading.test_cluster import Dask
from tests.notebooks.files import ROOT

EXERCISES = ("greet", "lines", "framing", "echo", "endpoint", "classify")


def hand_in(place: Path, answers: int) -> None:
    """So many of the bank, in turns of the exercises; what is there a second time is another one
    by a comment."""
    banks = [sorted((ROOT / "tests" / "answers" / slug).glob("*.py")) for slug in EXERCISES]
    turns = zip(*(itertools.cycle(bank) for bank in banks), strict=True)
    paths = itertools.chain.from_iterable(turns)
    for number, path in enumerate(itertools.islice(paths, answers)):
        folder = place / f"s{number:04}"
        folder.mkdir(parents=True)
        source = path.read_text(encoding="utf-8")
        (folder / f"{path.parent.name}.py").write_text(f"{source}\n# {number}\n", encoding="utf-8")


def graded(place: Path, into: Path, *words: str) -> tuple[float, dict[str, str]]:
    """Seconds that the command took, and the points by student."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "labsupport.cli", "grade", str(place), "--into", str(into)]
    done = subprocess.run(
        [*command, *words], cwd=ROOT, env=environment(), capture_output=True, text=True
    )
    took = time.perf_counter() - began
    assert done.returncode in (0, 1), done  # 1: a check was inconclusive
    with (into / "gradebook.csv").open(encoding="utf-8", newline="") as file:
        return took, {row["id"]: row["total"] for row in csv.DictReader(file)}


def main() -> None:
    """Measure and print."""
    answers = int(sys.argv[1]) if len(sys.argv) > 1 else 120
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    jobs = at_once()
    print(f"load of the machine at the start: {os.getloadavg()[0]:.1f}")
    print(f"{answers} answers, {jobs} at a time; workers: {jobs // EACH}")
    ratios, others = [], 0
    with tempfile.TemporaryDirectory() as folder, Dask(Path(folder) / "dask") as dask:
        place = Path(folder) / "class"
        hand_in(place, answers)
        for number in range(jobs // EACH):
            dask.add(f"w{number}", ROOT)
        for number in range(rounds):
            here, ours = graded(place, Path(folder) / f"here{number}", "--jobs", str(jobs))
            into = Path(folder) / f"there{number}"
            there, theirs = graded(place, into, "--cluster", dask.address)
            ratios.append(here / there)
            others += sum(theirs[student] != points for student, points in ours.items())
            print(
                f"here {answers / here:.2f}, cluster {answers / there:.2f} answers a second: "
                f"{here / there:.0%}",
                flush=True,
            )
    print(f"cluster against here, p50 of {rounds}: {statistics.median(ratios):.0%}")
    print(f"other points: {others}")
    sys.exit(1 if others else 0)


if __name__ == "__main__":
    main()
