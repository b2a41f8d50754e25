"""Both ends of one connection in one place, recorded.

    with connected(trace) as (client, server):                # directly
    with connected(trace, Link(cut=1)) as (client, server):   # through a cable

A lesson about what travels between two sockets needs both of them in one cell: what one end does is
then followed by what the other end sees, in the order of the lines. Both write into one trace, from
which `pictures` draws. The cable records into a trace of its own, unless it is given the same one.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress

from labsupport.clock import poll
from labsupport.link import Link
from labsupport.recording import RecordingSocket, record
from labsupport.trace import Trace

__all__ = ["arrived", "connected"]


@contextmanager
def connected(
    trace: Trace, cable: Link | None = None, *, timeout: float = 5.0
) -> Iterator[tuple[RecordingSocket, RecordingSocket]]:
    """A client's and a server's socket, connected to each other, recorded in `trace`.

    cable: what lies between them, a `Link` that is not started; without it, nothing does.
    timeout: seconds, of connecting, and then of both sockets.

    Both sockets and the cable are closed at the end of the block. Raises what connecting raises,
    and RuntimeError for a cable that was started before.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener, cable or nullcontext():
        address = listener.getsockname()
        if cable is not None:
            address = cable.start(address).address
        listener.settimeout(timeout)
        with record(socket.create_connection(address, timeout), trace, "client") as client:
            accepted, _ = listener.accept()
            accepted.settimeout(timeout)
            with record(accepted, trace, "server") as server:
                yield client, server


def arrived(sock: socket.socket, count: int, *, timeout: float = 5.0) -> None:
    """Wait until so many bytes lie in the kernel, where one `recv` can take them all.

    They stay there, and a recording socket does not record that they were looked at. timeout: in
    seconds; raises TimeoutError when fewer have come by then, and OSError when the socket broke.
    """

    def there() -> int:
        with suppress(BlockingIOError):
            return len(socket.socket.recv(sock, count, socket.MSG_PEEK))
        return 0

    before = sock.gettimeout()
    sock.settimeout(0)
    try:
        poll(
            lambda: there() == count,
            deadline=timeout,
            said=f"fewer than {count} bytes came within {timeout:g} s",
        )
    finally:
        sock.settimeout(before)
