"""Run notebooks in JupyterLab and photograph them, for a person to read.

    python -m tests.browser.shoot NOTEBOOK... OUTDIR

writes OUTDIR/NAME-01.png, NAME-02.png, ... from top to bottom (1200 × 1500 pixels each at most) and
says what a learner would see as broken. Exit code 1 when there is something.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.browser.lab import LabError, opened_lab


def stem(notebook: Path) -> str:
    """The name of a notebook's photographs: an exercise and its solution have the same name."""
    return f"{notebook.stem}-solution" if notebook.parent.name == "solutions" else notebook.stem


def main(arguments: list[str]) -> int:
    if len(arguments) < 2 or not all(Path(name).is_file() for name in arguments[:-1]):
        print(__doc__, file=sys.stderr)
        return 2
    notebooks = [Path(name).resolve() for name in arguments[:-1]]
    folder = Path(arguments[-1])
    root = Path(os.path.commonpath([notebook.parent for notebook in notebooks]))
    broken = False
    try:
        with opened_lab(root) as lab:
            for notebook in notebooks:
                ran = lab.run(notebook.relative_to(root).as_posix())
                shots = lab.shoot(folder, stem(notebook))
                lab.close()
                print(f"{notebook.name}: {len(ran.cells)} code cells in {ran.seconds:.1f} s")
                print("\n".join(f"  {shot}" for shot in shots))
                for complaint in [*ran.complaints(), *lab.heard()]:
                    broken = True
                    print(f"  BROKEN: {complaint}")
    except LabError as error:
        print(error, file=sys.stderr)
        return 1
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
