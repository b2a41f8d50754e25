import socket


class BadEndpoint(ValueError):
    """Text that is not an endpoint."""


def parse_endpoint(text, default_port=None):
    rest = list(text)
    host = ""
    if rest[:1] == ["["]:
        rest.pop(0)
        while rest and rest[0] != "]":
            host += rest.pop(0)
        if not rest:
            raise BadEndpoint("no closing bracket")
        rest.pop(0)
        address, percent, zone = host.partition("%")
        if percent and not zone:
            raise BadEndpoint("no zone behind the percent sign")
        try:
            socket.inet_pton(socket.AF_INET6, address)
        except OSError as error:
            raise BadEndpoint(f"not an IPv6 address: {address!r}") from error
    else:
        while rest and (rest[0].isascii() and rest[0].isalnum() or rest[0] in "._-"):
            host += rest.pop(0)
    if not host:
        raise BadEndpoint("no host")
    if not rest and default_port is not None:
        return host, default_port
    if rest[:1] != [":"] or len(rest) < 2:
        raise BadEndpoint("no port")
    port = 0
    for digit in rest[1:]:
        if digit not in "0123456789":
            raise BadEndpoint(f"not a digit: {digit!r}")
        port = port * 10 + ord(digit) - ord("0")
    if port == 0 or port >= 2**16:
        raise BadEndpoint(f"no such port: {port}")
    return host, port
