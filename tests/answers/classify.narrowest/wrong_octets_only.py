"""Uses only the whole octets of a prefix.

refused by: a range ends where its bits end
misconception: prefix-is-string
"""

import ipaddress


def narrowest(address, networks):
    ip = ipaddress.ip_address(address)
    best = None
    for text in networks:
        network = ipaddress.ip_network(text)
        octets = network.prefixlen // 8
        if ip.packed[:octets] != network.network_address.packed[:octets]:
            continue
        if best is None or network.prefixlen > best.prefixlen:
            best = network
    return None if best is None else str(best)
