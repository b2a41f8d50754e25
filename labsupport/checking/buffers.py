"""How much memory the UNIX sockets of this thread's network may hold.

What waits in them belongs to no process, and no limit of a process counts it. The kernel tells it
(sock_diag(7)), but for one thing: what a socket sent that is closed by now. So a socket in which
something waits, and whose peer is gone, counts with the most that it could hold. TCP and UDP are
limited by the system as a whole (tcp_mem and udp_mem in tcp(7) and udp(7)).

Layouts: linux/include/uapi/linux/netlink.h and unix_diag.h.
"""

from __future__ import annotations

import os
import socket
import struct
from pathlib import Path

__all__ = ["UnixSockets"]

_SOCK_DIAG, _BY_FAMILY = 4, 20
_REQUEST_DUMP = 1 | 0x300
_ERROR, _DONE = 2, 3
_SHOW_PEER, _SHOW_QUEUES = 4, 16
_PEER, _QUEUES = 2, 4
_LISTENS = 10
_HEAD = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_ASKED = struct.Struct("=BBHIIIII")  # family, protocol, padding, states, inode, show, cookie
_SOCKET = struct.Struct("=BBBxIII")  # family, type, state, inode, cookie
_ATTRIBUTE = struct.Struct("=HH")  # length, type
_ANY = 0xFFFFFFFF


class UnixSockets:
    """A question that can be asked again. Raises OSError where the kernel does not answer."""

    def __init__(self) -> None:
        self._most = 2 * int(
            Path("/proc/sys/net/core/wmem_max").read_text()
        )  # socket(7), SO_SNDBUF
        self._senders = 1 + int(Path("/proc/sys/net/unix/max_dgram_qlen").read_text())
        self._netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG)
        self._netlink.settimeout(1.0)

    def close(self) -> None:
        """Ask no more."""
        self._netlink.close()

    def may_hold(self) -> int:
        """The most that they can hold as they are now, in bytes."""
        show = _SHOW_PEER | _SHOW_QUEUES
        asked = _ASKED.pack(socket.AF_UNIX, 0, 0, _ANY, 0, show, _ANY, _ANY)
        size = _HEAD.size + len(asked)
        self._netlink.send(_HEAD.pack(size, _BY_FAMILY, _REQUEST_DUMP, 0, 0) + asked)
        total = 0
        while True:
            told = self._netlink.recv(64 * 1024)
            while told:
                length, kind, *_ = _HEAD.unpack_from(told)
                if kind == _DONE:
                    return total
                if kind == _ERROR:
                    code = -struct.unpack_from("=i", told, _HEAD.size)[0]
                    raise OSError(code, f"the kernel did not answer: {os.strerror(code)}")
                total += self._of_one(told[_HEAD.size : length])
                told = told[length + -length % 4 :]

    def _of_one(self, told: bytes) -> int:
        _, kind, state, *_ = _SOCKET.unpack_from(told)
        if state == _LISTENS:
            return 0
        peer = unread = sent = 0
        rest = told[_SOCKET.size :]
        while rest:
            length, attribute = _ATTRIBUTE.unpack_from(rest)
            if attribute == _PEER:
                (peer,) = struct.unpack_from("=I", rest, _ATTRIBUTE.size)
            elif attribute == _QUEUES:
                unread, sent = struct.unpack_from("=II", rest, _ATTRIBUTE.size)
            rest = rest[length + -length % 4 :]
        if unread and not peer:
            sent += self._most * (self._senders if kind == socket.SOCK_DGRAM else 1)
        return sent
