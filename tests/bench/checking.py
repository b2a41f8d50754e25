"""How long a check run takes, cold, against the interpreters that it has to start.

`python -m tests.bench.checking`: a run of six trivial checks starts one judge and six hosts, one
after another, each while the check before it runs. The yardstick is a bare interpreter, in the same
run on the same machine.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from labsupport.checking import Answer, check
from tests.checking.course import Course

CHECKS = 6
RUNS = 7


def seconds(work: Callable[[], object]) -> float:
    """The median wall time of several runs, in seconds."""
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return median(times)


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        course = Course(Path(folder) / "course")
        for number in range(CHECKS):
            course.add(f"check {number}", "assert await answer.call('f') == 1")
        answer = Answer.from_cell("def f(): return 1", "demo")
        before = os.times()
        run = seconds(lambda: check(answer, course.folder))
        after = os.times()
    spent = after.children_user + after.children_system
    spent -= before.children_user + before.children_system
    bare = seconds(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True))
    print(f"load of the machine: {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "")
    print(f"a run of {CHECKS} trivial checks, cold: {run:.3f} s")
    print(f"processor time of its processes: {spent / RUNS:.3f} s")
    print(f"a bare interpreter: {bare:.3f} s")
    print(
        f"a run takes as long as {run / bare:.1f} bare interpreters; it starts {CHECKS + 1} of them"
    )


if __name__ == "__main__":
    main()
