"""An attack: a hostile answer, the check that it is given, and what else is said of it."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["CALLED", "NOT_PASSED", "WON", "Attack"]

WON = "the attack succeeded"
"""What an answer returns or prints when it could do what it must not be able to do."""

CALLED = 'assert_equal(await answer.call("f"), 42, "f gives 42")'

NOT_PASSED = ("failed", "crashed", "killed", "timed out")

# What every attacker has at hand. `told` is what the runner tells him of the world outside.
HEAD = '''\
import contextlib, ctypes, errno, gc, glob, os, re, resource, select, signal, socket, struct, sys
import threading, time
told = {told!r}
WON = "the attack" + " succeeded"
libc = ctypes.CDLL(None, use_errno=True)

def seize(data):
    for loot in set(re.findall(rb"loot-[0-9a-f]{{32}}", data)): print(loot.decode(), flush=True)

def read(path):
    with contextlib.suppress(OSError), open(path, "rb") as file: seize(file.read(2**20))

def won(attempt, *arguments):
    try: attempt(*arguments)
    except OSError: return None
    return WON

def parent(pid):
    with contextlib.suppress(OSError), open(f"/proc/{{pid}}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[1])

def family():
    """Judge, keeper, zygote and what else the judge started, as far as they can be seen; never
    their caller. The judge first: whoever kills its keeper may not live to go on."""
    found, pid = [], os.getppid()
    while pid > 1 and "checking.judge" not in open(f"/proc/{{pid}}/cmdline").read():
        found.append(pid)
        pid = parent(pid)
    near = [int(each) for each in os.listdir("/proc") if each.isdigit() and parent(each) == pid]
    return [pid, *({{*found, *near}} - {{pid, os.getpid()}})]

def alone():
    if os.getpid() > 9: raise SystemExit("this would harm the machine")

def own_session():
    with contextlib.suppress(PermissionError): os.setsid()

host = next(each for each in gc.get_objects() if type(each).__name__ == "Host")
wire = sys.modules["_host.wire"]
def say(message): host.send(message)
def say_raw(text, blobs=b""): host.channel.sendall(struct.pack("!II", len(text), len(blobs)) + text + blobs)
'''


@dataclass(frozen=True)
class Attack:
    """A hostile answer.

    name: what it tries. answer: its source, behind HEAD and `head`, or `bare`. check: the body of
    the check. verdicts: those that are right. levels: where it is tried; at the others it would
    harm the machine. once: only at the highest level that there is, since what it attacks is the
    same at each. deadline: in seconds.
    """

    name: str
    answer: str
    check: str = CALLED
    verdicts: tuple[str, ...] = NOT_PASSED
    levels: tuple[int, ...] = (1, 2, 3, 4)
    once: bool = False
    deadline: float = 1.0
    head: str = ""
    bare: bool = False

    def __str__(self) -> str:
        return self.name

    def source(self, told: Mapping[str, Any]) -> str:
        """The whole answer."""
        if self.bare:
            return self.answer
        return HEAD.format(told=dict(told)) + self.head + textwrap.dedent(self.answer)
