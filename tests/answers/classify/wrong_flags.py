"""Asks the is_ flags in turn and uses no table.

refused by: a range ends where its bits end, documentation is not private, the most specific row wins, reserved is not global, three kinds of inside
misconception: ipaddress-flags-are-fixed
"""  # noqa: E501

import ipaddress


def classify(address):
    ip = ipaddress.ip_address(address)
    ip = getattr(ip, "ipv4_mapped", None) or ip
    for kind in ("unspecified", "loopback", "link_local", "multicast", "private", "reserved"):
        if getattr(ip, f"is_{kind}"):
            return kind.replace("_", "-")
    return "global"
