"""Starts the processes in which answers run, watches them from outside, and ends them.

This is the seam between the checks and the protection of the machine. Everything above it (the
judge, its calls, its peers) sees a `HostProcess`: a channel, the output so far, a few meters, and
`end`. How the process is confined is known here only. Another launcher with the same interface may
fork it from a warm process, put it into namespaces, or give it another user.

Interface of a launcher
    level       a `Level`: number, name and what it does not protect from, for the report
    prepare()   start a spare ahead, so that the next `take` need not wait for an interpreter
    take()      a fresh HostProcess that has run nothing of an answer
    close()     end every process that this launcher started, and remove their folders

Level 1, "limited", which works everywhere:
- own session and process group (POSIX), own process group (Windows);
- limits where setrlimit exists: address space, processor time, file size, descriptors, no core;
- a private folder as current folder and HOME, a clean environment, no standard input;
- output through one pipe: 64 KiB are kept, more than 8 MiB ends the process;
- ended with all of its children. On Linux the judge is their subreaper (prctl(2),
  PR_SET_CHILD_SUBREAPER), so that a child which called setsid and lost its parent becomes a child
  of the judge and is found; elsewhere psutil lists the tree before it is killed.
It does not keep an answer from reading this user's files, or from the network.

The channel is one end of a socket pair where descriptors can be inherited, otherwise a loopback
connection that begins with a secret of 32 bytes.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from labsupport.clock import Deadline, poll

__all__ = ["FLOOD", "KEPT", "HostProcess", "Launcher", "Level", "Limits", "OpenSocket"]

KEPT = 64 * 1024
FLOOD = 8 * 1024 * 1024

_START = 20.0  # seconds for an interpreter to start on a busy machine
_ENDED = 5.0  # seconds to end all processes of an answer

# Runs host.py as a module of a package of its own, so that its relative import finds wire.py while
# neither labsupport nor the checks are imported into the answer's process.
_BOOT = """\
import sys, types
package = types.ModuleType("_host")
package.__path__ = [sys.argv[1]]
sys.modules["_host"] = package
del package, types
from _host.host import main
main()
"""


@dataclass(frozen=True, slots=True)
class Level:
    """How far an answer is confined: a number from 1 to 4, a name, and what that means."""

    number: int
    name: str
    said: str

    def to_dict(self) -> dict[str, Any]:
        """As plain data for a report."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Limits:
    """What an answer may use: bytes, seconds and counts of setrlimit(2)."""

    memory: int = 1536 * 1024 * 1024
    cpu_seconds: int = 60
    file_bytes: int = 256 * 1024 * 1024
    descriptors: int = 4096

    def names(self) -> dict[str, int]:
        """The limits by the names that they have in the module resource."""
        return {
            "RLIMIT_AS": self.memory,
            "RLIMIT_CPU": self.cpu_seconds,
            "RLIMIT_FSIZE": self.file_bytes,
            "RLIMIT_NOFILE": self.descriptors,
            "RLIMIT_CORE": 0,
        }


class OpenSocket(NamedTuple):
    """A socket of the answer as the system lists it; addresses are (host, port) or None."""

    kind: str
    state: str
    local: tuple[str, int] | None
    remote: tuple[str, int] | None


