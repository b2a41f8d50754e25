"""What the tests of serving share: a clean process after each test, one exchange, kernels."""

from __future__ import annotations

import os
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty
from typing import Any

import psutil
import pytest
from jupyter_client.manager import KernelManager

from labsupport.clock import Deadline, poll
from labsupport.serving import Server, StillRunning, stop_all

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 20.0  # seconds; for what takes milliseconds on a machine that is not overloaded


@pytest.fixture(autouse=True)
def _nothing_runs_on() -> Iterator[None]:
    yield
    try:
        stop_all()
    except StillRunning as left:  # a test that leaves something behind says so here
        pytest.fail(str(left))


@pytest.fixture
def ask() -> Callable[..., bytes]:
    """ask(server, message): one connection, one message, everything that comes until the end.

    half_close: whether the client says that it sends no more. Tornado takes that for good-bye.
    """

    def exchange(server: Server, message: bytes = b"hello", *, half_close: bool = True) -> bytes:
        with socket.create_connection(server.address, timeout=PATIENCE) as connection:
            connection.sendall(message)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    return exchange


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """An event for servers that would not stop: set when the test is over."""
    event = threading.Event()
    yield event
    event.set()


class Kernel:
    """A real kernel, driven as a notebook does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        hidden = {"PYTEST_CURRENT_TEST", "PYTEST_XDIST_WORKER", "JPY_PARENT_PID"}
        kept = {name: value for name, value in os.environ.items() if name not in hidden}
        ours = {"PYTHONPATH": str(ROOT), "IPYTHONDIR": str(folder / "ipython")}
        # Through files where there are such sockets: ports that were free a moment ago may be taken
        # by another test. The folder's path is short: the path of a socket may not be long.
        self._sockets = tempfile.TemporaryDirectory(prefix="k", ignore_cleanup_errors=True)
        posix = {"transport": "ipc", "ip": f"{self._sockets.name}/k"} if os.name == "posix" else {}
        self.manager = KernelManager(kernel_name="python3", **posix)
        self.manager.start_kernel(
            cwd=str(folder),
            env=kept | ours,
            extra_arguments=["--HistoryManager.enabled=False", "--log-level=ERROR"],
        )
        self.connect()

    def connect(self) -> None:
        """Talk to the kernel, also after a restart; returns when it answers."""
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    @property
    def pid(self) -> int:
        """The number of the kernel's process."""
        number: int = self.manager.provisioner.pid  # type: ignore[union-attr]
        return number

    def start(self, code: str) -> str:
        """Send a cell and do not wait for it; returns its message number."""
        number: str = self.client.execute(code)
        return number

    def run(self, code: str) -> str:
        """Run a cell and return everything that it shows as text; errors too."""
        return self.shown_by(self.start(code))

    def shown_by(self, asked: str) -> str:
        """Return what the cell of this number shows, once it has ended."""
        shown = []
        deadline = Deadline(PATIENCE)
        while True:
            message = self.client.get_iopub_msg(timeout=deadline.left())
            if message["parent_header"].get("msg_id") != asked:
                continue
            shown.append(self._text(message))
            if message["content"].get("execution_state") == "idle":
                self._fetch_reply(asked)
                return "".join(shown)

    def _fetch_reply(self, asked: str) -> None:
        while self.client.get_shell_msg(timeout=PATIENCE)["parent_header"].get("msg_id") != asked:
            pass

    @staticmethod
    def _text(message: dict[str, Any]) -> str:
        content = message["content"]
        if message["msg_type"] == "stream":
            return str(content["text"])
        if message["msg_type"] in ("execute_result", "display_data"):
            return str(content["data"].get("text/plain", "")) + "\n"
        if message["msg_type"] == "error":
            return f"{content['ename']}: {content['evalue']}\n"
        return ""

    def late_output(self) -> str:
        """Return stream text that came since the last cell ended."""
        shown = []
        while True:
            try:
                shown.append(self._text(self.client.get_iopub_msg(timeout=0.3)))
            except Empty:
                return "".join(shown)

    def close(self) -> None:
        self.client.stop_channels()
        if self.manager.is_alive():
            self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()
        self._sockets.cleanup()


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Kernel]:
    """A kernel of its own for this test, which may kill it."""
    running = Kernel(tmp_path)
    yield running
    running.close()


@pytest.fixture(scope="module")
def lasting_kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """One kernel for the tests that only run cells: starting one costs more than such a test."""
    running = Kernel(tmp_path_factory.mktemp("kernel"))
    yield running
    running.close()


@pytest.fixture
def cells(lasting_kernel: Kernel) -> Iterator[Kernel]:
    """A kernel as after its start: no servers, no names."""
    yield lasting_kernel
    assert lasting_kernel.run("import labsupport.serving; labsupport.serving.stop_all()") == ""
    lasting_kernel.run("%reset -f")


@pytest.fixture
def wait_until_gone() -> Callable[[int], None]:
    """wait_until_gone(pid): return when the process has ended; fail when it lives on."""

    def wait(pid: int) -> None:
        def gone() -> bool:
            try:
                # Where nobody collects orphans, an ended process stays visible as a zombie.
                return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
            except psutil.NoSuchProcess:
                return True

        poll(gone, deadline=PATIENCE, said=f"process {pid} lives on")

    return wait


@pytest.fixture
def wait_until_refused() -> Callable[[int], None]:
    """wait_until_refused(port): return when nothing listens on the port any more."""

    def wait(port: int) -> None:
        def refused() -> bool:
            with socket.socket() as attempt:
                return attempt.connect_ex(("127.0.0.1", port)) != 0

        poll(refused, deadline=PATIENCE, said=f"something still listens on port {port}")

    return wait
