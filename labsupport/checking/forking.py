"""Has answers forked from a warm process, each into a jail: the launcher on Linux.

The `Forker` starts a zygote (jail.zygote) with the strongest protection that this machine permits,
found by trying: a zygote that cannot move in, or cannot import the course's libraries from there,
says why, and the next weaker one is started. It orders one answer at a time.

In a jail with a network of its own, the process that judges enters that network with its thread:
sockets that it opens from then on are where the answer's are. Being the owner of the jail's user
namespace is what permits it (user_namespaces(7)); as an ordinary user it joins that namespace
first, which a process can only do while it has one thread: see `Forker.enter`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import select
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import psutil

from labsupport.checking.buffers import Sockets
from labsupport.checking.errors import EngineError
from labsupport.checking.folders import removed
from labsupport.checking.hosts import (
    MEASURE,
    Exceeded,
    HostProcess,
    Level,
    Limits,
    boot,
    environment,
    limited,
    words,
)
from labsupport.checking.jail import syscalls, tree
from labsupport.checking.jail.zygote import LIBRARIES, PACKAGES
from labsupport.load import more_descriptors

__all__ = ["ForkedHost", "Forker", "levels", "needs_more"]

_START = 20.0  # seconds for a zygote to be ready, on a busy machine
_ORDER = 10.0  # seconds for an order
_NEWS = 5.0  # seconds for a jail to be furnished

_PAGE = os.sysconf("SC_PAGE_SIZE")

_SAID = {
    "root": "your answer ran sealed off, with a user id, files and a network of its own",
    "userns": "your answer ran sealed off, with files and a network of its own",
    "fenced": "your answer ran behind a fence: it could not read your files, but use the network",
}
_LEVELS = {"root": 4, "userns": 3, "fenced": 2, "limited": 1}
_LARGER = {name.partition(".")[0] for name in (*LIBRARIES, *PACKAGES)}
_NEED_MORE = re.compile(rf"\b({'|'.join(sorted(_LARGER | {'async'}))})\b")


def needs_more(source: str) -> bool:
    """Whether an answer's words say that it may use one of the larger libraries.

    It finds them either way; where this is wrong it only takes longer. The words alone decide, so
    that an answer has the same modules around it whatever was judged before.
    """
    return _NEED_MORE.search(source) is not None


def levels() -> list[str]:
    """The protections to try, the strongest first. LABSUPPORT_LEVEL is the highest one to try."""
    most = int(os.environ.get("LABSUPPORT_LEVEL", "4"))
    names = [name for name, number in _LEVELS.items() if number <= most]
    return [name for name in names if name != "root" or os.geteuid() == 0]


class ForkedHost(HostProcess):
    """An answer in its jail. pid: of the keeper, as this process's own /proc numbers it."""

    def __init__(
        self,
        limits: Limits,
        folder: Path,
        home: str,
        *,
        keeper: int,
        channel: socket.socket,
        output: int,
        news: socket.socket,
        opened: list[int],
    ) -> None:
        super().__init__(limits, folder, home, output)
        self.pid = _number_of(keeper)
        self._keeper = keeper
        self._channel = channel
        self._news = news
        self._opened = opened
        self._home, self._proc = opened[1:] or (-1, -1)
        self._sockets: Sockets | None = None
        self._looks = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self.own_network = bool(opened)
        channel.setblocking(False)
        self.watch()

    @property
    def channel(self) -> socket.socket:
        return self._channel

    def processes(self) -> list[psutil.Process]:
        """By the lists of children that the kernel keeps for each thread. They miss those of a
        thread that is just ending (proc(5)): where they are too few, by the parents' numbers, which
        takes a look at every process of the machine."""
        if self.own_network:
            pids = self._descent()
            if len(pids) == len(self._family()):
                with contextlib.suppress(psutil.NoSuchProcess):
                    return [psutil.Process(pid) for pid in pids[1:]]
        return super().processes()[1:]

    def _as_answer(self) -> AbstractContextManager[None]:
        if not self.own_network:
            return super()._as_answer()
        # The home knows only the ids of its user namespace: touch it as the answer's own user.
        own, *_ = _children(self.pid) or [self.pid]
        status = os.stat(f"/proc/{own}")
        return syscalls.acting_as(status.st_uid, status.st_gid)

    def _look(self) -> Exceeded | None:
        """Processes are counted more often: where a hundred of them fork, nobody else gets far.

        Memory counts without what is shared with the zygote, of which the keeper has a copy.
        """
        family = self._family()
        if len(family) > self.limits.processes + 1:
            return "processes"
        self._looks += 1
        if self._looks % MEASURE:
            return None
        resident = [_resident(folder) for folder in family]
        used = sum(max(0, each - resident[0]) for each in resident[1:])
        if not self.own_network:
            return "memory" if used > self.limits.memory else None
        with contextlib.suppress(OSError):  # this kernel does not tell
            self._sockets = self._sockets or Sockets()
        if self._sockets is not None:
            with contextlib.suppress(OSError):
                used += self._sockets.local()
            with contextlib.suppress(OSError):
                if self._sockets.beyond(self.limits.sockets):
                    return "sockets"
        if used > self.limits.memory:
            return "memory"
        return None if os.fstatvfs(self._home).f_bavail else "disk"

    def _family(self) -> list[str]:
        """The folders in /proc of the keeper and those below it; that of a jail has no others.

        It stops soon after there are too many. Asking for the children of each takes several times
        as long, which is too long where a program forks without end.
        """
        if self.own_network:
            pids = sorted(int(name) for name in os.listdir(self._proc) if name.isdigit())
            return [f"/proc/self/fd/{self._proc}/{pid}" for pid in pids]
        return [f"/proc/{pid}" for pid in self._descent()]

    def _descent(self) -> list[int]:
        pids = [self.pid]
        for pid in pids:  # grows while it is gone through
            if len(pids) <= self.limits.processes + 1:
                pids += _children(pid)
        return pids

    def cpu_seconds(self) -> float:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = psutil.Process(self.pid).cpu_times()
            waited: float = times.children_user + times.children_system
            return super().cpu_seconds() + waited  # the keeper waits for those without a parent
        return 0.0

    def wait(self, timeout: float | None = None) -> bool:
        waiting = select.poll()
        waiting.register(self._keeper, select.POLLIN)
        return bool(waiting.poll(None if timeout is None else timeout * 1000))

    def when_ended(self, loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
        def ended() -> None:
            loop.remove_reader(self._keeper)
            call()

        loop.add_reader(self._keeper, ended)
        self._loop = loop

    def ending(self) -> str:
        with contextlib.suppress(OSError, ValueError):
            ended = json.loads(self._news.recv(4096))["ended"]
            return words(ended) if type(ended) is int else str(ended)
        return "SIGKILL"

    def kill(self) -> None:
        # In a jail of its own all others end with the keeper, however many they are.
        for process in [] if self.own_network else self.processes():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                process.kill()
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._keeper, signal.SIGKILL)

    def close(self) -> None:
        super().close()
        if self._loop is not None:
            self._loop.remove_reader(self._keeper)
        self._channel.close()
        self._news.close()
        if self._sockets is not None:
            self._sockets.close()
        for descriptor in (self._keeper, *self._opened):
            os.close(descriptor)


