"""A process in which an answer runs, as the judge sees it from outside, and how far it is confined.

This is the seam between the checks and the protection of the machine. Everything above it (the
judge, its calls, its peers) sees a `HostProcess`: a channel, the output so far, a few meters, and
an end. Two launchers make them, with one interface:

    spawning    an interpreter started for each answer; works everywhere; level 1
    forking     forked from a warm process into a jail; Linux; levels 1 to 4

Interface of a launcher
    level       a `Level`: number, name, what it does not protect from, and what is missing here
    prepare()   have the next `take` wait for nothing, where that needs a hint
    take()      a fresh HostProcess that has run nothing of an answer
    end(host)   kill it with all of its children, and remove its folder
    kill_all()  kill every host without waiting, from any thread
    close()     end every process that this launcher started, and remove their folders

What runs in the other process (`host`, `wire`, `jail`) is imported there as a package of its own,
so that an answer finds nothing of the checks in its process.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import socket
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import psutil

from labsupport.checking import files
from labsupport.sockdiag import SockDiag

if sys.platform != "win32":
    import resource

__all__ = [
    "FLOOD",
    "KEPT",
    "Held",
    "HostProcess",
    "Level",
    "Limits",
    "OpenSocket",
    "boot",
    "environment",
    "limited",
    "words",
]

Exceeded = Literal["output", "memory", "processes", "sockets", "disk"]

LOOK = 0.02  # seconds between two looks at how many processes an answer has
MEASURE = 3  # looks between two at what else it uses
KEPT = 64 * 1024
FLOOD = 8 * 1024 * 1024

_BOOT = """\
import sys, types
package = types.ModuleType("_host")
package.__path__ = [sys.argv[1]]
sys.modules["_host"] = package
del package, types
from _host.{module} import main
main()
"""


@dataclass(frozen=True, slots=True)
class Level:
    """How far an answer is confined: a number from 1 to 4, a name, and what that means.

    missing: what would be needed for more, and why it is not to be had here.
    """

    number: int
    name: str
    said: str
    missing: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As plain data for a report."""
        return asdict(self)


def limited(missing: tuple[str, ...] = ()) -> Level:
    """The lowest level, which every system has."""
    said = (
        "your answer ran in a process of its own, with limits; it could read your files and use "
        "the network"
    )
    return Level(1, "limited", said, missing)


