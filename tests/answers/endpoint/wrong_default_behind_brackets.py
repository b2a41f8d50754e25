"""Lets the default stand in behind brackets, also for a port that cannot be read.

refused by: the default is for a missing port
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
    if not rest.startswith(":"):
        raise ValueError(f"a colon has to follow the bracket: {text!r}")
    try:
        return host, parse_port(rest[1:])
    except ValueError:
        if text.startswith("[") and default_port is not None:
            return host, default_port
        raise
