"""Has left out ff00::/8.

refused by: a range ends where its bits end
misconception: prefix-is-string
"""

import ipaddress

TABLE = {
    "unspecified": "0.0.0.0/32 ::/128",
    "loopback": "127.0.0.0/8 ::1/128",
    "private": "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16",
    "shared": "100.64.0.0/10",
    "link-local": "169.254.0.0/16 fe80::/10",
    "unique-local": "fc00::/7",
    "documentation": "192.0.2.0/24 198.51.100.0/24 203.0.113.0/24 233.252.0.0/24 "
    "2001:db8::/32 3fff::/20",
    "multicast": "224.0.0.0/4",
    "reserved": "0.0.0.0/8 192.0.0.0/24 198.18.0.0/15 240.0.0.0/4 ::/0 100::/64 2001::/23",
    "global": "0.0.0.0/0 192.0.0.9/32 192.0.0.10/32 2000::/3 64:ff9b::/96",
}


def classify(address):
    ip = ipaddress.ip_address(address)
    if ip.version == 6 and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    longest, answer = -1, None
    for name, networks in TABLE.items():
        for text in networks.split():
            network = ipaddress.ip_network(text)
            if ip in network and network.prefixlen > longest:
                longest, answer = network.prefixlen, name
    return answer
