"""Calls into an answer: values, exceptions, objects, coroutines, stand-ins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from labsupport.checking import Result

Judged = Callable[..., Result]


def test_a_function_is_called_with_plain_data_and_returns_it(judged: Judged) -> None:
    result = judged(
        """
        value = [b"\\0\\xff", "ß", (1, None), {"k": {2.5}}, True]
        assert await answer.call("same", value, more=3) == (value, 3)
        """,
        "def same(value, more): return value, more",
    )
    assert result.verdict == "passed", result


def test_coroutines_run_on_a_fresh_loop_and_at_the_same_time(judged: Judged) -> None:
    result = judged(
        """
        values = await asyncio.gather(*(answer.call("wait", n) for n in range(20)))
        assert_equal(values, list(range(20)), said="every call waited for all of them")
        """,
        """
        import asyncio, threading
        here = threading.Barrier(20)

        async def wait(n):
            await asyncio.to_thread(here.wait, 3)
            return n
        """,
    )
    assert result.verdict == "passed", result


def test_what_the_answer_raises_can_be_expected(judged: Judged) -> None:
    result = judged(
        """
        raised = await answer.raises(("KeyError", "OSError"), "f")
        assert_equal((raised.kind, raised.message, raised.line), ("ConnectionResetError",
                     "[Errno 104] gone", 2), said="")
        assert "OSError" in raised.kinds
        assert "line 2, in f" in raised.traceback
        """,
        """
        # a comment, so that the lines are counted
        def f(): raise ConnectionResetError(104, "gone")
        """,
    )
    assert result.verdict == "passed", result


def test_another_exception_than_the_expected_one_fails(judged: Judged) -> None:
    result = judged('await answer.raises("ValueError", "f", 1)', "def f(x): raise TypeError('no')")
    assert result.verdict == "failed"
    assert result.said == "`f(1)` raises TypeError, not ValueError"
    assert result.got == "TypeError: no"
    assert "line 1, in f" in result.notes[0]


def test_no_exception_where_one_is_expected_fails(judged: Judged) -> None:
    result = judged('await answer.raises("ValueError", "f", b"x")', "def f(x): return [x]")
    assert result.verdict == "failed"
    assert (result.said, result.got) == ("`f(b'x')` raises nothing", "it returned [b'x']")


def test_an_exception_that_nobody_expects_is_a_crash_with_its_line(judged: Judged) -> None:
    result = judged(
        'await answer.call("f", 0)',
        """
        def helper(n):
            return 1 / n
        def f(n):
            return helper(n)
        """,
    )
    assert result.verdict == "crashed"
    assert result.said == "your answer raised ZeroDivisionError in line 2"
    assert result.did == "called f(0)"
    assert result.traceback.splitlines() == [
        "line 4, in f",
        "    return helper(n)",
        "line 2, in helper",
        "    return 1 / n",
        "ZeroDivisionError: division by zero",
    ]


@pytest.mark.parametrize(
    "body",
    [
        "class Bad(Exception):\n    def __str__(self): 1 / 0\ndef f(): raise Bad",
        "def f(): raise ValueError('x' * 10_000_000)",
        "def f(): return f()",
        "import sys\ndef f(): sys.exit(3)",
        "def f(): raise KeyboardInterrupt",
        "def f(): raise ExceptionGroup('many', [ValueError(1), TypeError(2)])",
        "async def f():\n    import asyncio\n    async with asyncio.TaskGroup() as g:\n"
        "        g.create_task(h())\nasync def h(): raise ValueError('inside')",
    ],
)
def test_odd_exceptions_are_crashes_too(judged: Judged, body: str) -> None:
    result = judged('await answer.call("f")', body)
    assert result.verdict == "crashed", result
    assert len(result.traceback) < 5000


def test_a_missing_function_says_what_is_there(judged: Judged) -> None:
    result = judged('await answer.call("greet", 1)', "def gret(): pass\nx = 1")
    assert result.verdict == "failed"
    assert result.said == "your answer does not define `greet`"
    assert result.got == "it defines gret, x"


def test_a_name_that_is_no_function_is_said(judged: Judged) -> None:
    result = judged('await answer.call("greet")', "greet = 5")
    assert (result.verdict, result.said) == (
        "failed",
        "`greet` is not something that can be called",
    )


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("bytearray(b'x')", "a bytearray; bytes(...) makes bytes of it"),
        ("[1, object()]", "an object at [1]"),
        ("(n for n in 'ab')", "a generator"),
        ("f", "a function"),
        ("'x' * 200_000_000", "200,0"),
    ],
)
def test_a_value_that_is_not_plain_fails_and_says_why(
    judged: Judged, value: str, said: str
) -> None:
    result = judged('await answer.call("f")', f"def f(): return {value}")
    assert result.verdict == "failed", result
    assert result.did == "called f()"
    assert said in result.got


def test_an_object_stays_with_the_answer_and_is_reached_through_a_handle(judged: Judged) -> None:
    result = judged(
        """
        box = await answer.new("Box", 10)
        assert await box.call("add", 5) == 15
        assert await box.get("total") == 15
        assert await box.map("add", [1, 2, 3]) == [16, 18, 21]
        assert await answer.call("total_of", box) == 21
        raised = await box.raises("ValueError", "add", -1)
        assert raised.message == "negative"
        await box.call("multiply", 2)
        """,
        """
        class Box:
            def __init__(self, total): self.total = total
            def add(self, n):
                if n < 0: raise ValueError("negative")
                self.total += n
                return self.total
        def total_of(box): return box.total
        """,
    )
    assert result.verdict == "failed"
    assert (result.said, result.got) == (
        "your answer does not define `multiply`",
        "it defines add, total",
    )


def test_runs_are_replayed_each_on_an_object_of_its_own(judged: Judged) -> None:
    result = judged(
        """
        runs = [[1, 2, 3], [], [5]]
        assert await answer.replay("Box", "add", runs, 10) == [[11, 13, 16], [], [15]]
        assert await answer.replay("Box", "add", []) == []
        try:
            await answer.replay("Box", "add", [[1], [1, -1]])
        except AnswerRaised as raised:
            assert raised.message == "negative"
            assert answer.did == "called Box().add(-1)"
        else:
            assert False
        await answer.replay("Box", "multiply", [[1], [2]])
        """,
        """
        class Box:
            def __init__(self, total=0): self.total = total
            def add(self, n):
                if n < 0: raise ValueError("negative")
                self.total += n
                return self.total
        """,
    )
    assert result.verdict == "failed"
    assert result.said == "your answer does not define `multiply`"
    assert result.got == "it defines add, total"
    assert result.did == "called Box().multiply(...) 2 times, on 2 objects"


def test_fifty_megabytes_are_fed_in_small_pieces_in_bounded_time(judged: Judged) -> None:
    result = judged(
        """
        counter = await answer.new("Counter")
        for _ in range(100):
            await counter.call("feed", bytes(500_000))
        await counter.map("feed", [b"x" * 1000] * 10_000)
        assert await counter.get("seen") == 60_000_000
        assert len(await answer.call("back", bytes(20_000_000))) == 20_000_000
        """,
        """
        class Counter:
            seen = 0
            def feed(self, data): self.seen += len(data)
        def back(data): return data
        """,
        deadline=20.0,
    )
    assert result.verdict == "passed", result


def test_a_stand_in_holds_its_state_in_the_checks(judged: Judged) -> None:
    result = judged(
        """
        class Clock(StandIn):
            exposed = ("now", "sleep", "__call__")
            def __init__(self):
                self.time, self.hidden = 0, 5
            def now(self):
                return self.time
            async def sleep(self, seconds, *, why=""):
                await asyncio.sleep(0)
                self.time += seconds
                return why
            def __call__(self, x):
                return x + 1
        clock = Clock()
        assert await answer.call("use", clock) == (0, "tired", 3, 8)
        assert clock.time == 3
        raised = await answer.raises("AttributeError", "reach", clock)
        assert_equal(raised.message, "this Clock is a stand-in: it offers now, sleep, and has no "
                     "hidden", said="")
        """,
        """
        def use(clock): return clock.now(), clock.sleep(3, why="tired"), clock.now(), clock(7)
        def reach(clock): return clock.hidden
        """,
    )
    assert result.verdict == "passed", result


def test_only_builtin_exceptions_cross_from_a_stand_in(judged: Judged) -> None:
    result = judged(
        """
        class Odd(Exception): pass
        class Thing(StandIn):
            exposed = ("reset", "odd")
            def reset(self): raise ConnectionResetError(104, "Connection reset by peer")
            def odd(self): raise Odd("mine")
        assert await answer.call("f", Thing()) == ("ConnectionResetError", 104)
        await answer.call("g", Thing())
        """,
        """
        def f(thing):
            try: thing.reset()
            except OSError as error: return type(error).__name__, error.errno
        def g(thing): thing.odd()
        """,
    )
    assert result.verdict == "inconclusive", result
    assert "only builtin exceptions cross" in result.notes[0]


def test_a_stand_in_can_fail_the_check_even_if_the_answer_goes_on(judged: Judged) -> None:
    result = judged(
        """
        class Door(StandIn):
            exposed = ("open",)
            def open(self): raise Mismatch("the door was opened", expected="shut", got="open")
        await answer.call("f", Door())
        """,
        """
        def f(door):
            while True:
                try: door.open()
                except Exception: pass
        """,
    )
    assert (result.verdict, result.said, result.got) == ("failed", "the door was opened", "open")


def test_a_stand_in_that_returns_something_that_cannot_cross_breaks_the_check(
    judged: Judged,
) -> None:
    result = judged(
        """
        class Bad(StandIn):
            exposed = ("get",)
            def get(self): return object()
        await answer.call("f", Bad())
        """,
        "def f(bad): return bad.get()",
    )
    assert result.verdict == "inconclusive", result


def test_a_stand_in_returned_by_the_answer_is_the_same_object(judged: Judged) -> None:
    result = judged(
        """
        sock = ScriptedSocket([b"x"])
        assert (await answer.call("f", sock))[0] is sock
        """,
        "def f(sock): return [sock]",
    )
    assert result.verdict == "passed", result


WORKS = """
class Work(Coroutine):
    def __init__(self):
        self.begun, self.asked, self.free = (asyncio.Event() for _ in range(3))
        self.told = []
    def begins(self): self.told.append("begins")
    def cancelled(self, left): self.told.append(("cancelled", left))
    def over(self, left): self.told.append(("over", left))
    async def run(self):
        self.begun.set()
        try:
            return await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.asked.set()
            await self.free.wait()
            raise
