import socket

TABLE = {
    "unspecified": "0.0.0.0/32 ::/128",
    "loopback": "127.0.0.0/8 ::1/128",
    "private": "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16",
    "shared": "100.64.0.0/10",
    "link-local": "169.254.0.0/16 fe80::/10",
    "unique-local": "fc00::/7",
    "documentation": "192.0.2.0/24 198.51.100.0/24 203.0.113.0/24 233.252.0.0/24 "
    "2001:db8::/32 3fff::/20",
    "multicast": "224.0.0.0/4 ff00::/8",
    "reserved": "0.0.0.0/8 192.0.0.0/24 198.18.0.0/15 240.0.0.0/4 ::/0 100::/64 2001::/23",
    "global": "0.0.0.0/0 192.0.0.9/32 192.0.0.10/32 2000::/3 64:ff9b::/96",
}


def bits(address):
    """The address as a string of 32 or 128 zeros and ones."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        packed = socket.inet_pton(family, address)
    except (OSError, UnicodeError, ValueError) as error:
        raise ValueError(f"not an address: {address!r}") from error
    return "".join(f"{byte:08b}" for byte in packed)


PREFIXES = {}
for name, rows in TABLE.items():
    for row in rows.split():
        network, _, length = row.partition("/")
        start = bits(network)
        PREFIXES[len(start), start[: int(length)]] = name

MAPPED = bits("::ffff:0.0.0.0")[:96]


def classify(address):
    text, percent, zone = address.partition("%")
    if percent and (not zone or ":" not in text):
        raise ValueError(f"not an address: {address!r}")
    number = bits(text)
    if len(number) == 128 and number.startswith(MAPPED):
        number = number[96:]
    for length in range(len(number), -1, -1):
        if name := PREFIXES.get((len(number), number[:length])):
            return name
    raise AssertionError("the table has a row for every address")
