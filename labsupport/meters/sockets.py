"""TCP sockets as the operating system sees them: whose they are, and in which state.

A connection's state is asked for by its two endpoints, which identify it (RFC 9293, section 3.4.1),
so that also a socket without an owner is found: one in TIME_WAIT belongs to no process any more.
Linux answers that question exactly. Elsewhere psutil lists what it may see, and what cannot be seen
is `Unavailable` instead of a guess.

States have the names of RFC 9293 with underscores: "FIN_WAIT_1", "TIME_WAIT", "SYN_RECEIVED".
"CLOSED" means that the system has no such socket (any more).
"""

from __future__ import annotations

import ipaddress
import socket
import struct
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psutil

from labsupport.sockdiag import SockDiag

__all__ = [
    "STATES",
    "Address",
    "Connection",
    "Owner",
    "Unavailable",
    "connections",
    "owner_of_port",
    "tcp_info",
    "tcp_state",
]

Address = Sequence[Any]
"""(host, port), or the longer tuple that IPv6 sockets give; only the first two parts are used."""

# At the place of the kernel's number (linux/include/net/tcp_states.h); 12 is a handshake that is
# not complete, kept apart from sockets.
_KERNEL = (
    "CLOSED", "ESTABLISHED", "SYN_SENT", "SYN_RECEIVED", "FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT",
    "CLOSED", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING", "SYN_RECEIVED",
)  # fmt: skip

STATES = tuple(dict.fromkeys(_KERNEL))
"""The eleven states of a TCP connection."""

_PSUTIL = {
    "SYN_RECV": "SYN_RECEIVED",
    "FIN_WAIT1": "FIN_WAIT_1",
    "FIN_WAIT2": "FIN_WAIT_2",
    "CLOSE": "CLOSED",
    "NONE": "CLOSED",
    "DELETE_TCB": "CLOSED",
}


class Unavailable(RuntimeError):
    """This machine does not tell; the message says what and why."""


