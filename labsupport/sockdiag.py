"""Exact questions to the Linux kernel about one TCP socket of this machine, by its two endpoints.

The kernel answers over netlink (NETLINK_SOCK_DIAG, sock_diag(7)) for any socket of the machine,
also of other processes and of none (TIME_WAIT), without rights. It answers while the question is
being sent, so the answer is there at once and a question costs some 10 microseconds. The layout of
both is that of linux/include/uapi/linux/inet_diag.h.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import sys
from dataclasses import dataclass
from types import TracebackType
from typing import Self

__all__ = ["Asked", "SockDiag"]

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLM_F_REQUEST = 1
_NLMSG_ERROR = 2
_ALL_STATES = 0xFFFFFFFF
_NO_COOKIE = 0xFFFFFFFF

_MESSAGE = struct.Struct("=IHHII")  # struct nlmsghdr: length, type, flags, sequence, port
_REQUEST = struct.Struct("=BBBxI")  # family, protocol, extensions, states
_IDENTITY = struct.Struct("!HH16s16s")  # source port, destination port, addresses
_INTERFACE_AND_COOKIE = struct.Struct("=III")
_STATE_AT = _MESSAGE.size + 1  # in struct inet_diag_msg: idiag_state
_QUEUES_AT = _MESSAGE.size + 4 + 48 + 4  # idiag_rqueue and idiag_wqueue


@dataclass(frozen=True, slots=True)
class Asked:
    """What the kernel says of a socket.

    state: its number in net/tcp_states.h. receive_queue: bytes that it has and that nobody read.
    send_queue: bytes that were sent with it and that its peer's system has not acknowledged.
    """

    state: int
    receive_queue: int
    send_queue: int


class SockDiag:
    """One netlink socket that answers for any number of TCP sockets. A context manager.

    Raises OSError where the system has no such interface (elsewhere than on Linux, or a sandbox).
    """

    def __init__(self) -> None:
        if sys.platform != "linux":
            raise OSError(errno.ENOTSUP, "only Linux answers questions about any socket")
        self._netlink = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG
        )
        self._netlink.bind((0, 0))
        self._netlink.settimeout(1.0)
        self._sequence = 0

    def ask(self, own: tuple[str, int], remote: tuple[str, int], *, scope: int = 0) -> Asked | None:
        """The TCP socket with these two endpoints; None when there is no such socket.

        own: its own endpoint. remote: that of its peer; (unspecified address, 0) finds a listener.
        scope: the interface's number of a link-local address.

        Where no connection fits, the kernel answers with the listener on that port: see `state`.
        Raises OSError when the kernel refuses to say.
        """
        family = socket.AF_INET6 if ":" in own[0] else socket.AF_INET
        body = _REQUEST.pack(family, socket.IPPROTO_TCP, 0, _ALL_STATES)
        body += _IDENTITY.pack(
            own[1], remote[1], _packed(family, own[0]), _packed(family, remote[0])
        )
        body += _INTERFACE_AND_COOKIE.pack(scope, _NO_COOKIE, _NO_COOKIE)
        self._sequence = (self._sequence + 1) & 0xFFFFFFFF
        head = _MESSAGE.pack(
            _MESSAGE.size + len(body), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, self._sequence, 0
        )
        self._netlink.send(head + body)
        while True:
            answer = self._netlink.recv(4096)
            _, kind, _, sequence, _ = _MESSAGE.unpack_from(answer)
            if sequence == self._sequence:
                break
        if kind == _NLMSG_ERROR:
            code = -struct.unpack_from("=i", answer, _MESSAGE.size)[0]
            if code == errno.ENOENT:
                return None
            raise OSError(code, f"the kernel did not answer for a socket: {os.strerror(code)}")
        return Asked(answer[_STATE_AT], *struct.unpack_from("=II", answer, _QUEUES_AT))

    def close(self) -> None:
        """Close the netlink socket; closing twice is fine."""
        self._netlink.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _packed(family: int, address: str) -> bytes:
    """An address as the 16 bytes of struct inet_diag_sockid; IPv4 takes the first four."""
    return socket.inet_pton(family, address.partition("%")[0]).ljust(16, b"\0")
