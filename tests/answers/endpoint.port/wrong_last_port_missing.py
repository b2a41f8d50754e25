"""Uses range, which stops before its end: 65535 is refused.

refused by: ports run from 1 to 65535
misconception: port-65536-exists
"""


def parse_port(text):
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"not a port number: {text!r}")
    port = int(text)
    if port not in range(1, 65535):
        raise ValueError(f"no port has the number {port}")
    return port