class Maker(StandIn):
    exposed = ("__call__",)
    def __init__(self, work): self.work = work
    def __call__(self): return self.work
work = Work()
"""


def test_a_coroutine_of_the_checks_is_run_cancelled_and_waited_for(judged: Judged) -> None:
    result = judged(
        WORKS
        + """
async with answer.running("both", Maker(work)) as task:
    await work.begun.wait()
    await task.cancel()
    await work.asked.wait()
    assert (work.told, task.done()) == (["begins", ("cancelled", False)], False)
    work.free.set()
    try:
        await task.result()
    except AnswerRaised as raised:
        assert "CancelledError" in raised.kinds, raised
    else:
        raise AssertionError("it was cancelled")
    told = ["begins", ("cancelled", False), ("over", False)]
    assert_equal(work.told, told, said="it was waited for")
""",
        """
        async def both(make):
            unused = make
            return await make()
        """,
    )
    assert result.verdict == "passed", result


def test_a_coroutine_of_the_checks_that_is_left_running_says_so(judged: Judged) -> None:
    result = judged(
        WORKS
        + """
work.free.set()
async with answer.running("forgets", Maker(work)) as task:
    assert await task.result() == 7
    told = ["begins", ("cancelled", True), ("over", True)]
    assert_equal(work.told, told, said="its loop cancelled it")
