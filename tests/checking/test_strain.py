"""A busy machine is not held against an answer, and no answer can use that as an excuse."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from labsupport.checking import Result
from labsupport.checking.strain import too_much

pytestmark = pytest.mark.linux

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
def test_an_answer_that_got_no_time_is_not_judged(judged: Judged) -> None:
    result = judged('await answer.call("f")', f"def f():\n {SPIN}", deadline=1.0)
    assert result.verdict == "inconclusive", result
    assert "too busy" in result.said
    assert result.earned == 0


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
    ("elapsed", "others", "ours", "waited", "too_busy"),
    [
        (1.0, 0.9, 0.1, 0.8, True),
        (1.0, 0.9, 0.1, None, True),
        (0.1, 0.9, 0.1, 0.8, False),  # it failed at once
        (1.0, 0.9, 0.1, 0.1, False),  # whoever wanted to run could
        (1.0, 0.2, 0.8, 0.8, False),  # the answer has only itself to thank
        (1.0, 0.2, 0.8, None, False),
    ],
)
def test_only_others_and_only_for_long_make_a_machine_too_busy(
    elapsed: float, others: float, ours: float, waited: float | None, too_busy: bool
) -> None:
    capacity = elapsed * (os.cpu_count() or 1)
    found = too_much(elapsed, (others + ours) * capacity, ours * capacity, waited)
    assert found == too_busy
