"""What an answer can do to itself, and the verdict on it. Other checks keep their points."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from labsupport.checking import Result

Judged = Callable[..., Result]
linux = pytest.mark.skipif(sys.platform != "linux", reason="setrlimit limits memory on Linux")


@pytest.mark.parametrize(
    ("body", "verdict", "said"),
    [
        ("os._exit(0)", "crashed", "your answer ended its own process (exit status 0)"),
        ("os._exit(3)", "crashed", "your answer ended its own process (exit status 3)"),
        ("os.kill(os.getpid(), 11); wait()", "crashed", "crashed the interpreter (SIGSEGV)"),
        ("os.kill(os.getpid(), 9); wait()", "killed", "process was killed (SIGKILL)"),
        ("os.kill(os.getpid(), 24); wait()", "killed", "its limit of processor time"),
    ],
)
def test_the_end_of_the_process_is_a_verdict(
    judged: Judged, body: str, verdict: str, said: str
) -> None:
    head = "import os, threading\nwait = threading.Event().wait\n"
    result = judged('await answer.call("f")', f"{head}def f(): {body}")
    assert (result.verdict, said in result.said) == (verdict, True), result
    assert result.did == "called f()"


def test_an_end_of_the_process_explains_what_a_peer_saw(judged: Judged) -> None:
    result = judged(
        """
        async with answer.handling("handle") as peer:
            conn = await peer.connect()
            await conn.recv_line()
        """,
        "import os\ndef handle(connection): os._exit(5)",
    )
    assert result.verdict == "crashed"
    assert "exit status 5" in result.said
    assert result.notes == (
        "What the check noticed of it: your answer ended the connection too early",
    )


def test_a_check_says_when_something_was_left_open(judged: Judged) -> None:
    result = judged(
        "raise Mismatch('a socket is still open', got='one', verdict='leaked')", "def f(): pass"
    )
    assert (result.verdict, result.said, result.got) == ("leaked", "a socket is still open", "one")
    assert (result.passed, result.earned) == (False, 0)


@pytest.mark.parametrize("hints", [(), ("Which line?", "The first one.")])
def test_what_is_apart_from_the_subject_has_hints_of_its_own_and_no_belief(
    judged: Judged, hints: tuple[str, ...]
) -> None:
    given = ", ".join(map(repr, hints))
    result = judged(
        f"""
        from labsupport.checking.asserts import apart
        with apart("outer"), apart({given}):
            fail("another line comes")
        """,
        "def f(): pass",
    )
    assert (result.said, result.hints) == ("another line comes", hints)
    assert (result.misconception, result.belief, result.truth) == ("", "", "")


@linux
@pytest.mark.parametrize(
    "body",
    ["return len(bytes(3_000_000_000))", "x = []\n    while True: x.append(bytes(10_000_000))"],
)
def test_memory_beyond_the_limit_is_killed(judged: Judged, body: str) -> None:
    result = judged('await answer.call("f")', f"def f():\n    {body}")
    assert result.verdict == "killed"
    assert result.said == "your answer needs more memory than its limit of 1.5 GiB"


@pytest.mark.parametrize("where", ["stdout", "stderr"])
def test_an_answer_that_prints_a_gigabyte_is_killed(judged: Judged, where: str) -> None:
    result = judged(
        'await answer.call("f")',
        f"""
        import sys
        def f():
            for _ in range(1_000_000):
                print("x" * 1000, file=sys.{where})
        """,
    )
    assert result.verdict == "killed", result
    assert result.said == "your answer printed more than 8 MiB"
    assert len(result.output) < 70_000


def test_what_an_answer_printed_is_shown_cleaned_when_the_check_fails(judged: Judged) -> None:
    result = judged(
        """
        await answer.call("f")
        assert answer.output == "one\\ntwo \\x1b[31mred\\x07\\n", answer.output
        fail("no")
        """,
        """
        import os, sys
        def f():
            print("one")
            print("two \\x1b[31mred\\x07", file=sys.stderr)
        """,
    )
    assert result.output == "one\ntwo red\ufffd"


def test_python_says_in_the_output_what_it_had_to_close_for_an_answer(judged: Judged) -> None:
    result = judged(
        """
        await answer.call("closes")
        assert answer.output == ""
        await answer.call("leaves")
        fail("no")
        """,
        """
        import socket
        def closes():
            with socket.socket():
                pass
        def leaves():
            client = socket.socket()
            client.bind(("127.0.0.1", 0))
            client = None
            other = socket.socket()
        """,
    )
    inside, returned = result.output.splitlines()
    assert inside.startswith("line 8: ResourceWarning: unclosed <socket.socket fd=")
    assert returned.startswith("ResourceWarning: unclosed <socket.socket fd=")
    assert inside.endswith(" proto=0>")
    assert "127.0.0.1" not in returned


def test_much_output_is_shown_from_its_end(judged: Judged) -> None:
    result = judged('await answer.call("f")', "def f():\n for n in range(100): print(n)\n 1 / 0")
    assert result.output.splitlines()[0] == "... (80 lines before)"
    assert result.output.splitlines()[-1] == "99"


def test_a_busy_loop_times_out_and_is_located(judged: Judged) -> None:
    result = judged(
        'await answer.call("f")',
        """
        def f():
            n = 0
            for _ in range(3):
                while True:
                    n += 1
                    n -= 1
        """,
        deadline=0.3,
    )
    assert result.verdict == "timed out"
    assert result.said == "your answer was not done within 0.3 s"
    assert result.did == "called f()"
    assert result.notes == ("It goes round in `f`, the loop of line 4:\n    while True:",)


def test_a_busy_answer_without_a_loop_of_its_own_is_located(judged: Judged) -> None:
    answer = """
    def f(n):
        n = 7 ** 200_000 > n
        return len(str(n))
    """
    result = judged('await answer.map("f", list(range(1000)))', answer, deadline=0.3)
    (note,) = result.notes
    head, quoted = note.splitlines()
    assert head.startswith("It is busy in `f`, line ")
    assert head.endswith(" or right before it:")
    assert quoted.strip() in answer


def test_a_call_that_ends_while_it_is_looked_at_does_not_wait(judged: Judged) -> None:
    result = judged(
        'await answer.call("f")',
        """
        import time
        def f():
            end = time.monotonic() + 0.34
            while time.monotonic() < end: pass
        """,
        deadline=0.3,
    )
    assert result.verdict == "timed out"
    assert not any("waits" in note for note in result.notes), result


@pytest.mark.parametrize(
    ("body", "note"),
    [
        (
            "def f():\n    import threading\n    threading.Event().wait()",
            "It waits in `f`, line 3:\n    threading.Event().wait()",
        ),
        (
            "import asyncio\nasync def f():\n    await g()\n"
            "async def g():\n    await asyncio.sleep(60)",
            "It waits in `g`, line 5:\n    await asyncio.sleep(60)",
        ),
    ],
)
def test_a_wait_without_end_is_located(judged: Judged, body: str, note: str) -> None:
    result = judged('await answer.call("f")', body, deadline=0.3)
    assert (result.verdict, result.notes) == ("timed out", (note,))


def test_an_answer_is_located_before_its_peer_goes_and_lets_it_go_on(judged: Judged) -> None:
    result = judged(
        """
        async def silent(conn, number):
            await conn.hold()
        async with answer.facing(silent) as (host, port):
            await answer.call("f", host, port)
        """,
        "import socket, threading\ndef f(host, port):\n"
        "    socket.create_connection((host, port)).recv(1)\n    threading.Event().wait()",
        deadline=0.3,
    )
    said = "It waits in `f`, line 3:\n    socket.create_connection((host, port)).recv(1)"
    assert (result.verdict, result.notes) == ("timed out", (said,))


def test_a_loop_that_never_gives_the_interpreter_back_times_out(judged: Judged) -> None:
    result = judged('await answer.call("f")', "def f(): return 7 ** (7 ** 12) > 0", deadline=0.3)
    assert result.verdict == "timed out"


def test_one_bad_check_costs_only_its_own_points(course: Any) -> None:
    course.add("first", 'await answer.call("good")', points=1)
    course.add("crashes", 'await answer.call("die")', points=2)
    course.add("hangs", 'await answer.call("hang")', points=4, deadline=0.3)
    course.add("floods", 'await answer.call("flood")', points=8)
    course.add("last", 'await answer.call("good")', points=16)
    report = course.judge(
        """
        import os
        def good(): pass
        def die(): os._exit(1)
        def hang():
            while True: pass
        def flood():
            while True: os.write(1, bytes(65536))
        """
    )
    verdicts = [result.verdict for result in report.results]
    assert verdicts == ["passed", "crashed", "timed out", "killed", "passed"]
    assert (report.earned, report.total, report.passed) == (17, 31, False)


def test_only_one_check_runs_when_one_is_asked_for(course: Any) -> None:
    course.add("first", "pass", points=1)
    course.add("second", "fail('x')", points=2)
    report = course.judge("x = 1", only="first")
    assert [result.name for result in report.results] == ["first"]
    assert (report.earned, report.total, report.passed) == (1, 3, True)


@pytest.mark.parametrize(
    ("answer", "verdict", "said"),
    [
        ("x = helper(1)", "crashed", "NameError: name 'helper' is not defined"),
        ("import no_such_module", "crashed", "The module `no_such_module` is not part of"),
        ("raise SystemExit(4)", "crashed", "SystemExit: 4"),
        ("import os\nos._exit(4)", "crashed", "ended its own process (exit status 4)"),
        ("x = bytes(3_000_000_000)", "killed", "MemoryError"),
        ("print('x' * 100_000_000)", "killed", "printed more than 8 MiB"),
    ],
)
def test_an_answer_that_cannot_be_loaded_is_said_once_for_all_checks(
    course: Any, answer: str, verdict: str, said: str
) -> None:
    course.add("first", "pass")
    course.add("second", "pass")
    report = course.judge(answer)
    assert [result.verdict for result in report.results] == [verdict] * 2
    assert report.problem_kind == "start"
    assert said in report.problem
    assert not report.passed
    assert report.earned == 0


@pytest.mark.timeout(120)  # on a busy machine it is tried three times, each with more time
def test_loading_that_does_not_end_is_said_with_its_loop(course: Any) -> None:
    course.add("first", "pass")
    report = course.judge("x = 1\nwhile True:\n    x += 1\n")
    assert report.results[0].verdict == "timed out"
    assert report.problem.splitlines() == [
        "Running the answer cell does not end: it was still busy after 8 s. An answer only defines "
        "things; calls belong in another cell.",
        "It goes round in the loop of line 2:",
        "    while True:",
    ]


def test_a_syntax_error_is_said_once_and_nothing_is_run(course: Any) -> None:
    course.add("first", "pass")
    course.add("second", "pass")
    report = course.judge("print('ran')\ndef f(:\n")
    assert [result.verdict for result in report.results] == ["crashed"] * 2
    assert report.problem_kind == "syntax"
    assert report.problem.startswith("Line 2 of the answer cell is not valid Python")
    assert report.level == {}


def test_a_name_from_another_cell_is_explained(course: Any) -> None:
    from labsupport.checking import Answer, check

    course.add("calls", 'await answer.call("f")')
    course.add("misses", 'await answer.call("helper")')
    answer = Answer.from_cell("def f(): return helper(1)", "demo", elsewhere=["helper"])
    first, second = check(answer, course.folder).results
    assert first.notes == (
        "`helper` comes from another cell, and the answer must stand alone. Define or import it "
        "in the answer cell.",
    )
    assert second.said.startswith("`helper` is defined in another cell; the answer must stand")


def test_no_belief_is_said_to_be_behind_a_misspelt_name(course: Any) -> None:
    course.add("calls f", 'await answer.call("f")')
    course.add("calls g", 'await answer.call("g")')
    slip, other = course.judge("def f(): return sokcet\ndef g(): return [][0]").results
    assert (slip.verdict, slip.said) == ("crashed", "your answer raised NameError in line 1")
    assert (slip.misconception, slip.belief, slip.truth, slip.hints) == ("", "", "", ())
    assert other.verdict == "crashed"
    assert other.misconception
    assert other.hints


@pytest.mark.parametrize(
    ("error", "named"),
    [
        ("struct.error('short')", "struct.error"),
        ("ValueError()", "ValueError"),
        ("Own()", "Own"),
    ],
)
def test_an_exception_has_its_module_before_its_name(
    judged: Judged, error: str, named: str
) -> None:
    body = f"import struct\nclass Own(Exception): pass\ndef f(): raise {error}"
    result = judged('await answer.call("f")', body)
    assert result.said == f"your answer raised {named} in line 3"
    assert result.traceback.splitlines()[-1].partition(":")[0] == named


@pytest.mark.parametrize(
    "body", ["1 / 0", "open('/no/such/file')", "await answer.call('f', object())"]
)
def test_a_check_that_breaks_is_inconclusive_and_gives_no_points(judged: Judged, body: str) -> None:
    result = judged(body, "def f(x): pass")
    assert result.verdict == "inconclusive"
    assert result.said == "the check itself broke, so it says nothing about your answer"
    assert result.earned == 0


@pytest.mark.parametrize(
    "forge",
    [
        "os.write(channel, b'x' * 1000)",
        "os.write(channel, struct.pack('!II', 2**31, 0))",
        'os.write(channel, struct.pack(\'!II\', 20, 0) + b\'{"d":[["op","done"]]}\'[:20])',
        "os.write(channel, struct.pack('!II', 4, 0) + b'null')",
    ],
)
def test_nonsense_on_the_checks_own_channel_is_a_crash(judged: Judged, forge: str) -> None:
    result = judged(
        'await answer.call("f")',
        f"""
        import os, struct, stat
        def f():
            channel = next(n for n in range(3, 100) if is_socket(n))
            {forge}
            while True: pass
        def is_socket(n):
            try: return stat.S_ISSOCK(os.fstat(n).st_mode)
            except OSError: return False
        """,
        deadline=2.0,
    )
    assert result.verdict == "crashed", result


def test_an_answer_that_closes_the_checks_own_channel_does_not_pass(judged: Judged) -> None:
    result = judged(
        'await answer.call("f")', "import os\ndef f(): os.closerange(3, 100)", deadline=1.0
    )
    assert result.verdict in ("crashed", "killed", "timed out"), result


def test_a_flood_of_calls_to_a_stand_in_is_bounded(judged: Judged) -> None:
    result = judged(
        """
        class Slow(StandIn):
            exposed = ("wait",)
            async def wait(self): await asyncio.Event().wait()
        await answer.call("f", Slow())
        """,
        """
        import threading
        threading.stack_size(65536)
        def f(slow):
            for _ in range(1500): threading.Thread(target=slow.wait, daemon=True).start()
            threading.Event().wait()
        """,
        deadline=10.0,
    )
    assert result.verdict == "crashed", result
    assert "more than 1000 calls at once" in result.said
