"""Checks of the exercise `classify`: which kind of address is this, by the task's own table.

Expected answers are written out here, never computed: the checks share no code with an answer.
"""

from labsupport.checking import Exercise, Mismatch, assert_equal, assert_that

exercise = Exercise(
    "classify",
    title="classify: what kind of address is this?",
    lesson="01b",
    minutes=25,
    kind="core",
    entry="classify(address) -> str",
)

narrowest = Exercise(
    "classify.narrowest",
    title="classify.narrowest: the most specific network",
    lesson="01b",
    minutes=3,
    kind="core",
    entry="narrowest(address, networks) -> str or None",
)


async def kinds(answer, expected, said):
    """Fail unless the answer gives each address the kind that `expected` has for it."""
    for address, kind in expected.items():
        assert_equal(
            await answer.call("classify", address),
            kind,
            said=said,
            did=f"called classify({address!r})",
        )


async def other_kinds(answer, excluded, said):
    """Fail if the answer gives an address the kind that `excluded` has for it."""
    for address, kind in excluded.items():
        assert_that(
            (got := await answer.call("classify", address)) != kind and isinstance(got, str),
            said=said,
            expected=f"anything but {kind!r}",
            got=repr(got),
            did=f"called classify({address!r})",
        )


async def refuses(answer, text):
    """Fail unless the answer raises ValueError."""
    try:
        await answer.raises("ValueError", "classify", text)
    except Mismatch as mismatch:
        mismatch.said = "this text is no address, and no kind of address"
        raise


@exercise.check(
    "the most specific row wins",
    points=1,
    misconception="private-or-global",
    hints=[
        "How many rows of the table does this address fit?",
        "Of all rows that fit, the one with the longest prefix decides, wherever it stands.",
        "Remember the best row so far, and replace it when network.prefixlen is larger.",
    ],
)
async def most_specific_row_wins(answer, draw, variant):
    expected = {
        "192.0.0.9": "global",
        "192.0.0.10": "global",
        "192.0.0.8": "reserved",
        "192.0.0.11": "reserved",
        "192.0.0.255": "reserved",
        f"233.252.0.{draw.integer(1, 254)}": "documentation",
        "233.252.1.1": "multicast",
        "0.0.0.0": "unspecified",
        "0.0.0.1": "reserved",
        "::": "unspecified",
        "2000::": "global",
        f"2{draw.integer(600, 999)}:{draw.integer(1, 9999)}::1": "global",
        "2001:1ff:ffff::1": "reserved",
        "2001:200::1": "global",
        "3ffe::1": "global",
        "64:ff9b::808:808": "global",
        f"64:ff9b::{draw.integer(1, 9999)}:{draw.integer(1, 9999)}": "global",
        "64:ff9b::1:808:808": "reserved",
    }
    await kinds(answer, expected, said="a row inside of another row wins over it")


@exercise.check(
    "a range ends where its bits end",
    points=2,
    misconception="prefix-is-string",
    hints=[
        "Write the first and the last address of 172.16.0.0/12 down. What is 172.31.0.1?",
        "A prefix counts bits, not dots or letters: /12 ends in the middle of the second octet.",
        "ip_address(text) in ip_network(prefix) compares the bits.",
    ],
)
async def range_ends_where_its_bits_end(answer, draw, variant):
    inside = {
        "10.0.0.0": "private",
        f"10.{draw.integer(1, 254)}.0.1": "private",
        "10.255.255.255": "private",
        "169.254.0.0": "link-local",
        "169.254.255.255": "link-local",
        "172.16.0.0": "private",
        f"172.{draw.integer(17, 30)}.0.1": "private",
        "172.31.255.255": "private",
        "192.168.0.0": "private",
        "192.168.255.255": "private",
        "198.18.0.0": "reserved",
        "198.19.255.255": "reserved",
        "224.0.0.0": "multicast",
        f"{draw.integer(225, 231)}.1.2.3": "multicast",
        "239.255.255.255": "multicast",
        "fe80::": "link-local",
        f"fe{draw.choice(['90', 'a1', 'b2'])}::1": "link-local",
        "febf:ffff::1": "link-local",
        "ff00::": "multicast",
        f"ff0{draw.integer(1, 9)}::1": "multicast",
        "ffff:ffff::1": "multicast",
    }
    await kinds(answer, inside, said="the last address of a range belongs to it")
    said = "the address behind the end of a range is not in it"
    outside = {
        "9.255.255.255": "global",
        "11.0.0.0": "global",
        "100.63.255.255": "global",
        "100.128.0.0": "global",
        "169.253.255.255": "global",
        "169.255.0.0": "global",
        "172.15.255.255": "global",
        "172.32.0.0": "global",
        "192.167.255.255": "global",
        "192.169.0.0": "global",
        "198.17.255.255": "global",
        "198.20.0.0": "global",
        "223.255.255.255": "global",
    }
    await kinds(answer, outside, said)
    others = {
        "fd::1": "unique-local",
        "fbff::1": "unique-local",
        "fe00::1": "unique-local",
        "fe7f::1": "link-local",
        "fec0::1": "link-local",
        "feff::1": "multicast",
    }
    await other_kinds(answer, others, said)


