"""The environment is made whole or not at all, once, whatever interrupts it.

The tests of this file share one tiny course and run in order: each starts from an environment that
is ready, and leaves one.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.setup.conftest import INSTALLED, Course

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def made(output: str) -> bool:
    """Whether this run installed anything."""
    return "making .venv" in output or "Adding to .venv" in output


@contextlib.contextmanager
def gate() -> Iterator[socket.socket]:
    """A listener at which the builder waits in the middle of an installation."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(INSTALLED)
        yield listener


def closed_port() -> int:
    """A port of 127.0.0.1 at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def kill(process: subprocess.Popen[str]) -> None:
    """kill -9, and collect what is left of it; the orphaned pip may still hold the output open."""
    process.kill()
    process.wait(10)


def leftovers(course: Course) -> list[str]:
    """Files and folders that an installation made beside .venv."""
    return sorted(path.name for path in course.root.glob(".venv*"))


def test_two_first_starts_at_once_install_once_and_both_open_the_course(course: Course) -> None:
    with gate() as listener:
        port = str(listener.getsockname()[1])
        first = course.start("lab", "--no-browser", BUILDER_GATE=port)
        held, _ = listener.accept()
        second = course.start("lab", "--no-browser")
        assert second.stdout is not None
        waits = second.stdout.readline()
        held.close()
        said_first, _ = first.communicate(timeout=INSTALLED)
        said_second, _ = second.communicate(timeout=INSTALLED)
    assert "Another installation is at work" in waits
    assert (first.returncode, second.returncode) == (0, 0), said_first + said_second
    assert made(said_first)
    assert not made(said_second)
    for said in (said_first, said_second):
        assert "started labsupport.lab ['--no-browser']" in said
        assert f"prefix {course.root / '.venv'}" in said
    assert leftovers(course) == [".venv", ".venv-lock"]


def test_a_second_start_installs_nothing(course: Course) -> None:
    before = course.stamp.stat()
    code, said = course.run("lab")
    assert (code, made(said)) == (0, False), said
    assert course.stamp.stat() == before


def test_test_adds_its_packages_to_the_same_environment_and_lab_accepts_it(course: Course) -> None:
    folder = course.stamp.parent.stat().st_ino
    code, said = course.run("test", "--all")
    assert code == 0, said
    assert "Adding to .venv" in said
    assert "started tests.everything ['--all']" in said
    assert course.stamp.parent.stat().st_ino == folder
    assert_nbgrader_lies_apart(course)
    code, said = course.run("lab")
    assert (code, made(said)) == (0, False), said


def assert_nbgrader_lies_apart(course: Course) -> None:
    """In a folder of its own, and without what it needs; nothing of it where programs look."""
    apart = course.stamp.parent / "nbgrader"
    assert (apart / "toyapart.py").is_file()
    assert not (apart / "toy.py").exists()
    assert list(course.stamp.parent.rglob("toyapart.py")) == [apart / "toyapart.py"]


def test_changed_pins_without_a_network_are_a_clear_message_and_lose_nothing(
    course: Course,
) -> None:
    pins = course.pins.read_text()
    index = f"http://127.0.0.1:{closed_port()}/simple"
    course.pins.write_text(pins + "other==1.0\n")
    offline = {"PIP_NO_INDEX": "", "PIP_FIND_LINKS": "", "PIP_RETRIES": "1"}
    code, said = course.run("lab", PIP_INDEX_URL=index, **offline)
    assert code == 1
    assert "The package index cannot be reached." in said
    assert "needs a network" in said
    assert "Traceback" not in said
    assert leftovers(course) == [".venv", ".venv-lock"]
    course.pins.write_text(pins)
    code, said = course.run("lab", PIP_INDEX_URL=index, **offline)
    assert (code, made(said)) == (0, False), said


@pytest.mark.skipif(sys.platform == "win32", reason="an orphan inherits the lock on POSIX only")
def test_after_kill_9_in_the_middle_the_next_start_waits_for_the_orphan_and_installs_again(
    course: Course,
) -> None:
    course.pins.write_text(course.pins.read_text() + "# changed\n")
    with gate() as listener:
        killed = course.start("lab", BUILDER_GATE=str(listener.getsockname()[1]))
        orphan, _ = listener.accept()
        kill(killed)
        assert json.loads(course.stamp.read_text())["state"] == "building"
        assert ".venv-before" in leftovers(course)
        following = course.start("test")
        assert following.stdout is not None
        assert "Another installation is at work" in following.stdout.readline()
        orphan.close()
    said, _ = following.communicate(timeout=INSTALLED)
    assert killed.stdout is not None
    killed.stdout.close()
    assert following.returncode == 0, said
    assert "The last installation was interrupted" in said
    assert "started tests.everything" in said
    assert_nbgrader_lies_apart(course)
    assert leftovers(course) == [".venv", ".venv-lock"]


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT, as Ctrl-C does on POSIX")
def test_ctrl_c_in_the_middle_brings_the_former_environment_back(course: Course) -> None:
    pins = course.pins.read_text()
    stamp = course.stamp.read_bytes()
    course.pins.write_text(pins + "# changed again\n")
    with gate() as listener:
        process = course.start("lab", BUILDER_GATE=str(listener.getsockname()[1]))
        held, _ = listener.accept()
        with held:
            process.send_signal(signal.SIGINT)
            said, _ = process.communicate(timeout=INSTALLED)
    course.pins.write_text(pins)
    assert process.returncode == 130
    assert "Nothing was lost" in said
    assert course.stamp.read_bytes() == stamp
    assert leftovers(course) == [".venv", ".venv-lock"]


def test_here_uses_the_python_that_runs_it_and_makes_no_environment(
    course: Course, tmp_path: Path
) -> None:
    tiny = Course(tmp_path / "course")
    toys = os.pathsep.join([str(tiny.root / "wheels" / "toy-1.0-py3-none-any.whl")])
    code, said = tiny.run("lab", "--here", PYTHONPATH=toys)
    assert code == 0, said
    assert f"prefix {sys.prefix}\n" in said
    assert leftovers(tiny) == []