class Forker:
    """Level 4, 3, 2 or 1, whichever this machine permits: `level` says so, and what is missing."""

    def __init__(self, *, more: bool = False, limits: Limits | None = None) -> None:
        """more: answers find the libraries imported of which few have need; see `needs_more`."""
        self.more = more
        self.limits = limits or Limits()
        more_descriptors()  # answers get half of them: see Limits
        self._numbers = 0
        self._hosts: set[ForkedHost] = set()
        self.scratch = Path(tempfile.gettempdir())
        """Where the folders of answers are made that have no disk of their own."""
        missing: list[str] = []
        for protection in levels():
            try:
                self._start(protection)
                break
            except OSError as error:
                missing.append(f"{protection} ({error})")
        else:
            raise EngineError(f"No process for answers can be started: {'; '.join(missing)}.")
        self.protection = protection
        self.sealed = protection in ("root", "userns")
        number = _LEVELS[protection]
        if number == 1:
            self.level = limited(tuple(missing))
        else:
            name = "sealed" if self.sealed else "fenced"
            self.level = Level(number, name, _SAID[protection], tuple(missing))

    def _start(self, protection: str) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        resources = self.limits.resources()
        if protection in ("root", "userns"):
            resources |= {"RLIMIT_NPROC": self.limits.threads, "RLIMIT_MSGQUEUE": 0}
        settings = {
            "control": theirs.fileno(),
            "protection": protection,
            "limits": {
                "resources": resources,
                "disk": self.limits.disk,
                "files": self.limits.files,
            },
            "more": self.more,
        }
        with theirs:
            self._zygote = subprocess.Popen(
                [*boot("jail.zygote"), json.dumps(settings)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                cwd="/",
                env=environment(tree.HOME),
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._control.settimeout(_START)
        try:
            self._user: list[int] = self._said()[1]
        except BaseException:
            self._zygote.kill()
            self._zygote.wait()
            self._control.close()
            raise
        self._control.settimeout(_ORDER)

    def enter(self) -> None:
        """Let the calling process, which has one thread, enter the networks of jails."""
        if self.protection == "userns":
            syscalls.enter(self._user[0], syscalls.NEW_USER)
            syscalls.hide()

    def prepare(self) -> None:
        """Nothing: a fork is quick."""

    def take(self) -> ForkedHost:
        """A fresh host. The calling thread enters its network, where it has one of its own.

        Raises EngineError when it cannot be had.
        """
        self._numbers += 1
        channel, channel_there = socket.socketpair()
        news, news_there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        output, output_there = os.pipe()
        folder = Path(tree.HOME)
        if not self.sealed:
            folder = Path(tempfile.mkdtemp(prefix="", dir=self.scratch))
        home = str(folder)
        order = {"op": "launch", "id": self._numbers, "home": home}
        opened: list[int] = []
        try:
            with channel_there, news_there:
                there = [channel_there.fileno(), output_there, news_there.fileno()]
                socket.send_fds(self._control, [json.dumps(order).encode()], there)
            _, (keeper,) = self._said(self._numbers)
            if self.sealed:
                news.settimeout(_NEWS)
                said, opened, _, _ = socket.recv_fds(news, 4096, 3)
                if len(opened) != 3:
                    raise OSError(f"the jail was not furnished: {said.decode()}")
                network, inside, _ = opened
                syscalls.enter(network, syscalls.NEW_NET)
                folder = Path(f"/proc/self/fd/{inside}")
        except (OSError, ValueError) as error:
            raise EngineError(f"No process for the answer can be had: {error}") from error
        finally:
            os.close(output_there)
        host = ForkedHost(
            self.limits,
            folder,
            home,
            keeper=keeper,
            channel=channel,
            output=output,
            news=news,
            opened=opened,
        )
        self._hosts.add(host)
        return host

    def end(self, host: HostProcess) -> None:
        """Kill an answer with all that it started; see `hosts`. Raises TimeoutError."""
        assert isinstance(host, ForkedHost)
        self._numbers += 1
        self._control.send(json.dumps({"op": "end", "id": self._numbers}).encode())
        said, _ = self._said(self._numbers)
        self._hosts.discard(host)
        host.close()
        if not self.sealed:
            removed(host.folder)
        if not said["clean"]:
            raise TimeoutError("a process of the answer cannot be killed")

    def kill_all(self) -> None:
        """Kill every host, without waiting. Safe from any thread."""
        for host in list(self._hosts):
            host.kill()

    def close(self) -> None:
        """End the zygote, and with it every answer."""
        for host in list(self._hosts):
            self.end(host)
        self._control.close()

    def stop(self) -> None:
        """Wait for the zygote's end, in the process that started it."""
        self.close()
        try:
            self._zygote.wait(_ORDER)
        except subprocess.TimeoutExpired:
            self._zygote.kill()
            self._zygote.wait()

    def _said(self, number: int | None = None) -> tuple[dict[str, Any], list[int]]:
        """The zygote's reply to an order; replies to others, whose asker was killed, are dropped.

        Raises OSError.
        """
        while True:
            text, descriptors, _, _ = socket.recv_fds(self._control, 64 * 1024, 4)
            if not text:
                raise OSError("the process that starts answers has ended")
            said: dict[str, Any] = json.loads(text)
            if said.get("id") == number:
                break
            for descriptor in descriptors:
                os.close(descriptor)
        if "error" in said:
            raise OSError(said["error"])
        return said, list(descriptors)


def _children(pid: int) -> list[int]:
    """The processes that a process has started and that live, or [] when it has ended."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                found += map(int, file.read().split())
    return found


def _resident(folder: str) -> int:
    """The bytes of memory in use by the process of a folder in /proc; 0 when it has ended."""
    with contextlib.suppress(OSError, IndexError):
        with open(f"{folder}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * _PAGE
    return 0


def _number_of(pidfd: int) -> int:
    """The process that a descriptor stands for, as this process's /proc numbers it (proc(5))."""
    with open(f"/proc/self/fdinfo/{pidfd}", encoding="ascii") as file:
        for line in file:
            if line.startswith("Pid:"):
                return int(line.split()[1])
    raise OSError("not a descriptor of a process")
