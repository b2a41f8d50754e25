"""Starts an interpreter for each answer: the launcher that works on every system.

Level 1, "limited":
- own session and process group (POSIX), own process group (Windows);
- limits where setrlimit exists: address space, processor time, file size, descriptors, no core;
- a private folder as current folder and HOME, a clean environment, no standard input;
- output through one pipe: 64 KiB are kept, more than 8 MiB ends the process;
- ended with all of its children, which psutil lists before it is killed.
It does not keep an answer from reading this user's files, or from the network. A spare interpreter
is started ahead, so that a check need not wait for it.

The channel is one end of a socket pair where descriptors can be inherited, otherwise a loopback
connection that begins with a secret of 32 bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from labsupport.checking.folders import removed
from labsupport.checking.hosts import HostProcess, Limits, boot, environment, limited, words
from labsupport.clock import Deadline

__all__ = ["SpawnedHost", "Spawner"]

_START = 20.0  # seconds for an interpreter to start on a busy machine
_ENDED = 5.0  # seconds to end all processes of an answer


class SpawnedHost(HostProcess):
    """An interpreter of its own."""

    def __init__(self, limits: Limits, folder: Path, force_port: bool = False) -> None:
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
        variables = environment(str(folder))
        if not inherit:
            variables["LABSUPPORT_HOST"] = self._secret.hex()
        arguments = json.dumps({"channel": settings, "limits": limits.resources()})
        output, written = os.pipe()
        self._process = subprocess.Popen(
            [*boot("host"), arguments],
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=written,
            cwd=folder,
            env=variables,
            pass_fds=passed,
            start_new_session=os.name == "posix",
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        os.close(written)
        if inherit:
            theirs.close()
        self.pid = self._process.pid
        super().__init__(limits, folder, str(folder), output)
        self.watch()

    @property
    def channel(self) -> socket.socket:
        if self._channel is None:
            assert self._listener is not None
            with self._listener:
                self._channel = _accepted(self._listener, self._secret)
        self._channel.setblocking(False)
        return self._channel

    def wait(self, timeout: float | None = None) -> bool:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout)
        return self._process.returncode is not None

    def when_ended(self, loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
        def watch() -> None:
            self.wait()
            with contextlib.suppress(RuntimeError):  # the loop has ended before the process
                loop.call_soon_threadsafe(call)

        threading.Thread(target=watch, name=f"exit-{self.pid}", daemon=True).start()

    def ending(self) -> str:
        return words(self._process.wait())

    def kill(self) -> None:
        """Kill the host and its process group; children that left the group need `end`."""
        if os.name == "posix":
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            self._process.kill()

    def close(self) -> None:
        super().close()
        for each in (self._channel, self._listener):
            if each is not None:
                each.close()


class Spawner:
    """Level 1, limited.

    folder: where private folders are made; by default the system's folder for temporary files.
    force_port: use a loopback connection for the channel although descriptors can be inherited.
    missing: what would be needed for a higher level.
    """

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        folder: str | os.PathLike[str] | None = None,
        force_port: bool = False,
        missing: tuple[str, ...] = (),
    ) -> None:
        self.limits = limits or Limits()
        self.level = limited(missing)
        self._root = Path(tempfile.mkdtemp(prefix="labsupport-", dir=folder))
        self._force_port = force_port
        self._hosts: set[SpawnedHost] = set()
        self._spare: SpawnedHost | None = None
        self._lock = threading.RLock()
        self._closed = False

    def prepare(self) -> None:
        """Start a spare host, unless there is one."""
        with self._lock:
            if self._spare is None and not self._closed:
                self._spare = self._started()

    def take(self) -> SpawnedHost:
        """A host that has run nothing yet: the spare, or a new one."""
        with self._lock:
            host, self._spare = self._spare, None
            return host or self._started()

    def end(self, host: HostProcess) -> None:
        """Kill a host with all of its children, and remove its folder.

        Raises TimeoutError when it is still alive after 5 seconds.
        """
        assert isinstance(host, SpawnedHost)
        family = host.processes()[1:]
        host.kill()
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        if not host.wait(_ENDED):
            raise TimeoutError("the answer's process cannot be killed")
        host.close()
        with self._lock:
            self._hosts.discard(host)
        removed(host.folder)

    def kill_all(self) -> None:
        """Kill every host, without waiting. Safe from any thread."""
        for host in list(self._hosts):
            host.kill()

    def close(self) -> None:
        """End every host and remove the folders. May be called twice."""
        self._closed = True
        for host in list(self._hosts):
            self.end(host)
        shutil.rmtree(self._root, ignore_errors=True)

    def _started(self) -> SpawnedHost:
        # A name that tells an answer nothing, such as how many there were before.
        folder = Path(tempfile.mkdtemp(prefix="", dir=self._root))
        host = SpawnedHost(self.limits, folder, self._force_port)
        self._hosts.add(host)
        return host


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
