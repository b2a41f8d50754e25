"""Start JupyterLab for the course: `python -m labsupport.lab [--no-browser]`.

Everything that differs from a bare `jupyter lab` is said on this one start's command line, so that
nothing is registered and no file of the user's own Jupyter is written:

- It serves the course's folder on 127.0.0.1, on any free port, and opens lesson 00.
- Notebooks run on the Python that runs this module: its kernel comes before a kernel of the same
  name that the user has elsewhere.
- No question about news, no look for updates, no list of extensions, no search for language servers
  (which runs npm): the course works offline. The front end asks about news unless a setting says
  otherwise, so `settings/overrides.json` is this start's layer of default settings; the user's own
  settings still come on top.
- The layout of the windows is kept in the course's state folder, apart from other projects'.
- Ctrl-C ends it without a question. Notebooks save themselves, and kernels are shut down.
- Its log is kept to warnings and the address to open.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = [
    "FIRST_LESSON",
    "arguments",
    "course_options",
    "main",
    "prefer_own_kernel",
    "prepare",
]

ROOT = Path(__file__).resolve().parents[2]
FIRST_LESSON = "notebooks/00_start_here.ipynb"


def prefer_own_kernel() -> None:
    """Let the kernel beside this Python win over the user's, for this process and its children.

    Source: jupyter_core's `jupyter_path`: JUPYTER_PATH comes first, then the user's folder, unless
    JUPYTER_PREFER_ENV_PATH puts the environment's before it.
    """
    os.environ.pop("JUPYTER_PATH", None)
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"


def layout_options(root: Path) -> list[str]:
    """Keep the windows' layout in LABSUPPORT_STATE, or in .labsupport in the course.

    Where neither can be written to, it stays in the user's own Jupyter folder.
    """
    state = Path(os.environ.get("LABSUPPORT_STATE") or root / ".labsupport")
    if not os.access(state if state.exists() else state.parent, os.W_OK):
        return []
    return [f"--LabApp.workspaces_dir={state / 'workspaces'}"]


def course_options(root: Path) -> list[str]:
    """What every server of the course in `root` is told, whoever starts it."""
    here = Path(__file__).resolve().parent
    return [
        f"--LabApp.app_settings_dir={here / 'settings'}",
        *layout_options(root),
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
        "--LanguageServerManager.autodetect=False",
    ]


def arguments(root: Path, *, browser: bool) -> list[str]:
    """The command line of JupyterLab for the course in `root`; `browser` opens a page in one."""
    options = [
        f"--ServerApp.root_dir={root}",
        "--ServerApp.ip=127.0.0.1",
        "--ServerApp.port=0",
        f"--LabApp.default_url=/lab/tree/{FIRST_LESSON}",
        *course_options(root),
        "--ServerApp.answer_yes=True",
        "--Application.log_level=WARN",
    ]
    if not browser:
        options.append("--ServerApp.open_browser=False")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        # In a container the learner is usually root. The server listens on loopback only.
        options.append("--ServerApp.allow_root=True")
    return options


def prepare() -> None:
    """Import what the first start needs and build matplotlib's list of fonts.

    Run once after an installation: it shows that the packages work together, and the first lesson
    does not wait, or warn that it waits, for the fonts.
    """
    for name in ("ipykernel.ipkernel", "jupyterlab.labapp", "matplotlib.pyplot"):
        importlib.import_module(name)


def main(argv: Sequence[str] | None = None) -> None:
    """Serve the course until Ctrl-C; `--no-browser` prints the address without opening it.

    `--prepare` only gets ready for the first start. Any other argument goes to JupyterLab.
    """
    given = list(sys.argv[1:] if argv is None else argv)
    if given == ["--prepare"]:
        prepare()
        return
    browser = "--no-browser" not in given
    rest = [argument for argument in given if argument != "--no-browser"]
    prefer_own_kernel()
    # Jupyter itself cleans up after Ctrl-C only where it has a terminal to ask at.
    signal.signal(signal.SIGINT, lambda *_: signal.raise_signal(signal.SIGTERM))
    from jupyterlab.labapp import LabApp

    LabApp.launch_instance(argv=[*arguments(ROOT, browser=browser), *rest])
