"""Strict nbval for this course, its holes closed: `-p tests.notebooks.plugin --nbval`.

Each lesson is run three times: in a fresh kernel, a second time in the same kernel, and once more
in the kernel restarted (killed, with the same history folder). Tasks and solutions, which ask the
history nothing, are run twice: what a restarted kernel runs is what a fresh one has run. Every run
is compared with the stored outputs. Around the runs stand items of our own:

- `stored`: every cell was run, counts are 1 to n, no background failure is among the outputs;
- `left over`, `left over again`, `left over after restart`: threads, tasks, sockets, child
  processes and servers that a run leaves behind;
- `restart`: the kernel is killed and started anew.

The later runs are skipped when the first one failed: they would repeat the same. To see one run
only: `-k "not again and not restart"`. Works with `-n 2 --dist loadfile`. Later runs are marked
`slow`, and so are all of a solution, since what it answers is judged by other tests, too.

With `--nbval-lax` in the place of `--nbval`, notebooks are at work: each is run once, nothing is
compared, and no cell may fail that is not tagged `raises-exception`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from nbval.plugin import IPyNbCell, IPyNbFile

from labsupport.clock import Deadline, poll
from tests.notebooks import hygiene
from tests.notebooks.comparison import SANITIZE
from tests.notebooks.kernels import CourseKernel

CELL_SECONDS = 60
ENDING_SECONDS = 2.0  # for threads and processes that were told to end
RUN_TWICE = ("exercises", "solutions")  # the folders of tasks and solutions


def pytest_configure(config: pytest.Config) -> None:
    """Set what every run needs, so that nobody forgets an option."""
    config.option.nbval_cell_timeout = min(config.option.nbval_cell_timeout, CELL_SECONDS)
    if config.option.nbval_sanitize_with is None:
        config.option.nbval_sanitize_with = str(SANITIZE)


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(
    file_path: Path, parent: pytest.Collector
) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Put a `Notebook` in the place of nbval's own collector."""
    found = yield
    return [
        Notebook.from_parent(parent, path=file_path) if isinstance(one, IPyNbFile) else one
        for one in found
    ]


class Notebook(IPyNbFile):  # type: ignore[misc]  # nbval has no types
    """One notebook: its cells two or three times, and what must hold around them."""

    kernel: CourseKernel | None = None
    failed_first = False

    def setup(self) -> None:
        """Start the kernel in the notebook's own folder, as JupyterLab does."""
        self.kernel = CourseKernel(self.path.parent)
        self.baseline = self.probe()
        self.setup_sanitize_files()

    def teardown(self) -> None:
        """Kill the kernel; it may be dead or never have come up."""
        if self.kernel is not None:
            self.kernel.stop()

    def collect(self) -> Iterator[pytest.Item]:
        """The items in the order in which they must run."""
        cells = list(super().collect())
        if not self.compare_outputs:
            yield from cells
            return
        folder, _, _ = self.nodeid.partition("/")
        stored = Around.from_parent(self, name="stored", look=self.check_stored)
        end = Around.from_parent(self, name="left over", look=self.check_left_over)
        first = [stored, *cells, end]
        later = list(self.collect_later(cells, folder in RUN_TWICE))
        for item in [*first, *later] if folder == "solutions" else later:
            item.add_marker(pytest.mark.slow)
        yield from [*first, *later]

    def collect_later(self, cells: list[IPyNbCell], twice: bool) -> Iterator[pytest.Item]:
        """The items of all runs but the first."""
        for when in ("again",) if twice else ("again", "after restart"):
            if when == "after restart":
                yield Later.from_parent(self, name="restart", look=self.restart)
            for cell in cells:
                yield LaterCell.from_parent(
                    self,
                    name=f"{cell.name} {when}",
                    cell_num=cell.cell_num,
                    cell=cell.cell,
                    options=cell.options,
                )
            name = f"left over {when}"
            yield Later.from_parent(self, name=name, look=self.check_left_over)

    def probe(self) -> hygiene.Report:
        """What lives in the kernel now."""
        assert self.kernel is not None
        report: hygiene.Report = self.kernel.evaluate(hygiene.PROBE, hygiene.ASK)
        self.kernel.evaluate(hygiene.FORGET, "'0'")
        return report

    def check_stored(self) -> list[str]:
        return hygiene.stored_faults(self.nb)

    def check_left_over(self) -> list[str]:
        """What is left over, and still is after a moment: a thread may be on its last lines."""
        found: list[str] = []

        def clean() -> bool:
            found[:] = hygiene.left_over(self.baseline, self.probe())
            return not found

        with contextlib.suppress(TimeoutError):
            poll(clean, deadline=Deadline(ENDING_SECONDS), said="something is left over")
        return found

    def restart(self) -> list[str]:
        assert self.kernel is not None
        self.kernel.restart()
        self.baseline = self.probe()
        return []


class Around(pytest.Item):
    """An item that looks at the notebook or its kernel and fails with what it finds."""

    parent: Notebook

    def __init__(self, *, look: Callable[[], list[str]], **rest: Any) -> None:
        super().__init__(**rest)
        self.look = look

    def runtest(self) -> None:
        if self.name != "stored":
            assert self.parent.kernel is not None
            if not self.parent.kernel.is_alive():
                pytest.fail("the kernel is dead", pytrace=False)
        if found := self.look():
            pytest.fail("\n".join(found), pytrace=False)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"{self.path.name}::{self.name}"


class Later(Around):
    """An item of a later run: skipped when the first run failed."""

    def setup(self) -> None:
        super().setup()
        _skip_after_failure(self)


class LaterCell(IPyNbCell):  # type: ignore[misc]
    """A cell of a later run: skipped when the first run failed."""

    def setup(self) -> None:
        super().setup()
        _skip_after_failure(self)


def _skip_after_failure(item: pytest.Item) -> None:
    assert isinstance(item.parent, Notebook)
    if item.parent.failed_first:
        pytest.skip("the first run failed")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember that a notebook failed."""
    report = yield
    if report.failed and isinstance(item.parent, Notebook):
        item.parent.failed_first = True
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """nbval's own limit must come first: it interrupts the cell and shows where it stood."""
    for item in items:
        if isinstance(item.parent, Notebook):
            item.add_marker(pytest.mark.timeout(CELL_SECONDS + 30))
