"""What JupyterHub is told so that it serves the course: `configure`, called by jupyterhub_config.

Nothing here decides who may log in, or how servers are started: the file that calls it does.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from labsupport.checking import InputError
from labsupport.lab import FIRST_LESSON

__all__ = ["configure", "installed_course"]


def installed_course() -> Path:
    """The course that this labsupport belongs to, as `pip install -e` installs it."""
    return Path(__file__).resolve().parents[2]


def configure(
    config: Any,
    *,
    course: Path,
    folder: str = "network-programming-live",
    idle_minutes: int = 60,
    processes: int = 4000,
) -> None:
    """Serve a course: each user gets a copy of it, and a server of this Python.

    config: JupyterHub's `c`. course: the learner's copy, without solutions. folder: of the user's
    copy, in the home folder. idle_minutes: a kernel or terminal that does nothing for so long is
    ended, also when its page is open, and then the server. processes: a user may have so many
    processes and threads; 500 clients of a lesson, with a thread each, have to fit twice.

    Raises InputError for a folder that is no course, or that would show solutions to everybody.
    """
    course = course.resolve()
    if not (course / FIRST_LESSON).is_file():
        raise InputError(f"{course} is no course: it has no {FIRST_LESSON}.")
    if (course / "solutions").exists():
        raise InputError(
            f"{course} holds solutions, and every user could read them there. Serve the learner's "
            "copy, which `labsupport release` makes."
        )
    seconds = 60 * idle_minutes
    spawner = config.Spawner
    spawner.cmd = [
        *(sys.executable, "-P", "-m", "labsupport.classroom.start", str(course)),
        *("--processes", str(processes)),
    ]
    spawner.args = [
        f"--MappingKernelManager.cull_idle_timeout={seconds}",
        "--MappingKernelManager.cull_connected=True",
        f"--TerminalManager.cull_inactive_timeout={seconds}",
        f"--ServerApp.shutdown_no_activity_timeout={seconds}",
    ]
    spawner.notebook_dir = f"~/{folder}"
    spawner.default_url = f"/lab/tree/{FIRST_LESSON}"
    # A class arrives at once, and a server needs some seconds of a processor to start.
    spawner.start_timeout = 300
    spawner.http_timeout = 300
