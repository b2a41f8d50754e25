"""Ends its pattern with a dollar sign, which also matches before a last line feed.

refused by: white space is refused
misconception: parsers-may-guess
"""

import ipaddress
import re

ENDPOINT = re.compile(
    r"^(?:\[(?P<address>[^\[\]]+)\]|(?P<name>[A-Za-z0-9._-]+))(?::(?P<port>[0-9]+))?$"
)


def parse_endpoint(text, default_port=None):
    match = ENDPOINT.match(text)
    if match is None:
        raise ValueError(f"not an endpoint: {text!r}")
    if match["address"]:
        ipaddress.IPv6Address(match["address"])
    port = int(match["port"]) if match["port"] else default_port
    if port is None or not 1 <= port <= 65535:
        raise ValueError(f"no port, or none that exists: {text!r}")
    return match["address"] or match["name"], port
