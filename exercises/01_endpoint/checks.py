"""Checks of the exercise `endpoint`: text such as `[::1]:80` becomes a host and a port.

Every check also reads a few good endpoints, so that refusing everything passes none.
"""

from labsupport.checking import Exercise, Mismatch, assert_equal

exercise = Exercise(
    "endpoint",
    title="endpoint: read host and port",
    lesson="01b",
    minutes=25,
    kind="core",
    entry="parse_endpoint(text, default_port=None) -> (host, port)",
)

port = Exercise(
    "endpoint.port",
    title="endpoint.port: read a port",
    lesson="01b",
    minutes=3,
    kind="core",
    entry="parse_port(text) -> int",
)

ARABIC_80 = "\N{ARABIC-INDIC DIGIT EIGHT}\N{ARABIC-INDIC DIGIT ZERO}"
FULLWIDTH_80 = "\N{FULLWIDTH DIGIT EIGHT}\N{FULLWIDTH DIGIT ZERO}"
ZEROS = (0x6F0, 0x966, 0x9E6, 0xE50, 0x1D7D8)  # of scripts that int and isdigit know
LETTERS = "ßдλ名한ñªı"
SPACES = "\r\x0b\x0c\x1c\x1f\x85\xa0\u2003\u2028\u3000"
SUPERSCRIPT_80 = "\N{SUPERSCRIPT EIGHT}\N{SUPERSCRIPT ZERO}"


def eighty(draw):
    """80 in the digits of another script."""
    zero = draw.choice(ZEROS)
    return chr(zero + 8) + chr(zero)


def written(function, *args):
    """The call as a learner would type it, with the signs that nobody can tell apart escaped."""
    return f"{function}({', '.join(ascii(arg) for arg in args)})"


async def reads(answer, text, host, number, *default, said):
    """Fail unless the answer reads `text` as this host and port."""
    assert_equal(
        await answer.call("parse_endpoint", text, *default),
        (host, number),
        said=said,
        did=f"called {written('parse_endpoint', text, *default)}",
    )


async def refuses(answer, *args, said, function="parse_endpoint"):
    """Fail unless the answer raises ValueError."""
    try:
        await answer.raises("ValueError", function, *args)
    except Mismatch as mismatch:
        mismatch.said, mismatch.did = said, f"called {written(function, *args)}"
        raise


@exercise.check(
    "keeps the host as written",
    points=2,
    misconception="names-are-addresses",
    hints=[
        "Compare the host in the text with the host that you return, letter by letter.",
        "Parsing reads text. Finding the address of a name is the work of another function.",
        "Return the text in front of the colon unchanged: no lower(), no look-up.",
    ],
)
async def keeps_the_host_as_written(answer, draw, variant):
    name = f"{draw.word()}-{draw.integer(1, 99)}.{draw.word()}.example"
    number = draw.integer(1024, 65000)
    said = "a host goes through a parser unchanged, and the port becomes an int"
    for host in ("127.0.0.1", "localhost", name, "Print_Server.example", "x"):
        await reads(answer, f"{host}:{number}", host, number, said=said)


@exercise.check(
    "the default is for a missing port",
    points=1,
    misconception="parsers-may-guess",
    hints=[
        "There are three cases: a port in the text, no port but a default, and neither.",
        "The default counts only when the text ends with the host. A colon promises a port.",
        "Without a colon: return default_port, or raise ValueError when it is None. "
        "With a colon: the text behind it has to be a port, whatever default_port is.",
    ],
)
async def default_is_for_a_missing_port(answer, draw, variant):
    name, number = f"{draw.word()}.example", draw.integer(1024, 65000)
    said = "the default stands in for a port that is not in the text"
    await reads(answer, name, name, number, number, said=said)
    await reads(answer, "192.0.2.7", "192.0.2.7", 443, 443, said=said)
    said = "a port in the text wins over the default"
    await reads(answer, f"{name}:8080", name, 8080, number, said=said)
    said = "without a port and without a default there is no endpoint"
    await refuses(answer, name, said=said)
    await refuses(answer, "[::1]", said=said)
    said = "a colon promises a port, and the default does not keep that promise"
    await refuses(answer, f"{name}:", number, said=said)
    await refuses(answer, f"{name}:http", number, said=said)
    await refuses(answer, "[::1]:", number, said=said)
    await refuses(answer, "[::1]:http", number, said=said)


@exercise.check(
    "brackets before colons",
    points=2,
    misconception="colon-splits-host-port",
    hints=[
        "How many colons does the text have, and which one stands in front of the port?",
        "Ask first whether the text starts with a bracket. If so, the host ends at `]`.",
        'host, bracket, rest = text[1:].partition("]") separates the address from what follows '
        "it: nothing, or a colon and a port.",
    ],
)
async def brackets_before_colons(answer, draw, variant):
    number = draw.integer(1024, 65000)
    mapped = "::ffff:192.0.2.7"
    said = "the host is what stands between the brackets, without them"
    for host in ("::1", f"2001:db8::{draw.integer(1, 9999)}", "2001:DB8:0:0:0:0:0:7", mapped):
        await reads(answer, f"[{host}]:{number}", host, number, said=said)
    said = "an address in brackets can stand without a port"
    await reads(answer, "[::1]", "::1", number, number, said=said)


