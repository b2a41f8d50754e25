"""A real JupyterHub with its real proxy, on loopback, in a folder that is deleted afterwards.

The hub runs the course's own jupyterhub_config.py. What differs is said on top of it: users with
one shared password in place of the system's, `SimpleLocalProcessSpawner`, which starts all servers
as the user who runs this, with a home folder for each, and free ports.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from labsupport.clock import poll
from tests.notebooks.files import ROOT

PASSWORD = "a password for a trial"
PROXY = "configurable-http-proxy"
START_SECONDS = 120.0
END_SECONDS = 120.0

CONFIG = """
load_subconfig({production!r})
c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = {password!r}
c.Authenticator.allowed_users = {users!r}
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = {homes!r}
c.Spawner.environment = {{"TMPDIR": {temporary!r}}}
c.JupyterHub.bind_url = "http://127.0.0.1:{public}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub}"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy}"
"""


def missing() -> str:
    """What is not installed here and a hub needs; empty when all is."""
    if importlib.util.find_spec("jupyterhub") is None:
        return "JupyterHub is not installed in this environment"
    if shutil.which(PROXY) is None:
        return f"the command {PROXY} is not on the PATH"
    return ""


@dataclass(frozen=True)
class Hub:
    """A hub that runs. course: what it serves. left: processes that had to be killed at the end."""

    url: str
    course: Path
    homes: Path
    log: Path
    process: psutil.Process
    left: list[str]

    def servers(self) -> dict[str, psutil.Process]:
        """The running server of each user."""
        found = {}
        for child in self.process.children():
            with contextlib.suppress(psutil.Error):
                if user := child.environ().get("JUPYTERHUB_USER"):
                    found[user] = child
        return found


@contextlib.contextmanager
def running_hub(users: Sequence[str]) -> Iterator[Hub]:
    """A hub for these users, ready to log in; afterwards it is ended, with all that it started."""
    with tempfile.TemporaryDirectory(prefix="labsupport-hub-") as name:
        folder = Path(name).resolve()
        course = learners_course(folder / "course")
        for user in users:
            (folder / "homes" / user).mkdir(parents=True)
        temporary = folder / "t"  # a short name: sockets of kernels lie in it
        temporary.mkdir()
        public, hub, proxy = free_ports(3)
        config = CONFIG.format(
            production=str(course / "labsupport" / "classroom" / "jupyterhub_config.py"),
            password=PASSWORD,
            users=set(users),
            homes=str(folder / "homes" / "{username}"),
            temporary=str(temporary),
            public=public,
            hub=hub,
            proxy=proxy,
        )
        (folder / "config.py").write_text(config, encoding="utf-8")
        log = folder / "hub.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "jupyterhub", "-f", "config.py"],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(course)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            left: list[str] = []
            try:
                url = f"http://127.0.0.1:{public}"
                poll(
                    lambda: process.poll() is not None or is_up(url),
                    deadline=START_SECONDS,
                    said=f"the hub is not up:\n{log.read_text()}",
                )
                assert process.poll() is None, f"the hub ended:\n{log.read_text()}"
                yield Hub(url, course, folder / "homes", log, psutil.Process(process.pid), left)
            finally:
                left += end(process)


def learners_course(target: Path) -> Path:
    """The course as learners have it, without solutions and tests."""
    names = ("labsupport", "notebooks", "exercises", "LICENSE", "LICENSE-lessons", "pyproject.toml")
    for name in names:
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name,
                target / name,
                ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints"),
            )
        else:
            shutil.copyfile(ROOT / name, target / name)
    return target


def free_ports(number: int) -> list[int]:
    """Ports that are free now; JupyterHub must be told numbers."""
    with contextlib.ExitStack() as stack:
        listeners = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)
        ]
        return [listener.getsockname()[1] for listener in listeners]


def is_up(url: str) -> bool:
    """Whether the proxy answers for the hub."""
    try:
        with urllib.request.urlopen(f"{url}/hub/health", timeout=5) as response:
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def end(process: subprocess.Popen[bytes]) -> list[str]:
    """End a hub and what it started; says what had not ended when the hub had."""
    started = []
    with contextlib.suppress(psutil.NoSuchProcess):
        started = psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        started.append(psutil.Process(process.pid))
    _, alive = psutil.wait_procs(started, timeout=10)
    said = []
    for each in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            said.append(f"{each.pid}: {' '.join(each.cmdline())[:200]}")
            each.kill()
    psutil.wait_procs(alive, timeout=10)
    process.wait(10)
    return said
