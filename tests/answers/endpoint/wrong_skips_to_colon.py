"""Skips what stands between the bracket and the colon.

refused by: white space is refused, nothing is left over
misconception: parsers-may-guess
"""

import ipaddress
import string

NAME_CHARACTERS = set(string.ascii_letters + string.digits + ".-_")


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
        if not host or not NAME_CHARACTERS.issuperset(host):
            raise ValueError(f"not a host: {host!r}")
    if not rest:
        if default_port is None:
            raise ValueError(f"no port in {text!r}")
        return host, default_port
    return host, parse_port(rest.partition(":")[2])
