"""Uses \\w and \\d in a pattern, which match letters and digits of every script.

refused by: letters and digits are ASCII
misconception: digits-are-ascii
"""

import ipaddress
import re

ENDPOINT = re.compile(r"(?:\[(?P<address>[^\[\]]+)\]|(?P<name>[\w.-]+))(?::(?P<port>\d+))?")


def parse_endpoint(text, default_port=None):
    match = ENDPOINT.fullmatch(text)
    if match is None:
        raise ValueError(f"not an endpoint: {text!r}")
    if match["address"]:
        ipaddress.IPv6Address(match["address"])
    port = int(match["port"]) if match["port"] else default_port
    if port is None or not 1 <= port <= 65535:
        raise ValueError(f"no port, or none that exists: {text!r}")
    return match["address"] or match["name"], port
