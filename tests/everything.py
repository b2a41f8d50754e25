"""Test the course: `python -m tests.everything`, which is what `make test` does.

With `--all` every test is run: that is CI's part. Without, those marked `slow` are left out, which
look at a thing again, or in another way: each lesson and each task is run once, each exercise is
solved once, each check is seen to refuse one wrong answer, and what is said of the levels of
protection is tried at this machine's own.

In a learners' copy, which has neither solutions nor tests of the course's promises, the notebooks
are run: lessons are compared with their stored outputs, exercises belong to the learner, and no
cell may fail.

All steps run, also after one has failed; a summary follows, and the exit code is 1 if any failed.
Learners' tries and votes go to a folder that is deleted afterwards, so that no run sees another's.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# A test waits now and then, so three of them keep two processors busy; five take them from each
# other and need more of them in all. Notebooks and attacks go with the tests: one queue leaves a
# processor idle at its end, three do so at three.
PARALLEL = ("-n", "3", "--dist", "loadfile", "--no-loadscope-reorder", "-p", "tests.order")
NOTEBOOKS = ("notebooks", "exercises", "solutions")
PLUGIN = ("-p", "tests.notebooks.plugin", *PARALLEL)
STRICTLY = ("--nbval", *PLUGIN)
LINT = (
    ("ruff check", ("ruff", "check", ".")),
    ("ruff format", ("ruff", "format", "--check", ".")),
    ("mypy", ("mypy",)),
)
TESTS = (
    "tests, promises, attacks, and notebooks strictly",
    ("pytest", *STRICTLY, "tests", *NOTEBOOKS),
)
QUICK = (f"{TESTS[0]}, without the slow ones", (*TESTS[1], "-m", "not slow"))
COPY = (
    ("lessons strictly", ("pytest", *STRICTLY, "notebooks")),
    ("exercises laxly", ("pytest", "--nbval-lax", *PLUGIN, "exercises")),
)
OF_THE_WHOLE = ("solutions", "tests/promises")


def steps(slow: bool) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """What is to be run in this folder; slow: the tests with that mark, too."""
    if any((ROOT / name).is_dir() for name in OF_THE_WHOLE):
        return (*LINT, TESTS if slow else QUICK)
    return COPY


def run(arguments: tuple[str, ...]) -> int:
    """Run one step with this Python, its output going where ours goes; return its exit code."""
    with tempfile.TemporaryDirectory(prefix="labsupport-test-") as state:
        return subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            env={**os.environ, "LABSUPPORT_STATE": state},
            stdin=subprocess.DEVNULL,
            check=False,
        ).returncode


def main() -> int:
    """Run the steps in order, sum up, and return 0 if all passed."""
    parser = argparse.ArgumentParser(prog="tests.everything")
    parser.add_argument("--all", action="store_true", help="also the tests that are marked slow")
    lines = []
    failed = 0
    for name, arguments in steps(parser.parse_args().all):
        print(f"\n=== {name}: python -m {' '.join(arguments)}", flush=True)
        begun = time.monotonic()
        code = run(arguments)
        failed += code != 0
        lines.append(
            f"{'passed' if code == 0 else 'FAILED'}  {name} ({time.monotonic() - begun:.0f} s)"
        )
    print("\n=== Summary", *lines, sep="\n")
    print(f"{len(lines) - failed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
