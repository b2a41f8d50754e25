"""The strict run finds what nbval alone lets pass; shown on small notebooks, run once for all."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.notebooks.examples import cell, stream, write
from tests.notebooks.files import ROOT

pytestmark = pytest.mark.timeout(250)

LEAVES_A_CHILD = """\
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)"""

SURROUNDINGS = """\
import os, pathlib, stat
assert "PYTEST_CURRENT_TEST" not in os.environ
assert pathlib.Path("good.ipynb").exists()
assert not pathlib.Path(os.environ["LABSUPPORT_STATE"], "x").exists()
assert stat.S_ISFIFO(os.fstat(1).st_mode)  # the kernel shows what a child prints"""

SAME_KERNEL = """\
import os, pathlib
first = pathlib.Path(os.environ["LABSUPPORT_STATE"]).with_name("first")
if not first.exists():
    first.write_text(str(os.getpid()))
print(first.read_text() == str(os.getpid()))"""

TWICE = """\
times = globals().get("times", 0) + 1
print(times)"""

LISTENING = """\
import socket
with socket.create_server(("127.0.0.1", 0)) as s:
    print("on 127.0.0.1:%d" % s.getsockname()[1], s.getsockname())"""

SERVING = """\
from labsupport import serve
_ = serve(lambda listener: listener.accept())"""


class Outcome(NamedTuple):
    """How an item ended: passed, failed or skipped, and what it said."""

    end: str
    said: str


Outcomes = dict[tuple[str, str], Outcome]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """Run the examples as `make test` runs the course; how each item of each notebook ended."""
    folder = tmp_path_factory.mktemp("examples")
    failed = stream("Exception in thread Thread-1:\n", "stderr")
    stored = stream("on 127.0.0.1:55555 ('127.0.0.1', 55555)\n")
    examples = {
        "good": [
            cell("print('hello')", stream("hello\n")),
            cell("%load_ext labsupport"),
            cell(LISTENING, stored),
            cell(SURROUNDINGS),
        ],
        "changed": [cell("print('hello')", stream("goodbye\n"))],
        "stored": [
            cell("print('hello')", count=None),
            cell("x = 2", count=3),
            cell("x = 1", failed, tags=("nbval-ignore-output",)),
        ],
        "left": [
            cell("import threading; threading.Timer(60, print).start()"),
            cell("import socket; s = socket.create_server(('127.0.0.1', 0))"),
            cell(LEAVES_A_CHILD),
            cell("import asyncio; t = asyncio.create_task(asyncio.Event().wait())"),
            cell(SERVING),
        ],
        "twice": [cell(TWICE, stream("1\n"))],
        "restart": [cell(SAME_KERNEL, stream("True\n"))],
        "dead": [cell("import os; os._exit(3)"), cell("x = 1")],
        "slow": [cell("import time; time.sleep(50)")],
    }
    (folder / "solutions").mkdir()
    examples["solutions/solved"] = [cell("x = 1")]
    for name, cells in examples.items():
        write(folder / f"{name}.ipynb", *cells)
    return outcomes_in(folder, "--nbval")


def outcomes_in(folder: Path, mode: str) -> Outcomes:
    """Run the notebooks of a folder: how each of their items ended."""
    report = folder / "report.xml"
    plugin = ["-p", "tests.notebooks.plugin", mode, "--nbval-cell-timeout", "3"]
    parallel = ["-n", "2", "--dist", "loadfile"]
    subprocess.run(
        [sys.executable, "-m", "pytest", *plugin, *parallel, "--junitxml", str(report), "-q"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        check=False,
        timeout=240,  # some 20 kernels start in it
    )
    return dict(read(report))


def read(report: Path) -> list[tuple[tuple[str, str], Outcome]]:
    """The items of a report by notebook and name."""
    found = []
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        said = [(part.tag, f"{part.get('message')} {part.text}") for part in case]
        said = [one for one in said if one[0] in ("failure", "error", "skipped")]
        end, why = said[0] if said else ("passed", "")
        file = Path(case.get("classname", "")).name.partition(".")[0] or "?"
        name = case.get("name", "")
        ends = {"failure": "failed", "error": "failed"}
        found.append(((file, name), Outcome(ends.get(end, end), why)))
    return found


def test_a_good_notebook_passes_three_runs(outcomes: Outcomes) -> None:
    items = [name for file, name in outcomes if file == "good"]
    cells = [f"Cell {number}" for number in range(4)]
    assert items == [
        "stored",
        *cells,
        "left over",
        *(f"{name} again" for name in cells),
        "left over again",
        "restart",
        *(f"{name} after restart" for name in cells),
        "left over after restart",
    ]
    assert {outcomes["good", name] for name in items} == {Outcome("passed", "")}


def test_a_solution_is_run_twice(outcomes: Outcomes) -> None:
    items = [name for file, name in outcomes if file == "solutions"]
    assert items == ["stored", "Cell 0", "left over", "Cell 0 again", "left over again"]


def test_a_changed_output_fails_once_and_skips_the_later_runs(outcomes: Outcomes) -> None:
    assert outcomes["changed", "Cell 0"].end == "failed"
    assert outcomes["changed", "Cell 0 again"].end == "skipped"
    assert outcomes["changed", "restart"].end == "skipped"


@pytest.mark.parametrize(
    ("name", "item", "said"),
    [
        ("stored", "stored", "'cell-1' is stored without having been run"),
        ("stored", "stored", "execution count 3, not 2"),
        ("stored", "stored", "Exception in thread"),
        ("left", "left over", "the thread 'Thread-"),
        ("left", "left over", "a socket is still open: LISTEN"),
        ("left", "left over", "the child process"),
        ("left", "left over", "the task 'Event.wait' still runs"),
        ("left", "left over", "the server"),
        ("twice", "Cell 0 again", "differ"),
        ("restart", "Cell 0 after restart", "differ"),
        ("dead", "Cell 0", "the kernel died"),
        ("dead", "Cell 1", "Kernel dead"),
        ("slow", "Cell 0", "Timeout of 3 seconds"),
    ],
)
def test_what_is_wrong_is_found(outcomes: Outcomes, name: str, item: str, said: str) -> None:
    assert outcomes[name, item].end == "failed", outcomes[name, item]
    assert said in outcomes[name, item].said


def test_a_second_run_that_is_as_good_as_the_first_passes(outcomes: Outcomes) -> None:
    assert outcomes["restart", "Cell 0 again"].end == "passed"
    assert outcomes["twice", "Cell 0"].end == "passed"


def test_a_notebook_at_work_is_run_once_and_fails_at_an_exception_alone(tmp_path: Path) -> None:
    left = "import threading; threading.Timer(60, print).start()"
    write(tmp_path / "open.ipynb", cell("print(1)", stream("2\n")), cell(left, count=None))
    write(tmp_path / "meant.ipynb", cell("1 / 0", tags=("raises-exception",)))
    write(tmp_path / "broken.ipynb", cell("1 / 0"))
    found = outcomes_in(tmp_path, "--nbval-lax")
    assert {item: outcome.end for item, outcome in found.items()} == {
        ("open", "Cell 0"): "passed",
        ("open", "Cell 1"): "passed",
        ("meant", "Cell 0"): "passed",
        ("broken", "Cell 0"): "failed",
    }
    assert "ZeroDivisionError" in found["broken", "Cell 0"].said
