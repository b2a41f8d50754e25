"""Programs of the course that an answer has to judge: which are right, and which are not.

In a `break_` exercise the learner writes the peers. The programs that these meet, the suspects, are
functions over a listening socket in suspects.py beside checks.py. They are the course's own, so
they run beside the checks; what is judged is only what the answer's find_fault(host, port) says of
each: None, or a sentence. A catch counts when right programs are spared beside it: to call
everything faulty catches nothing. All are met at the same time, in an order that nobody knows, so
that only what a program does can tell which one it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from labsupport.checking.asserts import Mismatch, apart, assert_that, fail
from labsupport.checking.exercise import load_module
from labsupport.checking.raised import AnswerRaised
from labsupport.checking.remote import RemoteAnswer
from labsupport.serving import serve

__all__ = ["accusing", "judging", "load", "sentence", "tells_apart", "waiting"]

SHORTEST = 0.3
"""Seconds: what a probe says sooner comes of no wait that a task of these exercises names."""

_NO_REPLY = "A reply that does not come raises. Catch it where you ask, and return a sentence."
_CRASH = (
    "An exception that leaves `find_fault` is a crash of yours. What is wrong with the server is "
    "returned, as a sentence."
)

Suspect = Callable[[socket.socket], object]


def load(checks: str) -> ModuleType:
    """The suspects.py beside a checks.py, whose `__file__` is given. Raises EngineError."""
    path = Path(checks).with_name("suspects.py")
    return load_module(path, f"{path.parent.name}_suspects")


def accusing(suspect: str = "server") -> contextlib.AbstractContextManager[None]:
    """Around the assertion that a right suspect is spared, whatever the check's own fault is."""
    return apart(
        f"A right {suspect} was accused. Which sentence of the protocol does your probe take too "
        "strictly?"
    )


@contextlib.contextmanager
def waiting() -> Iterator[None]:
    """Around a meeting: what a probe misses, or says wrongly, may come of a wait for a suspect that
    got no processor. It may be the machine's then, except where the probe cannot have waited."""
    begun = time.monotonic()
    try:
        yield
    except Mismatch as mismatch:
        mismatch.waited = time.monotonic() - begun >= SHORTEST
        raise


@contextlib.contextmanager
def judging() -> Iterator[None]:
    """Around a call of find_fault: what is no verdict says nothing of the check's belief."""
    with apart():
        try:
            yield
        except AnswerRaised as raised:
            raised.hints = (_NO_REPLY if "OSError" in raised.kinds else _CRASH,)
            raise


def sentence(said: Any, did: str = "") -> str | None:
    """What find_fault has returned: None or a sentence. Fails, without a belief, where it is
    neither."""
    if not (said is None or (isinstance(said, str) and said.strip())):
        with apart():
            fail(
                "`find_fault` returns None, or a sentence that says what is wrong",
                did=did,
                expected="None or a str that is not empty",
                got=repr(said),
            )
    return said


async def tells_apart(answer: RemoteAnswer, faulty: Suspect, does: str, *right: Suspect) -> None:
    """Fail unless the answer finds the faulty suspect out and spares the right ones.

    does: what the faulty one does, for the feedback. Functions of one name replace each other.
    The order is the system's and not drawn from the seed: an answer that judges by what a program
    does says the same in every order, and no other can learn it.
    """
    meetings = [_catches(answer, faulty, does), *(_spares(answer, each) for each in right)]
    shuffled = secrets.SystemRandom().sample(meetings, len(meetings))
    tasks = {meeting: asyncio.create_task(meeting) for meeting in shuffled}
    await asyncio.gather(*tasks.values(), return_exceptions=True)
    for meeting in meetings:
        tasks[meeting].result()


async def _verdict_on(answer: RemoteAnswer, suspect: Suspect) -> str | None:
    """What find_fault says of one suspect: None, or a sentence."""
    with serve(suspect, name=suspect.__name__) as running, judging():
        return sentence(await answer.call("find_fault", running.host, running.port))


async def _catches(answer: RemoteAnswer, faulty: Suspect, does: str) -> None:
    with waiting():
        assert_that(
            await _verdict_on(answer, faulty) is not None,
            said="the faulty server has to be found out",
            did=f"ran find_fault against a server that {does}",
            expected="a sentence that says what is wrong",
            got="None: no fault was found",
        )


async def _spares(answer: RemoteAnswer, right: Suspect) -> None:
    with waiting():
        said = await _verdict_on(answer, right)
        with accusing():
            assert_that(
                said is None,
                said="a server that keeps to the protocol has no fault",
                did="ran find_fault against a right server",
                expected="None",
                got=repr(said),
            )
