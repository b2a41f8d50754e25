"""Takes every number for a port.

refused by: ports run from 1 to 65535
misconception: port-65536-exists
"""


def parse_port(text):
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"not a port number: {text!r}")
    port = int(text)
    return port
