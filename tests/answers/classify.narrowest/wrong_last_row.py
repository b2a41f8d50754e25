"""Takes the last network that fits.

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
        best = network
    return None if best is None else str(best)
