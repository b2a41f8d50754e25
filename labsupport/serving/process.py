"""A process that never outlives this one, with all the processes that it starts.

Two processes are started. The guard (see `guard`) leads a new process group and waits for the
end of its standard input, which comes when this process ends, however it ends. The command joins
that group. So an interrupt of the notebook's kernel, which goes to the kernel's own group, does
not reach the command; and whatever ends the kernel ends the command and its descendants.

The command's output comes through one pipe, read by a thread. Another thread waits for the
command's end and then ends what the command left behind in its group.

A process that leaves the group (a daemon that calls setsid) escapes this. If it keeps the pipe
open, stopping names it.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence

from labsupport.clock import Deadline

from . import guard
from .errors import Survivor
from .output import Output

__all__ = ["GuardedProcess"]

_LAST_OUTPUT = 1.0  # seconds for the rest of the output, once the whole group has ended


class GuardedProcess:
    """A command that runs in its own process group and ends with this process.

    words: the program's path and its arguments. descriptors: what it inherits (POSIX only).
    output: receives what it prints. ended: called once with the exit status, in another thread,
    when the command has ended (negative: minus the number of the signal that ended it).
    Raises OSError when the program cannot be executed.
    """

    def __init__(
        self,
        words: Sequence[str],
        *,
        output: Output,
        ended: Callable[[int], None],
        descriptors: Sequence[int] = (),
    ) -> None:
        self._output = output
        self._on_end = ended
        self.ended = threading.Event()
        self._group = threading.Lock()
        self._group_ended = False
        self._guard = _popen(
            [sys.executable, "-I", "-S", guard.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )
        try:
            self._child = _popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                group=self._guard.pid,
                descriptors=descriptors,
            )
        except BaseException:
            self._kill_group()
            raise
        if sys.platform == "win32":
            assert self._guard.stdin is not None
            self._guard.stdin.write(f"{self._child.pid}\n".encode())
            self._guard.stdin.flush()
        self._reader = threading.Thread(target=self._read, name="output of a command", daemon=True)
        self._reader.start()
        threading.Thread(target=self._watch, name="end of a command", daemon=True).start()

    @property
    def pid(self) -> int:
        """The number of the command's process."""
        return self._child.pid

    def end(self, deadline: Deadline) -> list[Survivor]:
        """Ask the group to terminate, kill it after half of the time; return what is left."""
        if not self.ended.is_set():
            self._ask_group()
            self.ended.wait(deadline.left() / 2)
        if not self.ended.is_set():
            self._kill_group()
        if not self.ended.wait(deadline.left()):
            return [Survivor("process", str(self.pid), "was killed, and has not ended")]
        if self._reader.is_alive():
            where = "is held open by a process that has left the command's group"
            return [Survivor("pipe", "output", where)]
        return []

    def _read(self) -> None:
        assert self._child.stdout is not None
        # Bytes of one character may come in two reads, and so may the two halves of "\r\n".
        decoder = io.IncrementalNewlineDecoder(
            codecs.getincrementaldecoder("utf-8")("replace"), translate=True
        )
        with self._child.stdout as pipe:
            while data := os.read(pipe.fileno(), 65536):
                self._output.write(decoder.decode(data))
        self._output.write(decoder.decode(b"", final=True))

    def _watch(self) -> None:
        status = self._child.wait()
        self._kill_group()
        self._reader.join(_LAST_OUTPUT)
        self._on_end(status)
        self.ended.set()

    def _ask_group(self) -> None:
        if sys.platform != "win32":
            with self._group:
                if not self._group_ended:
                    _signal_group(self._guard.pid, signal.SIGTERM)

    def _kill_group(self) -> None:
        # The guard is not reaped before this, so its number cannot belong to another group.
        with self._group:
            if self._group_ended:
                return
            self._group_ended = True
            assert self._guard.stdin is not None
            if sys.platform != "win32":
                _signal_group(self._guard.pid, signal.SIGKILL)
            self._guard.stdin.close()  # on Windows this is the request: the guard ends the tree
            self._guard.wait()


def _popen(
    words: Sequence[str],
    *,
    stdin: int,
    stdout: int,
    group: int = 0,
    descriptors: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a process in the process group `group` (0: a new one that it leads)."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}
    if sys.platform == "win32":
        return subprocess.Popen(
            words,
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.STDOUT,
            env=environment,
            creationflags=subprocess.CREATE_NEW_PROCESS_GROUP,
        )
    else:  # a type checker knows only this form to be for one platform
        return subprocess.Popen(
            words,
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.STDOUT,
            env=environment,
            process_group=group,
            pass_fds=descriptors,
        )


def _signal_group(group: int, number: int) -> None:
    # All its members have ended: Linux says so, macOS calls it not permitted.
    if sys.platform != "win32":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)
