"""Hidden checks of the exercise `break_stream`: a fault of its list, in another program.

The servers run beside the checks, as the course's own do.
"""

from labsupport.checking import HiddenChecks, assert_equal, assert_that
from labsupport.serving import serve

hidden = HiddenChecks("break_stream")


def _clients(listener, talk):
    """Serve clients one after the other; what ends a conversation ends that one only."""
    while True:
        connection, _ = listener.accept()
        with connection:
            try:
                talk(connection)
            except (ConnectionError, UnicodeDecodeError):
                continue


def joins_replies(listener):
    """Keep to the protocol, and send the replies to what one read completes with one send."""

    def talk(connection):
        unfinished = b""
        while data := connection.recv(4096):
            *lines, unfinished = (unfinished + data).split(b"\n")
            connection.sendall(b"".join(line.decode().upper().encode() + b"\n" for line in lines))

    _clients(listener, talk)


def hangs_up(listener):
    """Decode each read by itself, and end the connection where that fails."""

    def talk(connection):
        unfinished = ""
        while data := connection.recv(4096):
            *lines, unfinished = (unfinished + data.decode()).split("\n")
            connection.sendall("".join(f"{line.upper()}\n" for line in lines).encode())

    _clients(listener, talk)


@hidden.check(
    "catches a server that hangs up",
    points=1,
    deadline=20.0,
    misconception="chunk-is-text",
    said="A server that decodes each read is faulty whatever comes of it: a wrong reply, none, or "
    "the end of the connection.",
)
async def catches_a_server_that_hangs_up(answer, draw, variant):
    with serve(joins_replies, name="suspect joins_replies") as suspect:
        assert_equal(
            await answer.call("find_fault", *suspect.address),
            None,
            said="a server that sends several replies at once keeps to the protocol",
            did="ran find_fault against a right server",
        )
    with serve(hangs_up, name="suspect hangs_up") as suspect:
        said = await answer.call("find_fault", *suspect.address)
    assert_that(
        isinstance(said, str) and said.strip(),
        said="the faulty server has to be found out",
        did="ran find_fault against a server that closes when a read ends inside of a letter",
        expected="a sentence that says what is wrong",
        got=repr(said),
    )
