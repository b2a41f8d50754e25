"""How much memory the sockets of this thread's network hold.

What waits in them belongs to no process, and no limit of a process counts it. The kernel tells it
(sock_diag(7)), but for what a UNIX socket sent that is closed by now: a UNIX socket in which
something waits, and whose peer is gone, counts with the most that it could hold. Nor does it list
sockets of TCP after a reset and of UDP without an address, and what UDP was told to keep back
(MSG_MORE in send(2)): these are not seen.

TCP and UDP have a limit in the system as a whole (tcp_mem and udp_mem in tcp(7) and udp(7)),
whatever network a socket is in. Whoever reaches it takes from all others: their sends take less,
and their connections are reset.

Layouts: linux/include/uapi/linux/netlink.h, unix_diag.h, inet_diag.h and sock_diag.h.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

__all__ = ["Sockets"]

_SOCK_DIAG, _BY_FAMILY = 4, 20
_REQUEST_DUMP = 1 | 0x300
_ERROR, _DONE = 2, 3
_HEAD = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_ATTRIBUTE = struct.Struct("=HH")  # length, type
_ANY = 0xFFFFFFFF

_ASKED_UNIX = struct.Struct("=BBHIIIII")  # family, protocol, padding, states, inode, show, cookie
_UNIX = struct.Struct("=BBBxIII")  # family, type, state, inode, cookie
_SHOW_PEER, _SHOW_QUEUES = 4, 16
_PEER, _QUEUES = 2, 4
_LISTENS = 10

_ASKED_INTERNET = struct.Struct("=BBBxI48x")  # family, protocol, wanted, states; of any address
_INTERNET_SIZE = 72
_MEMORY = 7
_HELD = struct.Struct("=I12xiI")  # received; ahead, to send
_PROTOCOLS = {"tcp": socket.IPPROTO_TCP, "udp": socket.IPPROTO_UDP}


class Sockets:
    """Questions that can be asked again. Raises OSError where the kernel does not answer."""

    def __init__(self) -> None:
        with socket.socket(socket.AF_UNIX) as asked:  # an older kernel shows no wmem_max here
            asked.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**30)
            self._most = asked.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
        self._senders = 1 + _queue_of_datagrams()
        self._netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG)
        self._netlink.settimeout(1.0)

    def close(self) -> None:
        """Ask no more."""
        self._netlink.close()

    def local(self) -> int:
        """The most bytes that UNIX and netlink sockets can hold as they are now."""
        return self._unix() + _netlink()

    def _unix(self) -> int:
        show = _SHOW_PEER | _SHOW_QUEUES
        asked = _ASKED_UNIX.pack(socket.AF_UNIX, 0, 0, _ANY, 0, show, _ANY, _ANY)
        return sum(map(self._in_unix, self._told(asked)))

    def beyond(self, most: int) -> bool:
        """Whether those of TCP, or of UDP, hold more than so many bytes.

        Each socket is asked only where the whole system holds more, which takes it microseconds to
        tell.
        """
        return any(
            held > most and self.internet(name) > most for name, held in _whole_system().items()
        )

    def internet(self, name: str) -> int:
        """The bytes that TCP's or UDP's sockets hold; name: "tcp" or "udp"."""
        wanted = 1 << (_MEMORY - 1)
        return sum(
            _in_internet(told)
            for family in (socket.AF_INET, socket.AF_INET6)
            for told in self._told(_ASKED_INTERNET.pack(family, _PROTOCOLS[name], wanted, _ANY))
        )

    def _told(self, asked: bytes) -> Iterator[bytes]:
        """What the kernel says of each socket."""
        size = _HEAD.size + len(asked)
        self._netlink.send(_HEAD.pack(size, _BY_FAMILY, _REQUEST_DUMP, 0, 0) + asked)
        while True:
            told = self._netlink.recv(64 * 1024)
            while told:
                length, kind, *_ = _HEAD.unpack_from(told)
                if kind in (_DONE, _ERROR):
                    code = -struct.unpack_from("=i", told, _HEAD.size)[0]
                    if code or kind == _ERROR:
                        raise OSError(code, f"the kernel did not answer: {os.strerror(code)}")
                    return
                yield told[_HEAD.size : length]
                told = told[length + -length % 4 :]

    def _in_unix(self, told: bytes) -> int:
        _, kind, state, *_ = _UNIX.unpack_from(told)
        if state == _LISTENS:
            return 0
        attributes = dict(_attributes(told[_UNIX.size :]))
        (peer,) = struct.unpack("=I", attributes.get(_PEER, bytes(4)))
        unread, sent = struct.unpack("=II", attributes.get(_QUEUES, bytes(8)))
        if unread and not peer:
            sent += self._most * (self._senders if kind == socket.SOCK_DGRAM else 1)
        return int(sent)


def _in_internet(told: bytes) -> int:
    attributes = dict(_attributes(told[_INTERNET_SIZE:]))
    return sum(_HELD.unpack_from(attributes[_MEMORY])) if _MEMORY in attributes else 0


def _attributes(told: bytes) -> Iterator[tuple[int, bytes]]:
    while told:
        length, kind = _ATTRIBUTE.unpack_from(told)
        yield kind, told[_ATTRIBUTE.size : length]
        told = told[length + -length % 4 :]


def _queue_of_datagrams() -> int:
    """How many datagrams wait in a UNIX socket at most."""
    try:
        return int(Path("/proc/sys/net/unix/max_dgram_qlen").read_text(encoding="ascii"))
    except FileNotFoundError:  # an older kernel hides it in a network that a user has made
        return 10  # what such a network begins with, and nobody in it may change


def _netlink() -> int:
    """The bytes that wait in netlink sockets."""
    lines = Path("/proc/thread-self/net/netlink").read_text(encoding="ascii").splitlines()
    return sum(int(line.split()[4]) for line in lines[1:])


def _whole_system() -> dict[str, int]:
    """The bytes that the sockets of all networks hold, by protocol."""
    held = {}
    for line in Path("/proc/net/sockstat").read_text(encoding="ascii").splitlines():
        name, *words = line.split()
        if (name := name.rstrip(":").lower()) in _PROTOCOLS:
            told = dict(zip(words[::2], words[1::2], strict=True))
            held[name] = int(told["mem"]) * os.sysconf("SC_PAGE_SIZE")
    return held
