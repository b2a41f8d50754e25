"""What this machine allows: the facts on which a lesson's demonstrations depend.

Each fact is tried and not looked up: IPv6 works when a connection over ::1 works, a low port is
allowed when one can be bound. Everything stays on this machine and is closed again.
"""

from __future__ import annotations

import errno
import os
import platform
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import closing
from html import escape
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from labsupport.meters.sockets import Unavailable, tcp_info
from labsupport.sockdiag import SockDiag

if sys.platform != "win32":
    import resource

__all__ = ["Facts", "what_this_machine_allows"]

_PACKAGES = ("jupyterlab", "tornado", "httpx", "h11", "matplotlib", "psutil")
_TOOLS = ("curl", "dig", "git", "nc", "openssl", "ss", "tcpdump", "tshark", "wireshark")
_SYSTEMS = {"linux": "Linux", "darwin": "macOS", "win32": "Windows"}
_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")


class Facts(dict[str, Any]):
    """The facts by name; shows itself as a table.

    The values differ from machine to machine, so the HTML marks each with the class "live", and the
    text that a notebook stores beside it says only that there is a table. `as_text` has it all.
    """

    def rows(self) -> Iterator[tuple[str, str]]:
        """Each fact in words: what, and how it is here."""
        yield "Python", f"{self['python']} on {self['system']}"
        yield "Packages", ", ".join(f"{name} {each}" for name, each in self["packages"].items())
        yield "Processors", str(self["processors"])
        yield "IPv6 loopback (::1)", _yes(self["ipv6"])
        yield "Ports below 1024", "may be bound" if self["low_ports"] else "need rights"
        ports, limit = self["dynamic_ports"], self["descriptors"]
        said = f"{ports[0]} to {ports[1]}" if ports else "not said here"
        yield "Ports handed out for port 0", said
        yield "Descriptors of one process", f"{limit:,}" if limit else "no fixed limit"
        yield "TCP_INFO (the system's own figures)", _yes(self["tcp_info"])
        yield "Exact cuts by a Link", _yes(self["causal_cut"])
        yield "Optional tools found", ", ".join(self["tools"]) or "none"

    def as_text(self) -> str:
        """The table in plain characters."""
        rows = list(self.rows())
        wide = max(len(what) for what, _ in rows)
        return "\n".join(f"{what:<{wide}}  {said}" for what, said in rows)

    def __repr__(self) -> str:
        return f"What this machine allows: a table of {len(list(self.rows()))} facts."

    def _repr_html_(self) -> str:
        cells = "".join(
            f'<tr><th scope="row" style="text-align: left">{escape(what)}</th>'
            f'<td class="live" style="text-align: left">{escape(said)}</td></tr>'
            for what, said in self.rows()
        )
        return f"<table><caption>What this machine allows</caption><tbody>{cells}</tbody></table>"


def what_this_machine_allows() -> Facts:
    """Try what the lessons need, in a few milliseconds.

    The facts: "python" and "system" (text), "packages" (name: version), "processors", "ipv6",
    "low_ports", "tcp_info", "causal_cut" (whether it works here), "dynamic_ports" (first and last
    port that port 0 is given, or None), "descriptors" (the limit of one process, or None), "tools"
    (names of optional programs that are installed).
    """
    return Facts(
        python=platform.python_version(),
        system=_SYSTEMS.get(sys.platform, sys.platform),
        packages=dict(_packages()),
        processors=os.cpu_count() or 1,
        ipv6=_ipv6_works(),
        low_ports=_low_port_works(),
        dynamic_ports=_dynamic_ports(),
        descriptors=_descriptor_limit(),
        tcp_info=_tcp_info_works(),
        causal_cut=_causal_cut_works(),
        tools=[tool for tool in _TOOLS if shutil.which(tool)],
    )


def _packages() -> Iterator[tuple[str, str]]:
    for name in _PACKAGES:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            yield name, "missing"


def _ipv6_works() -> bool:
    if not socket.has_ipv6:
        return False
    try:
        with (
            socket.create_server(("::1", 0), family=socket.AF_INET6) as listener,
            socket.create_connection(listener.getsockname()[:2], timeout=2.0),
        ):
            return True
    except OSError:
        return False


def _low_port_works() -> bool:
    """Whether a port below 1024 may be bound; one that is in use says nothing, so try the next."""
    for port in range(1023, 0, -1):
        with closing(socket.socket()) as sock:
            try:
                sock.bind(("127.0.0.1", port))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    continue
                return False
            return True
    return False


def _dynamic_ports() -> tuple[int, int] | None:
    try:
        first, last = _PORTS.read_text(encoding="ascii").split()
    except OSError:
        return None
    return int(first), int(last)


def _descriptor_limit() -> int | None:
    if sys.platform == "win32":
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


def _tcp_info_works() -> bool:
    with closing(socket.socket()) as sock:
        try:
            tcp_info(sock)
        except (Unavailable, OSError):
            return False
    return True


def _causal_cut_works() -> bool:
    """Whether the kernel says what a receiver has not read yet, which a `Link` waits for."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        try:
            with SockDiag() as kernel:
                return kernel.ask(listener.getsockname(), ("0.0.0.0", 0)) is not None
        except OSError:
            return False


def _yes(works: bool) -> str:
    return "works" if works else "not here"
