"""Everything stays on this machine: loopback addresses, and ports that the system picks.

Looked at are the literals of calls that open or reach a socket. Addresses in data, in prose and
in what a parser is given are free.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.promises import course, python
from tests.promises.python import Source

# What they take: an address tuple, or host and port, or a URL.
OPENING = {
    "bind",
    "connect",
    "connect_ex",
    "create_connection",
    "create_server",
    "start_server",
    "open_connection",
    "create_datagram_endpoint",
    "sendto",
    "serve",
    "listen",
    "bind_sockets",
    "Link",
    "getaddrinfo",
}
REQUESTING = {"get", "head", "post", "put", "patch", "delete", "request", "stream", "urlopen"}
LOOPBACK = {"127.0.0.1", "::1", "localhost", ""}
# Lesson 01b shows what a wildcard address reaches; it binds there and connects from here only.
WILDCARD = {"0.0.0.0", "::"}
MAY_SHOW_THE_WILDCARD = "notebooks/01b_addresses_and_ports.ipynb"
HOST = re.compile(r"[\w.:%-]+")
FIRST_FREE = 1024  # a smaller number in listen() is a backlog


@pytest.mark.parametrize("path", course.notebooks(), ids=course.short)
def test_a_notebook_stays_on_loopback_with_free_ports(path: Path) -> None:
    cells = python.cells(course.notebook(path), path.name)
    wildcard = course.short(path) == MAY_SHOW_THE_WILDCARD
    assert [fault for cell in cells for fault in faults(cell, wildcard=wildcard)] == []


@pytest.mark.parametrize(
    "path", python.files("labsupport", "exercises", "solutions"), ids=course.short
)
def test_a_file_stays_on_loopback_with_free_ports(path: Path) -> None:
    assert faults(python.source(path)) == []


def faults(source: Source, *, wildcard: bool = False) -> list[str]:
    """Literal ports and addresses off loopback in calls that open or reach a socket."""
    allowed = LOOPBACK | (WILDCARD if wildcard else set())
    found = []
    tree = source.tree()
    for name, call in python.calls(tree):
        where = f"{source.where}, line {call.lineno}: {name}"
        if name in OPENING:
            for port in ports(name, call):
                found.append(f"{where} takes the fixed port {port}; take 0 and ask for the number")
            for host in hosts(call):
                if host not in allowed and not (name in {"serve", "Link"} and "." not in host):
                    found.append(f"{where} goes to {host!r}, which is not loopback")
        if name in REQUESTING:
            for text in strings(call):
                asked = urlsplit(text).hostname if "://" in text else None
                if asked is not None and asked not in allowed:
                    found.append(f"{where} asks {asked!r}, which is not loopback")
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=int(port))) if (
                name.lower() in {"port", "server_port"} and FIRST_FREE <= port <= 65535
            ):
                found.append(f"{source.where}, line {node.lineno}: {name} is fixed to {port}")
    return found


def ports(name: str, call: ast.Call) -> list[int]:
    """The port numbers other than 0 among a call's literals."""
    found = [
        element.value
        for argument in call.args
        if isinstance(argument, ast.Tuple)
        for element in argument.elts[1:2]
        if isinstance(element, ast.Constant) and isinstance(element.value, int)
    ]
    # bind, connect and create_* take tuples; in these a number of its own is a port.
    if name in {"listen", "bind_sockets", "start_server", "open_connection"}:
        plain = [a.value for a in call.args if isinstance(a, ast.Constant)]
        found += [v for v in plain if isinstance(v, int) and v >= FIRST_FREE]
    found += [
        keyword.value.value
        for keyword in call.keywords
        if keyword.arg == "port"
        and isinstance(keyword.value, ast.Constant)
        and isinstance(keyword.value.value, int)
    ]
    return [port for port in found if port]


def hosts(call: ast.Call) -> list[str]:
    """The host names among a call's literals: first of a tuple, first argument, `host=`."""
    first = [a.elts[0] for a in call.args if isinstance(a, ast.Tuple) and a.elts]
    values = [*first, *call.args[:1], *(k.value for k in call.keywords if k.arg == "host")]
    texts = [v.value for v in values if isinstance(v, ast.Constant) and isinstance(v.value, str)]
    return [text for text in texts if HOST.fullmatch(text) or not text]


def strings(call: ast.Call) -> list[str]:
    """The string literals among a call's arguments, with the literal parts of f-strings."""
    nodes = [node for argument in [*call.args, *call.keywords] for node in ast.walk(argument)]
    return [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]


@pytest.mark.parametrize(
    "text",
    [
        's.bind(("127.0.0.1", 8000))',
        's.connect(("192.0.2.1", 0))',
        'socket.create_connection(("example.com", port))',
        "await asyncio.start_server(f, '127.0.0.1', 8888)",
        "app.listen(8888)",
        'await asyncio.open_connection(host="10.0.0.1", port=port)',
        "PORT = 8080",
        's.bind(("0.0.0.0", 0))',
        'httpx.get("https://example.com/")',
    ],
)
def test_a_fixed_port_or_a_far_address_is_found(text: str) -> None:
    assert len(faults(Source("example", text))) == 1


@pytest.mark.parametrize(
    "text",
    [
        's.bind(("127.0.0.1", 0))',
        "s.listen(128)",
        "socket.create_connection(server.address, timeout=5)",
        'parse_endpoint("example.com:80")',
        "serve(shout, name='shout')",
        'link = Link(to=server, name="cable")',
        'httpx.get(f"http://127.0.0.1:{server.port}/")',
        "rows.get('name')",
        "%check greet",
    ],
)
def test_loopback_with_a_free_port_is_accepted(text: str) -> None:
    assert faults(Source("example", text)) == []


def test_a_wildcard_is_accepted_where_it_is_the_subject() -> None:
    assert faults(Source("example", 's.bind(("0.0.0.0", 0))'), wildcard=True) == []
