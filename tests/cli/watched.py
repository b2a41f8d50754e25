"""A `labsupport watch` that runs, and what it has printed so far."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import psutil

from labsupport.clock import poll

PATIENCE = 100.0  # seconds for anything to happen, on a machine that is more than busy


class Watched:
    """The command in a course's folder, its output through a pipe.

    Temporary folders that it makes lie in `scratch`. At the end of the block it must be gone, with
    every process that it started and every folder that it made.
    """

    def __init__(
        self,
        root: Path,
        scratch: Path,
        *words: str,
        more: Mapping[str, str] | None = None,
        before: Sequence[str] = (),
    ) -> None:
        self.scratch = scratch
        self.text = ""
        self._from = 0
        self._process = subprocess.Popen(
            [*before, sys.executable, "-m", "labsupport.cli", "watch", *words],
            cwd=root,
            env=environment(TMPDIR=str(scratch), **(more or {})),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            start_new_session=os.name == "posix",
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Watched:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                self.interrupt()
                self._process.wait(PATIENCE)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._reader.join(PATIENCE)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def wait_until_said(self, words: str) -> str:
        """Wait for words behind those that were waited for before; the text up to their end."""

        def end() -> int:
            at = self.text.find(words, self._from)
            if at < 0 and self._process.poll() is not None:
                self._reader.join(PATIENCE)
                at = self.text.find(words, self._from)
                if at < 0:
                    raise AssertionError(f"it ended without {words!r}; it printed:\n{self.text}")
            return at + len(words) if at >= 0 else 0

        try:
            stop = poll(end, deadline=PATIENCE, said=words)
        except TimeoutError:
            raise AssertionError(f"no {words!r}; it printed:\n{self.text}") from None
        seen, self._from = self.text[self._from : stop], stop
        return seen

    def waiting(self) -> str:
        """Wait until it waits for a save."""
        return self.wait_until_said("Ctrl-C ends the watch.\n")

    def interrupt(self, number: int = signal.SIGINT) -> None:
        """Send a signal to it alone."""
        self._process.send_signal(number)

    def ended(self) -> int:
        """Wait for its end; its exit status. Nothing may be left of it."""
        try:
            status = self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it does not end; it printed:\n{self.text}") from None
        self._reader.join(PATIENCE)
        assert [path.name for path in self.scratch.iterdir()] == []
        assert "Traceback" not in self.text
        return status

    def children(self) -> list[psutil.Process]:
        """The processes that it has started, and theirs."""
        return psutil.Process(self._process.pid).children(recursive=True)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.text += line


def environment(**more: str) -> dict[str, str]:
    """The variables for a command: none that changes what a terminal is, and the course's state."""
    changing = {"COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "LABSUPPORT_STATE", "TTY_COMPATIBLE"}
    return {name: value for name, value in os.environ.items() if name not in changing} | more
