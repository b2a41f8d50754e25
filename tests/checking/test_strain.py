"""A busy machine is not held against an answer, and no answer can use that as an excuse."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from textwrap import dedent

import pytest

from labsupport.checking import Result
from labsupport.checking.engine import shut_down
from labsupport.checking.strain import too_much

pytestmark = [pytest.mark.linux, pytest.mark.slow]

Judged = Callable[..., Result]
SPIN = "while True: pass"


@pytest.fixture
def others_at_work() -> Iterator[None]:
    """Six programs for each processor, none of which ever waits.

    Each in a session of its own: Linux may share processors out among sessions (sched(7)).
    """
    command = [sys.executable, "-S", "-c", SPIN]
    programs = [
        subprocess.Popen(command, start_new_session=True) for _ in range(6 * (os.cpu_count() or 1))
    ]
    try:
        yield
    finally:
        for program in programs:
            program.kill()
        for program in programs:
            program.wait()


@pytest.mark.usefixtures("others_at_work")
def test_an_answer_that_got_no_time_gets_more_until_it_is_judged(judged: Judged) -> None:
    result = judged('await answer.call("f")', f"def f():\n {SPIN}", deadline=0.5)
    assert result.verdict in ("timed out", "inconclusive"), result
    assert result.earned == 0


@pytest.mark.usefixtures("others_at_work")
def test_an_answer_that_only_needs_its_time_passes_on_a_busy_machine_too(judged: Judged) -> None:
    answer = """
    import time
    def f():
        while time.thread_time() < 0.4: pass
    """
    result = judged('await answer.call("f")', answer, deadline=1.0)
    assert result.verdict == "passed", result


TOO_BUSY = """
import sys; judge = sys.modules["__main__"]
judge.Strain.too_much = lambda self, patience: True
"""


@pytest.fixture
def judged_too_busy(judged: Judged) -> Iterator[Judged]:
    """Judge one answer where every wait counts as one of a machine that is too busy."""
    yield lambda body, answer, **more: judged(dedent(TOO_BUSY) + dedent(body), answer, **more)
    shut_down()  # the judge that the check has changed


def test_a_machine_that_stays_too_busy_is_said_and_gives_no_points(
    judged_too_busy: Judged,
) -> None:
    answer = "import threading\ndef f(): threading.Event().wait()"
    result = judged_too_busy('await answer.call("f")', answer, deadline=0.1)
    assert (result.verdict, result.earned) == ("inconclusive", 0)
    assert "too busy" in result.said


def test_a_coroutine_that_nobody_awaits_is_a_leak_on_every_machine(judged_too_busy: Judged) -> None:
    result = judged_too_busy(
        'async with answer.serving("serve"): pass',
        """
        import asyncio

        async def later(): pass

        async def serve(host, port, stop):
            async with await asyncio.start_server(lambda reader, writer: None, host, port):
                await stop.wait()
                later()
        """,
    )
    assert (result.verdict, result.got) == ("leaked", "the coroutine `later` was never awaited")


@pytest.mark.usefixtures("others_at_work")
def test_an_answer_that_waits_in_vain_is_judged_on_a_busy_machine_too(judged: Judged) -> None:
    answer = "import threading\ndef f(): threading.Event().wait()"
    result = judged('await answer.call("f")', answer, deadline=1.0)
    assert result.verdict == "timed out", result


@pytest.mark.usefixtures("others_at_work")
def test_what_is_wrong_at_once_is_judged_on_a_busy_machine_too(judged: Judged) -> None:
    result = judged('assert_equal(await answer.call("f"), 1, "one")', "def f(): return 2")
    assert result.verdict == "failed", result


def test_an_answer_that_keeps_the_machine_busy_itself_does_not_pass(judged: Judged) -> None:
    result = judged(
        'await answer.call("f")',
        f"""
        import os
        def f():
            for _ in range(8 * os.cpu_count()): os.fork() or spin()
            spin()
        def spin():
            {SPIN}
        """,
        deadline=1.0,
    )
    assert result.verdict in ("timed out", "inconclusive"), result


@pytest.mark.parametrize(
    ("elapsed", "others", "ours", "waits", "patience", "too_busy"),
    [
        (1.0, 0.9, 0.1, [0.1, 0.8], 1.0, True),
        (1.0, 0.9, 0.1, None, 1.0, True),
        (1.0, 0.9, 0.1, [0.4, 0.4], 1.0, True),  # what holds up one of them delays the other
        (6.0, 0.9, 0.1, [0.6, 4.8], 6.0, False),  # the same share of six times the time is enough
        (1.0, 0.9, 0.1, [0.1, 0.1], 1.0, False),  # whoever wanted to run could
        (1.0, 0.2, 0.8, [0.8, 0.1], 1.0, False),  # the answer has only itself to thank
        (1.0, 0.2, 0.8, None, 1.0, False),
    ],
)
def test_only_others_and_only_for_long_make_a_machine_too_busy(
    elapsed: float,
    others: float,
    ours: float,
    waits: list[float] | None,
    patience: float,
    too_busy: bool,
) -> None:
    capacity = elapsed * (os.cpu_count() or 1)
    machine = (others + ours) * capacity
    assert too_much(elapsed, machine, ours * capacity, waits, patience) == too_busy


@pytest.mark.parametrize(("ours", "too_busy"), [(0.1, True), (0.5, False)])
def test_a_container_at_its_limit_is_too_busy_unless_the_answer_used_it_up(
    ours: float, too_busy: bool
) -> None:
    assert too_much(1.0, ours, ours, [0.1, 0.8]) == too_busy
