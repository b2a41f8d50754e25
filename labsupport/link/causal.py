"""Has the receiver read everything? The question behind a causal cut (Linux only).

Bytes that were sent on a connection lie in one of two queues until the receiving program reads
them: the sender's, until they are acknowledged, and the receiver's. Both can be asked for from the
sender's process, without rights, although the receiver is another process:

1. `ioctl(TIOCOUTQ)` gives the bytes that are sent and not acknowledged (tcp(7), SIOCOUTQ).
2. A netlink socket (NETLINK_SOCK_DIAG) finds one TCP socket of this machine by its two addresses
   and gives the bytes in its receive queue (sock_diag(7), struct inet_diag_req_v2).

The first must be 0 before the second means anything: bytes that have not arrived are in no receive
queue. The receiver's socket is the one whose own address is our remote address.

A connection that the kernel does not find (ENOENT) has been closed by the receiver: nobody will
read, so there is nothing to wait for. The kernel answers a query while the question is being sent,
so the answer is there at once and a query costs some 10 microseconds.
"""

from __future__ import annotations

import errno
import functools
import os
import socket
import struct
import sys
from types import TracebackType
from typing import Any

from labsupport.clock import poll

if sys.platform == "linux":
    import fcntl
    import termios

__all__ = ["ReadProbe", "available", "unacknowledged"]

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
_RECEIVE_QUEUE_AT = _MESSAGE.size + 4 + 48 + 4  # in struct inet_diag_msg: idiag_rqueue


def unacknowledged(sock: socket.socket) -> int:
    """The bytes that were sent on a TCP socket and that the other side has not acknowledged.

    Raises OSError where the system cannot say (elsewhere than on Linux).
    """
    if sys.platform != "linux":
        raise OSError(errno.ENOTSUP, "only Linux tells how many bytes are unacknowledged")
    answer = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0\0\0\0")
    count: int = struct.unpack("=i", answer)[0]
    return count


class ReadProbe:
    """One netlink socket that answers for any number of connections. A context manager.

    Raises OSError when the system has no such interface; see `available`.
    """

    def __init__(self) -> None:
        if sys.platform != "linux":
            raise OSError(errno.ENOTSUP, "only Linux tells how full another socket's queue is")
        self._netlink = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG
        )
        self._netlink.bind((0, 0))
        self._netlink.settimeout(1.0)
        self._sequence = 0

    def has_read(self, sock: socket.socket) -> bool:
        """Whether the receiver of what was sent on this connected socket has read all of it.

        Also true when the receiver is gone. Raises OSError when the kernel refuses to say.
        """
        try:
            receiver, sender = sock.getpeername(), sock.getsockname()
        except OSError as error:
            if error.errno == errno.ENOTCONN:  # reset: what was sent will never be acknowledged
                return True
            raise
        return not unacknowledged(sock) and not self.waiting(sock.family, receiver, sender)

    def waiting(self, family: int, own: Any, remote: Any) -> int:
        """The bytes in the receive queue of the socket with these two addresses; 0 if it is gone.

        own, remote: its own address and that of its peer, as getsockname and getpeername give them.
        """
        scope = own[3] if family == socket.AF_INET6 and len(own) > 3 else 0
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
                return 0
            raise OSError(code, f"the kernel did not answer for a socket: {os.strerror(code)}")
        queued: int = struct.unpack_from("=I", answer, _RECEIVE_QUEUE_AT)[0]
        return queued

    def close(self) -> None:
        """Close the netlink socket; closing twice is fine."""
        self._netlink.close()

    def __enter__(self) -> ReadProbe:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


@functools.cache
def available() -> bool:
    """Whether this machine can tell that a receiver has read; tried once on a real connection."""
    if sys.platform != "linux":
        return False
    try:
        with (
            ReadProbe() as probe,
            socket.create_server(("127.0.0.1", 0)) as listener,
            socket.create_connection(listener.getsockname(), timeout=1.0) as sender,
            listener.accept()[0] as receiver,
        ):
            sender.sendall(b"?")
            poll(lambda: not unacknowledged(sender), deadline=1.0, said="no acknowledgement")
            unread = probe.has_read(sender)
            receiver.settimeout(1.0)
            receiver.recv(1)
            return not unread and probe.has_read(sender)
    except OSError:  # TimeoutError is one: the system has not the interface, or not for us
        return False


def _packed(family: int, address: str) -> bytes:
    """An address as the 16 bytes of struct inet_diag_sockid; IPv4 takes the first four."""
    return socket.inet_pton(family, address.partition("%")[0]).ljust(16, b"\0")