@exercise.check(
    "documentation is not private",
    points=1,
    misconception="ipaddress-flags-are-fixed",
    hints=[
        "Which row of the task's table has this address?",
        "is_private and is_global answer another question, and another one in each release.",
        "Take the kind from the table alone: no attribute whose name begins with is_.",
    ],
)
async def documentation_is_not_private(answer, draw, variant):
    last = draw.integer(1, 254)
    expected = {
        f"192.0.2.{last}": "documentation",
        f"198.51.100.{last}": "documentation",
        f"203.0.113.{last}": "documentation",
        f"2001:db8:{last}::1": "documentation",
        "2001:db8:ffff:ffff::1": "documentation",
        "3fff::1": "documentation",
        f"3fff:{last}::1": "documentation",
        "3fff:fff:ffff::1": "documentation",
        "192.0.1.1": "global",
        "192.0.3.1": "global",
        "198.51.99.1": "global",
        "198.51.101.1": "global",
        "203.0.112.1": "global",
        "203.0.114.1": "global",
    }
    said = "the ranges for books and courses have a kind of their own"
    await kinds(answer, expected, said)
    others = ("2001:db7:ffff::1", "2001:db9::1", "3ffe:ffff::1", "3fff:1000::1")
    await other_kinds(answer, dict.fromkeys(others, "documentation"), said)


@exercise.check(
    "a mapped address is its IPv4 address",
    points=2,
    misconception="address-is-its-text",
    hints=[
        "Which four bytes does ::ffff:10.0.0.1 end with?",
        "Look for the embedded IPv4 address after reading the text, not in the text: "
        "::ffff:a00:1 is the same address.",
        "An IPv6Address has the attribute ipv4_mapped: an IPv4Address or None.",
    ],
)
async def mapped_address_is_its_ipv4(answer, draw, variant):
    expected = {
        "::ffff:10.0.0.1": "private",
        "::ffff:a00:1": "private",
        "0:0:0:0:0:FFFF:127.0.0.1": "loopback",
        f"::ffff:192.168.{draw.integer(0, 255)}.1": "private",
        f"::ffff:c0a8:{draw.integer(1, 9999)}": "private",
        "::ffff:169.254.0.1": "link-local",
        "::ffff:11.0.0.1": "global",
        "::ffff:b00:1": "global",
    }
    await kinds(answer, expected, said="::ffff:0:0/96 carries IPv4 addresses, and they decide")


@exercise.check(
    "an address has many spellings",
    points=1,
    misconception="address-is-its-text",
    hints=[
        "Is 0:0:0:0:0:0:0:1 another address than ::1?",
        "Upper case, zeros written out and a zone change the text, not the kind.",
        "Turn the text into an address with ipaddress.ip_address first, and use only that.",
    ],
)
async def address_has_many_spellings(answer, draw, variant):
    expected = {
        "::1": "loopback",
        "0:0:0:0:0:0:0:1": "loopback",
        "0000:0000:0000:0000:0000:0000:0000:0001": "loopback",
        "::0.0.0.1": "loopback",
        "0::0": "unspecified",
        "FE80::1": "link-local",
        f"fe80::1%eth{draw.integer(0, 9)}": "link-local",
        "FE80::1%2": "link-local",
        "::1%lo": "loopback",
    }
    await kinds(answer, expected, said="another spelling is the same address")


@exercise.check(
    "loopback is a whole range",
    points=1,
    misconception="names-are-addresses",
    hints=[
        "Which addresses does 127.0.0.0/8 hold?",
        "No IPv4 address whose first octet is 127 leads out of this machine.",
        "Use the row of the table, 127.0.0.0/8. In IPv6 the range has one address, ::1.",
    ],
)
async def loopback_is_a_whole_range(answer, draw, variant):
    octets = ".".join(str(draw.integer(0, 255)) for _ in range(3))
    expected = {
        "127.0.0.1": "loopback",
        "127.0.0.2": "loopback",
        f"127.{octets}": "loopback",
        "127.255.255.255": "loopback",
        "126.255.255.255": "global",
        "128.0.0.0": "global",
    }
    await kinds(answer, expected, said="127.0.0.0/8 is loopback from its first to its last address")


@exercise.check(
    "other text is refused",
    points=1,
    misconception="address-is-its-text",
    hints=[
        "Is this text an address? Which one? Would every program say the same?",
        "ip_address raises ValueError for everything that is not an address in full. Let it.",
        "No try, no strip, no inet_aton: hand the text to ipaddress.ip_address as it came.",
    ],
)
async def other_text_is_refused(answer, draw, variant):
    await kinds(answer, {"10.0.0.1": "private", "::1": "loopback"}, said="an address")
    for text in ("localhost", "", "127.1", "0x7f.0.0.1", "10.0.0.256", "10.0.0.0/8", "::1::"):
        await refuses(answer, text)
    for text in (" 10.0.0.1", "10.0.0.1\n", "[::1]", "10.0.0.1:80", "10.0.0.1%eth0"):
        await refuses(answer, text)


