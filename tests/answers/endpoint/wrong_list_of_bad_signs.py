"""Refuses the signs that came to its writer's mind, and lets others pass in a name.

refused by: nothing is left over
misconception: parsers-may-guess
"""

import ipaddress

BAD = set("@/:[]").union(map(chr, range(33)))


def parse_port(text):
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"not a port number: {text!r}")
    port = int(text)
    if not 1 <= port <= 65535:
        raise ValueError(f"no port has the number {port}")
    return port


def parse_endpoint(text, default_port=None):
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket:
            raise ValueError(f"the bracket is never closed: {text!r}")
        ipaddress.IPv6Address(host)
    else:
        host, colon, port = text.partition(":")
        rest = colon + port
        if not host or not host.isascii() or not BAD.isdisjoint(host):
            raise ValueError(f"not a host: {host!r}")
    if not rest:
        if default_port is None:
            raise ValueError(f"no port in {text!r}")
        return host, default_port
    if not rest.startswith(":"):
        raise ValueError(f"a colon has to follow the bracket: {text!r}")
    return host, parse_port(rest[1:])
