"""Clients in a process of their own: they connect, say a line, get an answer, and stay.

    with load.hold(server.address) as held:
        for _ in range(4):
            held.more(2500)
            print(held, meters.memory(server.pid))

A notebook's kernel has few descriptors, and a server that is measured should share its process with
nobody. So the clients of `hold` are in a child, which raises its own limit of descriptors as far as
the system permits, and the kernel's stays as it is. The child takes one order after the other on
its standard input: so many more. When that input ends, since `hold` is left or this process is
gone, however it ended, the child ends, and all connections with it.

How many come is limited by the machine, and `limit` says in words which limit was met.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from labsupport import crowd

if sys.platform != "win32":
    import resource

__all__ = ["Held", "hold", "more_descriptors"]

_OPEN_MAX = 10_240  # descriptors: sys/syslimits.h of macOS
_GRACE = 20.0  # seconds for the child beside what it allows its clients


def more_descriptors() -> int | None:
    """Raise this process's soft limit of descriptors to the hard one, and return the limit.

    macOS refuses more than 10,240, whatever its hard limit says: there it is raised to that. None
    where there is no fixed limit. Source: getrlimit(2), RLIMIT_NOFILE; on macOS setrlimit(2).
    """
    if sys.platform == "win32":
        return None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(soft, min(hard, _OPEN_MAX)) if sys.platform == "darwin" else hard
    if soft != wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
        except (OSError, ValueError):  # the system as a whole may permit less
            pass
    return None if soft == resource.RLIM_INFINITY else soft


class Held:
    """Connections that are held by another process. Leaving the block closes them all.

    limit: why no more came, in words; "" as long as all did.
    """

    def __init__(self, address: crowd.Address, timeout: float) -> None:
        self.limit = ""
        self._count = 0
        self._timeout = timeout
        host, port = address
        self._child = subprocess.Popen(
            [sys.executable, "-m", "labsupport.load", host, str(port), str(timeout)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,  # nothing is left over to be flushed when the child has ended
            start_new_session=True,  # an interrupt of the notebook is not meant for it
        )

    def __len__(self) -> int:
        return self._count

    def __repr__(self) -> str:
        return f"{self._count:,} connections{f': {self.limit}' if self.limit else ''}"

    def more(self, count: int) -> int:
        """Let that many more connect, each with a line and its answer; return how many came.

        Fewer come where a limit is met, and none after that; a group that the server does not
        answer is closed again.
        Raises RuntimeError when the process that holds them has ended.
        """
        if self.limit:
            return 0
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        watch = threading.Timer(2 * self._timeout + _GRACE, self._child.kill)
        watch.start()
        try:
            self._child.stdin.write(b"%d\n" % count)
            answer = self._child.stdout.readline()
        except BrokenPipeError:
            answer = b""
        finally:
            watch.cancel()
        if not answer:
            raise RuntimeError("the process that held the connections has ended")
        came: int
        came, self.limit = json.loads(answer)
        self._count += came
        return came

    def leave(self) -> None:
        """Close all connections, and wait for the end of the process that held them."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.close()
        try:
            self._child.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._child.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.leave()


def hold(address: crowd.Address, *, timeout: float = 30.0) -> Held:
    """Start a process that will hold connections to a server; it has none yet.

    address: host and port. timeout: seconds for each connect, and for the answers to one group.
    """
    return Held(address, timeout)


def _obey(address: crowd.Address, timeout: float) -> None:
    """What the child does: for each number on standard input, so many clients, and a word back."""
    more_descriptors()
    with ExitStack() as staying:
        for order in sys.stdin:
            print(json.dumps(_joined(address, int(order), timeout, staying)), flush=True)


def _joined(
    address: crowd.Address, count: int, timeout: float, staying: ExitStack
) -> tuple[int, str]:
    """How many came and stay, and which limit stopped the others."""
    try:
        many = crowd.join(address, count, hello=lambda _: b"hello\n", timeout=timeout, beside=False)
    except OSError as error:
        return 0, f"then not even one could connect ({type(error).__name__})"
    try:
        many.answered(timeout)
    except OSError as error:
        many.leave()
        return 0, f"then the server did not answer ({type(error).__name__})"
    staying.enter_context(many)
    return len(many), many.limit


if __name__ == "__main__":
    _obey((sys.argv[1], int(sys.argv[2])), float(sys.argv[3]))
