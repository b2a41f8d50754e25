"""Has the receiver read everything? The question behind a causal cut (Linux only).

Bytes that were sent on a connection lie in one of two queues until the receiving program reads
them: the sender's, until they are acknowledged, and the receiver's. Both can be asked for from the
sender's process, without rights, although the receiver is another process:

1. `ioctl(TIOCOUTQ)` gives the bytes that are sent and not acknowledged (tcp(7), SIOCOUTQ).
2. `SockDiag` finds one TCP socket of this machine by its two addresses and gives the bytes in its
   receive queue.

The first must be 0 before the second means anything: bytes that have not arrived are in no receive
queue. The receiver's socket is the one whose own address is our remote address.

A connection that the kernel does not find has been closed by the receiver: nobody will read, so
there is nothing to wait for.
"""

from __future__ import annotations

import errno
import functools
import socket
import struct
import sys
from typing import Any

from labsupport.clock import poll
from labsupport.sockdiag import SockDiag

if sys.platform == "linux":
    import fcntl
    import termios

__all__ = ["ReadProbe", "available", "unacknowledged"]


def unacknowledged(sock: socket.socket) -> int:
    """The bytes that were sent on a TCP socket and that the other side has not acknowledged.

    Raises OSError where the system cannot say (elsewhere than on Linux).
    """
    if sys.platform != "linux":
        raise OSError(errno.ENOTSUP, "only Linux tells how many bytes are unacknowledged")
    answer = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0\0\0\0")
    count: int = struct.unpack("=i", answer)[0]
    return count


class ReadProbe(SockDiag):
    """Answers for any number of connections whether their receivers have read. See `available`."""

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
        return not unacknowledged(sock) and not self.waiting(receiver, sender)

    def waiting(self, own: Any, remote: Any) -> int:
        """The bytes in the receive queue of the socket with these two addresses; 0 if it is gone.

        own, remote: its own address and that of its peer, as getsockname and getpeername give them.
        """
        found = self.ask(own[:2], remote[:2], scope=own[3] if len(own) > 3 else 0)
        return found.receive_queue if found else 0


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
