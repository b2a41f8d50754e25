import ipaddress
import re

ENDPOINT = re.compile(
    r"""
    (?: \[ (?P<address> [^\[\]]+ ) \]     # an address in brackets
      | (?P<name> [A-Za-z0-9._-]+ ) )     # or a name
    (?: : (?P<port> [0-9]+ ) )?           # and a port
    """,
    re.VERBOSE,
)


def parse_endpoint(text: str, default_port: int | None = None) -> tuple[str, int]:
    match = ENDPOINT.fullmatch(text)
    if match is None:
        raise ValueError(f"not an endpoint: {text!r}")
    if match["address"]:
        ipaddress.IPv6Address(match["address"])
    port = int(match["port"]) if match["port"] else default_port
    if port is None or not 0 < port < 65536:
        raise ValueError(f"no port, or none that exists: {text!r}")
    return match["address"] or match["name"], port
