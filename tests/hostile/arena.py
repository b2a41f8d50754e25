"""Where attacks are judged at one level: what is there to be stolen, and what must hold afterwards."""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import secrets
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from labsupport.checking import Answer, EngineError, Report, check
from labsupport.checking.engine import shut_down
from labsupport.checking.feedback import as_html, as_text
from labsupport.checking.judge import LOADING, PATIENCE
from labsupport.checking.showing import clean
from tests.checking.course import Course
from tests.hostile import not_survived
from tests.hostile.attack import CALLED, NOT_PASSED, WON, Attack

__all__ = ["DESCRIPTORS", "Arena"]

DESCRIPTORS = 1024  # what many systems permit the judge
PLENTY = 20.0  # seconds for an attack that is expected to succeed
SLACK = 10.0  # seconds for judging an attack, beside the deadlines of loading and check
LONGEST = 100_000  # bytes of a report

SLIPS = "NameError|UnboundLocalError|AttributeError|TypeError|IndexError|KeyError"

HONEST = """\
import asyncio, json, os, socket, tempfile, threading
def f():
    found = os.listdir()
    with open("mine", "w") as file: file.write("{loot}")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with socket.create_connection(listener.getsockname()) as one, listener.accept()[0] as other:
            one.sendall(json.dumps(found).encode())
            return 42 if json.loads(other.recv(1000)) == [] else found
"""


class Arena:
    """A user with secrets, who judges answers. Use it as a context manager."""

    def __init__(self, level: int, folder: Path) -> None:
        self.level = level
        self.mark = f"hostile-{secrets.token_hex(8)}"
        self.loot = {
            what: f"loot-{secrets.token_hex(16)}"
            for what in ("a file", "the checks", "a solution", "the environment", "a server",
                         "a UNIX socket", "an abstract socket", "another answer")
        }  # fmt: skip
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        self.course = Course(folder / "course")
        self.course.write(self.course.source + f'\nLOOT = "{self.loot["the checks"]}"\n')
        self._source = self.course.source
        self._file = folder / "file"
        self._file.write_text(self.loot["a file"])
        self._solution = folder / "course" / "solution.py"
        self._solution.write_text(self.loot["a solution"])
        self._servers = _Servers(folder, self.loot)
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Arena:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(DESCRIPTORS, hard), hard))
        patch = self._stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(tempfile, "tempdir", str(self.temporary))
        patch.setenv("TMPDIR", str(self.temporary))
        patch.setenv("LOOT", self.loot["the environment"])
        patch.setenv("LABSUPPORT_LEVEL", str(self.level))
        patch.setenv(
            "PATH", f"{os.environ['PATH']}{os.pathsep}/{self.mark}"
        )  # an answer has it too
        self._stack.enter_context(self._servers)
        self._stack.enter_context(_a_program_of_the_user())
        shut_down()
        self._stack.callback(shut_down)
        assert self.judge(HONEST, CALLED, 5.0).level["number"] == self.level
        return self

    def __exit__(self, *details: object) -> None:
        self._stack.__exit__(*details)  # type: ignore[arg-type]

    def told(self) -> dict[str, Any]:
        """What an attacker may know of the world outside: that is no secret."""
        return {
            "files": [str(self._file), str(self._solution), str(self.course.folder / "checks.py")],
            "mark": self.mark,
            "folders": [str(self.temporary), "/tmp", "/var/tmp", "/dev/shm", str(Path.home())],
            "port": self._servers.port,
            "sockets": self._servers.paths,
            # Where TCP holds so much in the whole system, all are kept short (tcp_mem in tcp(7)).
            "pages": psutil.virtual_memory().total // 16 // resource.getpagesize(),
        }

    def judge(self, answer: str, body: str, deadline: float) -> Report:
        """Judge an answer by a check."""
        self.course.write(self._source)
        self.course.add("works", body, deadline=deadline)
        return check(Answer.from_cell(answer, "demo"), self.course.folder)

    def honest(self) -> str:
        """What is wrong when an honest answer is judged; empty when nothing is."""
        try:
            report = self.judge(HONEST.format(loot=self.loot["another answer"]), CALLED, 5.0)
        except EngineError as error:
            return f"the next answer is not judged: {error}"
        if report.level["number"] != self.level:
            return f"the next answer is judged at another level: {report.level}"
        return "" if report.passed else f"the next answer does not pass: {report}"

    def faults(self, attack: Attack) -> list[str]:
        """What is not as it should be: an attack is survived, or it is listed as one that is not."""
        if attack.name in not_survived(self.level):
            found = self.problems(replace(attack, deadline=PLENTY))
            return [] if found else ["it is survived: take it off the list"]
        return self.problems(attack)

    def problems(self, attack: Attack) -> list[str]:
        """What an attack did that it must not be able to do; empty when it was survived."""
        before = self.processes() | _judges()
        begun = time.monotonic()
        found = []
        try:
            report = self.judge(attack.source(self.told()), attack.check, attack.deadline)
            found += self._wrong_with(report, attack)
        except EngineError as error:
            found.append(f"not judged: {error}")
        took = time.monotonic() - begun
        if took > sum(PATIENCE) * (LOADING + attack.deadline) + len(PATIENCE) * SLACK:
            found.append(f"judging it took {took:.1f} s")
        found += [said for said in [self.honest()] if said]
        found += [f"left {path}" for path in self.strays()]
        found += [f"left the process {_command(pid)}" for pid in self.lasting(before)]
        if self.level > 1 and _judges() - before:
            found.append("its judge had to be replaced")
        return found

    def _wrong_with(self, report: Report, attack: Attack) -> Iterator[str]:
        (result,) = report.results
        data, text, html = json.dumps(report.to_dict()), as_text(report), as_html(report)
        busy = result.verdict == "inconclusive" and "machine was too busy" in result.said
        if result.verdict not in attack.verdicts and not busy:
            yield f"the verdict is {result.verdict}: {result}"
        slip = re.search(f"raised ({SLIPS})", result.said + report.problem)
        if (
            not attack.bare
            and attack.verdicts == NOT_PASSED
            and (slip or report.problem_kind == "syntax")
        ):
            yield f"the attack itself is wrong: {report.problem or result.traceback}"
        if WON in data:
            yield "it says that it succeeded"
        yield from (f"read {what}" for what in self.leaked(report))
        if clean(text) != text or clean(html) != html:
            yield "its feedback has control characters"
        if "<script" in html:
            yield "its feedback is not escaped"
        if len(data) > LONGEST:
            yield f"its report has {len(data):,} bytes"

    def leaked(self, report: Report) -> list[str]:
        """Which secrets stand in a report."""
        data = json.dumps(report.to_dict())
        return [what for what, loot in self.loot.items() if loot in data]

    def processes(self) -> set[int]:
        """The judges of this arena, and all that they started; found by their environment."""
        found = set()
        for name in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                if self.mark.encode() in Path(f"/proc/{name}/environ").read_bytes():
                    found.add(int(name))
        return found - {os.getpid()}

    def lasting(self, before: set[int]) -> set[int]:
        """Processes that were not there before and do not end by themselves within a moment.

        A judge that came in the place of another one is none of them, nor is a judge's worker.
        """
        until = time.monotonic() + 2.0
        while True:
            left = self.processes() - before - _with_parts(_judges() - before) - _workers()
            if not left or time.monotonic() > until:
                return left
            time.sleep(0.02)

    def strays(self) -> list[Path]:
        """Files that were left; they are removed, so that each attack is charged with its own."""
        found = list(self.temporary.iterdir())
        for folder in map(Path, self.told()["folders"][1:]):
            found += folder.glob(f"*{self.mark}*")
        for path in found:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()
        return found


