"""A warm process from which answers are forked, each into a jail of its own.

A launcher starts it as a fresh interpreter with a clean environment. It moves to where an answer
may be, imports the public libraries of the course once, and then waits for orders on its control
socket. It never sees an answer's source, a check, or the course's files: the source reaches the
forked process over its own channel. Three processes for each answer:

    zygote     forks, and sweeps up afterwards; ends when the control socket does
    keeper     the first process (pid 1) of the jail; waits, tells how the answer ended, and ends,
               whereupon the kernel kills all that is left in its pid namespace
    answer     host.main on the channel, with the least rights that can be had

Protection, from the strongest:

    root       user ids that nobody else has (a user namespace of 65,536 ids that this machine does
               not use), and namespaces for processes, network, mounts, IPC and names
    userns     the same namespaces, made without privilege; the user id is the caller's, in a user
               namespace without rights
    fenced     the machine's own network and processes, behind landlock(7)
    limited    limits only

All but the last have the seccomp filter; all have the limits of setrlimit(2). A jail with
namespaces has a network that only holds its own loopback: every port is free, and nobody is there.
The tree is entered before the user namespace is left for good, so that nothing of the former root
can be reached again.

Orders are datagrams of JSON on a SOCK_SEQPACKET socket, with descriptors (unix(7), SCM_RIGHTS):

    launch  [channel, output, news]   answered with [pidfd]; the keeper sends "up" with descriptors
                                      of [network namespace, home, /proc] over `news`, at the end
                                      an ending
    end                               kill the jail and everything in it; answered when that is done
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import importlib
import json
import os
import secrets
import select
import signal
import socket
import sys
import time
from typing import Any, NoReturn

from .. import host
from . import landlock, seccomp, syscalls, tree

FEW = (
    "collections", "contextlib", "dataclasses", "hashlib", "ipaddress", "json", "queue", "random",
    "re", "selectors", "socket", "struct", "threading", "time", "typing",
)  # fmt: skip
LIBRARIES = (
    "asyncio", "concurrent.futures", "email", "hmac", "http.client", "http.server", "logging",
    "socketserver", "ssl", "statistics", "tempfile", "urllib.parse", "urllib.request", "uuid",
)  # fmt: skip
PACKAGES = (
    "anyio._backends._asyncio", "h11", "httpcore", "httpx",  # which imports two of them late
    "tornado.httpclient", "tornado.httpserver", "tornado.simple_httpclient", "tornado.tcpserver",
    "tornado.web", "tornado.websocket",
)  # fmt: skip

_FIRST_OUTER_ID = 1_878_982_656  # 0x6ffe0000: above what systems and containers hand out
_IDS = 65_536
_ENDED = 5.0  # seconds to end everything in a jail
_STANDARD = 3  # descriptors of input, output and errors


def main() -> None:
    """Run a zygote: argv ends in a JSON object with "control", "protection", "limits", "more"."""
    settings = json.loads(sys.argv[-1])
    sys.argv[1:] = []
    control = socket.socket(fileno=settings["control"])
    control.set_inheritable(False)
    zygote = Zygote(control, settings["protection"], settings["limits"])
    try:
        zygote.move_in()
        zygote.warm_up(settings["more"])
    except OSError as error:
        control.send(json.dumps({"error": str(error)}).encode())
        os._exit(1)
    zygote.serve()


class Zygote:
    """Forks answers as they are ordered, one at a time."""

    def __init__(self, control: socket.socket, protection: str, limits: dict[str, Any]) -> None:
        self.control = control
        self.sealed = protection in ("root", "userns")
        self.protection = protection
        self.limits = limits
        self.filter = b"" if protection == "limited" else seccomp.program()
        self.pid = os.getpid()
        self.handed: list[int] = []
        self.pids = self.network = -1

    def move_in(self) -> None:
        """Go to where answers are forked. Raises OSError where this machine does not permit it."""
        if self.sealed:
            if self.protection == "root":
                syscalls.unshare(syscalls.NEW_MOUNTS)
                tree.enter_new_root()
                _enter_user_namespace(_unused_ids)
                syscalls.unshare(syscalls.NEW_MOUNTS | syscalls.NEW_PIDS | _QUIET)
            else:
                outside = os.getuid(), os.getgid()
                syscalls.unshare(syscalls.NEW_USER)
                syscalls.map_ids(os.getpid(), outside, 0)
                syscalls.unshare(syscalls.NEW_MOUNTS | syscalls.NEW_PIDS | _QUIET)
            self.handed.append(os.open("/proc/self/ns/user", os.O_RDONLY))
            self._continue_as_first()
            if self.protection == "userns":
                tree.enter_new_root()
            syscalls.mount("proc", "/proc", "proc", _PROC)
            self.pids = os.open("/proc/self/ns/pid", os.O_RDONLY)
            syscalls.unshare(syscalls.NEW_NET)
            _keep_tables_small()
            self.network = os.open("/proc/self/ns/net", os.O_RDONLY)
        else:
            if self.protection == "fenced":
                landlock.abi()  # a kernel without it says so now, and not to every answer
            syscalls.become_subreaper()

    def warm_up(self, more: bool) -> None:
        """Import the libraries from where answers will find them, and say that all is ready.

        more: also those that few answers use. A fork costs half as much without them.
        """
        for name in FEW:
            importlib.import_module(name)
        if more:
            _import_more()
        syscalls.hide()
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            with contextlib.suppress(OSError, ValueError):
                signal.signal(number, signal.SIG_DFL)
        for number in (*_SPARED, *_IGNORED):
            signal.signal(number, signal.SIG_IGN)
        gc.collect()
        gc.freeze()
        socket.send_fds(self.control, [b"{}"], self.handed)
        for descriptor in self.handed:
            os.close(descriptor)

    def _continue_as_first(self) -> None:
        """Go on as pid 1 of a new pid namespace; the process before waits for its end."""
        pid = os.fork()
        if pid:
            self.control.close()
            _, status = os.waitpid(pid, 0)
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
        syscalls.die_with_parent(_OUTSIDE)

    def serve(self) -> NoReturn:
        """Do what is ordered, until nobody is left to order."""
        while True:
            try:
                order, descriptors, _, _ = socket.recv_fds(self.control, 64 * 1024, 3)
            except OSError:
                break
            if not order:
                break
            asked = json.loads(order)
            if asked["op"] == "launch":
                self._launch(asked, *descriptors)
            else:
                self._end(asked)
        self._sweep()
        os._exit(0)

    def _reply(self, asked: dict[str, Any], reply: dict[str, Any], *descriptors: int) -> None:
        with contextlib.suppress(OSError):  # nobody there: the next order will not come
            text = json.dumps(reply | {"id": asked["id"]}).encode()
            socket.send_fds(self.control, [text], descriptors)
        for descriptor in descriptors:
            os.close(descriptor)

    def _launch(self, asked: dict[str, Any], channel: int, output: int, news: int) -> None:
        self._sweep()
        pid = -1
        try:
            if self.sealed:  # each of them gets namespaces below this process's own
                syscalls.enter(self.pids, syscalls.NEW_PIDS)
                syscalls.enter(self.network, syscalls.NEW_NET)
                syscalls.unshare(syscalls.NEW_PIDS | syscalls.NEW_NET | _QUIET)
            pid = os.fork()
        except OSError as error:
            self._reply(asked, {"error": str(error)})
            return
        finally:
            if pid != 0:
                for descriptor in (channel, output, news):
                    os.close(descriptor)
        if pid == 0:
            _Jail(self, asked, channel, output, news).keep()
        self._reply(asked, {}, os.pidfd_open(pid))

    def _end(self, asked: dict[str, Any]) -> None:
        self._reply(asked, {"clean": self._sweep()})

    def _sweep(self) -> bool:
        """Kill and reap all that is left of an answer; whether nothing is left.

        Without a pid namespace, what lost its parent has become a child of this process. Each is
        stopped before it is killed, so that it cannot start another one in between.
        """
        until = time.monotonic() + _ENDED
        while True:
            for pid in _children():
                for number in (signal.SIGSTOP, signal.SIGKILL):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, number)
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                return True
            if time.monotonic() > until:
                return False
            select.select([], [], [], 0.0005)


def _keep_tables_small() -> None:
    """Give networks below this one a table of connections of their own, and a small one.

    They share the machine's otherwise, which has a quarter of a million places, and each look at
    an answer's connections goes through all of them (Documentation/networking/ip-sysctl.rst).
    """
    with contextlib.suppress(OSError):  # since Linux 6.1
        with open("/proc/sys/net/ipv4/tcp_child_ehash_entries", "w", encoding="ascii") as file:
            file.write("256")


class _Jail:
    """One answer's jail, made and kept by the process that `_Zygote._launch` forked."""

    def __init__(
        self, zygote: Zygote, asked: dict[str, Any], channel: int, output: int, news: int
    ) -> None:
        self.zygote = zygote
        self.home = tree.HOME if zygote.sealed else asked["home"]
        self.channel = channel
        self.output = output
        self.news = socket.socket(fileno=news)
        self.writable = -1  # the former /proc

    def keep(self) -> NoReturn:
        """Be the keeper: fork the answer, wait for its end, tell it, and end."""
        try:
            self.zygote.control.close()
            syscalls.die_with_parent(_OUTSIDE if self.zygote.sealed else self.zygote.pid)
            if self.zygote.sealed:
                self._furnish()
            else:
                syscalls.become_subreaper()
            pid = os.fork()
            if pid == 0:
                self._be_the_answer()
            syscalls.hide()
            os.close(self.channel)
            os.close(self.output)
            ending: int | str = os.waitstatus_to_exitcode(self._waited(pid))
        except BaseException as error:
            ending = f"{type(error).__name__}: {error}"
        with contextlib.suppress(OSError):
            self.news.send(json.dumps({"ended": ending}).encode())
        if not self.zygote.sealed:
            self.zygote._sweep()
        os._exit(0)

    def _waited(self, answer: int) -> int:
        while True:
            pid, status = os.wait()
            if pid == answer:
                return status

    def _furnish(self) -> None:
        """Give the jail its own home, proc and network, and hand descriptors of them out."""
        syscalls.unshare(syscalls.NEW_MOUNTS)
        limits = self.zygote.limits
        options = f"size={limits['disk']},nr_inodes={limits['files']},mode=1777"
        syscalls.mount("tmpfs", tree.HOME, "tmpfs", syscalls.NO_SUID | syscalls.NO_DEVICES, options)
        # For semaphores and memory that processes share.
        syscalls.mount("tmpfs", "/dev/shm", "tmpfs", _PROC, "size=16m,nr_inodes=256,mode=1777")
        self.writable = os.open("/proc", os.O_PATH | os.O_DIRECTORY)
        syscalls.mount("proc", "/proc", "proc", _PROC | syscalls.READ_ONLY)
        syscalls.raise_loopback()
        opened = [os.open(path, os.O_RDONLY) for path in ("/proc/self/ns/net", tree.HOME, "/proc")]
        socket.send_fds(self.news, [b'{"up": true}'], opened)
        for each in opened:
            os.close(each)

    def _be_the_answer(self) -> NoReturn:
        errors = self.output
        try:
            self.news.close()
            if self.zygote.protection == "userns":
                self._enter_user_namespace()
            os.setsid()
            self._take_descriptors()
            errors = 2
            for number in _SPARED:
                signal.signal(number, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.chdir(self.home)
            for name in ("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP"):
                os.environ[name] = self.home
            missing = self._give_up_rights()
            gc.enable()
            host.Host(socket.socket(fileno=_STANDARD)).run(missing)
        except BaseException as error:
            with contextlib.suppress(BaseException):
                os.write(errors, f"The jail could not be made: {error}\n".encode())
        os._exit(1)

    def _enter_user_namespace(self) -> None:
        """Enter one without rights, before the limits are set: those of its maker hold for all
        processes of the user, that of the answer for those in it (user_namespaces(7))."""
        syscalls.unshare(syscalls.NEW_USER)
        syscalls.show_to_itself()  # the files of a hidden process belong to the superuser
        syscalls.map_ids("self", (0, 0), 1000, proc=f"/proc/self/fd/{self.writable}")

    def _take_descriptors(self) -> None:
        """Standard input is empty, output and errors go to the pipe, 3 is the channel: no more."""
        null = os.open("/dev/null", os.O_RDONLY)
        ours = (null, self.output, self.channel)
        high = [fcntl.fcntl(each, fcntl.F_DUPFD, _STANDARD + 1) for each in ours]
        os.dup2(high[0], 0)
        os.dup2(high[1], 1)
        os.dup2(high[1], 2)
        os.dup2(high[2], _STANDARD, inheritable=False)
        os.closerange(_STANDARD + 1, 4096)

    def _give_up_rights(self) -> list[str]:
        """Whatever can be given up, for ever; the names of limits that this system lacks."""
        zygote = self.zygote
        missing = host.limited(zygote.limits["resources"])
        if zygote.sealed:
            syscalls.bound_capabilities()
        if zygote.protection == "root":
            own = 1000 + secrets.randbelow(_IDS - 2000)
            os.setgroups([])
            os.setresgid(own, own, own)
            os.setresuid(own, own, own)
        if zygote.protection != "limited":
            syscalls.drop_capabilities()
            syscalls.forgo_privileges()
        syscalls.show_to_itself()
        if zygote.protection == "fenced":
            readable = (*tree.SYSTEM, *tree.NAMES, *tree.interpreter(), "/proc/self")
            landlock.fence(readable, (self.home, "/dev/null", "/dev/shm"))
        if zygote.filter:
            syscalls.load_filter(zygote.filter)
        return missing


_COMMAND = "httpx._main"  # imports rich, for a command; every fork would copy that, a tenth of it
_SPARED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # what ends the caller does not end it
_IGNORED = (signal.SIGPIPE, signal.SIGXFSZ)  # as any Python process has it
_OUTSIDE = 0  # the number of a parent that is in no pid namespace of ours
_QUIET = syscalls.NEW_IPC | syscalls.NEW_UTS
_PROC = syscalls.NO_SUID | syscalls.NO_DEVICES | syscalls.NO_EXECUTION


def _import_more() -> None:
    for name in LIBRARIES:
        importlib.import_module(name)
    sys.modules[_COMMAND] = None  # type: ignore[assignment]  # as where it is not installed
    for name in PACKAGES:
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module(name)
    del sys.modules[_COMMAND]


def _children() -> list[int]:
    """The living children of this process's only thread."""
    with open("/proc/thread-self/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


def _unused_ids(process: int) -> None:
    outside = _FIRST_OUTER_ID, _FIRST_OUTER_ID
    syscalls.map_ids(process, outside, 0, _IDS)


def _enter_user_namespace(mapped: Any) -> None:
    """Leave the user namespace of root for one with other ids, which a helper from before maps."""
    me = os.getpid()
    go, gone = os.pipe()
    helper = os.fork()
    if helper == 0:
        status = 1
        with contextlib.suppress(BaseException):
            os.close(gone)
            if os.read(go, 1):
                mapped(me)
                status = 0
        os._exit(status)
    os.close(go)
    syscalls.unshare(syscalls.NEW_USER)
    os.write(gone, b"1")
    os.close(gone)
    _, status = os.waitpid(helper, 0)
    if status:
        raise OSError("the ids of a user namespace could not be mapped")
    os.setgroups([])
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    syscalls.show_to_itself()