@dataclass(frozen=True, slots=True)
class Connection:
    """One TCP socket: ``remote`` is None for a listener, ``pid`` when no owner is visible."""

    local: tuple[str, int]
    remote: tuple[str, int] | None
    state: str
    pid: int | None


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that listens on a port."""

    pid: int
    name: str


def connections(port: int, *, pid: int | None = None) -> list[Connection]:
    """This process's TCP sockets with ``port`` at either end, listeners first, then by endpoint.

    ``pid`` names another process, which must belong to the same user. Sockets in TIME_WAIT belong
    to no process and are not listed; `tcp_state` finds them. Raises psutil.NoSuchProcess,
    psutil.AccessDenied.
    """
    mine = [
        each
        for each in _own_sockets(pid)
        if port in (each.local[1], each.remote[1] if each.remote is not None else None)
    ]
    return sorted(mine, key=lambda each: (each.state != "LISTEN", each.local, each.remote or ()))


def owner_of_port(port: int) -> Owner | None:
    """The process that listens on a TCP port of this machine; None when nobody does.

    Raises Unavailable when somebody does (on macOS: may do) whom the system does not show to this
    user, because the process belongs to another one.
    """
    try:
        listed = _all_sockets()
    except psutil.AccessDenied:
        return _own_listener(port)
    found = [each for each in listed if each.state == "LISTEN" and each.local[1] == port]
    if not found:
        return None
    pid = found[0].pid
    if not pid:
        raise Unavailable(
            f"a process listens on port {port}, but the system does not show you which: it belongs "
            "to another user"
        )
    return Owner(pid, psutil.Process(pid).name())


def _own_listener(port: int) -> Owner:
    """The listener among the processes that this user may look at."""
    for process in psutil.process_iter(["name"]):
        try:
            found = _own_sockets(process.pid)
        except (psutil.AccessDenied, psutil.NoSuchProcess):
            continue  # not ours to look at, or gone since it was listed
        if any(each.state == "LISTEN" and each.local[1] == port for each in found):
            return Owner(process.pid, process.info["name"])
    raise Unavailable(
        f"none of your own processes listens on port {port}; this system does not show you those "
        "of other users"
    )


def tcp_state(local: Address, remote: Address | None) -> str:
    """The kernel's state of the TCP socket with these endpoints, such as "CLOSE_WAIT".

    ``remote`` is None for a listener. "CLOSED" when there is no such socket. Linux sees every
    socket of the machine, TIME_WAIT too; so does Windows. On macOS only sockets of this process are
    visible, and for others this raises Unavailable.
    """
    wanted = (_endpoint(local), _endpoint(remote) if remote is not None else None)
    if sys.platform == "linux":
        # A sandbox may forbid the question; the list below needs /proc only.
        with suppress(OSError):
            return _KERNEL[_state_number(*wanted)]
    try:
        listed = _all_sockets()
    except psutil.AccessDenied:
        listed = _own_sockets()
        if wanted not in [(each.local, each.remote) for each in listed]:
            raise Unavailable(
                "this system shows only the sockets that this process has open. The one that is "
                "asked for is not among them: it is closed, in TIME_WAIT, or another process's."
            ) from None
    states = [each.state for each in listed if (each.local, each.remote) == wanted]
    return states[0] if states else "CLOSED"


def _state_number(local: tuple[str, int], remote: tuple[str, int] | None) -> int:
    """The kernel's number of a socket's state; 0 when there is no such socket."""
    with SockDiag() as kernel:
        found = kernel.ask(local, remote or ("::" if ":" in local[0] else "0.0.0.0", 0))
    if found is None:
        return 0
    # Where no connection fits, the kernel answers with the listener on that port.
    listens = _KERNEL[found.state] == "LISTEN"
    return 0 if remote is not None and listens else found.state


def _all_sockets() -> list[Connection]:
    return [_plain(each, each.pid) for each in psutil.net_connections(kind="tcp") if each.laddr]


def _own_sockets(pid: int | None = None) -> list[Connection]:
    process = psutil.Process(pid)
    found = process.net_connections(kind="tcp")
    return [_plain(each, process.pid) for each in found if each.laddr]


def _plain(found: Any, pid: int | None) -> Connection:
    return Connection(
        _endpoint(found.laddr),
        _endpoint(found.raddr) if found.raddr else None,
        _PSUTIL.get(found.status, found.status),
        pid,
    )


def _endpoint(address: Address) -> tuple[str, int]:
    host = ipaddress.ip_address(str(address[0]).partition("%")[0])
    mapped = host.ipv4_mapped if isinstance(host, ipaddress.IPv6Address) else None
    return str(mapped or host), int(address[1])


# The first 104 bytes of struct tcp_info (linux/include/uapi/linux/tcp.h), the same on every
# architecture and since Linux 2.6. The scale is how a number becomes seconds or stays what it is.
_INFO = struct.Struct("=8B24I")
_INFO_FIELDS: Mapping[str, tuple[int, float]] = {
    "retransmits": (2, 1),
    "probes": (3, 1),
    "backoff": (4, 1),
    "rto": (8, 1e-6),
    "ato": (9, 1e-6),
    "snd_mss": (10, 1),
    "rcv_mss": (11, 1),
    "unacked": (12, 1),
    "lost": (14, 1),
    "retrans": (15, 1),
    "last_data_sent": (17, 1e-3),
    "last_data_recv": (19, 1e-3),
    "last_ack_recv": (20, 1e-3),
    "pmtu": (21, 1),
    "rcv_ssthresh": (22, 1),
    "rtt": (23, 1e-6),
    "rttvar": (24, 1e-6),
    "snd_ssthresh": (25, 1),
    "snd_cwnd": (26, 1),
    "advmss": (27, 1),
    "reordering": (28, 1),
    "rcv_rtt": (29, 1e-6),
    "rcv_space": (30, 1),
    "total_retrans": (31, 1),
}


def tcp_info(sock: socket.socket) -> dict[str, Any]:
    """What the kernel knows about a TCP connection now (Linux; man 7 tcp, TCP_INFO).

    Seconds: rtt and rttvar (smoothed round trip and its variation), rcv_rtt (as the receiver sees
    it), rto (retransmission timeout), ato (delayed-ACK timeout), last_data_sent, last_data_recv and
    last_ack_recv (since then). Bytes: snd_mss, rcv_mss, advmss, pmtu, rcv_space, rcv_ssthresh.
    Segments: unacked (sent, not acknowledged), lost, retrans (now), total_retrans (ever), snd_cwnd,
    snd_ssthresh, reordering. Times: retransmits, probes, backoff (in a row). And "state", by name.

    Raises Unavailable where the system has no TCP_INFO or Python does not reach it, and OSError for
    a socket that is closed or is not TCP.
    """
    option = getattr(socket, "TCP_INFO", None)
    if sys.platform != "linux" or option is None:
        raise Unavailable(
            f"TCP_INFO is read on Linux only, and this is {sys.platform}. Measure with a clock "
            "instead."
        )
    raw = _INFO.unpack(sock.getsockopt(socket.IPPROTO_TCP, option, _INFO.size))
    info: dict[str, Any] = {"state": _KERNEL[raw[0]]}
    for name, (place, scale) in _INFO_FIELDS.items():
        info[name] = raw[place] if scale == 1 else raw[place] * scale
    return info
