"""The kernel that notebooks are tested in: quick to start, private, missed as soon as it dies.

nbval's own kernel waits 0.2 s for an idle connection at every start, gives a cell of a dead kernel
the whole cell timeout, and passes PYTEST_CURRENT_TEST on, which makes ipykernel stop capturing what
child processes write. This one asks for the kernel's state until the answer comes through both
channels, looks once a second whether the process lives, and gives the kernel the environment that
JupyterLab would, with a history folder and an IPython profile of its own.
"""

from __future__ import annotations

import ast
import json
import os
import tempfile
import time
from pathlib import Path
from queue import Empty
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, NbvalKernelspecManager, RunningKernel

START_SECONDS = 60.0
ANSWER_SECONDS = 20.0  # for a question of ours, which the kernel answers in milliseconds when idle

# What the test run sets for itself and a learner's kernel never sees.
OURS = ("PYTEST_CURRENT_TEST", "MPLBACKEND")

# The history database costs 0.1 s at each stop and nothing here reads it; a warning at each start
# says that the kernel's own connections are not encrypted.
QUIET = ["--HistoryManager.enabled=False", "--log-level=ERROR"]


class KernelDied(RuntimeError):
    """The kernel's process ended; the message says how and shows the end of what it wrote."""


def environment(folder: Path) -> dict[str, str]:
    """The environment of a notebook's kernel: this one's, with history and profile in `folder`."""
    kept = {name: value for name, value in os.environ.items() if name not in OURS}
    private = {"LABSUPPORT_STATE": folder / "state", "IPYTHONDIR": folder / "ipython"}
    return kept | {name: str(path) for name, path in private.items()}


def transport(folder: Path) -> dict[str, str]:
    """How to talk to a kernel: through files in `folder` where the system can, not through ports.

    Jupyter picks free ports before the kernel binds them. On a machine whose other tests open
    thousands of connections somebody else takes one of them now and then.
    """
    through = {"transport": "ipc"} if os.name == "posix" else {}
    return through | {"connection_file": str(folder / "kernel.json")}


class CourseKernel(RunningKernel):  # type: ignore[misc]  # nbval has no types
    """A running kernel of this Python, in the folder `cwd`; end it with `stop`.

    Raises KernelDied when it ends before it answers, TimeoutError after 60 seconds without answer.
    """

    km: KernelManager
    kc: BlockingKernelClient

    def __init__(self, cwd: Path) -> None:
        # Not RunningKernel.__init__: its start is what this class replaces.
        self._folder = tempfile.TemporaryDirectory(prefix="kernel-", ignore_cleanup_errors=True)
        home = Path(self._folder.name)
        self._log = (home / "kernel.log").open("w+b")
        self.km = KernelManager(
            kernel_name=CURRENT_ENV_KERNEL_NAME,
            kernel_spec_manager=NbvalKernelspecManager(),
            **transport(home),
        )
        self.km.start_kernel(
            cwd=str(cwd),
            env=environment(home),
            stdout=self._log,
            stderr=self._log,
            extra_arguments=QUIET,
        )
        self.kc = self.km.client()
        self.kc.start_channels()
        self._wait_until_connected()

    def _wait_until_connected(self) -> None:
        """Ask until an answer comes on both channels: a subscription to iopub takes a moment."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            asked = self.kc.kernel_info()
            try:
                self.await_reply(asked, timeout=end - time.monotonic())
                self.await_idle(asked, timeout=0.05)
            except Empty:
                continue
            return
        raise TimeoutError(f"the kernel did not answer within {START_SECONDS:.0f} s")

    def await_reply(self, msg_id: str, timeout: float | None = None) -> None:
        """Wait for the reply to a request; Empty after `timeout` seconds.

        Raises KernelDied within a second of the kernel's end.
        """
        end = time.monotonic() + (START_SECONDS if timeout is None else timeout)
        while True:
            try:
                super().await_reply(msg_id, timeout=max(0.01, min(1.0, end - time.monotonic())))
                return
            except Empty:
                if not self.is_alive():
                    raise KernelDied(self._obituary()) from None
                if time.monotonic() >= end:
                    raise

    def evaluate(self, definitions: str, expression: str) -> Any:
        """Run `definitions` silently, then give the value of `expression`, a JSON text, decoded.

        Nothing of it shows in an output, in the history or in the execution count.
        """
        asked = self.kc.execute(
            definitions, silent=True, store_history=False, user_expressions={"asked": expression}
        )
        end = time.monotonic() + ANSWER_SECONDS
        while True:
            if not self.is_alive():
                raise KernelDied(self._obituary())
            try:
                reply = self.kc.get_shell_msg(timeout=min(1.0, max(0.01, end - time.monotonic())))
            except Empty:
                if time.monotonic() >= end:
                    raise TimeoutError("the kernel is busy and does not answer") from None
                continue
            if reply["parent_header"].get("msg_id") == asked:
                break
        said = reply["content"].get("user_expressions", {}).get("asked", reply["content"])
        if said.get("status") != "ok" or "data" not in said:
            raise RuntimeError(f"{said.get('ename')}: {said.get('evalue')}")
        # The expression's value comes as its repr: a Python string literal around the JSON text.
        return json.loads(ast.literal_eval(said["data"]["text/plain"]))

    @property
    def pid(self) -> int:
        """The process number of the kernel."""
        return int(self.km.provisioner.pid)  # type: ignore[union-attr]

    def restart(self) -> None:
        """Kill the kernel and start it anew in the same folder with the same history."""
        self.km.restart_kernel(now=True)
        self._wait_until_connected()

    def stop(self) -> None:
        """Kill the kernel and remove its folder; more calls do nothing."""
        if self._log.closed:
            return
        self.kc.stop_channels()
        if self.km.has_kernel:
            self.km.shutdown_kernel(now=True)
        self._log.close()
        self._folder.cleanup()

    def is_alive(self) -> bool:
        """Whether the kernel's process runs."""
        return not self._log.closed and bool(self.km.is_alive())

    def _obituary(self) -> str:
        if self._log.closed:
            return "the kernel was stopped"
        self._log.flush()
        self._log.seek(0)
        wrote = self._log.read()[-2000:].decode("utf-8", "replace").strip()
        return "the kernel died while running this cell" + (
            f"; it wrote:\n{wrote}" if wrote else ""
        )
