"""Checking: one answer, judged from outside of its own process.

Theory of operation. Five kinds of process, none of which trusts the next:

    caller   a kernel or a terminal. Finds the answer, keeps a judge, shows the report. (engine)
    judge    runs the checks and decides; on Linux forked, for some jobs of one exercise, from one
             that is warm. Loads checks.py; never runs an answer. (judge)
    zygote   has the libraries imported and forks answers from them; sees neither checks nor
             sources. (jail.zygote; Linux)
    keeper   the first process of an answer's jail: when it ends, the kernel ends the rest
    host     runs the answer, a fresh one for each check. Never sees a check. (host)

A check meets the answer over the network, as its peer (peers for TCP, datagrams for UDP), or calls
it over a pipe of bounded plain data (remote, iterating, wire), with stand-ins for what it hands
over (standins). The verdict is made in the judge from what it saw itself, and told to the caller in
lines that only the judge can write (lines). So an answer can say nothing about its own verdict: the
ways into the judge are the socket that the answer serves and that pipe, and what comes through them
is data.

How far the answer's process is confined is the launcher's affair (hosts: the interface; forking:
jails on Linux; spawning: an interpreter each, everywhere), and every report says it:

    4  sealed   own user ids; namespaces for processes, network, mounts, IPC; seccomp; limits
    3  sealed   the same made by an ordinary user: the user id is the caller's, without its rights
    2  fenced   landlock and seccomp; the machine's own network
    1  limited  limits, own process group

A verdict is of the answer only where answer and judge could run: what failed while others had the
machine is tried again, and is inconclusive after three times (strain). A failure with a drawn
schedule is shown with the simplest schedule that fails alike (reducing).

    exercise, draw, asserts      what a checks.py is written with
    suspects                     the programs that a learner's peers tell right from wrong
    chat                         the clients of a chat room, which several exercises build
    web                          a client of HTTP/1.1, for answers that serve it
    readings                     streams of HTTP/1.1, for answers that read them
    simulated                    a clock and dice that the check holds
    hidden                       further checks, which only the instructor has
    variants                     constants of a protocol that differ between students
    answer                       finding the learner's source in a notebook, a cell or a file
    earlier, mounting            the other answers that one imports, and the package they are in
    files, buffers               what an answer left in its folder and in its sockets, unopened
    report, verdicts             results as data, and how they are made
    showing, feedback            values as text, reports as text and HTML
    tries                        how many hints a learner has earned

`checks.py` imports from here; so do the command line and the magics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labsupport.checking.answer import Answer
from labsupport.checking.asserts import Mismatch, assert_bytes, assert_equal, assert_that, fail
from labsupport.checking.draw import Draw
from labsupport.checking.engine import check
from labsupport.checking.errors import EngineError, InputError
from labsupport.checking.exercise import Exercise, Variant, find_course, find_exercise
from labsupport.checking.hidden import HiddenChecks
from labsupport.checking.raised import AnswerRaised
from labsupport.checking.report import Report, Result

if TYPE_CHECKING:
    from labsupport.checking.datagrams import Port
    from labsupport.checking.peers import Conn, Outcome
    from labsupport.checking.remote import RemoteAnswer, RemoteObject, RemoteTask
    from labsupport.checking.standins import Coroutine, ScriptedSocket, StandIn
    from labsupport.link import Link
    from labsupport.trace import Trace

__all__ = [
    "Answer",
    "AnswerRaised",
    "Conn",
    "Coroutine",
    "Draw",
    "EngineError",
    "Exercise",
    "HiddenChecks",
    "InputError",
    "Link",
    "Mismatch",
    "Outcome",
    "Port",
    "RemoteAnswer",
    "RemoteObject",
    "RemoteTask",
    "Report",
    "Result",
    "ScriptedSocket",
    "StandIn",
    "Trace",
    "Variant",
    "assert_bytes",
    "assert_equal",
    "assert_that",
    "check",
    "fail",
    "find_course",
    "find_exercise",
]

# What only a judge needs is loaded when it is asked for: a terminal or a kernel stays quick.
_LATER = {
    "Conn": "labsupport.checking.peers",
    "Coroutine": "labsupport.checking.standins",
    "Outcome": "labsupport.checking.peers",
    "Port": "labsupport.checking.datagrams",
    "RemoteAnswer": "labsupport.checking.remote",
    "RemoteObject": "labsupport.checking.remote",
    "RemoteTask": "labsupport.checking.remote",
    "ScriptedSocket": "labsupport.checking.standins",
    "StandIn": "labsupport.checking.standins",
    "Link": "labsupport.link",
    "Trace": "labsupport.trace",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_LATER[name]), name)
