"""Hidden checks of the exercise `break_datagrams`: a fault of its list, in another program.

The meters run beside the checks, as the course's own do.
"""

from labsupport.checking import HiddenChecks, assert_equal, assert_that
from labsupport.serving import serve

hidden = HiddenChecks("break_datagrams")


def _requests(sock):
    """The requests that come: client, the two bytes of the id, and the size of the payload."""
    while True:
        try:
            data, client = sock.recvfrom(1500)
        except ConnectionResetError:  # Windows: a reply went to a client that has gone
            continue
        if len(data) >= 2:
            yield client, data[:2], len(data) - 2


def keeps_all(sock):
    """Keep to the protocol, and remember each request for ever."""
    replies, totals = {}, {}
    for client, head, size in _requests(sock):
        if (client, head) not in replies:
            totals[client] = totals.get(client, 0) + size
            replies[client, head] = head + totals[client].to_bytes(4, "big")
        sock.sendto(replies[client, head], client)


def says_nothing(sock):
    """Reply to nobody."""
    for _ in _requests(sock):
        pass


def counts_first(sock):
    """Count each datagram, and only then see whether it is a copy, which gets the same reply."""
    replies, totals = {}, {}
    for client, head, size in _requests(sock):
        totals[client] = totals.get(client, 0) + size
        reply = head + totals[client].to_bytes(4, "big")
        sock.sendto(replies.setdefault((client, head), reply), client)


@hidden.check(
    "catches a meter that counts copies unseen",
    points=1,
    deadline=20.0,
    misconception="udp-once",
    said="A meter that counts a copy again is faulty also when the reply to the copy does not show "
    "it.",
)
async def catches_copies_that_are_counted_unseen(answer, draw, variant):
    await tells_apart(answer, counts_first, "counts a copy and sends the same reply again")


@hidden.check(
    "catches a meter that never replies",
    points=1,
    deadline=20.0,
    misconception="retry-for-ever",
    said="A request that stays without a reply in five tries is a fault, whatever the request is.",
)
async def catches_who_never_replies(answer, draw, variant):
    await tells_apart(answer, says_nothing, "replies to nobody")


async def tells_apart(answer, faulty, does):
    """Fail unless a right meter is spared and the faulty one found out."""
    with serve(keeps_all, name="suspect keeps_all", transport="udp") as suspect:
        assert_equal(
            await answer.call("find_fault", *suspect.address),
            None,
            said="a meter that remembers more than 100 requests keeps to the protocol",
            did="ran find_fault against a right meter",
        )
    with serve(faulty, name=f"suspect {faulty.__name__}", transport="udp") as suspect:
        said = await answer.call("find_fault", *suspect.address)
    assert_that(
        isinstance(said, str) and said.strip(),
        said="the faulty meter has to be found out",
        did=f"ran find_fault against a meter that {does}",
        expected="a sentence that says what is wrong",
        got=repr(said),
    )
