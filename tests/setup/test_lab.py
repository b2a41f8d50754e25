"""JupyterLab as `make lab` starts it: served for real, and asked over HTTP."""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen

import psutil
import pytest

from labsupport.clock import poll

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 40


@dataclass
class Lab:
    """A JupyterLab that runs, and the home of the user who started it."""

    process: subprocess.Popen[str]
    url: str
    home: Path
    state: Path

    def get(self, path: str, *, send: bytes | None = None) -> Any:
        """Ask the server for JSON, with the token of its address; POST if there is data to send."""
        parts = urlsplit(self.url)
        headers = {"Authorization": f"token {parse_qs(parts.query)['token'][0]}"}
        with urlopen(Request(f"http://{parts.netloc}{path}", send, headers)) as reply:
            return json.load(reply)


def read_lines(process: subprocess.Popen[str]) -> queue.Queue[str]:
    """Collect the process's output as it comes; the thread ends with the process."""
    lines: queue.Queue[str] = queue.Queue()

    def collect() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line)
        lines.put("")

    threading.Thread(target=collect, daemon=True).start()
    return lines


def listens(host: str | None, port: int | None) -> bool:
    """Whether a connection to this address is accepted."""
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab for a user who has a kernel named python3 elsewhere, and wants Jupyter's news."""
    home = tmp_path_factory.mktemp("home")
    foreign = home / ".local" / "share" / "jupyter" / "kernels" / "python3" / "kernel.json"
    foreign.parent.mkdir(parents=True)
    foreign.write_text('{"argv": ["false"], "display_name": "foreign", "language": "python"}')
    state = home / "state"
    state.mkdir()
    variables = {
        **os.environ,
        "HOME": str(home),
        "JUPYTER_PATH": str(foreign.parents[2]),
        "LABSUPPORT_STATE": str(state),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "labsupport.lab", "--no-browser"],
        cwd=ROOT,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        lines = read_lines(process)
        said = ""
        while (found := re.search(r"http://127\.0\.0\.1:\S+token=\w+", said)) is None:
            line = lines.get(timeout=SECONDS)
            assert line, f"JupyterLab ended before it was up:\n{said}"
            said += line
        # It says its address a moment before it listens there.
        parts = urlsplit(found[0])
        poll(lambda: listens(parts.hostname, parts.port), deadline=SECONDS, said="nobody listens")
        yield Lab(process, found[0], home, state)
    finally:
        process.kill()
        process.wait(SECONDS)


def test_its_address_is_on_loopback_and_opens_the_first_lesson(lab: Lab) -> None:
    assert urlsplit(lab.url).hostname == "127.0.0.1"
    assert urlsplit(lab.url).path == "/lab/tree/notebooks/00_start_here.ipynb"


def test_it_serves_the_courses_folder(lab: Lab) -> None:
    names = {entry["name"] for entry in lab.get("/api/contents/")["content"]}
    assert {"exercises", "labsupport", "notebooks"} <= names


def test_notebooks_run_on_this_environments_kernel_though_the_user_has_another(lab: Lab) -> None:
    spec = lab.get("/api/kernelspecs")["kernelspecs"]["python3"]["spec"]
    assert spec["display_name"] != "foreign"
    assert "ipykernel_launcher" in spec["argv"]


def test_it_asks_nothing_about_news_and_looks_for_no_updates(lab: Lab) -> None:
    settings = lab.get("/lab/api/settings/@jupyterlab/apputils-extension:notification")
    properties = settings["schema"]["properties"]
    assert properties["fetchNews"]["default"] == "false"
    assert properties["checkForUpdates"]["default"] is False
    assert lab.get("/lab/api/news")["news"] == []


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT, as Ctrl-C does on POSIX")
def test_ctrl_c_ends_it_and_its_kernels_and_leaves_nothing_in_the_users_folders(lab: Lab) -> None:
    lab.get("/api/kernels", send=b'{"name": "python3"}')
    kernels = psutil.Process(lab.process.pid).children(recursive=True)
    assert kernels
    lab.process.send_signal(signal.SIGINT)
    assert lab.process.wait(SECONDS) == 0
    _, alive = psutil.wait_procs(kernels, timeout=SECONDS)
    assert alive == []
    files = (path.relative_to(lab.home) for path in lab.home.rglob("*") if path.is_file())
    written = {path.name for path in files if path.parts[0] != ".ipython"}
    # Jupyter signs its cookies with the one; the other is this test's own. A kernel that got far
    # enough has begun IPython's history.
    assert written <= {"jupyter_cookie_secret", "kernel.json"}
