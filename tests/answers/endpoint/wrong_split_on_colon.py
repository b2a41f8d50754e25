"""Splits on the colon, so that an IPv6 address falls into many parts.

refused by: brackets before colons, keeps the zone
misconception: colon-splits-host-port
"""

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
    parts = text.split(":")
    if len(parts) > 2:
        raise ValueError(f"too many colons: {text!r}")
    host = parts[0]
    if not host or not NAME_CHARACTERS.issuperset(host):
        raise ValueError(f"not a host: {host!r}")
    if len(parts) == 2:
        return host, parse_port(parts[1])
    if default_port is None:
        raise ValueError(f"no port in {text!r}")
    return host, default_port
