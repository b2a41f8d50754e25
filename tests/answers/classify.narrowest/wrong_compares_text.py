"""Compares the text up to the prefix's last full octet.

refused by: a range ends where its bits end
misconception: prefix-is-string
"""

import ipaddress


def narrowest(address, networks):
    best = None
    for text in networks:
        network = ipaddress.ip_network(text)
        octets = text.split(".")[: network.prefixlen // 8]
        if address.split(".")[: len(octets)] != octets:
            continue
        if best is None or network.prefixlen > best.prefixlen:
            best = network
    return None if best is None else str(best)