class HostProcess:
    """One process for one answer, as the judge sees it from outside."""

    def __init__(self, limits: Limits, folder: Path, force_port: bool = False) -> None:
        self.limits = limits
        self.folder = folder
        self.flooded = False
        self._kept = bytearray()
        self._seen = 0
        self._lock = threading.Lock()
        self._ending = False
        inherit = os.name == "posix" and not force_port
        passed: list[int] = []
        self._secret = secrets.token_bytes(32)
        self._listener: socket.socket | None = None
        self._channel: socket.socket | None = None
        if inherit:
            self._channel, theirs = socket.socketpair()
            passed.append(theirs.fileno())
            settings: dict[str, Any] = {"descriptor": theirs.fileno()}
        else:
            self._listener = theirs = socket.create_server(("127.0.0.1", 0), backlog=4)
            settings = {"port": theirs.getsockname()[1]}
        arguments = json.dumps({"channel": settings, "limits": limits.names()})
        command = [sys.executable, "-P", "-s", "-c", _BOOT, str(Path(__file__).parent), arguments]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            cwd=folder,
            env=_environment(folder, None if inherit else self._secret),
            pass_fds=passed,
            start_new_session=os.name == "posix",
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        self.pid = self.process.pid
        assert self.process.stdout is not None
        self._output = self.process.stdout
        if os.name == "posix":
            os.set_blocking(self._output.fileno(), False)
        threading.Thread(target=self._pump, name=f"output-{self.pid}", daemon=True).start()
        if inherit:
            theirs.close()

    @property
    def channel(self) -> socket.socket:
        """The judge's end of the channel, non-blocking.

        The first use waits for the process where it has to call. Raises TimeoutError when it has
        not called within 20 seconds.
        """
        if self._channel is None:
            assert self._listener is not None
            with self._listener:
                self._channel = _accepted(self._listener, self._secret)
        self._channel.setblocking(False)
        return self._channel

    # ---- what it printed ----

    def output(self) -> str:
        """What it printed so far, standard output and error together, at most 64 KiB."""
        self._take_output()
        with self._lock:
            text = bytes(self._kept).decode("utf-8", "replace")
            if self._seen > KEPT:
                text += f"\n... (only the first {KEPT // 1024} KiB of its output are kept)\n"
        return text

    def stop_reading(self) -> None:
        """Let the thread that empties the pipe end, even if a child keeps the pipe open."""
        self._ending = True

    def _pump(self) -> None:
        """Keep the pipe empty until it ends, so that printing never blocks an answer."""
        while not self.flooded and not self._ending:
            if os.name == "posix":
                try:
                    select.select([self._output], [], [], 1.0)
                except (OSError, ValueError):
                    return  # closed
            if not self._take_output():
                return

    def _take_output(self) -> bool:
        """Read what is there; False at the end of the pipe."""
        while True:
            with self._lock if os.name == "posix" else contextlib.nullcontext():
                try:
                    piece = os.read(self._output.fileno(), 64 * 1024)
                except BlockingIOError:
                    return True
                except (OSError, ValueError):
                    return False
                self._seen += len(piece)
                self._kept += piece[: KEPT - len(self._kept)]
                if self._seen > FLOOD and not self.flooded:
                    self.flooded = True
                    self.kill()
            if not piece or self.flooded:
                return False
            if os.name != "posix":
                return True

    # ---- meters: seen from outside, not told by the answer ----

    def processes(self) -> list[psutil.Process]:
        """The host and its living descendants."""
        try:
            process = psutil.Process(self.pid)
            return [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def open_sockets(self) -> list[OpenSocket]:
        """The TCP and UDP sockets of the answer and its children, sorted."""
        found: set[OpenSocket] = set()
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                for each in process.net_connections("inet"):
                    kind = "tcp" if each.type == socket.SOCK_STREAM else "udp"
                    found.add(OpenSocket(kind, each.status, _pair(each.laddr), _pair(each.raddr)))
        return sorted(found, key=repr)

    def listens(self, port: int) -> bool:
        """Whether the answer listens on a TCP port; no connection is made to find out."""
        return any(
            each.state == psutil.CONN_LISTEN and each.local is not None and each.local[1] == port
            for each in self.open_sockets()
        )

    def descriptors(self) -> int:
        """How many descriptors (POSIX) or handles (Windows) its processes have open."""
        total = 0
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                if sys.platform == "win32":
                    total += process.num_handles()
                else:
                    total += process.num_fds()
        return total

    def cpu_seconds(self) -> float:
        """Processor time used by its processes, in seconds."""
        total = 0.0
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                times = process.cpu_times()
                total += times.user + times.system
        return total

    @property
    def ended(self) -> bool:
        """Whether the process has ended, by itself or not."""
        return self.process.poll() is not None

    def ending(self) -> str:
        """Why it ended, in words; call it only after it has ended."""
        code = self.process.wait()
        if code >= 0:
            return f"exit status {code}"
        try:
            return signal.Signals(-code).name
        except ValueError:
            return f"signal {-code}"

    # ---- the end ----

    def kill(self) -> None:
        """Kill the host and its process group; children that left the group need `end`."""
        if os.name == "posix":
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            self.process.kill()

    def close(self) -> None:
        """Close the judge's ends of channel and output, after the process has ended."""
        self._take_output()
        self._output.close()
        for each in (self._channel, self._listener):
            if each is not None:
                each.close()


class Launcher:
    """Level 1, limited.

    folder: where private folders are made; by default the system's folder for temporary files.
    force_port: use a loopback connection for the channel although descriptors can be inherited.
    reap: become a subreaper, and treat every child of this process that is no host as left behind
        by an answer. Only for a process that starts no other children: the judge.
    """

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        folder: str | os.PathLike[str] | None = None,
        force_port: bool = False,
        reap: bool = False,
    ) -> None:
        self.limits = limits or Limits()
        self.level = Level(
            1,
            "limited",
            "your answer ran in a process of its own, with limits; it could read your files and "
            "use the network",
        )
        self._root = Path(tempfile.mkdtemp(prefix="labsupport-", dir=folder))
        self._force_port = force_port
        self._hosts: set[HostProcess] = set()
        self._spare: HostProcess | None = None
        self._lock = threading.RLock()
        self._closed = False
        self._reaps = reap and _become_subreaper()

    def prepare(self) -> None:
        """Start a spare host, unless there is one."""
        with self._lock:
            if self._spare is None and not self._closed:
                self._spare = self._started()

    def take(self) -> HostProcess:
        """A host that has run nothing yet: the spare, or a new one."""
        with self._lock:
            host, self._spare = self._spare, None
            return host or self._started()

    def end(self, host: HostProcess) -> None:
        """Kill a host with all of its children, and remove its folder.

        Raises TimeoutError when a process is still alive after 5 seconds.
        """
        host.stop_reading()
        family = [] if self._reaps else host.processes()[1:]
        host.kill()
        until = Deadline(_ENDED)
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            host.process.wait(until.left())
        if self._reaps:
            poll(self._orphans_gone, deadline=until, said="a child of the answer cannot be killed")
        host.close()
        with self._lock:
            self._hosts.discard(host)
        shutil.rmtree(host.folder, ignore_errors=True)

    def kill_all(self) -> None:
        """Kill every host, without waiting. Safe from any thread."""
        for host in list(self._hosts):
            host.kill()
        if self._reaps:
            with contextlib.suppress(psutil.NoSuchProcess):
                for process in psutil.Process().children(recursive=True):
                    with contextlib.suppress(psutil.NoSuchProcess):
                        process.kill()

    def close(self) -> None:
        """End every host and remove the folders. May be called twice."""
        self._closed = True
        for host in list(self._hosts):
            self.end(host)
        shutil.rmtree(self._root, ignore_errors=True)

    def _started(self) -> HostProcess:
        # A name that tells an answer nothing, such as how many there were before.
        folder = Path(tempfile.mkdtemp(prefix="", dir=self._root))
        host = HostProcess(self.limits, folder, self._force_port)
        self._hosts.add(host)
        return host

    def _orphans_gone(self) -> bool:
        """Kill and reap what answers left behind: children of ours that are no hosts.

        Each is stopped before it is killed, so that it cannot start another one in between.
        """
        ours = {host.pid for host in self._hosts}
        left = False
        for process in psutil.Process().children(recursive=True):
            if process.pid in ours:
                continue
            left = True
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process.pid, signal.SIGSTOP)
                os.kill(process.pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):  # not (yet) our own child
                os.waitpid(process.pid, os.WNOHANG)
        return not left


