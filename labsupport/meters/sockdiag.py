"""One exact question to the Linux kernel about a TCP socket, by its two endpoints.

The kernel answers over netlink (NETLINK_SOCK_DIAG, man 7 sock_diag) for any socket of the machine,
also of other processes and of none (TIME_WAIT), without rights, in some tens of microseconds. The
layout of question and answer is that of linux/include/uapi/linux/inet_diag.h.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import struct
import sys

__all__ = ["state_number"]

_SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, _NLMSG_ERROR, _NETLINK_SOCK_DIAG = 20, 1, 2, 4
_LISTEN = 10
_ANY_SOCKET = struct.pack("=III", 0, 0xFFFFFFFF, 0xFFFFFFFF)  # interface 0, no cookie
_REQUEST = struct.Struct("=IHHIIBBBBI")  # a netlink header, and the head of inet_diag_req_v2
_STATE_AT = 17  # in the answer: behind the netlink header and the family


def state_number(local: tuple[str, int], remote: tuple[str, int] | None) -> int:
    """The kernel's number of a socket's state (net/tcp_states.h); 0 when there is no such socket.

    ``remote`` is None for a listener. Raises OSError where the system does not answer.
    """
    if sys.platform != "linux":
        raise OSError(errno.ENOTSUP, "only Linux answers questions about any socket")
    there = remote or ("::" if ":" in local[0] else "0.0.0.0", 0)
    tail = struct.pack("!HH", local[1], there[1]) + _packed(local[0]) + _packed(there[0])
    tail += _ANY_SOCKET
    family = socket.AF_INET6 if ":" in local[0] else socket.AF_INET
    head = _REQUEST.pack(
        _REQUEST.size + len(tail), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 0, 0,
        family, socket.IPPROTO_TCP, 0, 0, 0xFFFFFFFF,
    )  # fmt: skip
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as kernel:
        kernel.settimeout(1.0)
        kernel.sendto(head + tail, (0, 0))
        answer = kernel.recv(4096)
    (kind,) = struct.unpack_from("=H", answer, 4)
    if kind == _NLMSG_ERROR:
        (error,) = struct.unpack_from("=i", answer, 16)
        if -error == errno.ENOENT:
            return 0
        raise OSError(-error, f"sock_diag: {os.strerror(-error)}")
    state = answer[_STATE_AT]
    # Where no connection fits, the kernel answers with the listener on that port.
    return 0 if remote is not None and state == _LISTEN else state


def _packed(host: str) -> bytes:
    return ipaddress.ip_address(host).packed.ljust(16, b"\0")
