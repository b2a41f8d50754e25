"""A real kernel in the folder of a small course's exercise."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from labsupport.clock import Deadline
from tests.checking.course import Course


@dataclass
class Shown:
    """What a cell showed."""

    text: str = ""
    html: str = ""
    printed: str = ""
    error: str = ""
    results: list[str] = field(default_factory=list)


class Kernel:
    """A kernel in which cells are run one after another."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.manager = KernelManager()
        self.manager.start_kernel(cwd=str(folder), env=environment)
        self.client: BlockingKernelClient = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=30)

    def begin(self, source: str) -> str:
        """Send a cell and do not wait; the id of the request."""
        return str(self.client.execute(source))

    def end(self, request: str, seconds: float = 30.0) -> Shown:
        """Wait for a cell's end and return what it showed."""
        shown = Shown()
        until = Deadline(seconds)
        while True:
            message = self.client.get_iopub_msg(timeout=max(0.01, until.left()))
            if message["parent_header"].get("msg_id") != request:
                continue
            content: dict[str, Any] = message["content"]
            kind = message["msg_type"]
            if kind == "stream":
                shown.printed += content["text"]
            elif kind == "display_data":
                shown.text += content["data"].get("text/plain", "")
                shown.html += content["data"].get("text/html", "")
            elif kind == "execute_result":
                shown.results.append(content["data"]["text/plain"])
            elif kind == "error":
                shown.error = f"{content['ename']}: {content['evalue']}"
            elif kind == "status" and content["execution_state"] == "idle":
                return shown

    def run(self, source: str) -> Shown:
        """Run a cell."""
        return self.end(self.begin(source))

    def close(self) -> None:
        """End the kernel."""
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """A course with one check: f returns the number of bytes in "é"."""
    course = Course(tmp_path / "course")
    course.add(
        "counts bytes", "assert_equal(await answer.call('f', 'é'), 2, said='é is two bytes')"
    )
    course.add("counts nothing", "assert_equal(await answer.call('f', ''), 0, said='none')")
    return course


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The environment of a kernel: nothing of this test run or of a notebook around it."""
    left_out = ("PYTEST_CURRENT_TEST", "JPY_SESSION_NAME", "LABSUPPORT_STATE")
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    return kept | {"IPYTHONDIR": str(tmp_path / "ipython")}


@pytest.fixture
def kernel(course: Course, environment: dict[str, str]) -> Iterator[Kernel]:
    """A kernel in the exercise's folder that has loaded the extension."""
    kernel = Kernel(course.folder, environment)
    try:
        shown = kernel.run("%load_ext labsupport")
        assert shown == Shown(), shown
        yield kernel
    finally:
        kernel.close()