def _environment(folder: Path, secret: bytes | None) -> dict[str, str]:
    """What an answer sees of the environment: nothing of the learner's, and no hash randomness."""
    kept = ("PATH", "LANG", "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    environment |= {
        "HOME": str(folder),
        "USERPROFILE": str(folder),
        "TMPDIR": str(folder),
        "TEMP": str(folder),
        "TMP": str(folder),
        "TZ": "UTC",
        "MALLOC_ARENA_MAX": "2",  # an arena per thread would use up the address space
        "PYTHONHASHSEED": "0",
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
    }
    if secret is not None:
        environment["LABSUPPORT_HOST"] = secret.hex()
    return environment


def _accepted(listener: socket.socket, secret: bytes) -> socket.socket:
    """The connection of the host that knows the secret; others are dropped."""
    until = Deadline(_START)
    while not until.expired:
        listener.settimeout(max(0.001, until.left()))
        connection, _ = listener.accept()
        connection.settimeout(max(0.001, until.left()))
        told = b""
        with contextlib.suppress(OSError):
            while len(told) < len(secret) and (piece := connection.recv(len(secret) - len(told))):
                told += piece
        if secrets.compare_digest(told, secret):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection
        connection.close()
    raise TimeoutError(f"the answer's process did not start within {_START:g} s")


def _become_subreaper() -> bool:
    """On Linux, adopt orphaned descendants of this process (prctl(2)). Whether it worked."""
    if sys.platform != "linux":
        return False
    import ctypes

    set_child_subreaper = 36
    return bool(ctypes.CDLL(None).prctl(set_child_subreaper, 1, 0, 0, 0) == 0)


def _pair(address: Any) -> tuple[str, int] | None:
    return (address.ip, address.port) if address else None