@exercise.check(
    "a bare IPv6 address is refused",
    points=1,
    misconception="colon-splits-host-port",
    hints=[
        "What is the port in ::1:80? Is there only one way to read it?",
        "Outside of brackets a colon can only stand in front of the port.",
        "A host without brackets has no colon in it: take the text in front of the first colon, "
        "and everything behind it has to be a port.",
    ],
)
async def bare_ipv6_is_refused(answer, draw, variant):
    number = draw.integer(1024, 65000)
    said = "an IPv4 address needs no brackets"
    await reads(answer, f"127.0.0.1:{number}", "127.0.0.1", number, said=said)
    said = "without brackets nobody can say which colon is in front of the port"
    await refuses(answer, "::1:80", said=said)
    await refuses(answer, f"2001:db8::7:{number}", said=said)
    said = "an IPv6 address needs its brackets, also when the default brings the port"
    await refuses(answer, "::1", number, said=said)
    await refuses(answer, "2001:db8::7", number, said=said)


@exercise.check(
    "keeps the zone",
    points=1,
    misconception="colon-splits-host-port",
    hints=[
        "What stands between the brackets, from the first character to the last?",
        "The zone behind the percent sign is part of the host: fe80::1 exists on every link.",
        "ipaddress.IPv6Address takes a zone. Check the address with it, and return the text.",
    ],
)
async def keeps_the_zone(answer, draw, variant):
    number = draw.integer(1024, 65000)
    said = "the zone belongs to the host"
    for zone in ("eth0", str(draw.integer(1, 99)), "en-1.20"):
        await reads(answer, f"[fe80::1%{zone}]:{number}", f"fe80::1%{zone}", number, said=said)


@exercise.check(
    "ports run from 1 to 65535",
    points=1,
    misconception="port-65536-exists",
    hints=[
        "Which is the first port, and which is the last?",
        "A port has 16 bits, and 0 is not a port that anybody can connect to.",
        "if not 1 <= port <= 65535: raise ValueError(...)",
    ],
)
async def ports_run_from_1_to_65535(answer, draw, variant):
    for number in (1, 65535, draw.integer(2, 65534)):
        text = f"192.0.2.7:{number}"
        await reads(answer, text, "192.0.2.7", number, said=f"{number} is a port")
    for number in (0, 65536, draw.integer(65537, 99999), 2**32 + 80, -1):
        for host in ("192.0.2.7", "[::1]"):
            await refuses(answer, f"{host}:{number}", said=f"there is no port {number}")


@exercise.check(
    "letters and digits are ASCII",
    points=1,
    misconception="digits-are-ascii",
    hints=[
        "Which characters does the task allow in a port, and which in a name?",
        "int, isdigit, isalnum, \\d and \\w accept the digits and letters of every script, "
        "and int also takes a sign and underscores.",
        "text.isascii() and text.isdigit() together mean: one or more of 0 to 9. "
        "In a pattern write [0-9] and [A-Za-z0-9].",
    ],
)
async def letters_and_digits_are_ascii(answer, draw, variant):
    said = "0 to 9 are digits, and a number can start with 8"
    await reads(answer, "192.0.2.7:8080", "192.0.2.7", 8080, said=said)
    signed = ("+80", "-80", "8_0", "0x50", "8e1")
    for number in (*signed, ARABIC_80, FULLWIDTH_80, SUPERSCRIPT_80, eighty(draw)):
        said = "a port is one or more of 0 to 9 and nothing else"
        await refuses(answer, f"192.0.2.7:{number}", said=said)
        await refuses(answer, f"[::1]:{number}", said=said)
    letter = draw.choice(LETTERS)
    umlaut = "b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.example"
    for name in (umlaut, f"db{FULLWIDTH_80}", f"{draw.word()}{letter}.example", letter):
        said = "a name is made of A to Z, a to z, 0 to 9, dot, hyphen and underscore"
        await refuses(answer, f"{name}:80", said=said)


@exercise.check(
    "white space is refused",
    points=1,
    misconception="parsers-may-guess",
    hints=[
        "The text may come from a file, with the end of its line. What should a parser do?",
        "int and strip drop white space silently; $ in a pattern also matches before a last \\n.",
        "Compare every character of the port and of the name with those that the task allows, "
        "or use re.fullmatch.",
    ],
)
async def white_space_is_refused(answer, draw, variant):
    number = draw.integer(1024, 65000)
    said = "no white space, no problem"
    await reads(answer, f"192.0.2.7:{number}", "192.0.2.7", number, said=said)
    said = "white space is no part of an endpoint, and removing it is not the parser's work"
    for text in ("{}:{}\n", "{}:{} ", " {}:{}", "{}: {}", "{} :{}", "\t{}:{}"):
        for host in ("192.0.2.7", "[::1]"):
            await refuses(answer, text.format(host, number), said=said)
    for space in SPACES:
        await refuses(answer, f"192.0.2.7:{number}{space}", said=said)
        await refuses(answer, f"{draw.word()}{space}:{number}", said=said)
    for text in ("192.0.2.7 ", f"{draw.word()} {draw.word()}"):
        await refuses(answer, text, number, said=said)