""",
        """
        import asyncio
        async def forgets(make):
            task = asyncio.create_task(make())
            await asyncio.sleep(0)
            return 7
        """,
    )
    assert result.verdict == "passed", result


def test_a_coroutine_of_the_checks_returns_and_raises(judged: Judged) -> None:
    result = judged(
        """
        class Done(Coroutine):
            async def run(self): return [1, b"x"]
        class Fails(Coroutine):
            async def run(self): raise KeyError("k")
        class Maker(StandIn):
            exposed = ("__call__",)
            def __init__(self, kind): self.kind = kind
            def __call__(self): return self.kind()
        assert await answer.call("f", Maker(Done), Maker(Fails)) == ([1, b"x"], "k")
        """,
        """
        async def f(done, fails):
            try: await fails()
            except KeyError as error: return await done(), error.args[0]
        """,
    )
    assert result.verdict == "passed", result


def test_the_checks_cannot_be_imported_patched_or_seen_from_the_answer(judged: Judged) -> None:
    result = judged(
        'assert_equal(await answer.call("f"), [], said="nothing of the checks is there")',
        """
        import sys, gc
        def f():
            modules = [name for name in sys.modules if name.startswith(("labsupport", "checks"))]
            return modules + [type(o).__name__ for o in gc.get_objects()
                              if type(o).__name__ in ("Exercise", "Check", "RemoteAnswer")]
        """,
    )
    assert result.verdict == "passed", result


def test_an_answer_has_a_private_folder_and_a_clean_environment(judged: Judged) -> None:
    result = judged(
        """
        here, home, names, stdin = await answer.call("look")
        assert_equal((here, home), (answer.home,) * 2, said="")
        assert "LABSUPPORT_STATE" not in names and "JPY_PARENT_PID" not in names
        assert stdin == ""
        await answer.call("write")
        assert answer.exists("mine.txt") and answer.read("mine.txt") == b"x"
        assert not answer.exists("yours.txt") and answer.read("yours.txt") is None
        """,
        """
        import os, sys
        def look():
            home = os.path.realpath(os.environ["HOME"])
            return os.getcwd(), home, list(os.environ), sys.stdin.read()
        def write(): open("mine.txt", "w").write("x")
        """,
    )
    assert result.verdict == "passed", result


def test_every_check_has_a_fresh_process(course: Any) -> None:
    for number in range(3):
        course.add(f"{number}", 'assert await answer.call("f") == 1')
    report = course.judge("calls = 0\ndef f():\n    global calls\n    calls += 1\n    return calls")
    assert report.passed, report


COUNTS = """
import os, socket, threading
calls = 0
def f():
    global calls
    calls += 1
    open(f"{calls}", "w").close()
    return calls, os.listdir()
