"""The hub: one listening port in the middle, its clients around it.

Every line is a connection. All of them end at the same address and port, so it is the client's end
that tells them apart; the 4-tuples beside the circle show which part differs (RFC 9293, section
3.4.1: a connection is identified by its pair of sockets).

Colours and markers change from neighbour to neighbour. They help the eye to follow a line and mean
nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from math import cos, degrees, pi, sin
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Circle

from labsupport.pictures import style
from labsupport.pictures.picture import Picture

__all__ = ["hub"]

_HEIGHT = 4.75
_CENTRE = (2.55, 2.33)
_RADIUS = 1.75  # of the circle of clients
_CORE = 0.62  # of the listening port
_WORDS = 1.12  # inches for words inside of it
_LEFT, _STEP = 5.0, 0.29  # of the list of 4-tuples: where it begins, and from row to row
_MOST = 1000
_LABELLED = 72  # clients whose ports are written beside them, at most
_LISTED = 8  # 4-tuples that are written out, at most
_COLOURS = (
    style.BLUE, style.ORANGE, style.GREEN, style.VERMILLION, style.PURPLE, style.SKY, style.BLACK
)  # fmt: skip
_MARKERS = "os^DvP"

Endpoint = tuple[str, int]


def hub(
    server_address: Sequence[Any],
    clients: Sequence[Sequence[Any]],
    *,
    finding: str,
    alt: str | None = None,
) -> Picture:
    """A listening port and the clients that are connected to it.

    server_address: (host, port) of the server's end of each connection.
    clients: (host, port) of each client's end; IPv6's longer tuples are fine. Up to 1,000.
    alt: the picture in words, instead of those made from the data.

    Raises ValueError without clients, with too many, for a port outside of 1 to 65535, and when the
    same client end is given twice: two connections at one time cannot have the same 4-tuple.
    """
    finding = style.sentence(finding)
    server = _endpoint(server_address)
    ends = [_endpoint(each) for each in clients]
    if not ends:
        raise ValueError("no client is connected, so there is nothing to draw")
    if len(ends) > _MOST:
        raise ValueError(f"a hub has room for {_MOST:,} clients; {len(ends):,} were given")
    twice = sorted({each for each in ends if ends.count(each) > 1})
    if twice:
        raise ValueError(
            f"the client end {_said(twice[0])} is given twice. Two connections that are open at "
            "the same time differ in at least one part of their 4-tuples; give each one once."
        )
    figure, axes = style.paper(
        _HEIGHT, finding, "Each line is one TCP connection; colours only help to follow a line."
    )
    looks = list(zip(range(len(ends)), cycle(_COLOURS), cycle(_MARKERS)))
    _draw_circle(axes, server, ends, looks)
    _draw_tuples(axes, server, ends, looks)
    hosts, ports = {host for host, _ in ends}, {port for _, port in ends}
    data = {
        "server": server,
        "clients": ends,
        "connections": [(*end, *server) for end in ends],
        "client_hosts": len(hosts),
        "client_ports": len(ports),
    }
    return Picture(figure, finding, alt or _in_words(len(ends), len(hosts)), data)


def _endpoint(address: Sequence[Any]) -> Endpoint:
    try:
        host, port = str(address[0]), int(address[1])
    except (IndexError, TypeError, ValueError):
        raise ValueError(f"an endpoint is (host, port); got {address!r}") from None
    if not 0 < port < 65536:
        raise ValueError(f"a port is 1 to 65535; got {port} for {host}")
    return host, port


def _said(end: Endpoint) -> str:
    host, port = end
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _draw_circle(
    axes: Axes, server: Endpoint, ends: list[Endpoint], looks: list[tuple[int, str, str]]
) -> None:
    x, y = _CENTRE
    many = len(ends)
    for number, colour, marker in looks:
        angle = pi / 2 - 2 * pi * number / many
        dx, dy = cos(angle), sin(angle)
        axes.plot(
            (x + _CORE * dx, x + _RADIUS * dx), (y + _CORE * dy, y + _RADIUS * dy),
            color=colour, linewidth=1.4 if many <= _LABELLED else 0.5, zorder=1,
        )  # fmt: skip
        axes.plot(
            x + _RADIUS * dx, y + _RADIUS * dy, marker=marker, color=colour, linestyle="none",
            markersize=6.5 if many <= _LABELLED else 3, zorder=2,
        )  # fmt: skip
        if many <= _LABELLED:
            upright = dx >= -1e-9
            axes.text(
                x + (_RADIUS + 0.12) * dx, y + (_RADIUS + 0.12) * dy, str(ends[number][1]),
                fontsize=style.TEXT - 1 if many <= 40 else style.TEXT - 2.5,
                ha="left" if upright else "right", va="center", rotation_mode="anchor",
                rotation=degrees(angle) if upright else degrees(angle) - 180, color=style.BLACK,
            )  # fmt: skip
    axes.add_patch(
        Circle(
            _CENTRE, _CORE, facecolor=style.LIGHT, edgecolor=style.BLACK, linewidth=1.6, zorder=3
        )
    )
    for words, up, size, weight in (
        ("listening", 0.26, style.TEXT - 1.5, "normal"),
        (str(server[1]), 0.02, style.TEXT + 4, "bold"),
        (server[0], -0.24, style.TEXT - 1.5, "normal"),
    ):
        while style.width(words, size) > _WORDS and size > 7:
            size -= 0.5
        words = style.fitted(words, size, _WORDS)
        axes.text(
            x, y + up, words, ha="center", va="center", fontsize=size, fontweight=weight,
            color=style.BLACK, zorder=4, parse_math=False,
        )  # fmt: skip


def _draw_tuples(
    axes: Axes, server: Endpoint, ends: list[Endpoint], looks: list[tuple[int, str, str]]
) -> None:
    """The first 4-tuples and the last one, with the parts that differ in bold on yellow."""
    shown = list(range(len(ends)))
    if len(shown) > _LISTED:
        shown = [*shown[: _LISTED - 2], shown[-1]]
    several = len({host for host, _ in ends}) > 1
    tail = f" → {_said(server)}"
    size = style.TEXT - 1
    room = style.WIDTH - 0.1 - _LEFT - 0.22
    longest = max(len(_said(ends[number])) for number in shown)
    if not _fits(longest + len(tail), size - 1, room):
        tail = ""  # two long IPv6 addresses; the server's end is the same in every row
    while not _fits(longest + len(tail), size, room) and size > 5:
        size -= 0.5
    y = _CENTRE[1] + _STEP * len(shown) / 2 + 0.35
    heading = "client end → server end" if tail else "client end (to the same server end)"
    axes.text(
        _LEFT - 0.06, y, heading, fontsize=style.TEXT, fontweight="bold", color=style.BLACK,
        va="center",
    )  # fmt: skip
    for number in shown:
        y -= _STEP
        if number > 0 and number - 1 not in shown:
            axes.text(
                _LEFT + 0.22, y, f"… {len(ends) - len(shown)} more …", fontsize=size,
                color=style.BLACK, style="italic", va="center",
            )  # fmt: skip
            y -= _STEP
        _, colour, marker = looks[number]
        axes.plot(_LEFT, y, marker=marker, color=colour, markersize=6.5, linestyle="none")
        host, _, port = _said(ends[number]).rpartition(":")
        x = _LEFT + 0.22
        for text, differs in ((host, several), (":", False), (port, len(ends) > 1), (tail, False)):
            _draw_part(axes, x, y, text, size, differs)
            x += len(text) * style.width("0", size, mono=True)
    if len(ends) > 1:
        axes.text(
            _LEFT - 0.06, y - 0.36, "bold: what tells them apart", fontsize=style.TEXT - 1,
            color=style.BLACK, va="center",
        )  # fmt: skip


def _fits(letters: int, size: float, room: float) -> bool:
    return letters * style.width("0", size, mono=True) <= room


def _draw_part(axes: Axes, x: float, y: float, text: str, size: float, differs: bool) -> None:
    axes.text(
        x, y, text, family="monospace", fontsize=size, va="center", parse_math=False,
        fontweight="bold" if differs else "normal", color=style.BLACK if differs else style.GREY,
        bbox={"facecolor": style.tint(style.YELLOW), "edgecolor": "none", "pad": 1.2}
        if differs
        else None,
    )  # fmt: skip


def _in_words(many: int, hosts: int) -> str:
    if many == 1:
        return (
            "Hub: one listening port in the middle and one client. Four parts identify the "
            "connection: the client's address and port, the server's address and port."
        )
    if hosts == 1:
        apart = "The clients have one address and each its own port"
    else:
        apart = f"The clients have {hosts:,} addresses, and no two have both address and port equal"
    return (
        f"Hub: one listening port in the middle, {many:,} clients in a circle around it, one line "
        f"for each connection. All {many:,} connections have the server's address and port in "
        f"common. {apart}, so all {many:,} 4-tuples differ."
    )