@contextlib.contextmanager
def _a_program_of_the_user() -> Iterator[None]:
    """Something that was started with the user's environment and does not hide, as judges do."""
    waits = [sys.executable, "-c", "input()"]
    with subprocess.Popen(waits, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL):
        yield


def _judges() -> set[int]:
    """The judges of this process. They hide from their own user: no environment tells of them."""
    return {judge.pid for judge in psutil.Process().children()}


def _with_parts(judges: set[int]) -> set[int]:
    """Judges and what they keep beside them while they wait."""
    found = set(judges)
    for pid in judges:
        with contextlib.suppress(psutil.NoSuchProcess):
            found |= {part.pid for part in psutil.Process(pid).children()}
    return found


def _workers() -> set[int]:
    """What the judges have forked of themselves."""
    parts = _with_parts(_judges()) - _judges()
    return {pid for pid in parts if "labsupport.checking.judge" in _command(pid)}


def _command(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")[-200:].decode()
    return f"{pid}, which has ended now"


class _Servers:
    """What listens on this machine; it gives its loot to whoever connects."""

    def __init__(self, folder: Path, loot: dict[str, str]) -> None:
        self._chooser = selectors.DefaultSelector()
        tcp = socket.create_server(("127.0.0.1", 0))
        self.port: int = tcp.getsockname()[1]
        self.paths = [str(folder / "socket"), f"\0{folder}"]
        self._serve(tcp, loot["a server"])
        for path, what in zip(self.paths, ("a UNIX socket", "an abstract socket"), strict=True):
            sock = socket.socket(socket.AF_UNIX)
            sock.bind(path)
            sock.listen()
            self._serve(sock, loot[what])
        self._end, self._ended = socket.socketpair()

    def _serve(self, listener: socket.socket, loot: str) -> None:
        self._chooser.register(listener, selectors.EVENT_READ, loot.encode())

    def __enter__(self) -> None:
        self._chooser.register(self._ended, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while True:
            for key, _ in self._chooser.select():
                if key.data is None:
                    return
                connection, _ = key.fileobj.accept()  # type: ignore[union-attr]
                with connection:
                    connection.sendall(key.data)

    def __exit__(self, *details: object) -> None:
        self._end.close()
        self._thread.join()
        for key in list(self._chooser.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        self._chooser.close()
