"""What an answer's process says and does beside its answer is bounded, checked, and not believed.

The answers here reach for the host around them, which they can: it is their own process. What must
hold is that the verdict stays right, that the run ends, and that no check becomes inconclusive.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labsupport.checking import Result
from labsupport.checking.lines import Lines

Judged = Callable[..., Result]
KEY = "5a" * 32

# In an answer: the host around it, and a message of any content in its name.
HOST = """
import gc
host = next(each for each in gc.get_objects() if type(each).__name__ == "Host")
asked = []
dispatch = host._dispatch
def watch(message, source):
    asked.append(message)
    dispatch(message, source)
host._dispatch = watch
"""

# An answer that writes a verdict of its own into every pipe of the processes around it.
FORGER = """
import json, os
def f():
    passed = {"event": "result", "result": {"name": "works", "points": 2, "verdict": "passed",
              "seed": 1}}
    end = {"event": "end", "level": {}, "problem": ""}
    lines = "".join(json.dumps(each) + "\\n" for each in (passed, end)).encode() + b"{"
    judge = os.getppid()
    with open(f"/proc/{judge}/stat") as file:
        caller = int(file.read().rpartition(")")[2].split()[1])
    for pid in (judge, caller):
        try: numbers = os.listdir(f"/proc/{pid}/fd")
        except OSError: continue
        for number in numbers:
            path = f"/proc/{pid}/fd/{number}"
            try:
                if not os.readlink(path).startswith("pipe:"): continue
                pipe = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
                os.write(pipe, lines)
                os.close(pipe)
            except OSError: continue
    return 0
"""


def test_signed_lines_are_read_in_their_order() -> None:
    judge, caller = Lines(KEY), Lines(KEY)
    for message in ({"event": "plan"}, {"event": "end", "said": "ü\n"}):
        assert caller.read(judge.written(message)) == message


def test_a_line_that_the_judge_did_not_write_is_dropped() -> None:
    judge, caller = Lines(KEY), Lines(KEY)
    first = judge.written({"verdict": "failed"})
    for forged in (
        b"",
        b"\n",
        b'{"verdict": "passed"}\n',
        first.replace(b"failed", b"passed"),
        Lines("00" * 32).written({"verdict": "passed"}),
    ):
        assert caller.read(forged) is None
    assert caller.read(first) == {"verdict": "failed"}
    assert caller.read(first) is None, "the same line again"


def test_after_a_line_was_taken_away_nothing_more_is_believed() -> None:
    judge, caller = Lines(KEY), Lines(KEY)
    judge.written({"verdict": "failed"})
    assert caller.read(judge.written({"verdict": "passed"})) is None


@pytest.mark.linux
def test_lines_written_into_the_pipes_of_judge_and_caller_forge_nothing(
    course: Any, tmp_path: Path
) -> None:
    course.add("works", 'assert_equal(await answer.call("f"), 1, "f gives 1")', points=2)
    answer = tmp_path / "answer.py"
    answer.write_text(FORGER)
    # In a process of its own, whose only pipes are those to the judge.
    with (tmp_path / "said").open("w+") as said:
        done = subprocess.run(
            [sys.executable, "-m", "labsupport.cli", "check", "demo", str(answer)],
            cwd=course.folder,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            timeout=50,
        )
        said.seek(0)
        text = said.read()
    assert done.returncode == 1, text
    assert "failed        0 of 2  works" in text
    assert "F gives 1." in text


@pytest.mark.linux
def test_the_memory_and_descriptors_of_a_judge_are_for_nobody_else(course: Any) -> None:
    course.add("works", 'assert_equal(open("/proc/self/fd/0") and await answer.call("f"), 0, "")')
    if os.getuid() == 0:
        pytest.skip("the superuser may read every process")
    report = course.judge(
        """
        import os
        def f():
            for part in ("mem", "environ", "fd/0"):
                try: open(f"/proc/{os.getppid()}/{part}", "rb").read(1)
                except PermissionError: continue
                return 1
            return 0
        """
    )
    assert report.passed, report.results


def test_a_folder_deeper_than_python_recurses_is_removed(
    judged: Judged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    result = judged(
        'await answer.call("f")',
        """
        import os
        def f():
            for _ in range(1200):
                os.mkdir("d")
                os.chdir("d")
                open("file", "w").close()
        """,
        deadline=20.0,
    )
    assert result.verdict == "passed", result
    assert [each.name for each in tmp_path.iterdir()] == ["course"]


@pytest.mark.skipif(os.name != "posix", reason="Windows lets few users make symbolic links")
def test_a_folder_that_became_a_link_costs_only_the_link(
    judged: Judged,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    at_level: Callable[[int], None],
) -> None:
    at_level(1)
    kept = tmp_path / "kept"
    kept.mkdir(mode=0o750)
    (kept / "file").touch()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    result = judged(
        'await answer.call("f")',
        f"""
        import os
        def f():
            os.makedirs("below/closed")
            os.chmod("below/closed", 0)
            here = os.getcwd()
            os.rename(here, here + "-before")
            os.symlink({str(kept)!r}, here)
        """,
    )
    assert result.verdict == "passed", result
    assert (kept / "file").exists()
    assert kept.stat().st_mode & 0o777 == 0o750
    assert sorted(each.name for each in tmp_path.iterdir()) == ["course", "kept"]


@pytest.mark.parametrize("port", ["'80'", "None", "-1", "2**70", "True", "[80]"])
def test_a_port_that_is_none_is_a_crash(judged: Judged, port: str) -> None:
    result = judged(
        "async with answer.handling() as peer: await peer.connect()",
        f"{HOST}\nhost._accept = lambda request: {{'op': 'done', 'value': {port}}}\n"
        "def handle(connection): pass",
    )
    assert result.verdict == "crashed", result


@pytest.mark.parametrize("number", ["'2'", "None", "0", "2**70", "1"])
def test_an_outcome_of_no_connection_is_a_crash(judged: Judged, number: str) -> None:
    result = judged(
        """
        async with answer.handling() as peer:
            await peer.connect()
            await peer.all_handled()
            await peer.all_handled(2)
        """,
        HOST
        + f"""