def listen():
    globals()["listener"] = socket.create_server(("127.0.0.1", 0))
    return listener.getsockname()[1]
def die():
    os._exit(3)
def hang():
    threading.Event().wait()
"""


def test_a_check_can_go_on_in_a_fresh_process_that_remembers_nothing(course: Any) -> None:
    course.add(
        "restarts",
        """
        seen = []
        for _ in range(3):
            await answer.call("f")
            calls, names = await answer.call("f")
            assert (calls, sorted(names)) == (2, ["1", "2"])
            seen.append(answer.host.pid)
            port = await answer.call("listen")
            await answer.restart()
            with socket.socket() as sock:
                assert sock.connect_ex(("127.0.0.1", port)) != 0
        assert len(set(seen)) == 3
        """,
    )
    course.add("next", 'calls, names = await answer.call("f"); assert calls == len(names) == 1')
    report = course.judge(COUNTS)
    assert report.passed, report


@pytest.mark.parametrize(
    ("call", "verdict", "said"),
    [
        ("die", "crashed", "your answer ended its own process (exit status 3)"),
        ("hang", "timed out", "It waits in `hang`, line 14:\n    threading.Event().wait()"),
    ],
)
def test_a_verdict_is_about_the_process_that_the_check_has_gone_on_in(
    judged: Judged, call: str, verdict: str, said: str
) -> None:
    body = f'await answer.call("f"); await answer.restart(); await answer.call("{call}")'
    result = judged(body, COUNTS, deadline=1.0)
    assert result.verdict == verdict, result
    assert said in "\n".join((result.said, *result.notes))
    assert result.did == f"called {call}()"


def test_the_draw_of_a_check_is_its_own_unless_a_seed_is_given(course: Any) -> None:
    for name in ("one", "two"):
        course.add(
            name, 'fail("x", got=await answer.call("f", (draw.seed, draw.word(), variant.n)))'
        )
    echo = "def f(x): return x"
    first, second = course.judge(echo).results
    assert first.seed != second.seed
    assert first.got != second.got
    again = course.judge(echo, seed=first.seed, only="one").results
    assert [each.got for each in again] == [first.got]
    same = course.judge(echo, seed=5).results
    assert same[0].got == same[1].got
    assert same[0].seed == 5