@exercise.check(
    "reserved is not global",
    points=1,
    misconception="private-or-global",
    hints=[
        "Which rows of the table say reserved, and which row has every IPv6 address?",
        "In IPv4 what stands in no other row is global; in IPv6 it is reserved.",
        "Keep the rows 0.0.0.0/0 and ::/0: with them every address fits at least one row.",
    ],
)
async def reserved_is_not_global(answer, draw, variant):
    reserved = {
        "0.255.255.255": "reserved",
        f"198.18.{draw.integer(0, 255)}.1": "reserved",
        "240.0.0.0": "reserved",
        f"{draw.integer(241, 254)}.0.0.1": "reserved",
        "255.255.255.255": "reserved",
        "100::1": "reserved",
        "2001::1": "reserved",
        "1fff:ffff::1": "reserved",
        "4000::1": "reserved",
        f"{draw.integer(5, 9)}000::1": "reserved",
        "fbff::1": "reserved",
        "fec0::1": "reserved",
        "fd::1": "reserved",
        "::2": "reserved",
        "::10.0.0.1": "reserved",
    }
    await kinds(answer, reserved, said="not private does not yet mean global")
    glob = {
        "1.0.0.0": "global",
        f"{draw.integer(20, 99)}.1.2.3": "global",
        "191.255.255.255": "global",
        "192.0.1.0": "global",
        "192.1.0.0": "global",
    }
    await kinds(answer, glob, said="global is what anybody can reach")


@exercise.check(
    "three kinds of inside",
    points=1,
    misconception="private-or-global",
    hints=[
        "Who uses 10.0.0.0/8, who uses 100.64.0.0/10, and who uses fc00::/7?",
        "Private, shared and unique-local are three rows with three names.",
        "100.64.0.0/10 is shared, fc00::/7 is unique-local; neither is private here.",
    ],
)
async def three_kinds_of_inside(answer, draw, variant):
    expected = {
        f"192.168.{draw.integer(0, 255)}.1": "private",
        "100.64.0.0": "shared",
        f"100.{draw.integer(65, 126)}.0.1": "shared",
        "100.127.255.255": "shared",
        "fc00::": "unique-local",
        f"fd{draw.integer(10, 99)}:1::1": "unique-local",
        "fdff:ffff::1": "unique-local",
    }
    await kinds(answer, expected, said="each range that stays inside has its own kind")


async def narrows(answer, address, networks, wanted, said):
    """Fail unless the answer picks `wanted` out of the networks."""
    assert_equal(
        await answer.call("narrowest", address, networks),
        wanted,
        said=said,
        did=f"called narrowest({address!r}, {networks!r})",
    )


@narrowest.check(
    "a range ends where its bits end",
    points=1,
    misconception="prefix-is-string",
    hints=[
        "Which addresses does 172.16.0.0/12 hold?",
        "The first gap asks whether the address is outside of this network.",
        "if ip not in network:",
    ],
)
async def step_range_ends_where_its_bits_end(answer, draw, variant):
    second = draw.integer(17, 31)
    said = "the address fits this network only"
    networks = ["172.16.0.0/12", "192.168.0.0/16"]
    await narrows(answer, f"172.{second}.0.1", networks, "172.16.0.0/12", said)
    await narrows(answer, "192.168.3.4", networks, "192.168.0.0/16", said)
    await narrows(answer, "febf::1", ["fc00::/7", "fe80::/10"], "fe80::/10", said)
    said = "the address fits none of the networks"
    await narrows(answer, "172.32.0.1", networks, None, said)
    await narrows(answer, "::1", networks, None, said)


@narrowest.check(
    "the most specific network wins",
    points=1,
    misconception="private-or-global",
    hints=[
        "10.1.2.3 fits two of the networks. Which one is smaller?",
        "network.prefixlen is the number behind the slash. A longer prefix is a smaller network.",
        "if best is None or network.prefixlen > best.prefixlen:",
    ],
)
async def step_most_specific_network_wins(answer, draw, variant):
    said = "of the networks that fit, the longest prefix wins"
    third = draw.integer(0, 255)
    networks = ["0.0.0.0/0", "10.1.0.0/16", "10.0.0.0/8"]
    await narrows(answer, f"10.1.{third}.3", networks, "10.1.0.0/16", said)
    await narrows(answer, f"10.2.{third}.3", networks, "10.0.0.0/8", said)
    await narrows(answer, f"10.1.{third}.3", networks[::-1], "10.1.0.0/16", said)
    await narrows(answer, f"11.0.{third}.3", networks, "0.0.0.0/0", said)
