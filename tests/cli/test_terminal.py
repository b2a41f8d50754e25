"""On a terminal the commands draw in colour, without colour where it is not wanted, and fit in."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from labsupport.clock import poll
from labsupport.doctor import INSTRUCTORS, LOOKS
from tests.cli.conftest import Run
from tests.cli.small import DOUBLE, WRONG, SmallCourse
from tests.cli.watched import PATIENCE, environment

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals for this"),
    pytest.mark.timeout(300),
]

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A terminal of 80 columns in which `labsupport` runs."""

    def __init__(self, root: Path, *words: str, **more: str) -> None:
        self._seen = b""
        self._ours, theirs = os.openpty()
        self._open = True
        self.process = subprocess.Popen(
            [sys.executable, "-m", "labsupport.cli", *words],
            cwd=root,
            env=environment(TERM="xterm-256color", COLUMNS="80", LINES="24", **more),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=lambda: controlled_by(theirs),
        )
        os.close(theirs)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def raw(self) -> str:
        """What was sent to it, with all codes."""
        return self._seen.decode("utf-8", "replace")

    @property
    def text(self) -> str:
        """What it shows, without colours."""
        return ESCAPE.sub("", self.raw).replace("\r\n", "\n")

    def wait_until_said(self, words: str) -> None:
        """Wait until it shows these words."""
        poll(lambda: words in self.text, deadline=PATIENCE, said=f"no {words!r}: {self.text}")

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._ours, keys)

    def ended(self) -> int:
        """Wait for its end; its exit status."""
        status = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return status

    def hang_up(self) -> None:
        """Close the terminal under the command."""
        if self._open:
            self._open = False
            self._reader.join(PATIENCE)
            os.close(self._ours)

    def close(self) -> None:
        """End what still runs."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(PATIENCE)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.hang_up()

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # EIO, or nothing: nobody has the other end open
            while self._open:
                if select.select([self._ours], [], [], 0.05)[0]:
                    data = os.read(self._ours, 65536)
                    if not data:
                        break
                    self._seen += data


def controlled_by(descriptor: int) -> None:
    """Make a terminal the one whose keys become signals."""
    import fcntl
    import termios

    fcntl.ioctl(descriptor, termios.TIOCSCTTY, 0)


@pytest.fixture
def terminals() -> Iterator[contextlib.ExitStack]:
    """Whatever a test opens is closed."""
    with contextlib.ExitStack() as opened:
        yield opened


def opened(terminals: contextlib.ExitStack, root: Path, *words: str, **more: str) -> Terminal:
    return terminals.enter_context(contextlib.closing(Terminal(root, *words, **more)))


def test_progress_draws_bars_and_colours(
    terminals: contextlib.ExitStack, small: SmallCourse, labsupport: Run
) -> None:
    small.save("first", DOUBLE)
    labsupport("check", "first", cwd=small.root)
    drawn = opened(terminals, small.root, "progress")
    assert drawn.ended() == 0
    assert ESCAPE.search(drawn.raw)
    assert "━━━" in drawn.text
    assert max(map(len, drawn.text.splitlines())) <= 80
    piped = labsupport("progress", cwd=small.root).stdout
    assert not ESCAPE.search(piped)
    assert "━" not in piped
    for line in piped.splitlines():  # the same words, but for the bars
        for word in line.split():
            assert word.strip(":") in drawn.text


def test_doctor_draws_in_colour_and_fits_in(
    terminals: contextlib.ExitStack, small: SmallCourse
) -> None:
    for checks in small.root.rglob("checks.py"):
        checks.unlink()
    drawn = opened(terminals, small.root, "doctor")
    assert drawn.ended() == 1
    assert re.search(r"\x1b\[[0-9;]*31m\s*missing", drawn.raw)
    assert "There is no exercise here." in drawn.text
    for what in LOOKS.keys() - INSTRUCTORS:
        assert what in drawn.text
    assert max(map(len, drawn.text.splitlines())) <= 80
    assert "The course does not run here" in drawn.text


def test_no_color_is_respected(terminals: contextlib.ExitStack, small: SmallCourse) -> None:
    for words in (["progress"], ["watch"]):
        drawn = opened(terminals, small.root, *words, NO_COLOR="1")
        drawn.wait_until_said("first")
        if words == ["watch"]:
            drawn.wait_until_said("Ctrl-C ends the watch.")
            drawn.type(b"\x03")
        assert drawn.ended() == 0
        colours = re.findall(r"\x1b\[([0-9;]*)m", drawn.raw)
        assert {code for each in colours for code in each.split(";")} <= {"0", "1", "2", ""}


def test_watch_draws_a_bar_and_ctrl_c_ends_it(
    terminals: contextlib.ExitStack, small: SmallCourse
) -> None:
    watched = opened(terminals, small.root, "watch")
    watched.wait_until_said("Ctrl-C ends the watch.")
    assert "━━━" in watched.text
    assert "0 of 3 exercises passed." in watched.text
    small.save("first", WRONG)
    watched.wait_until_said("1 of 3 points.")
    small.save("first", DOUBLE)
    watched.wait_until_said("Waiting for a save of exercises/01_second/second.ipynb.")
    watched.type(b"\x03")
    assert watched.ended() == 0
    assert watched.text.endswith("\nThe watch has ended.\n")
    assert "Traceback" not in watched.text


def test_a_terminal_that_is_closed_ends_the_watch(
    terminals: contextlib.ExitStack, small: SmallCourse
) -> None:
    watched = opened(terminals, small.root, "watch")
    watched.wait_until_said("Ctrl-C ends the watch.")
    started = psutil.Process(watched.process.pid).children(recursive=True)
    assert started
    watched.hang_up()
    assert watched.ended() == 0
    assert psutil.wait_procs(started, timeout=PATIENCE)[1] == []