_MEMORY = 1536 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What an answer may use: bytes, seconds and counts.

    memory: the address space of a process, and in a jail what all processes have in use together.
    Only a jail limits processes, threads, the room on the answer's disk, and sockets: what waits in
    those of TCP, or of UDP. By default the kernel begins to save where TCP holds 1/16 of the memory
    in the whole system (tcp_mem in tcp(7)); two answers together remain below.
    descriptors: at most half of what the caller may open. So many can be on their way in UNIX
    sockets too, which the kernel counts for all processes of a user; who is permitted no more than
    there are sends none (unix(7), ETOOMANYREFS).
    """

    memory: int = _MEMORY
    cpu_seconds: int = 60
    file_bytes: int = 256 * 1024 * 1024
    descriptors: int = 4096
    processes: int = 120
    threads: int = 1200
    sockets: int = field(
        default_factory=lambda: min(_MEMORY, psutil.virtual_memory().total * 3 // 128)
    )
    disk: int = 64 * 1024 * 1024
    files: int = 4096

    def resources(self) -> dict[str, int]:
        """The limits that hold everywhere, by their names in the module resource."""
        return {
            "RLIMIT_AS": self.memory,
            "RLIMIT_CPU": self.cpu_seconds,
            "RLIMIT_FSIZE": self.file_bytes,
            "RLIMIT_NOFILE": min(self.descriptors, _most_descriptors() // 2),
            # Where a program takes the dumps, only 1 keeps them from it (do_coredump in Linux).
            "RLIMIT_CORE": int(sys.platform == "linux"),
        }


class Held(NamedTuple):
    """How many descriptors (POSIX) or handles (Windows), threads and processes an answer has."""

    descriptors: int
    threads: int
    processes: int


class OpenSocket(NamedTuple):
    """A socket of the answer as the system lists it; addresses are (host, port) or None."""

    kind: str
    state: str
    local: tuple[str, int] | None
    remote: tuple[str, int] | None


class HostProcess(ABC):
    """One process for one answer, as the judge sees it from outside.

    folder: its private folder, as the judge reaches it. home: the same, as the answer names it.
    pid: of the process, or of the one that keeps it. exceeded: the limit that it was killed for.
    """

    pid: int
    own_network = False
    """Whether nobody else is in its network."""

    def __init__(self, limits: Limits, folder: Path, home: str, output: int) -> None:
        self.limits = limits
        self.folder = folder
        self.home = home
        self.exceeded: Exceeded | None = None
        self._output = output
        self._kept = bytearray()
        self._seen = 0
        self._lock = threading.Lock()
        self._ending = False
        self._pump_thread = threading.Thread(target=self._pump, name="output", daemon=True)
        if os.name == "posix":
            os.set_blocking(output, False)

    @property
    @abstractmethod
    def channel(self) -> socket.socket:
        """The judge's end of the channel, non-blocking. Raises TimeoutError when there is none."""

    @abstractmethod
    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the process has ended; whether it has. timeout: seconds."""

    @abstractmethod
    def when_ended(self, loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
        """Have a running event loop call this when the process has ended, once at most."""

    @abstractmethod
    def ending(self) -> str:
        """Why it ended, in words; call it only after it has ended."""

    @abstractmethod
    def kill(self) -> None:
        """Kill the process and what is near it, from any thread; the launcher's `end` does all."""

    def processes(self) -> list[psutil.Process]:
        """The answer's process and its living descendants."""
        try:
            process = psutil.Process(self.pid)
            return [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def put(self, path: str, data: bytes, size: int = 0) -> None:
        """Write a file into its folder, which the answer may change and replace as its own.

        size: bytes that it has at least; those behind the data are zeros that take no room.
        Raises OSError.
        """
        with self._as_answer():
            descriptor = files.writable(self.folder, path)
        with open(descriptor, "wb") as file:
            file.write(data)
            file.truncate(max(size, len(data)))

    def link(self, path: str, target: str) -> None:
        """Make a symbolic link in its folder. Raises OSError."""
        with self._as_answer():
            files.link(self.folder, path, target)

    def _as_answer(self) -> AbstractContextManager[None]:
        """As whom this process touches files of the answer."""
        return contextlib.nullcontext()

    @property
    def ended(self) -> bool:
        """Whether the process has ended, by itself or not."""
        return self.wait(0)

    def close(self) -> None:
        """Close the judge's end of the output, after the process has ended."""
        self._ending = True
        self._pump_thread.join()
        self._take_output()
        os.close(self._output)

    # ---- what it printed ----

    def output(self) -> str:
        """What it printed so far, standard output and error together, at most 64 KiB."""
        self._take_output()
        with self._lock:
            text = bytes(self._kept).decode("utf-8", "replace")
            if self._seen > KEPT:
                text += f"\n... (only the first {KEPT // 1024} KiB of its output are kept)\n"
        return text

    def watch(self) -> None:
        """Keep the pipe of the output empty, so that printing never blocks an answer, and look
        after the limits that no system call sets. A thread does it until the pipe ends, or
        `close`, since a child may keep the pipe open."""
        self._pump_thread.start()

    def _pump(self) -> None:
        last = 0.0
        while not self.exceeded and not self._ending:
            if os.name == "posix":
                select.select([self._output], [], [], LOOK)
                if time.monotonic() - last > LOOK:
                    last = time.monotonic()
                    if exceeded := self._look():
                        self._kill_for(exceeded)
            if not self._take_output():
                return

    def _look(self) -> Exceeded | None:
        """The limit that the answer is beyond, of those that only somebody who looks can know."""
        return None

    def _kill_for(self, exceeded: Exceeded) -> None:
        if self.exceeded is None:
            self.exceeded = exceeded
            self.kill()

    def _take_output(self) -> bool:
        """Read what is there; False at the end of the pipe."""
        while True:
            with self._lock if os.name == "posix" else contextlib.nullcontext():
                try:
                    piece = os.read(self._output, 64 * 1024)
                except BlockingIOError:
                    return True
                self._seen += len(piece)
                self._kept += piece[: KEPT - len(self._kept)]
                if self._seen > FLOOD:
                    self._kill_for("output")
            if not piece or self.exceeded:
                return False
            if os.name != "posix":
                return True

    # ---- meters: seen from outside, not told by the answer ----

    def open_sockets(self) -> list[OpenSocket]:
        """The TCP and UDP sockets of the answer and its children, sorted."""
        found: set[OpenSocket] = set()
        for process in self.processes():
            with _while_it_lives(process):
                for each in process.net_connections("inet"):
                    kind = "tcp" if each.type == socket.SOCK_STREAM else "udp"
                    found.add(OpenSocket(kind, each.status, _pair(each.laddr), _pair(each.raddr)))
        return sorted(found, key=repr)

    def listens(self, port: int) -> bool:
        """Whether the answer listens on a TCP port; no connection is made to find out."""
        if not _anybody_listens(port):
            return False
        return self.own_network or any(
            each.state == psutil.CONN_LISTEN and each.local is not None and each.local[1] == port
            for each in self.open_sockets()
        )

    def held(self) -> Held:
        """How much its processes hold that can be left behind."""
        found = [0, 0, 0]
        for process in self.processes():
            with _while_it_lives(process):
                if sys.platform == "win32":
                    opened = process.num_handles()
                else:
                    opened = process.num_fds()
                for index, count in enumerate((opened, process.num_threads(), 1)):
                    found[index] += count
        return Held(*found)

    def memory(self) -> int:
        """The most bytes of main memory that its processes have had, each for itself.

        Where the system does not tell (it is Linux that does), those that they have now.
        """
        total = 0
        for process in self.processes():
            with _while_it_lives(process):
                total += _most_resident(process)
        return total

    def cpu_seconds(self) -> float:
        """Processor time used by its processes and by those they have waited for, in seconds."""
        total = 0.0
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                times = process.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
        return total

    def ready_seconds(self) -> float:
        """How long its threads have run, or been ready to and had no processor, in seconds.

        On a busy machine a thread that asks all the time hardly runs, and is ready all the time.
        Linux tells it, of threads that have not ended (/proc/PID/schedstat; in the kernel's
        documentation, Scheduler Statistics); elsewhere it is the processor time.
        """
        if sys.platform != "linux":
            return self.cpu_seconds()
        return sum(map(_ready, self.processes()))


def _ready(process: psutil.Process) -> float:
    total = 0
    for thread in Path(f"/proc/{process.pid}/task").glob("*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            on_processor, ready, _ = (thread / "schedstat").read_text().split()
            total += int(on_processor) + int(ready)
    return total / 1e9


def _most_resident(process: psutil.Process) -> int:
    """VmHWM of proc(5), in bytes, or what is resident now. Raises psutil.NoSuchProcess."""
    if sys.platform == "linux":
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    return int(process.memory_info().rss)


@contextlib.contextmanager
def _while_it_lives(process: psutil.Process) -> Iterator[None]:
    """What has ended has nothing open. Raises AccessDenied for what lives and does not show it."""
    try:
        yield
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        pass
    except psutil.AccessDenied:  # Linux says so of a zombie too, to an ordinary user
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:
                raise


def boot(module: str) -> list[str]:
    """The command of an interpreter that runs a module of the other side; settings follow it."""
    code = _BOOT.format(module=module)
    return [sys.executable, "-P", "-s", "-c", code, str(Path(__file__).parent)]


def words(code: int) -> str:
    """The end of a process, from its exit code or the negative number of a signal."""
    if code >= 0:
        return f"exit status {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def environment(home: str) -> dict[str, str]:
    """What an answer sees of the environment: nothing of the learner's, and no hash randomness."""
    kept = ("PATH", "LANG", "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT")
    found = {name: os.environ[name] for name in kept if name in os.environ}
    return found | {
        "HOME": home,
        "USERPROFILE": home,
        "TMPDIR": home,
        "TEMP": home,
        "TMP": home,
        "TZ": "UTC",
        "MALLOC_ARENA_MAX": "2",  # an arena per thread would use up the address space
        "PYTHONHASHSEED": "0",
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
    }


def _anybody_listens(port: int) -> bool:
    """Whether a TCP socket listens on a port of 127.0.0.1; True where the system does not say."""
    try:
        with SockDiag() as ask:
            return ask.ask(("127.0.0.1", port), ("0.0.0.0", 0)) is not None
    except OSError:
        return True


def _most_descriptors() -> int:
    """How many this process may open at the most."""
    if sys.platform == "win32":
        return sys.maxsize
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return sys.maxsize if hard == resource.RLIM_INFINITY else hard


def _pair(address: Any) -> tuple[str, int] | None:
    return (address.ip, address.port) if address else None
