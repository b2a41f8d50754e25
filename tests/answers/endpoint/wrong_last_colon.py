"""Looks for the last colon first, also where it belongs to the address.

refused by: brackets before colons
misconception: colon-splits-host-port
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
    host, colon, port = text.rpartition(":")
    if not colon:
        host = text
        if default_port is None:
            raise ValueError(f"no port in {text!r}")
    number = parse_port(port) if colon else default_port
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        ipaddress.IPv6Address(host)
    elif not host or not NAME_CHARACTERS.issuperset(host):
        raise ValueError(f"not a host: {host!r}")
    return host, number