@exercise.check(
    "an empty host is refused",
    points=1,
    misconception="parsers-may-guess",
    hints=[
        "What is the host in the text :80?",
        "Nobody can connect to an empty host. Raise ValueError before you look at the port.",
        "if not host: raise ValueError(...), with and without brackets.",
    ],
)
async def empty_host_is_refused(answer, draw, variant):
    said = "one letter is host enough"
    await reads(answer, "x:80", "x", 80, said=said)
    for args in ((":80",), ("[]:80",), ("", 80), ("[]", 80)):
        await refuses(answer, *args, said="an endpoint has a host")


@exercise.check(
    "nothing is left over",
    points=1,
    misconception="parsers-may-guess",
    hints=[
        "Put your host and port together again. Is it the text that you were given?",
        "Between `]` and the colon stands nothing, between the brackets stands an IPv6 address, "
        "and a name has only the characters that the task lists.",
        "ipaddress.IPv6Address(host) raises ValueError by itself. What follows `]` is empty or "
        'starts with ":".',
    ],
)
async def nothing_is_left_over(answer, draw, variant):
    said = "an endpoint without anything else"
    await reads(answer, "www.example:80", "www.example", 80, said=said)
    said = "each opening bracket has its closing one, and a colon or nothing follows that"
    for text in ("[::1]80", "[::1]evil.example:80", "[::1:80", "[::1]]:80", "::1]:80"):
        await refuses(answer, text, said=said)
    said = "between the brackets stands an IPv6 address, and nothing else"
    for text in ("[localhost]:80", "[127.0.0.1]:80", "[::g]:80", "[[::1]]:80", "[fe80::1%]:80"):
        await refuses(answer, text, said=said)
    nine = ":".join(str(draw.integer(1, 9)) for _ in range(9))
    for text in (nine, "1:2:3", "::12345", "1::2::3", "::1.2.3", "%eth0", "::1 ", " ::1"):
        await refuses(answer, f"[{text}]:80", said=said)
    said = "an endpoint is a host and a port: no user, no path, no second port"
    for text in ("user@mail.example:80", "www.example/a:80", "http://www.example", "x:80:80"):
        await refuses(answer, text, said=said)
    said = "a name is made of A to Z, a to z, 0 to 9, dot, hyphen and underscore"
    for sign in "!\"#$%&'()*+,/;<=>?@[\\]^`{|}~\0":
        await refuses(answer, f"{draw.word()}{sign}{draw.word()}:80", said=said)


@port.check(
    "only 0 to 9 are digits",
    points=1,
    misconception="digits-are-ascii",
    hints=[
        "Call int() on each text that the check tried. What does it say?",
        "isdigit is true for the digits of every script, isascii for signs and spaces. "
        "What is true for 0 to 9 only?",
        "if not (text.isascii() and text.isdigit()):",
    ],
)
async def only_0_to_9_are_digits(answer, draw, variant):
    number = draw.integer(1024, 65000)
    for text, wanted in ((str(number), number), ("7", 7)):
        assert_equal(
            await answer.call("parse_port", text),
            wanted,
            said="a text of digits becomes an int",
            did=f"called {written('parse_port', text)}",
        )
    others = (ARABIC_80, FULLWIDTH_80, SUPERSCRIPT_80, eighty(draw))
    for text in (
        "",
        "http",
        "+80",
        "8_0",
        " 80",
        *(f"80{each}" for each in "\n" + SPACES),
        *others,
    ):
        said = "a port is one or more of 0 to 9 and nothing else"
        await refuses(answer, text, said=said, function="parse_port")


@port.check(
    "ports run from 1 to 65535",
    points=1,
    misconception="port-65536-exists",
    hints=[
        "Which is the first port, and which is the last?",
        "Two comparisons in one expression: the smallest <= port <= the largest.",
        "if not 1 <= port <= 65535:",
    ],
)
async def step_ports_run_from_1_to_65535(answer, draw, variant):
    for number in (1, 65535, draw.integer(2, 65534)):
        assert_equal(
            await answer.call("parse_port", str(number)),
            number,
            said=f"{number} is a port",
            did=f"called {written('parse_port', str(number))}",
        )
    for number in (0, 65536, draw.integer(65537, 99999)):
        await refuses(answer, str(number), said=f"there is no port {number}", function="parse_port")