def handle(connection):
    call = next(each["id"] for each in asked if each["op"] == "accept")
    if {number} != 1: host.send({{"op": "outcome", "id": call, "number": 1, "raised": None}})
    host.send({{"op": "outcome", "id": call, "number": {number}, "raised": None}})
""",
    )
    assert result.verdict == "crashed", result


@pytest.mark.parametrize("value", ["[]", "[1]", "[1, 2, 3]", "None", "{1: 2}"])
def test_a_wrong_number_of_results_is_a_crash(judged: Judged, value: str) -> None:
    result = judged(
        'one, two = await answer.map("f", [1, 2])',
        f"{HOST}\nhost._map = lambda request: {{'op': 'done', 'value': {value}}}\ndef f(x): pass",
    )
    assert result.verdict == "crashed", result


@pytest.mark.parametrize("line", ["10**4000", "-3", "True", "'7'"])
def test_a_line_that_cannot_be_is_left_out(judged: Judged, line: str) -> None:
    result = judged(
        'await answer.call("f")',
        f"""{HOST}
described = host._described
host._described = lambda error: described(error) | {{"line": {line}}}
def f(): raise ValueError("wrong")
""",
    )
    assert (result.verdict, result.said) == ("crashed", "your answer raised ValueError")


@pytest.mark.parametrize(
    "kind",
    [
        "class Lying(Exception):\n    __class__ = ExceptionGroup",
        "class Lying(Exception):\n    def __str__(self): raise SystemExit",
        "class Lying(Exception):\n    @property\n    def name(self): raise KeyError",
        "class Meta(type):\n    __mro__ = None\nclass Lying(Exception, metaclass=Meta): pass",
        "class Text(str):\n    def __len__(self): raise OSError\n"
        "class Lying(Exception):\n    def __str__(self): return Text('a')",
    ],
)
def test_an_exception_that_lies_about_itself_is_a_crash(judged: Judged, kind: str) -> None:
    result = judged('await answer.call("f")', f"{kind}\ndef f(): raise Lying()", deadline=3.0)
    assert result.verdict == "crashed", result


def test_frames_without_end_do_not_hold_up_the_deadline(judged: Judged) -> None:
    result = judged(
        'await answer.call("f")',
        HOST
        + """
def f():
    frame = __import__("_host.wire").wire.pack({"op": "done", "id": 0, "value": None}) * 500
    with host.sending:
        while True: host.channel.sendall(frame)
""",
        deadline=1.0,
    )
    assert result.verdict == "timed out", result


@pytest.mark.linux
def test_a_spare_that_an_answer_kills_is_replaced(course: Any) -> None:
    for name in ("first", "second"):
        course.add(name, 'assert_equal(await answer.call("f"), 0, "f gives 0")')
    report = course.judge(
        """
        import os, signal
        def f():
            with open(f"/proc/{os.getppid()}/task/{os.getppid()}/children") as file:
                others = [int(word) for word in file.read().split()]
            for pid in others:
                if pid != os.getpid(): os.kill(pid, signal.SIGKILL)
            return 0
        """
    )
    assert report.passed, report.results


def test_connections_without_end_fail_the_check(judged: Judged) -> None:
    result = judged(
        """
        async def script(conn, number):
            await conn.hold()
        async with answer.facing(script) as (host, port):
            await answer.call("f", host, port)
        """,
        """
        import socket
        kept = []
        def f(host, port):
            while True: kept.append(socket.create_connection((host, port)))
        """,
        deadline=20.0,
    )
    assert (result.verdict, result.got) == ("failed", "one more"), result


@pytest.mark.skipif(sys.platform == "win32", reason="a reset needs a connection that is accepted")
def test_connections_that_are_reset_at_once_leave_the_check_listening(judged: Judged) -> None:
    result = judged(
        """
        async def script(conn, number):
            if number == 51:
                await conn.send(b"here")
        async with answer.facing(script) as (host, port):
            assert_equal(await answer.call("f", host, port), b"here", "the check still listens")
        """,
        """
        import socket, struct
        def f(host, port):
            for _ in range(50):
                sock = socket.create_connection((host, port))
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                sock.close()
            with socket.create_connection((host, port), timeout=3) as sock:
                return sock.recv(10)
        """,
    )
    assert result.verdict == "passed", result


def test_what_an_answer_says_while_it_is_loaded_does_not_look_like_the_report(course: Any) -> None:
    from labsupport.checking.feedback import as_text

    course.add("works", 'await answer.call("f")')
    text = as_text(course.judge('raise ValueError("\\n\\n1 of 1 points.\\n")'))
    assert "0 of 1 points." in text.splitlines()
    assert "1 of 1 points." not in text.splitlines()
