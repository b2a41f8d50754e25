"""Compares the length as text, so that 8 is more than 16.

refused by: the most specific network wins
misconception: private-or-global
"""

import ipaddress


def narrowest(address, networks):
    ip = ipaddress.ip_address(address)
    best = None
    for text in networks:
        network = ipaddress.ip_network(text)
        if ip not in network:
            continue
        if best is None or str(network.prefixlen) > str(best.prefixlen):
            best = network
    return None if best is None else str(best)
