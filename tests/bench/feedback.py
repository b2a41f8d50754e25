"""How soon feedback is seen in a notebook: `python -m tests.bench.feedback [ROUNDS]`.

In JupyterLab in a real browser, each exercise of lesson 02 is run once, in its solution and as the
learner finds it; then its %check cells are run again and again. The page measures from the command
that runs the cell until the feedback is in the page and the browser has drawn it. The same answer
is judged by a caller of its own with a warm judge, in turns with the page. What the page takes
beyond that is what the notebook, its kernel and the browser add to the checks.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from pathlib import Path

from labsupport.checking import Answer, check, find_exercise
from labsupport.checking.engine import shut_down
from tests.browser.lab import opened_lab
from tests.notebooks.files import ROOT, find, read

TIMED = """async ([id, seconds]) => {
  const app = window.jupyterapp, panel = app.shell.currentWidget, notebook = panel.content;
  const index = notebook.widgets.findIndex(cell => cell.model.id === id);
  notebook.activeCellIndex = index;
  const area = notebook.widgets[index].outputArea.node;
  const late = new Promise((_, reject) => setTimeout(
    () => reject(new Error(`no feedback within ${seconds} s`)), 1000 * seconds));
  let cleared = false;
  const seen = new Promise(done => new MutationObserver((_, observer) => {
    const text = area.innerText;
    cleared = cleared || !text.includes('points');
    if (cleared && text.includes('points')) { observer.disconnect(); done(); }
  }).observe(area, {childList: true, subtree: true}));
  const began = performance.now();
  const run = app.commands.execute('notebook:run-cell');
  await Promise.race([seen, late]);
  await new Promise(requestAnimationFrame);
  const took = performance.now() - began;
  await run;
  return took / 1000;
}"""


def main() -> None:
    """Measure and print, in milliseconds."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    print(f"load of the machine at the start: {os.getloadavg()[0]:.1f}")
    print(f"{'':29}{'page p50':>10}{'engine':>8}{'added p50':>11}{'most':>6}")
    paths = [path for path in find([ROOT / "exercises", ROOT / "solutions"]) if of_lesson_02(path)]
    with opened_lab(ROOT) as lab:
        for path in paths:
            lab.run(path.relative_to(ROOT).as_posix())
            for cell in read(path).cells:
                words = cell.source.split()
                if words[:1] != ["%check"]:
                    continue
                pairs = []
                for _ in range(rounds):
                    page = lab.page.evaluate(TIMED, [cell.id, 120])
                    pairs.append((page, seconds(path, words[1])))
                page, engine = (statistics.median(column) for column in zip(*pairs, strict=True))
                added = [seen - judged for seen, judged in pairs]
                figures = page, engine, statistics.median(added), max(added)
                shown = zip(figures, (10, 8, 11, 6), strict=True)
                print(
                    f"{path.relative_to(ROOT).parts[0]:10} {words[1]:18}",
                    *(f"{1e3 * figure:{width}.0f}" for figure, width in shown),
                    sep="",
                )
            lab.close()
    shut_down()


def of_lesson_02(path: Path) -> bool:
    """Whether a notebook is an exercise of lesson 02, or its solution."""
    return find_exercise(ROOT, path.stem).name.startswith("02_")


def seconds(path: Path, slug: str) -> float:
    """How long it takes to judge the answer of a notebook with a judge that is up."""
    began = time.perf_counter()
    check(Answer.from_path(path, slug), find_exercise(ROOT, slug))
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
