"""Lessons and exercises in JupyterLab in a real browser: Run All, and look at what a learner sees.

With LABSUPPORT_SCREENSHOTS=FOLDER each of them is photographed into that folder; without it only
one that fails is, into a temporary folder that the failure names.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.lab import LabPage, opened_lab
from tests.browser.shoot import stem
from tests.notebooks.files import ROOT, find

pytestmark = [pytest.mark.browser, pytest.mark.timeout(440)]

# Every notebook is run elsewhere (nbval). Here each lesson is looked at, and of the exercises one
# of each form: a function, steps before it, hostile peers.
EXERCISES = ("00_greet", "02_framing", "02_break_stream")
NOTEBOOKS = find([ROOT / "notebooks", *(ROOT / "exercises" / name for name in EXERCISES)])
FEW = ("00_start_here", "greet")  # those that are not slow
SCREENSHOTS = os.environ.get("LABSUPPORT_SCREENSHOTS")


def name(path: Path) -> str:
    """As JupyterLab names it."""
    return path.relative_to(ROOT).as_posix()


@pytest.fixture(scope="module")
def lab(chromium: None) -> Iterator[LabPage]:
    """JupyterLab as `make lab` starts it, on one page for all notebooks."""
    with opened_lab(ROOT) as page:
        yield page


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=name(path), marks=[] if path.stem in FEW else pytest.mark.slow)
        for path in NOTEBOOKS
    ],
)
def test_a_notebook_runs_and_can_be_seen(path: Path, lab: LabPage, tmp_path: Path) -> None:
    ran = lab.run(name(path))
    faults = [*ran.complaints(), *lab.heard()]
    if SCREENSHOTS or faults:
        shots = lab.shoot(Path(SCREENSHOTS or tmp_path), stem(path))
        faults += [f"see {shots[0].parent}"] if faults else []
    lab.close()
    assert not faults, "\n".join(faults)
